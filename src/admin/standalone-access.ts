import type { Access, Credentials } from './access.ts';
import { ADMINISTRATOR } from './authentication.ts';
import type { AdminPassword } from './password.ts';
import type { SignedIn } from './sessions.ts';

/** Without a cluster there is one administrator, who may do everything. */
export class StandaloneAccess implements Access {
  readonly mode = 'standalone';
  readonly methods = ['password'] as const;
  readonly #password: AdminPassword;

  constructor(password: AdminPassword) {
    this.#password = password;
  }

  async identify(credentials: Credentials, signal: AbortSignal): Promise<SignedIn | undefined> {
    if (credentials.method !== 'password' || credentials.name !== ADMINISTRATOR) return undefined;
    const isRight = await this.#password.isRight(credentials.password, signal);
    return isRight
      ? { name: ADMINISTRATOR, groups: [], token: undefined, tokenExpiresAt: undefined }
      : undefined;
  }

  isStillGood(): Promise<boolean> {
    return Promise.resolve(true);
  }

  may(): Promise<boolean> {
    return Promise.resolve(true);
  }
}
