import type { Kind } from '../api/envelope.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Caller } from './caller.ts';
import type { LastUse } from './last-use.ts';
import type { Knowledge } from './resource-views.ts';

export interface KnowledgeSources {
  /** The newest; undefined = none yet. Never throws. */
  readonly snapshot: () => Snapshot | undefined;
  readonly lastUse: LastUse;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What has to be waited for before somebody can be shown documents. */
export type Sight = Pick<Knowledge, 'maySee' | 'lastUsed'>;

/** @param names of the documents of that kind that will be shown */
export async function sightOf(
  { lastUse }: KnowledgeSources,
  caller: Caller,
  kind: Kind,
  names: readonly string[],
): Promise<Sight> {
  const [cluster, namespaced, lastUsed] = await Promise.all([
    caller.may({ verb: 'list', resource: 'clustersigningpolicies' }),
    caller.may({ verb: 'list', resource: 'signingpolicies' }),
    lastUse.of(kind === 'TrustedSigner' ? names : []),
  ]);
  return { lastUsed, maySee: (policy) => (policy.kind === 'ClusterSigningPolicy' ? cluster : namespaced) };
}

/** As things are now. */
export function knowledgeOf({ snapshot, now }: KnowledgeSources, sight: Sight): Knowledge {
  return { snapshot: snapshot(), now: now(), ...sight };
}
