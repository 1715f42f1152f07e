import type { BuildRecord, Dependency } from './build-record.ts';
import {
  claimCommit,
  claimConfigSource,
  claimListedSource,
  claimOf,
  claimOnlyRepository,
  claimSource,
  claimText,
  type Claim,
} from './claim.ts';
import { child, text, textMap } from './json-fields.ts';
import { sourceUriOf } from './source-uri.ts';

/** The runner puts a commit under the name of another algorithm. */
const GITLAB_COMMITS = ['gitCommit', 'sha1', 'sha256'];

/**
 * GitLab Runner, v0.2 and v1. No ref: it only stands among CI variables, which a project's members can set.
 * https://docs.gitlab.com/ci/runners/configure_runners/#provenance-metadata-format
 */
export function claimsOfGitlab(record: BuildRecord): readonly Claim[] {
  const { configSource, external } = record;
  const source = sourceUriOf(configSource === undefined ? text(external, 'source') : configSource.uri);
  const listed = claimListedSource(record, source?.repository, GITLAB_COMMITS);
  if (configSource !== undefined) return [...claimConfigSource(configSource, GITLAB_COMMITS), ...listed];
  return [
    ...claimSource(source, `${external?.path}.source`),
    ...listed,
    ...claimOf('entryPoint', external, 'entryPoint'),
  ];
}

/**
 * Tekton Chains, v0.2: materials are images, the definitions of tasks, and what tasks say that they fetched.
 * https://tekton.dev/docs/chains/slsa-provenance/
 */
export function claimsOfTektonV02(record: BuildRecord): readonly Claim[] {
  const definition = sourceUriOf(record.configSource?.uri)?.repository;
  return claimOnlyRepository(
    record.dependencies,
    record.dependenciesPath,
    ({ uri }) => definition === undefined || sourceUriOf(uri)?.repository !== definition,
  );
}

/** Names of dependencies that tasks say they fetched, apart from the definitions of pipeline and tasks. */
const TEKTON_INPUTS: ReadonlySet<string> = new Set(['inputs/result', 'input/result']);

/** Tekton Chains, v1: https://tekton.dev/docs/chains/slsa-provenance/#v2alpha4-formatter, docs/predicate/slsa/v2.md */
export function claimsOfTektonV1(record: BuildRecord): readonly Claim[] {
  return claimOnlyRepository(record.dependencies, record.dependenciesPath, ({ name }) =>
    TEKTON_INPUTS.has(name ?? ''),
  );
}

/** BuildKit: https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md; never its `vcs` hints. */
export function claimsOfBuildkit(record: BuildRecord): readonly Claim[] {
  const v1 = child(record.external, 'configSource');
  const config = record.configSource ?? {
    uri: text(v1, 'uri'),
    digest: textMap(v1, 'digest') ?? {},
    entryPoint: text(v1, 'path'),
  };
  const path = v1?.path ?? 'predicate.invocation.configSource';
  const [repository, fragment] = cutFragment(config.uri ?? '');
  // A context that is a tarball over HTTP has a digest of its own, and no commit.
  const commit = claimCommit(config.digest, path, ['sha1']);
  const source = commit.length === 0 ? undefined : sourceUriOf(repository);
  if (source === undefined) return [];
  const ref = fragment?.split(':')[0];
  return [
    ...claimText('repository', source.repository, `${path}.uri`),
    ...(ref?.startsWith('refs/') === true ? claimText('ref', ref, `${path}.uri`) : []),
    ...commit,
    ...claimListedSource(withoutOtherRefs(record, source.repository, ref), source.repository),
    ...claimText('entryPoint', config.entryPoint, path),
  ];
}

/** A Dockerfile may add the same repository at another ref. What is left has no fragment, and is in the place that it had. */
function withoutOtherRefs(
  { dependencies, dependenciesPath }: BuildRecord,
  repository: string,
  ref: string | undefined,
): Pick<BuildRecord, 'dependencies' | 'dependenciesPath'> {
  return {
    dependenciesPath,
    dependencies: dependencies.map((dependency) => {
      const [uri, fragment] = cutFragment(dependency.uri ?? '');
      const isOther = sourceUriOf(uri)?.repository === repository && fragment?.split(':')[0] !== ref;
      return isOther ? { ...dependency, uri: undefined, digest: {} } : { ...dependency, uri };
    }),
  };
}

function cutFragment(uri: string): readonly [string, string | undefined] {
  const hash = uri.indexOf('#');
  return hash < 0 ? [uri, undefined] : [uri.slice(0, hash), uri.slice(hash + 1)];
}

/**
 * Witness: the git attestor puts the URL of each remote where a dependency's name belongs; files have names too.
 * https://github.com/in-toto/go-witness/blob/main/attestation/slsa/slsa.go
 */
export function claimsOfWitness(record: BuildRecord): readonly Claim[] {
  const remotes: readonly Dependency[] = record.dependencies.map(({ name, digest }) => ({
    name,
    uri: name,
    digest,
  }));
  return claimOnlyRepository(remotes, record.dependenciesPath, () => true);
}
