import type { SigningPolicy } from '../api/resources.ts';
import { wholeSeconds } from '../policy/message.ts';
import { entriesAt } from '../policy/signer-entry.ts';
import { compileSnapshot, type CompiledPolicy, type Snapshot } from '../policy/snapshot.ts';
import { reliancesOf } from '../store/policy-reliance.ts';
import type { Policy } from './schemas/resources.ts';

/** A policy with 64 entries and as many builders can have no more that a person reads. */
const MAX_UNUSABLE = 100;

/**
 * Policies as they would be compiled now, whether or not the snapshot holds them already.
 * @param snapshot undefined = nothing is known of signers and roots yet
 */
export function compilePolicies(
  policies: readonly SigningPolicy[],
  snapshot: Snapshot | undefined,
): ReadonlyMap<SigningPolicy, CompiledPolicy> {
  const { signers, trustRoots, keys } = snapshot ?? NOTHING;
  const compiled = compileSnapshot({
    number: 0,
    resources: [...signers.values(), ...policies],
    material: {
      key: ({ uri }) => keys.get(uri) ?? { kind: 'unavailable', reason: `${uri} has not been read yet` },
      root: ({ name }) => ({ kind: 'unavailable', reason: `TrustRoot "${name}" has not been read yet` }),
      builtin: trustRoots,
    },
  });
  return new Map(compiled.policies.map((each) => [each.policy, each]));
}

const NOTHING: Pick<Snapshot, 'signers' | 'trustRoots' | 'keys'> = {
  signers: new Map(),
  trustRoots: new Map(),
  keys: new Map(),
};

/** @param now milliseconds since the epoch */
export function policyFacts(compiled: CompiledPolicy, now: number): Policy['facts'] {
  const entries = entriesAt(compiled.entries, now);
  const over = entries.usable.flatMap(({ label, enabled, expiresAt }) => {
    if (!enabled) return [`${label}: it is switched off`];
    return expiresAt !== undefined && now >= expiresAt
      ? [`${label}: it expired at ${wholeSeconds(expiresAt)}`]
      : [];
  });
  const problems = reliancesOf({ ...compiled, entries }).flatMap((reliance) => reliance.problems);
  return {
    mode: compiled.policy.mode,
    usableEntries: entries.usable.length - over.length,
    unusable: [...new Set([...over, ...problems])].slice(0, MAX_UNUSABLE),
  };
}
