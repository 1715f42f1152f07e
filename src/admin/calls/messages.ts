import type { Author } from '../../store/resource-desk.ts';
import type { ProblemCode, FieldProblem } from '../problem.ts';
import type { ApiRequest, PlainAnswer, StreamAnswer } from '../route.ts';

/**
 * What the thread of the admin page and the thread that decides say to each other. The page's thread takes requests; what only the
 * other one knows, or may do, it asks for, one call for each request, by the operation's id.
 */
export type ToDecider =
  | { readonly kind: 'call'; readonly id: number; readonly operation: string; readonly request: CallRequest }
  /** The next piece of the stream that a call was answered with. */
  | { readonly kind: 'next'; readonly id: number }
  /** Nobody waits for it any more. */
  | { readonly kind: 'abort'; readonly id: number };

export type FromDecider =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: PlainAnswer }
  | { readonly kind: 'stream'; readonly id: number; readonly answer: Omit<StreamAnswer, 'stream'> }
  | { readonly kind: 'piece'; readonly id: number; readonly text: string }
  /** Of the stream. */
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'problem'; readonly id: number; readonly problem: CallProblem };

/** What of a request can be copied. Its signal is told of by `abort`; the caller's rights are asked for on the other side. */
export interface CallRequest extends Pick<ApiRequest, 'params' | 'query' | 'headers' | 'body' | 'address'> {
  readonly author: CallAuthor | undefined;
}

export interface CallAuthor extends Author {
  readonly groups: readonly string[] | undefined;
}

/** What an ApiProblem is made of. */
export interface CallProblem {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
  readonly retryAfter: number | undefined;
}
