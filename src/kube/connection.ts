import { createHash } from 'node:crypto';
import type { AgentOptions, RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';

/** Where a request goes, with what headers, over which connections. */
export interface Connection {
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** More would only queue inside the API server's own fairness; watches hold one each. */
const maxConnections = 64;

/**
 * Connections to one API server, kept between requests. client-node authenticates (tokens that rotate, client certificates,
 * exec plug-ins) but makes a new agent, and so a new TLS connection, for each request; here one agent lives for as
 * long as the TLS material stays the same, and a rotated CA or client certificate makes the next one.
 */
export class ConnectionPool {
  readonly #config: KubeConfig;
  #dispatcher: Dispatcher | undefined;
  #fingerprint = '';

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  async connection(): Promise<Connection> {
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    const options: RequestOptions & { servername?: string } = {};
    // Reads the token and certificate files again where they are due: that is how rotation is noticed.
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {}))
      headers[name.toLowerCase()] = String(value).trim();
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return { server: cluster.server.replace(/\/+$/, ''), headers, dispatcher: this.#dispatcherFor(options) };
  }

  async close(): Promise<void> {
    const dispatcher = this.#dispatcher;
    this.#dispatcher = undefined;
    this.#fingerprint = '';
    await dispatcher?.destroy();
  }

  #dispatcherFor(options: RequestOptions & { servername?: string }): Dispatcher {
    const tls = tlsMaterial(options);
    const fingerprint = createHash('sha256').update(JSON.stringify(tls)).digest('hex');
    if (this.#dispatcher !== undefined && this.#fingerprint === fingerprint) return this.#dispatcher;
    // Requests under way, watches among them, end on the connections that they began on.
    this.#dispatcher?.close().catch(() => undefined);
    this.#dispatcher = createDispatcher(this.#config, tls);
    this.#fingerprint = fingerprint;
    return this.#dispatcher;
  }
}

function tlsMaterial(options: RequestOptions & { servername?: string }): AgentOptions {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const material = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return Object.fromEntries(
    Object.entries(material).filter(([, value]) => value !== undefined && value !== null),
  );
}

function createDispatcher(config: KubeConfig, tls: AgentOptions): Dispatcher {
  const options = config.createDispatcherOptions(config.getCurrentCluster(), tls);
  // Not HTTP/2: on one shared connection that went silent, the re-list that should notice it would hang as well.
  const shared = { connections: maxConnections, allowH2: false };
  switch (options.type) {
    case 'proxy':
      return new ProxyAgent({ ...shared, uri: options.uri, requestTls: options.requestTls as object });
    case 'agent':
      return new Agent({ ...shared, connect: options.connect as object });
    case 'none':
      return new Agent(shared);
    case 'socks':
      throw new Error('a SOCKS proxy to the API server is not supported');
  }
}
