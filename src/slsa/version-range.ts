import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';

type Version = readonly [major: number, minor: number, patch: number];

/** A release: three numbers without leading zeros (at most 9 digits each), after an optional `v`; nothing behind them. */
const RELEASE = /^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;
const COMPARATOR = /^(>=|<=|>|<|=)v?(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?(?:\.(0|[1-9]\d{0,8}))?$/;
/** A lower and an upper bound, and some to spare. */
const MAX_COMPARATORS = 8;

/** Whether a tag's name (`v2.1.0`, without `refs/tags/`) lies in the range. */
export type VersionRange = (tag: string) => boolean;

/**
 * A range over released versions: comparators with spaces between them that all must hold, such as `>=2.0.0 <3`; missing
 * parts of a comparator are 0. Only whole releases lie in a range: `v1` (which moves), `v1.2.3-rc1` and `v1.2.3+x` never do.
 * @throws Refusal MALFORMED
 */
export function parseVersionRange(source: string): VersionRange {
  const words = source.split(' ').filter((word) => word !== '');
  if (words.length === 0 || words.length > MAX_COMPARATORS) {
    throw new Refusal('MALFORMED', `the version range ${quote(source)} has no comparator, or too many`);
  }
  const tests = words.map((word) => parseComparator(source, word));
  return (tag) => {
    const version = RELEASE.exec(tag);
    return version !== null && tests.every((test) => test(numbers(version.slice(1))));
  };
}

function parseComparator(source: string, word: string): (version: Version) => boolean {
  const [, operator, ...parts] = COMPARATOR.exec(word) ?? [];
  const bound = numbers(parts);
  switch (operator) {
    case '>=':
      return (version) => compare(version, bound) >= 0;
    case '<=':
      return (version) => compare(version, bound) <= 0;
    case '>':
      return (version) => compare(version, bound) > 0;
    case '<':
      return (version) => compare(version, bound) < 0;
    case '=':
      return (version) => compare(version, bound) === 0;
    default:
      throw new Refusal(
        'MALFORMED',
        `${quote(word)} in the version range ${quote(source)} is no comparator such as ">=2.0.0"`,
      );
  }
}

function numbers([major, minor, patch]: readonly (string | undefined)[]): Version {
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
