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
/** A request to a host, by default on behalf of one namespace. */
const at = (host: string, namespace = 'mcp') => ({ host, namespace });

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
    const holes = Array.from({ length: 256 }, (_, port) => gate.run(at(`hole:${port}`), crowd.signal, hole));
    const settled = Promise.allSettled(holes);
    const all = Array.from({ length: 20 }, (_, index) =>
      gate.run(at('good'), soon(), () => Promise.resolve(index)),
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
      await Promise.allSettled(Array.from({ length: 20 }, () => gate.run(at('host'), soon(), work)));
      return max;
    };
    expect(await most()).toBe(4);
    await gate.run(at('host'), soon(), () => Promise.resolve());
    expect(await most()).toBe(16);
  });
});

describe('a host that answers once and then hangs', () => {
  const hang = () => new Promise<never>(() => {});
  const answer = () => Promise.resolve('answer');

  test('loses its width with the first request that runs out of time, and has it again after as many answers', async () => {
    const gate = new Gate({ total: 64, perHost: 16 });
    await gate.run(at('host'), soon(), answer);
    expect(gate.isProven('host')).toBe(true);
    for (const _ of [1, 2, 3]) gate.timedOut('host');
    expect(gate.isProven('host')).toBe(false);
    for (const isProven of [false, false, true]) {
      await gate.run(at('host'), soon(), answer);
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
      await gate.run(at(host), soon(), answer);
      gate.timedOut(host);
      // What waits for a place by then must not have it either.
      for (let each = 0; each < 40; each += 1) void gate.run(at(host), gone.signal, hang).catch(() => {});
    }
    expect(await gate.run(at('stranger'), soon(), answer)).toBe('answer');
    gate.introduce('known');
    expect(await gate.run(at('known'), soon(), answer)).toBe('answer');
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

describe('a burst of cold images on one registry', () => {
  /** Each with a signature of its own: a cluster that starts again, or a large rollout. */
  async function burst(count: number) {
    const parts = await setup({ requestMilliseconds: 200_000, lookupMilliseconds: 200_000 });
    const { artifacts, registry, source } = parts;
    const images = Array.from({ length: count }, (_, number) => {
      const image = artifacts.image(`image ${number}`, `v${number}`);
      artifacts.simpleSigned(image, [artifacts.simpleLayer(`signature ${number}`)]);
      return image;
    });
    const discover = (image: string, signal = soon(200_000), namespace = 'mcp') =>
      source.discover(reference(registry, { digest: image }), image, {
        puller: { namespace, pullSecrets: [], serviceAccount: 'default' },
        signal,
        fresh: false,
      });
    return { ...parts, images, discover };
  }

  test('200 distinct ones are all looked up: none is refused while there is time', async () => {
    const { images, discover, registry } = await burst(200);
    registry.delay = 2;
    const found = await Promise.all(images.map((image) => discover(image)));
    expect(found.flatMap(({ faults }) => faults)).toEqual([]);
    expect(found.map((each) => summary(each).evidence)).toEqual(
      images.map((_, number) => [`signature ${number}`]),
    );
  });

  test('and when the time is over, that is what is said', async () => {
    const { images, discover, registry } = await burst(40);
    registry.script(() => true);
    const over = new AbortController();
    const found = images.map((image) => discover(image, over.signal));
    await eventually('it was asked', () => registry.seen.length > 0);
    over.abort();
    const codes = (await Promise.all(found)).flatMap(({ faults }) => faults.map(({ code }) => code));
    expect(new Set(codes)).toEqual(new Set(['TIMEOUT']));
    expect(codes.length).toBeGreaterThanOrEqual(40);
  });

  test('F11: another namespace has its turn in between', async () => {
    const { images, discover, registry, source } = await burst(60);
    // Proven: from here on the host has all of its places.
    await source.resolve(reference(registry, { tag: 'v0' }), asking());
    registry.delay = 2;
    const ended: string[] = [];
    const crowd = images.slice(1).map(async (image) => {
      await discover(image, undefined, 'noisy');
      ended.push('noisy');
    });
    await discover(images[0] ?? '', undefined, 'quiet');
    const before = ended.length;
    await Promise.all(crowd);
    expect(before).toBeLessThan(30);
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
      shared
        .run('key', { signal, late, isProven: true, namespace: 'mcp' }, hangs(signals))
        .catch((error: unknown) => error);
    const both = [wait(one), wait(two)];
    one.abort();
    expect(await both[0]).toMatchObject({ code: 'TIMEOUT' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    two.abort();
    expect(await both[1]).toMatchObject({ code: 'TIMEOUT' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    // Who comes now starts anew.
    await expect(
      shared.run('key', { signal: soon(), late, isProven: true, namespace: 'mcp' }, () =>
        Promise.resolve('new'),
      ),
    ).resolves.toBe('new');
  });

  test('hosts that never answered have half of the places; what finds none waits, and no longer than its caller', async () => {
    const shared = flights(4);
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const run = (key: string, isProven: boolean, signal = soon(), namespace = 'mcp') =>
      shared
        .run(key, { signal, late, isProven, namespace }, () => {
          begun.push(key);
          return new Promise<string>((resolve) => ends.set(key, () => resolve(key)));
        })
        .catch((error: unknown) => error);
    const given = new AbortController();
    const held = [run('a', false), run('b', false)];
    await turn();
    const left = run('given up', false, given.signal);
    held.push(run('c', false), run('d', true), run('e', true), run('f', true));
    await turn();
    expect(begun).toEqual(['a', 'b', 'd', 'e']);
    given.abort();
    expect(await left).toMatchObject({ code: 'TIMEOUT' });
    ends.get('d')?.();
    await turn();
    expect(begun).toEqual(['a', 'b', 'd', 'e', 'f']);
    ends.get('a')?.();
    await turn();
    expect(begun).toEqual(['a', 'b', 'd', 'e', 'f', 'c']);
    for (const end of ends.values()) end();
    expect(await Promise.all(held)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    const after = new AbortController().signal;
    await expect(
      shared.run('g', { signal: after, late, isProven: false, namespace: 'mcp' }, () => Promise.resolve('g')),
    ).resolves.toBe('g');
    expect(getEventListeners(after, 'abort')).toHaveLength(0);
  });

  test('F11: a namespace that begins a thousand pieces of work does not keep another waiting', async () => {
    const shared = flights(2);
    const begun: string[] = [];
    const one = (namespace: string, number: number) =>
      shared.run(`${namespace} ${number}`, { signal: soon(), late, isProven: true, namespace }, async () => {
        begun.push(namespace);
        await turn();
        return namespace;
      });
    const noisy = Array.from({ length: 1_000 }, (_, number) => one('noisy', number));
    const quiet = [one('quiet', 1), one('quiet', 2)];
    await Promise.all(quiet);
    expect(begun.filter((namespace) => namespace === 'noisy').length).toBeLessThanOrEqual(6);
    await Promise.all(noisy);
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
