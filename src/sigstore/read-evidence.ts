import { Fault, Refusal, unreachable } from '../errors.ts';
import { readBundle } from './bundle.ts';
import type { Evidence, FoundEvidence } from './evidence.ts';
import { framedHash, type HashPart } from './framed-hash.ts';
import { annotation, PROOF_ANNOTATIONS, type Annotations } from './legacy-annotations.ts';
import { readLegacyEnvelope } from './legacy-envelope.ts';
import { readLegacySignature, SIGNATURE_ANNOTATIONS } from './legacy-signature.ts';
import { wordsOf } from './refusal-detail.ts';
import type { SignedMaterial } from './signed-material.ts';
import { claimedPredicateType, COSIGN_SIGNATURE_PREDICATE } from './statement.ts';
import type { RefusedEvidence } from './verified-signature.ts';

/** What is known of one piece of evidence. It is never changed, and is asked about once per trust context and admission. */
interface Reading {
  /** Weak, because it is as large as the evidence: whoever bounds the memory of that has not counted this. */
  material?: WeakRef<SignedMaterial>;
  refusal?: Refusal;
  needsManifest?: boolean;
  claims?: Claims;
  contentHash?: string;
}

/** What evidence says that it is, and whether it cannot be read; empty = nothing says. */
type Claims = Pick<RefusedEvidence, 'claims' | 'claimedType' | 'isUnread'>;

const readings = new WeakMap<FoundEvidence, Reading>();

function readingOf(evidence: FoundEvidence): Reading {
  let reading = readings.get(evidence);
  if (reading === undefined) {
    reading = {};
    readings.set(evidence, reading);
  }
  return reading;
}

/**
 * Reads evidence, in the ordinary case once. Nothing in it is verified.
 * @throws Refusal as its readers do; MALFORMED whatever else a parser threw.
 */
export function readEvidence(evidence: Evidence): SignedMaterial {
  const reading = readingOf(evidence);
  if (reading.refusal !== undefined) throw reading.refusal;
  const known = reading.material?.deref();
  if (known !== undefined) return known;
  try {
    const material = readAnew(evidence);
    reading.material = new WeakRef(material);
    return material;
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    const code = thrown instanceof Refusal ? thrown.code : 'MALFORMED';
    // Without the cause, which may hold on to what was read.
    reading.refusal = new Refusal(code, wordsOf(thrown, 'it is malformed'));
    throw reading.refusal;
  }
}

/** True where the signature is over the image's manifest itself, so that `verifyEvidence` needs its bytes. */
export function needsManifest(evidence: FoundEvidence): boolean {
  if (evidence.kind !== 'bundle') return false;
  const reading = readingOf(evidence);
  reading.needsManifest ??= payloadOf(evidence)?.kind === 'message';
  return reading.needsManifest;
}

/**
 * What evidence, unverified, says that it is, by its statement or else by how it is stored: for the wording of a refusal only.
 */
export function claimsOf(evidence: Evidence): Claims {
  const reading = readingOf(evidence);
  reading.claims ??= claimsIn(evidence);
  return reading.claims;
}

function claimsIn(evidence: Evidence): Claims {
  const payload = payloadOf(evidence);
  if (payload === undefined) return { ...KEPT_AS[evidence.kind], isUnread: true };
  if (payload.kind !== 'dsse') return { claims: 'signature' };
  const type = claimedPredicateType(payload.payload);
  if (type === COSIGN_SIGNATURE_PREDICATE) return { claims: 'signature' };
  if (type !== undefined) return { claims: 'attestation', claimedType: type };
  return KEPT_AS[evidence.kind];
}

/** What evidence is kept as says what it is for. */
const KEPT_AS: Readonly<Record<Evidence['kind'], Claims>> = {
  'simple-signing': { claims: 'signature' },
  'dsse-envelope': { claims: 'attestation' },
  bundle: {},
};

/**
 * The in-toto statement that evidence holds, for readers of what was attested: to be asked of evidence that `verifyEvidence` has
 * verified and of no other. It is the very text that the signature was verified over.
 * @returns undefined where something else than a statement was signed
 */
export function statementPayload(evidence: Evidence): Uint8Array | undefined {
  const payload = payloadOf(evidence);
  return payload?.kind === 'dsse' ? payload.payload : undefined;
}

/** SHA-256 over every byte that reading looks at, or over their digest where they are not here: lower-case hex. */
export function contentHash(evidence: FoundEvidence): string {
  const reading = readingOf(evidence);
  reading.contentHash ??= framedHash(contentParts(evidence));
  return reading.contentHash;
}

function contentParts(evidence: FoundEvidence): readonly HashPart[] {
  switch (evidence.kind) {
    case 'bundle':
      return [evidence.kind, evidence.bytes];
    case 'simple-signing':
      return [
        evidence.kind,
        evidence.payload,
        ...annotationParts(evidence.annotations, SIGNATURE_ANNOTATIONS),
      ];
    case 'dsse-envelope':
      return [evidence.kind, evidence.envelope, ...annotationParts(evidence.annotations, PROOF_ANNOTATIONS)];
    case 'large':
      return [
        evidence.kind,
        evidence.form,
        evidence.digest,
        ...annotationParts(evidence.annotations, PROOF_ANNOTATIONS),
      ];
    default:
      return unreachable(evidence);
  }
}

function annotationParts(annotations: Annotations, names: readonly string[]): readonly HashPart[] {
  return names.map((name) => annotation(annotations, name));
}

function payloadOf(evidence: Evidence): SignedMaterial['payload'] | undefined {
  try {
    return readEvidence(evidence).payload;
  } catch {
    return undefined;
  }
}

function readAnew(evidence: Evidence): SignedMaterial {
  switch (evidence.kind) {
    case 'bundle':
      return readBundle(evidence.bytes);
    case 'simple-signing':
      return readLegacySignature(evidence);
    case 'dsse-envelope':
      return readLegacyEnvelope(evidence);
    default:
      return unreachable(evidence);
  }
}
