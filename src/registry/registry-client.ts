import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { fingerprint } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { Answer, Request } from './exchange.ts';
import { statusFault } from './faults.ts';
import { MAX_WAIT_SECONDS, type Respites } from './respites.ts';
import type { Access, Send, Tokens } from './tokens.ts';

/** Milliseconds before the only repetition, with as much again by chance, so that many do not come back at once. */
const BACKOFF_MS = 50;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([502, 503, 504]);

export type Question = Omit<Request, 'origin' | 'host' | 'namespace' | 'body' | 'method'> & {
  readonly method: 'GET' | 'HEAD';
};

/** Whatever questions about one repository can be put to. */
export type AskedRegistry = Pick<RegistryClient, 'host' | 'endpoint' | 'ask'>;

type Attempt =
  | { readonly answer: Answer }
  | { readonly answer: undefined; readonly fault: Fault; readonly isPassing: boolean };

/** Asks one repository of a registry: with its credentials, by hand through redirects, once more after a passing failure. */
export class RegistryClient {
  readonly #access: Access;
  readonly #tokens: Tokens;
  readonly #send: Send;
  readonly #respites: Respites;
  /** By whom it is asked, as far as limits are counted. */
  readonly #account: string;
  #hasSignedIn = false;

  constructor(access: Access, tokens: Tokens, send: Send, respites: Respites) {
    this.#access = access;
    this.#tokens = tokens;
    this.#send = send;
    this.#respites = respites;
    this.#account = `${access.endpoint.key} ${fingerprint(access.credential)}`;
  }

  get host(): string {
    return this.#access.endpoint.host;
  }

  get endpoint(): Endpoint {
    return this.#access.endpoint;
  }

  /** Whether any request so far showed who is asking. */
  get hasSignedIn(): boolean {
    return this.#hasSignedIn;
  }

  /**
   * The answer with status 200, or with one of `others` (404 as a rule).
   * @throws Fault for every other status and failure; Refusal LIMIT for a body above its limit
   */
  async ask(question: Question, others: readonly number[], signal: AbortSignal): Promise<Answer> {
    this.#respites.check(this.#account, this.host);
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
      const wait = this.#respites.secondsOf(answer);
      const fault = statusFault(answer.status, this.host, this.#access.repository, wait);
      this.#respites.note(this.#account, fault);
      return { answer: undefined, fault, isPassing: isPassing(answer.status, fault.retryAfterSeconds) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // The token server has limits, too.
      this.#respites.note(this.#account, error);
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
    const { endpoint, namespace } = this.#access;
    let request: Request = { ...question, origin: endpoint.origin, host: endpoint.host, namespace };
    let isElsewhere = false;
    this.#hasSignedIn ||= authorization !== undefined;
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
  const isShort = waitSeconds !== undefined && waitSeconds <= MAX_WAIT_SECONDS;
  return status === 429 ? isShort : PASSING.has(status) && (waitSeconds === undefined || isShort);
}

async function pause(seconds: number, signal: AbortSignal, fault: Fault): Promise<void> {
  try {
    await sleep(Math.max(seconds * 1000, BACKOFF_MS * (1 + Math.random())), undefined, { signal });
  } catch {
    throw fault;
  }
}
