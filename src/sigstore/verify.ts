import { Fault, Refusal } from '../errors.ts';
import { checkIssued, checkValidity } from './certificate-trust.ts';
import { parseLeafCertificate, type LeafCertificate } from './certificate.ts';
import type { Evidence, FoundEvidence } from './evidence.ts';
import { framedHash } from './framed-hash.ts';
import { verifyProofs, type VerifiedProofs } from './proofs.ts';
import type { VerificationKey } from './verification-key.ts';
import { claimsOf, contentHash, needsManifest, readEvidence } from './read-evidence.ts';
import { detailOf } from './refusal-detail.ts';
import { signatureContent, type Artifact, type SignatureContent } from './signature-content.ts';
import { readContent } from './signed-content.ts';
import type { SignedMaterial } from './signed-material.ts';
import type { TrustRoot } from './trust-root.ts';
import { trustedTimes, type RefusedEvidence, type VerifiedSignature } from './verified-signature.ts';
import { VERIFIER_VERSION } from './verifier-version.ts';

export { needsManifest, statementPayload } from './read-evidence.ts';
export type { Artifact } from './signature-content.ts';

/** What evidence is verified with: the authorities of a root, or one key with the root of its logs and timestamps. */
export type TrustContext =
  | { readonly kind: 'root'; readonly root: TrustRoot }
  | { readonly kind: 'key'; readonly key: VerificationKey; readonly root: TrustRoot | undefined };

/**
 * Verifies one piece of evidence in one trust context. Bad evidence is a value, whatever it made a parser throw.
 * @param artifact the image asked about; needed where `needsManifest` says so, and read nowhere else
 * @throws Fault INTERNAL only, for a defect of ours.
 */
export function verifyEvidence(
  evidence: Evidence,
  context: TrustContext,
  artifact?: Artifact,
): VerifiedSignature | RefusedEvidence {
  try {
    const material = readEvidence(evidence);
    // Before the context: what stands in the certificate's place is a certificate or nothing (attack A7).
    const leaf =
      material.signer.kind === 'certificate' ? parseLeafCertificate(material.signer.der) : undefined;
    const verified =
      context.kind === 'root'
        ? verifyWithRoot(material, leaf, context.root, artifact)
        : verifyWithKey(material, leaf, context, artifact);
    return { source: evidence.source, ...verified };
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    return {
      source: evidence.source,
      code: thrown instanceof Refusal ? thrown.code : 'MALFORMED',
      detail: detailOf(thrown, 'it is malformed'),
      ...claimsOf(evidence),
    };
  }
}

/** True for evidence that is refused in the context given. */
export function isRefused(fact: VerifiedSignature | RefusedEvidence): fact is RefusedEvidence {
  return 'code' in fact;
}

/**
 * The key under which the outcome of `verifyEvidence` may be remembered: over every byte that it reads, the trust that it
 * reads them with, and the verifier's version (design §3).
 * @param artifactDigest `sha256:…`; part of the key only where `needsManifest` says so
 * @returns lower-case hex of a SHA-256
 */
export function evidenceKey(evidence: FoundEvidence, context: TrustContext, artifactDigest?: string): string {
  const key = context.kind === 'key' ? context.key : undefined;
  return framedHash([
    VERIFIER_VERSION,
    context.kind,
    context.root?.fingerprint,
    key?.fingerprint,
    key?.certificate,
    contentHash(evidence),
    manifestDigestPart(evidence, artifactDigest),
  ]);
}

function manifestDigestPart(evidence: FoundEvidence, artifactDigest: string | undefined): string | undefined {
  if (!needsManifest(evidence)) return undefined;
  // Without it one image's fact would be another's.
  if (artifactDigest === undefined)
    throw new Fault('INTERNAL', 'a message signature needs the digest of its image');
  return artifactDigest;
}

type Verified = Omit<VerifiedSignature, 'source'>;

function verifyWithRoot(
  material: SignedMaterial,
  leaf: LeafCertificate | undefined,
  root: TrustRoot,
  artifact: Artifact | undefined,
): Verified {
  const { signer: claimed } = material;
  if (leaf === undefined || claimed.kind === 'key') {
    throw new Refusal('SIG_INVALID', 'it was signed with a key, and a certificate is expected');
  }
  if (leaf.identity.names.length === 0) {
    // Its common name is none: authorities do not vouch for what stands there in one form.
    throw new Refusal('CERT_INVALID', 'the certificate has no subject alternative name that is an identity');
  }
  return verifyAny(material, leaf.key, artifact, (content) => {
    const proofs = verifyProofs(material, { content, key: leaf.key, signer: leaf }, root);
    const checkIssuedAt = (times: readonly number[]) =>
      checkIssued(leaf, claimed.chain, content, root, times);
    checkIssuedAt(requireTimes(proofs, root, () => checkIssuedAt([leaf.notBefore])));
    return {
      ...readContent(material, artifact),
      signer: { kind: 'certificate', trustRoot: root.fingerprint, ...leaf.identity },
      ...proofs,
    };
  });
}

/** For a certificate any invalid proof counts against it, and without a trusted time it proves nothing (attack A13). */
function requireTimes(
  { log, timestamps }: VerifiedProofs,
  root: TrustRoot,
  checkIssuer: () => void,
): readonly number[] {
  for (const proofs of [timestamps, log]) {
    if (proofs.state !== 'invalid') continue;
    // A bundle of another instance has foreign proofs too: that its issuer is foreign is the better answer.
    checkIssuer();
    throw new Refusal(proofs.code, proofs.detail);
  }
  const times = trustedTimes({ log, timestamps });
  if (times.length > 0) return times;
  if (log.state === 'absent' && root.requires.logEntries > 0) {
    throw new Refusal('TLOG_MISSING', 'there is no entry of a transparency log, and no timestamp either');
  }
  throw new Refusal('TIME_UNTRUSTED', 'nothing that is trusted tells when the certificate was used');
}

function verifyWithKey(
  material: SignedMaterial,
  leaf: LeafCertificate | undefined,
  { key, root }: TrustContext & { kind: 'key' },
  artifact: Artifact | undefined,
): Verified {
  checkCarried(leaf, key);
  const signer = leaf ?? { kind: 'key', der: key.spki };
  return verifyAny(material, key, artifact, (content) => {
    const proofs = verifyProofs(material, { content, key, signer }, root);
    // A certificate that the policy names is bound by its validity, whether or not the signature carries it.
    if (key.certificate !== undefined) {
      checkValidity(parseLeafCertificate(key.certificate), trustedTimes(proofs));
    }
    return {
      ...readContent(material, artifact),
      signer: { kind: 'key', fingerprint: key.fingerprint },
      ...proofs,
    };
  });
}

/**
 * Verifies with the first signature of the key that its proofs are about. The others of an envelope are of other keys, or bad: they neither
 * spoil this one nor count for anything. A person who stores an envelope can add signatures of a key (an ECDSA signature has a second form), so that
 * the first one that verifies need not be the one that was logged.
 * @throws Refusal SIG_INVALID where none verifies; else what `verify` throws for the first, where it throws for each.
 */
function verifyAny(
  material: SignedMaterial,
  key: VerificationKey,
  artifact: Artifact | undefined,
  verify: (content: SignatureContent) => Verified,
): Verified {
  const { signatures } = material;
  let flawed: Verified | undefined;
  let failure: unknown;
  for (const [i, signature] of signatures.entries()) {
    // The same bytes again would cost all that their proofs do.
    if (signatures.findIndex((each) => each.equals(signature)) < i) continue;
    const content = signatureContent(material, signature, key, artifact);
    if (!content.verifies) continue;
    try {
      const verified = { ...verify(content), ...(signatures.length > 1 && { signatureNumber: i + 1 }) };
      if (verified.log.state !== 'invalid' && verified.timestamps.state !== 'invalid') return verified;
      flawed ??= verified;
    } catch (thrown) {
      if (thrown instanceof Fault) throw thrown;
      failure ??= thrown;
    }
  }
  if (flawed !== undefined) return flawed;
  throw failure ?? new Refusal('SIG_INVALID', 'the signature does not verify');
}

/** Evidence with a certificate is keyless, unless it is the very one that the key was given as (attack A33). */
function checkCarried(leaf: LeafCertificate | undefined, { certificate }: VerificationKey): void {
  if (leaf === undefined || certificate?.equals(leaf.der) === true) return;
  throw new Refusal(
    'SIG_INVALID',
    certificate === undefined
      ? 'it was signed with a certificate, and a signature by the key is expected'
      : 'it was signed with another certificate than the one that is trusted',
  );
}
