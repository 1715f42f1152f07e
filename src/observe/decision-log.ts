import type { DecisionObserver } from '../admission/ports.ts';
import type { Logger } from '../log.ts';
import { exceptionsOf } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import type { PolicyIdentity, ProvenanceFinding, Verdict } from '../policy/verdict.ts';

/** A Pod has a handful of images; somebody else may write hundreds, and each line is paid for by whoever keeps logs. */
const maxImages = 20;
const maxVerdicts = 20;
const maxChars = 256;

/** One structured line for each decision. */
export function decisionLog(logger: Logger): DecisionObserver {
  return {
    decided(decision, milliseconds) {
      const fields = { ...fieldsOf(decision), milliseconds: Math.round(milliseconds * 1000) / 1000 };
      if (decision.allowed) logger.info(fields, 'admitted');
      else logger.warn(fields, 'denied');
    },
  };
}

/** Tells several observers; one that throws does not keep the decision from the others, nor from its caller. */
export function everyObserver(observers: readonly DecisionObserver[], logger: Logger): DecisionObserver {
  return {
    decided(decision, milliseconds) {
      for (const observer of observers) {
        try {
          observer.decided(decision, milliseconds);
        } catch (error) {
          logger.error({ err: error }, 'an observer of decisions failed');
        }
      }
    },
  };
}

function fieldsOf(decision: Decision): object {
  const { uid, operation, dryRun, object, user, allowed, codes, snapshot, images } = decision;
  const exceptions = exceptionsOf(images).slice(0, maxImages).map(cut);
  const refusal = allowed ? {} : { code: decision.code, message: cut(decision.message.split('\n')[0] ?? '') };
  return {
    uid: cut(uid),
    operation: cut(operation),
    dryRun,
    kind: cut(object.kind),
    namespace: cut(object.namespace),
    name: cut(object.name),
    user: cut(user),
    allowed,
    ...refusal,
    codes,
    ...(exceptions.length > 0 && { exceptions }),
    snapshot,
    images: images.slice(0, maxImages).map(({ image, field, digest, verdicts }) => ({
      image: cut(image),
      field: cut(field),
      digest,
      verdicts: verdicts.slice(0, maxVerdicts).map(verdictFields),
    })),
    ...(images.length > maxImages ? { imagesLeftOut: images.length - maxImages } : {}),
  };
}

function verdictFields({ policy, mode, outcome, exception }: Verdict): object {
  const common = {
    policy: policyName(policy),
    mode,
    outcome: outcome.kind,
    ...(exception !== undefined && { exception: cut(exception.name) }),
  };
  switch (outcome.kind) {
    case 'verified':
      return {
        ...common,
        signers: outcome.signers.map(({ entry, identity }) => ({ entry, identity: cut(identity) })),
        ...(outcome.provenance !== undefined && { provenance: provenanceFields(outcome.provenance) }),
      };
    case 'violated':
      return {
        ...common,
        reasons: outcome.violations.map(({ code, detail }) => ({ code, detail: cut(detail) })),
      };
    case 'faulted':
      return {
        ...common,
        reasons: outcome.faults.map(({ code, detail }) => ({ code, detail: cut(detail) })),
      };
  }
}

/** Everything that was learned, but when: the log has a time of its own. */
function provenanceFields({ level, builder, source, ref, commit }: ProvenanceFinding): object {
  return {
    level,
    ...(builder !== undefined && { builder: cut(builder) }),
    ...(source !== undefined && { source: cut(source) }),
    ...(ref !== undefined && { ref: cut(ref) }),
    ...(commit !== undefined && { commit: cut(commit) }),
  };
}

function policyName(policy: PolicyIdentity | undefined): string {
  if (policy === undefined) return 'installation';
  return [policy.kind, policy.namespace, policy.name].filter((part) => part !== undefined).join('/');
}

function cut(text: string): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}
