import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent, ProxyAgent, type buildConnector, type Dispatcher } from 'undici';
import { checkedAuthorities } from '../../sigstore/pem.ts';
import { keyFault } from './key-fault.ts';
import type { KeySettings } from './settings.ts';

/** Milliseconds for a connection, TLS included. */
const CONNECT_MS = 5000;
/** A key is read every few minutes: nothing is gained by waiting for the next time. */
const KEEP_ALIVE_MS = 10_000;
/** To one server at once. */
const CONNECTIONS = 4;

/** The connections to key stores: one pool for each set of authorities and way out. */
export class KeyConnections {
  readonly #proxy: KeySettings['proxy'];
  readonly #connect: buildConnector.connector | undefined;
  readonly #pools = new Map<string, Dispatcher>();

  constructor(proxy: KeySettings['proxy'], connect?: buildConnector.connector) {
    this.#proxy = proxy;
    this.#connect = connect;
  }

  /**
   * @param target where the request goes: what is reached without the proxy is never shown to it
   * @param caFile PEM certificates to trust beside the system's
   * @throws Fault KEY_UNAVAILABLE when that file cannot be used
   */
  trusting(target: URL, caFile?: string): Dispatcher {
    const proxy = this.#proxyFor(target);
    const key = JSON.stringify([proxy, caFile]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const ca = caFile === undefined ? undefined : [...getCACertificates('default'), readCa(caFile)];
      pool = this.#pool(proxy, ca);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #proxyFor(target: URL): string | undefined {
    if (this.#proxy === undefined || this.#proxy.isDirect(target)) return undefined;
    return target.protocol === 'https:' ? this.#proxy.https : this.#proxy.http;
  }

  #pool(proxy: string | undefined, ca: string[] | undefined): Dispatcher {
    const tls = {
      secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }),
      // Said aloud, so that no environment variable can switch it off.
      rejectUnauthorized: true,
      timeout: CONNECT_MS,
    };
    const options = {
      connect: this.#connect ?? tls,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connections: CONNECTIONS,
    };
    if (proxy === undefined) return new Agent(options);
    return new ProxyAgent({ ...options, uri: proxy, requestTls: tls, proxyTls: tls });
  }
}

function readCa(file: string): string {
  try {
    return checkedAuthorities(readFileSync(file, 'utf8'), file);
  } catch (error) {
    throw keyFault(`the authorities in ${file} cannot be used; check that it holds PEM certificates`, error);
  }
}
