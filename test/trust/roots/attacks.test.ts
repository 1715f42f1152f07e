import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { eventually } from '../../kube/eventually.ts';
import { startTufServer, type TufServer } from '../../support/tuf-server.ts';
import { tufKey, type Signed, type TufRepository } from '../../support/tuf-repository.ts';
import {
  GOOD_PRINT,
  HOUR,
  keep,
  mirrorOf,
  OTHER,
  OTHER_PRINT,
  repository,
  resource,
  stopAll,
} from './support.ts';

const servers: TufServer[] = [];
async function serve(files: ReadonlyMap<string, Buffer>): Promise<TufServer> {
  const server = await startTufServer(files);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await stopAll();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const CONTENT = OTHER.trustedRootJson;
const past = Date.now() - HOUR;
const stranger = tufKey('a stranger');
const meta = (signed: Signed, name: string): Record<string, unknown> =>
  (signed['meta'] as Record<string, Record<string, unknown>>)[name] ?? {};
const target = (signed: Signed): { length: number; hashes: Record<string, string> } =>
  Object.values(
    signed['targets'] as Record<string, { length: number; hashes: Record<string, string> }>,
  )[0] ?? {
    length: 0,
    hashes: {},
  };

interface Attack {
  readonly what: string;
  /** Makes the repository, which is good and wants to say something else now, bad in one way. */
  readonly mutate: (repo: TufRepository, server: TufServer) => void;
  readonly says: RegExp;
  /** Only who has seen something newer can tell. */
  readonly onlyAgainstMemory?: boolean;
}

const publishes = (
  what: string,
  says: RegExp,
  publication: Parameters<TufRepository['publish']>[0],
): Attack => ({
  what,
  says,
  mutate: (repo) => repo.publish({ content: CONTENT, ...publication }),
});
const answers = (
  what: string,
  says: RegExp,
  path: string,
  answer: (response: ServerResponse) => void,
): Attack => ({
  what,
  says,
  mutate: (repo, server) => {
    repo.publish({ content: CONTENT });
    server.instead.set(path === 'target' ? repo.targetPath : path, answer);
  },
});

const ATTACKS: readonly Attack[] = [
  publishes('an expired timestamp', /timestamp has expired/, { expires: { timestamp: past } }),
  publishes('an expired snapshot', /snapshot has expired/, { expires: { snapshot: past } }),
  publishes('expired targets', /targets has expired/, { expires: { targets: past } }),
  {
    what: 'an expired root',
    says: /root has expired/,
    mutate: (repo) => {
      repo.rotate({ expires: past });
      repo.publish({ content: CONTENT });
    },
  },
  publishes('a timestamp of a stranger', /timestamp is not signed by as many/, {
    signers: { timestamp: [stranger] },
  }),
  publishes('a snapshot of a stranger', /snapshot is not signed by as many/, {
    signers: { snapshot: [stranger] },
  }),
  {
    what: 'targets that one of two keys signed',
    says: /targets is not signed by as many/,
    mutate: (repo) => repo.publish({ content: CONTENT, signers: { targets: repo.keys.targets.slice(0, 1) } }),
  },
  {
    what: 'a new root that one of two old keys signed',
    says: /root is not signed by as many/,
    mutate: (repo) => {
      repo.rotate({ signers: repo.keys.root.slice(0, 1) });
      repo.publish({ content: CONTENT });
    },
  },
  {
    what: 'a new root that only its own keys signed',
    says: /root is not signed by as many/,
    mutate: (repo) => {
      const own = [tufKey('own a'), tufKey('own b')];
      repo.rotate({ keys: { ...repo.keys, root: own }, signers: own });
      repo.publish({ content: CONTENT });
    },
  },
  {
    what: 'a new root that its own keys did not sign',
    says: /root is not signed by as many/,
    mutate: (repo) => {
      repo.rotate({ keys: { ...repo.keys, root: [stranger] }, signers: repo.keys.root });
      repo.publish({ content: CONTENT });
    },
  },
  {
    what: 'a threshold of 0',
    says: /metadata cannot be read/,
    mutate: (repo) => {
      repo.rotate({
        change: (signed) => {
          (signed['roles'] as Record<string, object>)['targets'] = {
            threshold: 0,
            keyids: [],
          };
        },
      });
      repo.publish({ content: CONTENT });
    },
  },
  {
    what: 'a root that is skipped',
    says: /signed by as many/,
    mutate: (repo) => {
      repo.rotate();
      repo.rotate();
      repo.publish({ content: CONTENT });
      repo.files.delete('2.root.json');
    },
  },
  {
    what: 'roots in the wrong order',
    says: /root is not signed by as many|do not follow each other/,
    mutate: (repo) => {
      repo.rotate({ keys: { ...repo.keys } });
      repo.rotate({ keys: { ...repo.keys } });
      repo.publish({ content: CONTENT });
      repo.files.set('2.root.json', repo.files.get('3.root.json') ?? Buffer.alloc(0));
    },
  },
  {
    ...publishes('a snapshot older than one that was seen', /snapshot is older than/, {
      change: { timestamp: (signed) => Object.assign(meta(signed, 'snapshot.json'), { version: 1 }) },
    }),
    onlyAgainstMemory: true,
  },
  {
    ...publishes('targets older than those that were seen', /targets is older than/, {
      change: { snapshot: (signed) => Object.assign(meta(signed, 'targets.json'), { version: 1 }) },
    }),
    onlyAgainstMemory: true,
  },
  publishes('a snapshot without the targets', /targets is older than|cannot be read/, {
    change: { snapshot: (signed) => void (signed['meta'] = {}) },
  }),
  publishes('another hash of the target', /is missing|length and hash/, {
    change: { targets: (signed) => Object.assign(target(signed).hashes, { sha256: 'ab'.repeat(32) }) },
  }),
  publishes('a longer length of the target', /length and hash/, {
    change: { targets: (signed) => void (target(signed).length += 1) },
  }),
  publishes('a shorter length of the target', /longer than \d+ bytes/, {
    change: { targets: (signed) => void (target(signed).length -= 1) },
  }),
  publishes('a target without a hash', /no SHA-256 or SHA-512/, {
    change: { targets: (signed) => void (target(signed).hashes = {}) },
  }),
  publishes('a hash that is a path', /no SHA-256 or SHA-512/, {
    change: { targets: (signed) => void (target(signed).hashes = { sha256: '../../x' }) },
  }),
  publishes('a target of two megabytes', /longer than 1048576 bytes/, {
    content: `${CONTENT}${' '.repeat(2 * 1024 * 1024)}`,
  }),
  publishes('a target that is no trust root', /target is not a trust root/, {
    content: '{"mediaType":"text/plain"}',
  }),
  publishes('no such target', /no target named trusted_root\.json/, {
    change: { targets: (signed) => void (signed['targets'] = {}) },
  }),
  answers('another file as the target', /length and hash/, 'target', (response) =>
    response.end(Buffer.alloc(Buffer.byteLength(CONTENT), 0x20)),
  ),
  answers('a target that is cut off', /length and hash/, 'target', (response) =>
    response.end(CONTENT.slice(1)),
  ),
  answers('half a JSON', /timestamp\.json is not TUF metadata/, 'timestamp.json', (response) =>
    response.end('{'),
  ),
  answers('a key twice', /timestamp\.json is not TUF metadata/, 'timestamp.json', (response) =>
    response.end('{"signed":{},"signed":{},"signatures":[]}'),
  ),
  answers('an empty file', /timestamp\.json is not TUF metadata/, 'timestamp.json', (response) =>
    response.end(),
  ),
  answers('a file of many small parts', /timestamp\.json is not TUF metadata/, 'timestamp.json', (response) =>
    response.end(`{"signed":{},"signatures":[${'{},'.repeat(4000)}{}]}`),
  ),
  answers('a root of many small parts', /root\.json is not TUF metadata/, '2.root.json', (response) =>
    response.end(`{"signed":{},"signatures":[${'{},'.repeat(4000)}{}]}`),
  ),
  answers('an endless timestamp', /timestamp\.json is longer than/, 'timestamp.json', endless),
  answers('an endless root', /root\.json is longer than/, '2.root.json', endless),
  answers('an endless target', /trusted_root\.json is longer than/, 'target', endless),
  answers('a timestamp that never ends to come', /in time/, 'timestamp.json', (response) => {
    response.writeHead(200);
    response.write('{');
  }),
  answers('a server that says nothing', /in time/, 'timestamp.json', () => {}),
  answers('a server that hangs up', /could not be reached \(\w+\)/, 'timestamp.json', (response) =>
    response.destroy(),
  ),
  answers('a server with a problem', /answered 500/, 'timestamp.json', (response) =>
    response.writeHead(500).end(),
  ),
  answers('a redirect', /answered 302/, 'timestamp.json', (response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:1/timestamp.json' }).end(),
  ),
  answers('a compressed answer', /compressed/, 'timestamp.json', (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
  ),
  answers('no snapshot', /3\.snapshot\.json is missing/, '3.snapshot.json', (response) =>
    response.writeHead(404).end(),
  ),
  answers(
    'targets that are half a JSON',
    /3\.targets\.json is not TUF metadata/,
    '3.targets.json',
    (response) => response.end('{'),
  ),
  answers('no timestamp', /timestamp\.json is missing/, 'timestamp.json', (response) =>
    response.writeHead(404).end(),
  ),
];

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  response.writeHead(200);
  more();
}

test.each(ATTACKS)(
  'H8 $what: the root before it stays; without one there is none',
  async ({ mutate, says, onlyAgainstMemory }) => {
    const repo = repository();
    repo.publish();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const follower = keep([mine], { timing: { timeout: 3_000 } });
    await follower.holds(mine, GOOD_PRINT);
    // Nobody sees half of what is published.
    server.files = repo.copy();
    mutate(repo, server);
    server.files = repo.files;
    await follower.twoMore();
    const state = await follower.says(mine, says);
    expect(state).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT } });
    const first = keep([mine], { timing: { timeout: 3_000 } });
    if (onlyAgainstMemory === true) await first.holds(mine, GOOD_PRINT);
    else expect(await first.says(mine, /could not be read/)).toMatchObject({ kind: 'unavailable' });
  },
);

test('H8 the same publication without a mutation is taken', async () => {
  const repo = repository();
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  const follower = keep([mine]);
  await follower.holds(mine, GOOD_PRINT);
  repo.publish({ content: CONTENT });
  expect(await follower.holds(mine, OTHER_PRINT)).toMatchObject({ kind: 'known' });
});

test('H8 rollback: a mirror that goes back to an older, well signed state is not followed', async () => {
  const repo = repository({ content: CONTENT });
  const old = repo.copy();
  repo.publish({ content: repository().files.get(repository().targetPath)?.toString() ?? '' });
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  const follower = keep([mine]);
  await follower.holds(mine, GOOD_PRINT);
  server.files = old;
  await follower.twoMore();
  const state = await follower.says(mine, /timestamp is older than one that was seen/);
  expect(state).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT } });
  server.files = repo.files;
  await follower.holds(mine, GOOD_PRINT);
  // What docs/trust-roots.md says of a start without a cache.
  server.files = old;
  await keep([mine]).holds(mine, OTHER_PRINT);
});

test('H8 a root that took keys away is not forgotten when the mirror hides it', async () => {
  const repo = repository();
  const oldKeys = repo.keys;
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  const follower = keep([mine]);
  await follower.holds(mine, GOOD_PRINT);
  repo.rotate();
  repo.publish();
  const seen = () => server.requests.filter(({ path }) => path.endsWith('/3.root.json')).length;
  await eventually('the second root was used', () => seen() > 1);
  await follower.holds(mine, GOOD_PRINT);
  // Whoever stole the old keys signs with them, in versions that are newer than all.
  repo.publish({ content: CONTENT, signers: oldKeys });
  const files = repo.copy();
  files.delete('2.root.json');
  server.files = files;
  await follower.twoMore();
  const state = await follower.says(mine, /timestamp is not signed by as many/);
  expect(state).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT } });
  // Who never saw the second root has nothing to tell it by.
  await keep([mine]).holds(mine, OTHER_PRINT);
});

test.each(['../x', '/x', 'a/b', '..', '', 'x?y', 'x%2fy', 'x\\y'])(
  'H8 a target named %j is never asked for',
  async (name) => {
    const repo = repository();
    repo.publish({ others: { [name]: CONTENT } });
    const server = await serve(repo.files);
    const good = resource(mirrorOf(server.url, repo.root));
    const bad = resource(mirrorOf(server.url, repo.root, name), { name: 'bad' });
    const follower = keep([good, bad]);
    // Beside others, such a name does no harm.
    await follower.holds(good, GOOD_PRINT);
    expect(await follower.says(bad, /name of its target/)).toMatchObject({ kind: 'unavailable' });
    expect(server.requests.every(({ path }) => path.startsWith('/repository/'))).toBe(true);
  },
);

test('H8 root rotation: 256 roots are followed, one more is not', async () => {
  const repo = repository();
  for (let i = 0; i < 256; i++) repo.rotate();
  repo.publish();
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  expect(await keep([mine]).holds(mine, GOOD_PRINT)).toMatchObject({ kind: 'known' });
  await stopAll();
  repo.rotate();
  repo.publish();
  const state = await keep([mine]).says(mine, /more than 256 roots/);
  expect(state).toMatchObject({ kind: 'unavailable' });
});

test('D8 a mirror is sent no credentials, and no redirect is followed', async () => {
  const elsewhere = await serve(repository().files);
  const repo = repository();
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  const follower = keep([mine]);
  await follower.holds(mine, GOOD_PRINT);
  server.instead.set('timestamp.json', (response) =>
    response.writeHead(307, { location: `${elsewhere.url}/timestamp.json` }).end(),
  );
  await follower.says(mine, /answered 307/);
  expect(elsewhere.requests).toEqual([]);
  const sent = new Set(server.requests.flatMap(({ headers }) => Object.keys(headers)));
  expect([...sent].sort()).toEqual(['accept-encoding', 'connection', 'host', 'user-agent']);
});
