import { describe, expect, test } from '@jest/globals';
import { parseRefPattern } from '../../src/slsa/ref-pattern.ts';
import type { SlsaCandidate } from '../../src/slsa/slsa-candidate.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import {
  attestStatement,
  builder,
  buildkitV02Statement,
  buildkitV1Statement,
  candidate,
  changed,
  CLOUD_BUILD,
  DELEGATOR,
  delegatorStatement,
  DEVELOPER,
  generatorStatement,
  githubSigner,
  gitlabSigner,
  gitlabV02Statement,
  gitlabV1Statement,
  GITLAB_SOURCE,
  googleStepsStatement,
  googleV01Statement,
  googleV1Statement,
  KEY,
  NODEJS,
  OWN_WORKFLOW,
  RELEASED,
  SHARED_WORKFLOW,
  SOURCE,
  TEKTON_BUILDER,
  tektonV02Statement,
  tektonV1Statement,
  unknownStatement,
  witnessStatement,
  type Json,
} from './statements.ts';
import { judge, CHAINS, byChains, GOOGLE, byGoogle, byGenerator } from './judgements.ts';

describe('statements of every build type × policies', () => {
  const gcb = (versions: string) =>
    builder(CLOUD_BUILD, { signerRef: 'cloud-build', refs: [parseRefPattern(versions)] });
  const community = 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1';
  const runner = 'https://github.com/actions/runner/github-hosted';
  const self = { runnerEnvironment: 'self-hosted' };

  test.each<
    [
      string,
      Json,
      Partial<SlsaCandidate>,
      Partial<SlsaPolicy>,
      number,
      string | undefined,
      string | undefined,
    ]
  >([
    ['generator', generatorStatement(), byGenerator, {}, 3, RELEASED, SOURCE],
    [
      'generator on a runner of its own',
      generatorStatement(),
      { signer: githubSigner(RELEASED, self) },
      {},
      1,
      RELEASED,
      SOURCE,
    ],
    ['delegator', delegatorStatement(), { signer: githubSigner(DELEGATOR) }, {}, 3, NODEJS, SOURCE],
    [
      'delegator for anybody',
      delegatorStatement(SHARED_WORKFLOW),
      { signer: githubSigner(DELEGATOR) },
      {},
      2,
      SHARED_WORKFLOW,
      SOURCE,
    ],
    ['artifact attestation', attestStatement(), {}, {}, 2, OWN_WORKFLOW, SOURCE],
    [
      'artifact attestation, reusable',
      attestStatement(SHARED_WORKFLOW),
      { signer: githubSigner(SHARED_WORKFLOW) },
      {},
      3,
      SHARED_WORKFLOW,
      SOURCE,
    ],
    [
      'reusable, without ref',
      attestStatement(SHARED_WORKFLOW.split('@')[0]),
      { signer: githubSigner(SHARED_WORKFLOW) },
      {},
      3,
      SHARED_WORKFLOW,
      SOURCE,
    ],
    ['community workflow', attestStatement(OWN_WORKFLOW, community), {}, {}, 2, OWN_WORKFLOW, SOURCE],
    [
      'the runner as builder',
      attestStatement(runner, community),
      { signer: githubSigner(SHARED_WORKFLOW) },
      {},
      2,
      runner,
      SOURCE,
    ],
    ['Google Cloud Build v1', googleV1Statement(), byGoogle, { builders: [GOOGLE] }, 3, CLOUD_BUILD, SOURCE],
    [
      'Google Cloud Build v0.1',
      googleV01Statement(),
      byGoogle,
      { builders: [GOOGLE] },
      3,
      `${CLOUD_BUILD}@v0.3`,
      SOURCE,
    ],
    [
      'Google Cloud Build v0.2 form',
      googleStepsStatement(),
      byGoogle,
      { builders: [gcb('v0.3')] },
      3,
      `${CLOUD_BUILD}@v0.3`,
      SOURCE,
    ],
    ['Google Cloud Build, nobody named', googleV1Statement(), byGoogle, {}, 1, CLOUD_BUILD, undefined],
    [
      'GitLab v0.2',
      gitlabV02Statement(),
      { signer: gitlabSigner() },
      {},
      2,
      `${GITLAB_SOURCE}/-/runners/14811533`,
      GITLAB_SOURCE,
    ],
    [
      'GitLab v1',
      gitlabV1Statement(),
      { signer: gitlabSigner() },
      {},
      2,
      'https://gitlab.com/groups/acme/tools/-/runners/33',
      GITLAB_SOURCE,
    ],
    [
      'GitLab, own runner',
      gitlabV1Statement(),
      { signer: gitlabSigner(self) },
      {},
      1,
      'https://gitlab.com/groups/acme/tools/-/runners/33',
      GITLAB_SOURCE,
    ],
    ['Tekton v0.2', tektonV02Statement(), byChains, { builders: [CHAINS] }, 2, TEKTON_BUILDER, SOURCE],
    ['Tekton v1', tektonV1Statement(), byChains, { builders: [CHAINS] }, 2, TEKTON_BUILDER, SOURCE],
    [
      'Tekton, isolated by the policy',
      tektonV1Statement(),
      byChains,
      { builders: [{ ...CHAINS, level: 3 }] },
      3,
      TEKTON_BUILDER,
      SOURCE,
    ],
    [
      'Tekton, no level',
      tektonV1Statement(),
      byChains,
      { builders: [{ ...CHAINS, level: undefined }] },
      2,
      TEKTON_BUILDER,
      SOURCE,
    ],
    ['Tekton, nobody named', tektonV1Statement(), byChains, {}, 1, TEKTON_BUILDER, undefined],
    ['BuildKit', buildkitV02Statement(), { signer: KEY }, {}, 1, undefined, undefined],
    [
      'BuildKit in a workflow',
      buildkitV1Statement(OWN_WORKFLOW),
      { signer: githubSigner() },
      {},
      1,
      OWN_WORKFLOW,
      SOURCE,
    ],
    [
      'BuildKit, trusted by the policy',
      buildkitV1Statement(),
      byChains,
      {
        builders: [
          builder('https://github.com/acme/app/actions/runs/3709599520', {
            level: 3,
            signerRef: 'tekton-chains',
          }),
        ],
      },
      1,
      'https://github.com/acme/app/actions/runs/3709599520',
      SOURCE,
    ],
    [
      'Witness',
      witnessStatement(),
      byChains,
      {
        builders: [
          builder('https://witness.dev/witness-github-action-builder', { signerRef: 'tekton-chains' }),
        ],
      },
      2,
      'https://witness.dev/witness-github-action-builder@v0.1',
      SOURCE,
    ],
    [
      'unknown',
      unknownStatement(),
      byChains,
      { builders: [builder('https://ci.example.com', { level: 3, signerRef: 'tekton-chains' })] },
      3,
      'https://ci.example.com',
      undefined,
    ],
    [
      'unknown in a workflow',
      changed(unknownStatement(), 'predicate.runDetails.builder.id', OWN_WORKFLOW),
      { signer: githubSigner() },
      {},
      2,
      OWN_WORKFLOW,
      SOURCE,
    ],
    ['by a developer', generatorStatement(), { signer: DEVELOPER }, {}, 1, RELEASED, undefined],
    ['by a key', generatorStatement(), { signer: KEY }, {}, 1, RELEASED, undefined],
  ])('%s', (_, json, changes, rules, level, builderId, source) => {
    const verdicts = ([1, 2, 3] as const).map((requiredLevel) =>
      judge({ ...rules, requiredLevel }, candidate(json, changes)),
    );
    for (const outcome of verdicts) {
      const found = outcome.kind === 'verified' ? outcome.best : outcome.nearest;
      expect(found).toMatchObject({ level, builder: builderId, kind: 'provenance' });
      expect(found.facts.source).toBe(source);
      expect(found.shortfalls.map((shortfall) => shortfall.level)).toEqual(
        [1, 2, 3].filter((n) => n > level),
      );
    }
    expect(verdicts.map(({ kind }) => kind)).toEqual(
      [1, 2, 3].map((n) => (n <= level ? 'verified' : 'violated')),
    );
  });

  test('a reusable workflow is level 3 only apart from the source, with the same owner, on a runner of GitHub', () => {
    const level = (workflow: string, extensions: Readonly<Record<string, string>> = {}) => {
      const outcome = judge(
        { requiredLevel: 1 },
        candidate(attestStatement(workflow), { signer: githubSigner(workflow, extensions) }),
      );
      return outcome.kind === 'verified' ? outcome.best.level : 0;
    };
    expect(level(SHARED_WORKFLOW)).toBe(3);
    expect(level(`${SOURCE}/.github/workflows/shared.yml@refs/heads/main`)).toBe(2);
    expect(level('https://github.com/evil/shared/.github/workflows/build.yml@refs/heads/main')).toBe(2);
    expect(
      level(SHARED_WORKFLOW, {
        buildConfigURI: SHARED_WORKFLOW,
        sourceRepositoryURI: 'https://github.com/acme/shared',
      }),
    ).toBe(0);
    const { runnerEnvironment: _, ...others } = githubSigner(SHARED_WORKFLOW).extensions;
    const signer = { ...githubSigner(SHARED_WORKFLOW), extensions: others };
    const unknown = judge({ requiredLevel: 1 }, candidate(attestStatement(SHARED_WORKFLOW), { signer }));
    expect(unknown).toMatchObject({ kind: 'verified', best: { level: 2 } });
  });
});
