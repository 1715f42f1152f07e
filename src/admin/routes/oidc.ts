import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { Logger } from '../../log.ts';
import type { Authenticator } from '../authentication.ts';
import { cookieOf, removed, sessionCookie, signInCookie, SIGN_IN_COOKIE } from '../cookies.ts';
import type { OidcIssuer, SignInUnderWay } from '../oidc.ts';
import { PAGE_PATH } from '../page.ts';
import { ApiProblem } from '../problem.ts';
import { route, type ApiAnswer, type Route } from '../route.ts';
import type { Sessions } from '../sessions.ts';

export interface OidcDependencies {
  readonly issuer: Pick<OidcIssuer, 'begin' | 'finish'>;
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly logger: Logger;
}

/** Seconds for typing a password, and a second factor, at the issuer. */
const SIGN_IN_TIME = 600;
const MAX_UNDER_WAY = 1_000;

/** Issuers add parameters of their own, which say nothing here. */
const callbackQuery = z.object({
  code: z.string().max(4096).optional(),
  state: z.string().max(512).optional(),
  iss: z.string().max(1024).optional(),
  session_state: z.string().max(1024).optional(),
  scope: z.string().max(1024).optional(),
  error: z.string().max(256).optional(),
  error_description: z.string().max(1024).optional(),
  error_uri: z.string().max(1024).optional(),
});

/** The way to the issuer and back. Where it leads is fixed: nothing that a request holds becomes a part of a redirect. */
export function oidcRoutes(dependencies: OidcDependencies): readonly Route[] {
  // By the hash of the id in the browser's cookie: a link that somebody else sends finds nothing here.
  const underWay = new LRUCache<string, SignInUnderWay>({ max: MAX_UNDER_WAY, ttl: SIGN_IN_TIME * 1000 });
  const shared = { tag: 'session', access: 'anyone', rate: 'sign-in' } as const;
  return [
    route({
      ...shared,
      method: 'get',
      path: '/session/oidc',
      operationId: 'beginOidcSignIn',
      summary: 'Sign in at the OIDC issuer',
      description: 'For browsers: the answer leads to the issuer.',
      answers: { 303: { description: 'To the issuer.', headers: { location: 'The issuer.' } } },
      problems: [],
      handle: async () => {
        const { url, underWay: kept } = await dependencies.issuer.begin();
        const id = randomBytes(32).toString('base64url');
        underWay.set(hashOf(id), kept);
        return redirect(url, [signInCookie(id, SIGN_IN_TIME)]);
      },
    }),
    route({
      ...shared,
      method: 'get',
      path: '/session/oidc/callback',
      operationId: 'finishOidcSignIn',
      summary: 'Back from the OIDC issuer',
      description: 'For browsers: the ID token is signed in with, as a pasted one would be.',
      query: callbackQuery,
      headers: z.strictObject({ cookie: z.string().max(16_384).optional() }),
      answers: { 303: { description: 'To the page.', headers: { location: 'The page.' } } },
      problems: [],
      handle: async ({ query, headers, address, signal }) => {
        const id = cookieOf(headers.cookie, SIGN_IN_COOKIE);
        const kept = id === undefined ? undefined : underWay.get(hashOf(id));
        if (id === undefined || kept === undefined)
          return redirect(`${PAGE_PATH}?sign-in=expired`, [removed(SIGN_IN_COOKIE)]);
        // Whatever comes of it: one sign-in, one answer.
        underWay.delete(hashOf(id));
        return finish(dependencies, kept, query, address, signal);
      },
    }),
  ];
}

async function finish(
  { issuer, authenticator, sessions, logger }: OidcDependencies,
  kept: SignInUnderWay,
  query: z.output<typeof callbackQuery>,
  address: string,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const parameters = new URLSearchParams(
    Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const token = await issuer.finish(parameters, kept);
  if (token === undefined) return redirect(`${PAGE_PATH}?sign-in=failed`, [removed(SIGN_IN_COOKIE)]);
  try {
    const user = await authenticator.identify({ method: 'token', token }, address, signal);
    const { id } = sessions.begin(user);
    logger.info({ user: user.name, address, method: 'oidc' }, 'signed in');
    return redirect(PAGE_PATH, [sessionCookie(id), removed(SIGN_IN_COOKIE)]);
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'UNAUTHENTICATED') throw error;
    // The issuer knows them, and the API server does not take its word.
    return redirect(`${PAGE_PATH}?sign-in=unknown`, [removed(SIGN_IN_COOKIE)]);
  }
}

function redirect(location: string, cookies: readonly string[]): ApiAnswer {
  return { status: 303, headers: { location }, cookies };
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
