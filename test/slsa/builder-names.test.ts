import { describe, expect, test } from '@jest/globals';
import { ACME, byChains, codes, GOLD, GOLD_POLICY, judge } from './judgements.ts';
import {
  builder,
  candidate,
  changed,
  DELEGATOR,
  delegatorStatement,
  GENERATOR,
  generatorStatement,
  githubSigner,
  RELEASED,
  TEKTON_BUILDER,
  tektonV1Statement,
} from './statements.ts';

/**
 * Builders whose names or versions begin like a trusted one. Each signs honestly for itself, so that nothing but the comparison of the
 * names refuses it: the twin is the same provenance under a policy that names exactly this builder.
 */
const TYPE = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
const by = (id: string) => candidate(generatorStatement(TYPE, id), { signer: githubSigner(id) });
const only = (id: string) => ({ builders: [builder(id, { level: 3 })], sources: ACME });
const file = (from: string, to: string) => RELEASED.replace(from, to);

describe('B9: a builder that signs for itself', () => {
  test.each([
    ['a longer file', file('slsa3.yml', 'slsa3.yml-evil.yml')],
    ['a shorter file', file('_slsa3.yml', '.yml')],
    ['another file', file('generator_container', 'builder_evil')],
    ['another ending', file('.yml', '.yaml')],
    ['another repository', file('slsa-github-generator', 'slsa-github-generator2')],
    ['another owner', file('slsa-framework', 'slsa-framew0rk')],
    ['another case', file('slsa-framework', 'SLSA-framework')],
    ['a moving tag', `${GENERATOR}@refs/tags/v2`],
    ['a version that starts alike', `${GENERATOR}@refs/tags/v20.0.0`],
    ['a branch', `${GENERATOR}@refs/heads/main`],
    ['a branch named like the tag', `${GENERATOR}@refs/heads/refs/tags/v2.1.0`],
    ['two versions, the good one last', `${GENERATOR}@refs/heads/main@refs/tags/v2.1.0`],
  ])('B9: %s is not the one that the policy names', (_, id) => {
    expect(codes(judge(GOLD_POLICY, GOLD))).toEqual([]);
    expect(codes(judge(only(id), by(id)))).toEqual([]);
    expect(codes(judge(GOLD_POLICY, by(id)))).toEqual(['SLSA_BUILDER']);
  });

  test.each(['v1', 'v1.2'])('B9: %s, written into the name of a builder, is that version only', (version) => {
    const wanted = `${GENERATOR}@refs/tags/${version}`;
    expect(codes(judge(only(wanted), by(wanted)))).toEqual([]);
    for (const ref of ['.0-rc1', '.9.0', '-evil', '@refs/heads/main', '/'].map((end) => `${wanted}${end}`)) {
      expect(codes(judge(only(ref), by(ref)))).toEqual([]);
      expect({ ref, codes: codes(judge(only(wanted), by(ref))) }).toEqual({ ref, codes: ['SLSA_BUILDER'] });
    }
  });

  test('B9: a name of the roster is no prefix', () => {
    expect(codes(judge({ sources: ACME }, by(RELEASED)))).toEqual([]);
    for (const near of [
      file('slsa3.yml', 'slsa3.yml-evil.yml'),
      file('slsa3.yml', 'slsa3.yml.yaml'),
      file('_slsa3.yml', '.yml'),
    ]) {
      expect(codes(judge(only(near), by(near)))).toEqual([]);
      // Whatever such a workflow is worth, it is not the level of the roster's.
      expect({ near, codes: codes(judge({ sources: ACME }, by(near))) }).toEqual({
        near,
        codes: ['SLSA_LEVEL'],
      });
    }
  });

  test('B9: a name like that of a delegator delegates nothing', () => {
    const signed = (workflow: string) =>
      codes(judge({}, candidate(delegatorStatement(), { signer: githubSigner(workflow) })));
    expect(signed(DELEGATOR)).toEqual([]);
    expect(signed(DELEGATOR.replace('.yml', '.yml-evil.yml'))).toEqual(['SLSA_BUILDER']);
    expect(signed(DELEGATOR.replace('delegator_', 'evil_delegator_'))).toEqual(['SLSA_BUILDER']);
  });

  test('B9: nor does a key of one builder sign for one whose name begins alike', () => {
    const named = (wanted: string, id: string) => {
      const json = changed(tektonV1Statement(), 'predicate.runDetails.builder.id', id);
      const rule = builder(wanted, { signerRef: 'tekton-chains' });
      return codes(judge({ requiredLevel: 2, builders: [rule] }, candidate(json, byChains)));
    };
    for (const near of [`${TEKTON_BUILDER}-evil`, `${TEKTON_BUILDER}/`, TEKTON_BUILDER.toUpperCase()]) {
      expect(named(near, near)).toEqual([]);
      expect(named(TEKTON_BUILDER, near)).toEqual(['SLSA_BUILDER']);
      expect(named(near, TEKTON_BUILDER)).toEqual(['SLSA_BUILDER']);
    }
  });
});
