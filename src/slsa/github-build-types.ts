import type { BuildRecord } from './build-record.ts';
import {
  claimConfigSource,
  claimListedSource,
  claimOf,
  claimText,
  withRepeated,
  type Claim,
} from './claim.ts';
import { child, text } from './json-fields.ts';
import { sourceUriOf } from './source-uri.ts';

/** What artifact attestations named as their builder before they named the workflow; npm still does. */
export const GITHUB_RUNNER = 'https://github.com/actions/runner/';

const GITHUB = 'https://github.com';
const WORKFLOW_PATH = /^\.github\/workflows\/[^/@]+\.ya?ml$/;

/**
 * slsa-github-generator's own v0.2 (generic, container, go)
 * https://github.com/slsa-framework/slsa-github-generator/blob/main/PROVENANCE_FORMAT.md
 */
export function claimsOfGenerator(record: BuildRecord): readonly Claim[] {
  const { internal, configSource } = record;
  const entryPoint = configSource?.entryPoint;
  return [
    ...claimConfigSource(configSource),
    // It writes the source first; verifiers read that place or the other.
    ...claimListedSource(record),
    // Early releases wrote the workflow's title here, which nothing can be compared with.
    ...(entryPoint !== undefined && WORKFLOW_PATH.test(entryPoint)
      ? claimText('config', entryPoint, 'predicate.invocation.configSource.entryPoint')
      : []),
    ...claimOf('trigger', internal, 'github_event_name'),
    ...claimOf('ref', internal, 'github_ref'),
    ...claimOf('commit', internal, 'github_sha1'),
    ...claimOf('repositoryID', internal, 'github_repository_id'),
    ...claimOf('owner', internal, 'github_repository_owner'),
    ...claimOf('ownerID', internal, 'github_repository_owner_id'),
    ...claimText('run', record.invocationId, record.invocationPath),
    ...runOf(record, 'github_run_id', 'github_run_attempt'),
  ];
}

/**
 * "Bring your own builder" of slsa-github-generator (nodejs, bazel, maven, gradle …): the delegator signs, the builder's id
 * is that of the workflow that delegated to it, and GitHub's variables stand in `internalParameters`.
 * https://github.com/slsa-framework/slsa-github-generator/blob/main/BYOB.md
 */
export function claimsOfDelegator(record: BuildRecord): readonly Claim[] {
  const { internal } = record;
  const repository = text(internal, 'GITHUB_REPOSITORY');
  const workflow = text(internal, 'GITHUB_WORKFLOW_REF');
  return [
    ...claimConfigSource(record.configSource),
    ...claimListedSource(record),
    ...claimText(
      'repository',
      repository === undefined ? undefined : sourceUriOf(`${GITHUB}/${repository}`)?.repository,
      `${internal?.path}.GITHUB_REPOSITORY`,
    ),
    ...claimOf('owner', internal, 'GITHUB_REPOSITORY_OWNER'),
    ...claimText(
      'configURI',
      workflow === undefined ? undefined : `${GITHUB}/${workflow}`,
      `${internal?.path}.GITHUB_WORKFLOW_REF`,
    ),
    ...claimOf('configCommit', internal, 'GITHUB_WORKFLOW_SHA'),
    ...claimOf('trigger', internal, 'GITHUB_EVENT_NAME'),
    ...claimOf('ref', internal, 'GITHUB_REF'),
    ...claimOf('commit', internal, 'GITHUB_SHA'),
    ...claimOf('repositoryID', internal, 'GITHUB_REPOSITORY_ID'),
    ...claimOf('ownerID', internal, 'GITHUB_REPOSITORY_OWNER_ID'),
    ...runOf(record, 'GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT'),
  ];
}

/**
 * GitHub artifact attestations (`actions/attest-build-provenance`), and the community's type before it, which npm writes too.
 * https://actions.github.io/buildtypes/workflow/v1, https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1
 */
export function claimsOfWorkflow(record: BuildRecord): readonly Claim[] {
  const workflow = child(record.external, 'workflow');
  const github = child(record.internal, 'github');
  const builder = record.builderId ?? '';
  const [, run] = RUN.exec(record.invocationId ?? '') ?? [];
  const claims = [
    ...claimListedSource(record),
    // Only the repository: this ref is that of the workflow's file, not of what was checked out.
    ...claimText(
      'repository',
      sourceUriOf(text(workflow, 'repository'))?.repository,
      `${workflow?.path}.repository`,
    ),
    ...claimOf('config', workflow, 'path'),
    ...claimOf('configRef', workflow, 'ref'),
    ...claimOf('trigger', github, 'event_name'),
    ...claimOf('repositoryID', github, 'repository_id'),
    ...claimOf('ownerID', github, 'repository_owner_id'),
    ...claimOf('runner', github, 'runner_environment'),
    ...claimText('run', record.invocationId, record.invocationPath),
  ];
  return withRepeated(claims, [
    ...claimText('repository', sourceUriOf(run)?.repository, record.invocationPath),
    ...(builder.startsWith(GITHUB_RUNNER)
      ? claimText('runner', builder.slice(GITHUB_RUNNER.length), record.builderPath)
      : []),
  ]);
}

/** A run's URI, which names the repository. */
const RUN = /^(https:\/\/[^/]+\/[^/]+\/[^/]+)\/actions\/runs\/\d{1,20}(?:\/attempts\/\d{1,10})?$/;

/** Run and attempt as `<run>-<attempt>`, which is how the v0.2 predicates write an invocation's id. */
function runOf({ internal }: BuildRecord, run: string, attempt: string): readonly Claim[] {
  const [id, number] = [text(internal, run), text(internal, attempt)];
  if (id === undefined || number === undefined) return [];
  return claimText('run', `${id}-${number}`, `${internal?.path}.${run}`);
}
