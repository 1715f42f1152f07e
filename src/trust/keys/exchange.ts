import type { Dispatcher } from 'undici';
import { LIMITS } from '../../limits.ts';
import { keyFault, transportFault } from './key-fault.ts';

export interface KeyRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
}

export interface KeyAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * One request to a key store and its whole answer: no redirects, no retries, and no more bytes than a key has.
 * @throws Fault KEY_UNAVAILABLE
 */
export async function exchange(
  dispatcher: Dispatcher,
  request: KeyRequest,
  signal: AbortSignal,
): Promise<KeyAnswer> {
  const { url, method } = request;
  try {
    const { statusCode, headers, body } = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: method as Dispatcher.HttpMethod,
      headers: { 'user-agent': 'countersign', ...request.headers, 'accept-encoding': 'identity' },
      ...(request.body !== undefined && { body: request.body }),
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // A body that is given up tells so by an event, which would end the process if nobody listened.
    body.on('error', () => {});
    if (statusCode >= 300 && statusCode < 400) {
      body.destroy();
      throw keyFault(
        `${url.host} points to another address (${statusCode}), which is not followed; name the right one`,
      );
    }
    return { status: statusCode, headers: flat(headers), body: await readAtMost(body, url.host) };
  } catch (error) {
    throw transportFault(error, url.host, signal);
  }
}

async function readAtMost(body: AsyncIterable<Buffer>, host: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (length > LIMITS.keyAnswerBytes) {
      throw keyFault(`${host} answered with more than ${LIMITS.keyAnswerBytes} bytes, which no key has`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), [value].flat().join(', ')]],
    ),
  );
}

/** The JSON in an answer. @throws Fault KEY_UNAVAILABLE */
export function jsonOf({ body }: KeyAnswer, host: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Without the cause: it quotes the answer.
    throw keyFault(`${host} did not answer with JSON; check that the address is that of its API`);
  }
}
