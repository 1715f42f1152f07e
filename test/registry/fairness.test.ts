import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import type { LookupFunction } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.ts';
import { Gate } from '../../src/registry/gate.ts';
import { raced, SingleFlight } from '../../src/registry/single-flight.ts';
import { sha256 } from './artifacts.ts';
import { asking, atEnd, evilRegistry, imageSource, reference, setup, soon, summary } from './sources.ts';

const digest = sha256('an image');
const late = () => new Fault('TIMEOUT', 'late');

/** Resolves nothing and never says so, and counts how often it was asked. */
function blackHole() {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname) => void asked.push(hostname);
  return { asked, lookup };
}

describe('one Pod does not stop verification for everybody', () => {
  test('256 images on hosts that nobody is behind, and a cold look at a registry that works', async () => {
    const { registry, artifacts, source } = await setup({ lookup: blackHole().lookup });
    const good = artifacts.image();
    artifacts.simpleSigned(good, [artifacts.simpleLayer('good')]);
    const crowd = new AbortController();
    const holes = Array.from({ length: 256 }, (_, port) =>
      source.discover(reference(`hole.example:${port + 1}`, { digest }), digest, {
        ...asking(),
        signal: crowd.signal,
        fresh: false,
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const found = await source.discover(reference(registry, { digest: good }), good, {
      ...asking(2000),
      fresh: false,
    });
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: [] });
    crowd.abort();
    for (const hole of await Promise.all(holes))
      expect(new Set(['TIMEOUT', 'OVERLOADED'])).toContain(hole.faults[0]?.code);
  });

  test('nor for a registry that nobody has asked before: who comes last is asked first', async () => {
    const gate = new Gate({ total: 8, perHost: 4 });
    const crowd = new AbortController();
    const never = () =>
      new Promise<never>((_resolve, reject) => {
        setTimeout(() => reject(late()), 200);
      });
    const holes = Array.from({ length: 256 }, (_, port) => gate.run(`hole:${port}`, crowd.signal, never));
    const settled = Promise.allSettled(holes);
    const all = Array.from({ length: 20 }, (_, index) =>
      gate.run('good', soon(1000), () => Promise.resolve(index)),
    );
    await expect(Promise.all(all)).resolves.toHaveLength(20);
    crowd.abort();
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('a host that has answered gets all of its places, one that has not gets those of its first look', async () => {
    const gate = new Gate({ total: 64, perHost: 16 });
    const most = async () => {
      let [now, max] = [0, 0];
      const work = async () => {
        max = Math.max(max, (now += 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        now -= 1;
        throw late();
      };
      await Promise.allSettled(Array.from({ length: 20 }, () => gate.run('host', soon(), work)));
      return max;
    };
    expect(await most()).toBe(4);
    await gate.run('host', soon(), () => Promise.resolve());
    expect(await most()).toBe(16);
  });
});

describe('a host that answers once and then hangs', () => {
  const hang = () => new Promise<never>(() => {});
  const answer = () => Promise.resolve('answer');

  test('loses its width with the first request that runs out of time, and has it again after as many answers', async () => {
    const gate = new Gate({ total: 64, perHost: 16 });
    await gate.run('host', soon(), answer);
    expect(gate.isProven('host')).toBe(true);
    for (const _ of [1, 2, 3]) gate.timedOut('host');
    expect(gate.isProven('host')).toBe(false);
    for (const isProven of [false, false, true]) {
      await gate.run('host', soon(), answer);
      expect(gate.isProven('host')).toBe(isProven);
    }
  });

  test('to be listed in the settings is no proof that it answers now', async () => {
    const gate = new Gate({ total: 64, perHost: 16 });
    gate.introduce('host');
    expect(gate.isProven('host')).toBe(true);
    gate.timedOut('host');
    gate.introduce('host');
    expect(gate.isProven('host')).toBe(false);
  });

  test('four of them leave places for the fifth', async () => {
    const gate = new Gate({ total: 64, perHost: 16 });
    const gone = new AbortController();
    for (const host of ['a', 'b', 'c', 'd']) {
      await gate.run(host, soon(), answer);
      gate.timedOut(host);
      // What waits for a place by then must not have it either.
      for (let each = 0; each < 40; each += 1) void gate.run(host, gone.signal, hang).catch(() => {});
    }
    expect(await gate.run('stranger', soon(500), answer)).toBe('answer');
    gate.introduce('known');
    expect(await gate.run('known', soon(500), answer)).toBe('answer');
    gone.abort();
  });

  test('only its own time counts against it, not that of a caller who leaves', async () => {
    const { registry, artifacts, source } = await setup({
      requestMilliseconds: 300,
      concurrency: { total: 64, perHost: 16 },
    });
    const image = artifacts.image();
    const atOnce = async (name: string, patience: number) => {
      registry.delay = 0;
      registry.script(() => true);
      await source.manifest(reference(registry), sha256(name), asking(patience)).catch(() => {});
      registry.script(() => false);
      registry.forget();
      registry.delay = 150;
      const images = Array.from({ length: 12 }, (_, index) => `${name}/app${index}`);
      const questions = images.map((repository) =>
        source.manifest(reference(registry, { repository }), image, asking()),
      );
      await Promise.allSettled(questions);
      return registry.seen.filter(({ wave }) => wave === 1).length;
    };
    expect(await atOnce('left', 50)).toBe(12);
    expect(await atOnce('hung', 2000)).toBe(4);
  });
});

describe('a host that nobody is behind', () => {
  test('is given up after three seconds, and not tried again for a moment', async () => {
    const { asked, lookup } = blackHole();
    const source = imageSource([], { lookup });
    const read = async (host: string) => {
      const started = performance.now();
      const fault = await source
        .manifest(reference(host), digest, asking(10_000))
        .catch((error: unknown) => error);
      return { fault, milliseconds: performance.now() - started };
    };
    const first = await read('hole.example');
    expect(first.fault).toMatchObject({ code: 'TIMEOUT' });
    expect(first.milliseconds).toBeLessThan(4900);
    const count = asked.length;
    const second = await read('hole.example');
    expect(second.fault).toBe(first.fault);
    expect(second.milliseconds).toBeLessThan(500);
    expect(asked).toHaveLength(count);
    // The twin: another port is another server.
    const other = read('hole.example:444');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked.length).toBeGreaterThan(count);
    await other;
  }, 20_000);

  test('a refused connection is tried again at once: it may be a restart', async () => {
    const gone = await evilRegistry();
    const { host, port } = gone;
    const source = imageSource([gone]);
    const manifest = '{"schemaVersion":2,"config":{},"layers":[]}';
    const image = reference(host);
    await gone.stop();
    await expect(source.manifest(image, sha256(manifest), asking())).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    });
    const back = createServer((_request, response) => void response.end(manifest));
    await new Promise<void>((resolve) => back.listen(port, '127.0.0.1', resolve));
    atEnd(async () => void back.close());
    await expect(source.manifest(image, sha256(manifest), asking())).resolves.toBeDefined();
  });
});

describe('shared work', () => {
  const stopped = new AbortController().signal;
  const flights = (max = 8) => new SingleFlight<string>({ max, milliseconds: 20_000, stopped });
  const hangs = (signals: AbortSignal[]) => (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<string>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  };

  test('ends when the last who waits gives up, and not before', async () => {
    const shared = flights();
    const signals: AbortSignal[] = [];
    const [one, two] = [new AbortController(), new AbortController()];
    const wait = ({ signal }: AbortController) =>
      shared.run('key', { signal, late, isProven: true }, hangs(signals)).catch((error: unknown) => error);
    const both = [wait(one), wait(two)];
    one.abort();
    expect(await both[0]).toMatchObject({ code: 'TIMEOUT' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    two.abort();
    expect(await both[1]).toMatchObject({ code: 'TIMEOUT' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    // Who comes now starts anew.
    await expect(
      shared.run('key', { signal: soon(), late, isProven: true }, () => Promise.resolve('new')),
    ).resolves.toBe('new');
  });

  test('hosts that never answered have half of the places', async () => {
    const shared = flights(4);
    const given = new AbortController();
    const run = (key: string, isProven: boolean) =>
      shared.run(key, { signal: given.signal, late, isProven }, hangs([])).catch((error: unknown) => error);
    const held = [run('a', false), run('b', false)];
    expect(await run('c', false)).toMatchObject({ code: 'OVERLOADED' });
    held.push(run('d', true), run('e', true));
    expect(await run('f', true)).toMatchObject({ code: 'OVERLOADED' });
    given.abort();
    for (const each of held) expect(await each).toMatchObject({ code: 'TIMEOUT' });
    const after = new AbortController().signal;
    await expect(
      shared.run('c', { signal: after, late, isProven: false }, () => Promise.resolve('free again')),
    ).resolves.toBe('free again');
    expect(getEventListeners(after, 'abort')).toHaveLength(0);
  });

  test('a look that its callers left is no answer for the next one', async () => {
    const { registry, artifacts, source } = await setup();
    const image = artifacts.image();
    artifacts.simpleSigned(image, [artifacts.simpleLayer('good')]);
    registry.delay = 100;
    const discover = (signal: AbortSignal) =>
      source.discover(reference(registry, { digest: image }), image, { ...asking(), signal, fresh: false });
    expect(summary(await discover(soon(30))).faults).toEqual(['TIMEOUT']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(summary(await discover(soon()))).toEqual({ evidence: ['good'], refused: [], faults: [] });
  });

  test('what fails after nobody could wait for it any more does not end the process', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      const failing = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('x')), 5));
      await expect(raced(failing, AbortSignal.abort(), late)).rejects.toMatchObject({ code: 'TIMEOUT' });
      await new Promise((resolve) => setTimeout(resolve, 30));
    } finally {
      process.off('unhandledRejection', listener);
    }
    expect(unhandled).toEqual([]);
    // The twin: a failure that somebody waits for reaches them.
    await expect(raced(Promise.reject(new Error('x')), soon(), late)).rejects.toThrow('x');
  });
});
