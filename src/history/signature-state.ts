import type { Outcome, Violation, ViolationCode } from '../policy/verdict.ts';

/** Undefined = not asked for, or nobody can tell. */
export interface SignatureState {
  readonly found: boolean | undefined;
  readonly valid: boolean | undefined;
}

const UNKNOWN: SignatureState = { found: undefined, valid: undefined };
const MISSING: SignatureState = { found: false, valid: false };
const BAD: SignatureState = { found: true, valid: false };
const GOOD: SignatureState = { found: true, valid: true };

/** What a reason says of the signature itself. The other codes may be about the image, the reference or the policy. */
const TOLD_BY: Readonly<Partial<Record<ViolationCode, SignatureState>>> = {
  SIGNATURE_MISSING: MISSING,
  SIG_INVALID: BAD,
  CERT_INVALID: BAD,
  TLOG_MISSING: BAD,
  TLOG_INVALID: BAD,
  TLOG_MISMATCH: BAD,
  TIME_UNTRUSTED: BAD,
  IDENTITY_MISMATCH: GOOD,
  SIGNER_DISABLED: GOOD,
  SIGNER_EXPIRED: GOOD,
};

/** Whether an image had a signature, and whether it was cryptographically good, as far as the outcome tells. */
export function signatureState(outcome: Outcome): SignatureState {
  if (outcome.kind === 'verified') return outcome.signers.length > 0 ? GOOD : UNKNOWN;
  if (outcome.kind === 'faulted') return UNKNOWN;
  const states = outcome.violations.filter(isAboutSignatures).map(({ code }) => TOLD_BY[code]);
  // The best that was found: one good signature is not undone by a bad one beside it.
  return [GOOD, BAD, MISSING].find((state) => states.includes(state)) ?? UNKNOWN;
}

function isAboutSignatures({ about }: Violation): boolean {
  return about === undefined;
}
