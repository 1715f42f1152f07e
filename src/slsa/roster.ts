import type { CertificateIdentity } from '../sigstore/verified-signature.ts';
import { splitBuilderId } from './builder-id.ts';
import { isCommit } from './claim.ts';
import { githubWorkflow } from './github-workflow.ts';
import { parseTagPattern, parseRefPattern, type RefPattern } from './ref-pattern.ts';
import type { SlsaLevel } from './slsa-policy.ts';
import { sourceUriOf } from './source-uri.ts';

/** A builder that is known to be isolated: what it is worth, why, and the public document that says so. */
export interface RosterEntry {
  /** Before `@`, byte for byte. */
  readonly name: string;
  /** Versions behind `@` that it is known in; undefined = it writes none. */
  readonly versions: RefPattern | undefined;
  readonly level: SlsaLevel;
  readonly reason: string;
  readonly document: string;
}

/** A level, with the reason in words. */
export interface LevelFinding {
  readonly level: SlsaLevel;
  readonly reason: string;
  /** What it is worth where the policy names this version of the builder; absent = no more. */
  readonly whenNamed?: LevelFinding;
}

const GENERATOR = 'https://github.com/slsa-framework/slsa-github-generator/.github/workflows';

/** Released versions only: a branch of the generator, `v1` and release candidates are nobody's promise (attack B9). */
const GENERATOR_RELEASES = parseTagPattern('>=1.0.0');

const GENERATOR_WORKFLOWS = [
  'generator_container_slsa3.yml',
  'generator_generic_slsa3.yml',
  'builder_go_slsa3.yml',
  'builder_container-based_slsa3.yml',
  'builder_docker-based_slsa3.yml',
  'builder_nodejs_slsa3.yml',
  'builder_maven_slsa3.yml',
  'builder_gradle_slsa3.yml',
  'builder_bazel_slsa3.yml',
  'delegator_generic_slsa3.yml',
  'delegator_lowperms-generic_slsa3.yml',
];

const CLOUD_BUILD: Omit<RosterEntry, 'versions'> = {
  name: 'https://cloudbuild.googleapis.com/GoogleHostedWorker',
  level: 3,
  reason: 'Google Cloud Build generates and signs provenance outside of the build, on workers that it hosts',
  document: 'https://docs.cloud.google.com/build/docs/securing-builds/view-build-provenance',
};

/** Builders by name. GitHub's and GitLab's own attestations have a rule in place of names, see below. */
export const ROSTER: readonly RosterEntry[] = [
  ...GENERATOR_WORKFLOWS.map((file) => ({
    name: `${GENERATOR}/${file}`,
    versions: GENERATOR_RELEASES,
    level: 3 as const,
    reason: 'a reusable workflow of slsa-github-generator, which callers cannot reach into',
    document: 'https://github.com/slsa-framework/slsa-github-generator/blob/main/README.md',
  })),
  { ...CLOUD_BUILD, versions: undefined },
  { ...CLOUD_BUILD, versions: parseRefPattern('v0.*') },
];

/** Workflows that sign for the builder that delegated to them, whose id they write into the predicate. */
const DELEGATORS: ReadonlySet<string> = new Set(
  ['delegator_generic_slsa3.yml', 'delegator_lowperms-generic_slsa3.yml'].map(
    (file) => `${GENERATOR}/${file}`,
  ),
);

/** Whether a workflow, with its version, is a delegator that is believed. */
export function isDelegator(workflow: string): boolean {
  const { name, ref } = splitBuilderId(workflow);
  return DELEGATORS.has(name) && ref !== undefined && GENERATOR_RELEASES.matches(ref);
}

/** The entry for a builder in this version; `otherVersion` where only its name is known. */
export function rosterEntry(id: string): RosterEntry | 'otherVersion' | undefined {
  const { name, ref } = splitBuilderId(id);
  const named = ROSTER.filter((entry) => entry.name === name);
  if (named.length === 0) return undefined;
  return (
    named.find(({ versions }) => (ref === undefined ? versions === undefined : versions?.matches(ref))) ??
    'otherVersion'
  );
}

// GitHub's document for both levels:
// https://docs.github.com/actions/security-guides/using-artifact-attestations-and-reusable-workflows-to-achieve-slsa-v1-build-level-3
// GitLab (https://docs.gitlab.com/ci/pipeline_security/slsa/) calls what its runners write level 1; signed by the job's own
// identity it is what GitHub's level 2 is.

/**
 * What a workflow on a server of GitHub is worth that no entry names: level 2, because GitHub's identity signs; level 3 in a
 * reusable workflow. Reusable means that who can change the source cannot change the build with it: another workflow than the
 * caller's, in another repository, and of the same owner (anybody can write one that forges; a foreign one needs an entry
 * in the policy), at a ref that the caller cannot make. A caller chooses the ref: GitHub takes a pull request of a fork
 * (`refs/pull/7/merge`) and a commit of a fork for one of the repository, and branches are seldom all protected. Only GitHub's own
 * runners are known to be fresh ones.
 * @param workflow the workflow that signed, with its ref
 * @param server the server of the certificate's issuer
 */
export function githubLevel(
  workflow: string,
  { extensions }: CertificateIdentity,
  server: string,
): LevelFinding {
  const runner = githubRunnerLevel(extensions['runnerEnvironment']);
  if (runner.level < 2) return runner;
  const signer = githubWorkflow(workflow, server);
  const caller = githubWorkflow(extensions['buildConfigURI'], server);
  const source = sourceUriOf(extensions['sourceRepositoryURI'])?.repository;
  const home = sourceUriOf(signer?.repository)?.repository;
  if (signer === undefined || caller === undefined || source === undefined || home === undefined) {
    return { level: 2, reason: 'the certificate does not tell a reusable workflow from any other' };
  }
  if (signer.name === caller.name || home === source) {
    return {
      level: 2,
      reason: 'a workflow of the source repository, and no reusable workflow of another one',
    };
  }
  if (ownerOf(home) !== ownerOf(source)) {
    return {
      level: 2,
      reason: "a reusable workflow of another owner, which the policy's builders do not name",
    };
  }
  if (runner.level < 3) return runner;
  const { ref = '' } = signer;
  if (RELEASES.matches(ref)) return { level: 3, reason: 'a reusable workflow' };
  return {
    level: 2,
    reason: `a reusable workflow, but ${ref} is ${kindOfRef(ref)}, not a released version such as refs/tags/v1.2.3`,
    whenNamed: { level: 3, reason: 'a reusable workflow, at a ref that the policy names' },
  };
}

/** Whole versions, as in the ranges of `version-range.ts`: `v1` moves, and release candidates are made by whoever tests. */
const RELEASES = parseTagPattern('>=0.0.0');

function kindOfRef(ref: string): string {
  if (ref.startsWith('refs/heads/')) return 'a branch';
  if (ref.startsWith('refs/tags/')) return 'another tag';
  if (ref.startsWith('refs/pull/')) return 'a pull request';
  return isCommit(ref) ? 'a commit, perhaps of a fork' : 'another ref';
}

/** What the runner's kind allows at most. */
export function githubRunnerLevel(runner: string | undefined): LevelFinding {
  if (runner === 'github-hosted') return { level: 3, reason: "GitHub's own runner" };
  if (runner === undefined)
    return { level: 2, reason: 'the certificate does not tell the kind of its runner' };
  return { level: 1, reason: `the runner is ${runner}, not github-hosted` };
}

/** What a job on gitlab.com is worth: nothing isolates its provenance from its script. */
export function gitlabLevel({ extensions }: CertificateIdentity): LevelFinding {
  const runner = extensions['runnerEnvironment'];
  return runner === 'gitlab-hosted'
    ? { level: 2, reason: 'a job writes its own provenance on GitLab' }
    : { level: 1, reason: `the runner is ${runner ?? 'of an unknown kind'}, not gitlab-hosted` };
}

function ownerOf(repository: string): string | undefined {
  return repository.split('/')[3];
}
