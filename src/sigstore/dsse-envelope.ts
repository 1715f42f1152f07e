import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { objectShape, type ObjectShape } from './json-shape.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.ts';
import type { SignedPayload } from './signed-material.ts';

/** The only payload type that we verify (attack A26). */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** Signatures, hashes and key identifiers: an RSA signature of 4096 bits has 512 bytes. */
export const MAX_SIGNATURE_BYTES = 1024;

/** Signatures of one envelope: each costs a verification with each key that a policy names. */
const MAX_SIGNATURES = 8;

/** `Envelope` of secure-systems-lab/dsse, envelope.md. */
export const DSSE_ENVELOPE: ObjectShape = objectShape({
  payload: { kind: 'base64', maxBytes: LIMITS.attestationBytes },
  payloadType: { kind: 'text', maxChars: 256 },
  signatures: {
    kind: 'list',
    of: objectShape({
      sig: { kind: 'base64', maxBytes: MAX_SIGNATURE_BYTES },
      keyid: { kind: 'text', maxChars: 256 },
    }),
    max: MAX_SIGNATURES,
  },
});

/**
 * The rules that the shape does not tell.
 * @throws Refusal SIG_INVALID or UNSUPPORTED.
 */
export function checkEnvelope(envelope: JsonObject): void {
  const type = envelope['payloadType'];
  if (type !== IN_TOTO_PAYLOAD_TYPE) {
    throw typeof type === 'string' && /^[\x21-\x7e]+$/.test(type)
      ? new Refusal('UNSUPPORTED', `the DSSE payload is of type ${type}, not ${IN_TOTO_PAYLOAD_TYPE}`)
      : new Refusal('SIG_INVALID', 'the DSSE payload type holds characters that no media type has');
  }
}

/**
 * A bundle holds the certificate, log entries and timestamps of one signature (sigstore/protobuf-specs, sigstore_bundle.proto): with
 * several, one of them could be verified and another one believed (attack A27).
 * @throws Refusal SIG_INVALID
 */
export function checkOneSignature({ signatures }: JsonObject): void {
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    throw new Refusal('SIG_INVALID', 'the DSSE envelope of the bundle does not have exactly one signature');
  }
}

/**
 * The signatures of an envelope of its own, in its order. An empty one keeps its place and never verifies.
 * @throws Refusal SIG_INVALID where there is none.
 */
export function signaturesOf({ signatures }: JsonObject): readonly Buffer[] {
  const list: readonly JsonValue[] = Array.isArray(signatures) ? signatures : [];
  if (list.length === 0) throw new Refusal('SIG_INVALID', 'the DSSE envelope has no signature');
  return list.map((signature) => {
    const sig = isJsonObject(signature) ? signature['sig'] : undefined;
    return Buffer.from(typeof sig === 'string' ? sig : '', 'base64');
  });
}

/**
 * The envelope as it may have been uploaded to a log that keeps its hash only (`intoto` 0.0.1). A layer of a registry is what was
 * uploaded, with all its signatures: the entry names the key of the one that it is about. A bundle holds the parts, so that every spelling
 * of a known tool is tried. Each holds payload and signature whole: whichever has the hash, it is about this signature.
 */
export function* envelopeSpellings(
  { payload, envelope, keyId }: SignedPayload & { readonly kind: 'dsse' },
  signature: Buffer,
): Generator<Buffer> {
  if (envelope !== undefined) {
    yield envelope;
    return;
  }
  const [payloadType, text, sig] = [
    IN_TOTO_PAYLOAD_TYPE,
    payload.toString('base64'),
    signature.toString('base64'),
  ];
  // Go's struct (secure-systems-lab/go-securesystemslib, dsse/envelope.go), canonical JSON, and either without an empty key ID.
  for (const signatures of [[{ keyid: keyId, sig }], ...(keyId === '' ? [[{ sig }]] : [])]) {
    yield Buffer.from(JSON.stringify({ payloadType, payload: text, signatures }));
    yield Buffer.from(JSON.stringify({ payload: text, payloadType, signatures }));
  }
}
