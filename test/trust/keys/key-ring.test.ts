import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseKeyReference, type KeyReference } from '../../../src/api/key-reference.ts';
import { Fault, Refusal } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/log.ts';
import { verificationKey, type VerificationKey } from '../../../src/sigstore/public-key.ts';
import { KeyRing, type KeyObserver } from '../../../src/trust/keys/key-ring.ts';
import type { KeyTiming } from '../../../src/trust/keys/key-timing.ts';
import { eventually, untilHolds } from '../../kube/eventually.ts';
import { newKey } from './support.ts';

const [first, second] = [verificationKey(newKey()), verificationKey(newKey())];
const release = parseKeyReference('hashivault://release');
const other = parseKeyReference('hashivault://other');

type Resolve = (reference: KeyReference, signal: AbortSignal) => Promise<readonly VerificationKey[]>;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

interface Setup {
  readonly timing?: Partial<KeyTiming>;
  readonly observer?: KeyObserver;
  readonly now?: () => number;
  readonly concurrency?: number;
}

/** A ring over a store that does what `resolve` says at the time. */
function ringOver(resolve: Resolve, { timing, ...rest }: Setup = {}) {
  const store = { resolve, calls: 0, closed: false };
  const ring = new KeyRing({
    source: {
      resolve: (reference, signal) => {
        store.calls += 1;
        return store.resolve(reference, signal);
      },
      close: () => {
        store.closed = true;
        return Promise.resolve();
      },
    },
    logger: silentLogger,
    timing: { refresh: 20, keep: 60_000, deadline: 60_000, retryFirst: 10, retryLast: 20, ...timing },
    ...rest,
  });
  stops.push(() => ring.stop());
  ring.start();
  return { ring, store };
}

const fails = (message = 'denied') => Promise.reject(new Fault('KEY_UNAVAILABLE', message));

function fingerprints(ring: KeyRing, reference: KeyReference = release): readonly string[] | string {
  const state = ring.state(reference);
  return state.kind === 'known' ? state.keys.map(({ fingerprint }) => fingerprint) : state.reason;
}

describe('the key ring', () => {
  test('reads a key when it is wanted, again in the background, and forgets it', async () => {
    const { ring, store } = ringOver(() => Promise.resolve([first]));
    expect(ring.state(release)).toEqual({
      kind: 'unavailable',
      reason: 'hashivault://release has not been read yet',
    });
    ring.want([release, release]);
    await eventually('the key is known', () => ring.state(release).kind === 'known');
    expect(fingerprints(ring)).toEqual([first.fingerprint]);
    store.resolve = () => Promise.resolve([second, first, second]);
    await eventually('another key', () => fingerprints(ring).length === 2);
    expect(fingerprints(ring)).toEqual([second.fingerprint, first.fingerprint]);
    ring.want([other]);
    expect(ring.state(release).kind).toBe('unavailable');
    await eventually('the other is known', () => ring.state(other).kind === 'known');
    ring.want([]);
    const { calls } = store;
    await sleep(60);
    expect(store.calls).toBe(calls);
  });

  test('what is wanted before the start is read at the start, and nothing after the stop', async () => {
    const source = { calls: 0, closed: false };
    const ring = new KeyRing({
      source: {
        resolve: () => {
          source.calls += 1;
          return Promise.resolve([first]);
        },
        close: () => {
          source.closed = true;
          return Promise.resolve();
        },
      },
      logger: silentLogger,
      timing: { refresh: 5 },
    });
    ring.want([release]);
    await sleep(20);
    expect(source.calls).toBe(0);
    ring.start();
    await eventually('the key is known', () => ring.state(release).kind === 'known');
    await ring.stop();
    const { calls } = source;
    await sleep(30);
    expect(source).toEqual({ calls, closed: true });
  });

  test('H13: an outage keeps the last key for its time, with the reason, and then faults', async () => {
    let now = 1_000_000;
    const { ring, store } = ringOver(() => Promise.resolve([first]), {
      timing: { keep: 60_000 },
      now: () => now,
    });
    ring.want([release]);
    await eventually('the key is known', () => ring.state(release).kind === 'known');
    expect(ring.state(release)).toMatchObject({
      usableUntil: 1_060_000,
      resolvedAt: 1_000_000,
      error: undefined,
    });
    store.resolve = () => fails('Vault is sealed');
    const sentence = 'hashivault://release could not be read: Vault is sealed';
    const errorOf = () => {
      const state = ring.state(release);
      return state.kind === 'known' ? state.error : undefined;
    };
    await eventually('the error is told', () => errorOf() === sentence);
    now = 1_059_999;
    expect(fingerprints(ring)).toEqual([first.fingerprint]);
    expect(ring.state(release)).toMatchObject({ usableUntil: 1_060_000, resolvedAt: 1_000_000 });
    now = 1_060_000;
    expect(ring.state(release)).toEqual({
      kind: 'unavailable',
      reason: `${sentence} (last read 1970-01-01T00:16:40.000Z)`,
    });
    store.resolve = () => Promise.resolve([second]);
    await eventually('it is back', () => ring.state(release).kind === 'known');
    expect(ring.state(release)).toMatchObject({ keys: [second], error: undefined, usableUntil: 1_120_000 });
  });

  test('H13: listeners hear of the moment at which a key has become too old', async () => {
    const { ring, store } = ringOver(() => Promise.resolve([first]), { timing: { keep: 80 } });
    ring.want([release]);
    await eventually('the key is known', () => ring.state(release).kind === 'known');
    store.resolve = () => new Promise(() => {});
    const heard: string[] = [];
    ring.onChange(() => heard.push(ring.state(release).kind));
    await eventually('the listener is told', () => heard.at(-1) === 'unavailable');
    expect(ring.state(release)).toMatchObject({ reason: expect.stringContaining('(last read ') });
  });

  test('listeners hear of what changed, and not of the same failure again', async () => {
    const { ring, store } = ringOver(() => fails());
    let changes = 0;
    const forget = ring.onChange(() => (changes += 1));
    ring.onChange(() => {
      throw new Error('a defect of the listener');
    });
    ring.want([release]);
    await eventually('several failures', () => store.calls > 4);
    expect(changes).toBe(1);
    store.resolve = () => fails('another reason');
    await eventually('another failure', () => changes === 2);
    store.resolve = () => Promise.resolve([first]);
    await eventually('the key is known', () => fingerprints(ring).length === 1);
    expect(changes).toBeGreaterThanOrEqual(3);
    forget();
    const before = changes;
    const { calls } = store;
    await eventually('more readings', () => store.calls > calls + 2);
    expect(changes).toBe(before);
  });

  test.each([
    [
      'a fault',
      () => fails('access denied (AccessDenied); check x'),
      'access denied (AccessDenied); check x',
    ],
    [
      'a refusal',
      () => Promise.reject(new Refusal('UNSUPPORTED', 'the key is too short')),
      'the key is too short',
    ],
    ['no key', () => Promise.resolve([]), 'its store has no version of it that may be used'],
    [
      'whatever else, which may quote a credential',
      () => Promise.reject(new Error('token hvs.secret was refused')),
      "its store, or the client for it, failed in an unknown way; Countersign's log has the name of the error",
    ],
    [
      'a throw before the promise',
      () => {
        throw new TypeError('secret');
      },
      "its store, or the client for it, failed in an unknown way; Countersign's log has the name of the error",
    ],
  ] as const)('%s becomes one sentence', async (_, resolve, sentence) => {
    const { ring } = ringOver(resolve);
    ring.want([release]);
    const reason = `hashivault://release could not be read: ${sentence}`;
    await eventually('the reason is told', () => fingerprints(ring) === reason);
    expect(ring.state(release)).toEqual({ kind: 'unavailable', reason });
  });

  test('a store that never answers, and does not obey the signal, holds nothing up', async () => {
    const seen: string[] = [];
    const { ring, store } = ringOver(
      (reference) => (reference.uri === release.uri ? new Promise(() => {}) : Promise.resolve([first])),
      {
        concurrency: 1,
        timing: { deadline: 30 },
        observer: { resolved: (scheme, result, seconds) => seen.push(`${scheme} ${result} ${seconds < 30}`) },
      },
    );
    ring.want([release, other]);
    await eventually('the other is known', () => ring.state(other).kind === 'known');
    await untilHolds('the reason is told', () =>
      expect(fingerprints(ring)).toBe(
        'hashivault://release could not be read: its store did not answer in time',
      ),
    );
    expect(seen.slice(0, 2)).toEqual(['hashivault error true', 'hashivault ok true']);
    store.resolve = () => Promise.resolve([second]);
    await eventually('it is known in the end', () => ring.state(release).kind === 'known');
  });

  test('one reading at a time for a key, and so many in all', async () => {
    let running = 0;
    let most = 0;
    const perKey = new Map<string, number>();
    const references = Array.from({ length: 20 }, (_, index) => parseKeyReference(`hashivault://k${index}`));
    const { ring, store } = ringOver(
      async ({ uri }) => {
        running += 1;
        perKey.set(uri, (perKey.get(uri) ?? 0) + 1);
        most = Math.max(most, running, ...Array.from(perKey.values(), (count) => count + 2));
        await sleep(3);
        running -= 1;
        perKey.set(uri, (perKey.get(uri) ?? 0) - 1);
        return [first];
      },
      { concurrency: 3, timing: { refresh: 1 } },
    );
    ring.want(references);
    await eventually('all are known', () => references.every((each) => ring.state(each).kind === 'known'));
    await eventually('and read again', () => store.calls > 60);
    expect(most).toBe(3);
  });

  test('at most 256 references; the others are told why, and come in when there is room', async () => {
    const { ring } = ringOver(() => Promise.resolve([first]), { timing: { refresh: 60_000 } });
    const references = Array.from({ length: 258 }, (_, index) => parseKeyReference(`hashivault://k${index}`));
    const last = references[257] ?? release;
    ring.want(references);
    await eventually('those within are known', () =>
      references.slice(0, 256).every((each) => ring.state(each).kind === 'known'),
    );
    expect(fingerprints(ring, last)).toMatch(/^hashivault:\/\/k257 is not read: more than 256 keys/);
    ring.want(references.slice(1));
    expect(ring.state(references[1] ?? release).kind).toBe('known');
    ring.want(references.slice(2));
    await eventually('there is room', () => ring.state(last).kind === 'known');
  });

  test('failures are repeated after a random part of a bound that grows', async () => {
    const { store, ring } = ringOver(() => fails(), { timing: { retryFirst: 1, retryLast: 200 } });
    const began = performance.now();
    ring.want([release]);
    await eventually('twenty of them', () => store.calls >= 20);
    // The last twelve pauses are a tenth of a second each, more or less. Without a bound that grows it would be a millisecond.
    expect(performance.now() - began).toBeGreaterThan(300);
  });
});
