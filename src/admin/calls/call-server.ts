import { asError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { AccessQuestion, Caller } from '../caller.ts';
import { ApiProblem } from '../problem.ts';
import { problemOf } from '../problem-of.ts';
import type { ApiAnswer, Route } from '../route.ts';
import type { CallAuthor, CallRequest, FromDecider, ToDecider } from './messages.ts';

export interface CallServerOptions {
  readonly routes: readonly Route[];
  /** What somebody may do. @throws ApiProblem UNAVAILABLE when nobody can tell */
  readonly may: (author: CallAuthor, question: AccessQuestion, signal: AbortSignal) => Promise<boolean>;
  readonly post: (message: FromDecider) => void;
  readonly logger: Logger;
}

interface Call {
  readonly aborting: AbortController;
  pieces: AsyncIterator<string> | undefined;
}

/** The side of the thread that decides: does what the page's thread hands over. The other side has checked its shape, and who asks. */
export class CallServer {
  readonly #options: CallServerOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #calls = new Map<number, Call>();

  constructor(options: CallServerOptions) {
    this.#options = options;
    this.#routes = new Map(options.routes.map((route) => [route.operationId, route]));
  }

  take(message: ToDecider): void {
    switch (message.kind) {
      case 'call':
        void this.#run(message.id, message.operation, message.request);
        return;
      case 'next':
        void this.#next(message.id);
        return;
      case 'abort':
        this.#abort(message.id);
    }
  }

  /** The other side is gone: nobody waits for anything any more. */
  abandon(): void {
    for (const id of this.#calls.keys()) this.#abort(id);
  }

  async #run(id: number, operation: string, request: CallRequest): Promise<void> {
    const call: Call = { aborting: new AbortController(), pieces: undefined };
    this.#calls.set(id, call);
    try {
      const route = this.#routes.get(operation);
      if (route === undefined) throw new Error(`there is no operation ${operation} here`);
      const answer = await route.handle(this.#requestOf(request, call.aborting.signal));
      if (this.#calls.get(id) === call) this.#answer(id, call, answer);
    } catch (error) {
      this.#fail(id, call, operation, error);
    }
  }

  #requestOf({ author, ...parts }: CallRequest, signal: AbortSignal) {
    const { may } = this.#options;
    const caller: Caller | undefined = author && {
      name: author.name,
      token: author.token,
      ...(author.groups !== undefined && { groups: author.groups }),
      may: (question) => may(author, question, signal),
    };
    // Sessions are the other thread's.
    return { ...parts, caller, signal, session: undefined };
  }

  #answer(id: number, call: Call, answer: ApiAnswer): void {
    const { post } = this.#options;
    if (!('stream' in answer)) {
      // First, for one that cannot be copied is a defect that has to be told of as well.
      post({ kind: 'answer', id, answer });
      this.#calls.delete(id);
      return;
    }
    const { stream, ...head } = answer;
    call.pieces = stream[Symbol.asyncIterator]();
    post({ kind: 'stream', id, answer: head });
  }

  async #next(id: number): Promise<void> {
    const call = this.#calls.get(id);
    if (call?.pieces === undefined) return;
    try {
      const { done, value } = await call.pieces.next();
      if (this.#calls.get(id) !== call) return;
      if (done !== true) {
        this.#options.post({ kind: 'piece', id, text: value });
        return;
      }
      this.#calls.delete(id);
      this.#options.post({ kind: 'end', id });
    } catch (error) {
      this.#fail(id, call, 'a stream', error);
    }
  }

  #fail(id: number, call: Call, operation: string, error: unknown): void {
    if (this.#calls.get(id) !== call) return;
    this.#calls.delete(id);
    const { post, logger } = this.#options;
    const known = problemOf(error);
    if (known === undefined) logger.error({ err: asError(error), operation }, DEFECT);
    const { code, message, errors, retryAfter } = known ?? new ApiProblem('INTERNAL', INTERNAL);
    post({ kind: 'problem', id, problem: { code, detail: message, errors, retryAfter } });
  }

  #abort(id: number): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.aborting.abort(new DOMException('nobody waits for the answer any more', 'AbortError'));
    call?.pieces?.return?.().catch(() => undefined);
  }
}

const DEFECT = 'a request of the admin API ended in a defect';
const INTERNAL = 'Something went wrong in Countersign; its log says more.';
