import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isJsonObject, parseStrictJson } from '../strict-json.ts';

const SIMPLE_SIGNING_TYPE = 'cosign container image signature';
const SHA256_DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads the payload that cosign 1–2 signed (containers/image, docs/atomic-signature-embedded-json.json).
 * @returns the digest of the image that it names, `sha256:<64 hex>`
 * @throws Refusal MALFORMED, UNSUPPORTED, LIMIT, or DIGEST_MISMATCH when it names none in that form (attack A25).
 */
export function readSimpleSigning(payload: Uint8Array): string {
  const json = parseStrictJson(payload, 'the simple signing payload', { tokens: LIMITS.bundleTokens });
  const critical = isJsonObject(json) ? json['critical'] : undefined;
  if (!isJsonObject(critical))
    throw new Refusal('MALFORMED', 'the simple signing payload has no critical part');
  if (critical['type'] !== SIMPLE_SIGNING_TYPE) {
    throw new Refusal('UNSUPPORTED', `the signed payload is not of type "${SIMPLE_SIGNING_TYPE}"`);
  }
  const image = critical['image'];
  const digest = isJsonObject(image) ? image['docker-manifest-digest'] : undefined;
  if (typeof digest !== 'string' || !SHA256_DIGEST.test(digest)) {
    throw new Refusal('DIGEST_MISMATCH', 'the signed payload does not name the digest of an image');
  }
  return digest;
}
