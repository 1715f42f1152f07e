import type { BuildRecord, ConfigSource, Dependency } from './build-record.ts';
import type { Fields } from './json-fields.ts';
import { text } from './json-fields.ts';
import { sourceUriOf, type SourceUri } from './source-uri.ts';

/** What a claim of a predicate is about: all but the last have a counterpart among the extensions of a certificate. */
export type ClaimSubject =
  | 'repository' // canonical, see source-uri.ts
  | 'repositoryID'
  | 'owner' // its name, not its URI
  | 'ownerID'
  | 'ref'
  | 'commit'
  | 'config' // path of the file that describes the build, in the repository
  | 'configRef'
  | 'configURI' // the same whole: repository, path and ref
  | 'configCommit'
  | 'trigger'
  | 'runner'
  | 'run' // a URI, or what identifies a run in the platform's own way
  | 'entryPoint'; // a job or a Dockerfile: shown, and in no certificate

/** One thing that a predicate says of the build, read as its build type means it. */
export interface Claim {
  readonly about: ClaimSubject;
  readonly value: string;
  /** Where it stands in the statement. */
  readonly path: string;
}

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const SHA1_CHARS = 40;
const GIT_COMMITS = ['gitCommit', 'sha1'];

export function isCommit(value: string): boolean {
  return COMMIT.test(value);
}

/** The text of a field as a claim; none when it is absent. @throws Refusal MALFORMED or LIMIT */
export function claimOf(about: ClaimSubject, fields: Fields | undefined, key: string): readonly Claim[] {
  return claimText(about, text(fields, key), `${fields?.path}.${key}`);
}

export function claimText(about: ClaimSubject, value: string | undefined, path: string): readonly Claim[] {
  return value === undefined ? [] : [{ about, value, path }];
}

/** Repository and ref of a source URI; nothing for what is none. */
export function claimSource(uri: SourceUri | undefined, path: string): readonly Claim[] {
  if (uri === undefined) return [];
  return [...claimText('repository', uri.repository, path), ...claimText('ref', uri.ref, path)];
}

/**
 * The commit among digests, by the names that git's digests have; GitLab's runner calls it sha256. Two names are two claims, which must
 * agree; a digest of another length is the commit in git's other hash.
 */
export function claimCommit(
  digest: Readonly<Record<string, string>>,
  path: string,
  names: readonly string[] = GIT_COMMITS,
): readonly Claim[] {
  const found = names.flatMap((name) => {
    const value = ownText(digest, name) ?? '';
    return COMMIT.test(value) ? claimText('commit', value, `${path}.digest.${name}`) : [];
  });
  return found.filter(({ value }) => value.length === found[0]?.value.length);
}

/** `invocation.configSource` of a v0.2 predicate as the source. */
export function claimConfigSource(
  config: ConfigSource | undefined,
  names?: readonly string[],
): readonly Claim[] {
  if (config === undefined) return [];
  const path = 'predicate.invocation.configSource';
  return [...claimSource(sourceUriOf(config.uri), `${path}.uri`), ...claimCommit(config.digest, path, names)];
}

/**
 * Claims that only confirm or contradict: of what none of `claims` tells, they tell nothing either. For places that a job can write, and
 * for those that repeat what stands elsewhere.
 */
export function withRepeated(claims: readonly Claim[], repeated: readonly Claim[]): readonly Claim[] {
  return [...claims, ...repeated.filter(({ about }) => claims.some((claim) => claim.about === about))];
}

/**
 * The source among dependencies, where its build type lists it: the repository that is named elsewhere, or else the first git
 * repository. So another repository in its place contradicts what is named; images and files, in whatever order, do not.
 * @param named the repository that is named elsewhere, canonical; undefined = the first counts in any case
 */
export function claimListedSource(
  { dependencies, dependenciesPath }: Pick<BuildRecord, 'dependencies' | 'dependenciesPath'>,
  named?: string,
  names: readonly string[] = GIT_COMMITS,
): readonly Claim[] {
  const isNamed = ({ uri }: Dependency): boolean =>
    named !== undefined && sourceUriOf(uri)?.repository === named;
  const own = dependencies.findIndex(isNamed);
  const index = own < 0 ? dependencies.findIndex((each) => isGit(each, names)) : own;
  const dependency = dependencies[index];
  if (dependency === undefined) return [];
  const path = `${dependenciesPath}[${index}]`;
  const source = sourceUriOf(dependency.uri);
  const commit = source?.ref !== undefined && isCommit(source.ref) ? source.ref : undefined;
  return [
    ...claimSource(commit === undefined ? source : source && { ...source, ref: undefined }, `${path}.uri`),
    ...claimText('commit', commit, `${path}.uri`),
    ...claimCommit(dependency.digest, path, names),
  ];
}

/** By its URI, or by a digest that only commits have. A file may have a SHA-1 as well, but not at the URI of a repository. */
function isGit({ uri, digest }: Dependency, names: readonly string[]): boolean {
  const isCommitted = names.some((name) => ownText(digest, name)?.length === SHA1_CHARS);
  return (
    uri?.startsWith('git+') === true ||
    claimCommit(digest, '', ['gitCommit']).length > 0 ||
    (isCommitted && sourceUriOf(uri) !== undefined)
  );
}

/** The one git repository among dependencies, with its commit; nothing where there are several: none is "the" source. */
export function claimOnlyRepository(
  dependencies: readonly Dependency[],
  path: string,
  isCandidate: (dependency: Dependency) => boolean,
): readonly Claim[] {
  const found = dependencies.flatMap((dependency, i) => {
    const source = isCandidate(dependency) ? sourceUriOf(dependency.uri) : undefined;
    const commit = claimCommit(dependency.digest, `${path}[${i}]`);
    return source === undefined || commit.length === 0 ? [] : [{ source, commit, path: `${path}[${i}].uri` }];
  });
  const [first, ...rest] = found;
  if (first === undefined || rest.some((other) => !isSame(first, other))) return [];
  return [...claimSource(first.source, first.path), ...first.commit];
}

interface Found {
  readonly source: SourceUri;
  readonly commit: readonly Claim[];
}

function isSame(a: Found, b: Found): boolean {
  return (
    a.source.repository === b.source.repository &&
    a.source.ref === b.source.ref &&
    a.commit[0]?.value === b.commit[0]?.value
  );
}

function ownText(map: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
