import { Refusal, type RefusalCode } from '../errors.ts';
import { STATEMENT_BOUNDS } from '../sigstore/statement.ts';
import { parseStrictJson } from '../strict-json.ts';
import { fieldsOf, member, requiredText, type Fields } from './json-fields.ts';
import { readProvenance, type Provenance, type ProvenanceForm } from './provenance.ts';
import { readSummaryV02, readSummaryV1, type VerificationSummary } from './verification-summary.ts';

/** One in-toto statement that speaks of SLSA, read; or why it cannot be read. A fact: independent of policy and of now. */
export type SlsaStatement = Provenance | VerificationSummary | UnreadableStatement;

export interface UnreadableStatement {
  readonly kind: 'unreadable';
  readonly code: RefusalCode;
  /** One sentence that names the field; escaped and bounded by whoever shows it. */
  readonly detail: string;
}

/** in-toto/attestation, spec/v0.1.0 and spec/v1. */
const STATEMENT_TYPES: ReadonlySet<unknown> = new Set([
  'https://in-toto.io/Statement/v0.1',
  'https://in-toto.io/Statement/v1',
]);

const PROVENANCE_FORMS: ReadonlyMap<string, ProvenanceForm> = new Map([
  ['https://slsa.dev/provenance/v0.1', 'v0.1'],
  ['https://slsa.dev/provenance/v0.2', 'v0.2'],
  ['https://slsa.dev/provenance/v1', 'v1'],
  // Not what the specification says, but what Witness writes.
  ['https://slsa.dev/provenance/v1.0', 'v1'],
]);

const SUMMARY_READERS: ReadonlyMap<string, (predicate: Fields) => VerificationSummary> = new Map([
  ['https://slsa.dev/verification_summary/v0.2', readSummaryV02],
  ['https://slsa.dev/verification_summary/v1', readSummaryV1],
]);

/** Types of the statements that `readSlsaStatement` reads. */
export const SLSA_PREDICATES: readonly string[] = [...PROVENANCE_FORMS.keys(), ...SUMMARY_READERS.keys()];

/** Whether `readSlsaStatement` reads statements of this type: nothing else counts as provenance (attacks B1 and B2). */
export function isSlsaPredicate(predicateType: string): boolean {
  return PROVENANCE_FORMS.has(predicateType) || SUMMARY_READERS.has(predicateType);
}

/**
 * Reads a statement whose signature has been verified. Its subjects are not read again: `VerifiedSignature.digests` has them.
 * @param payload the bytes that were signed
 * @returns a value for every input; undefined for a statement about anything else
 */
export function readSlsaStatement(payload: Uint8Array): SlsaStatement | undefined {
  try {
    return read(payload);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { kind: 'unreadable', code: thrown.code, detail: thrown.message };
  }
}

function read(payload: Uint8Array): SlsaStatement | undefined {
  const what = 'the in-toto statement';
  const statement = fieldsOf(parseStrictJson(payload, what, STATEMENT_BOUNDS), what);
  if (!STATEMENT_TYPES.has(member(statement, '_type'))) {
    throw new Refusal('UNSUPPORTED', 'the payload is not an in-toto statement v0.1 or v1');
  }
  const predicateType = requiredText(statement, 'predicateType');
  const form = PROVENANCE_FORMS.get(predicateType);
  const readSummary = SUMMARY_READERS.get(predicateType);
  // Its members are named by their place in the statement.
  const predicate = (): Fields => fieldsOf(member(statement, 'predicate'), 'predicate');
  if (form !== undefined) return readProvenance(form, predicate());
  return readSummary?.(predicate());
}
