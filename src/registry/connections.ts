import type { BlockList, LookupFunction } from 'node:net';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { guardedConnector, tlsOptions } from './address-guard.ts';
import type { Endpoint } from './endpoint.ts';
import { CoolDown } from './cool-down.ts';
import { exchange, type Answer, type ExchangeOptions, type Request } from './exchange.ts';
import type { Proxies } from './proxies.ts';

/** How long an idle connection is kept (milliseconds): as long as images of one rollout follow each other. */
const KEEP_ALIVE_MS = 30_000;

/** Milliseconds for a connection, TLS included: time for one lost packet, but no time to hold a place for nobody. */
const CONNECT_MS = 3000;

/** A connection outlives the request that wanted it by this much, and no longer: the next one may use it. */
const CONNECT_MARGIN_MS = 1000;

export interface ConnectionOptions extends Omit<ExchangeOptions, 'coolDown'> {
  readonly forbidden: BlockList;
  readonly lookup: LookupFunction | undefined;
  readonly connectionsPerHost: number;
  readonly proxies: Proxies;
}

/** The connections to registries. Endpoints that are told apart by nothing but their host share one pool. */
export class Connections {
  readonly #options: ConnectionOptions & ExchangeOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(options: ConnectionOptions) {
    this.#options = { ...options, coolDown: new CoolDown() };
  }

  /** Sends one request on behalf of an endpoint: with its CA, and its right to its own address. */
  async send(endpoint: Endpoint, request: Request, signal: AbortSignal): Promise<Answer> {
    const proxy = this.#options.proxies.for(endpoint, request.origin);
    // Who stands in the settings is no stranger, and needs no proof that somebody is there.
    if (endpoint.isConfigured) this.#options.gate.introduce(endpoint.host);
    const route = { dispatcher: this.#dispatcher(endpoint, proxy), isProxied: proxy !== undefined };
    return exchange(route, request, this.#options, signal);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
  }

  #dispatcher(endpoint: Endpoint, proxy: URL | undefined): Dispatcher {
    const key = `${endpoint.isConfigured ? reachOf(endpoint) : ''} ${proxy?.href ?? ''}`;
    const dispatcher =
      this.#dispatchers.get(key) ??
      (proxy === undefined ? this.#directly(endpoint) : this.#through(proxy, endpoint));
    this.#dispatchers.set(key, dispatcher);
    return dispatcher;
  }

  #directly(endpoint: Endpoint): Dispatcher {
    const { forbidden, lookup } = this.#options;
    return new Agent({
      ...this.#common(),
      connect: guardedConnector(endpoint, forbidden, { lookup, milliseconds: this.#connectMilliseconds() }),
    });
  }

  // The proxy's credentials are in its URL, and go to it alone: undici refuses them in a request's own headers.
  #through(proxy: URL, endpoint: Endpoint): Dispatcher {
    const timeout = this.#connectMilliseconds();
    return new ProxyAgent({
      ...this.#common(),
      uri: proxy.href,
      proxyTls: { ...tlsOptions(undefined), timeout },
      requestTls: { ...tlsOptions(endpoint.caPem), timeout },
    });
  }

  #common() {
    return {
      allowH2: false,
      connections: this.#options.connectionsPerHost,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
    };
  }

  #connectMilliseconds(): number {
    return Math.min(CONNECT_MS, this.#options.milliseconds + CONNECT_MARGIN_MS);
  }
}

/**
 * All that tells connections of endpoints apart. Not an endpoint's key: hosts that only image names brought up must not each
 * leave an agent behind, and where containerd's `_default` names a mirror, each has one with a key of its own.
 */
function reachOf({ origin, ownAddresses, tokenRealm, caPem }: Endpoint): string {
  return JSON.stringify([origin, ownAddresses, tokenRealm, caPem]);
}
