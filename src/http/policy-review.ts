import { isDeepStrictEqual } from 'node:util';
import type { AdmissionRequest } from '../api/admission-review.ts';
import type { PolicyFindings } from '../api/policy-findings.ts';
import type { Problem } from '../api/resources.ts';
import { allowedResponse, deniedResponse, type ReviewResponse } from './review-response.ts';

export type CheckDocument = (document: unknown) => PolicyFindings;

const GROUP = 'countersign.dev';
/** Problems shown in one answer; the rest is counted. */
const MAX_PROBLEMS = 20;

/**
 * Says at `kubectl apply` what is wrong with one of the project's own documents. It stands in nobody's way to mend one: a
 * DELETE, a status, and an UPDATE that leaves the spec alone (a finalizer, a label) pass whatever the spec holds.
 */
export function reviewPolicyDocument(request: AdmissionRequest, check: CheckDocument): ReviewResponse {
  const { uid, kind, operation, subResource, object, oldObject } = request;
  if (kind.group !== GROUP) {
    return deniedResponse(uid, 400, `${kind.kind} is not of group ${GROUP}: this door checks nothing else`);
  }
  if (subResource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return allowedResponse(uid);
  const { problems, warnings } = check(object);
  if (problems.length === 0) return allowedResponse(uid, warnings);
  if (operation === 'UPDATE' && isDeepStrictEqual(specOf(object), specOf(oldObject))) {
    const effect = kind.kind === 'SigningException' ? 'excepts nothing' : 'denies in its scope';
    return allowedResponse(uid, [`${kind.kind} is not valid and ${effect}; see its status`]);
  }
  return deniedResponse(uid, 422, message(kind.kind, request.name, problems), warnings);
}

function message(kind: string, name: string, problems: readonly Problem[]): string {
  const shown = problems.slice(0, MAX_PROBLEMS).map(({ field, message: text }) => `  ${field}: ${text}`);
  if (problems.length > MAX_PROBLEMS) shown.push(`  and ${problems.length - MAX_PROBLEMS} more`);
  return [`${kind} "${name}" is not valid:`, ...shown].join('\n');
}

function specOf(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return undefined;
  return Object.hasOwn(document, 'spec') ? (document as { spec: unknown }).spec : undefined;
}
