import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { checkedAuthorities } from '../../sigstore/pem.ts';
import { RepositoryProblem, type RepositoryFiles } from './repository-files.ts';
import { requestProblem } from './request-problem.ts';
import type { TrustRootSettings } from './settings.ts';

/** Milliseconds for a connection, TLS included. */
const CONNECT_MS = 10_000;
/** Milliseconds for one file: the largest has a few KB. */
const REQUEST_MS = 20_000;
/** A mirror is asked a handful of times in six hours. */
const KEEP_ALIVE_MS = 10_000;

/** The connections to all mirrors, by the protocol of their URLs: each may have a proxy of its own. */
export interface MirrorConnections {
  readonly http: Dispatcher;
  readonly https: Dispatcher;
}

/** @throws Error for a file of certificates that cannot be read */
export function mirrorConnections({ caFile, proxy }: TrustRootSettings): MirrorConnections {
  const ca =
    caFile === undefined
      ? undefined
      : [...getCACertificates('default'), checkedAuthorities(readFileSync(caFile, 'utf8'), caFile)];
  const tls = {
    secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }),
    // Said aloud, so that no environment variable can switch it off.
    rejectUnauthorized: true,
    timeout: CONNECT_MS,
  };
  const options = { connect: tls, keepAliveTimeout: KEEP_ALIVE_MS, connections: 2 };
  const through = (url: string | undefined): Dispatcher =>
    url === undefined
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          requestTls: tls,
          proxyTls: tls,
          httpProxy: url,
          httpsProxy: url,
          // An empty text rather than nothing: the environment is read by the settings, and nowhere else.
          noProxy: proxy?.no ?? '',
        });
  return { http: through(proxy?.http), https: through(proxy?.https) };
}

export async function closeConnections({ http, https }: MirrorConnections): Promise<void> {
  await Promise.all([http.destroy(), https.destroy()]);
}

/** @throws RepositoryProblem for a URL that must not be asked */
export function mirrorUrl(written: string, plainHttpHosts: readonly string[] = []): URL {
  const url = URL.parse(written);
  if (url === null) throw new RepositoryProblem('its URL is not a URL');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new RepositoryProblem(
      'its URL has a user, a query or a fragment, and must be https://host/path alone',
    );
  }
  const isPlain = url.protocol === 'http:' && (isLoopback(url.hostname) || plainHttpHosts.includes(url.host));
  if (url.protocol !== 'https:' && !isPlain) {
    throw new RepositoryProblem(
      'its URL is not https; for plain http, list its host and port in trustRoots.plainHttpHosts',
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

/** A repository that is served over HTTP. Nothing but GET is sent: no credentials, and no redirect is followed. */
export class Mirror implements RepositoryFiles {
  readonly #base: URL;
  readonly #connections: Dispatcher;

  constructor(base: URL, { http, https }: MirrorConnections) {
    this.#base = base;
    this.#connections = base.protocol === 'https:' ? https : http;
  }

  async read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]);
    try {
      return await this.#get(path, maxBytes, limited);
    } catch (error) {
      if (error instanceof RepositoryProblem) throw error;
      throw requestProblem(error, path, limited);
    }
  }

  async #get(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { statusCode, headers, body } = await this.#connections.request({
      origin: this.#base.origin,
      path: `${this.#base.pathname}${path}`,
      method: 'GET',
      headers: { 'accept-encoding': 'identity', 'user-agent': 'countersign' },
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // A body that is given up tells so by an event, which would end the process if nobody listened.
    body.on('error', () => {});
    try {
      // The specification's way to say that there is no newer root; object stores say 403 for what they do not have.
      if (statusCode === 404 || statusCode === 403) return undefined;
      if (statusCode !== 200)
        throw new RepositoryProblem(`its server answered ${statusCode} where ${path} should be`);
      if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
        throw new RepositoryProblem(`its server compressed ${path} although it was asked not to`);
      }
      return await readAtMost(body, maxBytes, path);
    } finally {
      body.destroy();
    }
  }
}

async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  path: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > maxBytes) throw new RepositoryProblem(`${path} is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}
