import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { closeServer, listen } from './server-lifetime.ts';
import { limitConnections, type ConnectionLimits } from './connection-limits.ts';
import { holdExpectations, isBodyHeldBack } from './expect-continue.ts';

export interface OperationsOptions {
  /** Undefined = every address of the machine. */
  readonly host: string | undefined;
  /** 0 = any free one. */
  readonly port: number;
  /** Why no review may come here now, one sentence each; none = ready. */
  readonly notReady: () => readonly string[];
  readonly metrics: () => Promise<MetricsPage>;
  readonly logger: Logger;
}

export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const TEXT = 'text/plain; charset=utf-8';
/** Milliseconds. Headers are one packet from the next machine. */
const TIMING = {
  requestTimeout: 10_000,
  headersTimeout: 2_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};
/** The kubelet and each Prometheus keep one or two. */
const CONNECTIONS: ConnectionLimits = { total: 256, perAddress: 32 };

/** What the kubelet and Prometheus ask, over plain http: `/healthz`, `/readyz` and `/metrics`. */
export class OperationsServer {
  readonly #options: OperationsOptions;
  readonly #server: Server;

  constructor(options: OperationsOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#answer(request, response);
    this.#server = createServer(TIMING, listener);
    holdExpectations(this.#server, listener);
    limitConnections(this.#server, CONNECTIONS);
  }

  start(): Promise<void> {
    return listen(this.#server, this.#options);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(milliseconds: number): Promise<void> {
    return closeServer(this.#server, milliseconds);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (isBodyHeldBack(request)) response.setHeader('Connection', 'close');
    const page = await this.#page(request).catch((error: unknown) => {
      this.#options.logger.error({ err: asError(error) }, 'an operations page ended in a defect');
      return { status: 500, contentType: TEXT, text: 'failed\n' };
    });
    response.writeHead(page.status, { 'Content-Type': page.contentType, 'Cache-Control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : page.text);
  }

  async #page({ method, url }: IncomingMessage): Promise<Page> {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, contentType: TEXT, text: 'GET only\n' };
    switch (url?.split('?', 1)[0]) {
      case '/healthz':
        // The process answers: nothing else would be mended by a restart.
        return { status: 200, contentType: TEXT, text: 'ok\n' };
      case '/readyz': {
        const reasons = this.#options.notReady();
        return reasons.length === 0
          ? { status: 200, contentType: TEXT, text: 'ready\n' }
          : {
              status: 503,
              contentType: TEXT,
              text: `not ready\n${reasons.map((reason) => `- ${reason}\n`).join('')}`,
            };
      }
      case '/metrics':
        return { status: 200, ...(await this.#options.metrics()) };
      default:
        return { status: 404, contentType: TEXT, text: '/healthz, /readyz or /metrics\n' };
    }
  }
}
