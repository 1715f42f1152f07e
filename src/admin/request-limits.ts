import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { asError } from '../errors.ts';
import type { ClientAddresses } from './client-address.ts';
import { ApiProblem } from './problem.ts';
import { addressKey, BoundedStore, type AdminRates, type Rate } from './rate-limits.ts';

/** How often somebody may ask. Each method throws ApiProblem RATE_LIMITED. */
export class RequestLimits {
  readonly #ofAddress: RequestHandler;
  readonly #ofSignIn: RequestHandler;
  readonly #ofCaller: RequestHandler;
  readonly #ofOutbound: RequestHandler;

  readonly #addresses: ClientAddresses;

  constructor({ address, signIn, caller, outbound }: AdminRates, addresses: ClientAddresses) {
    this.#addresses = addresses;
    const addressOf = (request: Request): string => addressKey(addresses.of(request));
    this.#ofAddress = limiter(address, addressOf);
    this.#ofSignIn = limiter(signIn, addressOf);
    this.#ofCaller = limiter(caller, callerOf);
    this.#ofOutbound = limiter(outbound, callerOf);
  }

  passAddress(request: Request, response: Response): Promise<void> {
    return pass(this.#ofAddress, request, response);
  }

  passSignIn(request: Request, response: Response): Promise<void> {
    return pass(this.#ofSignIn, request, response);
  }

  /** @param name undefined = nobody is signed in: then the address counts */
  async passCaller(
    name: string | undefined,
    isOutbound: boolean,
    request: Request,
    response: Response,
  ): Promise<void> {
    response.locals[CALLER] = name === undefined ? addressKey(this.#addresses.of(request)) : `user ${name}`;
    await pass(this.#ofCaller, request, response);
    if (isOutbound) await pass(this.#ofOutbound, request, response);
  }
}

const CALLER = 'countersign.caller';
const callerOf = (_request: Request, { locals }: Response): string => String(locals[CALLER]);

function limiter(rate: Rate, key: (request: Request, response: Response) => string): RequestHandler {
  return rateLimit({
    windowMs: rate.window,
    limit: rate.limit,
    store: new BoundedStore(rate),
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: key,
    // Keys are made by its own helper, one step away from where it looks.
    validate: { keyGeneratorIpFallback: false },
    handler: (_request, _response, next) => {
      next(new ApiProblem('RATE_LIMITED', 'Too many requests. Wait, and try again.', { retryAfter: 10 }));
    },
  });
}

/** Express middleware as something to wait for. */
async function pass(handler: RequestHandler, request: Request, response: Response): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  await handler(request, response, (error: unknown) =>
    error === undefined ? resolve() : reject(asError(error)),
  );
  await promise;
}
