import { describe, expect, test } from '@jest/globals';
import { parseBranchPattern, parseRefPattern, parseTagPattern } from '../../src/slsa/ref-pattern.ts';
import { describeShortfall, type SlsaOutcome } from '../../src/slsa/slsa-outcome.ts';
import { SLSA_VIOLATION_CODES, type SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import {
  attestStatement,
  builder,
  candidate,
  DAY,
  GENERATOR,
  OWN_WORKFLOW,
  RELEASED,
  SOURCE,
  summaryStatement,
  unknownStatement,
} from './statements.ts';
import { judge, codes, sources, ACME, ANY_ACME, byChains, GOLD, GOLD_POLICY } from './judgements.ts';

describe('what a policy asks for', () => {
  const good: Partial<SlsaPolicy> = { ...GOLD_POLICY, requiredLevel: 3 };

  test.each<[string, Partial<SlsaPolicy>, Partial<SlsaPolicy>, string]>([
    [
      'source',
      { sources: sources('https://github.com/evil/*', SOURCE) },
      { sources: sources('https://github.com/evil/*') },
      'SLSA_SOURCE',
    ],
    [
      'owner',
      { sources: [{ ...ANY_ACME, ownerID: '123456' }] },
      { sources: [{ ...ANY_ACME, ownerID: '12345' }] },
      'SLSA_SOURCE',
    ],
    [
      'repository',
      { sources: [{ ...ANY_ACME, repositoryID: '474793590' }] },
      { sources: [{ ...ANY_ACME, repositoryID: '1' }] },
      'SLSA_SOURCE',
    ],
    [
      'ref',
      { refs: [parseTagPattern('v*'), parseBranchPattern('main')] },
      { refs: [parseTagPattern('main'), parseBranchPattern('mai')] },
      'SLSA_REF',
    ],
    [
      'build type',
      { buildTypes: ['https://github.com/slsa-framework/slsa-github-generator/container@v1'] },
      { buildTypes: ['https://github.com/slsa-framework/slsa-github-generator/container@v'] },
      'SLSA_BUILD_TYPE',
    ],
    [
      'trigger',
      { triggers: ['workflow_dispatch', 'push'] },
      { triggers: ['workflow_dispatch'] },
      'SLSA_TRIGGER',
    ],
    ['runner', { runnerEnvironment: 'github-hosted' }, { runnerEnvironment: 'self-hosted' }, 'SLSA_RUNNER'],
    ['age', { maxAge: DAY }, { maxAge: 1000 }, 'ATT_STALE'],
    ['level', {}, { builders: [builder(GENERATOR, { level: 2 })] }, 'SLSA_LEVEL'],
    [
      'builder',
      { builders: [builder('https://other.example'), builder(RELEASED)] },
      { builders: [builder(`${GENERATOR}@refs/tags/v2.1.1`)] },
      'SLSA_BUILDER',
    ],
  ])('%s', (_, met, unmet, code) => {
    expect(codes(judge({ ...good, ...met }, GOLD))).toEqual([]);
    expect(codes(judge({ ...good, ...unmet }, GOLD))).toEqual([code]);
  });

  test('every code of "no" is told for its own reason', () => {
    const told = new Set(
      [
        ...codes(judge({})),
        ...codes(judge({ verifiers: [] }, candidate(summaryStatement()))),
        'SLSA_SOURCE SLSA_REF SLSA_BUILD_TYPE SLSA_TRIGGER SLSA_RUNNER ATT_STALE SLSA_LEVEL SLSA_BUILDER'.split(
          ' ',
        ),
      ].flat(),
    );
    expect([...told].sort()).toEqual([...SLSA_VIOLATION_CODES].sort());
  });

  test('of two rules for one builder the one that gives more counts', () => {
    const rules = [
      builder(GENERATOR, { level: 2 }),
      builder(GENERATOR, { level: 3 }),
      builder(RELEASED, { level: 1 }),
    ];
    expect(codes(judge({ builders: rules }, GOLD))).toEqual([]);
    expect(codes(judge({ builders: rules.toReversed() }, GOLD))).toEqual([]);
    const refused = judge({ builders: [builder(GENERATOR, { signerRef: 'x' }), builder(GENERATOR)] }, GOLD);
    expect(codes(refused)).toEqual([]);
  });

  test('a fact that is absent meets nothing', () => {
    const unknown = candidate(unknownStatement(), byChains);
    const rules = {
      requiredLevel: 1,
      builders: [builder('https://ci.example.com', { signerRef: 'tekton-chains' })],
    } as const;
    expect(codes(judge(rules, unknown))).toEqual([]);
    const asked = {
      ...rules,
      sources: ACME,
      refs: [parseRefPattern('refs/heads/*')],
      triggers: ['push'],
      runnerEnvironment: 'x',
    };
    expect(codes(judge(asked, unknown))).toEqual(['SLSA_SOURCE', 'SLSA_REF', 'SLSA_TRIGGER', 'SLSA_RUNNER']);
  });

  test('the words of a level mismatch name both levels, the builder and what was expected', () => {
    const words = (outcome: SlsaOutcome) =>
      outcome.kind === 'violated' ? describeShortfall(outcome, 'mcp-servers') : 'verified';
    expect(words(judge(GOLD_POLICY, GOLD))).toBe('verified');
    expect(words(judge(GOLD_POLICY, candidate(attestStatement())))).toBe(
      `SLSA build level 1; policy "mcp-servers" requires 3: builder ${OWN_WORKFLOW} is not among ${GENERATOR}`,
    );
    expect(words(judge({}, candidate(attestStatement())))).toBe(
      `SLSA build level 2; policy "mcp-servers" requires 3: builder ${OWN_WORKFLOW} gives level 2: a workflow of the source repository, and no reusable workflow of another one`,
    );
    expect(words(judge({}))).toBe(
      'SLSA build level 0; policy "mcp-servers" requires 3: no SLSA provenance was found for it, and no verification summary',
    );
    expect(words(judge({ sources: sources('https://github.com/evil/*') }, GOLD))).toBe(
      `SLSA build level 3, which is enough for policy "mcp-servers", but not what it asks for: source ${SOURCE} (owner 123456, repository 474793590); expected https://github.com/evil/*`,
    );
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => builder(`https://${name}.example`));
    expect(words(judge({ builders: many }, GOLD))).toContain('c.example, 2 more');
  });
});
