import type { BuildRecord } from './build-record.ts';
import { claimCommit, claimOf, claimOnlyRepository, claimSource, claimText, type Claim } from './claim.ts';
import { child, text } from './json-fields.ts';
import { sourceUriOf } from './source-uri.ts';

/**
 * Google Cloud Build, v1.0 of the predicate.
 * https://cloud.google.com/build/gcb-buildtypes/google-worker/v1
 */
export function claimsOfGoogleWorker(record: BuildRecord): readonly Claim[] {
  const config = child(record.external, 'buildConfigSource');
  const source = sourceUriOf(text(config, 'repository'));
  const index = record.dependencies.findIndex(
    ({ uri }) => source !== undefined && sourceUriOf(uri)?.repository === source.repository,
  );
  return [
    ...claimSource(source, `${config?.path}.repository`),
    ...claimOf('ref', config, 'ref'),
    ...claimOf('config', config, 'path'),
    ...claimCommit(record.dependencies[index]?.digest ?? {}, `${record.dependenciesPath}[${index}]`),
  ];
}

/** `…/commit/<sha>`, as the builder's version v0.2 wrote a source. */
const COMMIT_PAGE = /^(https:\/\/[^?#@]+)\/commit\/([0-9a-f]{40})$/;

/**
 * Google Cloud Build, v0.1 of the predicate (`CloudBuildYaml`, `CloudBuildSteps`), alone or in a v0.2 form. No ref: it only
 * stands among the substitutions, which whoever starts a build by hand can set.
 * https://cloud.google.com/build/docs/securing-builds/view-build-provenance
 */
export function claimsOfCloudBuild(record: BuildRecord): readonly Claim[] {
  return [
    ...sourceOf(record),
    ...claimText('config', record.configSource?.entryPoint, 'predicate.recipe.entryPoint'),
  ];
}

function sourceOf({ dependencies, dependenciesPath }: BuildRecord): readonly Claim[] {
  const [first, ...rest] = dependencies;
  const [, repository, commit] = COMMIT_PAGE.exec(first?.uri ?? '') ?? [];
  if (repository !== undefined && rest.length === 0) {
    const path = `${dependenciesPath}[0].uri`;
    return [...claimSource(sourceUriOf(repository), path), ...claimText('commit', commit, path)];
  }
  return claimOnlyRepository(dependencies, dependenciesPath, () => true);
}
