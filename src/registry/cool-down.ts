import { LRUCache } from 'lru-cache';
import type { Fault } from '../errors.ts';
import type { Request } from './exchange.ts';
import { codeOf } from './faults.ts';

/** How long a server at which no connection came about is not tried again (milliseconds). */
const COOL_DOWN_MS = 5000;
/** Slow ways of not being there. A refused connection costs nothing, and may be a restart: it is tried again. */
const NOBODY = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT', 'EHOSTUNREACH']);

/**
 * Servers that let a connection time out: for a moment they get the same fault at once, and no place. Kept by registry
 * and origin, because a redirect leads from one to another.
 */
export class CoolDown {
  readonly #faults = new LRUCache<string, Fault>({ max: 4096, ttl: COOL_DOWN_MS });

  /** @throws Fault the same as before */
  check(host: string, origin: string): void {
    const fault = this.#faults.get(`${host} ${origin}`);
    if (fault !== undefined) throw fault;
  }

  /** @param error what the request threw, and the fault that was made of it */
  failed({ host, origin }: Request, error: unknown, fault: Fault): void {
    const causes = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
    if (causes.some((cause) => NOBODY.has(codeOf(cause)))) this.#faults.set(`${host} ${origin}`, fault);
  }
}
