import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../kube/eventually.ts';
import { paxEntry, tarOf, type TarEntry } from '../../support/tar.ts';
import type { TufRepository } from '../../support/tuf-repository.ts';
import { scratchDirectory } from '../../tls/tls-client.ts';
import { archiveOf, GOOD_PRINT, HOUR, keep, repository, resource, stopAll, told } from './support.ts';

afterEach(stopAll);

const entriesOf = (repo: TufRepository): TarEntry[] =>
  [...repo.files].map(([name, content]) => ({ name, content }));

/** What an archive of these entries gives: `good`, or the reason why nothing. */
async function outcome(archive: Uint8Array, root: string): Promise<string> {
  const mine = resource(archiveOf(archive, root));
  const { now } = keep([mine]);
  await eventually('it was read', () => !/not been read yet/.test(told(now(mine)) ?? ''));
  const state = now(mine);
  return state.kind === 'known' ? 'good' : state.reason;
}

test('an archive is a repository like any other, with an end', async () => {
  const expires = Date.now() + HOUR;
  const repo = repository({ expires });
  const mine = resource(archiveOf(gzipSync(tarOf(entriesOf(repo))), repo.root));
  const { holds, now } = keep([mine]);
  await holds(mine, GOOD_PRINT);
  expect(now(mine)).toMatchObject({ usableUntil: expires, refreshedAt: expect.any(Number) });
});

test('an archive with several roots is followed through all of them', async () => {
  const repo = repository();
  repo.rotate();
  repo.rotate();
  repo.publish();
  expect(await outcome(gzipSync(tarOf(entriesOf(repo))), repo.root)).toBe('good');
});

test('H8 an archive of another repository, or expired, is refused like a mirror', async () => {
  const repo = repository();
  const strangers = repository({ name: 'strangers' });
  expect(await outcome(gzipSync(tarOf(entriesOf(strangers))), repo.root)).toMatch(
    /^the TUF archive could not be read: its timestamp is not signed by as many trusted keys/,
  );
  const old = repository({ expires: Date.now() - HOUR });
  expect(await outcome(gzipSync(tarOf(entriesOf(old))), old.root)).toMatch(/root has expired/);
});

describe('archives that real tools write', () => {
  test.each([
    ['GNU, from inside', ['--format=gnu', '.']],
    ['POSIX, from inside', ['--format=posix', '.']],
    ['ustar, from inside', ['--format=ustar', '.']],
  ])('%s', async (what, options) => {
    const scratch = scratchDirectory();
    try {
      // The name of a target with SHA-512 is longer than a tar header holds.
      const repo = repository({ hash: what.startsWith('ustar') ? 'sha256' : 'sha512' });
      const folder = join(scratch.path, 'repository');
      for (const [name, content] of repo.files) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), content);
      }
      const archive = execFileSync('tar', ['-czf', '-', '-C', folder, ...options]);
      expect(await outcome(archive, repo.root)).toBe('good');
    } finally {
      scratch.remove();
    }
  });
});

interface BadArchive {
  readonly what: string;
  readonly make: (good: TarEntry[]) => Uint8Array;
  readonly says: RegExp;
}

const withEntries = (what: string, says: RegExp, ...more: TarEntry[]): BadArchive => ({
  what,
  says,
  make: (good) => gzipSync(tarOf([...good, ...more])),
});

const BAD: readonly BadArchive[] = [
  withEntries('a symbolic link', /neither a file nor a folder/, {
    name: 'x',
    type: '2',
    linkName: '/etc/passwd',
  }),
  withEntries('a hard link', /neither a file nor a folder/, {
    name: 'x',
    type: '1',
    linkName: 'timestamp.json',
  }),
  withEntries('a device', /neither a file nor a folder/, { name: 'x', type: '3' }),
  withEntries('an absolute name', /absolute/, { name: '/x' }),
  withEntries('a name that climbs', /climbs/, { name: '../x' }),
  withEntries('a name that climbs inside', /climbs/, { name: 'targets/../../x' }),
  withEntries('a folder that climbs', /climbs/, { name: '../', type: '5' }),
  withEntries('a backslash', /odd characters/, { name: 'targets\\x' }),
  withEntries('an empty part', /climbs/, { name: 'targets//x' }),
  withEntries(
    'a long name that climbs',
    /climbs/,
    { name: 'L', type: 'L', content: '../x\0' },
    { name: 'x' },
  ),
  withEntries('a pax name that climbs', /climbs/, paxEntry({ path: '../x' }), { name: 'x' }),
  withEntries('a pax size', /pax header that is not accepted/, paxEntry({ size: '1' }), { name: 'x' }),
  withEntries('two long names', /names an entry twice/, paxEntry({ path: 'y' }), paxEntry({ path: 'z' }), {
    name: 'x',
  }),
  withEntries('a name for all', /one name to all/, paxEntry({ path: 'y' }, 'g')),
  withEntries('a damaged pax header', /damaged pax/, { name: 'pax', type: 'x', content: '99 path=y\n' }),
  withEntries('a second timestamp', /two files of one name/, { name: './timestamp.json', content: '{}' }),
  withEntries(
    'more than 1000 entries',
    /more than 1000 entries/,
    ...Array.from({ length: 1000 }, (_, i) => ({ name: `x${i}` })),
  ),
  withEntries('a bomb', /unpacks to more than/, { name: 'x', content: Buffer.alloc(17 * 1024 * 1024) }),
  {
    what: 'other case in a name',
    says: /no timestamp\.json at its top/,
    make: (good) =>
      gzipSync(
        tarOf(
          good.map((entry) =>
            entry.name === 'timestamp.json' ? { ...entry, name: 'Timestamp.json' } : entry,
          ),
        ),
      ),
  },
  {
    what: 'a folder around it',
    says: /no timestamp\.json at its top; make it inside/,
    make: (good) => gzipSync(tarOf(good.map((entry) => ({ ...entry, name: `repository/${entry.name}` })))),
  },
  { what: 'no gzip', says: /not a gzip file/, make: (good) => tarOf(good) },
  {
    what: 'a gzip that is cut off',
    says: /not a gzip file/,
    make: (good) => gzipSync(tarOf(good)).subarray(0, -20),
  },
  { what: 'no tar', says: /is not a tar file/, make: () => gzipSync(Buffer.alloc(2048, 0x41)) },
  { what: 'a tar that is cut off', says: /cut off/, make: (good) => gzipSync(tarOf(good).subarray(0, 700)) },
  {
    what: 'a damaged header',
    says: /damaged/,
    make: (good) => {
      const tar = tarOf(good);
      tar[0] = (tar[0] ?? 0) ^ 1;
      return gzipSync(tar);
    },
  },
  {
    what: 'more than a megabyte',
    says: /bytes, and 1048576 are accepted/,
    make: () => Buffer.alloc(1024 * 1024 + 1),
  },
  {
    what: 'no target',
    says: /the file of its target trusted_root\.json is missing/,
    make: (good) => gzipSync(tarOf(good.filter(({ name }) => !name.startsWith('targets/')))),
  },
];

test.each(BAD)('H8 an archive with $what gives nothing', async ({ make, says }) => {
  const repo = repository();
  const good = entriesOf(repo);
  expect(await outcome(gzipSync(tarOf([...good, { name: 'targets/', type: '5' }])), repo.root)).toBe('good');
  expect(await outcome(make(good), repo.root)).toMatch(says);
});
