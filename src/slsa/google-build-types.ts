import type { BuildRecord } from './build-record.ts';
import {
  claimCommit,
  claimConfigSource,
  claimListedSource,
  claimOf,
  claimOnlyRepository,
  claimSource,
  claimText,
  isCommit,
  withRepeated,
  type Claim,
} from './claim.ts';
import { child, text } from './json-fields.ts';
import { sourceUriOf, type SourceUri } from './source-uri.ts';

const GITHUB = 'https://github.com';

/**
 * Google Cloud Build, v1.0 of the predicate.
 * https://cloud.google.com/build/gcb-buildtypes/google-worker/v1
 */
export function claimsOfGoogleWorker(record: BuildRecord): readonly Claim[] {
  const config = child(record.external, 'buildConfigSource');
  const source = sourceUriOf(text(config, 'repository'));
  // Without a repository of its own, the build was of what somebody uploaded.
  const listed = source === undefined ? [] : claimListedSource(record, source.repository);
  const claims = [
    ...claimSource(source, `${config?.path}.repository`),
    ...claimOf('ref', config, 'ref'),
    ...claimOf('config', config, 'path'),
    ...listed,
  ];
  return withRepeated(claims, systemClaims(record, source));
}

const OWNER_AND_NAME = /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;

/** What Cloud Build substitutes. A build by hand may set the same, so none of it is a fact. */
function systemClaims(record: BuildRecord, source: SourceUri | undefined): readonly Claim[] {
  const system = child(record.internal, 'systemSubstitutions');
  const name = text(system, 'REPO_FULL_NAME') ?? '';
  const isOnGithub = source?.repository.startsWith(`${GITHUB}/`) === true && OWNER_AND_NAME.test(name);
  return [
    ...(isOnGithub ? claimSource(sourceUriOf(`${GITHUB}/${name}`), `${system?.path}.REPO_FULL_NAME`) : []),
    ...['COMMIT_SHA', 'REVISION_ID'].flatMap((key) =>
      claimOf('commit', system, key).filter(({ value }) => isCommit(value)),
    ),
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
  const claims = [
    ...sourceOf(record),
    ...claimText('config', record.configSource?.entryPoint, 'predicate.recipe.entryPoint'),
  ];
  return withRepeated(claims, claimConfigSource(record.configSource));
}

function sourceOf({ dependencies, dependenciesPath }: BuildRecord): readonly Claim[] {
  const [first, ...rest] = dependencies;
  const [, repository, commit] = COMMIT_PAGE.exec(first?.uri ?? '') ?? [];
  if (repository !== undefined && rest.length === 0) {
    const path = `${dependenciesPath}[0].uri`;
    return [
      ...claimSource(sourceUriOf(repository), path),
      ...claimText('commit', commit, path),
      ...claimCommit(first?.digest ?? {}, `${dependenciesPath}[0]`),
    ];
  }
  return claimOnlyRepository(dependencies, dependenciesPath, () => true);
}
