import type { KeylessIdentity, PolicyRules } from '../api/resources.ts';
import type { CertificateIdentity, SubjectName, VerifiedSignature } from '../sigstore/verified-signature.ts';
import { countedTimes, proofViolation, termsOf } from './proof-rule.ts';
import { describeIdentity, type SignerEntry } from './signer-entry.ts';
import type { MatchedSigner, Violation } from './verdict.ts';

/** One verified signature held against one entry: it counts for it, or the first reason why not. */
export type SignerMatch =
  | { readonly counts: true; readonly signer: MatchedSigner }
  | { readonly counts: false; readonly violation: Violation };

/** @param now milliseconds since the epoch */
export function matchSigner(
  entry: SignerEntry,
  signature: VerifiedSignature,
  rules: PolicyRules,
  now: number,
): SignerMatch {
  const terms = termsOf(entry.contexts[0].context, rules);
  const violation =
    identityViolation(entry, signature) ??
    standingViolation(entry, now) ??
    proofViolation(terms, signature, now) ??
    signingTimeViolation(entry, countedTimes(terms, signature)) ??
    validityViolation(entry, signature, countedTimes(terms, signature), now);
  if (violation !== undefined) return { counts: false, violation };
  const [signedAt] = countedTimes(terms, signature);
  const issuer = signature.signer.kind === 'certificate' ? signature.signer.issuer : undefined;
  return {
    counts: true,
    signer: { entry: entry.label, identity: describeSigner(signature), issuer, signedAt },
  };
}

/** Whether it is the entry's own signature, whenever it was made and whether or not the entry is trusted now. */
export function isSignedBy(entry: SignerEntry, signature: VerifiedSignature): boolean {
  return identityViolation(entry, signature) === undefined;
}

/** Who signed, for people: verified fields only. */
export function describeSigner({ signer }: Pick<VerifiedSignature, 'signer'>): string {
  if (signer.kind === 'key') return `key ${signer.fingerprint}`;
  const names = signer.names.map((name) => name.value).join(', ');
  return `${names === '' ? 'a certificate without a name' : names} (issuer ${signer.issuer ?? 'none'})`;
}

function identityViolation(entry: SignerEntry, { signer }: VerifiedSignature): Violation | undefined {
  const { identity } = entry;
  const mismatch = (what: string): Violation => ({
    code: 'IDENTITY_MISMATCH',
    detail: `${what}; ${entry.label} expects ${describeIdentity(identity)}`,
  });
  if (identity.kind === 'keys') {
    if (signer.kind === 'key' && identity.fingerprints.includes(signer.fingerprint)) return undefined;
    return mismatch('signed by another key');
  }
  if (signer.kind !== 'certificate') return mismatch('signed by a key, not by a certificate');
  if (signer.issuer === undefined || !identity.issuer.matches(signer.issuer)) {
    return mismatch(`the certificate's issuer is ${signer.issuer ?? 'none'}`);
  }
  if (!signer.names.some((name) => nameMatches(identity, name))) {
    return mismatch(
      `the certificate's subject is ${signer.names.map((name) => name.value).join(', ') || 'none'}`,
    );
  }
  return extensionViolation(identity, signer, mismatch);
}

/** An exact subject says by its look whether it is a URI, an e-mail address or a username; a name of another type is another name. */
function nameMatches({ subject }: KeylessIdentity, name: SubjectName): boolean {
  if (subject.kind === 'exact' && (declaredType(subject.source) ?? name.type) !== name.type) return false;
  return subject.matches(name.value);
}

function declaredType(subject: string): SubjectName['type'] | undefined {
  if (subject.includes('://')) return 'uri';
  if (subject.includes('@')) return 'email';
  return subject.includes('!') ? 'username' : undefined;
}

function extensionViolation(
  identity: KeylessIdentity,
  signer: CertificateIdentity,
  mismatch: (what: string) => Violation,
): Violation | undefined {
  for (const [name, expected] of Object.entries(identity.extensions)) {
    const found = Object.hasOwn(signer.extensions, name) ? signer.extensions[name] : undefined;
    if (found !== expected) {
      return mismatch(`the certificate's ${name} is ${found ?? 'absent'}, not ${expected}`);
    }
  }
  return undefined;
}

/** Is the signer trusted now? Switching off and expiry end all trust at once, whenever a signature was made. */
function standingViolation(entry: SignerEntry, now: number): Violation | undefined {
  if (!entry.enabled) {
    return { code: 'SIGNER_DISABLED', detail: `${entry.label} signed it and is disabled` };
  }
  if (entry.expiresAt !== undefined && now >= entry.expiresAt) {
    return {
      code: 'SIGNER_EXPIRED',
      detail: `${entry.label} signed it and expired at ${iso(entry.expiresAt)}`,
    };
  }
  return undefined;
}

/**
 * The earliest trusted time is the one that says when it was signed: a later one only says that it existed by then.
 * So a stolen key cannot reach back before `signedNotAfter`, and an old signature cannot pass for a new one.
 */
function signingTimeViolation(entry: SignerEntry, [earliest]: readonly number[]): Violation | undefined {
  const { signedNotBefore, signedNotAfter } = entry;
  if (signedNotBefore === undefined && signedNotAfter === undefined) return undefined;
  if (earliest === undefined) {
    return {
      code: 'TIME_UNTRUSTED',
      detail: `it has no trusted time, and ${entry.label} has bounds on the signing time`,
    };
  }
  if (signedNotBefore !== undefined && earliest < signedNotBefore) {
    return {
      code: 'SIGNER_EXPIRED',
      detail: `it was signed at ${iso(earliest)}, before ${entry.label} counts (signedNotBefore ${iso(signedNotBefore)})`,
    };
  }
  if (signedNotAfter !== undefined && earliest > signedNotAfter) {
    return {
      code: 'SIGNER_EXPIRED',
      detail: `it was signed at ${iso(earliest)}, after ${entry.label} was retired (signedNotAfter ${iso(signedNotAfter)})`,
    };
  }
  return undefined;
}

/**
 * A key that was given as a certificate counts within its dates. Trusted times were held against them when the signature was verified;
 * one that nothing dates could be made now.
 */
function validityViolation(
  { contexts, label }: SignerEntry,
  { signer }: VerifiedSignature,
  times: readonly number[],
  now: number,
): Violation | undefined {
  if (times.length > 0 || signer.kind !== 'key') return undefined;
  const keys = contexts.flatMap(({ context }) => (context.kind === 'key' ? [context.key] : []));
  const own = keys.filter(({ fingerprint }) => fingerprint === signer.fingerprint);
  const outside = own.flatMap(({ validity }) =>
    validity !== undefined && (now < validity.notBefore || now > validity.notAfter) ? [validity] : [],
  );
  const [first] = outside;
  if (first === undefined || outside.length < own.length) return undefined;
  return {
    code: 'TIME_UNTRUSTED',
    detail: `it has no trusted time, and the certificate of ${label} is valid from ${iso(first.notBefore)} to ${iso(first.notAfter)} only`,
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
