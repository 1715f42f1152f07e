import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type LookupFunction,
  type Socket,
} from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.ts';
import { Gate } from '../../src/registry/gate.ts';
import { raced, SingleFlight } from '../../src/registry/single-flight.ts';
import { eventually } from '../kube/eventually.ts';
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

/** Takes connections and says nothing, as long as the test lasts. */
async function silentServer() {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => open.size };
}

describe('one Pod does not stop verification for everybody', () => {
  test('128 images on hosts that nobody is behind, and a cold look at a registry that works', async () => {
    // Nobody but a proxy would wait for them as long as this.
    const proxy = await silentServer();
    const { registry, artifacts, source } = await setup({
      requestMilliseconds: 100_000,
      lookupMilliseconds: 100_000,
      concurrency: { total: 16, perHost: 8 },
      proxy: { https: `http://127.0.0.1:${proxy.port}`, allowedHosts: ['*.example'] },
    });
    const good = artifacts.image();
    artifacts.simpleSigned(good, [artifacts.simpleLayer('good')]);
    const crowd = new AbortController();
    const holes = Array.from({ length: 128 }, (_, number) =>
      source.discover(reference(`hole${number}.example`, { digest }), digest, {
        ...asking(),
        signal: crowd.signal,
        fresh: false,
      }),
    );
    await eventually('they have their places', () => proxy.connections() >= 8);
    const found = await source.discover(reference(registry, { digest: good }), good, {
      ...asking(),
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
    const inside: (() => void)[] = [];
    const hole = () => new Promise<never>((_resolve, reject) => inside.push(() => reject(late())));
    const holes = Array.from({ length: 256 }, (_, port) => gate.run(`hole:${port}`, crowd.signal, hole));
    const settled = Promise.allSettled(holes);
    const all = Array.from({ length: 20 }, (_, index) =>
      gate.run('good', soon(), () => Promise.resolve(index)),
    );
    await turn();
    // As soon as one of them is done.
    expect(inside).toHaveLength(4);
    inside[0]?.();
    await expect(Promise.all(all)).resolves.toHaveLength(20);
    crowd.abort();
    for (const end of inside) end();
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
    expect(await gate.run('stranger', soon(), answer)).toBe('answer');
    gate.introduce('known');
    expect(await gate.run('known', soon(), answer)).toBe('answer');
    gone.abort();
  });

  test('only its own time counts against it, not that of a caller who leaves', async () => {
    const { registry, artifacts, source } = await setup({
      requestMilliseconds: 3_000,
      concurrency: { total: 64, perHost: 16 },
    });
    const image = artifacts.image();
    const hangs = async (name: string, signal: AbortSignal) => {
      registry.forget();
      registry.script(() => true);
      const asked = source.manifest(reference(registry), sha256(name), { ...asking(), signal });
      await eventually('it was asked', () => registry.seen.length === 1);
      return asked.catch(() => undefined);
    };
    /** Of twelve questions, how many are asked before one is answered. */
    const atOnce = async (name: string, expected: number) => {
      const answered = Promise.withResolvers<void>();
      let now = 0;
      registry.script((_request, response) => {
        now += 1;
        response.on('close', () => (now -= 1));
        return answered.promise;
      });
      const images = Array.from({ length: 12 }, (_, index) => `${name}/app${index}`);
      const questions = images.map((repository) =>
        source.manifest(reference(registry, { repository }), image, asking()),
      );
      await eventually('they are asked', () => now === expected);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const count = now;
      answered.resolve();
      await Promise.allSettled(questions);
      return count;
    };
    const leaving = new AbortController();
    const left = hangs('left', leaving.signal);
    await eventually('it was asked', () => registry.seen.length === 1);
    leaving.abort();
    await left;
    expect(await atOnce('left', 12)).toBe(12);
    await hangs('hung', soon());
    expect(await atOnce('hung', 4)).toBe(4);
  });
});

describe('a host that nobody is behind', () => {
  test('is given up after three seconds, and not tried again for a moment', async () => {
    const { asked, lookup } = blackHole();
    // A request and a caller have a minute and more.
    const source = imageSource([], { lookup, requestMilliseconds: 60_000, lookupMilliseconds: 100_000 });
    const read = (host: string) =>
      source.manifest(reference(host), digest, asking(100_000)).catch((error: unknown) => error);
    const started = performance.now();
    const first = await read('hole.example');
    expect(performance.now() - started).toBeLessThan(30_000);
    expect(first).toMatchObject({ code: 'TIMEOUT' });
    const count = asked.length;
    expect(await read('hole.example')).toBe(first);
    expect(asked).toHaveLength(count);
    // The twin: another port is another server.
    const other = read('hole.example:444');
    await eventually('it was asked', () => asked.length > count);
    await other;
  });

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
