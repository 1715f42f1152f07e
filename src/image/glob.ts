import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { quote } from './quote.ts';
import { isPathComponent, isRegistry } from './reference.ts';
import { registryHostProblem } from './registry-host.ts';

/** A pattern over canonical names (`imageName`), compiled. */
export interface Glob {
  readonly source: string;
  /** Whether the whole name matches; O(length of the glob × length of the name). */
  matches(name: string): boolean;
}

/** What one segment must be: any number of segments, or literals with any run of characters between each two. */
type Token = '**' | readonly [first: string, ...more: string[]];

/**
 * Parses a glob of a policy. It is matched against the whole of `registry/repository`, segment by segment:
 * - `*` is any run of characters, also none, inside one segment: `ghcr.io/org/app-*`, `*-docker.pkg.dev/org/app`;
 * - `**` is whole segments: one or more at the end (`ghcr.io/org/**` is everything under org, neither `ghcr.io/org`
 *   itself nor `ghcr.io/org-evil/x`), any number, also none, elsewhere; alone it is every image;
 * - everything else stands for itself. The registry is always written out and canonical (`docker.io/library/nginx`):
 *   a glob that can match no canonical name is refused, because it would silently protect nothing.
 * @throws Refusal MALFORMED
 */
export function parseGlob(text: string): Glob {
  checkText(text);
  const [host = '', ...path] = text.split('/');
  checkSegments(text, [host, ...path]);
  if (host !== '**') {
    checkHost(text, host, path);
    checkPath(host, path);
  } else {
    checkPath('*', path);
  }
  const tokens = [host, ...path].flatMap(tokensOf);
  return { source: text, matches: (name) => matchesSegments(tokens, name.split('/')) };
}

function checkText(text: string): void {
  if (text === '') refuse('a glob is not empty');
  if (text.length > LIMITS.imageGlobChars) refuse(`a glob has at most ${LIMITS.imageGlobChars} characters`);
  if (text.includes('://')) refuse(`${quote(text)} has a URL scheme: a glob starts with the registry's host`);
  if (text.includes('@'))
    refuse(`${quote(text)} has a digest: a glob names registry and repository, see revokedDigests`);
  if (/[A-Z]/.test(text)) refuse(`${quote(text)} has upper-case letters: canonical names have none`);
  const odd = /[^a-z0-9._\-/:*[\]]/u.exec(text)?.[0];
  if (odd !== undefined)
    refuse(`${quote(odd)} in ${quote(text)}: only "*" and "**" have a meaning in a glob`);
}

function checkSegments(text: string, segments: readonly string[]): void {
  if (segments.includes(''))
    refuse(`${quote(text)} has an empty segment: everything under a name is "name/**"`);
  if (segments.some((segment) => segment !== '**' && segment.includes('**'))) {
    refuse(`${quote(text)}: "**" stands alone between slashes`);
  }
  const [, ...path] = segments;
  if (path.some((segment) => segment.includes(':'))) {
    refuse(
      `${quote(text)} has a tag: a glob names registry and repository, because who writes an image chooses its tag`,
    );
  }
}

function checkHost(text: string, host: string, path: readonly string[]): void {
  const name = host.replace(/:[0-9*]*$/, '');
  if (host === '*' && path.length === 0) refuse('"*" is one segment of a name: every image is "**"');
  if (path.length === 0 && isRegistry(host)) {
    refuse(
      `${quote(text)} has a registry or a tag, but no repository: everything in a registry is "host/**"`,
    );
  }
  if (name !== '*' && !isRegistry(host)) {
    const hub = path.length === 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
    refuse(`${quote(text)} names no registry: on Docker Hub it is ${quote(hub)}`);
  }
  // `ghcr.io*` also matches ghcr.io.evil.example: whoever can register a name would be inside.
  const lastLabel = name.slice(name.lastIndexOf('.') + 1);
  if (name !== '*' && lastLabel.includes('*')) refuse(`the host ${quote(host)} must end without "*"`);
  const problem = registryHostProblem(sampleHost(host, name));
  if (problem === undefined) return;
  refuse(host.includes('*') ? `the host ${quote(host)} matches no canonical registry host` : problem.reason);
}

/** A host that the pattern matches: what is literal in it must be canonical. */
function sampleHost(host: string, name: string): string {
  const port = host.slice(name.length).replace(/^:\*$/, ':5000');
  return (name === '*' ? 'x.example' : name.replaceAll('*', 'x')) + port;
}

function checkPath(host: string, path: readonly string[]): void {
  for (const segment of path) {
    if (segment === '**') continue;
    if (isPathComponent(segment.includes('*') ? 'x' : segment) && !/[[\]]/.test(segment)) continue;
    refuse(`${quote(segment)} cannot be part of a repository`);
  }
  const [first = ''] = path;
  if (host === 'docker.io' && path.length === 1 && first !== '**') {
    refuse(
      `${quote(`docker.io/${first}`)} matches nothing: official images are ${quote(`docker.io/library/${first}`)}`,
    );
  }
}

function tokensOf(segment: string, index: number, segments: readonly string[]): readonly Token[] {
  if (segment !== '**') {
    const [first = '', ...more] = segment.split('*');
    return [[first, ...more]];
  }
  return index === segments.length - 1 ? [['', ''], '**'] : ['**'];
}

/**
 * The classic greedy walk: after a mismatch only the last `**` needs to take one segment more. Each pair of token and
 * segment is compared at most once, which bounds the whole by O(n·m).
 */
function matchesSegments(tokens: readonly Token[], segments: readonly string[]): boolean {
  let token = 0;
  let segment = 0;
  let retryToken = -1;
  let retrySegment = 0;
  while (segment < segments.length) {
    const wanted = tokens[token];
    if (wanted === '**') {
      token += 1;
      retryToken = token;
      retrySegment = segment;
    } else if (wanted !== undefined && matchesSegment(wanted, segments[segment] ?? '')) {
      token += 1;
      segment += 1;
    } else if (retryToken >= 0) {
      token = retryToken;
      retrySegment += 1;
      segment = retrySegment;
    } else {
      return false;
    }
  }
  while (tokens[token] === '**') token += 1;
  return token === tokens.length;
}

function matchesSegment([first, ...more]: readonly [string, ...string[]], segment: string): boolean {
  const last = more.pop();
  if (last === undefined) return segment === first;
  const end = segment.length - last.length;
  if (!segment.startsWith(first) || !segment.endsWith(last)) return false;
  let at = first.length;
  for (const literal of more) {
    const found = segment.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return at <= end;
}

function refuse(reason: string): never {
  throw new Refusal('MALFORMED', reason);
}
