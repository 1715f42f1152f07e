import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { StoredEvidence } from './stored-evidence.ts';

/** Where one byte is changed. Each must be noticed by whoever verifies that part of the evidence. */
export type Change =
  'payload' | 'signature' | 'certificate' | 'log entry' | 'log promise' | 'log checkpoint' | 'timestamp';

export const CHANGES: readonly Change[] = [
  'payload',
  'signature',
  'certificate',
  'log entry',
  'log promise',
  'log checkpoint',
  'timestamp',
];

const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const LOG_BUNDLE = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** The evidence with one byte changed; nothing where it has no such part. */
export function changed(evidence: StoredEvidence, change: Change): StoredEvidence | undefined {
  const other =
    evidence.format === 'bundle' ? changedBundle(evidence, change) : changedLayer(evidence, change);
  if (isDeepStrictEqual(other, evidence)) throw new Error(`the ${change} was not changed`);
  return other;
}

interface EnvelopeJson {
  payload: string;
  readonly signatures: readonly { sig: string }[];
}

interface BundleJson {
  readonly dsseEnvelope: EnvelopeJson;
  readonly verificationMaterial: {
    readonly certificate?: { rawBytes: string };
    readonly tlogEntries?: readonly {
      canonicalizedBody: string;
      readonly inclusionPromise?: { signedEntryTimestamp: string };
      readonly inclusionProof?: { readonly checkpoint: { envelope: string } };
    }[];
    readonly timestampVerificationData?: {
      readonly rfc3161Timestamps?: readonly { signedTimestamp: string }[];
    };
  };
}

function changedBundle(evidence: StoredEvidence, change: Change): StoredEvidence | undefined {
  const bundle = JSON.parse(evidence.blob.toString()) as BundleJson;
  const { dsseEnvelope, verificationMaterial: material } = bundle;
  const [entry] = material.tlogEntries ?? [];
  const flip = <K extends string>(
    holder: Record<K, string> | undefined,
    member: K,
    flipped = flipLast,
  ): boolean => {
    if (holder?.[member] === undefined) return false;
    holder[member] = flipped(holder[member]);
    return true;
  };
  const isDone: Readonly<Record<Change, () => boolean>> = {
    payload: () => flip(dsseEnvelope, 'payload', flipInDigest),
    signature: () => flip(dsseEnvelope.signatures[0], 'sig'),
    certificate: () => flip(material.certificate, 'rawBytes'),
    'log entry': () => flip(entry, 'canonicalizedBody', flipInSignature),
    'log promise': () => flip(entry?.inclusionPromise, 'signedEntryTimestamp'),
    'log checkpoint': () => flip(entry?.inclusionProof?.checkpoint, 'envelope', flipNote),
    timestamp: () => flip(material.timestampVerificationData?.rfc3161Timestamps?.[0], 'signedTimestamp'),
  };
  return isDone[change]() ? { ...evidence, blob: Buffer.from(JSON.stringify(bundle)) } : undefined;
}

function changedLayer(evidence: StoredEvidence, change: Change): StoredEvidence | undefined {
  const { annotations, blob } = evidence;
  const parsed = JSON.parse(blob.toString()) as Partial<EnvelopeJson>;
  const envelope = parsed.payload === undefined ? undefined : (parsed as EnvelopeJson);
  const withAnnotation = (name: string, flipped: (value: string) => string): StoredEvidence | undefined => {
    const value = annotations[name];
    return value === undefined || value === ''
      ? undefined
      : { ...evidence, annotations: { ...annotations, [name]: flipped(value) } };
  };
  switch (change) {
    case 'payload':
      return { ...evidence, blob: envelope === undefined ? flipFirstDigest(blob) : withPayload(envelope) };
    case 'signature':
      return withAnnotation(SIGNATURE, flipLast);
    case 'certificate':
      return withAnnotation(CERTIFICATE, flipPem);
    case 'log entry':
      return withAnnotation(LOG_BUNDLE, (text) => inJson(text, ['Payload', 'body'], flipInSignature));
    case 'log promise':
      return withAnnotation(LOG_BUNDLE, (text) => inJson(text, ['SignedEntryTimestamp'], flipLast));
    case 'timestamp':
      return withAnnotation(TIMESTAMP, (text) => inJson(text, ['SignedRFC3161Timestamp'], flipLast));
    case 'log checkpoint':
      return undefined;
  }
}

function withPayload(envelope: EnvelopeJson): Buffer {
  return Buffer.from(JSON.stringify({ ...envelope, payload: flipInDigest(envelope.payload) }));
}

/** The last byte of what is signed mathematics in all of these: a signature's own. */
function flipLast(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes.toString('base64');
}

function flipPem(text: string): string {
  const der = new X509Certificate(text).raw.toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${(flipLast(der).match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Another digest is signed for. */
function flipFirstDigest(text: Buffer): Buffer {
  return Buffer.from(
    text.toString().replace(/[0-9a-f]{64}/, (hex) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1)),
  );
}

function flipInDigest(base64: string): string {
  return flipFirstDigest(Buffer.from(base64, 'base64')).toString('base64');
}

/** In the signature that the log keeps, or else in the digest. */
function flipInSignature(base64: string): string {
  const body = Buffer.from(base64, 'base64').toString();
  const other = body.replace(
    /("(?:content|signature|sig)":")([A-Za-z0-9+/])/,
    (_, before: string, first: string) => before + (first === 'M' ? 'N' : 'M'),
  );
  return other === body ? flipInDigest(base64) : Buffer.from(other).toString('base64');
}

/** The signature of a signed note: after the hint of the key. */
function flipNote(envelope: string): string {
  return envelope.replace(
    /(\u2014 \S+ )(\S+)/,
    (_, before: string, signature: string) => before + flipLast(signature),
  );
}

function inJson(text: string, path: readonly string[], flipped: (value: string) => string): string {
  const json = JSON.parse(text) as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  const holder = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, json);
  holder[last] = flipped(String(holder[last]));
  return JSON.stringify(json);
}
