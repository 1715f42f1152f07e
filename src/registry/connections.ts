import type { BlockList, LookupFunction } from 'node:net';
import { Agent } from 'undici';
import { guardedConnector } from './address-guard.ts';
import type { Endpoint } from './endpoint.ts';
import { CoolDown } from './cool-down.ts';
import { exchange, type Answer, type ExchangeOptions, type Request } from './exchange.ts';

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
}

/** The connections to registries. Endpoints that are told apart by nothing but their host share one pool. */
export class Connections {
  readonly #options: ConnectionOptions & ExchangeOptions;
  readonly #agents = new Map<string, Agent>();

  constructor(options: ConnectionOptions) {
    this.#options = { ...options, coolDown: new CoolDown() };
  }

  /** Sends one request on behalf of an endpoint: with its CA, and its right to its own address. */
  send(endpoint: Endpoint, request: Request, signal: AbortSignal): Promise<Answer> {
    // Who stands in the settings is no stranger, and needs no proof that somebody is there.
    if (endpoint.isConfigured) this.#options.gate.prove(endpoint.host);
    return exchange(this.#agent(endpoint), request, this.#options, signal);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #agent(endpoint: Endpoint): Agent {
    // Hosts that only an image name brought up must not each leave an agent behind.
    const key = endpoint.isConfigured ? endpoint.key : '';
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const { forbidden, lookup, milliseconds, connectionsPerHost } = this.#options;
      agent = new Agent({
        connect: guardedConnector(endpoint, forbidden, {
          lookup,
          milliseconds: Math.min(CONNECT_MS, milliseconds + CONNECT_MARGIN_MS),
        }),
        connections: connectionsPerHost,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
      });
      this.#agents.set(key, agent);
    }
    return agent;
  }
}
