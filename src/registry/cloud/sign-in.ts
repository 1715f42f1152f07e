import type { Credential } from '../credentials.ts';

/** A registry's credential that a cloud gave for an identity. */
export interface CloudToken {
  readonly credential: Credential;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Changes the identity that this process has in a cloud for a credential of one registry host. @throws Error of the vendor's SDK */
export type SignIn = (host: string, options: SignInOptions) => Promise<CloudToken>;

export interface SignInOptions {
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Posts a form to the registry itself, over https and through the guard of registry connections. @throws Fault */
  post(host: string, path: string, form: Readonly<Record<string, string>>): Promise<Uint8Array>;
}
