import type { IncomingMessage } from 'node:http';
import { askForBody } from './expect-continue.ts';

/** Bytes that all bodies on their way in may hold together: what a flood can make the process keep. */
export class BodyBudget {
  readonly #capacity: number;
  #held = 0;

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > this.#capacity) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}

export type Body =
  | { readonly kind: 'read'; readonly bytes: Uint8Array; release(): void }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'no-room' }
  | { readonly kind: 'cut-off' };

/**
 * Reads a body of at most `limit` bytes, whatever `Content-Length` says. The caller releases what was read once the review
 * is answered.
 */
export async function readBody(request: IncomingMessage, limit: number, budget: BodyBudget): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return { kind: 'too-large' };
  askForBody(request);
  const chunks: Buffer[] = [];
  let length = 0;
  const give = (body: Body): Body => {
    budget.release(length);
    return body;
  };
  try {
    // Leaving the loop must not destroy the connection that the refusal is written to.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (length + chunk.length > limit) return give({ kind: 'too-large' });
      if (!budget.take(chunk.length)) return give({ kind: 'no-room' });
      length += chunk.length;
      chunks.push(chunk);
    }
  } catch {
    return give({ kind: 'cut-off' }); // the client went away: nobody is there to read an answer
  }
  return { kind: 'read', bytes: Buffer.concat(chunks, length), release: () => budget.release(length) };
}
