import { describe, expect, test } from '@jest/globals';
import type { Condition, ConditionResult } from '../../src/api/condition.ts';
import { parseCondition } from '../../src/api/condition.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import type { StatementQuestion } from '../../src/admission/statement-questions.ts';
import type { VerifiedFact } from '../../src/policy/image-facts.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { verifyEvidence } from '../../src/sigstore/verify.ts';
import type { JsonValue } from '../../src/strict-json.ts';
import { bundleEvidence, createSigstore } from '../support/fixtures.ts';
import {
  attestStatement,
  changed,
  generatorStatement,
  IMAGE,
  summaryStatement,
  type Json,
} from '../slsa/statements.ts';

/** What statements say is read once for each content, and each condition is held against each content once. */

const SBOM = 'https://spdx.dev/Document';
const sigstore = createSigstore();
const context = {
  kind: 'root',
  root: parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD),
} as const;

interface Signed {
  readonly fact: VerifiedFact;
  readonly evidence: Evidence;
}

function signed(statement: unknown, source = 'referrer 1'): Signed {
  const evidence = bundleEvidence(sigstore.signStatement({ digests: [], statement }), source);
  const fact = verifyEvidence(evidence, context, undefined);
  if ('code' in fact) throw new Error(`${fact.code} ${fact.detail}`);
  return { fact, evidence };
}

const statementOf = (predicate: unknown, predicateType = SBOM): Json => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: IMAGE.name, digest: { sha256: IMAGE.digest.slice(7) } }],
  predicateType,
  predicate,
});

/** The same bytes, found again: another object, as another look-up gives it. */
const again = ({ fact, evidence }: Signed): Signed => ({ fact: { ...fact }, evidence: { ...evidence } });

function asking(conditions: readonly Condition[], slsa = false): StatementQuestion {
  return { slsa, conditions };
}

/** Counts how often it is held against a statement. */
function counting(source: string, holds: (statement: JsonValue) => boolean = () => true) {
  const seen: JsonValue[] = [];
  const evaluate = (statement: JsonValue): ConditionResult => {
    seen.push(statement);
    return holds(statement) ? { holds: true } : { holds: false, why: 'it is false' };
  };
  return { seen, condition: { source, message: source, evaluate } satisfies Condition };
}

describe('conditions', () => {
  test('are evaluated once for each content and text, whoever asks, and however often', () => {
    const cache = new StatementCache();
    const [a, b] = [counting('a'), counting('b')];
    const one = signed(statementOf({ n: 1 }));
    const two = signed(statementOf({ n: 2 }));
    for (let round = 0; round < 3; round++) {
      for (const each of [one, again(one), two]) {
        const fact = cache.answer(each.fact, each.evidence, asking([a.condition, b.condition]));
        expect(fact.conditions).toEqual(
          new Map([
            ['a', { holds: true }],
            ['b', { holds: true }],
          ]),
        );
      }
    }
    expect([a.seen.length, b.seen.length]).toEqual([2, 2]);
    expect(a.seen[0]).toMatchObject({ predicate: { n: 1 } });
    // A policy of another name with the same text asks nothing new.
    const twin = counting('a');
    cache.answer(one.fact, one.evidence, asking([twin.condition]));
    expect(twin.seen).toEqual([]);
  });

  test('B18: a text that changes is evaluated anew, and the old result does not stand for it', () => {
    const cache = new StatementCache();
    const { fact, evidence } = signed(statementOf({ n: 1 }));
    const holds = (cel: string) =>
      cache.answer(fact, evidence, asking([parseCondition(cel, 'x')])).conditions?.get(cel)?.holds;
    expect(holds('predicate.n == 1')).toBe(true);
    expect(holds('predicate.n == 2')).toBe(false);
    expect(holds('predicate.n == 1')).toBe(true);
    expect(holds('predicate.n  == 1')).toBe(true);
  });

  test('the result of one statement never becomes that of another', () => {
    const cache = new StatementCache();
    const { condition } = counting('n is 1', (statement) => JSON.stringify(statement).includes('"n":1'));
    const good = signed(statementOf({ n: 1 }), 'referrer x');
    // Found in the same place, and with the same digests.
    const bad = signed(statementOf({ n: 2 }), 'referrer x');
    for (const [each, expected] of [
      [good, true],
      [bad, false],
      [good, true],
    ] as const) {
      const fact = cache.answer(each.fact, each.evidence, asking([condition]));
      expect(fact.conditions?.get('n is 1')?.holds).toBe(expected);
    }
  });
});

describe('F12: what is remembered is bounded', () => {
  const dependency = (n: number) => ({
    uri: `https://registry.example/${n}`,
    digest: { sha256: 'ab'.repeat(32) },
  });
  const large = (n: number) => {
    const dependencies = Array.from({ length: 100 }, (_, i) => dependency(n * 100 + i));
    return signed(changed(attestStatement(), 'predicate.buildDefinition.resolvedDependencies', dependencies));
  };

  test('by the bytes of the statements: large ones push out others, and are read again when they are asked for', () => {
    const [first, ...others] = [0, 1, 2, 3].map(large);
    if (first === undefined) throw new Error('none');
    const question = asking([], true);
    for (const [statementBytes, isKept] of [
      [1_000_000, true],
      [30_000, false],
    ] as const) {
      const cache = new StatementCache({ statementBytes });
      const read = cache.answer(first.fact, first.evidence, question).slsa;
      for (const { fact, evidence } of others) cache.answer(fact, evidence, question);
      const later = cache.answer(first.fact, first.evidence, question).slsa;
      expect(later).toEqual(read);
      expect(later === read).toBe(isKept);
    }
  });

  test('one that is larger than all that is remembered is read each time', () => {
    const { fact, evidence } = large(1);
    const cache = new StatementCache({ statementBytes: 2_000 });
    expect(cache.answer(fact, evidence, asking([], true)).slsa).toMatchObject({ kind: 'provenance' });
    expect(cache.answer(fact, evidence, asking([], true)).slsa).toMatchObject({ kind: 'provenance' });
  });

  test('by the number of results', () => {
    const { fact, evidence } = signed(statementOf({ n: 1 }));
    const counters = Array.from({ length: 10 }, (_, n) => counting(`c${n}`));
    const cache = new StatementCache({ results: 5 });
    for (const { condition } of counters) cache.answer(fact, evidence, asking([condition]));
    const [oldest, newest] = [counters.at(0), counters.at(-1)];
    if (oldest === undefined || newest === undefined) throw new Error('none');
    // The newest first: what is asked for again pushes out another.
    cache.answer(fact, evidence, asking([newest.condition, oldest.condition]));
    expect([oldest.seen.length, newest.seen.length]).toEqual([2, 1]);
  });
});

describe('provenance', () => {
  test('is read once for each content, and only where some policy asks for it', () => {
    const cache = new StatementCache();
    const one = signed(generatorStatement());
    expect(cache.answer(one.fact, one.evidence, asking([]))).toBe(one.fact);
    const first = cache.answer(one.fact, one.evidence, asking([], true)).slsa;
    expect(first).toMatchObject({ kind: 'provenance', source: 'https://github.com/acme/app' });
    const other = again(one);
    expect(cache.answer(other.fact, other.evidence, asking([], true)).slsa).toBe(first);
    const vsa = signed(summaryStatement());
    expect(cache.answer(vsa.fact, vsa.evidence, asking([], true)).slsa).toMatchObject({ kind: 'summary' });
  });

  test('that cannot be read is a fact that says why, and throws nothing', () => {
    const cache = new StatementCache();
    const bad = signed({ ...generatorStatement(), predicate: { builder: 1 } });
    expect(cache.answer(bad.fact, bad.evidence, asking([], true)).slsa).toMatchObject({
      kind: 'unreadable',
      code: 'MALFORMED',
    });
  });

  test('may have conditions of its own beside', () => {
    const cache = new StatementCache();
    const one = signed(generatorStatement());
    const condition = parseCondition('predicate.metadata.completeness.parameters', 'complete');
    const fact = cache.answer(one.fact, one.evidence, asking([condition], true));
    expect(fact.slsa).toMatchObject({ kind: 'provenance' });
    expect(fact.conditions?.get(condition.source)).toEqual({ holds: true });
  });
});
