import type { Admission } from '../admission/admission.ts';
import type { DecisionObserver } from '../admission/ports.ts';
import { askedBy } from '../admission/validate.ts';
import { asError, Fault } from '../errors.ts';
import type { Logger } from '../log.ts';
import { deniedByFault } from '../policy/decide.ts';
import { reviewPolicyDocument, type CheckDocument } from './policy-review.ts';
import type { ReviewGate } from './review-gate.ts';
import { decisionResponse, deniedResponse, patchResponse } from './review-response.ts';
import type { ReviewAnswer } from './review-route.ts';

/** Denied rather than queued: a review that waits in line is answered by the API server's own time-out, without a reason. */
export function validateAnswer(
  admission: Pick<Admission, 'validate'>,
  gate: ReviewGate,
  observer: DecisionObserver,
): ReviewAnswer {
  return async (request, signal) => {
    const leave = gate.enter(request.namespace);
    if (typeof leave === 'string') {
      const decision = deniedByFault(askedBy(request), overloaded(leave));
      observer.decided(decision, 0);
      return decisionResponse(decision);
    }
    try {
      return decisionResponse(await admission.validate(request, signal));
    } finally {
      leave();
    }
  };
}

/** Whatever goes wrong leaves the tags: validation judges what comes out. */
export function mutateAnswer(
  admission: Pick<Admission, 'mutate'>,
  gate: ReviewGate,
  logger: Logger,
): ReviewAnswer {
  return async (request, signal) => {
    const leave = gate.enter(request.namespace);
    if (typeof leave === 'string') return patchResponse(request.uid, []);
    try {
      const { patch } = await admission.mutate(request, signal);
      return patchResponse(request.uid, patch);
    } catch (error) {
      logger.warn({ err: asError(error), uid: request.uid }, 'tags were not pinned');
      return patchResponse(request.uid, []);
    } finally {
      leave();
    }
  };
}

/** The check has a limit of its own size, but it shares the processor with the reviews. */
export function policyAnswer(check: CheckDocument, gate: ReviewGate): ReviewAnswer {
  return async (request) => {
    const leave = gate.enter(request.namespace);
    if (typeof leave === 'string') {
      const { code, message } = deniedByFault(askedBy(request), overloaded(leave));
      return deniedResponse(request.uid, code, message);
    }
    try {
      return reviewPolicyDocument(request, check);
    } finally {
      leave();
    }
  };
}

function overloaded(limit: 'total' | 'namespace'): Fault {
  return new Fault(
    'OVERLOADED',
    limit === 'total' ? 'too many reviews are under way' : 'too many reviews of this namespace are under way',
  );
}
