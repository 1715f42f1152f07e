import { ApiProblem } from '../problem.ts';
import type { ApiAnswer, ApiRequest, Route } from '../route.ts';
import type { CallProblem, FromDecider, ToDecider } from './messages.ts';

interface Waiting {
  readonly resolve: (message: FromDecider) => void;
  readonly reject: (error: unknown) => void;
}

/** The side of the thread that takes requests: hands them over, and the answers back. */
export class CallClient {
  readonly #post: (message: ToDecider) => void;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(post: (message: ToDecider) => void) {
    this.#post = post;
  }

  /** The same operation, handled by the other thread. */
  remote(route: Route): Route {
    return { ...route, handle: (request) => this.#call(route.operationId, request) };
  }

  /** What the other side says. */
  take(message: FromDecider): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    waiting?.resolve(message);
  }

  async #call(operation: string, request: ApiRequest): Promise<ApiAnswer> {
    const { params, query, headers, body, address, caller, signal } = request;
    signal.throwIfAborted();
    this.#last += 1;
    const id = this.#last;
    const author = caller && { name: caller.name, groups: caller.groups, token: caller.token };
    const leave = this.#abortWith(id, signal);
    let isStream = false;
    try {
      const answer = await this.#ask({
        kind: 'call',
        id,
        operation,
        request: { params, query, headers, body, address, author },
      });
      if (answer.kind === 'answer') return answer.answer;
      if (answer.kind !== 'stream') throw unexpected(answer);
      isStream = true;
      return { ...answer.answer, stream: this.#pieces(id, signal, leave) };
    } finally {
      if (!isStream) leave();
    }
  }

  /** @param leave called when there is no more, or nobody reads on */
  async *#pieces(id: number, signal: AbortSignal, leave: () => void): AsyncGenerator<string, void> {
    let isOver = false;
    try {
      for (;;) {
        const piece = await this.#ask({ kind: 'next', id });
        if (piece.kind !== 'piece') {
          isOver = true;
          if (piece.kind === 'end') return;
          throw unexpected(piece);
        }
        yield piece.text;
      }
    } catch (error) {
      // A stream ends with its signal, and that is no error.
      if (!signal.aborted) throw error;
    } finally {
      leave();
      if (!isOver) this.#post({ kind: 'abort', id });
    }
  }

  #ask(message: ToDecider): Promise<FromDecider> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { resolve, reject });
      try {
        this.#post(message);
      } catch (error) {
        this.#waiting.delete(message.id);
        reject(error);
      }
    });
  }

  /** @returns how to stop listening */
  #abortWith(id: number, signal: AbortSignal): () => void {
    const abort = (): void => {
      this.#post({ kind: 'abort', id });
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  }
}

function unexpected(message: FromDecider): Error {
  if (message.kind !== 'problem') return new Error(`"${message.kind}" is no answer to this`);
  return problemFrom(message.problem);
}

function problemFrom({ code, detail, errors, retryAfter }: CallProblem): ApiProblem {
  return new ApiProblem(code, detail, { errors, ...(retryAfter !== undefined && { retryAfter }) });
}
