import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';
import { MAX_TEXT_CHARS } from './json-fields.ts';
import { parseVersionRange } from './version-range.ts';

/** A git ref, or a builder's version behind `@`, as a policy expects it. */
export interface RefPattern {
  /** As the policy writes it. */
  readonly source: string;
  /** Whether the whole ref matches, byte for byte; linear in its length. */
  matches(ref: string): boolean;
}

const TAGS = 'refs/tags/';
const BRANCHES = 'refs/heads/';
/** Stars in one pattern: each costs one look through the ref. */
const MAX_STARS = 8;

/**
 * A pattern over full refs: exact, with `*` for any run of characters but `/` and `@` (`refs/tags/v2.*`), or a range over
 * the versions of tags (`>=2.0.0 <3`). Always whole: a branch `v1` is `refs/heads/v1`, which no pattern over tags matches.
 * @throws Refusal MALFORMED
 */
export function parseRefPattern(source: string): RefPattern {
  if (/^\s*[<>=]/.test(source)) return tagVersions(source);
  return globPattern(source, '');
}

/** A branch by its name, or several by `*`: `main`, `release/*`. @throws Refusal MALFORMED */
export function parseBranchPattern(source: string): RefPattern {
  return globPattern(source, BRANCHES);
}

/** A tag by its name, several by `*`, or a range over versions. @throws Refusal MALFORMED */
export function parseTagPattern(source: string): RefPattern {
  return /^\s*[<>=]/.test(source) ? tagVersions(source) : globPattern(source, TAGS);
}

function tagVersions(source: string): RefPattern {
  const includes = parseVersionRange(source);
  return { source, matches: (ref) => ref.startsWith(TAGS) && includes(ref.slice(TAGS.length)) };
}

function globPattern(source: string, prefix: string): RefPattern {
  if (source === '' || source.length > MAX_TEXT_CHARS) {
    throw new Refusal('MALFORMED', `a ref pattern has between 1 and ${MAX_TEXT_CHARS} characters`);
  }
  if (prefix !== '' && source.startsWith('refs/')) {
    throw new Refusal(
      'MALFORMED',
      `${quote(source)}: a branch or tag is named without "refs/heads/" or "refs/tags/"`,
    );
  }
  const [first = '', ...more] = `${prefix}${source}`.split('*');
  if (more.length > MAX_STARS || more.slice(0, -1).includes('')) {
    throw new Refusal(
      'MALFORMED',
      `${quote(source)} has too many stars, or two without anything between them`,
    );
  }
  const last = more.pop();
  if (last === undefined) return { source, matches: (ref) => ref === first };
  return { source, matches: (ref) => matchesGlob(ref, first, more, last) };
}

/** The first place of each literal is as good as any later one, except that no run may cross a slash or `@`. */
function matchesGlob(ref: string, first: string, middle: readonly string[], last: string): boolean {
  if (!ref.startsWith(first)) return false;
  const runs: string[] = [];
  let at = first.length;
  for (const literal of middle) {
    const found = ref.indexOf(literal, at);
    if (found < 0) return false;
    runs.push(ref.slice(at, found));
    at = found + literal.length;
  }
  const end = ref.length - last.length;
  if (end < at || !ref.endsWith(last)) return false;
  runs.push(ref.slice(at, end));
  return runs.every((run) => !/[/@]/.test(run));
}
