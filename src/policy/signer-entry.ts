import type {
  KeylessIdentity,
  KeyRefIdentity,
  PolicyRules,
  PublicKeyIdentity,
  TrustedKey,
  TrustedSigner,
} from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import {
  bindKeys,
  bindRoot,
  keyFault,
  keysNeedRoot,
  staleKeys,
  type BoundContext,
  type Stale,
} from './trust-binding.ts';
import type { KeyState, RootState } from './trust-material.ts';
import type { FaultReason } from './verdict.ts';

/**
 * One signer that a policy relies on, with everything that a match needs: `trustedKeys` with its references followed and
 * its selectors expanded, against one snapshot. A disabled or expired signer is still an entry, so that a denial can name it.
 */
export interface SignerEntry extends Standing {
  readonly identity: KeylessIdentity | HeldKeys;
  /** What its signatures are verified with: one for an identity or a key, several for a reference with key versions. */
  readonly contexts: readonly [BoundContext, ...BoundContext[]];
  /** From then on (milliseconds since the epoch) what the context was made of is too old to rely on; undefined = never. */
  readonly stale: Stale | undefined;
}

/** The keys of a `publicKey` entry, or those behind a `keyRef`. */
export interface HeldKeys {
  readonly kind: 'keys';
  readonly fingerprints: readonly string[];
  /** Undefined = the key stands in the entry itself. */
  readonly uri: string | undefined;
}

/** Whom the entry is called, and what bounds its trust. */
interface Standing {
  /** What people find it by: `TrustedSigner "release-ci"`, or `trustedKeys[0]`. */
  readonly label: string;
  readonly enabled: boolean;
  /** Milliseconds since the epoch, like the two below. */
  readonly expiresAt: number | undefined;
  readonly signedNotBefore: number | undefined;
  readonly signedNotAfter: number | undefined;
}

/** An entry that can vouch for nothing, and why: broken, missing, or without its trust root. */
export interface UnusableEntry {
  readonly label: string;
  readonly why: string;
}

/** An entry that may vouch for something, when its key or its root can be had. */
export interface UnavailableEntry extends Pick<Standing, 'label' | 'enabled' | 'expiresAt'> {
  readonly fault: FaultReason;
}

export interface ExpandedEntries {
  readonly usable: readonly SignerEntry[];
  readonly unavailable: readonly UnavailableEntry[];
  readonly unusable: readonly UnusableEntry[];
}

/** What a name stands for in the snapshot. */
export interface TrustLookup {
  readonly signers: ReadonlyMap<string, TrustedSigner>;
  readonly trustRoots: ReadonlyMap<string, RootState>;
  /** By URI. */
  readonly keys: ReadonlyMap<string, KeyState>;
}

type Expanded = SignerEntry | UnavailableEntry | UnusableEntry;

/** Follows every entry of a policy's `trustedKeys`, or of an attestation's `signers`; a signer that is reached twice is one entry. */
export function expandEntries(
  trustedKeys: readonly TrustedKey[],
  rules: PolicyRules,
  lookup: TrustLookup,
): ExpandedEntries {
  const byLabel = new Map<string, Expanded>();
  for (const key of trustedKeys) {
    for (const entry of expand(key, rules, lookup)) byLabel.set(entry.label, entry);
  }
  const entries = [...byLabel.values()];
  return {
    usable: entries.filter((entry) => 'contexts' in entry),
    unavailable: entries.filter((entry) => 'fault' in entry),
    unusable: entries.filter((entry) => 'why' in entry),
  };
}

/** The entries as they stand at a moment: what has become too old is not available any more. */
export function entriesAt(entries: ExpandedEntries, now: number): ExpandedEntries {
  const outdated = entries.usable.filter((entry) => isStale(entry, now));
  const over = entries.unavailable.filter((entry) => isOver(entry, now));
  if (outdated.length === 0 && over.length === 0) return entries;
  return {
    usable: entries.usable.filter((entry) => !isStale(entry, now)),
    unavailable: [
      ...entries.unavailable.filter((entry) => !isOver(entry, now)),
      ...outdated.flatMap(({ stale, ...entry }) =>
        stale === undefined ? [] : [unavailable(entry, stale.fault)],
      ),
    ],
    unusable: [
      ...entries.unusable,
      ...over.map(({ label }) => ({ label, why: 'it is disabled or has expired' })),
    ],
  };
}

/** Trust that has ended does not come back with a key: such an entry only tells whose signature it would have been. */
function isStale(entry: SignerEntry, now: number): boolean {
  return entry.stale !== undefined && now >= entry.stale.from && !isOver(entry, now);
}

function isOver({ enabled, expiresAt }: Pick<Standing, 'enabled' | 'expiresAt'>, now: number): boolean {
  return !enabled || (expiresAt !== undefined && now >= expiresAt);
}

function unavailable(
  { label, enabled, expiresAt }: Pick<Standing, 'label' | 'enabled' | 'expiresAt'>,
  fault: FaultReason,
): UnavailableEntry {
  return { label, enabled, expiresAt, fault };
}

function expand(key: TrustedKey, rules: PolicyRules, lookup: TrustLookup): Expanded[] {
  const label = key.field.replace(/^spec\./, '');
  switch (key.kind) {
    case 'keyless':
    case 'publicKey':
    case 'keyRef':
      return [bind({ label, enabled: true, ...UNBOUNDED }, key, rules, lookup)];
    case 'signerRef': {
      const signer = lookup.signers.get(key.name);
      return signer === undefined
        ? [{ label: `TrustedSigner "${key.name}"`, why: 'it does not exist' }]
        : [ofSigner(signer, rules, lookup)];
    }
    case 'signerSelector': {
      const selected = [...lookup.signers.values()].filter((signer) => key.selector.matches(signer.labels));
      return selected.length === 0
        ? [{ label, why: 'its selector selects no TrustedSigner' }]
        : selected.map((signer) => ofSigner(signer, rules, lookup));
    }
    case 'broken':
      return [{ label, why: `${key.problem.field}: ${key.problem.message}` }];
    default:
      return unreachable(key);
  }
}

const UNBOUNDED = { expiresAt: undefined, signedNotBefore: undefined, signedNotAfter: undefined };

function ofSigner(signer: TrustedSigner, rules: PolicyRules, lookup: TrustLookup): Expanded {
  const label = `TrustedSigner "${signer.name}"`;
  if (signer.identity.kind === 'broken') {
    return { label, why: `${signer.identity.problem.field}: ${signer.identity.problem.message}` };
  }
  const [problem] = signer.problems;
  // A bound that could not be read must not turn into no bound.
  if (problem !== undefined) return { label, why: `${problem.field}: ${problem.message}` };
  const { enabled, expiresAt, signedNotBefore, signedNotAfter } = signer;
  return bind({ label, enabled, expiresAt, signedNotBefore, signedNotAfter }, signer.identity, rules, lookup);
}

function bind(
  standing: Standing,
  identity: KeylessIdentity | PublicKeyIdentity | KeyRefIdentity,
  rules: PolicyRules,
  { trustRoots, keys }: TrustLookup,
): Expanded {
  const ofIdentity = identity.kind === 'keyless' ? identity.trustRoot : undefined;
  const root = bindRoot(ofIdentity ?? rules.trustRoot, trustRoots);
  if (root.kind !== 'bound' && (identity.kind === 'keyless' || keysNeedRoot(rules))) {
    return root.kind === 'unusable'
      ? { label: standing.label, why: root.why }
      : unavailable(standing, root.fault);
  }
  switch (identity.kind) {
    case 'keyless':
      // The compiler cannot know what the condition above has seen to.
      if (root.kind !== 'bound') return { label: standing.label, why: 'it has no trust root' };
      return { ...standing, identity, contexts: [root.bound], stale: root.stale };
    case 'publicKey':
      return {
        ...standing,
        identity: held([identity.key], undefined),
        ...bindKeys([identity.key], undefined, root, rules),
      };
    case 'keyRef': {
      const { uri } = identity.reference;
      const state = keys.get(uri) ?? { kind: 'unavailable', reason: `${uri} was not asked for` };
      if (state.kind === 'unavailable') return unavailable(standing, keyFault(state.reason));
      return {
        ...standing,
        identity: held(state.keys, uri),
        ...bindKeys(state.keys, staleKeys(uri, state), root, rules),
      };
    }
    default:
      return unreachable(identity);
  }
}

function held(keys: readonly VerificationKey[], uri: string | undefined): HeldKeys {
  return { kind: 'keys', fingerprints: keys.map(({ fingerprint }) => fingerprint), uri };
}

/** What an entry expects, for people. */
export function describeIdentity(identity: SignerEntry['identity']): string {
  if (identity.kind === 'keyless') return `${identity.subject.source} (issuer ${identity.issuer.source})`;
  const keys = identity.fingerprints.map((fingerprint) => `key ${fingerprint}`).join(' or ');
  return identity.uri === undefined ? keys : `${keys} of ${identity.uri}`;
}
