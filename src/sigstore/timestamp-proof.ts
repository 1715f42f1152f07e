import { RFC3161Timestamp } from '@sigstore/core';
import { Verifier } from '@sigstore/verify';
import { Refusal } from '../errors.ts';
import { firstThatHolds } from './first-that-holds.ts';
import type { ProofSubject } from './proofs.ts';
import { trustMaterial, type TrustRoot } from './trust-root.ts';
import type { TimestampProof } from './verified-signature.ts';

/** granted, grantedWithMods (RFC 3161 §2.4.2); the library does not look. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);

/**
 * Verifies one RFC 3161 response over the signature, against each authority of the root alone.
 * @throws Refusal TIME_UNTRUSTED; other errors of the library for what does not verify.
 */
export function verifyTimestamp(der: Buffer, subject: ProofSubject, root: TrustRoot): TimestampProof {
  const timestamp = RFC3161Timestamp.parse(Buffer.from(der));
  if (!GRANTED.has(timestamp.status)) {
    throw new Refusal('TIME_UNTRUSTED', 'the timestamp authority did not grant the timestamp');
  }
  const by = firstThatHolds(root.timestampAuthorities, ({ authority }) => {
    const material = trustMaterial({
      timestampAuthorities: [authority],
      publicKey: () => ({ publicKey: subject.key.key, validFor: () => true }),
    });
    new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 1 }).verify({
      signature: subject.content,
      key: { $case: 'public-key', hint: '' },
      tlogEntries: [],
      timestamps: [{ $case: 'timestamp-authority', timestamp }],
    });
  });
  if (by === undefined) {
    throw new Refusal('TIME_UNTRUSTED', 'the trust root names no timestamp authority');
  }
  return { authority: by.fingerprint, signedAt: timestamp.signingTime.getTime() };
}
