import { parseCookie, stringifySetCookie } from 'cookie';

/**
 * The prefix makes browsers refuse it from plain http, from another host of the domain and for part of the paths:
 * nobody but this server can plant one (RFC 6265bis, 4.1.3.2).
 */
export const SESSION_COOKIE = '__Host-countersign';
/** What an OIDC sign-in under way is known by. */
export const SIGN_IN_COOKIE = '__Host-countersign-sign-in';

/** Ids are 256 bits in base64url. Whatever else stands in a cookie was not made here. */
const ID = /^[A-Za-z0-9_-]{43}$/;

/** The id in one of our cookies; undefined where there is none, or nothing that could be one. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const value = header === undefined ? undefined : parseCookie(header)[name];
  return value !== undefined && ID.test(value) ? value : undefined;
}

/** Ends with the browser; how long it is good for is the server's to say. */
export function sessionCookie(id: string): string {
  return stringifySetCookie({ ...FLAGS, name: SESSION_COOKIE, value: id, sameSite: 'strict' });
}

/** The way back from the issuer comes from another site: `Strict` would not come along. @param maxAge seconds */
export function signInCookie(id: string, maxAge: number): string {
  return stringifySetCookie({ ...FLAGS, name: SIGN_IN_COOKIE, value: id, sameSite: 'lax', maxAge });
}

export function removed(name: typeof SESSION_COOKIE | typeof SIGN_IN_COOKIE): string {
  return stringifySetCookie({ ...FLAGS, name, value: '', sameSite: 'strict', maxAge: 0 });
}

const FLAGS = { path: '/', httpOnly: true, secure: true } as const;
