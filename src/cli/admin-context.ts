import type { LiveDecisions } from '../admin/live-decisions.ts';
import type { SignerUse } from '../admin/signer-use.ts';
import type { Sources } from '../admission/gather-facts.ts';
import type { Settings } from '../config.ts';
import type { History } from '../history/history.ts';
import type { Logger } from '../log.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Surroundings } from './stores.ts';

/** What the rest of the service lends to its admin page. */
export interface AdminContext {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly surroundings: Surroundings;
  /** Undefined where none is kept. */
  readonly history: History | undefined;
  readonly watchers: AdminWatchers;
  /** What the webhook itself decides with, but for its way to registries. */
  readonly sources: Sources;
  readonly snapshot: () => Snapshot | undefined;
  readonly notReady: () => readonly string[];
}

/** What looks on at decisions for the page. */
export interface AdminWatchers {
  readonly live: LiveDecisions;
  readonly signerUse: SignerUse;
}
