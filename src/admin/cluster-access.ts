import type { Access, Credentials } from './access.ts';
import type { AccessReviewer } from './access-review.ts';
import type { AccessQuestion } from './caller.ts';
import type { SignedIn } from './sessions.ts';
import type { TokenReviewer } from './token-review.ts';

/** In a cluster a Kubernetes token opens the door, and RBAC says what its owner may do. */
export class ClusterAccess implements Access {
  readonly mode = 'cluster';
  readonly methods = ['token'] as const;
  readonly #tokens: TokenReviewer;
  readonly #rights: AccessReviewer;

  constructor(tokens: TokenReviewer, rights: AccessReviewer) {
    this.#tokens = tokens;
    this.#rights = rights;
  }

  async identify(credentials: Credentials): Promise<SignedIn | undefined> {
    // What could not stand in a header is no token.
    if (credentials.method !== 'token' || !/^[\x21-\x7e]+$/.test(credentials.token)) return undefined;
    const { token } = credentials;
    const owner = await this.#tokens.owner(token);
    return owner && { ...owner, token, tokenExpiresAt: expiryOf(token) };
  }

  async isStillGood({ name, token }: SignedIn): Promise<boolean> {
    if (token === undefined) return false;
    const owner = await this.#tokens.owner(token);
    return owner?.name === name;
  }

  async may({ token }: SignedIn, question: AccessQuestion, signal: AbortSignal): Promise<boolean> {
    return token !== undefined && (await this.#rights.may(token, question, signal));
  }
}

/**
 * `exp` of a token that is a JWT, milliseconds since the epoch. Whether the token is good was asked of the API server; this only
 * makes a session end with it.
 */
export function expiryOf(token: string): number | undefined {
  const [, payload, signature] = token.split('.', 4);
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const exp = (claims as { readonly exp?: unknown } | null)?.exp;
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
