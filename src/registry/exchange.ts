import type { Dispatcher } from 'undici';
import { Fault, Refusal } from '../errors.ts';
import type { CoolDown } from './cool-down.ts';
import { faultOf, timeoutFault } from './faults.ts';
import type { Gate } from './gate.ts';
import type { RegistryObserver, RequestKind } from './settings.ts';

/** One HTTP request as it goes over the wire. */
export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Scheme, host and port. */
  readonly origin: string;
  /** Sent byte for byte: nothing normalises it on the way. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The registry that it is meant for, for messages, metrics and limits. */
  readonly host: string;
  /** On whose behalf, for a fair share of the places; empty = the installation's own. */
  readonly namespace: string;
  readonly kind: RequestKind;
  /** Bytes of a successful answer's body. */
  readonly maxBytes: number;
  /** What the body is, for people: `blob sha256:…`. */
  readonly what: string;
}

export interface Answer {
  readonly status: number;
  /** One value per name; the first where there are several. */
  header(name: string): string | undefined;
  /** Every value of a header, joined as HTTP does. */
  joined(name: string): string;
  /** Empty unless the status is 200. */
  readonly body: Uint8Array;
}

/** The way that a request takes. */
export interface Route {
  readonly dispatcher: Dispatcher;
  readonly isProxied: boolean;
}

export interface ExchangeOptions {
  readonly gate: Gate;
  readonly coolDown: CoolDown;
  readonly milliseconds: number;
  readonly observer: RegistryObserver | undefined;
}

/**
 * One request and its whole answer: no redirects, no retries, no credentials of its own.
 * @throws Fault; Refusal LIMIT for a body above its limit
 */
export async function exchange(
  { dispatcher, isProxied }: Route,
  request: Request,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const { host, kind, origin } = request;
  options.coolDown.check(host, origin);
  return options.gate.run(request, signal, async () => {
    // Again: whoever was before in the queue may have found that nobody is there.
    options.coolDown.check(host, origin);
    const { limited, release } = limitedTo(options.milliseconds, signal);
    const started = performance.now();
    let outcome = 'INTERNAL';
    try {
      const answer = await send(dispatcher, request, limited);
      outcome = String(answer.status);
      return answer;
    } catch (error) {
      const fault =
        limited.aborted && !(error instanceof Refusal) ? timeoutFault(host) : faultOf(error, host, isProxied);
      // Only its own time counts against a host, not that of a caller who could not wait.
      if (limited.aborted && !signal.aborted) options.gate.timedOut(host);
      if (fault instanceof Fault) options.coolDown.failed(request, error, fault);
      outcome = fault.code;
      throw fault;
    } finally {
      release();
      options.observer?.requested(host, kind, outcome, performance.now() - started);
    }
  });
}

/**
 * A signal that comes with the caller's, or when the time is up. By hand: Node never frees what `AbortSignal.any` makes of a
 * signal that it made itself and of a timeout, once somebody listened to it. That would be one for each request.
 */
function limitedTo(milliseconds: number, caller: AbortSignal) {
  const controller = new AbortController();
  const abort = () => controller.abort(caller.reason);
  const timer = setTimeout(abort, milliseconds).unref();
  if (caller.aborted) abort();
  else caller.addEventListener('abort', abort, { once: true });
  const release = () => {
    clearTimeout(timer);
    caller.removeEventListener('abort', abort);
  };
  return { limited: controller.signal, release };
}

async function send(dispatcher: Dispatcher, request: Request, signal: AbortSignal): Promise<Answer> {
  const { origin, path, method } = request;
  const { statusCode, headers, body } = await dispatcher.request({
    origin,
    path,
    method,
    headers: { ...request.headers, 'accept-encoding': 'identity', 'user-agent': 'countersign' },
    ...(request.body !== undefined && { body: request.body }),
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  // A body that is given up tells so by an event, which would end the process if nobody listened.
  body.on('error', () => {});
  const values = (name: string): string[] => [headers[name] ?? []].flat();
  const answer = {
    status: statusCode,
    header: (name: string) => values(name)[0],
    joined: (name: string) => values(name).join(', '),
  };
  if (statusCode !== 200 || method === 'HEAD') {
    await drain(body);
    return { ...answer, body: new Uint8Array() };
  }
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    body.destroy();
    // A compressed body is a length that nobody knows before; identity was asked for.
    throw new Fault(
      'REGISTRY_ERROR',
      `registry ${request.host} compressed its answer although it was asked not to`,
    );
  }
  return { ...answer, body: await readAtMost(body, request, answer.header('content-length')) };
}

/** Room for the beginning of a body whose length is not said. */
const UNKNOWN_BYTES = 64 * 1024;

async function readAtMost(
  body: Dispatcher.ResponseData['body'],
  request: Request,
  length?: string,
): Promise<Uint8Array> {
  const tooLong = () => new Refusal('LIMIT', `${request.what} is longer than ${request.maxBytes} bytes`);
  if (Number(length) > request.maxBytes) {
    body.destroy();
    throw tooLong();
  }
  // As long as it is said to be: many MiB are copied as they come, not all at once at the end.
  let bytes = Buffer.alloc(/^\d+$/.test(length ?? '') ? Number(length) : UNKNOWN_BYTES);
  let total = 0;
  // Leaving the loop destroys the body, and with it the connection.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    const end = total + chunk.length;
    if (end > request.maxBytes) throw tooLong();
    if (end > bytes.length) bytes = Buffer.concat([bytes], Math.max(end, 2 * bytes.length));
    bytes.set(chunk, total);
    total = end;
  }
  return total === bytes.length ? bytes : bytes.subarray(0, total);
}

/** Lets go of a body that nobody reads; a short one keeps its connection. */
async function drain(body: Dispatcher.ResponseData['body']): Promise<void> {
  try {
    await body.dump({ limit: 16 * 1024 });
  } catch {
    // The status was what mattered.
  }
}
