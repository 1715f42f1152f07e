import { describe, expect, test } from '@jest/globals';
import {
  attestStatement,
  buildkitV02Statement,
  buildkitV1Statement,
  builder,
  candidate,
  changed,
  COMMIT,
  delegatorStatement,
  generatorStatement,
  githubSigner,
  gitlabV02Statement,
  gitlabV1Statement,
  GITLAB_SOURCE,
  googleStepsStatement,
  googleV01Statement,
  googleV1Statement,
  KEY,
  OWN_WORKFLOW,
  SOURCE,
  tektonV02Statement,
  tektonV1Statement,
  witnessStatement,
  type Json,
} from './statements.ts';
import { ACME, byGenerator, codes, GOLD_POLICY, judge } from './judgements.ts';

const GENERATOR_TYPE = 'https://github.com/slsa-framework/slsa-github-generator';
const COMMUNITY = 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1';
const RUNNER = 'https://github.com/actions/runner/github-hosted';
const EVIL = 'git+https://github.com/evil/x@refs/heads/main';
const OTHER_REF = `git+${SOURCE}@refs/heads/evil`;
const OTHER = 'e0'.repeat(20);
const FILE = { uri: 'https://files.example/a.jar', digest: { sha256: 'a7'.repeat(32) } };
const PACKAGE = { uri: 'pkg:maven/org.acme/lib@1.0', digest: { sha1: OTHER } };
const IMAGE_USED = { uri: 'docker.io/library/golang', digest: { sha256: 'b7'.repeat(32) } };

/** The statement's own builder, signed by the key that the policy names for it: no certificate says anything. */
function byKey(json: Json) {
  const predicate = json['predicate'] as {
    builder?: { id: string };
    runDetails?: { builder: { id: string } };
  };
  const id = predicate.runDetails?.builder.id ?? predicate.builder?.id ?? '';
  return judge(
    { requiredLevel: 1, builders: [builder(id, { signerRef: 'ci' })] },
    candidate(json, { signer: KEY, signerRefs: new Set(['ci']) }),
  );
}

const GENERATED = [
  ['materials.0.uri', EVIL],
  ['materials.0.uri', OTHER_REF],
  ['materials.0.uri', 'https://github.com/evil/x'],
  ['materials.0.digest.sha1', OTHER],
  ['materials.0.digest.gitCommit', OTHER],
  ['invocation.configSource.uri', EVIL],
  ['invocation.configSource.uri', OTHER_REF],
  ['invocation.configSource.digest.sha1', OTHER],
  ['invocation.configSource.digest.gitCommit', OTHER],
  ['invocation.environment.github_ref', 'refs/heads/evil'],
  ['invocation.environment.github_sha1', OTHER],
] as const;
const WORKFLOW = [
  ['buildDefinition.resolvedDependencies.0.uri', EVIL],
  ['buildDefinition.resolvedDependencies.0.digest.sha1', OTHER],
  ['buildDefinition.externalParameters.workflow.repository', 'https://github.com/evil/x'],
  ['runDetails.metadata.invocationId', 'https://github.com/evil/x/actions/runs/2556669934/attempts/1'],
] as const;
const WITH_GIT = { uri: 'https://github.com/acme/app.git#refs/heads/main', digest: { sha1: COMMIT } };
const BUILT = (list: string, config: string) =>
  [
    [`${list}.1.uri`, 'https://github.com/evil/x.git#refs/heads/main'],
    [`${list}.1.digest.sha1`, OTHER],
    [`${config}.digest.sha1`, OTHER],
    [`${config}.uri`, 'https://github.com/evil/x.git#refs/heads/main'],
  ] as const;

const withMaterials = (json: Json, ...materials: readonly unknown[]): Json =>
  changed(json, 'predicate.materials', materials);
const withDependencies = (json: Json, ...dependencies: readonly unknown[]): Json =>
  changed(json, 'predicate.buildDefinition.resolvedDependencies', dependencies);

const TYPES: readonly (readonly [string, Json, readonly (readonly [string, string])[]])[] = [
  ['generator, container', generatorStatement(), GENERATED],
  ['generator, generic', generatorStatement(`${GENERATOR_TYPE}/generic@v1`), GENERATED],
  ['generator, go', generatorStatement(`${GENERATOR_TYPE}/go@v1`), GENERATED],
  [
    'delegator',
    delegatorStatement(),
    [
      ['buildDefinition.resolvedDependencies.0.uri', EVIL],
      ['buildDefinition.resolvedDependencies.0.uri', OTHER_REF],
      ['buildDefinition.resolvedDependencies.0.digest.gitCommit', OTHER],
      ['buildDefinition.internalParameters.GITHUB_REF', 'refs/heads/evil'],
      ['buildDefinition.internalParameters.GITHUB_SHA', OTHER],
      ['buildDefinition.internalParameters.GITHUB_REPOSITORY', 'evil/x'],
    ],
  ],
  ['artifact attestation', attestStatement(), WORKFLOW],
  ['community workflow', attestStatement(OWN_WORKFLOW, COMMUNITY), WORKFLOW],
  [
    'Google Cloud Build v1',
    changed(
      changed(
        googleV1Statement(),
        'predicate.buildDefinition.internalParameters.systemSubstitutions.REVISION_ID',
        COMMIT,
      ),
      'predicate.buildDefinition.internalParameters.systemSubstitutions.REPO_FULL_NAME',
      'acme/app',
    ),
    [
      ['buildDefinition.externalParameters.buildConfigSource.repository', 'git+https://github.com/evil/x'],
      ['buildDefinition.externalParameters.buildConfigSource.ref', 'refs/heads/evil'],
      ['buildDefinition.resolvedDependencies.1.uri', EVIL],
      ['buildDefinition.resolvedDependencies.1.uri', OTHER_REF],
      ['buildDefinition.resolvedDependencies.1.uri', `git+${SOURCE}@${OTHER}`],
      ['buildDefinition.resolvedDependencies.1.digest.gitCommit', OTHER],
      ['buildDefinition.internalParameters.systemSubstitutions.COMMIT_SHA', OTHER],
      ['buildDefinition.internalParameters.systemSubstitutions.REVISION_ID', OTHER],
      ['buildDefinition.internalParameters.systemSubstitutions.REPO_FULL_NAME', 'evil/x'],
    ],
  ],
  [
    'Google Cloud Build v0.1',
    withMaterials(googleV01Statement(), { uri: `${SOURCE}/commit/${COMMIT}`, digest: { sha1: COMMIT } }),
    [
      ['materials.0.uri', `${SOURCE}/commit/${OTHER}`],
      ['materials.0.digest.sha1', OTHER],
    ],
  ],
  [
    'Google Cloud Build v0.2 form',
    changed(googleStepsStatement(), 'predicate.invocation.configSource', {
      uri: `git+${SOURCE}`,
      digest: { sha1: COMMIT },
    }),
    [
      ['materials.0.uri', 'git+https://github.com/evil/x'],
      ['materials.0.digest.sha1', OTHER],
      ['invocation.configSource.uri', EVIL],
      ['invocation.configSource.digest.sha1', OTHER],
    ],
  ],
  [
    'GitLab v0.2',
    withMaterials(gitlabV02Statement(), { uri: GITLAB_SOURCE, digest: { sha256: COMMIT } }),
    [
      ['invocation.configSource.uri', 'https://gitlab.com/evil/x'],
      ['invocation.configSource.digest.sha256', OTHER],
      ['materials.0.uri', 'git+https://gitlab.com/evil/x'],
      ['materials.0.digest.sha256', OTHER],
    ],
  ],
  [
    'GitLab v1',
    gitlabV1Statement(),
    [
      ['buildDefinition.externalParameters.source', 'https://gitlab.com/evil/x'],
      ['buildDefinition.resolvedDependencies.0.uri', 'https://gitlab.com/evil/x'],
      ['buildDefinition.resolvedDependencies.0.digest.sha256', OTHER],
    ],
  ],
  ['Tekton v0.2', tektonV02Statement(), [['materials.1.digest.gitCommit', OTHER]]],
  ['Tekton v1', tektonV1Statement(), [['buildDefinition.resolvedDependencies.2.digest.gitCommit', OTHER]]],
  [
    'BuildKit v0.2',
    withMaterials(buildkitV02Statement('https://ci.example.com'), IMAGE_USED, WITH_GIT),
    BUILT('materials', 'invocation.configSource'),
  ],
  [
    'BuildKit v1',
    withDependencies(
      changed(
        buildkitV1Statement(),
        'predicate.buildDefinition.externalParameters.configSource.uri',
        WITH_GIT.uri,
      ),
      IMAGE_USED,
      WITH_GIT,
    ),
    BUILT('buildDefinition.resolvedDependencies', 'buildDefinition.externalParameters.configSource'),
  ],
  ['Witness', witnessStatement(), [['buildDefinition.resolvedDependencies.0.digest.gitCommit', OTHER]]],
];

describe('B12: a statement that contradicts itself, whoever signed it', () => {
  const cases = TYPES.flatMap(([name, json, mutations]) =>
    mutations.map(([path, value]) => [name, path, value, json] as const),
  );

  test.each(cases)('%s: %s says %s', (_, path, value, json) => {
    expect(codes(byKey(json))).toEqual([]);
    const outcome = byKey(changed(json, `predicate.${path}`, value));
    expect(codes(outcome)).toEqual(['SLSA_SOURCE']);
    expect(outcome).toMatchObject({ nearest: { level: 0, facts: { source: undefined } } });
    const [{ detail } = { detail: '' }] = (outcome as { violations: readonly { detail: string }[] })
      .violations;
    expect(detail).toMatch(/^predicate\.\S+ says \S+, and predicate\.\S+ says \S+$/);
    expect(detail).toContain(`predicate.${path.replace(/\.(\d)\./, '[$1].')} says`);
  });

  test('the material of the container generator contradicts its configSource, under its own certificate', () => {
    const by = (json: Json) => codes(judge(GOLD_POLICY, candidate(json, byGenerator)));
    expect(by(generatorStatement())).toEqual([]);
    expect(by(changed(generatorStatement(), 'predicate.materials.0.uri', EVIL))).toEqual(['SLSA_SOURCE']);
  });

  test('the builder is a runner of another kind than the build', () => {
    const json = attestStatement(RUNNER, COMMUNITY);
    expect(codes(byKey(json))).toEqual([]);
    const path = 'predicate.buildDefinition.internalParameters.github.runner_environment';
    expect(codes(byKey(changed(json, path, 'self-hosted')))).toEqual(['SLSA_RUNNER']);
  });

  test('the delegator names the workflow that called it', () => {
    const { names, extensions } = githubSigner(
      'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml@refs/tags/v2.1.0',
    );
    const by = (json: Json) =>
      codes(judge({}, candidate(json, { signer: { ...githubSigner(), names, extensions } })));
    expect(by(delegatorStatement())).toEqual([]);
    const parameters = 'predicate.buildDefinition.internalParameters';
    for (const [name, value] of [
      ['GITHUB_WORKFLOW_REF', 'evil/x/.github/workflows/release.yml@refs/heads/main'],
      ['GITHUB_WORKFLOW_SHA', OTHER],
    ] as const) {
      expect(by(changed(delegatorStatement(), `${parameters}.${name}`, value))).toEqual(['SLSA_SOURCE']);
    }
  });
});

describe('what else a build used contradicts nothing', () => {
  test.each<[string, Json]>([
    [
      'generator',
      withMaterials(generatorStatement(), IMAGE_USED, PACKAGE, FILE, material(generatorStatement())),
    ],
    ['delegator', withDependencies(delegatorStatement(), PACKAGE, FILE, dependency(delegatorStatement()))],
    ['attestation', withDependencies(attestStatement(), PACKAGE, FILE, dependency(attestStatement()))],
    [
      'Google Cloud Build v1, another repository first',
      withDependencies(
        googleV1Statement(),
        { uri: 'git+https://github.com/other/lib', digest: { gitCommit: OTHER } },
        { uri: `git+${SOURCE}@${COMMIT}`, digest: { gitCommit: COMMIT } },
      ),
    ],
    ['GitLab v1', withDependencies(gitlabV1Statement(), FILE, dependency(gitlabV1Statement()))],
    ['GitLab v0.2', withMaterials(gitlabV02Statement(), FILE, PACKAGE)],
    [
      'BuildKit, the same repository at another ref',
      withMaterials(
        buildkitV02Statement('https://ci.example.com'),
        { uri: 'https://github.com/acme/app.git#refs/tags/v0', digest: { sha1: OTHER } },
        { uri: 'https://github.com/other/lib.git', digest: { sha1: OTHER } },
        WITH_GIT,
      ),
    ],
    [
      'the other hash of git',
      changed(generatorStatement(), 'predicate.materials.0.digest.gitCommit', 'c3'.repeat(32)),
    ],
    ['nothing listed', changed(generatorStatement(), 'predicate.materials', undefined)],
  ])('%s', (_, json) => {
    const outcome = byKey(json);
    expect(codes(outcome)).toEqual([]);
    const source = outcome.kind === 'verified' ? outcome.best.facts.source : undefined;
    expect([SOURCE, GITLAB_SOURCE]).toContain(source);
  });

  test('several inputs of Tekton name no source', () => {
    const chains = (json: Json) => {
      const rules = {
        builders: [builder('https://tekton.example.com/chains', { signerRef: 'ci' })],
        sources: ACME,
      };
      return codes(
        judge({ ...rules, requiredLevel: 2 }, candidate(json, { signer: KEY, signerRefs: new Set(['ci']) })),
      );
    };
    const two = [tektonV1Statement(), tektonV02Statement()].map((json) => {
      const other = {
        name: 'inputs/result',
        uri: 'git+https://github.com/acme/lib',
        digest: { sha1: OTHER },
      };
      const predicate = json['predicate'] as { materials?: unknown };
      const place =
        predicate.materials === undefined ? 'buildDefinition.resolvedDependencies.1' : 'materials.2';
      return [json, changed(json, `predicate.${place}`, other)] as const;
    });
    for (const [one, several] of two) {
      expect(chains(one)).toEqual([]);
      expect(chains(several)).toEqual(['SLSA_SOURCE']);
    }
  });

  test('a substitution of Cloud Build is no fact: a build by hand sets it', () => {
    const json = changed(googleV1Statement(), 'predicate.buildDefinition.resolvedDependencies', []);
    expect(byKey(json)).toMatchObject({ kind: 'verified', best: { facts: { commit: undefined } } });
    expect(byKey(googleV1Statement())).toMatchObject({
      kind: 'verified',
      best: { facts: { commit: COMMIT } },
    });
  });
});

function material(json: Json): unknown {
  return (json['predicate'] as { materials: readonly unknown[] }).materials[0];
}

function dependency(json: Json): unknown {
  return (json['predicate'] as { buildDefinition: { resolvedDependencies: readonly unknown[] } })
    .buildDefinition.resolvedDependencies[0];
}
