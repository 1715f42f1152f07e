import { HistoryError } from '../history/database.ts';
import { DeskError, type DeskCode } from '../store/resource-desk.ts';
import { ApiProblem, type ProblemCode } from './problem.ts';

const OF_DESK: Readonly<Record<DeskCode, ProblemCode>> = {
  FORBIDDEN: 'FORBIDDEN',
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  NOT_FOUND: 'NOT_FOUND',
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  CONFLICT: 'CONFLICT',
  CHANGED_MEANWHILE: 'CHANGED_MEANWHILE',
  INVALID: 'INVALID',
  READ_ONLY: 'CONFLICT',
  UNAVAILABLE: 'UNAVAILABLE',
};

const OF_HISTORY: Readonly<Record<HistoryError['code'], ProblemCode>> = {
  UNAVAILABLE: 'UNAVAILABLE',
  TIMEOUT: 'TIMEOUT',
  BUSY: 'UNAVAILABLE',
  BAD_REQUEST: 'BAD_REQUEST',
};

/** Seconds after which asking again makes sense. */
const RETRY_AFTER = 5;

/** How a request ends after this was thrown; undefined for a defect, whose words are for nobody outside. */
export function problemOf(thrown: unknown): ApiProblem | undefined {
  if (thrown instanceof ApiProblem) return thrown;
  if (thrown instanceof DeskError)
    return problem(OF_DESK[thrown.code], thrown.message, thrown, thrown.problems);
  if (thrown instanceof HistoryError) return problem(OF_HISTORY[thrown.code], thrown.message, thrown);
  return undefined;
}

function problem(
  code: ProblemCode,
  detail: string,
  cause: Error,
  errors: DeskError['problems'] = [],
): ApiProblem {
  const retryAfter = code === 'UNAVAILABLE' ? { retryAfter: RETRY_AFTER } : {};
  return new ApiProblem(code, detail, { cause, errors: [...errors], ...retryAfter });
}
