import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Reflector, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually, untilHolds } from './eventually.ts';
import { ScriptedApiServer, status } from './scripted-api-server.ts';

const collection = '/apis/countersign.dev/v1alpha1/trustedsigners';
const path = { group: 'countersign.dev', version: 'v1alpha1', resource: 'trustedsigners' };
const quick = { backoffFirst: 20, backoffLast: 60, silence: 120_000, relist: 600_000, shortWatch: 0 };

const api = new ScriptedApiServer();
let client: KubeClient;
let reflectors: Reflector<string>[] = [];
let changes = 0;

function reflector(options: Partial<ReflectorOptions<string>> = {}): Reflector<string> {
  const made = new Reflector<string>({
    client,
    path,
    read: (object) => `${object.metadata.name}=${String(object['spec'])}`,
    onChange: () => void (changes += 1),
    logger: silentLogger,
    random: () => 1,
    ...options,
    timing: { ...quick, ...options.timing },
  });
  reflectors.push(made);
  made.start();
  return made;
}

const holding = (made: Reflector<string>) => [...made.values()].sort().join(' ');
const put = (name: string, spec: string) => api.put(collection, { metadata: { name }, spec });
const watches = () => api.count(`GET ${collection}?watch`);
const lists = () => api.count(`GET ${collection}`) - watches();
const synced = (made: Reflector<string>) =>
  eventually('watching', () => made.synced && api.watchers(collection) === 1);

beforeEach(async () => {
  changes = 0;
  api.requests.length = 0;
  api.intercept = () => false;
  api.mute = false;
  api.serve(collection);
  await api.start();
  client = new KubeClient(api.config());
});

afterEach(async () => {
  await Promise.all(reflectors.map((made) => made.stop()));
  reflectors = [];
  await client.close();
  await api.stop();
  for (const name of ['a', 'b', 'c'])
    if (api.get(collection, name) !== undefined) api.delete(collection, name);
  for (let i = 0; i < 20; i++)
    if (api.get(collection, `s${i}`) !== undefined) api.delete(collection, `s${i}`);
  await api.restart().then(() => api.stop());
});

describe('following a collection', () => {
  test('objects listed in pages, then added, modified and deleted ones', async () => {
    for (let i = 0; i < 7; i++) put(`s${i}`, 'x');
    const made = reflector({ timing: { pageSize: 3 } });
    expect(made.synced).toBe(false);
    await synced(made);
    expect(holding(made)).toBe('s0=x s1=x s2=x s3=x s4=x s5=x s6=x');
    expect(lists()).toBe(3);
    for (let i = 2; i < 7; i++) api.delete(collection, `s${i}`);
    put('s0', 'y');
    put('a', 'new');
    await eventually('events', () => holding(made) === 'a=new s0=y s1=x');
    expect(made.get('a')).toBe('a=new');
    expect(made.get('s5')).toBeUndefined();
    expect(changes).toBeGreaterThanOrEqual(2);
  });

  test('bookmarks carry the position and the time, but change nothing', async () => {
    let clock = 1_000;
    const made = reflector({ now: () => clock, timing: { relist: 3_600_000 } });
    await synced(made);
    expect(made.lastHeard).toBe(1_000);
    const before = changes;
    clock = 61_000;
    api.bookmark(collection);
    await eventually('bookmark', () => made.lastHeard === 61_000);
    expect(changes).toBe(before);
    // The position of the bookmark survives the compaction of all that came before it.
    api.dropWatches();
    await synced(made);
    expect(watches()).toBe(2);
    expect(api.count(`GET ${collection}`)).toBe(3);
  });

  test('an object of one version is read once, also when it is listed again', async () => {
    put('a', '1');
    put('b', '1');
    const reads: string[] = [];
    const read = (object: KubeObject) => {
      reads.push(object.metadata.name);
      return object.metadata.name;
    };
    const made = reflector({ read, timing: { relist: 100 } });
    await synced(made);
    await eventually('three lists', () => lists() >= 3);
    expect(reads.sort()).toEqual(['a', 'b']);
    expect(changes).toBe(1);
    put('a', '2');
    await eventually('a new version', () => reads.length === 3);
  });
});

describe('what goes wrong', () => {
  test('H2: 410 when watching: lists again and misses nothing', async () => {
    put('a', '1');
    const made = reflector();
    await synced(made);
    await new Promise<void>((resolve) => {
      api.intercept = (request, response) => {
        if (!(request.url ?? '').includes('watch=')) return false;
        status(response, 410, 'Expired');
        api.intercept = () => false;
        resolve();
        return true;
      };
      api.dropWatches();
      put('a', '2');
      api.compact();
    });
    await eventually('the change', () => holding(made) === 'a=2');
    expect(lists()).toBe(2);
  });

  test('H2: 410 as an event of the watch', async () => {
    put('a', '1');
    const made = reflector();
    await synced(made);
    const gone = {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' },
    };
    api.mute = true;
    put('a', '2');
    api.mute = false;
    api.line(collection, JSON.stringify(gone));
    await eventually('the change', () => holding(made) === 'a=2');
    expect(lists()).toBe(2);
  });

  test.each([true, false])(
    'H2: a dropped watch (mid-body: %s) resumes, with what happened meanwhile',
    async (rudely) => {
      const made = reflector();
      await synced(made);
      api.dropWatches(rudely);
      put('a', '1');
      await eventually('the change', () => holding(made) === 'a=1');
      await synced(made);
      expect(made.lastError).toBeUndefined();
    },
  );

  test('H2: a silent watch is given up and the collection listed again', async () => {
    const made = reflector({ timing: { silence: 300 } });
    await synced(made);
    api.mute = true;
    put('a', '1');
    const before = lists();
    await eventually('the change', () => holding(made) === 'a=1');
    expect(lists()).toBeGreaterThan(before);
    // And it goes on: mute still, deleted by the next list.
    api.delete(collection, 'a');
    await eventually('the deletion', () => holding(made) === '');
  });

  test('H2: watches that are opened again and again and say nothing are as silent as one', async () => {
    const made = reflector({ timing: { silence: 2_000 } });
    await synced(made);
    api.mute = true;
    put('a', '1');
    const dropping = setInterval(() => api.dropWatches(), 100);
    await eventually('the change', () => holding(made) === 'a=1');
    clearInterval(dropping);
    expect(watches()).toBeGreaterThan(2);
  });

  test('a watch that speaks is not given up', async () => {
    const made = reflector({ timing: { silence: 3_000 } });
    await synced(made);
    for (let i = 0; i < 8; i++) {
      await sleep(500);
      api.bookmark(collection);
    }
    expect(watches()).toBe(1);
  });

  test('H1: 403, 404, 500, HTML, a list without a version and a cut body: not synced, keeps trying, then recovers', async () => {
    put('a', '1');
    const answers = [
      (response: Parameters<typeof status>[0]) => status(response, 403, 'Forbidden'),
      (response: Parameters<typeof status>[0]) => status(response, 404, 'NotFound'),
      (response: Parameters<typeof status>[0]) => status(response, 500, 'InternalError'),
      (response: Parameters<typeof status>[0]) => void response.writeHead(200).end('<html>'),
      (response: Parameters<typeof status>[0]) =>
        void response.writeHead(200).end('{"items":[],"metadata":{}}'),
      (response: Parameters<typeof status>[0]) =>
        void response.writeHead(200).end('{"items":null,"metadata":{"resourceVersion":"1"}}'),
      (response: Parameters<typeof status>[0]) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"items":[');
        setTimeout(() => response.destroy(), 10);
      },
    ];
    let asked = 0;
    let syncedEarly = false;
    let made: Reflector<string> | undefined = undefined;
    api.intercept = (_request, response) => {
      if (asked < answers.length) syncedEarly ||= made?.synced === true;
      const answer = answers[asked];
      asked += 1;
      if (answer === undefined) return false;
      answer(response);
      return true;
    };
    made = reflector();
    await synced(made);
    expect(syncedEarly).toBe(false);
    expect(asked).toBeGreaterThan(answers.length);
    expect(holding(made)).toBe('a=1');
    expect(made.lastError).toBeUndefined();
  });

  test('H1: a list that fails on its second page is no list', async () => {
    for (let i = 0; i < 4; i++) put(`s${i}`, 'x');
    let pages = 0;
    let isRefused = true;
    api.intercept = (request, response) => {
      if (!isRefused || !(request.url ?? '').includes('continue=')) return false;
      pages += 1;
      status(response, 500, 'InternalError');
      return true;
    };
    const made = reflector({ timing: { pageSize: 2 } });
    await eventually('second page refused', () => pages >= 2);
    await untilHolds('the refusal has arrived', () => expect(made.lastError).toContain('500'));
    expect(made.synced).toBe(false);
    expect(holding(made)).toBe('');
    isRefused = false;
    await synced(made);
    expect(holding(made)).toBe('s0=x s1=x s2=x s3=x');
  });

  test.each([
    '{"type":"ADDED"',
    '[]',
    '{"type":"ADDED","object":{"metadata":{}}}',
    '{"type":"SURPRISE","object":{"metadata":{"name":"a","resourceVersion":"1"}}}',
  ])('a malformed line %s: the stream is not believed any more', async (line) => {
    put('a', '1');
    const made = reflector();
    await synced(made);
    api.mute = true;
    put('a', '2');
    api.mute = false;
    api.line(collection, line);
    await eventually('the change, by a list', () => holding(made) === 'a=2');
    await synced(made);
    put('a', '3');
    await eventually('the change, by the watch', () => holding(made) === 'a=3');
    expect(made.lastError).toBeUndefined();
  });

  test('an API server that is away keeps the copy, and its age grows; back again, it is followed', async () => {
    put('a', '1');
    let clock = 0;
    const made = reflector({ now: () => clock });
    await synced(made);
    await api.stop();
    clock = 500_000;
    await eventually('the failure is noticed', () => made.lastError !== undefined);
    expect(holding(made)).toBe('a=1');
    expect(made.lastHeard).toBe(0);
    await api.restart();
    put('b', '1');
    await eventually('the change', () => holding(made) === 'a=1 b=1');
    expect(made.lastHeard).toBe(500_000);
  });

  test('pauses double up to their bound, and only a watch that speaks ends the row', async () => {
    const pauses: number[] = [];
    const pause = async (milliseconds: number) => {
      pauses.push(milliseconds);
      await sleep(1);
    };
    let refused = 6;
    api.intercept = (request, response) => {
      if (!(request.url ?? '').includes('watch=') || refused-- <= 0) return false;
      status(response, 500, 'InternalError');
      return true;
    };
    const made = reflector({ sleep: pause, timing: { backoffFirst: 500, backoffLast: 4_000 } });
    await synced(made);
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000]);
    put('a', '1');
    await eventually('an event', () => holding(made) === 'a=1');
    api.line(collection, 'broken');
    await eventually('a pause', () => pauses.length === 7);
    expect(pauses[6]).toBe(500);
  });

  test('full jitter: the pause is a random part of its bound', async () => {
    const pauses: number[] = [];
    await api.stop();
    const made = reflector({
      random: () => 0.25,
      sleep: async (milliseconds) => {
        pauses.push(milliseconds);
        await sleep(1);
      },
      timing: { backoffFirst: 400, backoffLast: 30_000 },
    });
    await eventually('three pauses', () => pauses.length >= 3);
    await made.stop();
    expect(pauses.slice(0, 3)).toEqual([100, 200, 400]);
  });

  test('a watch that ends as soon as it begins is a failure, not a busy loop', async () => {
    api.intercept = (request, response) => {
      if (!(request.url ?? '').includes('watch=')) return false;
      response.writeHead(200).end();
      return true;
    };
    const pauses: number[] = [];
    reflector({
      sleep: async (milliseconds) => {
        pauses.push(milliseconds);
        await sleep(1);
      },
      timing: { shortWatch: 600_000, backoffFirst: 50, backoffLast: 50 },
    });
    await eventually('ten watches', () => watches() >= 10);
    expect(watches() - pauses.length).toBeLessThanOrEqual(1);
    expect(new Set(pauses)).toEqual(new Set([50]));
  });

  test('an exception of the handler is caught and the copy goes on', async () => {
    const made = reflector({
      onChange: () => {
        throw new Error('a defect of the handler');
      },
    });
    await synced(made);
    put('a', '1');
    await eventually('the change', () => holding(made) === 'a=1');
    expect(watches()).toBe(1);
  });

  test('an object that cannot be read fails the whole list: nothing is left out silently', async () => {
    put('a', 'bad');
    put('b', 'good');
    const read = (object: KubeObject) => {
      if (object['spec'] === 'bad') throw new Error('a defect of the reader');
      return `${object.metadata.name}=${String(object['spec'])}`;
    };
    const made = reflector({ read });
    await eventually('failure', () => made.lastError === 'a defect of the reader');
    expect(made.synced).toBe(false);
    put('a', 'mended');
    await synced(made);
    expect(holding(made)).toBe('a=mended b=good');
  });

  test('an answer that never comes has a deadline', async () => {
    let held = 0;
    api.intercept = () => {
      held += 1;
      return held <= 1;
    };
    const impatient = new KubeClient(api.config(), { timeout: 1_000 });
    const made = reflector({ client: impatient });
    // One that is not said is fifteen seconds.
    await eventually('synced after the deadline of 1 s', () => made.synced, 12_000);
    await made.stop();
    await impatient.close();
    expect(held).toBeGreaterThan(1);
  });

  test('pages that are too big are asked for in smaller ones', async () => {
    const large = 'x'.repeat(9_000);
    for (let i = 0; i < 4; i++) put(`s${i}`, large);
    const small = new KubeClient(api.config(), { maxBodyBytes: 20_000 });
    const made = reflector({ client: small, read: (object) => object.metadata.name });
    await synced(made);
    expect(holding(made)).toBe('s0 s1 s2 s3');
    put('s5', 'x'.repeat(30_000));
    await eventually('a watch takes it', () => made.get('s5') === 's5');
    const tooSmall = reflector({ client: small });
    await eventually('a single object too big', () => (tooSmall.lastError ?? '').includes('longer than'));
    expect(tooSmall.synced).toBe(false);
    await Promise.all(reflectors.map((each) => each.stop()));
    await small.close();
  });

  test('stop() ends everything, also in the middle of a list', async () => {
    const held: unknown[] = [];
    api.intercept = (_request, response) => held.push(response) > 0;
    const made = reflector();
    await eventually('the list is under way', () => held.length === 1);
    await made.stop();
    await sleep(50);
    expect(held.length).toBe(1);
    expect(made.synced).toBe(false);
  });
});
