import type { TransparencyLogEntry } from '@sigstore/bundle';
import { asError, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodeBase64 } from './base64.ts';
import type { SimpleSigningEvidence } from './evidence.ts';
import { checkShape, objectShape } from './json-shape.ts';
import { pemBody } from './public-key.ts';
import type { ProofMaterial, SignedMaterial } from './signed-material.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../strict-json.ts';

/** Annotations of a layer of `sha256-<hex>.sig` (cosign, pkg/oci/internal/signature/layer.go). */
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const LOG_BUNDLE = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/**
 * Everything that verification reads of the annotations. `dev.sigstore.cosign/chain` is not among them: what comes with
 * an artifact vouches for nothing, and intermediates belong in the trust root.
 */
export const LEGACY_ANNOTATIONS = [SIGNATURE, CERTIFICATE, LOG_BUNDLE, TIMESTAMP] as const;

const MAX_SIGNATURE_BYTES = 1024;

const LOG_BUNDLE_SHAPE = objectShape(
  {
    SignedEntryTimestamp: { kind: 'base64', maxBytes: MAX_SIGNATURE_BYTES },
    Payload: objectShape(
      {
        body: { kind: 'base64', maxBytes: LIMITS.evidenceBytes },
        integratedTime: { kind: 'integer' },
        logIndex: { kind: 'integer' },
        logID: { kind: 'text', maxChars: 64 },
      },
      { required: ['body', 'integratedTime', 'logIndex', 'logID'] },
    ),
  },
  { required: ['SignedEntryTimestamp', 'Payload'] },
);

const TIMESTAMP_SHAPE = objectShape(
  { SignedRFC3161Timestamp: { kind: 'base64', maxBytes: LIMITS.timestampBytes } },
  { required: ['SignedRFC3161Timestamp'] },
);

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
    signature: decodeBase64(signature, `the annotation ${SIGNATURE}`, MAX_SIGNATURE_BYTES),
    signer: readSigner(annotation(annotations, CERTIFICATE)),
    logEntries: readProof(annotation(annotations, LOG_BUNDLE), 'TLOG_INVALID', readLogBundle),
    timestamps: readProof(annotation(annotations, TIMESTAMP), 'TIME_UNTRUSTED', readTimestamp),
  };
}

/** Anything in the certificate's place says "keyless": a key there never selects another way to verify (attack A7). */
function readSigner(pem: string | undefined): SignedMaterial['signer'] {
  if (pem === undefined) return { kind: 'key' };
  if (pem.length > 2 * LIMITS.certificateBytes) {
    throw new Refusal('LIMIT', `the certificate is larger than ${LIMITS.certificateBytes} bytes`);
  }
  try {
    return { kind: 'certificate', der: pemBody(pem, 'CERTIFICATE', 'the certificate annotation') };
  } catch (cause) {
    throw new Refusal('CERT_INVALID', `the annotation ${CERTIFICATE} is not one PEM certificate`, { cause });
  }
}

function readProof<T>(
  text: string | undefined,
  code: 'TLOG_INVALID' | 'TIME_UNTRUSTED',
  read: (text: string) => T,
): ProofMaterial<T> {
  if (text === undefined) return { kind: 'read', items: [] };
  try {
    return { kind: 'read', items: [read(text)] };
  } catch (thrown) {
    const { message } = asError(thrown);
    return { kind: 'unreadable', refusal: new Refusal(code, message, { cause: thrown }) };
  }
}

/** Rekor v1's answer as cosign keeps it: the promise is over exactly these four fields. */
function readLogBundle(text: string): TransparencyLogEntry {
  const json = readAnnotation(text, 'the log bundle', LOG_BUNDLE_SHAPE);
  const payload = json['Payload'] as Readonly<Record<string, string | number>>;
  const body = Buffer.from(String(payload['body']), 'base64');
  const logId = String(payload['logID']);
  if (!/^[0-9a-f]{64}$/.test(logId)) throw new Refusal('MALFORMED', 'the log bundle has no log ID in hex');
  const entry = parseStrictJson(body, 'the log entry', { tokens: LIMITS.bundleTokens });
  const { kind, apiVersion } = isJsonObject(entry) ? entry : {};
  return {
    logIndex: String(payload['logIndex']),
    logId: { keyId: Buffer.from(logId, 'hex') },
    kindVersion: { kind: String(kind), version: String(apiVersion) },
    integratedTime: String(payload['integratedTime']),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(String(json['SignedEntryTimestamp']), 'base64') },
    inclusionProof: undefined,
    canonicalizedBody: body,
  };
}

function readTimestamp(text: string): Buffer {
  const json = readAnnotation(text, 'the timestamp', TIMESTAMP_SHAPE);
  return Buffer.from(String(json['SignedRFC3161Timestamp']), 'base64');
}

function readAnnotation(text: string, what: string, shape: ReturnType<typeof objectShape>): JsonObject {
  const json = parseStrictJson(text, what, { tokens: LIMITS.bundleTokens });
  checkShape(json, shape, what);
  return json as JsonObject;
}

/** Own properties only: a map of annotations comes from somebody else's JSON. */
function annotation(annotations: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}
