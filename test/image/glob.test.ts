import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { parseGlob } from '../../src/image/glob.ts';
import { imageName, parseImageReference } from '../../src/image/reference.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

/** Through the parser, as decisions do it: globs only ever see canonical names. */
function matches(glob: string, image: string): boolean {
  return parseGlob(glob).matches(imageName(parseImageReference(image)));
}

function reasonOf(glob: string): string | undefined {
  try {
    parseGlob(glob);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'MALFORMED') return error.message;
    throw error;
  }
}

describe('what a glob matches', () => {
  const table: ReadonlyArray<readonly [glob: string, inside: readonly string[], outside: readonly string[]]> =
    [
      [
        'docker.io/library/nginx',
        ['nginx', 'nginx:1', 'docker.io/nginx', 'index.docker.io/library/nginx'],
        ['org/nginx', 'nginx2', 'ghcr.io/library/nginx'],
      ],
      ['docker.io/org/*', ['org/app', 'docker.io/org/app:v1'], ['org/app/x', 'app', 'organ/app']],
      ['docker.io/**', ['nginx', 'org/app', 'a/b/c'], ['ghcr.io/a/b', 'localhost/x']],
      [
        'ghcr.io/org/**',
        ['ghcr.io/org/a', 'ghcr.io/org/a/b/c:v1'],
        ['ghcr.io/org', 'ghcr.io/org-evil/a', 'ghcr.io/orga/b', 'ghcr.io:8443/org/a'],
      ],
      ['ghcr.io/org/*', ['ghcr.io/org/a'], ['ghcr.io/org/a/b', 'ghcr.io/org']],
      [
        'ghcr.io/org/app-*',
        ['ghcr.io/org/app-x'],
        ['ghcr.io/org/app', 'ghcr.io/org/app-x/y', 'ghcr.io/org/my-app-x'],
      ],
      ['ghcr.io/org/*-app', ['ghcr.io/org/my-app'], ['ghcr.io/org/my-app2', 'ghcr.io/my-app']],
      [
        'ghcr.io/org/a*b*c',
        ['ghcr.io/org/abc', 'ghcr.io/org/a-b-b-c'],
        ['ghcr.io/org/acb', 'ghcr.io/org/abcd'],
      ],
      ['ghcr.io/org/ab*ba', ['ghcr.io/org/abba', 'ghcr.io/org/ab-ba'], ['ghcr.io/org/aba']],
      [
        'ghcr.io/**/app',
        ['ghcr.io/app', 'ghcr.io/a/app', 'ghcr.io/a/b/app'],
        ['ghcr.io/app/x', 'ghcr.io/a/myapp'],
      ],
      [
        'ghcr.io/**/a/**/b',
        ['ghcr.io/a/b', 'ghcr.io/x/a/a/y/b', 'ghcr.io/a/b/b'],
        ['ghcr.io/b/a', 'ghcr.io/a/b/c'],
      ],
      ['ghcr.io/*/*', ['ghcr.io/a/b'], ['ghcr.io/a', 'ghcr.io/a/b/c']],
      ['**', ['nginx', 'ghcr.io/a/b/c', 'localhost/x', '[::1]:5000/x'], []],
      ['**/app', ['ghcr.io/app', 'ghcr.io/a/app', 'org/app', 'app'], ['ghcr.io/app/x']],
      ['*/org/app', ['ghcr.io/org/app', 'org/app', 'h:5000/org/app'], ['ghcr.io/x/org/app']],
      [
        '*.acme.io/**',
        ['r.acme.io/x', 'a.b.acme.io/x/y'],
        ['acme.io/x', 'evilacme.io/x', 'r.acme.io.evil.io/x', 'r.acme.io:5000/x'],
      ],
      ['*-docker.pkg.dev/org/app', ['europe-west1-docker.pkg.dev/org/app'], ['docker.pkg.dev/org/app']],
      [
        '1.dkr.ecr.*.amazonaws.com/app',
        ['1.dkr.ecr.eu-west-1.amazonaws.com/app'],
        ['1.dkr.ecr.evil.com/app'],
      ],
      ['*:5000/**', ['h:5000/x', 'localhost:5000/x'], ['h:5001/x', 'ghcr.io/x']],
      ['r.acme.io:*/**', ['r.acme.io:5000/x'], ['r.acme.io/x', 'r.acme.io.evil.io:5000/x']],
      ['localhost:5000/**', ['localhost:5000/x'], ['localhost/x']],
      ['[::1]:5000/**', ['[::1]:5000/x'], ['[::2]:5000/x']],
    ];
  test.each(table)('%s', (glob, inside, outside) => {
    expect(inside.filter((image) => !matches(glob, image))).toEqual([]);
    expect(outside.filter((image) => matches(glob, image))).toEqual([]);
  });

  test('C11: a pattern never crosses the host, a segment or the end of a name', () => {
    expect(matches('*.registry.acme.io/org/*', 'x.registry.acme.io/org/i')).toBe(true);
    expect(matches('*.registry.acme.io/org/*', 'evil.io/x.registry.acme.io/org/i')).toBe(false);
    expect(matches('ghcr.io/acme/**', 'ghcr.io/acme/x')).toBe(true);
    expect(matches('ghcr.io/acme/**', 'ghcr.io/acme-evil/x')).toBe(false);
    expect(matches('ghcr.io/acme/**', 'evil.io/ghcr.io/acme/x')).toBe(false);
    expect(matches('registry.acme.io/x', 'registry.acme.io/x')).toBe(true);
    expect(matches('registry.acme.io/x', 'registryxacme.io/x')).toBe(false);
    expect(matches('docker.io/library/nginx', 'nginx')).toBe(true);
    expect(matches('docker.io/library/nginx', 'evil.io/docker.io/library/nginx')).toBe(false);
  });
});

describe('what is no glob', () => {
  const table: ReadonlyArray<readonly [bad: string, saying: string, good: string]> = [
    ['', 'not empty', '**'],
    ['*', 'every image is "**"', '**'],
    ['nginx', '"docker.io/library/nginx"', 'docker.io/library/nginx'],
    ['org/*', '"docker.io/org/*"', 'docker.io/org/*'],
    ['docker.io/nginx', '"docker.io/library/nginx"', 'docker.io/library/nginx'],
    ['docker.io/*', '"docker.io/library/*"', 'docker.io/**'],
    ['index.docker.io/library/nginx', 'must be written "docker.io"', 'docker.io/library/nginx'],
    ['ghcr.io', 'no repository', 'ghcr.io/**'],
    ['[::1]', 'no repository', '[::1]/**'],
    ['nginx:1', 'no repository', 'docker.io/library/nginx'],
    ['nginx:v1', 'no repository', 'docker.io/library/nginx'],
    ['ghcr.io/', 'empty segment', 'ghcr.io/**'],
    ['ghcr.io/org/', 'empty segment', 'ghcr.io/org/**'],
    ['ghcr.io//org', 'empty segment', 'ghcr.io/org'],
    ['/org/app', 'empty segment', '*/org/app'],
    ['ghcr.io/org**', 'stands alone', 'ghcr.io/org/**'],
    ['ghcr.io/***', 'stands alone', 'ghcr.io/**'],
    ['ghcr.io/org/app:v1', 'has a tag', 'ghcr.io/org/app'],
    ['ghcr.io/org/app:*', 'has a tag', 'ghcr.io/org/app'],
    ['ghcr.io/org/app@sha256:00', 'has a digest', 'ghcr.io/org/app'],
    ['https://ghcr.io/org/*', 'URL scheme', 'ghcr.io/org/*'],
    ['GHCR.io/org/*', 'upper-case', 'ghcr.io/org/*'],
    ['ghcr.io:443/org/*', 'must be written "ghcr.io"', 'ghcr.io/org/*'],
    ['*.acme.io:443/org/*', 'no canonical registry host', '*.acme.io/org/*'],
    ['ghcr.io/org/{a,b}', '"{" in', 'ghcr.io/org/a'],
    ['ghcr.io/org/?', '"?" in', 'ghcr.io/org/*'],
    ['ghcr.io/org/[ab]', 'cannot be part', 'ghcr.io/org/a'],
    ['!ghcr.io/org/*', '"!" in', 'ghcr.io/org/*'],
    ['ghcr.io/org/ app', '" " in', 'ghcr.io/org/app'],
    ['ghcr.io/org/../x', 'cannot be part', 'ghcr.io/org/x'],
    ['ghcr.io/org/-x', 'cannot be part', 'ghcr.io/org/x'],
    ['[0::1]/x', 'must be written "[::1]"', '[::1]/x'],
    ['10.0.0.*:5000/x', 'must end without', '10.0.0.1:5000/x'],
    ['foo_bar.io/x', 'not a host name', 'foo-bar.io/x'],
    ['ghcr.io:50*/x', 'no canonical registry host', 'ghcr.io:*/x'],
    ['r.acme.io:x/y', 'not a host name', 'r.acme.io:5000/y'],
  ];
  test.each(table)('%s', (bad, saying, good) => {
    expect(reasonOf(bad)).toContain(saying);
    expect(reasonOf(good)).toBeUndefined();
  });

  test('C11: a host that anyone could register is refused', () => {
    for (const bad of ['ghcr.io*/acme/x', 'ghcr.io*/**', 'ghcr.*/org/x', '10.0.0.*:5000/x', 'registry*/x']) {
      expect(reasonOf(bad)).toMatch(/must end without|names no registry/);
    }
    for (const good of ['*.ghcr.io/acme/x', '*.io/org/x', '*/acme/x']) expect(reasonOf(good)).toBeUndefined();
  });

  test('above the length that the longest name has', () => {
    expect(reasonOf(`ghcr.io/${'a'.repeat(LIMITS.imageGlobChars - 8)}`)).toBeUndefined();
    expect(reasonOf(`ghcr.io/${'a'.repeat(LIMITS.imageGlobChars - 7)}`)).toContain('at most 515');
  });
});

/** The meaning, written as plainly as it can be; exponential. */
function oracle(glob: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return name.length === 0;
  if (first === '**' && rest.length === 0) return name.length > 0;
  if (first === '**') return oracle(rest, name) || (name.length > 0 && oracle(glob, name.slice(1)));
  const [segment, ...others] = name;
  return segment !== undefined && oracleSegment(first, segment) && oracle(rest, others);
}

function oracleSegment(glob: string, segment: string): boolean {
  if (glob === '') return segment === '';
  if (!glob.startsWith('*')) return glob[0] === segment[0] && oracleSegment(glob.slice(1), segment.slice(1));
  return oracleSegment(glob.slice(1), segment) || (segment !== '' && oracleSegment(glob, segment.slice(1)));
}

/** Words of some letters, with no `**` inside. */
function word(letters: readonly string[], maxLength: number): fc.Arbitrary<string> {
  const parts = fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength });
  return parts.map((chosen) => chosen.join('').replaceAll(/\*+/g, '*'));
}

function fill(unit: string, chars: number): string {
  return unit.repeat(Math.floor(chars / unit.length));
}

describe('against the oracle', () => {
  const globs = fc
    .tuple(
      fc.constantFrom('*', '**', 'a.b', '*.b', 'a*.b', '*:1', 'a.b:*'),
      fc.array(fc.oneof(word(['a', 'b', '*'], 6), fc.constant('**')), { minLength: 1, maxLength: 6 }),
    )
    .map(([host, path]) => [host, ...path]);
  const names = fc
    .tuple(
      fc.constantFrom('a.b', 'aa.b', 'a.a.b', 'a.b:1', 'b:1', 'c.b'),
      fc.array(word(['a', 'b'], 6), { minLength: 1, maxLength: 6 }),
    )
    .map(([host, path]) => [host, ...path]);

  test('C11: every glob matches what its meaning says, and nothing else', () => {
    let matched = 0;
    fc.assert(
      fc.property(globs, names, (glob, name) => {
        const expected = oracle(glob, name);
        if (expected) matched += 1;
        expect(parseGlob(glob.join('/')).matches(name.join('/'))).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(matched).toBeGreaterThan(1000);
  });

  test('the worst globs that fit take bounded time', () => {
    const name = `ghcr.io/${fill('a/', 240)}${'a'.repeat(14)}b`;
    const long = `ghcr.io/${'a'.repeat(254)}b`;
    const took = threadMilliseconds(() => {
      for (const glob of [
        `ghcr.io/${fill('**/', 500)}c`,
        `ghcr.io/${fill('**/a/', 500)}c`,
        `ghcr.io/**/${fill('a/', 200)}c`,
        `ghcr.io/${fill('*a', 500)}c`,
        `ghcr.io/${fill('a*', 254)}c`,
      ]) {
        const compiled = parseGlob(glob);
        for (let round = 0; round < 20; round += 1) {
          expect(compiled.matches(name)).toBe(false);
          expect(compiled.matches(long)).toBe(false);
        }
      }
    });
    expect(took).toBeLessThan(1000);
  });
});
