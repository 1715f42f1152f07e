import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import express, { type Express, type Request, type Response } from 'express';
import { asError } from '../errors.ts';
import { limitConnections, type ConnectionLimits } from '../http/connection-limits.ts';
import { holdExpectations } from '../http/expect-continue.ts';
import { BodyBudget } from '../http/request-body.ts';
import { closeServer, listen } from '../http/server-lifetime.ts';
import type { Logger } from '../log.ts';
import { AllowedHosts } from './allowed-hosts.ts';
import { writeProblem } from './answers.ts';
import { Api } from './api.ts';
import type { Authenticator } from './authentication.ts';
import { ClientAddresses } from './client-address.ts';
import { DocsPage } from './docs-page.ts';
import { openApiRoute } from './openapi.ts';
import { AdminPage } from './page.ts';
import { ApiProblem } from './problem.ts';
import { ADMIN_RATES, type AdminRates } from './rate-limits.ts';
import type { ApiAnswer, Route } from './route.ts';
import { securityHeaders } from './security-headers.ts';
import { StreamPlaces } from './stream-places.ts';

/** PEM of the certificate, with its chain, and of its key. */
export interface AdminKeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface AdminServerOptions {
  /** Undefined = every address of the machine. */
  readonly host: string | undefined;
  /** 0 = any free one. */
  readonly port: number;
  readonly keyPair: AdminKeyPair;
  readonly mode: 'cluster' | 'standalone';
  readonly version: string;
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  readonly logger: Logger;
  /** Folder of the built page; where the build puts it unless told. */
  readonly page?: string;
  readonly rates?: Partial<AdminRates>;
  /** Ranges of addresses whose `X-Forwarded-For` is believed; none unless told. */
  readonly trustedProxies?: readonly string[];
  /** Names and addresses that it answers to, beside `localhost` and those of its certificate. */
  readonly hosts?: readonly string[];
  readonly connections?: ConnectionLimits;
  /** Milliseconds for one request. */
  readonly deadline?: number;
  /** Looks at what handlers answer: for tests. */
  readonly checkAnswer?: (route: Route, answer: ApiAnswer) => void;
}

export const API_PREFIX = '/api/v1';

/** Milliseconds. The deadline of a request is shorter than the time for its body, so that it is what people are told. */
const TIMING = {
  keepAliveTimeout: 30_000,
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 15_000,
};
const DEADLINE = 30_000;
/** A token with many groups in a header of its own, and a browser's other headers. */
const MAX_HEADER_BYTES = 32 * 1024;
/** A browser opens six; all the people behind one port-forward or proxy share an address. */
const CONNECTIONS: ConnectionLimits = { total: 512, perAddress: 256 };
/** 16 MiB of bodies on their way in: 16 of the largest. */
const BODY_BUDGET = 16 * 1024 * 1024;

/** The door for people and programs: the admin page and its API, over TLS, with limits of its own beside the webhook's. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  readonly #api: Api;
  readonly #page: AdminPage;
  readonly #docs = new DocsPage();
  readonly #challenge: string;
  readonly #hosts: AllowedHosts;
  readonly #stopping = new AbortController();
  #draining = false;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    const { mode, version, routes, authenticator, logger } = options;
    this.#hosts = new AllowedHosts(options.hosts ?? [], options.keyPair.cert);
    this.#page = new AdminPage(options.page);
    this.#challenge =
      mode === 'cluster' ? 'Bearer realm="countersign"' : 'Basic realm="countersign", charset="UTF-8"';
    this.#api = new Api({
      routes: [...routes, openApiRoute(routes, { mode, version })],
      authenticator,
      budget: new BodyBudget(BODY_BUDGET),
      streams: new StreamPlaces(),
      rates: { ...ADMIN_RATES, ...options.rates },
      addresses: new ClientAddresses(options.trustedProxies ?? []),
      logger,
      deadline: options.deadline ?? DEADLINE,
      challenge: this.#challenge,
      stopping: this.#stopping.signal,
      checkAnswer: options.checkAnswer,
    });
    const app = this.#app();
    this.#server = createServer(
      { ...context(options.keyPair), ...TIMING, maxHeaderSize: MAX_HEADER_BYTES },
      app,
    );
    holdExpectations(this.#server, app);
    limitConnections(this.#server, options.connections ?? CONNECTIONS);
  }

  /** @throws Error when the port cannot be had */
  start(): Promise<void> {
    return listen(this.#server, this.#options);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Shows another certificate from the next connection on. */
  useKeyPair(keyPair: AdminKeyPair): void {
    this.#server.setSecureContext(context(keyPair));
    this.#hosts.useCertificate(keyPair.cert);
  }

  /** From now on each answer ends its connection. */
  drain(): void {
    this.#draining = true;
  }

  /** Takes no new connection, and waits for what is under way, but no longer than `milliseconds`. */
  stop(milliseconds: number): Promise<void> {
    this.drain();
    this.#stopping.abort(new DOMException('the server is about to end', 'AbortError'));
    return closeServer(this.#server, milliseconds);
  }

  #app(): Express {
    const app = express().disable('x-powered-by').disable('etag').set('query parser', false);
    app.use(securityHeaders);
    app.use((request, response, next) => {
      const refusal = this.#hosts.refusal(request);
      if (refusal === undefined) next();
      else writeProblem(response, refusal, this.#challenge);
    });
    app.use((request, response) => this.#dispatch(request, response));
    app.use(this.#lastResort());
    return app;
  }

  /** By the path as it was sent: nothing normalises it, so that nothing can be reached by another way of writing it. */
  async #dispatch(request: Request, response: Response): Promise<void> {
    if (this.#draining) response.set('Connection', 'close');
    const [path = ''] = request.url.split('?', 1);
    if (path.startsWith(`${API_PREFIX}/`) && !/^\/api\/v1\/docs(?:\/|$)/.test(path)) {
      await this.#api.handle(request, response, path.slice(API_PREFIX.length));
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.set('Allow', 'GET, HEAD');
      writeProblem(response, new ApiProblem('METHOD_NOT_ALLOWED', 'Here goes GET.'), this.#challenge);
      return;
    }
    if (await this.#page.handle(request, response, path)) return;
    if (await this.#docs.handle(request, response, path)) return;
    const missing = new ApiProblem(
      'NOT_FOUND',
      'The page is at /admin/security/signing, the API at /api/v1.',
    );
    writeProblem(response, missing, this.#challenge);
  }

  /** Express knows an error handler by its four parameters. */
  #lastResort(): express.ErrorRequestHandler {
    return (error, _request, response, next) => {
      this.#options.logger.error({ err: asError(error) }, 'a request of the admin page ended in a defect');
      if (response.headersSent) next(error);
      else writeProblem(response, new ApiProblem('INTERNAL', 'Countersign failed.'), this.#challenge);
    };
  }
}

function context({ cert, key }: AdminKeyPair): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2' };
}
