import type { FieldProblem, ProblemCode, ProblemDocument } from '../../admin/problem.ts';

/** An answer that is no success, or none at all. */
export class ApiError extends Error {
  readonly code: ProblemCode | 'UNREACHABLE' | 'UNREADABLE';
  /** 0 = there was no answer. */
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldProblem[];

  constructor(
    code: ApiError['code'],
    status: number,
    title: string,
    detail: string,
    errors: readonly FieldProblem[] = [],
  ) {
    super(detail);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.title = title;
    this.errors = errors;
  }
}

/** @param text body of an answer that is no success */
export function problemOf(status: number, text: string): ApiError {
  try {
    const problem = JSON.parse(text) as Partial<ProblemDocument>;
    if (problem.code !== undefined) {
      return new ApiError(
        problem.code,
        status,
        problem.title ?? '',
        problem.detail ?? '',
        problem.errors ?? [],
      );
    }
  } catch {
    // Something between here and the server answered in its own words.
  }
  return new ApiError('UNREADABLE', status, `The server answered ${status}`, text.slice(0, 300));
}

export function isProblem(error: unknown, code: ApiError['code']): error is ApiError {
  return error instanceof ApiError && error.code === code;
}

/** Problems of one field and of what stands inside it. */
export function problemsAt(errors: readonly FieldProblem[], field: string): readonly FieldProblem[] {
  return errors.filter(
    ({ field: at }) => at === field || at.startsWith(`${field}.`) || at.startsWith(`${field}[`),
  );
}

/** Those that no shown field answers for. */
export function problemsElsewhere(
  errors: readonly FieldProblem[],
  fields: readonly string[],
): readonly FieldProblem[] {
  return errors.filter((error) => !fields.some((field) => problemsAt([error], field).length > 0));
}
