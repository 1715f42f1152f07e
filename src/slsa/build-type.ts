import type { BuildRecord } from './build-record.ts';
import type { Claim } from './claim.ts';
import { claimsOfDelegator, claimsOfGenerator, claimsOfWorkflow } from './github-build-types.ts';
import { claimsOfCloudBuild, claimsOfGoogleWorker } from './google-build-types.ts';
import {
  claimsOfBuildkit,
  claimsOfGitlab,
  claimsOfTektonV02,
  claimsOfTektonV1,
  claimsOfWitness,
} from './other-build-types.ts';

/** Whose predicate it is: which rule binds a certificate to its builder's id. */
export type BuildPlatform =
  | 'github-generator'
  | 'github-delegator'
  | 'github-workflow'
  | 'google'
  | 'gitlab'
  | 'tekton'
  | 'buildkit'
  | 'witness'
  | 'unknown';

/** What a build type means by its fields. */
export interface BuildType {
  readonly platform: BuildPlatform;
  /** What the predicate says of the build. @throws Refusal MALFORMED or LIMIT */
  readonly claims: (record: BuildRecord) => readonly Claim[];
}

const GENERATOR = 'https://github.com/slsa-framework/slsa-github-generator';
const CLOUD_BUILD = 'https://cloudbuild.googleapis.com';

/** Every build type that is understood, by its whole URI; its document is named where its claims are read. */
const BUILD_TYPES: ReadonlyMap<string, BuildType> = new Map<string, BuildType>([
  ...['/generic@v1', '/container@v1', '/go@v1', '-go@v1', '@v1'].map(
    (suffix) =>
      [`${GENERATOR}${suffix}`, { platform: 'github-generator', claims: claimsOfGenerator }] as const,
  ),
  [`${GENERATOR}/delegator-generic@v0`, { platform: 'github-delegator', claims: claimsOfDelegator }],
  [
    'https://actions.github.io/buildtypes/workflow/v1',
    { platform: 'github-workflow', claims: claimsOfWorkflow },
  ],
  [
    'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1',
    { platform: 'github-workflow', claims: claimsOfWorkflow },
  ],
  [
    'https://cloud.google.com/build/gcb-buildtypes/google-worker/v1',
    { platform: 'google', claims: claimsOfGoogleWorker },
  ],
  ...['CloudBuildYaml@v0.1', 'CloudBuildSteps@v0.1', 'GoogleHostedWorker@v0.2'].map(
    (name) => [`${CLOUD_BUILD}/${name}`, { platform: 'google', claims: claimsOfCloudBuild }] as const,
  ),
  ...[
    'tekton.dev/v1beta1/TaskRun',
    'tekton.dev/v1beta1/PipelineRun',
    'tekton.dev/v1/TaskRun',
    'tekton.dev/v1/PipelineRun',
    'https://tekton.dev/attestations/chains@v2',
    'https://tekton.dev/attestations/chains/pipelinerun@v2',
  ].map((name) => [name, { platform: 'tekton', claims: claimsOfTektonV02 }] as const),
  ...[
    'https://tekton.dev/chains/v2/slsa',
    'https://tekton.dev/chains/v2/slsa-tekton',
    'https://tekton.dev/predicate/chains/slsa/v2',
  ].map((name) => [name, { platform: 'tekton', claims: claimsOfTektonV1 }] as const),
  ['https://mobyproject.org/buildkit@v1', { platform: 'buildkit', claims: claimsOfBuildkit }],
  [
    'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
    { platform: 'buildkit', claims: claimsOfBuildkit },
  ],
  ['https://witness.dev/slsa-build@v0.1', { platform: 'witness', claims: claimsOfWitness }],
]);

/** GitLab's names the runner's version between. https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md */
const GITLAB = /^https:\/\/gitlab\.com\/gitlab-org\/gitlab-runner\/-\/blob\/[A-Za-z0-9._-]+\/PROVENANCE\.md$/;
const GITLAB_TYPE: BuildType = { platform: 'gitlab', claims: claimsOfGitlab };

/** A build type that nobody here knows says nothing of its source: a guess could be what its author wants us to guess. */
const UNKNOWN: BuildType = { platform: 'unknown', claims: () => [] };

export function buildTypeOf(uri: string): BuildType {
  return BUILD_TYPES.get(uri) ?? (GITLAB.test(uri) ? GITLAB_TYPE : UNKNOWN);
}
