import type { AdminKeyPair } from '../admin/admin-server.ts';
import type { FromDecider, ToDecider } from '../admin/calls/messages.ts';
import type { Settings } from '../config.ts';
import type { Logger } from '../log.ts';

/** What the thread of the admin page is started with. */
export interface AdminThreadData {
  readonly settings: Settings;
  readonly keyPair: AdminKeyPair;
  readonly version: string;
}

/** What that thread says. */
export type FromAdminThread =
  | { readonly kind: 'listening'; readonly port: number }
  /** It could not start. */
  | { readonly kind: 'failed'; readonly problem: StartProblem }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly fields: object; readonly message: string }
  | { readonly kind: 'to-decider'; readonly message: ToDecider };

/** What it is told. */
export type ToAdminThread =
  | { readonly kind: 'from-decider'; readonly message: FromDecider }
  | { readonly kind: 'certificate'; readonly keyPair: AdminKeyPair }
  | { readonly kind: 'drain' }
  /** @property milliseconds for what is under way */
  | { readonly kind: 'stop'; readonly milliseconds: number };

export interface StartProblem {
  /** Whether the settings are at fault. */
  readonly isOfSettings: boolean;
  readonly message: string;
}
