import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Fault, Refusal } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { isDigest } from '../../src/image/digest.ts';
import {
  imageName,
  parseImageReference,
  pinned,
  withoutDigest,
  type ImageReference,
} from '../../src/image/reference.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

interface Row {
  readonly input: string;
  readonly error?: string;
  readonly image?: { canonical: string; domain: string; path: string; tag?: string; digest?: string };
}

const table: { readonly parser: string; readonly rows: readonly Row[] } = JSON.parse(
  readFileSync(new URL('reference-table.json', import.meta.url), 'utf8'),
);
const rows = table.rows;
const GOLD = `sha256:${'0123456789abcdef'.repeat(4)}`;
const HASH_512 = `sha512:${GOLD.slice(7)}${'fedcba9876543210'.repeat(4)}`;
/** 253 characters. */
const LONG_HOST = [...Array<string>(3).fill('a'.repeat(63)), 'a'.repeat(61)].join('.');
const EVIL = `sha256:${'fedcba9876543210'.repeat(4)}`;

function refusalOf(text: string): Refusal | undefined {
  try {
    parseImageReference(text);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** As containerd's `ParseDockerRef(…).String()` writes it. */
function canonical(image: ImageReference): string {
  return imageName(image) + (image.digest === undefined ? `:${image.tag}` : `@${image.digest}`);
}

/** Where we refuse what the node's parser accepts, and why. Every such input of the table stands here. */
const STRICTER: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'another spelling of a registry host, which a glob would not match',
    [
      'LOCALHOST/x',
      'Localhost/x',
      'GHCR.io/org/server:v1',
      'ghcr.IO/org/server',
      'Docker.io/nginx',
      'DOCKER.IO/library/nginx',
      'Index.docker.io/nginx',
      'Org/server',
      'ghcr.io:443/org/server:v1',
      'ghcr.io:0443/org/server',
      'h:05000/x',
      'h:000000000000000000005000/x',
    ],
  ],
  [
    'another name of Docker Hub, which nodes do not know to be one',
    ['registry-1.docker.io/library/nginx', 'registry.hub.docker.com/library/nginx'],
  ],
  [
    'another spelling of an address',
    [
      '127.1/x',
      '127.1:5000/x',
      '2130706433:5000/x',
      '0x7f.1/x',
      '0x7f.0.0.1:5000/x',
      '0177.0.0.1/x',
      '010.0.0.1/x',
      '[0:0:0:0:0:0:0:1]:5000/x',
      '[0::1]/x',
      '[FE80::1]:5000/x',
    ],
  ],
  [
    'no address or port at all',
    ['1.2.3.4.5/x', '256.256.256.256/x', '[::::]/x', '[:]/x', 'ghcr.io:99999/org/server', 'h:65536/x'],
  ],
  ['a path to the parser, a host to the puller', ['foo_bar.com/x', 'foo__bar.com/x/y:1']],
  ['an image id to containerd', [GOLD, HASH_512, 'sha256:latest', 'sha256:0123456789ab']],
  [
    'an algorithm that the OCI image specification does not register',
    [`nginx@sha384:${HASH_512.slice(7, 103)}`],
  ],
  ['a host that is too long to be looked up', [`a${LONG_HOST}/x`]],
]);

describe('the golden table of distribution/reference', () => {
  test('has the breadth that it is trusted for', () => {
    expect(table.parser).toBe('github.com/distribution/reference v0.6.0');
    expect(rows.filter((row) => row.image !== undefined).length).toBeGreaterThan(100);
    expect(rows.filter((row) => row.error !== undefined).length).toBeGreaterThan(100);
    expect(new Set(rows.map((row) => row.input)).size).toBe(rows.length);
    const inputs = new URL('../tools/reference-table/inputs.json', import.meta.url);
    expect(rows.map((row) => row.input)).toEqual(JSON.parse(readFileSync(inputs, 'utf8')));
  });

  test('D3: every reference has the canonical name that containerd gives it, or is refused', () => {
    const differing = rows.filter((row) => {
      if (refusalOf(row.input) !== undefined) return false;
      const image = parseImageReference(row.input);
      return (
        image.original !== row.input ||
        canonical(image) !== row.image?.canonical ||
        image.registry !== row.image.domain ||
        image.repository !== row.image.path ||
        image.tag !== row.image.tag ||
        image.digest !== row.image.digest
      );
    });
    expect(differing).toEqual([]);
  });

  test('D3: what a node takes and we refuse is exactly the list of reasons', () => {
    const refused = rows.filter((row) => row.image !== undefined && refusalOf(row.input) !== undefined);
    const listed = [...STRICTER.values()].flat();
    expect(refused.map((row) => row.input).toSorted()).toEqual(listed.toSorted());
  });

  test('D3: every refusal is coded, bounded, printable, and says what the node does', () => {
    for (const row of rows) {
      const refusal = refusalOf(row.input);
      if (refusal === undefined) continue;
      const tail =
        row.image === undefined ? 'a node refuses it too (InvalidImageName)' : 'a node would take it';
      expect({ input: row.input, code: refusal.code, message: refusal.message }).toEqual({
        input: row.input,
        code: 'MALFORMED',
        message: expect.stringContaining(tail),
      });
      expect(refusal.message).toMatch(/^[ -~…]{1,256}$/u);
    }
  });
});

describe('attacks on names', () => {
  /** Each bad text is one change of its good twin. */
  const mutations: ReadonlyArray<readonly [id: string, good: string, bad: string, saying: string]> = [
    ['C11: upper-case host', 'ghcr.io/org/server:v1', 'GHCR.io/org/server:v1', 'must be written "ghcr.io"'],
    ['C11: default port', 'ghcr.io/org/server:v1', 'ghcr.io:443/org/server:v1', 'must be written "ghcr.io"'],
    ['C11: trailing dot', 'ghcr.io/org/server:v1', 'ghcr.io./org/server:v1', '"ghcr.io." is not a host name'],
    ['C11: Docker Hub by another name', 'docker.io/org/app', 'registry-1.docker.io/org/app', '"docker.io"'],
    ['D3: upper-case repository', 'ghcr.io/org/app', 'ghcr.io/Org/app', 'must be lower case'],
    ['D3: IPv6 spelled out', '[::1]:5000/x', '[0:0:0:0:0:0:0:1]:5000/x', 'must be written "[::1]:5000"'],
    ['D3: underscore in a host', 'foo-bar.com/x', 'foo_bar.com/x', 'not a host name'],
    ['D3: two tags', 'nginx:a', 'nginx:a:b', 'the tag "a:b"'],
    ['D3: space', 'nginx', ' nginx', 'holds the character " "'],
    ['D3: division slash U+2215', 'ghcr.io/org/x', 'ghcr.io∕org/x', '"\\u{2215}"'],
    ['D3: scheme', 'docker.io/library/nginx', 'docker://docker.io/library/nginx', 'no URL scheme'],
    ['D3: short digest', `nginx@${GOLD}`, 'nginx@sha256:123', 'the digest "sha256:123"'],
    ['D3: image id', `nginx:${GOLD.slice(7)}`, GOLD.slice(7), 'an image id'],
    ['D3: image id with its algorithm', `docker.io/library/${GOLD}`, GOLD, 'is an image id'],
    ['D17: parent directory', 'reg.io/a/b', 'reg.io/a/../b', 'the part ".."'],
    ['D17: escaped parent directory', 'reg.io/a/b', 'reg.io/a/%2e%2e/b', 'the part "%2e%2e"'],
    ['D17: empty part', 'reg.io/a/b', 'reg.io/a//b', 'the part ""'],
    ['D17: tag ..', 'nginx:a', 'nginx:..', 'the tag ".."'],
    ['D17: path in a digest', `reg.io/a@${GOLD}`, 'reg.io/a@sha256:../..', 'the digest "sha256:../.."'],
    ['D17: query', 'reg.io/a', 'reg.io/a?b', 'the part "a?b"'],
  ];
  test.each(mutations)('%s', (_id, good, bad, saying) => {
    expect(refusalOf(good)).toBeUndefined();
    expect(refusalOf(bad)).toMatchObject({ code: 'MALFORMED', message: expect.stringContaining(saying) });
  });

  test('D3: a digest decides, whatever tag stands beside it', () => {
    const image = parseImageReference(`ghcr.io/org/server:gold@${EVIL}`);
    expect(image).toMatchObject({ tag: 'gold', digest: EVIL });
    expect(parseImageReference(`ghcr.io/org/server@${EVIL}`).tag).toBeUndefined();
  });

  test('E26: an empty image, a blank one and a tag alone are refused', () => {
    expect(refusalOf('')?.message).toContain('the image is empty');
    for (const text of [' ', '\t', ':latest', '@', ':']) expect(refusalOf(text)).toBeInstanceOf(Refusal);
    expect(refusalOf('server:latest')).toBeUndefined();
  });

  test('D17: whatever is accepted is safe to put into the path of a request', () => {
    const pieces = fc.constantFrom(
      'a',
      'B',
      '.',
      '..',
      '/',
      '//',
      ':',
      '@',
      '-',
      '_',
      '%2e',
      '5000',
      'io',
      'sha256:',
      GOLD,
      '[::1]',
      ' ',
      '?',
      '#',
      '\\',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        if (refusalOf(text) !== undefined) return;
        const image = parseImageReference(text);
        const path = `/v2/${image.repository}/manifests/${image.digest ?? image.tag}`;
        const url = new URL(`https://${image.registry}${path}`);
        expect([url.host, url.pathname, url.search, url.hash]).toEqual([image.registry, path, '', '']);
      }),
      { numRuns: 5000 },
    );
  });

  test('a hostile text is refused in time linear in what may be looked at', () => {
    const took = threadMilliseconds(() => {
      for (const part of ['a-', 'a.', 'a/', 'a_', '-', 'a:', '[:']) {
        for (const length of [LIMITS.imageReferenceChars, 3_000_000]) {
          expect(refusalOf(`x.io/${part.repeat(length / part.length)}!`)).toBeInstanceOf(Refusal);
          expect(refusalOf(`${part.repeat(length / part.length)}!.io/x`)).toBeInstanceOf(Refusal);
        }
      }
    });
    expect(took).toBeLessThan(2_000);
  });
});

describe('pinning', () => {
  test('keeps what the user wrote, and is undone by withoutDigest', () => {
    for (const [text, tagged] of [
      ['nginx', 'nginx:latest'],
      ['nginx:1.27', 'nginx:1.27'],
      ['ghcr.io/org/server:v1', 'ghcr.io/org/server:v1'],
      ['localhost:5000/x', 'localhost:5000/x:latest'],
      ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ] as const) {
      const image = parseImageReference(text);
      expect(pinned(image, GOLD)).toBe(`${tagged}@${GOLD}`);
      expect(withoutDigest(pinned(image, GOLD))).toBe(tagged);
      const again = parseImageReference(pinned(image, GOLD));
      expect(again).toEqual({ ...image, original: `${tagged}@${GOLD}`, digest: GOLD });
    }
  });

  test('leaves alone what has the digest, and never replaces one', () => {
    const image = parseImageReference(`nginx@${GOLD}`);
    expect(pinned(image, GOLD)).toBe(`nginx@${GOLD}`);
    expect(() => pinned(image, EVIL)).toThrow(Fault);
    expect(() => pinned(parseImageReference('nginx'), 'sha256:../..')).toThrow(Fault);
  });

  test('withoutDigest returns unchanged what pinning did not make', () => {
    for (const text of ['nginx', 'nginx:1', `nginx@${GOLD}`, `h:5000/x@${GOLD}`, 'a:b@junk', '', 'a b@']) {
      expect(withoutDigest(text)).toBe(text);
    }
  });
});

test('D17: only whole lower-case sha256 and sha512 digests are digests', () => {
  expect([GOLD, `sha512:${'a'.repeat(128)}`].map(isDigest)).toEqual([true, true]);
  const bad = [
    '',
    'sha256:',
    GOLD.toUpperCase(),
    `${GOLD}0`,
    `${GOLD}\n`,
    `x${GOLD}`,
    GOLD.slice(0, -1),
    'sha256:../..',
  ];
  expect(bad.filter(isDigest)).toEqual([]);
});
