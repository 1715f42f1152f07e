import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import express, { type Express } from 'express';
import type { Admission } from '../admission/admission.ts';
import type { DecisionObserver } from '../admission/ports.ts';
import { asError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Logger } from '../log.ts';
import { mutateAnswer, policyAnswer, validateAnswer } from './admission-answers.ts';
import { closeServer, listen } from './server-lifetime.ts';
import { limitConnections, type ConnectionLimits } from './connection-limits.ts';
import { holdExpectations } from './expect-continue.ts';
import type { CheckDocument } from './policy-review.ts';
import { BodyBudget } from './request-body.ts';
import { ReviewGate, type ReviewLimits } from './review-gate.ts';
import { reviewRoute } from './review-route.ts';

/** PEM of the certificate (with its chain) that the API server is shown, and of its key. */
export interface ServingKeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface WebhookOptions {
  /** Undefined = every address of the machine. */
  readonly host: string | undefined;
  /** 0 = any free one. */
  readonly port: number;
  readonly keyPair: ServingKeyPair;
  /** PEM of the authorities whose client certificates are let in; undefined = nobody is asked for one. */
  readonly clientCa: string | undefined;
  readonly limits: ReviewLimits;
  readonly admission: Pick<Admission, 'validate' | 'mutate'>;
  readonly checkDocument: CheckDocument;
  readonly observer: DecisionObserver;
  readonly logger: Logger;
  readonly timing?: Partial<WebhookTiming>;
  readonly connections?: ConnectionLimits;
}

/** Milliseconds. */
export interface WebhookTiming {
  /** That an idle connection is kept: the API server gives up its own after 90 s, and closing first would race with its next request. */
  readonly keepAlive: number;
  /** From a request's first byte, or the handshake, to the end of its headers. */
  readonly headers: number;
  /** To the end of its body. */
  readonly request: number;
  /** Between two looks for requests that are too slow. */
  readonly check: number;
}

const DEFAULT_TIMING: WebhookTiming = { keepAlive: 120_000, headers: 15_000, request: 30_000, check: 5_000 };

/** An API server keeps 25 idle connections, and several may share one address; a stranger could open any number. */
const CONNECTIONS: ConnectionLimits = { total: 2_048, perAddress: 512 };
/** 64 MiB of bodies on their way in: 9 of the largest, 12,000 of the usual. Parsed, one takes several times its size. */
const BODY_BUDGET = 64 * 1024 * 1024;

/** The doors that the API server calls: `/validate`, `/mutate` and `/validate-policy`, over TLS 1.2 or newer. */
export class WebhookServer {
  readonly #options: WebhookOptions;
  readonly #server: Server;
  #draining = false;

  constructor(options: WebhookOptions) {
    this.#options = options;
    const { clientCa } = options;
    const timing = { ...DEFAULT_TIMING, ...options.timing };
    const app = this.#app();
    this.#server = createServer(
      {
        ...this.#context(options.keyPair),
        ...(clientCa !== undefined && { requestCert: true, rejectUnauthorized: true }),
        handshakeTimeout: timing.headers,
        keepAliveTimeout: timing.keepAlive,
        headersTimeout: timing.headers,
        requestTimeout: timing.request,
        connectionsCheckingInterval: timing.check,
      },
      app,
    );
    holdExpectations(this.#server, app);
    limitConnections(this.#server, options.connections ?? CONNECTIONS);
  }

  start(): Promise<void> {
    return listen(this.#server, this.#options);
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Shows another certificate from the next connection on. */
  useKeyPair(keyPair: ServingKeyPair): void {
    this.#server.setSecureContext(this.#context(keyPair));
  }

  /** From now on each answer ends its connection, so that the API server opens the next one somewhere else. */
  drain(): void {
    this.#draining = true;
  }

  /** Takes no new connection, and waits for the reviews under way, but no longer than `milliseconds`. */
  stop(milliseconds: number): Promise<void> {
    this.drain();
    return closeServer(this.#server, milliseconds);
  }

  #context({ cert, key }: ServingKeyPair): SecureContextOptions {
    const { clientCa } = this.#options;
    return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) };
  }

  #app(): Express {
    const { admission, checkDocument, limits, logger, observer } = this.#options;
    const gate = new ReviewGate(limits);
    const dependencies = {
      budget: new BodyBudget(BODY_BUDGET),
      limit: LIMITS.admissionReviewBytes,
      draining: () => this.#draining,
      logger,
    };
    const app = express().disable('x-powered-by').disable('etag').set('query parser', 'simple');
    app.post('/validate', reviewRoute(validateAnswer(admission, gate, observer), dependencies));
    app.post('/mutate', reviewRoute(mutateAnswer(admission, gate, logger), dependencies));
    app.post(
      '/validate-policy',
      reviewRoute(policyAnswer(checkDocument, gate), { ...dependencies, limit: LIMITS.policyReviewBytes }),
    );
    app.use((request, response) => {
      response
        .status(404)
        .set('Connection', 'close')
        .type('text/plain')
        .send('POST /validate, /mutate or /validate-policy\n');
      logger.debug({ method: request.method }, 'a request to no door');
    });
    app.use(lastResort(logger));
    return app;
  }
}

/** Express knows an error handler by its four parameters. */
function lastResort(logger: Logger): express.ErrorRequestHandler {
  return (error, _request, response, next) => {
    logger.error({ err: asError(error) }, 'a request ended in a defect');
    if (response.headersSent) next(error);
    else response.status(500).type('text/plain').send('Countersign failed\n');
  };
}
