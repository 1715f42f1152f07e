import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodeBase64 } from './base64.ts';
import { MAX_SIGNATURE_BYTES } from './dsse-envelope.ts';
import type { SimpleSigningEvidence } from './evidence.ts';
import { annotation, PROOF_ANNOTATIONS, readProofAnnotations } from './legacy-annotations.ts';
import type { SignedMaterial } from './signed-material.ts';

const SIGNATURE = 'dev.cosignproject.cosign/signature';

/** Everything that verification reads of the annotations. */
export const SIGNATURE_ANNOTATIONS = [SIGNATURE, ...PROOF_ANNOTATIONS] as const;

/**
 * Reads one layer of cosign 1–2's simple signing.
 * @throws Refusal MALFORMED, LIMIT, SIG_INVALID or CERT_INVALID. Unreadable proofs are kept as such.
 */
export function readLegacySignature({ payload, annotations }: SimpleSigningEvidence): SignedMaterial {
  if (payload.length > LIMITS.evidenceBytes) {
    throw new Refusal('LIMIT', `the simple signing payload is larger than ${LIMITS.evidenceBytes} bytes`);
  }
  const signature = annotation(annotations, SIGNATURE);
  if (signature === undefined || signature === '') {
    throw new Refusal('SIG_INVALID', `the layer has no annotation ${SIGNATURE}`);
  }
  return {
    payload: { kind: 'simple-signing', payload: Buffer.from(payload) },
    signatures: [decodeBase64(signature, `the annotation ${SIGNATURE}`, MAX_SIGNATURE_BYTES)],
    ...readProofAnnotations(annotations),
  };
}
