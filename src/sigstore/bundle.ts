import { bundleFromJSON, ValidationError, type Bundle } from '@sigstore/bundle';
import { asError, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { checkEnvelope, checkOneSignature, DSSE_ENVELOPE, MAX_SIGNATURE_BYTES } from './dsse-envelope.ts';
import { isSelfSigned } from './intermediates.ts';
import { checkShape, objectShape, type Shape } from './json-shape.ts';
import type { HashName, SignedMaterial, SignedPayload } from './signed-material.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../strict-json.ts';

/** Media types of Sigstore bundles 0.1 to 0.3, whole: the library's pattern also takes what begins like one (attack A29). */
const BUNDLE_MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
]);

const SHORT: Shape = { kind: 'text', maxChars: 256 };
const base64 = (maxBytes: number): Shape => ({ kind: 'base64', maxBytes });
const CERTIFICATE = objectShape({ rawBytes: base64(LIMITS.certificateBytes) });
const SIGNATURE = base64(MAX_SIGNATURE_BYTES);

const LOG_ENTRY = objectShape({
  logIndex: { kind: 'integer' },
  logId: objectShape({ keyId: SIGNATURE }),
  kindVersion: objectShape({ kind: SHORT, version: SHORT }),
  integratedTime: { kind: 'integer' },
  inclusionPromise: objectShape({ signedEntryTimestamp: SIGNATURE }),
  inclusionProof: objectShape({
    logIndex: { kind: 'integer' },
    rootHash: SIGNATURE,
    treeSize: { kind: 'integer' },
    hashes: { kind: 'list', of: SIGNATURE, max: LIMITS.inclusionProofHashes },
    checkpoint: objectShape({ envelope: { kind: 'text', maxChars: LIMITS.checkpointBytes } }),
  }),
  canonicalizedBody: base64(LIMITS.evidenceBytes),
});

/** `Bundle` of sigstore/protobuf-specs, protos/sigstore_bundle.proto. */
const BUNDLE = objectShape(
  {
    mediaType: SHORT,
    verificationMaterial: objectShape(
      {
        publicKey: objectShape({ hint: SHORT }),
        certificate: CERTIFICATE,
        x509CertificateChain: objectShape({
          certificates: { kind: 'list', of: CERTIFICATE, max: LIMITS.chainCertificates },
        }),
        tlogEntries: { kind: 'list', of: LOG_ENTRY, max: LIMITS.logEntries },
        timestampVerificationData: objectShape({
          rfc3161Timestamps: {
            kind: 'list',
            of: objectShape({ signedTimestamp: base64(LIMITS.timestampBytes) }),
            max: LIMITS.timestamps,
          },
        }),
      },
      { oneOf: [['publicKey', 'certificate', 'x509CertificateChain']] },
    ),
    messageSignature: objectShape({
      messageDigest: objectShape({ algorithm: { kind: 'enum' }, digest: SIGNATURE }),
      signature: SIGNATURE,
    }),
    dsseEnvelope: DSSE_ENVELOPE,
  },
  { required: ['verificationMaterial'], oneOf: [['messageSignature', 'dsseEnvelope']] },
);

/** By the number of protobuf's `HashAlgorithm`. */
const HASHES: Readonly<Record<number, HashName>> = { 1: 'sha256', 2: 'sha384', 3: 'sha512' };

/**
 * Reads one Sigstore bundle. Everything that the library's reader takes in good faith (counts, sizes, both members of a
 * union, media types, base64) is checked before it sees the document.
 * @throws Refusal MALFORMED, UNSUPPORTED, LIMIT, SIG_INVALID or TLOG_MISSING.
 */
export function readBundle(bytes: Uint8Array): SignedMaterial {
  if (bytes.length > LIMITS.attestationBytes) {
    throw new Refusal('LIMIT', `the bundle is larger than ${LIMITS.attestationBytes} bytes`);
  }
  const json = parseStrictJson(bytes, 'the bundle', { tokens: LIMITS.bundleTokens });
  if (
    !isJsonObject(json) ||
    typeof json['mediaType'] !== 'string' ||
    !BUNDLE_MEDIA_TYPES.has(json['mediaType'])
  ) {
    throw new Refusal('MALFORMED', 'the bundle is not of a known media type (Sigstore bundle 0.1 to 0.3)');
  }
  checkShape(json, BUNDLE, 'the bundle');
  if (isJsonObject(json['dsseEnvelope'])) {
    checkOneSignature(json['dsseEnvelope']);
    checkEnvelope(json['dsseEnvelope']);
  } else if (bytes.length > LIMITS.evidenceHereBytes) {
    // It holds no statement. Whether a larger one is over the manifest is never asked (`needsManifest`).
    throw new Refusal(
      'LIMIT',
      `a bundle without a statement is larger than ${LIMITS.evidenceHereBytes} bytes`,
    );
  }
  return materialOf(parseBundle(json));
}

function parseBundle(json: JsonObject): Bundle {
  try {
    return bundleFromJSON(json);
  } catch (thrown) {
    if (thrown instanceof ValidationError && thrown.fields.every(isProofField)) {
      throw new Refusal(
        'TLOG_MISSING',
        'a log entry of the bundle lacks the proof that its version asks for',
        {
          cause: thrown,
        },
      );
    }
    const fields = thrown instanceof ValidationError ? `: ${thrown.fields.join(', ')}` : '';
    throw new Refusal('MALFORMED', `the bundle is incomplete${fields}`, { cause: asError(thrown) });
  }
}

function isProofField(field: string): boolean {
  return /\.(inclusionPromise|inclusionProof|inclusionProof\.checkpoint)$/.test(field);
}

function materialOf(bundle: Bundle): SignedMaterial {
  const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  const timestamps = timestampVerificationData?.rfc3161Timestamps ?? [];
  const { payload, signature } = signedPayload(bundle);
  return {
    payload,
    signatures: [signature],
    signer: signerOf(bundle),
    logEntries: { kind: 'read', items: tlogEntries },
    timestamps: { kind: 'read', items: timestamps.map(({ signedTimestamp }) => signedTimestamp) },
  };
}

function signedPayload({ content }: Bundle): { payload: SignedPayload; signature: Buffer } {
  if (content.$case === 'dsseEnvelope') {
    const { payload, signatures } = content.dsseEnvelope;
    const [signature] = signatures;
    return {
      payload: { kind: 'dsse', payload, envelope: undefined, keyId: signature?.keyid ?? '' },
      signature: signature?.sig ?? Buffer.alloc(0),
    };
  }
  const { messageDigest, signature } = content.messageSignature;
  const hash = HASHES[messageDigest.algorithm];
  if (hash === undefined)
    throw new Refusal('UNSUPPORTED', 'the message digest is not SHA-256, SHA-384 or SHA-512');
  return { payload: { kind: 'message', hash, digest: messageDigest.digest }, signature };
}

function signerOf(bundle: Bundle): SignedMaterial['signer'] {
  const { content } = bundle.verificationMaterial;
  switch (content.$case) {
    case 'publicKey':
      // Its hint selects nothing: the key comes from the policy (attack A33).
      return { kind: 'key' };
    case 'certificate':
      return { kind: 'certificate', der: content.certificate.rawBytes, chain: [] };
    case 'x509CertificateChain': {
      const [leaf, ...chain] = content.x509CertificateChain.certificates.map(({ rawBytes }) => rawBytes);
      if (chain.some(isSelfSigned)) {
        // A reader that takes a root from the evidence may come to trust it (sigstore/protobuf-specs, sigstore_common.proto).
        throw new Refusal(
          'CERT_INVALID',
          'the bundle carries a root certificate, which only the trust root may',
        );
      }
      return { kind: 'certificate', der: leaf ?? Buffer.alloc(0), chain };
    }
  }
}
