import { FAULT_CODES } from '../errors.ts';
import type { Decision, ImageVerdicts } from '../policy/decision.ts';
import type { Outcome, PolicyIdentity, Verdict } from '../policy/verdict.ts';
import { signatureState } from './signature-state.ts';
import { storedText } from './stored-text.ts';
import type { Verification } from './verification.ts';

/** Rows of one review: a Pod has a handful of images under a few policies; somebody else may write hundreds to wash out what is kept. */
export const MAX_ROWS = 100;

const IMAGE_CHARS = 780;
const NAME_CHARS = 256;
const IDENTITY_CHARS = 512;
const DETAIL_CHARS = 512;
const MAX_CODES = 8;

/** Where and when a decision was made. */
export interface Occasion {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly replica: string;
  /** Milliseconds. */
  readonly latency: number;
}

type Common = Pick<
  Verification,
  | 'time'
  | 'uid'
  | 'decision'
  | 'namespace'
  | 'kind'
  | 'name'
  | 'user'
  | 'operation'
  | 'snapshot'
  | 'replica'
  | 'latency'
>;

const NOTHING_KNOWN = {
  signerEntry: undefined,
  signer: undefined,
  issuer: undefined,
  signedAt: undefined,
  slsaLevel: undefined,
  builder: undefined,
  code: undefined,
  codes: [],
  detail: undefined,
  exception: undefined,
} as const;

/** Rows for a decision: one for each image and policy, refusals first, at most `MAX_ROWS`. */
export function verificationsOf(decision: Decision, occasion: Occasion): readonly Verification[] {
  const common = commonOf(decision, occasion);
  const judged = decision.images.flatMap((image) => image.verdicts.map((verdict) => ({ image, verdict })));
  if (judged.length === 0) return decision.allowed ? [] : [withoutImage(decision, common)];
  const refusals = judged.filter(({ verdict }) => verdict.outcome.kind !== 'verified');
  const verified = judged.filter(({ verdict }) => verdict.outcome.kind === 'verified');
  return [...refusals, ...verified]
    .slice(0, MAX_ROWS)
    .map(({ image, verdict }) => rowOf(common, image, verdict));
}

/** How many rows of a decision are not kept. */
export function leftOut(decision: Decision): number {
  const all = decision.images.reduce((sum, { verdicts }) => sum + verdicts.length, 0);
  return Math.max(0, all - MAX_ROWS);
}

function commonOf(decision: Decision, { time, replica, latency }: Occasion): Common {
  const { uid, object, user, operation, allowed, snapshot } = decision;
  return {
    time,
    uid: storedText(uid, NAME_CHARS),
    decision: allowed ? 'admitted' : 'denied',
    namespace: storedText(object.namespace, NAME_CHARS),
    kind: storedText(object.kind, NAME_CHARS),
    name: storedText(object.name, NAME_CHARS),
    user: storedText(user, NAME_CHARS),
    operation: storedText(operation, NAME_CHARS),
    snapshot,
    replica,
    latency: Math.round(latency * 1000) / 1000,
  };
}

const faultCodes = new Set<string>(FAULT_CODES);

/** Denied before any image was looked at. */
function withoutImage({ codes, message }: Decision, common: Common): Verification {
  const [code] = codes;
  return {
    ...common,
    ...NOTHING_KNOWN,
    image: '',
    digest: undefined,
    isPrivate: false,
    signatureFound: undefined,
    signatureValid: undefined,
    code,
    codes: codes.slice(0, MAX_CODES),
    detail: storedText(message.split('\n')[0] ?? '', DETAIL_CHARS),
    policy: 'installation',
    mode: 'Enforce',
    verdict: code !== undefined && faultCodes.has(code) ? 'faulted' : 'violated',
  };
}

function rowOf(
  common: Common,
  image: ImageVerdicts,
  { policy, mode, outcome, exception }: Verdict,
): Verification {
  const { found, valid } = signatureState(outcome);
  return {
    ...common,
    ...NOTHING_KNOWN,
    image: storedText(image.image, IMAGE_CHARS),
    digest: image.digest === undefined ? undefined : storedText(image.digest, NAME_CHARS),
    isPrivate: image.isPrivate,
    signatureFound: found,
    signatureValid: valid,
    ...evidenceOf(outcome),
    policy: storedText(policyName(policy), NAME_CHARS),
    mode,
    verdict: outcome.kind,
    exception: optional(exception?.name, NAME_CHARS),
  };
}

function evidenceOf(outcome: Outcome): Partial<Verification> {
  switch (outcome.kind) {
    case 'verified': {
      const [signer] = outcome.signers;
      const { provenance } = outcome;
      return {
        signerEntry: signer && storedEntry(signer.entry),
        signer: optional(signer?.identity, IDENTITY_CHARS),
        issuer: optional(signer?.issuer, IDENTITY_CHARS),
        signedAt: signer?.signedAt,
        slsaLevel: provenance?.level,
        builder: optional(provenance?.builder, IDENTITY_CHARS),
      };
    }
    case 'violated':
      return reasonsOf(outcome.violations);
    case 'faulted':
      return reasonsOf(outcome.faults);
  }
}

/** The entry of a policy as a row names it: the longest are cut. */
export function storedEntry(entry: string): string {
  return storedText(entry, NAME_CHARS);
}

interface Reason {
  readonly code: string;
  readonly detail: string;
}

function reasonsOf(reasons: readonly [Reason, ...Reason[]]): Pick<Verification, 'code' | 'codes' | 'detail'> {
  const [first] = reasons;
  const codes = [...new Set(reasons.map(({ code }) => code))].slice(0, MAX_CODES);
  return { code: first.code, codes, detail: storedText(first.detail, DETAIL_CHARS) };
}

function optional(text: string | undefined, maxChars: number): string | undefined {
  return text === undefined ? undefined : storedText(text, maxChars);
}

function policyName(policy: PolicyIdentity | undefined): string {
  if (policy === undefined) return 'installation';
  return [policy.kind, policy.namespace, policy.name].filter((part) => part !== undefined).join('/');
}
