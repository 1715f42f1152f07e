import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { History } from '../../src/history/history.ts';
import type { VerificationFilter } from '../../src/history/filter.ts';
import type { StoredVerification } from '../../src/history/verification.ts';
import { writeCursor } from '../../src/history/cursor.ts';
import { decision, excepted, image, verified, violated } from '../observe/decision.ts';
import { eventually } from '../kube/eventually.ts';
import { BOTH, open, review, Told } from './support.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

describe.each(BOTH)('a history in %s', (_name, groundsOf) => {
  const grounds = groundsOf();
  let history: History | undefined;
  afterEach(() => history?.stop(5_000));
  afterAll(() => grounds.stop());

  /** Writes reviews, one a millisecond, and waits until they are in. */
  async function kept(count: number, each: (index: number) => Parameters<typeof review>) {
    const told = new Told();
    let now = 1_700_000_000_000;
    history = open(await grounds.fresh(), told, { now: () => now++ });
    for (let index = 0; index < count; index += 1) history.decided(review(...each(index)), 1.5);
    await eventually('everything is written', () => told.rows === count);
    return { history, told };
  }

  async function all(from: History, filter: VerificationFilter, limit = 500) {
    const rows: StoredVerification[] = [];
    let cursor: string | undefined;
    do {
      const page = await from.reader.verifications(filter, cursor, limit);
      expect(page.rows.length).toBeLessThanOrEqual(limit);
      rows.push(...page.rows);
      cursor = page.next;
    } while (cursor !== undefined);
    return rows;
  }

  test('gives back what was decided, to the last field', async () => {
    const told = new Told();
    history = open(await grounds.fresh(), told, { now: () => 1_700_000_000_123 });
    const provenance = {
      level: 3,
      builder: 'https://builder',
      source: undefined,
      ref: undefined,
      commit: undefined,
      evidence: '',
      signedAt: undefined,
    };
    const good = verified();
    const withLevel = { ...good, outcome: { ...good.outcome, provenance } } as typeof good;
    const digest = `sha256:${'b'.repeat(64)}`;
    history.decided(decision({ images: [{ ...image([withLevel]), digest }], snapshot: 9 }), 2.5);
    await eventually('it is written', () => told.rows === 1);
    const { rows } = await history.reader.verifications({}, undefined, 10);
    expect(rows).toEqual([
      {
        id: 1,
        time: 1_700_000_000_123,
        uid: 'u-1',
        image: 'ghcr.io/org/server:v1',
        digest,
        isPrivate: false,
        signatureFound: true,
        signatureValid: true,
        signerEntry: 'ci',
        signer: 'https://issuer build@example.com',
        issuer: 'https://issuer',
        signedAt: 1,
        slsaLevel: 3,
        builder: 'https://builder',
        code: undefined,
        codes: [],
        detail: undefined,
        policy: 'SigningPolicy/mcp/servers',
        mode: 'Enforce',
        verdict: 'verified',
        exception: undefined,
        decision: 'admitted',
        namespace: 'mcp',
        kind: 'Pod',
        name: 'server',
        user: 'system:serviceaccount:mcp:deployer',
        operation: 'CREATE',
        snapshot: 9,
        replica: 'replica-1',
        latency: 2.5,
      },
    ]);
  });

  test('E18: a dry run leaves nothing', async () => {
    const { history: from, told } = await kept(1, () => ['a:1']);
    from.decided(review('dry:1', true, { dryRun: true }), 1);
    from.decided(review('wet:1'), 1);
    await eventually('the second is written', () => told.rows === 2);
    expect((await all(from, {})).map(({ image: name }) => name)).toEqual(['wet:1', 'a:1']);
  });

  test('finds by every filter, and by several', async () => {
    const { history: from } = await kept(60, (index) => [
      index % 3 === 0 ? `ghcr.io/org/a-${index % 2}:v1` : `docker.io/lib/%_${index}`,
      index % 4 !== 0,
      { object: { kind: 'Pod', namespace: index % 5 === 0 ? 'rare' : 'mcp', name: 'x' } },
    ]);
    const times = async (filter: VerificationFilter) =>
      (await all(from, filter)).map(({ time }) => time - 1_700_000_000_000).toReversed();
    const expected = (keep: (index: number) => boolean) =>
      Array.from({ length: 60 }, (_, index) => index).filter(keep);
    const third = (index: number) => index % 3 === 0;
    expect(await times({ image: { match: 'beginning', text: 'ghcr.io/' } })).toEqual(expected(third));
    expect(await times({ image: { match: 'part', text: 'org/a-1' } })).toEqual(
      expected((index) => third(index) && index % 2 === 1),
    );
    expect(await times({ image: { match: 'whole', text: 'ghcr.io/org/a-0:v1' } })).toEqual(
      expected((index) => third(index) && index % 2 === 0),
    );
    // Not patterns: each character stands for itself.
    expect(await times({ image: { match: 'part', text: '%_' } })).toEqual(expected((index) => !third(index)));
    expect(await times({ image: { match: 'part', text: 'GHCR' } })).toEqual([]);
    expect(await times({ namespace: 'rare' })).toEqual(expected((index) => index % 5 === 0));
    expect(await times({ verdict: 'violated' })).toEqual(expected((index) => index % 4 === 0));
    expect(await times({ signer: 'https://issuer build@example.com' })).toEqual(
      expected((index) => index % 4 !== 0),
    );
    expect(
      await times({ policy: 'SigningPolicy/mcp/servers', verdict: 'violated', namespace: 'rare' }),
    ).toEqual(expected((index) => index % 20 === 0));
    const from0 = 1_700_000_000_000;
    expect(await times({ from: from0 + 10, until: from0 + 20 })).toEqual(
      expected((index) => index >= 10 && index < 20),
    );
    expect(
      await times({ image: { match: 'beginning', text: 'ghcr' }, from: from0 + 10, until: from0 + 20 }),
    ).toEqual([12, 15, 18]);
    expect(await times({ digest: 'sha256:none' })).toEqual([]);
  });

  test('finds a review by its id, with the exception that it was admitted by', async () => {
    const told = new Told();
    history = open(await grounds.fresh(), told);
    const from = history;
    for (const n of [0, 1, 2]) {
      const images = [image([excepted(violated()), verified()], `i:${n}`)];
      from.decided(decision({ uid: `u-${n}`, images }), 1);
    }
    await eventually('they are written', () => told.rows === 6);
    const found = await all(from, { uid: 'u-1' });
    expect(found.map(({ image: name, uid, exception }) => [name, uid, exception])).toEqual([
      ['i:1', 'u-1', undefined],
      ['i:1', 'u-1', 'incident-1'],
    ]);
    expect(await all(from, { uid: 'u-1', verdict: 'violated' })).toHaveLength(1);
    expect(await all(from, { uid: 'u-9' })).toEqual([]);
    let csv = '';
    for await (const piece of from.reader.export('csv', { uid: 'u-1' })) csv += piece;
    expect(csv).toContain(',violated,incident-1,admitted,');
  });

  test('pages are stable while rows are added, and hold each row once', async () => {
    const { history: from, told } = await kept(250, (index) => [`i:${index}`, index % 2 === 0]);
    const first = await from.reader.verifications({ verdict: 'verified' }, undefined, 10);
    expect(first.rows.map(({ image: name }) => name).slice(0, 2)).toEqual(['i:248', 'i:246']);
    for (let index = 0; index < 30; index += 1) from.decided(review(`new:${index}`), 1);
    await eventually('they are written', () => told.rows === 280);
    const seen = [...first.rows];
    let cursor = first.next;
    while (cursor !== undefined) {
      const page = await from.reader.verifications({ verdict: 'verified' }, cursor, 10);
      seen.push(...page.rows);
      cursor = page.next;
    }
    expect(seen.map(({ image: name }) => name)).toEqual(
      Array.from({ length: 125 }, (_, index) => `i:${248 - 2 * index}`),
    );
  });

  test('rows of one millisecond are paged by the order of writing', async () => {
    const told = new Told();
    history = open(await grounds.fresh(), told, { now: () => 5_000 });
    for (let index = 0; index < 7; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('they are written', () => told.rows === 7);
    const names = (await all(history, {}, 2)).map(({ image: name }) => name);
    expect(names).toEqual(['i:6', 'i:5', 'i:4', 'i:3', 'i:2', 'i:1', 'i:0']);
  });

  test('a question that cannot be asked is refused', async () => {
    const { history: from } = await kept(1, () => ['a:1']);
    const bad = { code: 'BAD_REQUEST' };
    const ask = async (filter: VerificationFilter, cursor: string | undefined, limit: number) =>
      from.reader.verifications(filter, cursor, limit);
    await expect(ask({}, undefined, 501)).rejects.toMatchObject(bad);
    await expect(ask({}, undefined, 0)).rejects.toMatchObject(bad);
    await expect(ask({}, 'x', 5)).rejects.toMatchObject(bad);
    await expect(ask({}, Buffer.from("1'.1").toString('base64url'), 5)).rejects.toMatchObject(bad);
    await expect(ask({ digest: '' }, undefined, 5)).rejects.toMatchObject(bad);
    await expect(ask({ signer: 'x'.repeat(781) }, undefined, 5)).rejects.toMatchObject(bad);
    await expect(ask({ from: Number.NaN }, undefined, 5)).rejects.toMatchObject(bad);
    const range = { from: 0, until: 1_700_000_000_000, bucket: 300_000 };
    await expect(from.reader.statistics(range)).rejects.toMatchObject(bad);
    await expect(
      from.reader.statistics({ ...range, from: 1_699_999_999_999, bucket: 1 }),
    ).rejects.toMatchObject(bad);
    expect((await ask({}, writeCursor({ time: 9e15, id: 1 }), 5)).rows).toHaveLength(1);
    // What is not SQL stays text.
    expect(await all(from, { namespace: "x' or '1'='1" })).toEqual([]);
  });

  test('counts over time, by verdict and code', async () => {
    const { history: from } = await kept(40, (index) => [`i:${index}`, index % 4 !== 0]);
    const start = 1_700_000_000_000 - (1_700_000_000_000 % 600_000);
    const { rows, isComplete } = await from.reader.statistics({
      from: start,
      until: start + 1_200_000,
      bucket: 600_000,
    });
    expect(isComplete).toBe(true);
    const common = { bucket: start, mode: 'Enforce', slsaLevel: undefined };
    expect(rows.toSorted((a, b) => a.verdict.localeCompare(b.verdict))).toEqual([
      { ...common, verdict: 'verified', decision: 'admitted', code: undefined, verifications: 30 },
      { ...common, verdict: 'violated', decision: 'denied', code: 'SIGNATURE_MISSING', verifications: 10 },
    ]);
  });

  test('G3, G12: nothing that a stranger writes rewrites a line, a formula or a batch', async () => {
    const evil = '=cmd|"/c calc"!A1,\u0000\r\n\u202e\ud800<img onerror=1>';
    const { history: from, told } = await kept(3, (index) => [index === 1 ? evil : `i:${index}`]);
    expect(told.losses).toEqual({});
    const rows = await all(from, {});
    expect(rows.map(({ image: name }) => name)).toEqual([
      'i:2',
      '=cmd|"/c calc"!A1,\\u{0}\\u{d}\\u{a}\\u{202e}\\u{d800}<img onerror=1>',
      'i:0',
    ]);
    let csv = '';
    for await (const piece of from.reader.export('csv', {})) csv += piece;
    const lines = csv.split('\r\n');
    expect(lines).toHaveLength(5);
    expect(lines[2]).toContain(`"'=cmd|""/c calc""!A1,\\u{0}`);
    let json = '';
    for await (const piece of from.reader.export('json', {}, { maxRows: 2 })) json += piece;
    expect(JSON.parse(json)).toMatchObject([
      { image: 'i:2', time: '2023-11-14T22:13:20.002Z', signedAt: '1970-01-01T00:00:00.001Z' },
      { decision: 'admitted', codes: [] },
    ]);
  });

  test('an empty export is whole', async () => {
    const { history: from } = await kept(1, () => ['a:1']);
    let json = '';
    for await (const piece of from.reader.export('json', { namespace: 'none' })) json += piece;
    expect(JSON.parse(json)).toEqual([]);
  });

  test('G12: who changed what, before and after', async () => {
    const { history: from, told } = await kept(1, () => ['a:1']);
    const change = {
      actor: 'eve\r\nroot',
      action: 'update',
      kind: 'TrustedSigner',
      namespace: '',
      name: 'ci',
      before: '{"enabled":true}',
      after: '{"enabled":false}',
    };
    from.changed(change);
    from.changed({
      ...change,
      actor: 'bob',
      action: 'create',
      before: undefined,
      after: 'x'.repeat(100_000),
    });
    await eventually('they are written', () => told.rows === 3);
    const first = await from.reader.changes({}, undefined, 1);
    expect(first.rows).toMatchObject([{ actor: 'bob', action: 'create', before: undefined }]);
    expect(first.rows[0]?.after).toHaveLength(64 * 1024 + 1);
    const second = await from.reader.changes({ name: 'ci' }, first.next, 1);
    expect(second).toMatchObject({
      rows: [{ ...change, actor: 'eve\\u{d}\\u{a}root', replica: 'replica-1' }],
      next: undefined,
    });
    expect((await from.reader.changes({ actor: 'nobody' }, undefined, 5)).rows).toEqual([]);
  });

  test('at the end everything that waits is written', async () => {
    const told = new Told();
    const ground = await grounds.fresh();
    const first = open(ground, told, { timing: { gather: 60_000 } });
    for (let index = 0; index < 90; index += 1) first.decided(review(`i:${index}`), 1);
    expect(told.rows).toBe(0);
    await first.stop(60_000);
    expect([told.rows, told.losses]).toEqual([90, {}]);
    first.decided(review('late:1'), 1);
    history = open(ground, new Told());
    expect(await all(history, {})).toHaveLength(90);
  });

  test('two replicas begin at once, and write side by side', async () => {
    const ground = await grounds.fresh();
    const tolds = [new Told(), new Told()];
    const replicas = tolds.map((told) => open(ground, told));
    for (const replica of replicas) {
      for (let index = 0; index < 300; index += 1) replica.decided(review(`i:${index}`, index % 2 === 0), 1);
    }
    await eventually('both are done', () => tolds.every(({ rows }) => rows === 300));
    expect(await all(replicas[0] as History, {})).toHaveLength(600);
    const now = Date.now();
    const { rows } = await (replicas[1] as History).reader.statistics({
      from: now - 600_000,
      until: now + 600_000,
      bucket: 300_000,
    });
    expect(rows.reduce((sum, row) => sum + row.verifications, 0)).toBe(600);
    await Promise.all(replicas.map((replica) => replica.stop(60_000)));
    expect(tolds.map(({ losses }) => losses)).toEqual([{}, {}]);
  });

  test('a decision is kept without waiting: microseconds, whatever becomes of it', async () => {
    const { history: from } = await kept(1, () => ['a:1']);
    const one = decision({ images: [image([verified(), violated('Audit')])] });
    const took = threadMilliseconds(() => {
      for (let index = 0; index < 2_000; index += 1) from.decided(one, 1);
    });
    expect(took / 2_000).toBeLessThan(0.5);
  });
});
