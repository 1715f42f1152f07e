import type { Request, Response } from 'express';
import { asError } from '../errors.ts';
import type { BodyBudget } from '../http/request-body.ts';
import type { Logger } from '../log.ts';
import { writeAnswer, writeProblem, writeStream } from './answers.ts';
import type { Authentication, Authenticator } from './authentication.ts';
import type { ClientAddresses } from './client-address.ts';
import { sessionCookie } from './cookies.ts';
import { refuseCrossSite } from './cross-site.ts';
import { ApiProblem } from './problem.ts';
import { problemOf } from './problem-of.ts';
import type { AdminRates } from './rate-limits.ts';
import { isDryRun, nameIn, tellRefused, type Attempt } from './refusal.ts';
import { RequestLimits } from './request-limits.ts';
import { ClientGone, readHeaders, readParams, readQuery, readRequestBody } from './request-parts.ts';
import { RequestTime } from './request-time.ts';
import type { ApiAnswer, ApiRequest, Route } from './route.ts';
import { RouteTable } from './route-table.ts';
import { SlowWork } from './slow-work.ts';
import type { StreamPlaces } from './stream-places.ts';

export interface ApiOptions {
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  readonly budget: BodyBudget;
  readonly streams: StreamPlaces;
  readonly rates: AdminRates;
  readonly addresses: ClientAddresses;
  readonly logger: Logger;
  /** Milliseconds for one request, its body included. */
  readonly deadline: number;
  /** What a 401 says of how to sign in; for programs, browsers would open a dialog of their own. */
  readonly challenge: string;
  /** Aborts when the server is about to end: streams end then. */
  readonly stopping: AbortSignal;
  /** Looks at what handlers answer: for tests. */
  readonly checkAnswer?: ((route: Route, answer: ApiAnswer) => void) | undefined;
}

/** Everything below `/api/v1`: who asks, whether a page of ours asks, what is asked; only then the handler. */
export class Api {
  readonly #options: ApiOptions;
  readonly #table: RouteTable;
  readonly #limits: RequestLimits;
  readonly #slowly = new SlowWork();

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#table = new RouteTable(options.routes);
    this.#limits = new RequestLimits(options.rates, options.addresses);
  }

  /** @param path below the prefix, still percent-encoded and without the query */
  async handle(request: Request, response: Response, path: string): Promise<void> {
    const time = new RequestTime(response, this.#options.deadline);
    response.set('Cache-Control', 'no-store');
    try {
      await this.#answer(request, response, path, time);
    } catch (error) {
      this.#fail(request, response, path, time, error);
    } finally {
      time.stop();
    }
  }

  async #answer(request: Request, response: Response, path: string, time: RequestTime): Promise<void> {
    await this.#limits.passAddress(request, response);
    const { route, params } = this.#find(request, response, path);
    if (route.rate === 'sign-in') await this.#limits.passSignIn(request, response);
    const authentication = await time.race(this.#authenticate(route, request, response, time.signal));
    refuseCrossSite({
      method: request.method,
      headers: request.headers,
      credentials: authentication.kind,
      csrfToken: authentication.kind === 'session' ? authentication.session.csrfToken : undefined,
    });
    const name = authentication.kind === 'none' ? undefined : authentication.caller.name;
    await this.#limits.passCaller(name, route.rate === 'outbound', request, response);
    const attempt: Attempt = { route, params, isDryRun: false, subject: undefined };
    try {
      await this.#handle({ route, params, authentication, request, response, time, attempt });
    } catch (error) {
      if (name !== undefined) tellRefused(this.#options.logger, name, attempt, error);
      throw error;
    }
  }

  async #handle({ route, params, authentication, request, response, time, attempt }: Asking): Promise<void> {
    const parts = {
      params: readParams(route, params),
      query: readQuery(route, request.url),
      headers: readHeaders(route, request),
    };
    attempt.isDryRun = isDryRun(parts.query);
    const body = await this.#body(route, request, time, attempt);
    try {
      const asked: ApiRequest = {
        ...parts,
        body: body.value,
        caller: authentication.kind === 'none' ? undefined : authentication.caller,
        address: this.#options.addresses.of(request),
        signal: time.signal,
        session: authentication.kind === 'session' ? authentication.id : undefined,
      };
      await this.#write(route, await time.race(route.handle(asked)), authentication, response, time);
    } finally {
      body.release();
    }
  }

  async #body(route: Route, request: Request, time: RequestTime, attempt: Attempt) {
    const reading = readRequestBody(route, request, {
      budget: this.#options.budget,
      slowly: this.#slowly,
      signal: time.signal,
      onParsed: (json) => (attempt.subject = nameIn(json)),
    });
    try {
      return await time.race(reading);
    } catch (error) {
      // One that comes in full after its time holds no room all the same.
      reading.then(
        ({ release }) => release(),
        () => undefined,
      );
      throw error;
    }
  }

  #find(request: Request, response: Response, path: string) {
    const match = this.#table.find(request.method, path);
    switch (match.kind) {
      case 'found':
        return match;
      case 'wrong-method':
        response.set('Allow', match.allow.join(', '));
        throw new ApiProblem('METHOD_NOT_ALLOWED', `Here goes ${match.allow.join(' or ')}.`);
      case 'none':
        throw new ApiProblem('NOT_FOUND', 'There is no such path. GET /api/v1/openapi.json lists them.');
    }
  }

  async #authenticate(
    route: Route,
    request: Request,
    response: Response,
    signal: AbortSignal,
  ): Promise<Authentication> {
    const authentication = await this.#options.authenticator.authenticate({
      headers: request.headers,
      address: this.#options.addresses.of(request),
      signal,
      isActive: !isLive(route),
    });
    // Whatever comes of the request: the id that it came with is on its way out.
    if (authentication.kind === 'session' && authentication.renewedId !== undefined)
      response.append('Set-Cookie', sessionCookie(authentication.renewedId));
    if (route.access !== 'anyone' && authentication.kind === 'none')
      throw new ApiProblem('UNAUTHENTICATED', 'Nobody is signed in, or the session has ended.');
    return authentication;
  }

  async #write(
    route: Route,
    answer: ApiAnswer,
    authentication: Authentication,
    response: Response,
    time: RequestTime,
  ): Promise<void> {
    if (route.answers[answer.status] === undefined)
      throw new Error(`${route.operationId} answered ${answer.status}, which its description does not name`);
    this.#options.checkAnswer?.(route, answer);
    if (response.destroyed) return;
    if (!('stream' in answer)) {
      writeAnswer(response, answer);
      return;
    }
    const caller = authentication.kind === 'none' ? '' : authentication.caller.name;
    const leave = this.#options.streams.enter(caller);
    time.stream();
    time.endWith(this.#options.stopping);
    if (authentication.kind === 'session') time.endWith(authentication.session.ended);
    try {
      await writeStream(response, answer, time.signal);
    } finally {
      leave();
    }
  }

  #fail(request: Request, response: Response, path: string, time: RequestTime, error: unknown): void {
    const { logger, challenge } = this.#options;
    // Whatever the handler still has under way ends here.
    const problem = problemOf(error) ?? time.problem() ?? undefined;
    time.abort();
    if (problem === undefined && !(error instanceof ClientGone) && !time.isClientGone)
      logger.error({ err: asError(error), method: request.method, path: path.slice(0, 256) }, DEFECT);
    if (response.headersSent || error instanceof ClientGone || response.destroyed) {
      response.destroy();
      return;
    }
    writeProblem(response, problem ?? new ApiProblem('INTERNAL', INTERNAL), challengeFor(request, challenge));
  }
}

/** A request of which it is known what it asks for, and who asks. */
interface Asking {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly authentication: Authentication;
  readonly request: Request;
  readonly response: Response;
  readonly time: RequestTime;
  readonly attempt: Attempt;
}

const DEFECT = 'a request of the admin API ended in a defect';
const INTERNAL = 'Something went wrong in Countersign; its log says more.';

/** Browsers say how they fetch, and must not ask for a password in a dialog of their own: they would send it along for ever. */
function challengeFor({ headers }: Request, challenge: string): string {
  return headers['sec-fetch-mode'] === undefined ? challenge : 'Session realm="countersign"';
}

/** What a page reads by itself, for as long as it is open. */
function isLive({ answers }: Route): boolean {
  return Object.values(answers).some(({ types }) => types?.includes('text/event-stream') === true);
}
