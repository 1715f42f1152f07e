import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RootState } from '../../../src/policy/trust-material.ts';
import { PRIVATE_INSTANCE, PUBLIC_GOOD, parseTrustRoot } from '../../../src/sigstore/trust-root.ts';
import { isRefused, verifyEvidence } from '../../../src/sigstore/verify.ts';
import { shippedTrustRoot } from '../../../src/trust/public-good.ts';
import type { TrustRootObserver } from '../../../src/trust/roots/settings.ts';
import { eventually } from '../../kube/eventually.ts';
import { createAuthority, type CertificateAuthority } from '../../support/certificates.ts';
import { bundleEvidence, type TrustedRootJson } from '../../support/fixtures.ts';
import { startTufServer, type TufServer } from '../../support/tuf-server.ts';
import { scratchDirectory } from '../../tls/tls-client.ts';
import {
  FAST,
  fingerprintOf,
  GOOD,
  GOOD_PRINT,
  HOUR,
  keep,
  mirrorOf,
  OTHER,
  OTHER_PRINT,
  repository,
  resource,
  stopAll,
  told,
} from './support.ts';

const SHIPPED_PRINT = fingerprintOf(shippedTrustRoot(), PUBLIC_GOOD);
const ended: (() => Promise<void> | void)[] = [];
const serve = async (...args: Parameters<typeof startTufServer>): Promise<TufServer> => {
  const server = await startTufServer(...args);
  ended.push(() => server.stop());
  return server;
};
const scratch = (): string => {
  const { path, remove } = scratchDirectory();
  ended.push(remove);
  return path;
};
/** Nobody listens there. */
const goneServer = async (): Promise<string> => {
  const server = await serve(new Map());
  await server.stop();
  return server.url;
};
afterEach(async () => {
  await stopAll();
  for (const end of ended.splice(0).toReversed()) await end();
});

describe('public good', () => {
  test('H8 start offline: the shipped root is there at once, has no end, and says why it was not refreshed', async () => {
    const mirror = await goneServer();
    const { keeper } = keep([], { settings: { publicGood: { refresh: true, mirror } } });
    const builtin = (): RootState =>
      keeper.builtin().get('public-good') ?? { kind: 'unavailable', reason: '' };
    expect(builtin()).toMatchObject({
      kind: 'known',
      root: { fingerprint: SHIPPED_PRINT },
      error: undefined,
    });
    await eventually('the refresh failed', () => told(builtin()) !== undefined);
    expect(builtin()).toMatchObject({ kind: 'known', usableUntil: undefined, refreshedAt: undefined });
    expect(told(builtin())).toMatch(
      /^the TUF repository http:\S+ could not be read: its server could not be reached/,
    );
  });

  test('switched off, nothing is asked; a TrustRoot that names a mirror is', async () => {
    const server = await serve(new Map());
    const settings = { publicGood: { refresh: false, mirror: server.url } };
    const own = resource({ kind: 'publicGood', mirror: undefined }, { requires: PUBLIC_GOOD });
    const repo = repository();
    const other = resource(mirrorOf((await serve(repo.files)).url, repo.root), { name: 'other' });
    const { now, keeper, twoMore } = keep([own, other], { settings });
    await twoMore();
    await sleep(200);
    expect(server.requests).toEqual([]);
    expect(now(own)).toMatchObject({ kind: 'known', root: { fingerprint: SHIPPED_PRINT }, error: undefined });
    expect(keeper.builtin().get('public-good')).toEqual(now(own));
    await stopAll();
    const named = resource({ kind: 'publicGood', mirror: `${server.url}/` }, { requires: PUBLIC_GOOD });
    const state = await keep([named], { settings }).says(named, /timestamp\.json is missing/);
    expect(state).toMatchObject({ kind: 'known', root: { fingerprint: SHIPPED_PRINT } });
  });

  test('a TrustRoot of that name replaces it: the instance is not asked then', async () => {
    const repo = repository();
    const own = await serve(repo.files);
    const instance = await serve(new Map());
    const mine = resource(mirrorOf(own.url, repo.root), { name: 'public-good' });
    const { holds } = keep([mine], { settings: { publicGood: { refresh: true, mirror: instance.url } } });
    await holds(mine, GOOD_PRINT);
    expect(instance.requests).toEqual([]);
  });

  test('H8 a repository that others signed does not become the public good instance', async () => {
    const server = await serve(repository().files);
    const settings = { publicGood: { refresh: true, mirror: server.url } };
    const own = resource({ kind: 'publicGood', mirror: server.url }, { requires: PUBLIC_GOOD });
    const state = await keep([own], { settings }).says(own, /timestamp is not signed by as many/);
    expect(state).toMatchObject({ kind: 'known', root: { fingerprint: SHIPPED_PRINT } });
  });
});

test('H8 start offline: a TUF root that was never read is unavailable, and comes when the mirror does', async () => {
  const repo = repository();
  const server = await serve(repo.files);
  server.instead.set('timestamp.json', (response) => response.writeHead(503).end());
  const mine = resource(mirrorOf(server.url, repo.root));
  // However long the pauses have become: while there is none, it is asked for every `soonest`.
  const { says, holds, now } = keep([mine], { timing: { retryFirst: HOUR, retryLast: HOUR, soonest: 300 } });
  expect(now(mine)).toEqual({
    kind: 'unavailable',
    reason: `the TUF repository ${server.url} has not been read yet`,
    isPending: true,
  });
  expect(await says(mine, /answered 503 where timestamp\.json should be/)).toMatchObject({
    kind: 'unavailable',
  });
  server.instead.clear();
  await holds(mine, GOOD_PRINT);
});

function endOf(state: RootState): number | undefined {
  return state.kind === 'known' ? state.usableUntil : undefined;
}

describe('H8 an outage', () => {
  test.each([
    ['a mirror that does not answer', 'unreachable', /could not be reached/],
    ['a frozen mirror', 'frozen', /timestamp has expired/],
  ])('%s: the last good root until its own end, then none, then again', async (_what, how, says) => {
    const repo = repository();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const follower = keep([mine]);
    let changes = 0;
    follower.keeper.onChange(() => (changes += 1));
    await follower.holds(mine, GOOD_PRINT);
    const end = Date.now() + 6000;
    repo.publish({ expires: { timestamp: end } });
    await eventually('that one is used', () => endOf(follower.now(mine)) === end);
    if (how === 'unreachable') server.instead.set('timestamp.json', (response) => response.destroy());
    expect(follower.now(mine)).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT } });
    const before = changes;
    await eventually('it ended', () => follower.now(mine).kind === 'unavailable');
    // And not before.
    expect(Date.now()).toBeGreaterThanOrEqual(end);
    await eventually('who listens was told', () => changes > before);
    const state = await follower.says(mine, says);
    expect(told(state)).toContain(`said last was good until ${new Date(end).toISOString()}`);
    server.instead.clear();
    repo.publish();
    await follower.holds(mine, GOOD_PRINT);
  });
});

test('H10 the end is by the clock of the one who asks: a clock that jumps ahead ends it, and back again does not', async () => {
  const repo = repository();
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root));
  let ahead = 0;
  const follower = keep([mine], { now: () => Date.now() + ahead, timing: { refresh: HOUR } });
  await follower.holds(mine, GOOD_PRINT);
  ahead = 2 * HOUR;
  expect(follower.now(mine)).toMatchObject({ kind: 'unavailable' });
  ahead = -1000 * HOUR;
  expect(follower.now(mine)).toMatchObject({ kind: 'known' });
});

test('H8 rotation of roots and of logs: what was signed under the old ones stays verifiable', async () => {
  const evidence = bundleEvidence(GOOD.signStatement({ digests: [`sha256:${'d1'.repeat(32)}`] }));
  const merged = GOOD.trustedRoot();
  const next: TrustedRootJson = OTHER.trustedRoot();
  for (const part of ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const) {
    (merged[part] as unknown[]).push(...next[part]);
  }
  const repo = repository();
  const server = await serve(repo.files);
  const mine = resource(mirrorOf(server.url, repo.root), { requires: PUBLIC_GOOD });
  const follower = keep([mine]);
  const verifies = (): boolean => {
    const state = follower.now(mine);
    if (state.kind !== 'known') return false;
    return !isRefused(verifyEvidence(evidence, { kind: 'root', root: state.root }));
  };
  await follower.holds(mine, fingerprintOf(GOOD.trustedRootJson, PUBLIC_GOOD));
  expect(verifies()).toBe(true);
  repo.rotate();
  repo.rotate();
  repo.publish({ content: JSON.stringify(merged) });
  await follower.holds(mine, fingerprintOf(JSON.stringify(merged), PUBLIC_GOOD));
  expect(verifies()).toBe(true);
  // Without the old ones it is not: the test would notice.
  repo.publish({ content: OTHER.trustedRootJson });
  await follower.holds(mine, fingerprintOf(OTHER.trustedRootJson, PUBLIC_GOOD));
  expect(verifies()).toBe(false);
});

describe('several TrustRoots', () => {
  test('of one mirror share its requests, and each asks for its own proofs', async () => {
    const repo = repository();
    const server = await serve(repo.files);
    const one = resource(mirrorOf(server.url, repo.root), { name: 'one' });
    const two = resource(mirrorOf(server.url, repo.root), { name: 'two', requires: PUBLIC_GOOD });
    const { holds, keeper } = keep([one, two], { timing: { refresh: HOUR } });
    await holds(one, GOOD_PRINT);
    await holds(two, fingerprintOf(GOOD.trustedRootJson, PUBLIC_GOOD));
    expect(server.requests.filter(({ path }) => path.endsWith('/timestamp.json'))).toHaveLength(1);
    keeper.want([two]);
    await holds(two, fingerprintOf(GOOD.trustedRootJson, PUBLIC_GOOD));
    expect(server.requests.filter(({ path }) => path.endsWith('/timestamp.json'))).toHaveLength(1);
  });

  test('A11 one that asks for what the root cannot give, or whose root is unusable, is unavailable alone', async () => {
    const withoutScts = GOOD.trustedRoot();
    withoutScts.ctlogs = [];
    const content = JSON.stringify(withoutScts);
    const repo = repository({ content });
    const server = await serve(repo.files);
    const one = resource(mirrorOf(server.url, repo.root), { name: 'one' });
    const two = resource(mirrorOf(server.url, repo.root), { name: 'two', requires: PUBLIC_GOOD });
    const { holds, says, keeper } = keep([one, two]);
    await holds(one, fingerprintOf(content));
    expect(await says(two, /requires scts/)).toMatchObject({ kind: 'unavailable' });
    // An interval without a start would be one without bounds: the root before it stays.
    const unbounded = GOOD.trustedRoot();
    delete unbounded.tlogs[0]?.publicKey.validFor.start;
    repo.publish({ content: JSON.stringify(unbounded) });
    expect(await says(one, /target is not a trust root/)).toMatchObject({
      kind: 'known',
      root: { fingerprint: fingerprintOf(content) },
    });
    expect(keeper.state({ ...one, source: undefined })).toMatchObject({ kind: 'unavailable' });
    const inline = parseTrustRoot(GOOD.trustedRoot(), PRIVATE_INSTANCE);
    expect(keeper.state(resource({ kind: 'inline', root: inline }))).toMatchObject({
      kind: 'known',
      root: inline,
    });
  });

  test('one that is removed is asked no more, and forgotten', async () => {
    const repo = repository();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const expiries: [string, number | undefined][] = [];
    const observer: TrustRootObserver = {
      refreshed: () => {},
      expiry: (...news) => void expiries.push(news),
    };
    const { holds, keeper, now } = keep([mine], { observer });
    await holds(mine, GOOD_PRINT);
    keeper.want([]);
    await eventually('nothing is asked any more', async () => {
      const asked = server.requests.length;
      await sleep(300);
      return server.requests.length === asked;
    });
    expect(now(mine)).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('not been read yet'),
    });
    expect(expiries.at(-1)).toEqual(['mine', undefined]);
  });

  test('whoever watches is told of each refresh and of the end', async () => {
    const expires = Date.now() + HOUR;
    const repo = repository({ expires });
    const server = await serve(repo.files);
    const gone = await goneServer();
    const news: string[] = [];
    const observer: TrustRootObserver = {
      refreshed: (name, outcome) => void news.push(`${name} ${outcome}`),
      expiry: (name, until) => void news.push(`${name} ${until}`),
    };
    const good = resource(mirrorOf(server.url, repo.root), { name: 'good' });
    const bad = resource(mirrorOf(gone, repo.root), { name: 'bad' });
    keep([good, bad], {
      observer,
      timing: { refresh: HOUR, retryFirst: HOUR, retryLast: HOUR, soonest: HOUR },
    });
    await eventually('both were news', () => news.length === 3);
    expect(news.toSorted()).toEqual(['bad error', `good ${expires}`, 'good ok']);
  });
});

describe('a cache directory', () => {
  const cached = (path: string): string => {
    const [name, ...rest] = readdirSync(path);
    expect(rest).toEqual([]);
    return join(path, name ?? '');
  };

  test('H8 a start without network goes on with what was verified before, and with its end', async () => {
    const expires = Date.now() + HOUR;
    const cacheDirectory = join(scratch(), 'made by us');
    const repo = repository({ expires });
    repo.rotate();
    repo.publish();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const first = keep([mine], { settings: { cacheDirectory } });
    await first.holds(mine, GOOD_PRINT);
    await first.stop();
    await server.stop();
    const second = keep([mine], { settings: { cacheDirectory } });
    const state = await second.says(mine, /could not be reached/);
    expect(state).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT }, usableUntil: expires });
    // Without it there is nothing to go on with.
    expect(await keep([mine]).says(mine, /could not be reached/)).toMatchObject({ kind: 'unavailable' });
  });

  test('H8 a rollback is seen over a restart, also of the roots', async () => {
    const cacheDirectory = scratch();
    const repo = repository({ content: OTHER.trustedRootJson });
    const old = repo.copy();
    repo.rotate();
    repo.publish({ content: GOOD.trustedRootJson });
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const first = keep([mine], { settings: { cacheDirectory } });
    await first.holds(mine, GOOD_PRINT);
    await first.stop();
    server.files = old;
    const state = await keep([mine], { settings: { cacheDirectory } }).says(mine, /timestamp/);
    expect(state).toMatchObject({ kind: 'known', root: { fingerprint: GOOD_PRINT } });
    await keep([mine]).holds(mine, OTHER_PRINT);
  });

  test.each<[string, (text: string) => string]>([
    ['is cut off', (text) => text.slice(0, -10)],
    ['is empty', () => ''],
    ['is another document', () => '{"format":1}'],
    [
      'holds another target',
      (text) => changed(text, (json) => (json['target'] = base64(OTHER.trustedRootJson))),
    ],
    [
      'holds metadata of a stranger',
      (text) =>
        changed(text, (json) => {
          const strangers = repository({ name: 'strangers', content: OTHER.trustedRootJson });
          json['metadata'] = Object.fromEntries(
            ['timestamp', 'snapshot', 'targets'].map((role) => [
              `${role}.json`,
              base64(strangers.files.get(role === 'timestamp' ? 'timestamp.json' : `1.${role}.json`) ?? ''),
            ]),
          );
          json['target'] = base64(OTHER.trustedRootJson);
        }),
    ],
    [
      'holds a root of a stranger',
      (text) => changed(text, (json) => (json['roots'] = [base64(strangerRoot())])),
    ],
    ['holds a root that is no JSON', (text) => changed(text, (json) => (json['roots'] = [base64('{')]))],
    [
      'holds a root that takes minutes to parse',
      (text) => changed(text, (json) => (json['roots'] = [base64(wideMetadata('root'))])),
    ],
    [
      'holds a snapshot that takes minutes to parse',
      (text) =>
        changed(text, (json) => {
          (json['metadata'] as Record<string, string>)['snapshot.json'] = base64(wideMetadata('snapshot'));
        }),
    ],
    [
      'holds a file outside of it',
      (text) =>
        changed(text, (json) => ((json['metadata'] as Record<string, string>)['../../x.json'] = base64('x'))),
    ],
  ])('H8 a cache that %s is not believed, and does no lasting harm', async (what, tamper) => {
    const cacheDirectory = scratch();
    const repo = repository();
    repo.rotate();
    repo.publish();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const offline = async (): Promise<string> => {
      const url = server.url;
      server.instead.set('timestamp.json', (response) => response.writeHead(500).end());
      server.instead.set('2.root.json', (response) => response.writeHead(500).end());
      server.instead.set('3.root.json', (response) => response.writeHead(500).end());
      const start = keep([resource(mirrorOf(url, repo.root))], { settings: { cacheDirectory } });
      const state = await start.says(mine, /answered 500/);
      await start.stop();
      server.instead.clear();
      return state.kind === 'known' ? state.root.fingerprint : state.kind;
    };
    const first = keep([mine], { settings: { cacheDirectory }, timing: { refresh: HOUR } });
    await first.holds(mine, GOOD_PRINT);
    await eventually('it was kept', () => readdirSync(cacheDirectory).some((name) => name.endsWith('.json')));
    await first.stop();
    const good = readFileSync(cached(cacheDirectory), 'utf8');
    expect(await offline()).toBe(GOOD_PRINT);
    writeFileSync(cached(cacheDirectory), tamper(good));
    // Metadata that was kept beside what is used is not looked at.
    expect(await offline()).toBe(what.includes('outside') ? GOOD_PRINT : 'unavailable');
    await keep([mine], { settings: { cacheDirectory } }).holds(mine, GOOD_PRINT);
  });

  test('that cannot be written does not matter', async () => {
    const file = join(scratch(), 'a file');
    writeFileSync(file, '');
    const repo = repository();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    for (const cacheDirectory of [join(file, 'x'), '/proc/nothing/here']) {
      const state = await keep([mine], { settings: { cacheDirectory } }).holds(mine, GOOD_PRINT);
      expect(state).toMatchObject({ kind: 'known' });
    }
  });

  test('holds no rest of a refresh, and is for this user alone', async () => {
    const cacheDirectory = scratch();
    const repo = repository();
    const server = await serve(repo.files);
    const mine = resource(mirrorOf(server.url, repo.root));
    const start = keep([mine], { settings: { cacheDirectory } });
    await start.holds(mine, GOOD_PRINT);
    await start.stop();
    expect(readdirSync(cacheDirectory)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.json$/)]);
    expect(statSync(cached(cacheDirectory)).mode & 0o777).toBe(0o600);
  });
});

describe('D9 the way to a mirror', () => {
  let authority: CertificateAuthority;
  beforeAll(() => {
    authority = createAuthority('mirrors');
  });

  test('is https with a CA of its own; without it, or with a certificate for another, it is not trusted', async () => {
    const repo = repository();
    const caFile = join(scratch(), 'ca.crt');
    writeFileSync(caFile, authority.certPem);
    const good = await serve(repo.files, authority.issue({ commonName: 'mirror', names: ['127.0.0.1'] }));
    const mine = resource(mirrorOf(good.url, repo.root));
    const trusted = await keep([mine], { settings: { caFile } }).holds(mine, GOOD_PRINT);
    expect(trusted).toMatchObject({ kind: 'known' });
    const untrusted = await keep([mine]).says(
      mine,
      /could not be trusted over TLS \(\w+\); check its certificate/,
    );
    expect(untrusted).toMatchObject({ kind: 'unavailable' });
    const wrong = await serve(
      repo.files,
      authority.issue({ commonName: 'mirror', names: ['other.example.com'] }),
    );
    const theirs = resource(mirrorOf(wrong.url, repo.root));
    await keep([theirs], { settings: { caFile } }).says(theirs, /could not be trusted over TLS/);
    const lapsed = await serve(
      repo.files,
      authority.issue({
        commonName: 'mirror',
        names: ['127.0.0.1'],
        notBefore: 0,
        notAfter: Date.now() - HOUR,
      }),
    );
    const old = resource(mirrorOf(lapsed.url, repo.root));
    await keep([old], { settings: { caFile } }).says(
      old,
      /could not be trusted over TLS \(CERT_HAS_EXPIRED\)/,
    );
  });

  test('leads through the proxy that the settings name, and through none that only the environment names', async () => {
    const repo = repository();
    const caFile = join(scratch(), 'ca.crt');
    writeFileSync(caFile, authority.certPem);
    const server = await serve(repo.files, authority.issue({ commonName: 'mirror', names: ['127.0.0.1'] }));
    const mine = resource(mirrorOf(server.url, repo.root));
    const proxy = await startProxy();
    ended.push(proxy.stop);
    const through = keep([mine], { settings: { caFile, proxy: { https: proxy.url } } });
    expect(await through.holds(mine, GOOD_PRINT)).toMatchObject({ kind: 'known' });
    expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(server.url).host]));
    await through.stop();
    const tunnels = proxy.tunnels.length;
    const around = keep([mine], { settings: { caFile, proxy: { https: proxy.url, no: '127.0.0.1' } } });
    await around.holds(mine, GOOD_PRINT);
    const before = process.env['HTTPS_PROXY'];
    process.env['HTTPS_PROXY'] = proxy.url;
    try {
      const without = keep([mine], { settings: { caFile, proxy: { http: proxy.url } } });
      expect(await without.holds(mine, GOOD_PRINT)).toMatchObject({ kind: 'known' });
    } finally {
      if (before === undefined) delete process.env['HTTPS_PROXY'];
      else process.env['HTTPS_PROXY'] = before;
    }
    expect(proxy.tunnels.length).toBe(tunnels);
  });

  test.each([
    ['http://tuf.example.com/', /is not https; for plain http/],
    ['http://127.0.0.1.example.com/', /is not https/],
    ['ftp://tuf.example.com/', /is not https/],
    ['https://user:secret@tuf.example.com/', /has a user, a query or a fragment/],
    ['https://user@tuf.example.com/', /has a user, a query or a fragment/],
    ['https://tuf.example.com/?x=y', /has a user, a query or a fragment/],
    ['nowhere', /is not a URL/],
  ])('%s is not asked', async (url, says) => {
    const mine = resource(mirrorOf(url, repository().root));
    expect(await keep([mine]).says(mine, says)).toMatchObject({ kind: 'unavailable' });
  });

  test('is plain http where the settings list host and port', async () => {
    const mine = resource(mirrorOf('http://tuf.invalid:8080/', repository().root));
    expect(await keep([mine]).says(mine, /is not https/)).toMatchObject({ kind: 'unavailable' });
    await keep([mine], { settings: { plainHttpHosts: ['tuf.invalid:8080'] } }).says(mine, /does not resolve/);
    await keep([mine], { settings: { plainHttpHosts: ['tuf.invalid'] } }).says(mine, /is not https/);
  });
});

test('a keeper that is stopped leaves nothing behind, also in the middle of a slow answer', async () => {
  const repo = repository();
  const server = await serve(repo.files);
  server.instead.set('timestamp.json', () => {});
  const mine = resource(mirrorOf(server.url, repo.root));
  const { stop } = keep([mine], { timing: { ...FAST, timeout: 60_000 } });
  await eventually('it was asked', () => server.requests.some(({ path }) => path.endsWith('timestamp.json')));
  const started = performance.now();
  await stop();
  expect(performance.now() - started).toBeLessThan(30_000);
});

/** A forward proxy that makes tunnels, and says where to. */
async function startProxy(): Promise<{ url: string; tunnels: string[]; stop: () => Promise<void> }> {
  const tunnels: string[] = [];
  const sockets = new Set<Duplex>();
  const proxy = createServer();
  proxy.on('connect', (request, client) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    tunnels.push(request.url ?? '');
    const target = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  };
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, tunnels, stop };
}

function changed(text: string, change: (json: Record<string, unknown>) => void): string {
  const json = JSON.parse(text) as Record<string, unknown>;
  change(json);
  return JSON.stringify(json);
}

/** Of little bytes and many parts: a client that builds one object out of another for each needs their square. */
function wideMetadata(type: 'root' | 'snapshot'): string {
  const parts = (value: unknown) =>
    Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`p${i}`, value]));
  const content =
    type === 'root'
      ? { keys: parts({ keytype: '', scheme: '', keyval: {} }), roles: {}, consistent_snapshot: true }
      : { meta: parts({ version: 1 }) };
  const common = { _type: type, spec_version: '1.0.31', version: 2, expires: '2100-01-01T00:00:00Z' };
  return JSON.stringify({ signatures: [], signed: { ...common, ...content } });
}

function strangerRoot(): string {
  const strangers = repository({ name: 'strangers' });
  strangers.rotate();
  return strangers.files.get('2.root.json')?.toString() ?? '';
}

function base64(text: string | Buffer): string {
  return Buffer.from(text).toString('base64');
}
