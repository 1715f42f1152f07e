import type { CertificateIdentity, KeyIdentity } from '../../src/sigstore/verified-signature.ts';
import type { SlsaCandidate } from '../../src/slsa/slsa-candidate.ts';
import type { BuilderRule, SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import { readSlsaStatement, type SlsaStatement } from '../../src/slsa/slsa-statement.ts';

/**
 * Statements of every build type, in the shapes of the public documents that `src/slsa/*-build-types.ts` name, and the
 * certificates that Fulcio would have made for the jobs that signed them. All are about the same image, source and commit.
 */
export const HEX = 'd1'.repeat(32);
export const IMAGE = { name: 'ghcr.io/acme/server', digest: `sha256:${HEX}` };
export const OTHER_DIGEST = `sha256:${'e2'.repeat(32)}`;
export const COMMIT = '4b220de5058abfd01ff619c9d2ff6b09a049bea0';
export const SOURCE = 'https://github.com/acme/app';
export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const SIGNED = NOW - 3_600_000;
export const DAY = 86_400_000;

export const GENERATOR =
  'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml';
export const RELEASED = `${GENERATOR}@refs/tags/v2.1.0`;
export const OWN_WORKFLOW = `${SOURCE}/.github/workflows/release.yml@refs/heads/main`;
export const SHARED_WORKFLOW = 'https://github.com/acme/shared/.github/workflows/build.yml@refs/tags/v3.0.0';
export const TEKTON_BUILDER = 'https://tekton.example.com/chains';
export const CLOUD_BUILD = 'https://cloudbuild.googleapis.com/GoogleHostedWorker';
const RUN = `${SOURCE}/actions/runs/2556669934/attempts/1`;

export type Json = Readonly<Record<string, unknown>>;

const statement = (
  predicateType: string,
  predicate: Json,
  type = 'https://in-toto.io/Statement/v0.1',
): Json => ({
  _type: type,
  subject: [{ name: IMAGE.name, digest: { sha256: HEX } }],
  predicateType,
  predicate,
});
const v02 = (predicate: Json): Json => statement('https://slsa.dev/provenance/v0.2', predicate);
const v1 = (predicate: Json): Json =>
  statement('https://slsa.dev/provenance/v1', predicate, 'https://in-toto.io/Statement/v1');

export const generatorStatement = (
  buildType = 'https://github.com/slsa-framework/slsa-github-generator/container@v1',
  builderId = RELEASED,
): Json =>
  v02({
    builder: { id: builderId },
    buildType,
    invocation: {
      configSource: {
        uri: 'git+https://github.com/acme/app@refs/heads/main',
        digest: { sha1: COMMIT },
        entryPoint: '.github/workflows/release.yml',
      },
      parameters: {},
      environment: {
        github_actor: 'octocat',
        github_base_ref: '',
        github_event_name: 'push',
        github_event_payload: { after: COMMIT },
        github_ref: 'refs/heads/main',
        github_ref_type: 'branch',
        github_repository_id: '474793590',
        github_repository_owner: 'acme',
        github_repository_owner_id: '123456',
        github_run_attempt: '1',
        github_run_id: '2556669934',
        github_sha1: COMMIT,
      },
    },
    metadata: { buildInvocationID: '2556669934-1', completeness: { parameters: true }, reproducible: false },
    materials: [{ uri: 'git+https://github.com/acme/app@refs/heads/main', digest: { sha1: COMMIT } }],
  });

export const attestStatement = (
  builderId = OWN_WORKFLOW,
  buildType = 'https://actions.github.io/buildtypes/workflow/v1',
): Json =>
  v1({
    buildDefinition: {
      buildType,
      externalParameters: {
        workflow: { ref: 'refs/heads/main', repository: SOURCE, path: '.github/workflows/release.yml' },
      },
      internalParameters: {
        github: {
          event_name: 'push',
          repository_id: '474793590',
          repository_owner_id: '123456',
          runner_environment: 'github-hosted',
        },
      },
      resolvedDependencies: [{ uri: `git+${SOURCE}@refs/heads/main`, digest: { gitCommit: COMMIT } }],
    },
    runDetails: { builder: { id: builderId }, metadata: { invocationId: RUN } },
  });

export const DELEGATOR =
  'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml@refs/tags/v2.1.0';
export const NODEJS =
  'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_nodejs_slsa3.yml@refs/tags/v2.1.0';

export const delegatorStatement = (builderId = NODEJS): Json =>
  v1({
    buildDefinition: {
      buildType: 'https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0',
      externalParameters: { inputs: {}, vars: {} },
      internalParameters: {
        GITHUB_EVENT_NAME: 'push',
        GITHUB_REF: 'refs/heads/main',
        GITHUB_REPOSITORY: 'acme/app',
        GITHUB_REPOSITORY_ID: '474793590',
        GITHUB_REPOSITORY_OWNER: 'acme',
        GITHUB_REPOSITORY_OWNER_ID: '123456',
        GITHUB_RUN_ATTEMPT: '1',
        GITHUB_RUN_ID: '2556669934',
        GITHUB_SHA: COMMIT,
        GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/release.yml@refs/heads/main',
        GITHUB_WORKFLOW_SHA: COMMIT,
      },
      resolvedDependencies: [{ uri: `git+${SOURCE}@refs/heads/main`, digest: { gitCommit: COMMIT } }],
    },
    runDetails: { builder: { id: builderId }, metadata: { invocationId: '2556669934-1' } },
  });

export const googleV1Statement = (): Json =>
  v1({
    buildDefinition: {
      buildType: 'https://cloud.google.com/build/gcb-buildtypes/google-worker/v1',
      externalParameters: {
        buildConfigSource: { path: 'cloudbuild.yaml', ref: 'refs/heads/main', repository: `git+${SOURCE}` },
        substitutions: {},
      },
      internalParameters: {
        systemSubstitutions: { BRANCH_NAME: 'main', COMMIT_SHA: COMMIT, REPO_NAME: 'app' },
        triggerUri: 'projects/0/locations/global/triggers/15e57958',
      },
      resolvedDependencies: [
        { uri: 'gcr.io/cloud-builders/docker@sha256:d048', digest: { sha256: 'd048'.repeat(16) } },
        { uri: `git+${SOURCE}@refs/heads/main`, digest: { gitCommit: COMMIT } },
      ],
    },
    runDetails: {
      builder: { id: CLOUD_BUILD },
      byproducts: [{}],
      metadata: {
        invocationId: 'https://cloudbuild.googleapis.com/v1/projects/p/locations/us-west2/builds/9c11d255',
        startedOn: '2026-11-22T10:40:21.016140505Z',
        finishedOn: '2026-11-22T10:41:29.055034Z',
      },
    },
  });

export const googleV01Statement = (): Json => ({
  ...statement('https://slsa.dev/provenance/v0.1', {
    builder: { id: `${CLOUD_BUILD}@v0.3` },
    materials: [{ uri: SOURCE, digest: { sha1: COMMIT } }],
    metadata: {
      buildInvocationId: '11f6c682',
      buildStartedOn: '2026-11-22T10:54:10.226833361Z',
      buildFinishedOn: '2026-11-22T10:54:22.169342Z',
    },
    recipe: {
      type: 'https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1',
      entryPoint: 'cloudbuild.yaml',
      arguments: {
        '@type': 'type.googleapis.com/google.devtools.cloudbuild.v1.Build',
        substitutions: { TAG_NAME: 'v39', COMMIT_SHA: COMMIT },
      },
    },
  }),
});

export const googleStepsStatement = (): Json =>
  v02({
    builder: { id: `${CLOUD_BUILD}@v0.3` },
    buildType: 'https://cloudbuild.googleapis.com/CloudBuildSteps@v0.1',
    invocation: { parameters: { substitutions: {} } },
    materials: [{ uri: `git+${SOURCE}`, digest: { sha1: COMMIT } }],
  });

export const GITLAB_SOURCE = 'https://gitlab.com/acme/tools/app';

export const gitlabV02Statement = (): Json =>
  v02({
    buildType: 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v15.1.0/PROVENANCE.md',
    builder: { id: `${GITLAB_SOURCE}/-/runners/14811533` },
    invocation: {
      configSource: { uri: GITLAB_SOURCE, digest: { sha256: COMMIT }, entryPoint: 'build-job' },
      environment: { name: 'runner', executor: 'docker', architecture: 'amd64' },
      parameters: { CI: '', CI_COMMIT_REF_NAME: '' },
    },
    metadata: {
      buildStartedOn: '2026-11-22T10:00:00Z',
      buildEndedOn: '2026-11-22T10:01:00Z',
      reproducible: false,
    },
    materials: [],
  });

export const gitlabV1Statement = (): Json =>
  v1({
    buildDefinition: {
      buildType: 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob/4d7093e1/PROVENANCE.md',
      externalParameters: {
        source: GITLAB_SOURCE,
        entryPoint: 'build-job',
        variables: { CI_COMMIT_TAG: 'v9.9.9', masked: '[MASKED]' },
      },
      internalParameters: { architecture: 'arm64', executor: 'docker', job: 412, name: '9-mfdkBG' },
      resolvedDependencies: [{ uri: GITLAB_SOURCE, digest: { gitCommit: COMMIT } }],
    },
    runDetails: {
      builder: {
        id: 'https://gitlab.com/groups/acme/tools/-/runners/33',
        version: { 'gitlab-runner': '4d7093e1' },
      },
      metadata: { invocationId: 412, startedOn: '2026-11-22T10:33:18Z', finishedOn: '2026-11-22T10:33:23Z' },
    },
  });

export const tektonV02Statement = (): Json =>
  v02({
    builder: { id: TEKTON_BUILDER },
    buildType: 'tekton.dev/v1beta1/TaskRun',
    invocation: {
      configSource: {
        uri: 'git+https://github.com/acme/pipelines.git',
        digest: { sha1: 'c0'.repeat(20) },
        entryPoint: 'task.yaml',
      },
      parameters: { DOCKERFILE: './Dockerfile' },
      environment: { labels: { 'tekton.dev/task': 'kaniko-chains' } },
    },
    buildConfig: { steps: [] },
    metadata: { buildStartedOn: '2026-11-22T09:40:16Z', buildFinishedOn: '2026-11-22T09:40:21Z' },
    materials: [
      { uri: 'git+https://github.com/acme/pipelines.git', digest: { sha1: 'c0'.repeat(20) } },
      { uri: 'git+https://github.com/acme/app.git', digest: { sha1: COMMIT } },
      { uri: 'oci://gcr.io/kaniko-project/executor', digest: { sha256: 'c6'.repeat(32) } },
    ],
  });

export const tektonV1Statement = (buildType = 'https://tekton.dev/chains/v2/slsa'): Json =>
  v1({
    buildDefinition: {
      buildType,
      externalParameters: { runSpec: { params: [{ name: 'git-revision', value: 'main' }] } },
      internalParameters: { 'tekton-pipelines-feature-flags': { EnableAPIFields: 'stable' } },
      resolvedDependencies: [
        { name: 'pipeline', uri: 'git+https://github.com/acme/pipelines', digest: { sha1: 'c0'.repeat(20) } },
        { uri: 'gcr.io/tekton-releases/git-init', digest: { sha256: '28'.repeat(32) } },
        { name: 'inputs/result', uri: 'git+https://github.com/acme/app.git', digest: { sha1: COMMIT } },
      ],
    },
    runDetails: {
      builder: { id: TEKTON_BUILDER },
      metadata: {
        invocationId: '1aa04ff2',
        startedOn: '2026-11-22T09:34:56Z',
        finishedOn: '2026-11-22T09:44:56Z',
      },
    },
  });

export const buildkitV02Statement = (builderId = ''): Json =>
  v02({
    builder: { id: builderId },
    buildType: 'https://mobyproject.org/buildkit@v1',
    materials: [
      { uri: 'pkg:docker/alpine@3.17?platform=linux%2Famd64', digest: { sha256: '89'.repeat(32) } },
    ],
    invocation: {
      configSource: {
        uri: 'https://github.com/acme/app.git#refs/heads/main:docker',
        digest: { sha1: COMMIT },
        entryPoint: 'Dockerfile',
      },
      parameters: { frontend: 'gateway.v0', args: { target: 'release' } },
      environment: { platform: 'linux/amd64' },
    },
    metadata: { buildInvocationID: 'rpv7a389', buildStartedOn: '2026-11-22T10:00:00Z' },
  });

export const buildkitV1Statement = (
  builderId = 'https://github.com/acme/app/actions/runs/3709599520',
): Json =>
  v1({
    buildDefinition: {
      buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
      externalParameters: {
        configSource: {
          uri: 'https://github.com/acme/app.git#main',
          digest: { sha1: COMMIT },
          path: 'Dockerfile',
        },
        request: { frontend: 'dockerfile.v0' },
      },
      internalParameters: { builderPlatform: 'linux/amd64' },
    },
    runDetails: {
      builder: { id: builderId },
      metadata: {
        invocationID: 'rpv7a389',
        startedOn: '2026-11-22T10:00:00Z',
        buildkit_metadata: { vcs: { source: 'https://github.com/evil/x.git', revision: 'e0'.repeat(20) } },
      },
    },
  });

export const witnessStatement = (): Json =>
  statement('https://slsa.dev/provenance/v1.0', {
    buildDefinition: {
      buildType: 'https://witness.dev/slsa-build@v0.1',
      externalParameters: { command: 'go build' },
      internalParameters: { env: { HOME: '/home/ci' } },
      resolvedDependencies: [
        { name: 'https://github.com/acme/app.git', digest: { sha1: COMMIT } },
        { name: 'main.go', digest: { sha256: 'a1'.repeat(32) } },
      ],
    },
    runDetails: {
      builder: { id: 'https://witness.dev/witness-github-action-builder@v0.1' },
      metadata: { invocationId: RUN, startedOn: '2026-11-22T10:00:00Z', finishedOn: '2026-11-22T10:01:00Z' },
    },
  });

export const unknownStatement = (): Json =>
  v1({
    buildDefinition: {
      buildType: 'https://ci.example.com/build/v7',
      externalParameters: { source: SOURCE, repository: SOURCE },
      resolvedDependencies: [{ uri: `git+${SOURCE}`, digest: { gitCommit: COMMIT } }],
    },
    runDetails: { builder: { id: 'https://ci.example.com' } },
  });

export const summaryStatement = (): Json =>
  statement(
    'https://slsa.dev/verification_summary/v1',
    {
      verifier: { id: 'https://verifier.example.com', version: { tool: '1' } },
      timeVerified: '2026-11-22T10:55:00Z',
      resourceUri: 'ghcr.io/acme/server',
      policy: { uri: 'https://verifier.example.com/policy', digest: { sha256: 'ab'.repeat(32) } },
      inputAttestations: [{ uri: 'https://example.com/p.jsonl', digest: { sha256: 'cd'.repeat(32) } }],
      verificationResult: 'PASSED',
      verifiedLevels: ['SLSA_BUILD_LEVEL_3', 'ACME_SOURCE_GATED'],
      dependencyLevels: { SLSA_BUILD_LEVEL_2: 7 },
      slsaVersion: '1.0',
    },
    'https://in-toto.io/Statement/v1',
  );

export const githubSigner = (
  workflow = OWN_WORKFLOW,
  extensions: Readonly<Record<string, string>> = {},
): CertificateIdentity => ({
  kind: 'certificate',
  trustRoot: 'root',
  issuer: 'https://token.actions.githubusercontent.com',
  names: [{ type: 'uri', value: workflow }],
  extensions: {
    buildSignerURI: workflow,
    runnerEnvironment: 'github-hosted',
    sourceRepositoryURI: SOURCE,
    sourceRepositoryDigest: COMMIT,
    sourceRepositoryRef: 'refs/heads/main',
    sourceRepositoryID: '474793590',
    sourceRepositoryOwnerURI: 'https://github.com/acme',
    sourceRepositoryOwnerID: '123456',
    buildConfigURI: OWN_WORKFLOW,
    buildConfigDigest: COMMIT,
    buildTrigger: 'push',
    runInvocationURI: RUN,
    ...extensions,
  },
});

export const gitlabSigner = (extensions: Readonly<Record<string, string>> = {}): CertificateIdentity => {
  const config = `${GITLAB_SOURCE}//.gitlab-ci.yml@refs/heads/main`;
  return {
    kind: 'certificate',
    trustRoot: 'root',
    issuer: 'https://gitlab.com',
    names: [{ type: 'uri', value: config }],
    extensions: {
      buildSignerURI: config,
      runnerEnvironment: 'gitlab-hosted',
      sourceRepositoryURI: GITLAB_SOURCE,
      sourceRepositoryDigest: COMMIT,
      sourceRepositoryRef: 'refs/heads/main',
      sourceRepositoryOwnerURI: 'https://gitlab.com/acme/tools',
      buildConfigURI: config,
      buildTrigger: 'push',
      runInvocationURI: `${GITLAB_SOURCE}/-/jobs/412`,
      ...extensions,
    },
  };
};

export const KEY: KeyIdentity = { kind: 'key', fingerprint: `sha256:${'5e'.repeat(32)}` };

export const DEVELOPER: CertificateIdentity = {
  kind: 'certificate',
  trustRoot: 'root',
  issuer: 'https://accounts.google.com',
  names: [{ type: 'email', value: 'dev@acme.example' }],
  extensions: {},
};

/** A copy with one thing changed, by its path (`predicate.materials.0.uri`); undefined takes it away. */
export function changed(good: Json, path: string, value: unknown): Json {
  const [key = '', ...rest] = path.split('.');
  const inner = good[key];
  const next = rest.length === 0 ? value : changed(inner as Json, rest.join('.'), value);
  if (Array.isArray(good)) return good.with(Number(key), next) as unknown as Json;
  return { ...good, [key]: next };
}

export function readJson(json: Json): SlsaStatement {
  const statementRead = readSlsaStatement(Buffer.from(JSON.stringify(json)));
  if (statementRead === undefined) throw new Error('a statement about something else');
  return statementRead;
}

export function candidate(json: Json, changes: Partial<SlsaCandidate> = {}): SlsaCandidate {
  return {
    source: 'attestation 1',
    digests: [IMAGE.digest],
    statement: readJson(json),
    signer: githubSigner(),
    signerRefs: new Set(),
    isPlatform: true,
    times: [SIGNED],
    ...changes,
  };
}

export function policy(changes: Partial<SlsaPolicy> = {}): SlsaPolicy {
  return {
    requiredLevel: 3,
    builders: [],
    sources: [],
    refs: [],
    buildTypes: [],
    triggers: [],
    runnerEnvironment: undefined,
    githubIssuers: ['https://token.actions.githubusercontent.com'],
    verifiers: [],
    maxAge: undefined,
    ...changes,
  };
}

export function builder(id: string, changes: Partial<BuilderRule> = {}): BuilderRule {
  return { id, refs: [], level: undefined, signerRef: undefined, ...changes };
}
