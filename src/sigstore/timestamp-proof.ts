import { Verifier } from '@sigstore/verify';
import { Refusal } from '../errors.ts';
import { firstThatHolds } from './first-that-holds.ts';
import type { ProofSubject } from './proofs.ts';
import { TimestampToken } from './timestamp-token.ts';
import { trustMaterial, type TrustRoot } from './trust-root.ts';
import type { TimestampProof } from './verified-signature.ts';

/**
 * Verifies one RFC 3161 response over the signature, or over the envelope that holds it, against each authority of the root alone.
 * @throws Refusal TIME_UNTRUSTED; other errors of the library for what does not verify.
 */
export function verifyTimestamp(der: Buffer, subject: ProofSubject, root: TrustRoot): TimestampProof {
  const timestamp = TimestampToken.parse(der);
  const { stampedTexts } = subject.content;
  const by = firstThatHolds(root.timestampAuthorities, ({ authority }) => {
    const material = trustMaterial({
      timestampAuthorities: [authority],
      publicKey: () => ({ publicKey: subject.key.key, validFor: () => true }),
    });
    const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 1 });
    firstThatHolds(stampedTexts, (text) =>
      verifier.verify({
        signature: subject.content.stampedOver(text),
        key: { $case: 'public-key', hint: '' },
        tlogEntries: [],
        timestamps: [{ $case: 'timestamp-authority', timestamp }],
      }),
    );
  });
  if (by === undefined) {
    throw new Refusal('TIME_UNTRUSTED', 'the trust root names no timestamp authority');
  }
  return { authority: by.fingerprint, signedAt: timestamp.signingTime.getTime() };
}
