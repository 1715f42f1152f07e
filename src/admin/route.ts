import type * as z from 'zod';
import type { Kind } from '../api/envelope.ts';
import type { Caller } from './caller.ts';
import type { ProblemCode } from './problem.ts';

/** One operation of the API: everything that `openapi.ts` describes and `api.ts` checks before `handle` is called. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Below `/api/v1`, with `{name}` for what varies. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'session' | 'resources' | 'keys' | 'verify' | 'history' | 'status';
  readonly summary: string;
  readonly description?: string;
  /** `anyone`: also who is not signed in. */
  readonly access: 'anyone' | 'signed-in';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Lower-case names. Only what is named here is handed on. */
  readonly headers?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly types: readonly BodyType[]; readonly limit: number };
  /** Statuses of success and what they come with; every status that `handle` returns stands here. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Beside those that every operation may end in (see `openapi.ts`). */
  readonly problems: readonly ProblemCode[];
  /** What the caller has to wait in line for: signing in and what reaches out are slower than the rest. */
  readonly rate?: 'sign-in' | 'outbound' | undefined;
  readonly handle: (request: ApiRequest) => Promise<ApiAnswer>;
  /** What it changes, and how: one that is refused leaves a line in the log. */
  readonly change?: { readonly kind: Kind; readonly action: string } | undefined;
}

/** YAML is read under the guard that policy files are. */
export type BodyType = 'application/json' | 'application/yaml';

export interface AnswerDescription {
  readonly description: string;
  /** Absent = no body. */
  readonly schema?: z.ZodType;
  /** `application/json` unless told. Several: each is a text of its own. */
  readonly types?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request whose parts have the shapes of the route's schemas. */
export interface ApiRequest<P = unknown, Q = unknown, B = unknown, H = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly body: B;
  /** Undefined only where the route's access is `anyone`. */
  readonly caller: Caller | undefined;
  readonly address: string;
  /** Aborts when the client is gone, or the request's time is over. */
  readonly signal: AbortSignal;
  /** Of the session that the request came with, for the routes of the session itself. */
  readonly session: string | undefined;
}

export type ApiAnswer = PlainAnswer | StreamAnswer;

export interface PlainAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Set-Cookie`, made by `cookies.ts`. */
  readonly cookies?: readonly string[];
}

/** Written piece by piece; ends with the signal. */
export interface StreamAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream: AsyncIterable<string>;
}

type OutputOf<S> = S extends z.ZodType ? z.output<S> : undefined;

/** Ties the shapes of a route's parts to its handler. */
export function route<
  const P extends z.ZodObject | undefined = undefined,
  const Q extends z.ZodObject | undefined = undefined,
  const H extends z.ZodObject | undefined = undefined,
  const B extends z.ZodType | undefined = undefined,
>(
  definition: Omit<Route, 'params' | 'query' | 'headers' | 'body' | 'handle'> & {
    readonly params?: P;
    readonly query?: Q;
    readonly headers?: H;
    readonly body?: { readonly schema: B; readonly types: readonly BodyType[]; readonly limit: number };
    readonly handle: (
      request: ApiRequest<OutputOf<P>, OutputOf<Q>, OutputOf<B>, OutputOf<H>>,
    ) => Promise<ApiAnswer>;
  },
): Route {
  return definition as unknown as Route;
}
