import { describe, expect, test } from '@jest/globals';
import { parseRefPattern } from '../../src/slsa/ref-pattern.ts';
import type { BuilderRule, SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import {
  attestStatement,
  builder,
  candidate,
  COMMIT,
  delegatorStatement,
  DELEGATOR,
  githubSigner,
  GITLAB_SOURCE,
  gitlabSigner,
  gitlabV1Statement,
} from './statements.ts';
import { ACME, codes, judge } from './judgements.ts';

const SHARED = 'https://github.com/acme/shared/.github/workflows/build.yml';

const at = (ref: string, rules: Partial<SlsaPolicy> = {}, name = SHARED) => {
  const workflow = `${name}@${ref}`;
  return judge(
    { requiredLevel: 3, sources: ACME, ...rules },
    candidate(attestStatement(workflow), { signer: githubSigner(workflow) }),
  );
};
const UNRELEASED = [
  ['refs/heads/main', 'a branch'],
  ['refs/heads/v3.0.0', 'a branch'],
  ['refs/heads/refs/tags/v3.0.0', 'a branch'],
  ['refs/tags/v3', 'another tag'],
  ['refs/tags/v3.0', 'another tag'],
  ['refs/tags/v3.0.0-rc1', 'another tag'],
  ['refs/tags/v3.0.0+x', 'another tag'],
  ['refs/tags/v3.0.0@x', 'another tag'],
  ['refs/tags/x/v3.0.0', 'another tag'],
  ['refs/tags/latest', 'another tag'],
  ['refs/pull/7/merge', 'a pull request'],
  ['refs/pull/7/head', 'a pull request'],
  [COMMIT, 'a commit, perhaps of a fork'],
  ['v3.0.0', 'another ref'],
  ['refs/Tags/v3.0.0', 'another ref'],
] as const;

describe("a reusable workflow of the owner's other repository, which the policy does not name", () => {
  test.each(['refs/tags/v3.0.0', 'refs/tags/3.0.0', 'refs/tags/v0.0.1'])('%s is released: level 3', (ref) => {
    expect(at(ref)).toMatchObject({ kind: 'verified', best: { level: 3 } });
  });

  test.each(UNRELEASED)('%s is %s: level 2, and the denial says which entry to write', (ref, kind) => {
    const outcome = at(ref);
    expect(codes(outcome)).toEqual(['SLSA_LEVEL']);
    expect(at(ref, { requiredLevel: 2 })).toMatchObject({ kind: 'verified', best: { level: 2 } });
    const found = `builder ${SHARED}@${ref} gives level 2: a reusable workflow, but ${ref} is ${kind}, not a released version such as refs/tags/v1.2.3`;
    const refs = ref.startsWith('refs/pull/') ? '>=1.0.0' : ref;
    expect(outcome).toMatchObject({
      nearest: { level: 2 },
      violations: [
        {
          detail: `${found}; expected a builder that the roster or the policy gives a higher level`,
          entry: `slsa.builders: [{id: "${SHARED}", refs: ["${refs}"], level: 3}]`,
        },
      ],
    });
  });

  test('the entry that is printed takes what was refused, and nothing beside it', () => {
    const named = (refs: readonly string[], changes: Partial<BuilderRule> = { level: 3 }) => ({
      builders: [builder(SHARED, { refs: refs.map(parseRefPattern), ...changes })],
    });
    for (const [ref] of UNRELEASED.filter(([each]) => !each.startsWith('refs/pull/'))) {
      expect(codes(at(ref, named([ref])))).toEqual([]);
      expect(codes(at(ref, named(['refs/heads/other'])))).toEqual(['SLSA_BUILDER']);
      // Without a level, to name the ref is enough; to name the workflow is not.
      expect(codes(at(ref, named([ref], {})))).toEqual([]);
      expect(codes(at(ref, { builders: [builder(SHARED)] }))).toEqual(['SLSA_LEVEL']);
    }
    expect(codes(at('refs/heads/main', { builders: [builder(`${SHARED}@refs/heads/main`)] }))).toEqual([]);
    expect(codes(at('refs/tags/v3.0.0', { builders: [builder(SHARED)] }))).toEqual([]);
    expect(codes(at('refs/pull/7/merge', named(['>=1.0.0'])))).toEqual(['SLSA_BUILDER']);
  });

  test('to name a ref makes no reusable workflow of what is none', () => {
    const named = (id: string, ref: string) =>
      at(ref, { builders: [builder(id, { refs: [parseRefPattern(ref)] })] }, id);
    expect(codes(named(SHARED, 'refs/heads/main'))).toEqual([]);
    const own = 'https://github.com/acme/app/.github/workflows/release.yml';
    expect(codes(named(own, 'refs/heads/main'))).toEqual(['SLSA_LEVEL']);
    const foreign = SHARED.replace('acme', 'evil');
    expect(codes(named(foreign, 'refs/heads/main'))).toEqual(['SLSA_LEVEL']);
    expect(codes(named(foreign, 'refs/tags/v3.0.0'))).toEqual(['SLSA_LEVEL']);
  });

  test('neither a self-hosted runner nor an unknown one is mended by a release, or by an entry', () => {
    const workflow = `${SHARED}@refs/tags/v3.0.0`;
    for (const runnerEnvironment of ['self-hosted', undefined]) {
      const { runnerEnvironment: _, ...others } = githubSigner(workflow).extensions;
      const extensions = { ...others, ...(runnerEnvironment !== undefined && { runnerEnvironment }) };
      const statement = attestStatement(workflow);
      const json = runnerEnvironment === undefined ? statement : selfHosted(statement);
      const outcome = judge({}, candidate(json, { signer: { ...githubSigner(workflow), extensions } }));
      expect(outcome).toMatchObject({
        kind: 'violated',
        nearest: { level: runnerEnvironment === undefined ? 2 : 1 },
      });
      expect(JSON.stringify(outcome)).not.toContain('slsa.builders: [');
    }
  });

  test('no other platform has a level 3 that its caller can reach', () => {
    const gitlab = candidate(gitlabV1Statement(), { signer: gitlabSigner() });
    expect(judge({}, gitlab)).toMatchObject({ kind: 'violated', nearest: { level: 2 } });
    expect(gitlab.signer).toMatchObject({ extensions: { sourceRepositoryURI: GITLAB_SOURCE } });
    const delegated = candidate(delegatorStatement(`${SHARED}@refs/tags/v3.0.0`), {
      signer: githubSigner(DELEGATOR),
    });
    expect(judge({}, delegated)).toMatchObject({ kind: 'violated', nearest: { level: 2 } });
  });
});

function selfHosted(json: ReturnType<typeof attestStatement>) {
  return JSON.parse(JSON.stringify(json).replace('"github-hosted"', '"self-hosted"')) as typeof json;
}
