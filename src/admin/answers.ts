import type { Response } from 'express';
import { once } from 'node:events';
import { isBodyHeldBack } from '../http/expect-continue.ts';
import { PROBLEMS, type ApiProblem } from './problem.ts';
import type { PlainAnswer, StreamAnswer } from './route.ts';

/** Milliseconds that a reader of a stream may read nothing. */
const STALL_LIMIT = 30_000;

export function writeAnswer(response: Response, { status, body, headers, cookies }: PlainAnswer): void {
  response.status(status).set(headers ?? {});
  for (const cookie of cookies ?? []) response.append('Set-Cookie', cookie);
  endWhatIsUnread(response);
  if (body === undefined) response.end();
  else response.type('application/json').send(JSON.stringify(body));
}

/** RFC 9457. @param challenge for `WWW-Authenticate` of a 401 */
export function writeProblem(response: Response, problem: ApiProblem, challenge: string): void {
  const [status] = PROBLEMS[problem.code];
  response.status(status);
  if (problem.retryAfter !== undefined) response.set('Retry-After', String(Math.ceil(problem.retryAfter)));
  if (status === 401) response.set('WWW-Authenticate', challenge);
  endWhatIsUnread(response);
  response.type('application/problem+json').send(JSON.stringify(problem.document()));
}

/** Writes piece by piece, no faster than they are read, until there is no more or the signal aborts. */
export async function writeStream(
  response: Response,
  answer: StreamAnswer,
  signal: AbortSignal,
): Promise<void> {
  response
    .status(answer.status)
    .set(answer.headers ?? {})
    .set('Content-Type', answer.type);
  // A proxy that gathers what it passes on would make live events late ones.
  response.set('X-Accel-Buffering', 'no');
  response.flushHeaders();
  const end = (): void => void response.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const piece of answer.stream) {
      if (signal.aborted) return;
      if (!response.write(piece) && !(await drained(response, signal))) return;
    }
    response.end();
  } finally {
    signal.removeEventListener('abort', end);
    // A stream that broke off must not look like one that is complete.
    if (!response.writableEnded) response.destroy();
  }
}

/** False when the reader is gone, or reads nothing any more. */
async function drained(response: Response, signal: AbortSignal): Promise<boolean> {
  try {
    await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(STALL_LIMIT)]) });
    return true;
  } catch {
    return false;
  }
}

/** Bytes that are taken off the line though nobody wants them: as much as the largest body. */
const MAX_DISCARDED = 1024 * 1024;

/**
 * An answer that comes before its request has been sent. Were the connection closed then, a client that still writes would be told
 * of the reset and never of the answer (RFC 9112, 9.6): a short rest is read and thrown away, within the time for a request.
 */
function endWhatIsUnread(response: Response): void {
  const { req: request } = response;
  if (request.complete) return;
  const isShort = Number(request.headers['content-length'] ?? Number.NaN) <= MAX_DISCARDED;
  // A body that its sender holds back may never come: what follows the answer could then not be told from it.
  if (isShort && !isBodyHeldBack(request)) request.resume();
  else response.set('Connection', 'close');
}
