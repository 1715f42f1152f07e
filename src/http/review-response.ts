import type { JsonPatchOperation } from '../admission/mutate.ts';
import type { Decision } from '../policy/decision.ts';

/** The one place where answers to the API server are made (admission.k8s.io/v1). */
export interface ReviewResponse {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: ResponseStatus;
    readonly warnings?: readonly string[];
    readonly auditAnnotations?: Readonly<Record<string, string>>;
    readonly patchType?: 'JSONPatch';
    /** Base64 of the JSON patch. */
    readonly patch?: string;
  };
}

interface ResponseStatus {
  readonly status: 'Failure';
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** What stands in the `reason` of a Kubernetes Status with this code (k8s.io/apimachinery, StatusReason). */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export function decisionResponse(decision: Decision): ReviewResponse {
  const { uid, allowed, code, message, warnings, auditAnnotations } = decision;
  return review({
    uid,
    allowed,
    ...(!allowed && { status: failure(code, message) }),
    ...(warnings.length > 0 && { warnings }),
    ...(Object.keys(auditAnnotations).length > 0 && { auditAnnotations }),
  });
}

/** A mutating webhook of ours denies nothing: what it could not do is for `/validate` to judge. */
export function patchResponse(uid: string, patch: readonly JsonPatchOperation[]): ReviewResponse {
  return review({
    uid,
    allowed: true,
    ...(patch.length > 0 && {
      patchType: 'JSONPatch' as const,
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    }),
  });
}

export function allowedResponse(uid: string, warnings: readonly string[] = []): ReviewResponse {
  return review({ uid, allowed: true, ...(warnings.length > 0 && { warnings }) });
}

export function deniedResponse(
  uid: string,
  code: number,
  message: string,
  warnings: readonly string[] = [],
): ReviewResponse {
  return review({
    uid,
    allowed: false,
    status: failure(code, message),
    ...(warnings.length > 0 && { warnings }),
  });
}

function failure(code: number, message: string): ResponseStatus {
  return { status: 'Failure', code, reason: REASONS[code] ?? 'Forbidden', message };
}

function review(response: ReviewResponse['response']): ReviewResponse {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}
