import { withoutDigest } from '../image/reference.ts';
import { LIMITS } from '../limits.ts';
import { SLSA_VIOLATION_CODES } from '../slsa/slsa-policy.ts';
import type { ImageVerdicts } from './decision.ts';
import { nextAfterUnverified } from './unverified-step.ts';
import type { FaultReason, PolicyIdentity, Verdict, Violation, ViolationCode } from './verdict.ts';

/** Messages are part of the product: every sentence that a denial or a warning is made of stands in this file. */

/** Blocks in one message; the rest is counted. */
const MAX_BLOCKS = 20;
/** Reasons shown for one image under one policy. */
const MAX_REASONS = 5;
/** kubectl shows all of it, and etcd keeps it in conditions and Events. */
const MAX_MESSAGE_CHARS = 16 * 1024;

/** One image under one policy that stands in the way, with what the policy would accept. */
export interface Refusing {
  readonly image: ImageVerdicts;
  readonly verdict: Verdict;
  readonly expected: string | undefined;
}

/** The text of a denial: who, what, why and what next, for every image and policy. The first line is the headline. */
export function denialMessage(refusing: readonly Refusing[], verified: readonly ImageVerdicts[]): string {
  const blocks = refusing.slice(0, MAX_BLOCKS).map(block);
  if (refusing.length > MAX_BLOCKS) blocks.push(`and ${refusing.length - MAX_BLOCKS} more.`);
  if (verified.length > 0) {
    const names = verified.slice(0, MAX_BLOCKS).map(({ image }) => field(withoutDigest(image)));
    blocks.push(`Verified: ${names.join(', ')}.`);
  }
  return cut(blocks.join('\n\n'), MAX_MESSAGE_CHARS);
}

function block({ image, verdict, expected }: Refusing): string {
  const { outcome } = verdict;
  if (outcome.kind === 'verified') return '';
  const reasons: readonly (Violation | FaultReason)[] =
    outcome.kind === 'violated' ? outcome.violations : outcome.faults;
  const found = [...new Set(reasons.map(({ code, detail }) => line('found', `${field(detail)} [${code}]`)))];
  const lines = [
    headline(image, verdict),
    line('in', `${image.place} (${image.field})`),
    line('policy', describePolicy(verdict.policy)),
    line('digest', image.digest ?? (image.isPrivate ? 'not told' : 'not known')),
    ...found.slice(0, MAX_REASONS),
  ];
  if (found.length > MAX_REASONS) lines.push(line('found', `and ${found.length - MAX_REASONS} more`));
  if (expected !== undefined) lines.push(line('expected', field(expected)));
  lines.push(line('next', nextStep(image, verdict)));
  return lines.join('\n');
}

function line(name: string, text: string): string {
  return `  ${`${name}:`.padEnd(11)}${text}`;
}

/** One sentence that says the verdict; for an unsigned image the words are the ones that its users asked for. */
export function headline(image: Pick<ImageVerdicts, 'image'>, { outcome, policy }: Verdict): string {
  const name = `Image ${field(image.image === '' ? '""' : withoutDigest(image.image))}`;
  if (outcome.kind === 'verified') return `${name} is verified.`;
  if (outcome.kind === 'faulted') {
    return `${name} could not be verified: ${FAULT_SUMMARIES[outcome.faults[0].code] ?? 'nobody could tell'}.`;
  }
  const { code, about, headline: said } = outcome.violations[0];
  if (said !== undefined) {
    const words = field(said);
    return `${name} ${words}${words.endsWith('…') ? '' : '.'}`;
  }
  if (code === 'POLICY_INVALID') return `${name} is refused: ${describePolicy(policy)} is not valid.`;
  if (about !== undefined && !OF_STATEMENTS.has(code)) return `${name} ${UNCOUNTED_HEADLINES[about]}`;
  return `${name} ${VIOLATION_HEADLINES[code]}`;
}

/** Codes whose headline is about a statement already; those of the others are about a signature. */
const OF_STATEMENTS: ReadonlySet<ViolationCode> = new Set<ViolationCode>([
  ...SLSA_VIOLATION_CODES,
  'ATT_CONDITION',
]);

const UNCOUNTED_HEADLINES: Readonly<Record<NonNullable<Violation['about']>, string>> = {
  provenance: 'has no SLSA provenance that counts.',
  attestation: 'has no attestation that counts.',
};

const SIGNED_BUT_INVALID = 'is signed, but no signature is valid.';

const VIOLATION_HEADLINES: Readonly<Record<Exclude<ViolationCode, 'POLICY_INVALID'>, string>> = {
  SIGNATURE_MISSING: 'is not signed. Signature required.',
  IDENTITY_MISMATCH: 'is signed, but not by a trusted signer.',
  SIGNER_DISABLED: 'is signed by a signer that is disabled.',
  SIGNER_EXPIRED: 'is signed by a signer whose trust has expired.',
  THRESHOLD: 'does not have enough signatures of distinct signers.',
  DIGEST_REVOKED: 'is revoked.',
  DIGEST_MISMATCH: 'carries a signature of another image.',
  SIG_INVALID: 'is signed, but the signature does not verify with a trusted key.',
  CERT_INVALID: 'is signed, but the certificate of the signature is not valid.',
  TLOG_MISSING: 'is signed, but the signature is not in a transparency log.',
  TLOG_INVALID: SIGNED_BUT_INVALID,
  TLOG_MISMATCH: 'is signed, but its transparency log entry belongs to another signature.',
  TIME_UNTRUSTED: 'is signed, but nothing trusted says when.',
  MALFORMED: SIGNED_BUT_INVALID,
  UNSUPPORTED: 'is of a form that is not supported.',
  LIMIT: 'has evidence above a limit.',
  ATT_MISSING: 'lacks an attestation. Attestation required.',
  ATT_STALE: 'has an attestation that is too old.',
  ATT_CONDITION: 'has an attestation that does not say what is required.',
  SLSA_LEVEL: 'was built at too low an SLSA level.',
  SLSA_BUILDER: 'was not built by a builder that the policy takes.',
  SLSA_SOURCE: 'was built from another source.',
  SLSA_REF: 'was built from another branch or tag.',
  SLSA_BUILD_TYPE: 'was built in another way.',
  SLSA_TRIGGER: 'was built for another event.',
  SLSA_RUNNER: 'was built on another kind of runner.',
  VSA_INVALID: 'has a verification summary that does not count.',
  TAG_NOT_PINNED: 'is not pinned to a digest.',
  DIGEST_REQUIRED: 'has no digest. Digest required.',
  REF_INVALID: 'is not a valid image reference.',
  NO_POLICY: 'is covered by no policy.',
  REVIEW_INVALID: 'cannot be read.',
};

const FAULT_SUMMARIES: Readonly<Partial<Record<FaultReason['code'], string>>> = {
  REGISTRY_UNREACHABLE: 'its registry cannot be reached',
  REGISTRY_DNS: "its registry's name does not resolve",
  REGISTRY_TLS: 'the TLS connection to its registry failed',
  REGISTRY_AUTH: 'its registry refused access',
  REGISTRY_RATE_LIMITED: 'its registry limits the rate of requests',
  REGISTRY_ERROR: 'its registry answered with an error',
  REGISTRY_FORBIDDEN: 'its registry has an address that must not be connected to',
  IMAGE_NOT_FOUND: 'it does not exist in its registry',
  EVIDENCE_GONE: 'its registry names evidence that it does not have',
  TIMEOUT: 'its registry did not answer in time',
  OVERLOADED: 'too many verifications are waiting',
  NAMESPACE_UNKNOWN: 'the labels of the namespace could not be read',
  TRUSTROOT_UNAVAILABLE: 'a trust root is not available',
  KEY_UNAVAILABLE: 'a key is not available',
  NOT_SYNCED: 'the policies have not been read yet',
  INTERNAL: 'Countersign failed',
};

/** What to do about a verdict; empty where there is nothing to do. */
export function nextStep(
  image: Pick<ImageVerdicts, 'image' | 'digest'>,
  { outcome, policy }: Verdict,
): string {
  const name = field(withoutDigest(image.image));
  if (outcome.kind === 'faulted') {
    return nextAfterFault(outcome.faults[0].code, policy);
  }
  if (outcome.kind === 'verified') return '';
  const [first] = outcome.violations;
  if (first.unverified !== undefined) return nextAfterUnverified(first, describePolicy(policy));
  switch (first.code) {
    case 'SIGNATURE_MISSING':
      return `sign it (cosign sign ${name.replace(/[:@][^/]*$/, '')}@${image.digest ?? 'DIGEST'}), or use an image that is signed`;
    case 'TAG_NOT_PINNED':
      return `name the digest (${name}@${image.digest ?? 'sha256:…'}), or install the mutating webhook, which does`;
    case 'DIGEST_REQUIRED':
      return `name the digest: ${name}@${image.digest ?? 'sha256:…'}`;
    case 'POLICY_INVALID':
      return `have ${describePolicy(policy)} mended by its owners`;
    case 'DIGEST_REVOKED':
      return 'use another version of the image';
    case 'REF_INVALID':
      return 'write the reference as a node would accept it: registry/repository:tag@digest';
    case 'NO_POLICY':
      return 'use an image that a policy covers, or ask for a policy';
    case 'ATT_MISSING':
      return first.about === 'provenance'
        ? 'build it where SLSA provenance is made and signed, and attach that to the image; or use an image that has it'
        : `attach it to this digest, signed by a signer that ${describePolicy(policy)} names; or use an image that has it`;
    case 'ATT_STALE':
      return first.about === 'provenance'
        ? 'build it again, or use a newer version of the image'
        : 'make and sign a new one for this digest';
    case 'ATT_CONDITION':
      return 'mend what it tells of and attest again, or use another version of the image';
    case 'SLSA_LEVEL':
    case 'SLSA_BUILDER':
    case 'SLSA_BUILD_TYPE':
    case 'SLSA_RUNNER':
      return `build it with a builder that ${describePolicy(policy)} takes, or ask its owners to ${first.entry === undefined ? 'take this one' : `write ${field(first.entry)}`}`;
    case 'SLSA_SOURCE':
    case 'SLSA_REF':
    case 'SLSA_TRIGGER':
      return `use an image that was built from what ${describePolicy(policy)} names, or ask its owners to name this as well`;
    case 'VSA_INVALID':
      return `have the image verified again by a verifier that ${describePolicy(policy)} names`;
    default:
      return first.about === undefined
        ? `have it signed by a signer that ${describePolicy(policy)} trusts, or ask its owners to trust this one`
        : `have ${first.about === 'provenance' ? 'its provenance' : 'the attestation'} made again, by a signer that ${describePolicy(policy)} names`;
  }
}

function nextAfterFault(code: FaultReason['code'], policy: PolicyIdentity | undefined): string {
  switch (code) {
    case 'IMAGE_NOT_FOUND':
      return 'check the name, and that the credentials may read it; then try again';
    case 'REGISTRY_AUTH':
      return 'check the name, and give the workload imagePullSecrets for this registry; then try again';
    case 'EVIDENCE_GONE':
      return 'wait for the registry to replicate it, or push the signature or attestation again (cosign sign, cosign attest, cosign copy)';
    case 'REGISTRY_RATE_LIMITED':
      return 'try again when the registry allows it';
    case 'KEY_UNAVAILABLE':
    case 'TRUSTROOT_UNAVAILABLE':
      return `show what was found to the owners of ${describePolicy(policy)}; once it can be had, try again`;
    default:
      return 'try again; if it stays, tell the administrators of Countersign';
  }
}

export function describePolicy(policy: PolicyIdentity | undefined): string {
  if (policy === undefined) return "the installation's settings (noMatch)";
  const name = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
  return `${policy.kind} "${field(name)}"`;
}

/** Characters of an exception's name in a warning: what it admits has to fit as well. */
const MAX_WARNED_NAME = 40;

/** That the glass is broken, by what and for how long; undefined where it is not. */
export function exceptionWarning(image: Pick<ImageVerdicts, 'image'>, verdict: Verdict): string | undefined {
  const { exception } = verdict;
  if (exception === undefined) return undefined;
  const name = cut(field(exception.name), MAX_WARNED_NAME);
  return `Excepted by SigningException "${name}" until ${wholeSeconds(exception.expiresAt)}: ${headline(image, verdict)}`;
}

/** @param milliseconds since the epoch */
export function wholeSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** One API warning: bounded, or the API server cuts it in the middle of a word. */
export function warning(text: string): string {
  return cut(field(text), LIMITS.warningChars);
}

/** What somebody else wrote, fit for a terminal and a log: control, format and separator characters escaped, bounded. */
export function field(text: string): string {
  return cut(
    text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
      return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
    }),
    LIMITS.messageFieldChars,
  );
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
