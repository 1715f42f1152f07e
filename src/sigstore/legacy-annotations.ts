import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { MAX_SIGNATURE_BYTES } from './dsse-envelope.ts';
import { checkShape, objectShape } from './json-shape.ts';
import { pemBlocks, pemBody } from './pem.ts';
import { wordsOf } from './refusal-detail.ts';
import type { ProofMaterial, SignedMaterial } from './signed-material.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../strict-json.ts';

/** A map that comes from somebody else's JSON. */
export type Annotations = Readonly<Record<string, string>>;

/** Annotations of a layer of `sha256-<hex>.sig` and `.att` (cosign, pkg/oci/internal/signature/layer.go). */
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const CHAIN = 'dev.sigstore.cosign/chain';
const LOG_BUNDLE = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** Those that say who signed and when: everything that verification reads of an envelope's. */
export const PROOF_ANNOTATIONS = [CERTIFICATE, CHAIN, LOG_BUNDLE, TIMESTAMP] as const;

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
 * Who signed and each proof of when, as annotations tell it.
 * @throws Refusal LIMIT or CERT_INVALID. Unreadable proofs are kept as such.
 */
export function readProofAnnotations(
  annotations: Annotations,
): Pick<SignedMaterial, 'signer' | 'logEntries' | 'timestamps'> {
  return {
    signer: readSigner(annotation(annotations, CERTIFICATE), annotation(annotations, CHAIN)),
    logEntries: readProof(annotation(annotations, LOG_BUNDLE), 'TLOG_INVALID', readLogBundle),
    timestamps: readProof(annotation(annotations, TIMESTAMP), 'TIME_UNTRUSTED', readTimestamp),
  };
}

/** Own properties only. */
export function annotation(annotations: Annotations, name: string): string | undefined {
  return Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}

/** Anything in the certificate's place says "keyless": a key there never selects another way to verify (attack A7). */
function readSigner(pem: string | undefined, chain = ''): SignedMaterial['signer'] {
  if (pem === undefined) return { kind: 'key' };
  checkLength(pem, 1);
  checkLength(chain, LIMITS.chainCertificates);
  try {
    const der = pemBody(pem, 'CERTIFICATE', 'the certificate annotation');
    const others = pemBlocks(chain, 'CERTIFICATE', LIMITS.chainCertificates);
    // Each by itself: one with the bytes of ten takes a second to parse.
    if (others.some(({ length }) => length > LIMITS.certificateBytes)) refuseLength();
    return { kind: 'certificate', der, chain: others };
  } catch (cause) {
    if (cause instanceof Refusal && cause.code === 'LIMIT') throw cause;
    throw new Refusal(
      'CERT_INVALID',
      `the annotation ${CERTIFICATE} is not one PEM certificate, or ${CHAIN} not a list of such`,
      { cause },
    );
  }
}

function checkLength(pem: string, certificates: number): void {
  if (pem.length > 2 * LIMITS.certificateBytes * certificates) refuseLength();
}

function refuseLength(): never {
  throw new Refusal('LIMIT', `a certificate is larger than ${LIMITS.certificateBytes} bytes`);
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
    const words = wordsOf(thrown, 'it is malformed');
    return { kind: 'unreadable', refusal: new Refusal(code, words, { cause: thrown }) };
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
