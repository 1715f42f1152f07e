import * as z from 'zod';

/** Codes of answers that are no success. A closed set, each with its status: RFC 9457 documents are made of it. */
export const PROBLEMS = {
  BAD_REQUEST: [400, 'The request cannot be read'],
  UNAUTHENTICATED: [401, 'Sign in first'],
  FORBIDDEN: [403, 'You may not do this'],
  CROSS_SITE: [403, 'The request does not come from this page'],
  NOT_FOUND: [404, 'There is nothing of this name'],
  METHOD_NOT_ALLOWED: [405, 'This cannot be done here'],
  ALREADY_EXISTS: [409, 'There is something of this name already'],
  CONFLICT: [409, 'What is stored does not allow this change'],
  CHANGED_MEANWHILE: [412, 'Somebody else changed it meanwhile'],
  TOO_LARGE: [413, 'The request is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'This content type is not accepted'],
  MISDIRECTED: [421, 'This server is not known by that name'],
  INVALID: [422, 'The document is not valid'],
  IF_MATCH_REQUIRED: [428, 'Say which version you change'],
  RATE_LIMITED: [429, 'Too many requests'],
  INTERNAL: [500, 'Countersign failed'],
  HISTORY_OFF: [501, 'No history is kept'],
  UNAVAILABLE: [503, 'Not available now'],
  TIMEOUT: [504, 'It took too long'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One field of a request that is wrong. */
export const fieldProblemSchema = z
  .strictObject({
    field: z.string().describe('Path of the field: `spec.publicKey.pem`, or the name of a parameter.'),
    message: z.string().describe('What is wrong, and what is expected.'),
  })
  .meta({ id: 'FieldProblem' });

export const problemSchema = z
  .strictObject({
    type: z.string().describe('`urn:countersign:problem:` and the code in lower case.'),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    detail: z.string().describe('What happened and what to do next, for people.'),
    errors: z.array(fieldProblemSchema).optional(),
  })
  .describe('RFC 9457.')
  .meta({ id: 'Problem' });

export type FieldProblem = z.output<typeof fieldProblemSchema>;
export type ProblemDocument = z.output<typeof problemSchema>;

/** Thrown wherever a request ends in something other than success; `detail` is shown, and holds no secret. */
export class ApiProblem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldProblem[];
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { errors?: readonly FieldProblem[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'ApiProblem';
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfter = options.retryAfter;
  }

  document(): ProblemDocument {
    const [status, title] = PROBLEMS[this.code];
    return {
      type: `urn:countersign:problem:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      ...(this.errors.length > 0 && { errors: [...this.errors] }),
    };
  }
}
