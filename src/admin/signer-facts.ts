import type { TrustedSigner } from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import { wholeSeconds } from '../policy/message.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Unavailable } from '../policy/trust-material.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import { algorithmOf } from './key-description.ts';
import type { Signer, SignerState } from './schemas/resources.ts';

/** Milliseconds before its end from which on a signer is told to expire. */
const SOON = 30 * 24 * 60 * 60 * 1000;

type Known = Pick<Signer['facts'], 'state' | 'stateDetail' | 'type' | 'identity' | 'keys'>;

/**
 * What is to be known of a signer now.
 * @param snapshot undefined = nothing is known of keys and roots yet
 * @param now milliseconds since the epoch
 */
export function signerFacts(signer: TrustedSigner, snapshot: Snapshot | undefined, now: number): Known {
  const material = materialOf(signer, snapshot, now);
  const trouble = isUnavailable(material) ? material : undefined;
  const keys = isUnavailable(material) ? [] : material;
  return {
    ...stateOf(signer, trouble, now),
    type: typeOf(signer),
    identity: identityOf(signer),
    keys: keys.map((key) => ({ fingerprint: key.fingerprint, algorithm: algorithmOf(key) })),
  };
}

function stateOf(
  signer: TrustedSigner,
  trouble: Unavailable | undefined,
  now: number,
): { readonly state: SignerState; readonly stateDetail?: string } {
  const { enabled, expiresAt, signedNotAfter, identity } = signer;
  const [problem] = identity.kind === 'broken' ? [identity.problem] : signer.problems;
  if (problem !== undefined) return { state: 'invalid', stateDetail: `${problem.field}: ${problem.message}` };
  if (!enabled) return { state: 'disabled', stateDetail: 'It is switched off and vouches for nothing.' };
  if (expiresAt !== undefined && now >= expiresAt)
    return { state: 'expired', stateDetail: `It expired at ${wholeSeconds(expiresAt)}.` };
  if (trouble !== undefined) return { state: 'unavailable', stateDetail: trouble.reason };
  if (signedNotAfter !== undefined && now >= signedNotAfter)
    return {
      state: 'retired',
      stateDetail: `What it signed until ${wholeSeconds(signedNotAfter)} counts, and nothing later.`,
    };
  if (expiresAt !== undefined && expiresAt - now <= SOON)
    return { state: 'expiring', stateDetail: `It expires at ${wholeSeconds(expiresAt)}.` };
  return { state: 'active' };
}

/** Its keys; none for an identity in certificates; or why they, or its root, cannot be had. */
function materialOf(
  { identity }: TrustedSigner,
  snapshot: Snapshot | undefined,
  now: number,
): readonly VerificationKey[] | Unavailable {
  switch (identity.kind) {
    case 'broken':
      return [];
    case 'publicKey':
      return [identity.key];
    case 'keyless': {
      const { trustRoot } = identity;
      if (trustRoot === undefined || snapshot === undefined) return [];
      const root = snapshot.trustRoots.get(trustRoot);
      if (root === undefined)
        return unavailable(`TrustRoot "${trustRoot}" does not exist or cannot be used.`);
      return root.kind === 'unavailable' ? root : isPast(root.usableUntil, now, `TrustRoot "${trustRoot}"`);
    }
    case 'keyRef': {
      const { uri } = identity.reference;
      const key = snapshot?.keys.get(uri);
      if (key === undefined) return unavailable(`${uri} has not been read yet.`);
      if (key.kind === 'unavailable') return key;
      const past = isPast(key.usableUntil, now, uri);
      return isUnavailable(past) ? past : key.keys;
    }
    default:
      return unreachable(identity);
  }
}

function isPast(usableUntil: number | undefined, now: number, what: string): readonly never[] | Unavailable {
  if (usableUntil === undefined || now < usableUntil) return [];
  return unavailable(`${what} could not be read again since ${wholeSeconds(usableUntil)}.`);
}

function isUnavailable(material: readonly VerificationKey[] | Unavailable): material is Unavailable {
  return 'reason' in material;
}

function unavailable(reason: string): Unavailable {
  return { kind: 'unavailable', reason };
}

function typeOf({ identity }: TrustedSigner): Signer['facts']['type'] {
  switch (identity.kind) {
    case 'broken':
      return 'unknown';
    case 'keyless':
      return 'keyless';
    case 'publicKey':
      return 'public_key';
    case 'keyRef':
      // A Secret holds the public key itself; the other stores hold the private one too.
      return identity.reference.scheme === 'k8s' ? 'public_key' : 'kms';
    default:
      return unreachable(identity);
  }
}

function identityOf({ identity }: TrustedSigner): string {
  switch (identity.kind) {
    case 'broken':
      return '';
    case 'keyless':
      return `${identity.issuer.source} ${identity.subject.source}`;
    case 'publicKey':
      return identity.key.fingerprint;
    case 'keyRef':
      return identity.reference.uri;
    default:
      return unreachable(identity);
  }
}
