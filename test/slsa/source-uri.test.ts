import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../../src/errors.ts';
import { parseSourcePattern, parseSourceUri, sourceUriOf } from '../../src/slsa/source-uri.ts';

const canonical = (uri: string): string | undefined => sourceUriOf(uri)?.repository;

describe('the canonical source', () => {
  test.each([
    ['git+https://github.com/acme/app', 'https://github.com/acme/app'],
    ['https://github.com/acme/app.git', 'https://github.com/acme/app'],
    ['https://github.com/acme/app/', 'https://github.com/acme/app'],
    ['https://github.com:443/acme/app', 'https://github.com/acme/app'],
    ['HTTPS://GitHub.COM/Acme/App', 'https://github.com/acme/app'],
    ['https://GitLab.com/Acme/App', 'https://gitlab.com/Acme/App'],
    ['https://git.example.com:8443/a/b/c', 'https://git.example.com:8443/a/b/c'],
    ['https://dev.azure.com/org/My%20Project/_git/repo', 'https://dev.azure.com/org/My%20Project/_git/repo'],
  ])('%s is %s', (uri, expected) => {
    expect(canonical(uri)).toBe(expected);
  });

  test('what follows @ is the ref', () => {
    expect(parseSourceUri('git+https://github.com/acme/app@refs/heads/main')).toEqual({
      repository: 'https://github.com/acme/app',
      ref: 'refs/heads/main',
    });
    expect(parseSourceUri('https://github.com/acme/app.git@refs/tags/pkg@1.0').ref).toBe('refs/tags/pkg@1.0');
    expect(parseSourceUri('https://github.com/acme/app').ref).toBeUndefined();
  });

  test.each([
    'https://github.com@evil.example/acme/app',
    'https://user:pass@github.com/acme/app',
    'https://github.com/acme/../evil/app',
    'https://github.com/acme/./app',
    'https://github.com/acme/%2e%2e/evil',
    'https://github.com/acme%2fapp',
    'https://github.com//acme/app',
    'https://github.com/acme//app',
    'https://github.com/acme/app//',
    'https://github.com/acme/app?x=1',
    'https://github.com/acme/app#readme',
    'https://github.com\\@evil.example/acme/app',
    'https://github.com',
    'https://github.com/',
    'https://github.com/.git',
    'https://github.com/acme/app.git.git',
    'https://github.com./acme/app',
    'https://github.com:/acme/app',
    'https://github.com:0443/acme/app',
    'https://[::1]/acme/app',
    'https://gіthub.com/acme/app',
    'https://github.com/acme/app@',
    'https://github.com/acme/app ',
    ' https://github.com/acme/app',
    'http://github.com/acme/app',
    'git://github.com/acme/app',
    'git+ssh://git@github.com/acme/app',
    'ssh://github.com/acme/app',
    'git@github.com:acme/app.git',
    'gs://bucket/source.tgz',
    'github.com/acme/app',
    `https://github.com/${'a'.repeat(2048)}`,
    '',
  ])('%s is none', (uri) => {
    expect(canonical('https://github.com/acme/app')).toBeDefined();
    expect(canonical(uri)).toBeUndefined();
    expect(() => parseSourceUri(uri)).toThrow(Refusal);
  });
});

test('a refusal says what is wrong with it', () => {
  expect(() => parseSourceUri('https://github.com@evil.example/acme/app')).toThrow(
    'has a user name before its host',
  );
  expect(() => parseSourceUri('https://github.com/acme/app#x')).toThrow(
    'has a query, a fragment or a backslash',
  );
  expect(() => parseSourcePattern('https://github.com/acme/app@main')).toThrow('names a ref');
});

describe('patterns', () => {
  test('B8: a star is one whole segment, and nothing is a prefix', () => {
    const pattern = parseSourcePattern('https://github.com/acme/*');
    const matches = (uri: string) => pattern.matches(canonical(uri) ?? '');
    expect(matches('git+https://github.com/Acme/app.git')).toBe(true);
    for (const other of [
      'https://github.com/acme',
      'https://github.com/acme/app/x',
      'https://github.com/acme-evil/app',
      'https://github.com/evil/acme',
      'https://github.com.evil.example/acme/app',
      'https://evil.example/acme/app',
      'https://github.com:8443/acme/app',
    ]) {
      expect(matches(other)).toBe(false);
    }
    expect(pattern.matches('https://github.com/acme/')).toBe(false);
    expect(parseSourcePattern('https://github.com/acme/app').matches('https://github.com/acme/app')).toBe(
      true,
    );
    expect(parseSourcePattern('https://github.com/acme/app').matches('https://github.com/acme/app2')).toBe(
      false,
    );
  });

  test.each([
    'https://*.example.com/acme/app',
    'https://github.com/acme/app-*',
    'https://github.com/acme/**',
    'https://github.com/acme/app@refs/heads/main',
    'https://github.com/acme/../*',
    'github.com/acme/*',
    '*',
  ])('%s is refused', (pattern) => {
    expect(() => parseSourcePattern(pattern)).toThrow(Refusal);
  });
});

describe('whatever the repository', () => {
  const name = fc
    .stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}$/)
    .filter((text) => !text.endsWith('.git') && text !== '..');
  const host = fc.constantFrom('github.com', 'gitlab.com', 'git.example.com:8443');
  const repository = fc.record({ host, path: fc.array(name, { minLength: 1, maxLength: 4 }) });
  const runs = { numRuns: 500, seed: 20261122 };

  test('its spellings are one, which is its own spelling', () => {
    const spelling = fc.record({
      scheme: fc.constantFrom('https://', 'git+https://', 'HTTPS://'),
      upper: fc.boolean(),
      end: fc.constantFrom('', '.git', '/', '.git/'),
      ref: fc.constantFrom('', '@refs/heads/main'),
    });
    fc.assert(
      fc.property(repository, spelling, ({ host: h, path }, { scheme, upper, end, ref }) => {
        const plain = canonical(`https://${h}/${path.join('/')}`);
        const other = `${scheme}${upper ? h.toUpperCase() : h}/${path.join('/')}${end}${ref}`;
        expect(plain).toBeDefined();
        expect(canonical(other)).toBe(plain);
        expect(canonical(plain ?? '')).toBe(plain);
      }),
      runs,
    );
  });

  test('a pattern matches exactly where each segment is the same or a star', () => {
    const star = fc.option(fc.nat(3), { nil: undefined });
    fc.assert(
      fc.property(repository, repository, star, (a, b, index) => {
        const wanted = a.path.map((segment, i) => (i === index ? '*' : segment));
        const fold = (text: string) => (a.host === 'github.com' ? text.toLowerCase() : text);
        const expected =
          a.host === b.host &&
          wanted.length === b.path.length &&
          wanted.every((segment, i) => segment === '*' || fold(segment) === fold(b.path[i] ?? ''));
        const pattern = parseSourcePattern(`https://${a.host}/${wanted.join('/')}`);
        expect(pattern.matches(canonical(`https://${b.host}/${b.path.join('/')}`) ?? '')).toBe(expected);
        expect(pattern.matches(canonical(`https://${a.host}/${a.path.join('/')}`) ?? '')).toBe(true);
      }),
      runs,
    );
  });

  test('anything at all is canonical or none, and never throws another error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (text) => {
        const found = canonical(`https://github.com/${text}`);
        if (found !== undefined) expect(canonical(found)).toBe(found);
      }),
      runs,
    );
  });
});
