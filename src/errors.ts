/**
 * What can go wrong, in two families that never share a code (design §3):
 * a *fault* says that nobody could tell; a *refusal* says that what the artifact holds is bad.
 * A "no" of a policy is neither: it is a value, see `policy/verdict.ts`.
 */

/** Codes of "cannot tell". A closed set: metrics, messages and tests are keyed by it. */
export const FAULT_CODES = [
  'REGISTRY_UNREACHABLE', // connection refused or reset, no route
  'REGISTRY_DNS', // the host's name does not resolve
  'REGISTRY_TLS', // certificate, protocol or downgrade
  'REGISTRY_AUTH', // 401 or 403
  'REGISTRY_RATE_LIMITED', // 429
  'REGISTRY_ERROR', // 5xx, an answer outside the protocol, a refused redirect
  'REGISTRY_FORBIDDEN', // an address that an image name must not make us connect to
  'IMAGE_NOT_FOUND', // 404 of the image itself
  // Evidence that a tag, an index or a list of referrers names and that the registry does not have. Who may push can cause it:
  // no setting may ever turn it into an allow.
  'EVIDENCE_GONE',
  'TIMEOUT', // the deadline of the review, or of one look-up
  'OVERLOADED', // a queue is full
  'NOT_SYNCED', // the snapshot is missing or too old
  'NAMESPACE_UNKNOWN', // the labels of the namespace could not be read
  'TRUSTROOT_UNAVAILABLE', // a trust root that is named cannot be had now
  'KEY_UNAVAILABLE', // a key reference that cannot be resolved now
  'INTERNAL', // a defect of our own
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** "Cannot tell": thrown, coded, and keeps its cause. `message` is shown to users: no bodies or headers of remote servers. */
export class Fault extends Error {
  readonly code: FaultCode;
  /** Seconds after which the remote side asked to be called again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: FaultCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Codes of bad content: what an artifact, a reference or a document holds makes it unacceptable. */
export const REFUSAL_CODES = [
  'MALFORMED', // not of the shape that it must have
  'UNSUPPORTED', // a known shape that is not accepted
  'LIMIT', // above a limit of `limits.ts`
  'DIGEST_MISMATCH', // bytes, payload or statement belong to another digest
  'SIG_INVALID', // the signature does not verify with the key
  'CERT_INVALID', // certificate, chain, extended key usage or SCT
  'TLOG_MISSING', // no entry of the transparency log where one is needed
  'TLOG_INVALID', // promise, inclusion proof or checkpoint does not verify
  'TLOG_MISMATCH', // a log entry of another signature or key
  'TIME_UNTRUSTED', // no trusted time, or outside the validity of what signed
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Bad content, thrown inside a parser or reader and turned into a value at its module's door. */
export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** For the `default` of a switch over a union: the compiler finds the missing case. */
export function unreachable(value: never): never {
  throw new Fault('INTERNAL', `unreachable case ${JSON.stringify(value)}`);
}

/** The Error in whatever was thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
