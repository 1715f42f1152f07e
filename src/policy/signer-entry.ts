import type {
  KeylessIdentity,
  PolicyRules,
  PublicKeyIdentity,
  TrustedKey,
  TrustedSigner,
} from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import type { TrustRoot } from '../sigstore/trust-root.ts';
import type { TrustContext } from '../sigstore/verify.ts';

/**
 * One signer that a policy relies on, with everything that a match needs: `trustedKeys` with its references followed and
 * its selectors expanded, against one snapshot. A disabled or expired signer is still an entry, so that a denial can name it.
 */
export interface SignerEntry {
  /** What people find it by: `TrustedSigner "release-ci"`, or `trustedKeys[0]`. */
  readonly label: string;
  readonly identity: KeylessIdentity | PublicKeyIdentity;
  /** What its signatures are verified with. */
  readonly context: TrustContext;
  readonly contextId: string;
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

export interface ExpandedEntries {
  readonly usable: readonly SignerEntry[];
  readonly unusable: readonly UnusableEntry[];
}

/** What a name stands for in the snapshot. */
export interface TrustLookup {
  readonly signers: ReadonlyMap<string, TrustedSigner>;
  readonly trustRoots: ReadonlyMap<string, TrustRoot>;
}

type Expanded = SignerEntry | UnusableEntry;

/** Follows every entry of a policy's `trustedKeys`; a signer that is reached twice is one entry. */
export function expandEntries(rules: PolicyRules, lookup: TrustLookup): ExpandedEntries {
  const byLabel = new Map<string, Expanded>();
  for (const key of rules.trustedKeys) {
    for (const entry of expand(key, rules, lookup)) byLabel.set(entry.label, entry);
  }
  const entries = [...byLabel.values()];
  return {
    usable: entries.filter(isUsable),
    unusable: entries.filter((entry) => !isUsable(entry)) as UnusableEntry[],
  };
}

function isUsable(entry: Expanded): entry is SignerEntry {
  return 'context' in entry;
}

function expand(key: TrustedKey, rules: PolicyRules, lookup: TrustLookup): Expanded[] {
  const label = key.field.replace(/^spec\./, '');
  switch (key.kind) {
    case 'keyless':
    case 'publicKey':
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
  entry: Omit<SignerEntry, 'identity' | 'context' | 'contextId'>,
  identity: KeylessIdentity | PublicKeyIdentity,
  rules: PolicyRules,
  lookup: TrustLookup,
): Expanded {
  const rootName = (identity.kind === 'keyless' ? identity.trustRoot : undefined) ?? rules.trustRoot;
  const root = lookup.trustRoots.get(rootName);
  if (identity.kind === 'keyless') {
    if (root === undefined) return { label: entry.label, why: rootMissing(rootName) };
    return { ...entry, identity, context: { kind: 'root', root }, contextId: `root ${root.fingerprint}` };
  }
  const { log, timestamp } = rules.transparency.keys;
  if (root === undefined && (log === 'Required' || timestamp === 'Required')) {
    return { label: entry.label, why: rootMissing(rootName) };
  }
  const contextId = `key ${identity.key.fingerprint} ${root?.fingerprint ?? ''}`;
  return { ...entry, identity, context: { kind: 'key', key: identity.key, root }, contextId };
}

function rootMissing(name: string): string {
  return `TrustRoot "${name}" does not exist or is not valid`;
}

/** What an entry expects, for people. */
export function describeIdentity(identity: KeylessIdentity | PublicKeyIdentity): string {
  if (identity.kind === 'publicKey') return `key ${identity.key.fingerprint}`;
  return `${identity.subject.source} (issuer ${identity.issuer.source})`;
}
