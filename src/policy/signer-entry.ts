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
import type { TrustRoot } from '../sigstore/trust-root.ts';
import type { TrustContext } from '../sigstore/verify.ts';
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
  readonly stale: { readonly from: number; readonly fault: FaultReason } | undefined;
}

/** A trust context with its name: equal names, equal contexts. */
export interface BoundContext {
  readonly id: string;
  readonly context: TrustContext;
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

/** Follows every entry of a policy's `trustedKeys`; a signer that is reached twice is one entry. */
export function expandEntries(rules: PolicyRules, lookup: TrustLookup): ExpandedEntries {
  const byLabel = new Map<string, Expanded>();
  for (const key of rules.trustedKeys) {
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
  lookup: TrustLookup,
): Expanded {
  if (identity.kind === 'keyless') return bindKeyless(standing, identity, rules, lookup);
  const root = lookup.trustRoots.get(rules.trustRoot);
  const unusable = rootProblem(standing, rules.trustRoot, root);
  const { log, timestamp } = rules.transparency.keys;
  if (unusable !== undefined && (log === 'Required' || timestamp === 'Required')) return unusable;
  const known = root?.kind === 'known' ? root : undefined;
  if (identity.kind === 'publicKey') return bindKeys(standing, [identity.key], undefined, [], known, rules);
  const { uri } = identity.reference;
  const state = lookup.keys.get(uri) ?? { kind: 'unavailable', reason: `${uri} was not asked for` };
  if (state.kind === 'unavailable') return unavailable(standing, keyFault(state.reason));
  const { usableUntil, error } = state;
  const detail = `the key ${uri} could not be read again in time${error === undefined ? '' : `: ${error}`}`;
  const stale = usableUntil === undefined ? [] : [{ from: usableUntil, fault: keyFault(detail) }];
  return bindKeys(standing, state.keys, uri, stale, known, rules);
}

type Stale = NonNullable<SignerEntry['stale']>;

function bindKeyless(
  standing: Standing,
  identity: KeylessIdentity,
  rules: PolicyRules,
  lookup: TrustLookup,
): Expanded {
  const name = identity.trustRoot ?? rules.trustRoot;
  const state = lookup.trustRoots.get(name);
  const problem = rootProblem(standing, name, state);
  if (problem !== undefined || state?.kind !== 'known') return problem ?? missingRoot(standing.label, name);
  const context = {
    id: `root ${state.root.fingerprint}`,
    context: { kind: 'root', root: state.root },
  } as const;
  return { ...standing, identity, contexts: [context], stale: earliest(staleRoot(name, state)) };
}

function bindKeys(
  standing: Standing,
  keys: readonly [VerificationKey, ...VerificationKey[]],
  uri: string | undefined,
  stale: readonly Stale[],
  root: Extract<RootState, { kind: 'known' }> | undefined,
  rules: PolicyRules,
): SignerEntry {
  const [first, ...others] = keys;
  const bound = (key: VerificationKey) => boundKey(key, root?.root);
  // Proofs that nobody asks for need no root, so a root's age does not matter to them.
  const { log, timestamp } = rules.transparency.keys;
  const needsRoot = log === 'Required' || timestamp === 'Required';
  const rootStale = root === undefined || !needsRoot ? [] : staleRoot(rules.trustRoot, root);
  return {
    ...standing,
    identity: { kind: 'keys', fingerprints: keys.map(({ fingerprint }) => fingerprint), uri },
    contexts: [bound(first), ...others.map(bound)],
    stale: earliest([...stale, ...rootStale]),
  };
}

function boundKey(key: VerificationKey, root: TrustRoot | undefined): BoundContext {
  const certificate =
    key.certificate === undefined ? '' : ` certificate ${key.certificate.toString('base64')}`;
  const id = `key ${key.fingerprint}${certificate} ${root?.fingerprint ?? ''}`;
  return { id, context: { kind: 'key', key, root } };
}

function staleRoot(
  name: string,
  { usableUntil, error }: Extract<RootState, { kind: 'known' }>,
): readonly Stale[] {
  if (usableUntil === undefined) return [];
  const detail = `TrustRoot "${name}" has expired and could not be renewed${error === undefined ? '' : `: ${error}`}`;
  return [{ from: usableUntil, fault: { code: 'TRUSTROOT_UNAVAILABLE', detail } }];
}

function earliest(candidates: readonly Stale[]): Stale | undefined {
  return candidates.toSorted((a, b) => a.from - b.from)[0];
}

/** A root that is not there at all is the policy's fault; one that cannot be had now is nobody's "no". */
function rootProblem(
  standing: Standing,
  name: string,
  state: RootState | undefined,
): UnusableEntry | UnavailableEntry | undefined {
  if (state === undefined) return missingRoot(standing.label, name);
  if (state.kind === 'known') return undefined;
  const detail = `TrustRoot "${name}" cannot be had: ${state.reason}`;
  return unavailable(standing, { code: 'TRUSTROOT_UNAVAILABLE', detail });
}

function missingRoot(label: string, name: string): UnusableEntry {
  return { label, why: `TrustRoot "${name}" does not exist or is not valid` };
}

function keyFault(detail: string): FaultReason {
  return { code: 'KEY_UNAVAILABLE', detail };
}

/** What an entry expects, for people. */
export function describeIdentity(identity: SignerEntry['identity']): string {
  if (identity.kind === 'keyless') return `${identity.subject.source} (issuer ${identity.issuer.source})`;
  const keys = identity.fingerprints.map((fingerprint) => `key ${fingerprint}`).join(' or ');
  return identity.uri === undefined ? keys : `${keys} of ${identity.uri}`;
}
