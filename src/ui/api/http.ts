import { ApiError, problemOf } from './problem.ts';

const BASE = '/api/v1';

/** What a session needs beside its cookie; kept in memory only. */
let csrfToken: string | undefined;
let onSignedOut: () => void = () => undefined;

export function keepCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Called when the server no longer knows who is asking. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  /** `resourceVersion` as it was seen. */
  readonly version?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Path and query of an operation, for links too. */
export function urlOf(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
  );
  const text = new URLSearchParams(given).toString();
  return `${BASE}${path}${text === '' ? '' : `?${text}`}`;
}

/** One name inside a path. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}

/** @throws ApiError */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== '/session') onSignedOut();
    throw problemOf(response.status, text);
  }
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export function get<T>(path: string, options: Omit<CallOptions, 'body'> = {}): Promise<T> {
  return call<T>('GET', path, options);
}

async function send(
  method: Method,
  path: string,
  { query, body, version, signal }: CallOptions,
): Promise<Response> {
  try {
    return await fetch(urlOf(path, query), {
      method,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(version !== undefined && { 'if-match': `"${version}"` }),
        ...(method !== 'GET' && csrfToken !== undefined && { 'x-csrf-token': csrfToken }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(
      'UNREACHABLE',
      0,
      'Countersign does not answer',
      'The connection to the server failed. The page tries again by itself.',
    );
  }
}
