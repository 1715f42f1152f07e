import { bundleFromJSON, ValidationError, type Bundle } from '@sigstore/bundle';
import { asError, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { checkShape, objectShape, type Shape } from './json-shape.ts';
import type { HashName, SignedMaterial, SignedPayload } from './signed-material.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../strict-json.ts';

/** The only payload type that we verify (attack A26). */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

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
/** Signatures, hashes and key identifiers: an RSA signature of 4096 bits has 512 bytes. */
const SIGNATURE = base64(1024);

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
    dsseEnvelope: objectShape({
      payload: base64(LIMITS.evidenceBytes),
      payloadType: SHORT,
      signatures: { kind: 'list', of: objectShape({ sig: SIGNATURE, keyid: SHORT }), max: 64 },
    }),
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
  if (bytes.length > LIMITS.evidenceBytes) {
    throw new Refusal('LIMIT', `the bundle is larger than ${LIMITS.evidenceBytes} bytes`);
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
  checkEnvelope(json);
  return materialOf(parseBundle(json));
}

function checkEnvelope(json: JsonObject): void {
  const envelope = json['dsseEnvelope'];
  if (!isJsonObject(envelope)) return;
  const signatures = envelope['signatures'];
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    // With several, one of them could be verified and another one believed (attack A27).
    throw new Refusal('SIG_INVALID', 'the DSSE envelope does not have exactly one signature');
  }
  const type = envelope['payloadType'];
  if (type !== IN_TOTO_PAYLOAD_TYPE) {
    throw typeof type === 'string' && /^[\x21-\x7e]+$/.test(type)
      ? new Refusal('UNSUPPORTED', `the DSSE payload is of type ${type}, not ${IN_TOTO_PAYLOAD_TYPE}`)
      : new Refusal('SIG_INVALID', 'the DSSE payload type holds characters that no media type has');
  }
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
    signature,
    signer: signerOf(bundle),
    logEntries: { kind: 'read', items: tlogEntries },
    timestamps: { kind: 'read', items: timestamps.map(({ signedTimestamp }) => signedTimestamp) },
  };
}

function signedPayload({ content }: Bundle): { payload: SignedPayload; signature: Buffer } {
  if (content.$case === 'dsseEnvelope') {
    const { payload, signatures } = content.dsseEnvelope;
    return { payload: { kind: 'dsse', payload }, signature: signatures[0]?.sig ?? Buffer.alloc(0) };
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
      return { kind: 'certificate', der: content.certificate.rawBytes };
    case 'x509CertificateChain':
      // The leaf only: intermediates come from the trust root (attack A21).
      return {
        kind: 'certificate',
        der: content.x509CertificateChain.certificates[0]?.rawBytes ?? Buffer.alloc(0),
      };
  }
}
