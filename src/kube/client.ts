import type { KubeConfig } from '@kubernetes/client-node';
import { request as send, type Dispatcher } from 'undici';
import { ConnectionPool } from './connection.ts';
import {
  isRecord,
  parseList,
  parseObject,
  pathOf,
  type KubeList,
  type KubeObject,
  type ResourcePath,
} from './object.ts';

/** The API server answered, and not with success. */
export class KubeApiError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** `metav1.Status.reason`: `NotFound`, `Conflict`, `Expired`. */
  readonly reason: string | undefined;
  /** `metav1.Status.message`, for the one who asked: the API server's own sentence, at most 1,024 characters. */
  readonly said: string | undefined;
  /** `metav1.Status.details.causes`: what is wrong with which field. */
  readonly causes: readonly StatusCause[];

  constructor(
    status: number,
    reason: string | undefined,
    message: string,
    details: { said?: string | undefined; causes?: readonly StatusCause[] } = {},
  ) {
    super(message);
    this.name = 'KubeApiError';
    this.status = status;
    this.reason = reason;
    this.said = details.said;
    this.causes = details.causes ?? [];
  }
}

/** One of `metav1.StatusCause`. */
export interface StatusCause {
  readonly field: string;
  readonly message: string;
}

/** A body was longer than its reader wants to hold. */
export class TooLargeError extends Error {
  constructor(limit: number) {
    super(`the API server's answer is longer than ${limit} bytes`);
    this.name = 'TooLargeError';
  }
}

/** One object is at most 3 MiB in the API server; a page of a list is cut smaller when it does not fit. */
const maxBodyBytes = 32 * 1024 * 1024;
const maxLineBytes = 8 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
/** Of one ordinary request, milliseconds: client-go's own default for webhooks and well under any watch's silence. */
const requestTimeout = 15_000;

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly signal?: AbortSignal;
  /** A bearer token for this request, in the place of the client's own credentials. A client certificate would still count: see `CallerClient`. */
  readonly token?: string;
  /** Called with each `Warning:` of the answer, such as those of admission policies; without its quotes. */
  readonly onWarning?: (text: string) => void;
}

/** What a deletion depends on (`metav1.Preconditions`). */
export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

interface SendOptions extends RequestOptions {
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The few verbs of the API server that are used here. Every method throws KubeApiError for an answer that is not a success. */
export class KubeClient {
  readonly #pool: ConnectionPool;
  /** Milliseconds for one request that is not a watch. */
  readonly #timeout: number;

  readonly #maxBodyBytes: number;

  constructor(config: KubeConfig, options: { timeout?: number; maxBodyBytes?: number } = {}) {
    this.#pool = new ConnectionPool(config);
    this.#timeout = options.timeout ?? requestTimeout;
    this.#maxBodyBytes = options.maxBodyBytes ?? maxBodyBytes;
  }

  async get(path: ResourcePath, options: RequestOptions = {}): Promise<KubeObject> {
    return parseObject(await this.#json('GET', path, options));
  }

  /** One page. @throws TooLargeError when it has to be asked for in smaller pages. */
  async list(path: ResourcePath, options: RequestOptions = {}): Promise<KubeList> {
    return parseList(await this.#json('GET', path, options));
  }

  async create(path: ResourcePath, object: object, options: RequestOptions = {}): Promise<KubeObject> {
    return parseObject(await this.#json('POST', path, { ...options, body: object }));
  }

  /** Conflicts (409) when the object's `resourceVersion` is no longer the stored one. */
  async replace(path: ResourcePath, object: object, options: RequestOptions = {}): Promise<KubeObject> {
    return parseObject(await this.#json('PUT', path, { ...options, body: object }));
  }

  async mergePatch(path: ResourcePath, patch: object, options: RequestOptions = {}): Promise<KubeObject> {
    const contentType = 'application/merge-patch+json';
    return parseObject(await this.#json('PATCH', path, { ...options, body: patch, contentType }));
  }

  async jsonPatch(
    path: ResourcePath,
    patch: readonly object[],
    options: RequestOptions = {},
  ): Promise<KubeObject> {
    const contentType = 'application/json-patch+json';
    return parseObject(await this.#json('PATCH', path, { ...options, body: patch, contentType }));
  }

  /** 409 when the stored object does not meet the preconditions. */
  async delete(
    path: ResourcePath,
    preconditions: Preconditions = {},
    options: RequestOptions = {},
  ): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    await this.#json('DELETE', path, { ...options, body });
  }

  /** Asks one of the kinds that are questions, such as TokenReview: what comes back is not stored and has no name. */
  async review(
    path: ResourcePath,
    question: object,
    options: RequestOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#json('POST', path, { ...options, body: question });
    if (!isRecord(answer)) throw new TypeError('the API server answered with something that is no object');
    return answer;
  }

  /**
   * The lines of a watch, until the API server ends it or the signal aborts it.
   * How long silence may last is the caller's to judge: only the answer's headers have a deadline here.
   */
  async *watch(
    path: ResourcePath,
    options: RequestOptions & { signal: AbortSignal },
  ): AsyncGenerator<string> {
    const query = { ...options.query, watch: true };
    const { body } = await this.#send('GET', path, { ...options, query }, 0);
    let rest: Buffer[] = [];
    let held = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        const line = Buffer.concat([...rest, chunk.subarray(start, end)])
          .toString('utf8')
          .trim();
        rest = [];
        held = 0;
        start = end + 1;
        if (line !== '') yield line;
      }
      rest.push(chunk.subarray(start));
      held += chunk.length - start;
      if (held > maxLineBytes) throw new TooLargeError(maxLineBytes);
    }
  }

  /** Ends every connection, also those of watches. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  async #json(method: Dispatcher.HttpMethod, path: ResourcePath, options: SendOptions): Promise<unknown> {
    const deadline = AbortSignal.timeout(this.#timeout);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const { body } = await this.#send(method, path, { ...options, signal }, this.#timeout);
    return JSON.parse(await readAtMost(body, this.#maxBodyBytes));
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: ResourcePath,
    options: SendOptions,
    bodyTimeout: number,
  ): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#pool.connection();
    const url = new URL(server + pathOf(path));
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const response = await send(url, {
      method,
      dispatcher,
      headers: {
        ...headers,
        ...(options.token === undefined ? {} : { authorization: bearer(options.token) }),
        accept: 'application/json',
        'user-agent': 'countersign',
        ...(options.body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      headersTimeout: this.#timeout,
      bodyTimeout,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (options.onWarning !== undefined)
      for (const text of warningsOf(response.headers['warning'])) options.onWarning(text);
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw await apiError(`${method} ${pathOf(path)}`, response);
  }
}

/** An empty token would be no credentials at all, and the answer that of anybody. @throws TypeError */
function bearer(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError('this is no bearer token');
  return `Bearer ${token}`;
}

/** Warnings of one answer that are told: more are of no use to anybody. */
const MAX_WARNINGS = 20;

/** RFC 7234, 5.5: `299 - "text"`, with the escapes of a quoted string; several in one header, or several headers. */
export function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
  const headers = typeof header === 'string' ? [header] : (header ?? []);
  return headers
    .flatMap((each) => [...each.matchAll(/\b299 [^\s"]{1,256} "((?:[^"\\]|\\.){0,4096})"/g)])
    .slice(0, MAX_WARNINGS)
    .map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1').slice(0, 1024));
}

async function apiError(what: string, response: Dispatcher.ResponseData): Promise<KubeApiError> {
  const text = await readAtMost(response.body, maxErrorBytes).catch(() => '');
  const status = statusOf(text);
  const said = status.message === undefined ? '' : `: ${status.message.slice(0, 256)}`;
  return new KubeApiError(
    response.statusCode,
    status.reason,
    `${what}: the API server answered ${response.statusCode}${said}`,
    { said: status.message?.slice(0, MAX_SAID_CHARS), causes: status.causes },
  );
}

const MAX_SAID_CHARS = 1024;
/** More is read by nobody. */
const MAX_CAUSES = 50;

interface ApiStatus {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly causes: readonly StatusCause[];
}

/** `metav1.Status`, as far as it is one. */
function statusOf(text: string): ApiStatus {
  try {
    const document: unknown = JSON.parse(text);
    if (isRecord(document)) {
      const { reason, message, details } = document;
      return {
        reason: typeof reason === 'string' ? reason : undefined,
        message: typeof message === 'string' ? message : undefined,
        causes: isRecord(details) ? causesOf(details['causes']) : [],
      };
    }
  } catch {
    // A proxy in between answers with HTML: the status code says enough.
  }
  return { reason: undefined, message: undefined, causes: [] };
}

function causesOf(causes: unknown): readonly StatusCause[] {
  if (!Array.isArray(causes)) return [];
  return causes
    .slice(0, MAX_CAUSES)
    .filter(isRecord)
    .map(({ field, message }) => ({
      field: typeof field === 'string' ? field.slice(0, 256) : '',
      message: typeof message === 'string' ? message.slice(0, MAX_SAID_CHARS) : '',
    }));
}

async function readAtMost(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (length > limit) throw new TooLargeError(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
