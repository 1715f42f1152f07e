import type { ImageVerdicts } from './decision.ts';
import type { FaultReason, Outcome, Violation } from './verdict.ts';

const NOT_TOLD = "not told here, because the image was read with a pull secret; Countersign's log has it";

/**
 * The same image as whoever asked may be told of it. Nobody knows who asks, unless the API server shows a client certificate:
 * without one, what only a pull secret can see stays with whoever reads the log (design §5).
 */
export function redacted(image: ImageVerdicts): ImageVerdicts {
  if (!image.isPrivate) return image;
  return {
    ...image,
    digest: undefined,
    verdicts: image.verdicts.map((verdict) => ({ ...verdict, outcome: withoutDetails(verdict.outcome) })),
  };
}

function withoutDetails(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case 'verified':
      return {
        // Without the provenance.
        kind: outcome.kind,
        warnings: outcome.warnings,
        signers: outcome.signers.map(({ entry }) => ({ ...UNNAMED, entry })),
      };
    case 'violated': {
      const [first, ...rest] = outcome.violations;
      return { ...outcome, violations: [untoldViolation(first), ...rest.map(untoldViolation)] };
    }
    case 'faulted': {
      const [first, ...rest] = outcome.faults;
      return { ...outcome, faults: [untoldFault(first), ...rest.map(untoldFault)] };
    }
  }
}

const UNNAMED = { identity: NOT_TOLD, issuer: undefined, signedAt: undefined };

function untoldViolation({ code, about, expected }: Violation): Violation {
  return {
    code,
    detail: NOT_TOLD,
    // What the policy asks is no secret of the image's.
    ...(about !== undefined && { about }),
    ...(expected !== undefined && { expected }),
  };
}

function untoldFault({ code }: FaultReason): FaultReason {
  return { code, detail: NOT_TOLD };
}
