import type { IncomingMessage, RequestListener, Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';

/** Requests whose sender waits for "100 Continue" before it sends the body. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Without a listener Node answers 100 before anything has looked at the request. Here a sender is asked for its body only where the body is
 * read (RFC 9110, 10.1.1): a request that is refused by its head alone gets the refusal at once.
 */
export function holdExpectations(server: HttpServer | HttpsServer, listener: RequestListener): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response);
    listener(request, response);
  });
}

/** The body is about to be read. */
export function askForBody(request: IncomingMessage): void {
  waiting.get(request)?.writeContinue();
  waiting.delete(request);
}

/** Whether the sender holds its body back: it may never send it, so its connection cannot be used for another request. */
export function isBodyHeldBack(request: IncomingMessage): boolean {
  return waiting.has(request);
}
