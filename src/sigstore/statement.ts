import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isJsonObject, parseStrictJson, peekText, type JsonBounds, type JsonValue } from '../strict-json.ts';
import type { SignedContent } from './verified-signature.ts';

/** What cosign 3 writes for a plain signature; its predicate is empty (cosign, cmd/cosign/cli/sign/sign.go). */
export const COSIGN_SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** in-toto/attestation, spec/v0.1.0 and spec/v1. */
const STATEMENT_TYPES: ReadonlySet<string> = new Set([
  'https://in-toto.io/Statement/v0.1',
  'https://in-toto.io/Statement/v1',
]);
const SHA256_HEX = /^[0-9a-f]{64}$/;
const MAX_PREDICATE_TYPE_CHARS = 1024;

/** Of every reader of a statement. */
export const STATEMENT_BOUNDS: JsonBounds = {
  tokens: LIMITS.statementTokens,
  containers: LIMITS.statementContainers,
  names: LIMITS.statementNames,
};

export interface Statement {
  readonly content: SignedContent;
  /** SHA-256 digests of its subjects, `sha256:<64 hex>`; a subject without one names nothing that we could ask for. */
  readonly digests: readonly string[];
}

/**
 * Reads an in-toto statement. Only the predicate type tells a signature from an attestation (attack B2).
 * @throws Refusal MALFORMED, UNSUPPORTED or LIMIT.
 */
export function readStatement(payload: Uint8Array): Statement {
  const json = parseStrictJson(payload, 'the in-toto statement', STATEMENT_BOUNDS);
  if (!isJsonObject(json)) throw new Refusal('MALFORMED', 'the in-toto statement is not an object');
  const { _type: type, predicateType, subject } = json;
  if (typeof type !== 'string' || !STATEMENT_TYPES.has(type)) {
    throw new Refusal('UNSUPPORTED', 'the payload is not an in-toto statement v0.1 or v1');
  }
  if (
    typeof predicateType !== 'string' ||
    predicateType === '' ||
    predicateType.length > MAX_PREDICATE_TYPE_CHARS
  ) {
    throw new Refusal('MALFORMED', 'the in-toto statement has no usable predicateType');
  }
  if (!Array.isArray(subject))
    throw new Refusal('MALFORMED', 'the in-toto statement has no list of subjects');
  if (subject.length > LIMITS.subjects) {
    throw new Refusal('LIMIT', `the in-toto statement has more than ${LIMITS.subjects} subjects`);
  }
  return {
    content:
      predicateType === COSIGN_SIGNATURE_PREDICATE
        ? { kind: 'signature', form: 'statement' }
        : { kind: 'attestation', predicateType },
    digests: [...new Set(subject.flatMap(digestOf))],
  };
}

/**
 * The predicate type that bytes have which are not verified: for the wording of a refusal only, and at most a scan of them.
 * Undefined where they have none.
 */
export function claimedPredicateType(payload: Buffer): string | undefined {
  const predicateType = peekText(payload.toString('latin1'), 'predicateType', LIMITS.statementTokens) ?? '';
  return predicateType === '' ? undefined : predicateType.slice(0, MAX_PREDICATE_TYPE_CHARS);
}

/** None for anything but 64 lower-case hex digits: no prefix, no other case, no other algorithm (attack B3). */
function digestOf(subject: JsonValue): string[] {
  const digests = isJsonObject(subject) ? subject['digest'] : undefined;
  const sha256 = isJsonObject(digests) && Object.hasOwn(digests, 'sha256') ? digests['sha256'] : undefined;
  return typeof sha256 === 'string' && SHA256_HEX.test(sha256) ? [`sha256:${sha256}`] : [];
}
