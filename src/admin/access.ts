import type { AccessQuestion } from './caller.ts';
import type { SignedIn } from './sessions.ts';

/** What somebody shows to be let in. */
export type Credentials =
  | { readonly method: 'token'; readonly token: string }
  | { readonly method: 'password'; readonly name: string; readonly password: string };

/** Who may come in and what they may do: the API server's answers in a cluster, one administrator standalone. */
export interface Access {
  readonly mode: 'cluster' | 'standalone';
  /** Kinds of credentials that there are here; others are wrong ones. */
  readonly methods: readonly Credentials['method'][];
  /**
   * @returns undefined for wrong credentials
   * @throws ApiProblem UNAVAILABLE when nobody can tell
   */
  identify(credentials: Credentials, signal: AbortSignal): Promise<SignedIn | undefined>;
  /** Whether who signed in before is still let in. @throws ApiProblem UNAVAILABLE when nobody can tell */
  isStillGood(user: SignedIn, signal: AbortSignal): Promise<boolean>;
  /** @throws ApiProblem UNAVAILABLE when nobody can tell */
  may(user: SignedIn, question: AccessQuestion, signal: AbortSignal): Promise<boolean>;
}
