import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { checkEnvelope, DSSE_ENVELOPE, signaturesOf } from './dsse-envelope.ts';
import type { EnvelopeEvidence } from './evidence.ts';
import { checkShape } from './json-shape.ts';
import { readProofAnnotations } from './legacy-annotations.ts';
import type { SignedMaterial } from './signed-material.ts';
import { isJsonObject, parseStrictJson } from '../strict-json.ts';

/**
 * Reads one DSSE layer of cosign 1–2's attestations. The signatures are the envelope's own: the annotation for one, which cosign leaves
 * empty here, is not read.
 * @throws Refusal MALFORMED, UNSUPPORTED, LIMIT, SIG_INVALID or CERT_INVALID. Unreadable proofs are kept as such.
 */
export function readLegacyEnvelope({ envelope, annotations }: EnvelopeEvidence): SignedMaterial {
  if (envelope.length > LIMITS.attestationBytes) {
    throw new Refusal('LIMIT', `the DSSE envelope is larger than ${LIMITS.attestationBytes} bytes`);
  }
  const json = parseStrictJson(envelope, 'the DSSE envelope', { tokens: LIMITS.bundleTokens });
  checkShape(json, DSSE_ENVELOPE, 'the DSSE envelope');
  if (!isJsonObject(json)) throw new Refusal('MALFORMED', 'the DSSE envelope is not an object');
  checkEnvelope(json);
  const signatures = signaturesOf(json);
  const payload = json['payload'];
  if (typeof payload !== 'string' || payload === '' || signatures.every(({ length }) => length === 0)) {
    throw new Refusal('MALFORMED', 'the DSSE envelope has no payload or no signature');
  }
  return {
    payload: {
      kind: 'dsse',
      payload: Buffer.from(payload, 'base64'),
      envelope: Buffer.from(envelope),
      keyId: '',
    },
    signatures,
    ...readProofAnnotations(annotations),
  };
}
