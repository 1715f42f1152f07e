import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, type buildConnector, type Dispatcher } from 'undici';
import { keyFault } from './key-fault.ts';
import type { KeySettings } from './settings.ts';

/** Milliseconds for a connection, TLS included. */
const CONNECT_MS = 5000;
/** A key is read every few minutes: nothing is gained by waiting for the next time. */
const KEEP_ALIVE_MS = 10_000;
/** To one server at once. */
const CONNECTIONS = 4;

/** The connections to key stores: one pool for each set of authorities. */
export class KeyConnections {
  readonly #proxy: KeySettings['proxy'];
  readonly #connect: buildConnector.connector | undefined;
  readonly #pools = new Map<string | undefined, Dispatcher>();

  constructor(proxy: KeySettings['proxy'], connect?: buildConnector.connector) {
    this.#proxy = proxy;
    this.#connect = connect;
  }

  /**
   * @param caFile PEM certificates to trust beside the system's
   * @throws Fault KEY_UNAVAILABLE when that file cannot be used
   */
  trusting(caFile?: string): Dispatcher {
    let pool = this.#pools.get(caFile);
    if (pool === undefined) {
      pool = this.#pool(caFile === undefined ? undefined : [...getCACertificates('default'), readCa(caFile)]);
      this.#pools.set(caFile, pool);
    }
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #pool(ca: string[] | undefined): Dispatcher {
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
    if (this.#proxy === undefined) return new Agent(options);
    const { https = '', http = '', no = '' } = this.#proxy;
    // Empty texts rather than nothing: the environment is read by the settings, and nowhere else.
    return new EnvHttpProxyAgent({
      ...options,
      requestTls: tls,
      proxyTls: tls,
      httpsProxy: https,
      httpProxy: http,
      noProxy: no,
    });
  }
}

function readCa(file: string): string {
  try {
    const pem = readFileSync(file, 'utf8');
    createSecureContext({ ca: pem });
    return pem;
  } catch (error) {
    throw keyFault(`the authorities in ${file} cannot be used; check that it holds PEM certificates`, error);
  }
}
