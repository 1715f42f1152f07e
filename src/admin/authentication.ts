import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import type { Access, Credentials } from './access.ts';
import type { Caller } from './caller.ts';
import { cookieOf, SESSION_COOKIE } from './cookies.ts';
import { ApiProblem } from './problem.ts';
import type { FailureGuard } from './rate-limits.ts';
import type { Session, Sessions, SignedIn } from './sessions.ts';

/** Who a request comes from, and how it said so. */
export type Authentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'header'; readonly caller: Caller }
  | {
      readonly kind: 'session';
      readonly caller: Caller;
      readonly session: Session;
      /** Of the cookie. */
      readonly id: string;
      readonly renewedId: string | undefined;
    };

export interface AuthenticationQuestion {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  readonly signal: AbortSignal;
  /** False for what a page does by itself. */
  readonly isActive: boolean;
}

export interface AuthenticatorOptions {
  readonly access: Access;
  readonly sessions: Sessions;
  readonly failures: FailureGuard;
  readonly logger: Logger;
}

/** The name that a password belongs to. */
export const ADMINISTRATOR = 'admin';

/** Tells who a request comes from, by its Authorization header or its session. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** @throws ApiProblem UNAUTHENTICATED for a header that is wrong, RATE_LIMITED, or UNAVAILABLE when nobody can tell */
  async authenticate(question: AuthenticationQuestion): Promise<Authentication> {
    const { headers, address, signal } = question;
    const { authorization } = headers;
    // A header wins: who sends one means it, and a browser adds none by itself.
    if (authorization !== undefined) {
      const user = await this.identify(credentialsOf(authorization), address, signal);
      return { kind: 'header', caller: this.#caller(user, signal) };
    }
    return this.#bySession(question);
  }

  /**
   * Looks at credentials, and counts wrong ones.
   * @throws ApiProblem UNAUTHENTICATED, RATE_LIMITED or UNAVAILABLE
   */
  async identify(
    credentials: Credentials | undefined,
    address: string,
    signal: AbortSignal,
  ): Promise<SignedIn> {
    const { access, failures, logger } = this.#options;
    failures.check(address);
    const user =
      credentials === undefined || !access.methods.includes(credentials.method)
        ? undefined
        : await access.identify(credentials, signal);
    if (user !== undefined) return user;
    const delay = failures.failed(address);
    logger.warn({ address, method: credentials?.method }, 'a sign-in with wrong credentials');
    await sleep(delay, undefined, { signal });
    throw new ApiProblem('UNAUTHENTICATED', 'These credentials are not good here.');
  }

  async #bySession({ headers, signal, isActive }: AuthenticationQuestion): Promise<Authentication> {
    const { access, sessions } = this.#options;
    const id = cookieOf(headers.cookie, SESSION_COOKIE);
    const use = id === undefined ? undefined : sessions.use(id, isActive);
    if (id === undefined || use === undefined) return { kind: 'none' };
    const { session, renewedId } = use;
    if (!(await access.isStillGood(session.user, signal))) {
      sessions.end(renewedId ?? id);
      return { kind: 'none' };
    }
    return { kind: 'session', caller: this.#caller(session.user, signal), session, id, renewedId };
  }

  #caller(user: SignedIn, signal: AbortSignal): Caller {
    const { name, groups, token } = user;
    return { name, groups, token, may: (question) => this.#options.access.may(user, question, signal) };
  }
}

/** Undefined for a header that is none of the two. */
function credentialsOf(header: string): Credentials | undefined {
  const [, scheme = '', value = ''] = /^([A-Za-z]{1,16}) +([\x21-\x7e]+)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { method: 'token', token: value };
    case 'basic':
      return basic(value);
    default:
      return undefined;
  }
}

/** RFC 7617. */
function basic(value: string): Credentials | undefined {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  return { method: 'password', name: text.slice(0, colon), password: text.slice(colon + 1) };
}
