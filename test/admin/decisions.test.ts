import { describe, expect, test } from '@jest/globals';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { LIVE_BEAT, LiveDecisions, type LiveDecisionsOptions } from '../../src/admin/live-decisions.ts';
import { decisionRoutes } from '../../src/admin/routes/decisions.ts';
import { liveDecisionSchema } from '../../src/admin/schemas/history.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { atEnd } from '../registry/sources.ts';
import { built, decision, faulted, image, violated } from '../observe/decision.ts';
import { admin, call, caller } from './questions.ts';

interface Event {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

/** As a browser reads them. */
function parse(text: string): readonly Event[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':') && !block.startsWith('retry'))
    .map((block) => {
      const fields = new Map(
        block.split('\n').map((line) => {
          const at = line.indexOf(': ');
          return [line.slice(0, at), line.slice(at + 2)] as const;
        }),
      );
      return {
        id: fields.get('id'),
        event: fields.get('event'),
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    });
}

function live(options: LiveDecisionsOptions = {}): LiveDecisions {
  const stream = new LiveDecisions({ heartbeat: 600_000, ...options });
  atEnd(async () => stream.stop());
  return stream;
}

/** A reader that takes what there is, each time that it is asked. */
class Reader {
  readonly #texts: AsyncIterator<string>;
  readonly #given = new AbortController();
  text = '';

  constructor(from: LiveDecisions, namespace?: string, lastEventId?: string) {
    const { signal } = this.#given;
    this.#texts = from.subscribe({ namespace, lastEventId, signal })[Symbol.asyncIterator]();
    atEnd(async () => this.leave());
  }

  static async of(from: LiveDecisions, namespace?: string, lastEventId?: string): Promise<Reader> {
    const reader = new Reader(from, namespace, lastEventId);
    expect(await reader.more()).toContain('retry: ');
    return reader;
  }

  async more(): Promise<string> {
    const { value, done } = await this.#texts.next();
    if (done === true) return '';
    this.text += String(value);
    return String(value);
  }

  leave(): void {
    this.#given.abort();
  }

  async left(): Promise<void> {
    this.leave();
    while ((await this.more()) !== '');
  }
}

const of = (namespace: string, changes: Partial<Decision> = {}): Decision =>
  decision({ object: { kind: 'Pod', namespace, name: 'server' }, ...changes });

/** Until everything that was decided has been formatted: the beat began before this wait did. */
async function settled(): Promise<void> {
  await sleep(LIVE_BEAT);
  await turn();
}

describe('live decisions', () => {
  test('G14: what is written in one go has an end, so that a reader who stands still holds little', async () => {
    const stream = live();
    const reader = await Reader.of(stream);
    const images = Array.from({ length: 20 }, (_, index) =>
      image([violated()], `ghcr.io/${'x'.repeat(400)}${index}`),
    );
    for (let index = 1; index <= 40; index += 1) stream.decided(of('mcp', { uid: `u-${index}`, images }), 1);
    await settled();
    const pieces: string[] = [];
    while (parse(reader.text).length < 40) pieces.push(await reader.more());
    const longest = Math.max(...parse(reader.text).map(({ data }) => JSON.stringify(data).length));
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(128 * 1024 + longest);
    expect(pieces.length).toBeGreaterThan(2);
    expect(parse(reader.text).map(({ event }) => event)).toEqual(
      Array.from({ length: 40 }, () => 'decision'),
    );
  });

  test('each has one event, of the shape that the API describes', async () => {
    const stream = live({ now: () => Date.parse('2026-11-29T12:00:00Z') });
    const reader = await Reader.of(stream);
    stream.decided(
      of('mcp', {
        uid: 'u-9',
        allowed: false,
        message: 'Image x is not signed. Signature required.\n  more',
        images: [
          image([built()], 'ghcr.io/org/good:v1'),
          image([violated('Warn'), violated()], 'ghcr.io/org/bad:v1'),
        ],
      }),
      12.3456,
    );
    const [event] = parse(await reader.more());
    expect(event).toMatchObject({ event: 'decision', id: expect.stringMatching(/^[0-9a-f]{8}-1$/) });
    expect(liveDecisionSchema.parse(event?.data)).toEqual({
      time: '2026-11-29T12:00:00.000Z',
      uid: 'u-9',
      allowed: false,
      dryRun: false,
      namespace: 'mcp',
      kind: 'Pod',
      name: 'server',
      user: 'system:serviceaccount:mcp:deployer',
      operation: 'CREATE',
      latencyMilliseconds: 12.346,
      images: [
        {
          image: 'ghcr.io/org/bad:v1',
          verdict: 'violated',
          code: 'SIGNATURE_MISSING',
          policy: 'SigningPolicy/mcp/servers',
        },
        expect.objectContaining({ image: 'ghcr.io/org/good:v1', verdict: 'verified', slsaLevel: 3 }),
      ],
      message: 'Image x is not signed. Signature required.',
    });
  });

  test('G3: G12: what strangers wrote is bounded, and breaks out of no event', async () => {
    const stream = live();
    const reader = await Reader.of(stream);
    const evil = `<img src=x onerror=alert(1)>\n\nevent: decision\ndata: {}\r\u202e${'x'.repeat(5_000)}`;
    const images = Array.from({ length: 200 }, (_, n) => image([faulted()], `${evil}${n}`));
    stream.decided(
      of('mcp', { object: { kind: evil, namespace: 'mcp', name: evil }, user: evil, images }),
      1,
    );
    const text = await reader.more();
    expect(parse(text)).toHaveLength(1);
    expect(text.split('\n')).toHaveLength(5);
    expect(text.length).toBeLessThan(20_000);
    expect(text).not.toContain('\u202e');
    const [event] = parse(text);
    expect(liveDecisionSchema.parse(event?.data).images).toHaveLength(20);
  });

  test('G2: of one namespace, whoever may only see that', async () => {
    const stream = live();
    const [all, mcp] = [await Reader.of(stream), await Reader.of(stream, 'mcp')];
    for (const namespace of ['mcp', 'other', '', 'mcp']) stream.decided(of(namespace), 1);
    const namespaces = (text: string) =>
      parse(text).map(({ data }) => (data as { namespace: string }).namespace);
    expect(namespaces(await all.more())).toEqual(['mcp', 'other', '', 'mcp']);
    expect(namespaces(await mcp.more())).toEqual(['mcp', 'mcp']);
  });

  test('G2: who may not list verifications hears nothing', async () => {
    const stream = live();
    const routes = decisionRoutes(stream);
    const ask = (rights: readonly string[], query: object) =>
      call(routes, 'followDecisions', { as: caller('jane', ...rights), query });
    expect(await ask([], {})).toMatchObject({ status: 403 });
    expect(await ask(['list verifications mcp'], {})).toMatchObject({ status: 403 });
    expect(await ask(['list verifications mcp'], { namespace: 'other' })).toMatchObject({ status: 403 });
    expect(await ask(['list verifications mcp'], { namespace: 'mcp' })).toMatchObject({ status: 200 });
    expect(await call(routes, 'followDecisions', { as: admin })).toMatchObject({
      status: 200,
      type: 'text/event-stream',
    });
    // Nobody has read yet, so nobody is held.
    expect(stream.subscribers).toBe(0);
  });

  test('a new snapshot is told to all, and a heartbeat comes where nothing else does', async () => {
    const stream = live({ heartbeat: 20 });
    const reader = await Reader.of(stream, 'mcp');
    stream.changed(12);
    expect(parse(await reader.more())).toEqual([{ id: undefined, event: 'snapshot', data: 12 }]);
    expect(await reader.more()).toMatch(/^: /);
  });
});

describe('G14: a reader that is too slow', () => {
  test('G14: loses the oldest, is told how many, and holds nobody up', async () => {
    const stream = live();
    const [slow, quick] = [await Reader.of(stream), await Reader.of(stream)];
    const quickly: Event[] = [];
    for (let batch = 0; batch < 20; batch += 1) {
      for (let n = 0; n < 50; n += 1) stream.decided(of('mcp', { uid: `u-${batch * 50 + n}` }), 1);
      await settled();
      quickly.push(...parse(await quick.more()));
    }
    expect(quickly.filter(({ event }) => event === 'decision')).toHaveLength(1_000);
    expect(quickly.filter(({ event }) => event === 'dropped')).toEqual([]);
    const [dropped, ...rest] = parse(await slow.more());
    expect(dropped).toMatchObject({ event: 'dropped', data: { events: 1_000 - 256 } });
    expect(rest.map(({ data }) => (data as { uid: string }).uid)).toEqual(
      Array.from({ length: 256 }, (_, n) => `u-${1_000 - 256 + n}`),
    );
  });

  test('G14: more decisions than can be formatted are dropped and counted, and no decision waits', async () => {
    const stream = live();
    const reader = await Reader.of(stream);
    let looks = 0;
    const seen = new Proxy(of('mcp'), {
      get: (target, key) => {
        looks += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    for (let n = 0; n < 5_000; n += 1) stream.decided(seen, 1);
    // A push into a list: formatting comes later.
    expect(looks).toBe(0);
    await settled();
    expect(looks).toBeGreaterThan(0);
    const events = parse(await reader.more());
    expect(events[0]).toMatchObject({ event: 'dropped', data: { events: 5_000 - 100 } });
  });

  test('G14: without a reader nothing is formatted, remembered or scheduled', async () => {
    const stream = live();
    const untouchable = new Proxy(decision(), {
      get: (_target, key) => {
        throw new Error(`somebody read ${String(key)}`);
      },
    });
    for (let n = 0; n < 10; n += 1) stream.decided(untouchable, 1);
    await settled();
    const reader = await Reader.of(stream);
    stream.decided(of('mcp'), 1);
    expect(parse(await reader.more())).toHaveLength(1);
  });
});

describe('a reader that comes back', () => {
  async function read(stream: LiveDecisions, events: number) {
    const reader = await Reader.of(stream);
    for (let n = 1; n <= events; n += 1) stream.decided(of('mcp', { uid: `u-${n}` }), 1);
    await settled();
    const ids = parse(await reader.more()).map(({ id }) => id ?? '');
    await reader.left();
    return ids;
  }

  test('gets what came meanwhile, and nothing twice', async () => {
    const stream = live();
    const ids = await read(stream, 5);
    stream.decided(of('mcp', { uid: 'u-6' }), 1);
    await settled();
    const again = await Reader.of(stream, undefined, ids[2]);
    const uids = parse(await again.more()).map(({ data }) => (data as { uid: string }).uid);
    expect(uids).toEqual(['u-4', 'u-5', 'u-6']);
  });

  test.each([
    ['of another process', async () => 'ffffffff-3'],
    ['that is none', async () => '../../etc'],
    ['of what is no longer remembered', async (stream: LiveDecisions) => (await read(stream, 1))[0] ?? ''],
  ])('with an id %s is told that there is a gap', async (_name, idFor) => {
    const stream = live({ linger: 1 });
    const id = await idFor(stream);
    await sleep(30);
    const again = await Reader.of(stream, undefined, id);
    expect(parse(await again.more())).toEqual([{ id: undefined, event: 'dropped', data: { events: null } }]);
  });

  test('one that has left is forgotten, also while it waits', async () => {
    const stream = live();
    const reader = await Reader.of(stream);
    expect(stream.subscribers).toBe(1);
    const waiting = reader.more();
    reader.leave();
    expect(await waiting).toBe('');
    expect(stream.subscribers).toBe(0);
    const stopped = await Reader.of(stream);
    const last = stopped.more();
    stream.stop();
    expect(await last).toBe('');
  });
});
