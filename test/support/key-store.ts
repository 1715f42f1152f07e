import { createServer as createHttp, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import { createSelfSigned } from '../../src/tls/self-signed.ts';

/** A request that a key store was asked with. */
export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface StoreAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, anything else as JSON; a stream of it never ends where it is `endless`. */
  readonly body?: unknown;
  readonly endless?: boolean;
}

export type Answering = (request: AskedRequest) => StoreAnswer | undefined | Promise<StoreAnswer | undefined>;

/** A server of the tests' own that stands where a vendor's would: it says what a test tells it to. */
export interface KeyStoreServer {
  readonly port: number;
  readonly url: string;
  readonly requests: readonly AskedRequest[];
  /** PEM of what clients must trust; undefined for plain http. */
  readonly ca: string | undefined;
  /** Leads every connection here, whatever the name; the certificate has the names given at the start. */
  readonly connect: buildConnector.connector;
  stop(): Promise<void>;
}

/**
 * @param answering undefined = no answer at all, and the connection stays open
 * @param tlsNames serves https with a certificate for these names; plain http without
 */
export async function startKeyStore(
  answering: Answering,
  tlsNames?: readonly [string, ...string[]],
): Promise<KeyStoreServer> {
  const requests: AskedRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const { method = '', url: path = '', headers } = request;
      const asked = { method, path, headers, body: Buffer.concat(chunks).toString() };
      requests.push(asked);
      const answer = await answering(asked);
      if (answer === undefined) return;
      const { status = 200, body = '', endless = false } = answer;
      response.writeHead(status, { 'content-type': 'application/json', ...answer.headers });
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      if (endless) response.write(text);
      else response.end(text);
    });
  };
  const tls = tlsNames && serverCertificate(tlsNames);
  const server =
    tls === undefined ? createHttp(listener) : createHttps({ cert: tls.certPem, key: tls.keyPem }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    ca: tls?.caPem,
    connect: connectTo(port, tls?.caPem),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function connectTo(port: number, ca: string | undefined): buildConnector.connector {
  const connect = buildConnector({ ...(ca !== undefined && { ca }), rejectUnauthorized: true });
  return (options, callback) =>
    connect(
      { ...options, hostname: '127.0.0.1', port: String(port), servername: options.hostname },
      callback,
    );
}

/** For a server of a test, with its authority. */
export function serverCertificate(names: readonly [string, ...string[]]) {
  const hour = 3_600_000;
  return createSelfSigned({ names, notBefore: Date.now() - hour, notAfter: Date.now() + 24 * hour });
}
