import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Answer, Request } from './exchange.ts';
import { statusFault } from './faults.ts';
import type { Access, Send, Tokens } from './tokens.ts';

/** Milliseconds before the only repetition, with as much again by chance, so that many do not come back at once. */
const BACKOFF_MS = 50;
/** A wait that a registry asks for is kept where it is this short (seconds); a longer one is for the caller to know. */
const MAX_RETRY_AFTER_SECONDS = 1;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([502, 503, 504]);

export type Question = Omit<Request, 'origin' | 'host' | 'body' | 'method'> & {
  readonly method: 'GET' | 'HEAD';
};

type Attempt =
  | { readonly answer: Answer }
  | { readonly answer: undefined; readonly fault: Fault; readonly isPassing: boolean };

/** Asks one repository of a registry: with its credentials, by hand through redirects, once more after a passing failure. */
export class RegistryClient {
  readonly #access: Access;
  readonly #tokens: Tokens;
  readonly #send: Send;

  constructor(access: Access, tokens: Tokens, send: Send) {
    this.#access = access;
    this.#tokens = tokens;
    this.#send = send;
  }

  get host(): string {
    return this.#access.endpoint.host;
  }

  get origin(): string {
    return this.#access.endpoint.origin;
  }

  /**
   * The answer with status 200, or with one of `others` (404 as a rule).
   * @throws Fault for every other status and failure; Refusal LIMIT for a body above its limit
   */
  async ask(question: Question, others: readonly number[], signal: AbortSignal): Promise<Answer> {
    const first = await this.#attempt(question, others, signal);
    if (first.answer !== undefined) return first.answer;
    if (!first.isPassing || signal.aborted) throw first.fault;
    await pause(first.fault.retryAfterSeconds ?? 0, signal, first.fault);
    const second = await this.#attempt(question, others, signal);
    if (second.answer === undefined) throw second.fault;
    return second.answer;
  }

  async #attempt(question: Question, others: readonly number[], signal: AbortSignal): Promise<Attempt> {
    try {
      const answer = await this.#authorized(question, signal);
      if (answer.status === 200 || others.includes(answer.status)) return { answer };
      const fault = statusFault(answer.status, this.host, this.#access.repository, retryAfter(answer));
      return { answer: undefined, fault, isPassing: isPassing(answer.status, fault.retryAfterSeconds) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // Reset, refused or broken off half-way: every question is safe to repeat.
      return { answer: undefined, fault: error, isPassing: error.code === 'REGISTRY_UNREACHABLE' };
    }
  }

  async #authorized(question: Question, signal: AbortSignal): Promise<Answer> {
    const sent = await this.#tokens.known(this.#access, signal);
    const first = await this.#redirected(question, sent, signal);
    if (first.answer.status !== 401) return first.answer;
    // Only the registry itself may ask who we are; where it redirected to may not.
    if (first.isElsewhere) throw statusFault(401, this.host, this.#access.repository);
    const better = await this.#tokens.challenged(
      this.#access,
      first.answer.joined('www-authenticate'),
      sent,
      signal,
    );
    if (better === undefined) throw statusFault(401, this.host, this.#access.repository);
    return (await this.#redirected(question, better, signal)).answer;
  }

  async #redirected(question: Question, authorization: string | undefined, signal: AbortSignal) {
    const { endpoint } = this.#access;
    let request: Request = { ...question, origin: endpoint.origin, host: endpoint.host };
    let isElsewhere = false;
    for (let redirects = 0; redirects <= LIMITS.redirects; redirects += 1) {
      // Once elsewhere, never again: a way back through another origin is not the registry's own way.
      const headers = {
        ...question.headers,
        ...(!isElsewhere && authorization !== undefined && { authorization }),
      };
      const answer = await this.#send(endpoint, { ...request, headers }, signal);
      if (!REDIRECTS.has(answer.status)) return { answer, isElsewhere };
      const target = this.#target(answer.header('location'), request);
      isElsewhere ||= target.origin !== endpoint.origin;
      request = { ...request, origin: target.origin, path: `${target.pathname}${target.search}` };
    }
    throw new Fault('REGISTRY_ERROR', `registry ${this.host} redirects more than ${LIMITS.redirects} times`);
  }

  #target(location: string | undefined, from: Request): URL {
    const { endpoint } = this.#access;
    const target = location === undefined ? null : URL.parse(location, `${from.origin}${from.path}`);
    if (
      target === null ||
      !/^https?:$/.test(target.protocol) ||
      target.username !== '' ||
      target.password !== ''
    ) {
      throw new Fault(
        'REGISTRY_ERROR',
        `registry ${this.host} redirects to something that is no http address`,
      );
    }
    if (target.protocol === 'http:' && target.origin !== endpoint.origin) {
      throw new Fault(
        'REGISTRY_TLS',
        `registry ${this.host} redirects to plain http, which is not allowed there`,
      );
    }
    return target;
  }
}

function isPassing(status: number, waitSeconds: number | undefined): boolean {
  const isShort = waitSeconds !== undefined && waitSeconds <= MAX_RETRY_AFTER_SECONDS;
  return status === 429 ? isShort : PASSING.has(status) && (waitSeconds === undefined || isShort);
}

/** Seconds form only: the date form says nothing that a single repetition could use. */
function retryAfter(answer: Answer): number | undefined {
  const value = answer.header('retry-after') ?? '';
  return /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

async function pause(seconds: number, signal: AbortSignal, fault: Fault): Promise<void> {
  try {
    await sleep(Math.max(seconds * 1000, BACKOFF_MS * (1 + Math.random())), undefined, { signal });
  } catch {
    throw fault;
  }
}
