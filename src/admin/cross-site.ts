import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiProblem } from './problem.ts';

/** How a request says who sends it. Browsers add cookies by themselves, and passwords that were typed into their own dialog. */
export type CredentialKind = 'none' | 'session' | 'header';

export interface CrossSiteQuestion {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly credentials: CredentialKind;
  /** Of the session that the request came with. */
  readonly csrfToken: string | undefined;
}

/** With one of these a proxy or framework would make another method of a POST. Nothing here does, and nobody needs to try. */
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];

/**
 * Refuses what another site's page makes a browser send. Anything that changes something needs, from a browser, an Origin that is
 * this server's own, and with a session's cookie the session's CSRF token as well.
 * @throws ApiProblem CROSS_SITE
 */
export function refuseCrossSite({ method, headers, credentials, csrfToken }: CrossSiteQuestion): void {
  if (OVERRIDES.some((name) => headers[name] !== undefined))
    throw crossSite('The method of a request is the one that it is sent with.');
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const isSafe = method === 'GET';
  if (isSafe) {
    // A strict cookie does not come along from elsewhere: this is the second lock.
    if (credentials === 'session' && (site === 'cross-site' || site === 'same-site')) throw elsewhere();
    return;
  }
  if (origin !== undefined && !isOwnOrigin(origin, host)) throw elsewhere();
  if (site !== undefined && site !== 'same-origin') throw elsewhere();
  // Programs that bring their credentials in a header have no Origin. Every browser has one here.
  if (credentials !== 'header' && origin === undefined && site === undefined)
    throw crossSite(
      'A browser says where a request comes from (Origin). Programs: use the Authorization header.',
    );
  if (credentials === 'session' && !isEqual(headers['x-csrf-token'], csrfToken))
    throw crossSite('Send the csrfToken of GET /api/v1/session in the header X-CSRF-Token.');
}

/** Origins are compared as browsers write them: https and the host, with its port where that is not 443. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^[A-Za-z0-9.:[\]-]{1,261}$/.test(host)) return false;
  try {
    return new URL(`https://${host}`).origin === origin;
  } catch {
    return false;
  }
}

/** In a time that says nothing of where they differ. */
function isEqual(sent: string | string[] | undefined, expected: string | undefined): boolean {
  if (typeof sent !== 'string' || expected === undefined) return false;
  return timingSafeEqual(digest(sent), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function elsewhere(): ApiProblem {
  return crossSite('The request comes from another page (Origin or Sec-Fetch-Site): nothing was changed.');
}

function crossSite(detail: string): ApiProblem {
  return new ApiProblem('CROSS_SITE', detail);
}
