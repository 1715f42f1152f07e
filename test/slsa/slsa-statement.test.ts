import { describe, expect, test } from '@jest/globals';
import type { Provenance } from '../../src/slsa/provenance.ts';
import { isSlsaPredicate, readSlsaStatement } from '../../src/slsa/slsa-statement.ts';
import {
  attestStatement,
  buildkitV02Statement,
  buildkitV1Statement,
  changed,
  CLOUD_BUILD,
  COMMIT,
  delegatorStatement,
  generatorStatement,
  GITLAB_SOURCE,
  gitlabV02Statement,
  gitlabV1Statement,
  googleStepsStatement,
  googleV01Statement,
  googleV1Statement,
  HEX,
  NODEJS,
  OWN_WORKFLOW,
  readJson,
  RELEASED,
  SOURCE,
  summaryStatement,
  TEKTON_BUILDER,
  tektonV02Statement,
  tektonV1Statement,
  unknownStatement,
  witnessStatement,
  type Json,
} from './statements.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

function provenanceOf(json: Json): Provenance {
  const read = readJson(json);
  if (read.kind !== 'provenance') throw new Error(JSON.stringify(read));
  return read;
}

const unreadable = (json: Json): string => {
  const read = readSlsaStatement(Buffer.from(JSON.stringify(json)));
  return read?.kind === 'unreadable' ? `${read.code} ${read.detail}` : (read?.kind ?? 'none');
};

const MAIN = 'refs/heads/main';
const GENERATOR_TYPE = 'https://github.com/slsa-framework/slsa-github-generator';

describe('what a statement of each build type says', () => {
  test.each<[string, Json, Partial<Provenance>]>([
    [
      'generator, container',
      generatorStatement(),
      {
        builder: { id: RELEASED, version: undefined },
        source: SOURCE,
        ref: MAIN,
        commit: COMMIT,
        entryPoint: '.github/workflows/release.yml',
        trigger: 'push',
        invocationId: '2556669934-1',
      },
    ],
    [
      'generator, generic',
      generatorStatement(`${GENERATOR_TYPE}/generic@v1`),
      { platform: 'github-generator', source: SOURCE },
    ],
    [
      'generator, go',
      generatorStatement(`${GENERATOR_TYPE}/go@v1`),
      { platform: 'github-generator', source: SOURCE },
    ],
    [
      'delegator',
      delegatorStatement(),
      {
        platform: 'github-delegator',
        builder: { id: NODEJS, version: undefined },
        source: SOURCE,
        ref: MAIN,
        commit: COMMIT,
        trigger: 'push',
      },
    ],
    [
      'artifact attestation',
      attestStatement(),
      {
        platform: 'github-workflow',
        builder: { id: OWN_WORKFLOW, version: undefined },
        source: SOURCE,
        ref: MAIN,
        commit: COMMIT,
        entryPoint: '.github/workflows/release.yml',
        trigger: 'push',
      },
    ],
    [
      'community workflow',
      attestStatement(OWN_WORKFLOW, 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1'),
      { platform: 'github-workflow', source: SOURCE },
    ],
    [
      'Google Cloud Build v1',
      googleV1Statement(),
      {
        platform: 'google',
        builder: { id: CLOUD_BUILD, version: undefined },
        source: SOURCE,
        ref: MAIN,
        commit: COMMIT,
        entryPoint: 'cloudbuild.yaml',
        startedOn: Date.parse('2026-11-22T10:40:21.016Z'),
      },
    ],
    // Its tag is a substitution, which a caller can set.
    [
      'Google Cloud Build v0.1',
      googleV01Statement(),
      {
        platform: 'google',
        source: SOURCE,
        ref: undefined,
        commit: COMMIT,
        entryPoint: 'cloudbuild.yaml',
        invocationId: '11f6c682',
      },
    ],
    [
      'Google Cloud Build v0.2 form',
      googleStepsStatement(),
      { platform: 'google', source: SOURCE, commit: COMMIT },
    ],
    [
      'GitLab v0.2',
      gitlabV02Statement(),
      { platform: 'gitlab', source: GITLAB_SOURCE, ref: undefined, commit: COMMIT, entryPoint: 'build-job' },
    ],
    [
      'GitLab v1',
      gitlabV1Statement(),
      {
        platform: 'gitlab',
        builder: {
          id: 'https://gitlab.com/groups/acme/tools/-/runners/33',
          version: { 'gitlab-runner': '4d7093e1' },
        },
        source: GITLAB_SOURCE,
        ref: undefined,
        commit: COMMIT,
        entryPoint: 'build-job',
        invocationId: '412',
      },
    ],
    [
      'Tekton v0.2',
      tektonV02Statement(),
      {
        platform: 'tekton',
        builder: { id: TEKTON_BUILDER, version: undefined },
        source: SOURCE,
        ref: undefined,
        commit: COMMIT,
        trigger: undefined,
      },
    ],
    [
      'Tekton v1',
      tektonV1Statement(),
      { platform: 'tekton', source: SOURCE, commit: COMMIT, invocationId: '1aa04ff2' },
    ],
    [
      'Tekton v1, its own',
      tektonV1Statement('https://tekton.dev/chains/v2/slsa-tekton'),
      { platform: 'tekton', source: SOURCE },
    ],
    [
      'BuildKit v0.2',
      buildkitV02Statement(),
      {
        platform: 'buildkit',
        builder: { id: undefined, version: undefined },
        source: SOURCE,
        ref: MAIN,
        commit: COMMIT,
        entryPoint: 'Dockerfile',
      },
    ],
    // `#main` may be a branch or a tag.
    [
      'BuildKit v1',
      buildkitV1Statement(),
      {
        platform: 'buildkit',
        source: SOURCE,
        ref: undefined,
        commit: COMMIT,
        entryPoint: 'Dockerfile',
        invocationId: 'rpv7a389',
      },
    ],
    ['Witness', witnessStatement(), { platform: 'witness', source: SOURCE, ref: undefined, commit: COMMIT }],
    [
      'unknown',
      unknownStatement(),
      {
        platform: 'unknown',
        builder: { id: 'https://ci.example.com', version: undefined },
        source: undefined,
        ref: undefined,
        commit: undefined,
      },
    ],
  ])('%s', (_, json, expected) => {
    expect(provenanceOf(json)).toMatchObject(expected);
  });

  test('both forms of in-toto are read, and dependencies and parameters are kept', () => {
    for (const type of ['https://in-toto.io/Statement/v0.1', 'https://in-toto.io/Statement/v1']) {
      const read = provenanceOf({ ...attestStatement(), _type: type });
      expect(read.resolvedDependencies).toEqual([
        { name: undefined, uri: `git+${SOURCE}@${MAIN}`, digest: { gitCommit: COMMIT } },
      ]);
      expect(read.parameters).toEqual({
        workflow: { ref: MAIN, repository: SOURCE, path: '.github/workflows/release.yml' },
      });
    }
  });

  test('two sources are no source', () => {
    const path = 'predicate.buildDefinition.resolvedDependencies';
    const source = { name: 'inputs/result', uri: `git+${SOURCE}`, digest: { sha1: COMMIT } };
    const withInputs = (...inputs: unknown[]) => provenanceOf(changed(tektonV1Statement(), path, inputs));
    expect(withInputs(source, { ...source, uri: `${SOURCE}.git` }).source).toBe(SOURCE);
    for (const other of [
      { uri: 'https://github.com/acme/lib' },
      { uri: `${SOURCE}@refs/heads/other` },
      { digest: { sha1: 'e0'.repeat(20) } },
    ]) {
      expect(withInputs(source, { ...source, ...other })).toMatchObject({
        source: undefined,
        commit: undefined,
      });
    }
  });

  test('a commit is a whole one, and an old form of Google Cloud Build puts it into the URI', () => {
    const path = 'predicate.buildDefinition.resolvedDependencies.0.digest.gitCommit';
    for (const commit of [COMMIT.slice(1), COMMIT.toUpperCase(), `${COMMIT}0`, 'main']) {
      expect(provenanceOf(changed(attestStatement(), path, commit)).commit).toBeUndefined();
    }
    const old = [{ uri: `${SOURCE}/commit/${COMMIT}` }];
    const read = provenanceOf(changed(googleV01Statement(), 'predicate.materials', old));
    expect(read).toMatchObject({ source: SOURCE, commit: COMMIT });
    const two = provenanceOf(changed(googleV01Statement(), 'predicate.materials', [...old, ...old]));
    expect(two).toMatchObject({ source: undefined, commit: undefined });
  });

  test('a tarball is no repository, and a build type is known by its whole URI', () => {
    const path = 'predicate.invocation.configSource';
    const tarball = { uri: 'https://example.com/acme/app.tar', digest: { sha256: HEX } };
    expect(provenanceOf(changed(buildkitV02Statement(), path, tarball)).source).toBeUndefined();
    const near = (buildType: string) =>
      provenanceOf(changed(gitlabV02Statement(), 'predicate.buildType', buildType));
    const gitlab = 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob';
    expect(near(`${gitlab}/v17.0.0/PROVENANCE.md`)).toMatchObject({
      platform: 'gitlab',
      source: GITLAB_SOURCE,
    });
    for (const type of [
      `${gitlab}/v1/x/PROVENANCE.md`,
      `${gitlab}/v1/PROVENANCE.md2`,
      'https://gitlab.com/evil',
    ]) {
      expect(near(type)).toMatchObject({ platform: 'unknown', source: undefined });
    }
  });

  test('parameters that are larger than anybody would look at are not kept', () => {
    const withInputs = (inputs: unknown) =>
      provenanceOf(changed(attestStatement(), 'predicate.buildDefinition.externalParameters.inputs', inputs));
    expect(withInputs(Array.from({ length: 900 }, () => 1)).parameters).toBeDefined();
    expect(withInputs(Array.from({ length: 1001 }, () => 1)).parameters).toBeUndefined();
    expect(withInputs({ a: 'x'.repeat(33_000) }).parameters).toBeUndefined();
    expect(withInputs({ ['x'.repeat(33_000)]: 1 }).parameters).toBeUndefined();
  });
});

describe('what cannot be read', () => {
  const define = (key: string, value: unknown) =>
    changed(attestStatement(), `predicate.buildDefinition.${key}`, value);
  const detail = (key: string, value: unknown) =>
    changed(attestStatement(), `predicate.runDetails.${key}`, value);

  test.each<[string, Json, string]>([
    ['another statement', { ...attestStatement(), _type: 'https://in-toto.io/Statement/v2' }, 'UNSUPPORTED'],
    [
      'type that is a list',
      { ...attestStatement(), _type: ['https://in-toto.io/Statement/v1'] },
      'UNSUPPORTED',
    ],
    ['a list', [] as unknown as Json, 'MALFORMED the in-toto statement: expected an object'],
    [
      'no predicate type',
      { ...attestStatement(), predicateType: '' },
      'MALFORMED the in-toto statement.predicateType',
    ],
    ['no predicate', { ...attestStatement(), predicate: null }, 'MALFORMED predicate: expected an object'],
    ['no build type', define('buildType', ''), 'MALFORMED predicate.buildDefinition.buildType'],
    [
      'no builder',
      detail('builder', undefined),
      'MALFORMED predicate.runDetails.builder: expected an object',
    ],
    [
      'id that is a number',
      detail('builder', { id: 7 }),
      'MALFORMED predicate.runDetails.builder.id: expected a string',
    ],
    [
      'id that is too long',
      detail('builder', { id: 'x'.repeat(2049) }),
      'LIMIT predicate.runDetails.builder.id',
    ],
    [
      'time without zone',
      detail('metadata', { startedOn: '2026-11-22T10:00:00' }),
      'MALFORMED predicate.runDetails.metadata.startedOn: expected an RFC 3339 timestamp',
    ],
    [
      'month 13',
      detail('metadata', { startedOn: '2026-13-22T10:00:00Z' }),
      'MALFORMED predicate.runDetails.metadata.startedOn',
    ],
    [
      'two spellings',
      detail('metadata', { invocationId: 'a', invocationID: 'b' }),
      'MALFORMED predicate.runDetails.metadata has both',
    ],
    [
      'dependencies that are no list',
      define('resolvedDependencies', {}),
      'MALFORMED predicate.buildDefinition.resolvedDependencies: expected a list',
    ],
    [
      'a dependency that is null',
      define('resolvedDependencies', [null]),
      'MALFORMED predicate.buildDefinition.resolvedDependencies[0]',
    ],
    [
      'a digest that is a number',
      define('resolvedDependencies', [{ digest: { sha1: 1 } }]),
      'MALFORMED predicate.buildDefinition.resolvedDependencies[0].digest.sha1',
    ],
    [
      'too many digests',
      define('resolvedDependencies', [
        { digest: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`d${i}`, 'x'])) },
      ]),
      'LIMIT predicate.buildDefinition.resolvedDependencies[0].digest',
    ],
    [
      'too many dependencies',
      define(
        'resolvedDependencies',
        Array.from({ length: 4097 }, () => ({})),
      ),
      'LIMIT predicate.buildDefinition.resolvedDependencies',
    ],
    [
      'workflow that is a text',
      define('externalParameters', { workflow: 'x' }),
      'MALFORMED predicate.buildDefinition.externalParameters.workflow: expected an object',
    ],
    [
      'ref that is a number',
      define('externalParameters', { workflow: { ref: 1 } }),
      'MALFORMED predicate.buildDefinition.externalParameters.workflow.ref',
    ],
    [
      'v0.2 without builder',
      changed(generatorStatement(), 'predicate.builder', undefined),
      'MALFORMED predicate.builder',
    ],
    [
      'v0.1 without recipe',
      changed(googleV01Statement(), 'predicate.recipe', undefined),
      'MALFORMED predicate.recipe',
    ],
    [
      'summary without verifier',
      changed(changed(summaryStatement(), 'predicate.verifier', undefined), 'predicate.id', 'x'),
      'MALFORMED predicate.verifier',
    ],
    [
      'summary without resource',
      changed(summaryStatement(), 'predicate.resourceUri', undefined),
      'MALFORMED predicate.resourceUri',
    ],
    [
      'summary with bad time',
      changed(summaryStatement(), 'predicate.timeVerified', 'yesterday'),
      'MALFORMED predicate.timeVerified',
    ],
  ])('%s', (_, bad, expected) => {
    expect(unreadable(attestStatement())).toBe('provenance');
    expect(unreadable(bad)).toContain(expected);
  });

  test('bytes that are no JSON, or hold a key twice, are values as well', () => {
    const code = (text: string) => {
      const read = readSlsaStatement(Buffer.from(text));
      return read?.kind === 'unreadable' ? read.code : read?.kind;
    };
    const good = JSON.stringify(attestStatement());
    expect(code(good)).toBe('provenance');
    expect(code('junk')).toBe('MALFORMED');
    expect(code(good.replace('"_type":', '"_type":"x","_type":'))).toBe('MALFORMED');
    expect(code(`{"_type":${'['.repeat(100)}`)).toBe('LIMIT');
  });

  test('B1, B2: a statement about anything else is none of ours', () => {
    for (const predicateType of [
      'https://slsa.dev/provenance/v1/',
      'https://slsa.dev/provenance/v10',
      'https://slsa.dev/provenance',
      'https://sigstore.dev/cosign/sign/v1',
      'https://cosign.sigstore.dev/attestation/vuln/v1',
      'https://spdx.dev/Document',
    ]) {
      expect(isSlsaPredicate(predicateType)).toBe(false);
      expect(unreadable({ ...attestStatement(), predicateType })).toBe('none');
    }
    expect(isSlsaPredicate('https://slsa.dev/provenance/v1')).toBe(true);
  });

  test('5 MB with 1,000 subjects are read once, and fast', () => {
    const subject = Array.from({ length: 1000 }, (_, i) => ({ name: `image-${i}`, digest: { sha256: HEX } }));
    const results = Array.from({ length: 45_000 }, (_, i) => ({
      name: `taskRunResults/step-${i}`,
      mediaType: 'application/json',
      content: 'x'.repeat(48),
    }));
    const big = { ...changed(tektonV1Statement(), 'predicate.runDetails.byproducts', results), subject };
    const bytes = Buffer.from(JSON.stringify(big));
    expect(bytes.length).toBeGreaterThan(5_000_000);
    const took = threadMilliseconds(() =>
      expect(readSlsaStatement(bytes)).toMatchObject({ kind: 'provenance', source: SOURCE }),
    );
    expect(took).toBeLessThan(2_000);
  });
});
