import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { historyRoutes } from '../../src/admin/routes/history.ts';
import { Assessments } from '../../src/admin/assessments.ts';
import { verifyRoutes } from '../../src/admin/routes/verify.ts';
import { Turnstile } from '../../src/admin/turnstile.ts';
import type { Stats, VerificationPage } from '../../src/admin/schemas/history.ts';
import { HistoryError } from '../../src/history/database.ts';
import type { History } from '../../src/history/history.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { open, sqliteGrounds, Told } from '../history/support.ts';
import { eventually } from '../kube/eventually.ts';
import { built, decision, excepted, faulted, image, verified, violated } from '../observe/decision.ts';
import { admin, bodyOf, call, caller, document, Ground } from './questions.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const MINUTE = 60_000;
const grounds = sqliteGrounds();
let history: History | undefined;
afterEach(async () => {
  await history?.stop(5_000);
  history = undefined;
});
afterAll(() => grounds.stop());

/** A history with these reviews, the last of them now and each a minute after the one before it. */
async function kept(...reviews: readonly Decision[]) {
  let now = NOW - (reviews.length - 1) * MINUTE;
  const told = new Told();
  const own = open(await grounds.fresh(), told, { now: () => now });
  history = own;
  for (const each of reviews) {
    own.decided(each, 1.5);
    now += MINUTE;
  }
  const rows = reviews.flatMap(({ images }) => images.flatMap(({ verdicts }) => verdicts)).length;
  await eventually('everything is written', () => told.rows === rows);
  return { own, told, routes: historyRoutes({ history: own.reader, now: () => NOW + 1 }) };
}

const good = (name: string, changes: Partial<Decision> = {}) =>
  decision({ images: [image([verified()], name)], ...changes });
const bad = (name: string, changes: Partial<Decision> = {}) =>
  decision({ allowed: false, images: [image([violated()], name)], ...changes });
const broken = (name: string, changes: Partial<Decision> = {}) =>
  decision({ allowed: false, images: [image([faulted()], name)], ...changes });
const inNamespace = (namespace: string) => ({ object: { kind: 'Pod', namespace, name: 'server' } });

type Query = Readonly<Record<string, string>>;

describe('what was verified', () => {
  test('newest first, a page at a time, each row whole', async () => {
    const { routes } = await kept(
      good('ghcr.io/a:v1'),
      bad('ghcr.io/b:v1'),
      good('ghcr.io/c:v1', { uid: 'u-3' }),
    );
    const page = async (query: Query) =>
      bodyOf<VerificationPage>(await call(routes, 'listVerifications', { query }));
    const first = await page({ limit: '2' });
    expect(first.items.map(({ image: name }) => name)).toEqual(['ghcr.io/c:v1', 'ghcr.io/b:v1']);
    expect(first.items[0]).toMatchObject({
      assessmentId: 'u-3',
      time: '2026-11-29T12:00:00.000Z',
      private: false,
    });
    expect(first.items[1]).toMatchObject({
      verdict: 'violated',
      decision: 'denied',
      code: 'SIGNATURE_MISSING',
      signatureFound: false,
    });
    const second = await page({ limit: '2', cursor: first.next ?? '' });
    expect([second.items.map(({ image: name }) => name), second.next]).toEqual([['ghcr.io/a:v1'], undefined]);
  });

  test('every filter finds what it names, and nothing else', async () => {
    const digest = `sha256:${'c'.repeat(64)}`;
    const special = decision({
      uid: 'u-special',
      images: [{ ...image([excepted(violated())], 'ghcr.io/special/app:v1'), digest }],
      ...inNamespace('special'),
    });
    const { routes } = await kept(good('ghcr.io/a:v1'), special, good('ghcr.io/b:v1'));
    const images = async (query: Query) =>
      bodyOf<VerificationPage>(await call(routes, 'listVerifications', { query })).items.map(
        ({ image: name }) => name,
      );
    const only = ['ghcr.io/special/app:v1'];
    expect(await images({ image: 'special/app' })).toEqual(only);
    expect(await images({ image: 'ghcr.io/special/app:v1', imageMatch: 'whole' })).toEqual(only);
    expect(await images({ image: 'ghcr.io/sp', imageMatch: 'beginning' })).toEqual(only);
    expect(await images({ digest })).toEqual(only);
    expect(await images({ verdict: 'violated' })).toEqual(only);
    expect(await images({ namespace: 'special' })).toEqual(only);
    expect(await images({ assessmentId: 'u-special' })).toEqual(only);
    expect(await images({ from: '2026-11-29T11:59:00Z', until: '2026-11-29T12:00:00Z' })).toEqual(only);
    expect(await images({ from: '2026-11-29T13:59:00+02:00', until: '2026-11-29T14:00:00+02:00' })).toEqual(
      only,
    );
    expect(await images({ policy: 'SigningPolicy/mcp/servers' })).toHaveLength(3);
    expect(await images({ policy: 'ClusterSigningPolicy/none' })).toEqual([]);
    const rows = bodyOf<VerificationPage>(
      await call(routes, 'listVerifications', { query: { namespace: 'special' } }),
    );
    expect(rows.items[0]).toMatchObject({ exception: 'incident-1' });
  });

  test('by signer: the name of a TrustedSigner, or an identity', async () => {
    const by = (entry: string, identity: string) => {
      const signers = [{ entry, identity, issuer: undefined, signedAt: undefined }];
      return { ...verified(), outcome: { kind: 'verified' as const, signers, warnings: [] } };
    };
    const key = `sha256:${'f'.repeat(64)}`;
    const { routes } = await kept(
      decision({ images: [image([by('TrustedSigner "ci"', key)], 'ghcr.io/ci:v1')] }),
      decision({ images: [image([by('TrustedSigner "ci-2"', `${key}0`)], 'ghcr.io/other:v1')] }),
    );
    for (const signer of ['ci', key]) {
      const answer = await call(routes, 'listVerifications', { query: { signer } });
      expect(bodyOf<VerificationPage>(answer).items.map(({ image: name }) => name)).toEqual([
        'ghcr.io/ci:v1',
      ]);
    }
  });

  test.each([
    [{ from: 'yesterday' }, 'from'],
    [{ until: '2026' }, 'until'],
    [{ from: '2026-11-29' }, 'from'],
  ])('G5: %j is no time', async (query, field) => {
    const { routes } = await kept(good('ghcr.io/a:v1'));
    expect(await call(routes, 'listVerifications', { query })).toMatchObject({
      status: 400,
      errors: [{ field }],
    });
  });

  const DIGEST = `sha256:${'a'.repeat(64)}`;
  test.each<[string, Query, string, Query]>([
    ['listVerifications', { limit: '' }, 'limit', { limit: '500' }],
    ['listVerifications', { limit: '501' }, 'limit', { limit: '1' }],
    ['listVerifications', { limit: '0x10' }, 'limit', { limit: '16' }],
    ['listVerifications', { limit: '1e1' }, 'limit', { limit: '10' }],
    ['listVerifications', { limit: ' 5' }, 'limit', { limit: '5' }],
    ['listVerifications', { limit: '5.0' }, 'limit', { limit: '5' }],
    ['listVerifications', { limit: '-1' }, 'limit', {}],
    ['listVerifications', { imageMatch: 'WHOLE' }, 'imageMatch', { imageMatch: 'whole' }],
    ['listVerifications', { verdict: 'verified,faulted' }, 'verdict', { verdict: 'verified' }],
    ['listVerifications', { namespace: 'MCP' }, 'namespace', { namespace: 'mcp' }],
    ['listVerifications', { namespace: '' }, 'namespace', { namespace: 'mcp' }],
    ['listVerifications', { digest: 'a'.repeat(64) }, 'digest', { digest: DIGEST }],
    ['listVerifications', { digest: DIGEST.slice(0, 20) }, 'digest', { digest: DIGEST }],
    ['listVerifications', { policy: 'servers' }, 'policy', { policy: 'ClusterSigningPolicy/servers' }],
    ['listVerifications', { policy: 'SigningPolicy/a' }, 'policy', { policy: 'SigningPolicy/a/b' }],
    ['listVerifications', { image: '' }, 'image', { image: 'a' }],
    ['listVerifications', { until: '' }, 'until', { until: '2026-11-29T12:00:00Z' }],
    ['listVerifications', { from: '2026-11-28T24:00:00Z' }, 'from', { from: '2026-11-29T00:00:00Z' }],
    ['listVerifications', { form: '2026-11-29T00:00:00Z' }, 'form', {}],
    [
      'listVerifications',
      { from: '2026-11-29T12:00:00Z', until: '2026-11-29T12:00:00Z' },
      'until',
      { from: '2026-11-29T12:00:00Z', until: '2026-11-29T12:00:01Z' },
    ],
    ['exportVerifications', { format: 'xml' }, 'format', { format: 'csv' }],
    ['exportVerifications', { rows: '1_000' }, 'rows', { rows: '1000' }],
    ['exportVerifications', { limit: '5' }, 'limit', {}],
    ['getStatistics', { bucketSeconds: '3.6e3' }, 'bucketSeconds', { bucketSeconds: '3600' }],
    ['getStatistics', { bucketSeconds: '301' }, 'bucketSeconds', { bucketSeconds: '300' }],
    [
      'getStatistics',
      { from: '2026-11-29T12:00:00Z', until: '2026-11-28T12:00:00Z' },
      'until',
      { from: '2026-11-28T12:00:00Z', until: '2026-11-29T12:00:00Z' },
    ],
  ])('%s: %j cannot be read, and is not left out', async (operation, query, field, twin) => {
    const { routes } = await kept(good('ghcr.io/a:v1'));
    expect((await call(routes, operation, { query: twin })).status).toBe(200);
    // That it is 400 over HTTP, api.test.ts shows.
    expect(await call(routes, operation, { query })).toMatchObject({ errors: [{ field }] });
  });

  test('G5: a cursor that was changed is refused: base64 alone would read it', async () => {
    const { routes } = await kept(good('ghcr.io/a:v1'), good('ghcr.io/b:v1'));
    const page = async (cursor?: string) =>
      call(routes, 'listVerifications', { query: { limit: '1', ...(cursor !== undefined && { cursor }) } });
    const next = bodyOf<VerificationPage>(await page()).next ?? '';
    expect((await page(next)).status).toBe(200);
    for (const cursor of [`${next}!`, `${next}=`, ` ${next}`, `${next.slice(0, 2)}.${next.slice(2)}`, ''])
      expect(await page(cursor)).toMatchObject({ status: 400 });
  });

  test('G5: a cursor that no page came with is refused', async () => {
    const { routes } = await kept(good('ghcr.io/a:v1'));
    expect(await call(routes, 'listVerifications', { query: { cursor: "1' or 1=1" } })).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
  });

  test('G2: in the cluster, or in the one namespace that may be seen', async () => {
    const { routes } = await kept(good('ghcr.io/a:v1'), good('ghcr.io/b:v1', inNamespace('other')));
    const ask = (rights: readonly string[], query: Query, operation = 'listVerifications') =>
      call(routes, operation, { as: caller('jane', ...rights), query });
    for (const operation of ['listVerifications', 'exportVerifications']) {
      expect(await ask([], {}, operation)).toMatchObject({ status: 403 });
      expect(await ask(['list verifications mcp'], {}, operation)).toMatchObject({ status: 403 });
      expect(await ask(['list verifications mcp'], { namespace: 'other' }, operation)).toMatchObject({
        status: 403,
      });
      expect(await ask(['create pods mcp'], { namespace: 'mcp' }, operation)).toMatchObject({ status: 403 });
      expect(await ask(['list verifications mcp'], { namespace: 'mcp' }, operation)).toMatchObject({
        status: 200,
      });
      expect(await ask(['list verifications'], {}, operation)).toMatchObject({ status: 200 });
    }
    // Counts are those of the whole cluster.
    expect(await ask(['list verifications mcp'], {}, 'getStatistics')).toMatchObject({ status: 403 });
    expect(await ask(['list verifications'], {}, 'getStatistics')).toMatchObject({ status: 200 });
  });
});

describe('where there is nothing to read from', () => {
  test('no history is kept: 501; it cannot be read now: 503; it takes too long: 504', async () => {
    const failing = (code: HistoryError['code']) => {
      const fail = () => Promise.reject(new HistoryError(code, 'not now'));
      const fromNowhere = async function* () {
        yield 'time,image\r\n';
        await fail();
      };
      return historyRoutes({
        history: { verifications: fail, statistics: fail, export: fromNowhere } as never,
        now: () => NOW,
      });
    };
    const off = historyRoutes({ history: undefined, now: () => NOW });
    for (const operation of ['listVerifications', 'exportVerifications', 'getStatistics']) {
      expect(await call(off, operation)).toMatchObject({ status: 501, code: 'HISTORY_OFF' });
      expect(await call(failing('UNAVAILABLE'), operation)).toMatchObject({ status: 503 });
      expect(await call(failing('TIMEOUT'), operation)).toMatchObject({ status: 504 });
      expect(await call(failing('BUSY'), operation)).toMatchObject({ status: 503 });
    }
  });
});

describe('one file', () => {
  async function exported(routes: Parameters<typeof call>[0], query: Query) {
    const answer = await call(routes, 'exportVerifications', { query });
    if (!('stream' in answer)) throw new Error(JSON.stringify(answer));
    let text = '';
    for await (const piece of answer.stream) text += piece;
    return { answer, text };
  }

  test('CSV and JSON, with a name, and no formula in any cell', async () => {
    const { routes } = await kept(good('=cmd|x!A1'), good('ghcr.io/a:v1'), good('ghcr.io/b:v1'));
    const csv = await exported(routes, {});
    expect(csv.answer).toMatchObject({
      type: 'text/csv; charset=utf-8',
      headers: { 'content-disposition': 'attachment; filename="verifications-20261129120000.csv"' },
    });
    expect(csv.text.split('\r\n')).toHaveLength(5);
    expect(csv.text).toContain("'=cmd|x!A1");
    const json = await exported(routes, { format: 'json', rows: '2' });
    expect(JSON.parse(json.text)).toMatchObject([{ image: 'ghcr.io/b:v1' }, { image: 'ghcr.io/a:v1' }]);
  });

  test('G14: two at once; the place of one that nobody reads is free again when its caller has gone', async () => {
    const { routes } = await kept(good('ghcr.io/a:v1'));
    const gone = new AbortController();
    const begin = (signal?: AbortSignal) =>
      call(routes, 'exportVerifications', signal === undefined ? {} : { signal });
    expect(await begin(gone.signal)).toMatchObject({ status: 200 });
    const second = await begin();
    expect(await begin()).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    gone.abort();
    expect(await begin()).toMatchObject({ status: 200 });
    if (!('stream' in second)) throw new Error('no stream');
    let text = '';
    for await (const piece of second.stream) text += piece;
    expect(text).toContain('ghcr.io/a:v1');
    expect(await begin()).toMatchObject({ status: 200 });
  });
});

describe('statistics', () => {
  test('of a day in hours: verdicts, codes, levels, registries; also the hours in which nothing happened', async () => {
    const { routes } = await kept(
      decision({ images: [image([built()], 'ghcr.io/a:v1')] }),
      good('ghcr.io/a:v1'),
      bad('ghcr.io/b:v1'),
      broken('slow.example/x:v1'),
      broken('slow.example/y:v1'),
      broken('ghcr.io/c:v1'),
    );
    const stats = bodyOf<Stats>(await call(routes, 'getStatistics'));
    expect(stats).toMatchObject({ bucketSeconds: 3600, isComplete: true, until: '2026-11-29T12:00:00.001Z' });
    expect(stats.buckets).toHaveLength(25);
    expect(stats.buckets.slice(-2)).toEqual([
      { start: '2026-11-29T11:00:00.000Z', verified: 2, violated: 1, faulted: 2, denied: 3 },
      { start: '2026-11-29T12:00:00.000Z', verified: 0, violated: 0, faulted: 1, denied: 1 },
    ]);
    expect(stats.codes).toEqual([
      { code: 'REGISTRY_UNREACHABLE', verdict: 'faulted', verifications: 3 },
      { code: 'SIGNATURE_MISSING', verdict: 'violated', verifications: 1 },
    ]);
    expect(stats.slsaLevels).toEqual([
      { level: 0, verifications: 1 },
      { level: 3, verifications: 1 },
    ]);
    expect(stats.faultsByRegistry).toEqual([
      { registry: 'slow.example', faults: 2 },
      { registry: 'ghcr.io', faults: 1 },
    ]);
  });

  test.each([
    [{ bucketSeconds: '301' }, 400],
    [{ from: '2026-11-29T12:00:00Z', until: '2026-11-29T11:00:00Z' }, 400],
    [{ from: '2020-01-01T00:00:00Z', bucketSeconds: '300' }, 400],
    [{ from: '2026-11-01T00:00:00Z', bucketSeconds: '86400' }, 200],
  ])('G14: %j: %i', async (query, status) => {
    const { routes } = await kept(good('ghcr.io/a:v1'));
    expect(await call(routes, 'getStatistics', { query })).toMatchObject({ status });
  });

  test('what /verify was asked about is in the history, and in no chart', async () => {
    const { own, told, routes } = await kept(good('ghcr.io/a:v1'), broken('slow.example/x:v1'));
    const ground = await Ground.open();
    ground.documents = [
      document('ClusterSigningPolicy', 'all', {
        mode: 'Enforce',
        trustedKeys: [{ keyless: true, issuer: 'https://issuer.example', subject: 'somebody' }],
      }),
    ];
    const assessments = new Assessments({
      ...ground.dependencies(),
      observer: own,
      monotonic: () => performance.now(),
      places: new Turnstile(1),
    });
    const verify = verifyRoutes({ assessments, snapshots: ground.dependencies().snapshots });
    const { name } = ground.image('org/app');
    const missing = `${ground.registry.host}/org/none:v1`;
    await call(verify, 'verifyImages', {
      body: { images: [name, missing], namespace: 'mcp', assessmentId: 'ci-42' },
      as: caller('jane', 'create pods mcp'),
    });
    await eventually('they are written', () => told.rows === 4);
    const { items } = bodyOf<VerificationPage>(
      await call(routes, 'listVerifications', { query: { assessmentId: 'ci-42' } }),
    );
    expect(items).toHaveLength(2);
    expect(items.find((each) => each.image === name)).toMatchObject({
      operation: 'VERIFY',
      user: 'jane',
      kind: 'Image',
      namespace: 'mcp',
      verdict: 'violated',
      decision: 'denied',
      code: 'SIGNATURE_MISSING',
    });
    const stats = bodyOf<Stats>(
      await call(routes, 'getStatistics', { query: { until: '2026-11-29T13:00:00Z' }, as: admin }),
    );
    expect(stats.codes).toEqual([{ code: 'REGISTRY_UNREACHABLE', verdict: 'faulted', verifications: 1 }]);
    expect(stats.faultsByRegistry).toEqual([{ registry: 'slow.example', faults: 1 }]);
  });
});
