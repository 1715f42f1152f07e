import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';
import { MAX_TEXT_CHARS } from './json-fields.ts';

/** A source repository in its only spelling. */
export interface SourceUri {
  /** `https://host[:port]/path`, without `.git`, ref or slash at the end. */
  readonly repository: string;
  /** What followed `@`, as SPDX download locations have it: `refs/heads/main`. Undefined when nothing did. */
  readonly ref: string | undefined;
}

/** A source repository of a policy: exact, or with `*` for exactly one path segment. */
export interface SourcePattern {
  /** As the policy writes it. */
  readonly source: string;
  /** Whether a canonical repository (`SourceUri.repository`) is meant; whole segments, never a prefix. */
  matches(repository: string): boolean;
}

const SCHEME = /^(?:git\+)?https:\/\//i;
/** A DNS name: no IP in brackets, no trailing dot, no other spelling of the same host. */
const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const PORT = /^[1-9]\d{0,4}$/;
/** Unreserved characters of RFC 3986 and `+`; of the encoded ones only the space, which Azure DevOps projects have. */
const SEGMENT = /^(?:[A-Za-z0-9._~+-]|%20)+$/;
const GIT_SUFFIX = '.git';

/**
 * The only spelling of a repository's URI, and the ref behind it. Equal are: `git+https` and `https`; the host in any case;
 * port 443 and none; with and without `.git` and a slash at the end; on github.com also the path in any case, because GitHub
 * itself looks names up so and never gives two repositories names that differ in case only. Elsewhere a path keeps its case.
 * Refused is whatever could be read in two ways: userinfo (`https://github.com@evil.example/`), query and fragment, empty
 * and dot segments, percent-encoding; and ssh, git and http, which are other doors, or none at all, to what https names.
 * @throws Refusal MALFORMED
 */
export function parseSourceUri(uri: string): SourceUri {
  const { host, segments, ref } = split(uri);
  const repository = canonicalPath(uri, host, segments, SEGMENT);
  return { repository: `https://${host}/${repository.join('/')}`, ref };
}

/** The canonical repository, or undefined for what is none: a storage bucket, an image, another scheme. */
export function sourceUriOf(uri: string | undefined): SourceUri | undefined {
  if (uri === undefined) return undefined;
  try {
    return parseSourceUri(uri);
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined;
    throw thrown;
  }
}

/** @throws Refusal MALFORMED */
export function parseSourcePattern(source: string): SourcePattern {
  const { host, segments, ref } = split(source);
  if (ref !== undefined)
    refuse(source, 'names a ref: a source is a repository, refs have a list of their own');
  const wanted = canonicalPath(source, host, segments, /^(?:\*|(?:[A-Za-z0-9._~+-]|%20)+)$/);
  const start = `https://${host}/`;
  return {
    source,
    matches(repository) {
      if (!repository.startsWith(start)) return false;
      const found = repository.slice(start.length).split('/');
      return (
        found.length === wanted.length &&
        wanted.every((segment, i) => segment === found[i] || (segment === '*' && found[i] !== ''))
      );
    },
  };
}

interface Parts {
  readonly host: string;
  readonly segments: readonly string[];
  readonly ref: string | undefined;
}

function split(uri: string): Parts {
  if (uri.length > MAX_TEXT_CHARS) refuse(uri, `is longer than ${MAX_TEXT_CHARS} characters`);
  const scheme = SCHEME.exec(uri)?.[0];
  if (scheme === undefined) refuse(uri, 'does not start with "https://" or "git+https://"');
  const rest = uri.slice(scheme.length);
  if (/[?#\\]/.test(rest)) refuse(uri, 'has a query, a fragment or a backslash');
  const slash = rest.indexOf('/');
  if (slash < 0) refuse(uri, 'has no path: a host is not a repository');
  const at = rest.indexOf('@');
  if (at >= 0 && at < slash) refuse(uri, 'has a user name before its host');
  const ref = at < 0 ? undefined : rest.slice(at + 1);
  if (ref === '') refuse(uri, 'ends with "@"');
  const path = rest.slice(slash + 1, at < 0 ? undefined : at);
  return { host: hostOf(uri, rest.slice(0, slash)), segments: path.split('/'), ref };
}

function hostOf(uri: string, authority: string): string {
  const colon = authority.indexOf(':');
  const name = (colon < 0 ? authority : authority.slice(0, colon)).toLowerCase();
  if (!HOST.test(name)) refuse(uri, 'has no DNS name as its host');
  if (colon < 0) return name;
  const port = authority.slice(colon + 1);
  if (!PORT.test(port)) refuse(uri, 'has a malformed port');
  return port === '443' ? name : `${name}:${port}`;
}

function canonicalPath(uri: string, host: string, segments: readonly string[], allowed: RegExp): string[] {
  const path = segments.at(-1) === '' ? segments.slice(0, -1) : [...segments];
  const last = path.pop() ?? '';
  const name = last.endsWith(GIT_SUFFIX) ? last.slice(0, -GIT_SUFFIX.length) : last;
  // A canonical URI is its own canonical URI, and `x.git.git` would be two repositories.
  if (name.endsWith(GIT_SUFFIX)) refuse(uri, 'ends with ".git" twice');
  path.push(name);
  for (const segment of path) {
    if (segment === '.' || segment === '..' || !allowed.test(segment)) {
      refuse(uri, `has ${quote(segment)} in its path`);
    }
  }
  return host === 'github.com' ? path.map((segment) => segment.toLowerCase()) : path;
}

function refuse(uri: string, why: string): never {
  throw new Refusal('MALFORMED', `the source ${quote(uri)} ${why}`);
}
