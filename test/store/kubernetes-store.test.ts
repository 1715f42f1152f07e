import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/client.ts';
import { silentLogger } from '../../src/log.ts';
import { KubernetesStore, type KubernetesStoreOptions } from '../../src/store/kubernetes-store.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { ScriptedApiServer, status } from '../kube/scripted-api-server.ts';
import { staticTrust } from '../support/trust.ts';
import { COLLECTIONS, namespacedPolicy, policy, signer } from './documents.ts';

const soon = AbortSignal.timeout(60_000);
const timing = { backoffFirst: 20, backoffLast: 60 };

const trust = staticTrust(builtinRoots());
let api: ScriptedApiServer;
let client: KubeClient;
let stores: KubernetesStore[];

function store(options: Partial<KubernetesStoreOptions> = {}): KubernetesStore {
  const made = new KubernetesStore({ client, trust, logger: silentLogger, timing, ...options });
  stores.push(made);
  made.start();
  return made;
}

const names = (made: KubernetesStore) =>
  made
    .current()
    .policies.map(({ policy: { name } }) => name)
    .join(' ');
const ready = (made: KubernetesStore) =>
  eventually(
    'ready and watching',
    () => made.readiness().ready && Object.values(COLLECTIONS).every((each) => api.watchers(each) > 0),
  );
const NOT_SYNCED = expect.objectContaining({ code: 'NOT_SYNCED' });
const UNKNOWN = expect.objectContaining({ code: 'NAMESPACE_UNKNOWN' });

function thrown(act: () => unknown): unknown {
  try {
    return { returned: act() };
  } catch (error) {
    return error;
  }
}

beforeEach(async () => {
  stores = [];
  api = new ScriptedApiServer();
  api.serve(...Object.values(COLLECTIONS));
  api.put(COLLECTIONS.namespaces, { metadata: { name: 'mcp', labels: { tier: 'prod' } } });
  await api.start();
  client = new KubeClient(api.config());
});

afterEach(async () => {
  await Promise.all(stores.map((made) => made.stop()));
  await client.close();
  await api.stop();
});

describe('H1: nothing is decided before everything is known', () => {
  test.each(Object.values(COLLECTIONS))(
    'H1: %s not served (CRD absent, RBAC missing): NOT_SYNCED; served: compiled',
    async (missing) => {
      api.put(COLLECTIONS.policies, policy('a'));
      let forbidden = true;
      api.intercept = (request, response) => {
        if (!forbidden || !(request.url ?? '').startsWith(missing)) return false;
        status(response, missing === COLLECTIONS.signers ? 403 : 404, 'NotFound');
        return true;
      };
      const made = store();
      expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
      await eventually('the others are synced', () => made.readiness().reasons.length === 1);
      await sleep(50);
      expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
      // What was asked for, and not yet refused, has another reason.
      await untilHolds('the reason', () =>
        expect(made.readiness()).toEqual({
          ready: false,
          reasons: [expect.stringMatching(/could not be listed yet \(.*40[34]/)],
        }),
      );
      expect(made.ages().get(missing.split('/').at(-1) ?? '')).toBe(Infinity);
      forbidden = false;
      await ready(made);
      expect(names(made)).toBe('a');
    },
  );

  test('H1: API server down at the start, up later', async () => {
    await api.stop();
    const made = store();
    await sleep(100);
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(String((thrown(() => made.current()) as Error).message)).not.toContain('127.0.0.1');
    api.put(COLLECTIONS.policies, policy('a'));
    await api.restart();
    await ready(made);
    expect(names(made)).toBe('a');
  });

  test('H1: an empty list and then errors is "no policies" until it is too old, then NOT_SYNCED', async () => {
    let clock = 0;
    const made = store({ now: () => clock, maxSnapshotAge: 180_000, timing: { ...timing, relist: 1e9 } });
    await ready(made);
    expect(names(made)).toBe('');
    api.intercept = (_request, response) => {
      status(response, 500, 'InternalError');
      return true;
    };
    api.dropWatches();
    await eventually('every list failed', () =>
      Object.values(COLLECTIONS).every((each) => api.count(`GET ${each}`) > 3),
    );
    clock = 180_000;
    expect(names(made)).toBe('');
    clock = 180_001;
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(made.readiness().reasons[0]).toMatch(
      /nothing was heard of clustersigningpolicies for 180 s \(.*500/,
    );
    api.intercept = () => false;
    await ready(made);
    expect(names(made)).toBe('');
  });
});

describe('snapshots', () => {
  test('policies and signers that come, change and go, each in the next snapshot', async () => {
    const made = store();
    await ready(made);
    const first = made.current();
    expect(first.policies).toEqual([]);
    api.put(COLLECTIONS.policies, policy('a', { trustedKeys: [{ signerRef: { name: 'ci' } }] }));
    await eventually('policy', () => names(made) === 'a');
    expect(made.current().policies[0]?.entries.usable).toEqual([]);
    api.put(COLLECTIONS.signers, signer('ci'));
    await eventually('signer', () => made.current().policies[0]?.entries.usable.length === 1);
    api.put(COLLECTIONS.signers, signer('ci', { enabled: false }));
    await eventually('disabled', () => made.current().policies[0]?.entries.usable[0]?.enabled === false);
    api.put(COLLECTIONS.namespacedPolicies, namespacedPolicy('b', 'mcp'));
    await eventually('namespaced', () => names(made) === 'a b');
    api.delete(COLLECTIONS.policies, 'a');
    await eventually('deleted', () => names(made) === 'b');
    expect(made.current().number).toBeGreaterThan(first.number + 3);
    // The one that a review began with is as it was.
    expect(first.policies).toEqual([]);
  });

  test('many events of one turn make one snapshot, and a listener is told of each snapshot', async () => {
    const made = store();
    const numbers: number[] = [];
    made.onChange((snapshot) => void numbers.push(snapshot.number));
    made.onChange(() => {
      throw new Error('a defect of a listener');
    });
    await ready(made);
    const before = numbers.length;
    for (let i = 0; i < 50; i++) api.put(COLLECTIONS.policies, policy(`p${i}`));
    await eventually('all of them', () => made.current().policies.length === 50);
    await sleep(20);
    expect(numbers.length - before).toBeLessThan(50);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  test('H3: one bad policy of ten denies in its own scope, and the others are as they were', async () => {
    for (let i = 0; i < 9; i++) api.put(COLLECTIONS.policies, policy(`good${i}`));
    api.put(COLLECTIONS.policies, policy('wicked'));
    const made = store();
    await ready(made);
    expect(made.current().policies.filter(({ policy: { rules } }) => rules === undefined)).toEqual([]);
    api.put(COLLECTIONS.policies, policy('wicked', { trustedKeys: null }));
    await eventually('the bad one', () =>
      made.current().policies.some(({ policy: { rules } }) => rules === undefined),
    );
    const { policies } = made.current();
    expect(policies.map(({ policy: { name, rules } }) => `${name}:${rules !== undefined}`)).toEqual([
      ...Array.from({ length: 9 }, (_, i) => `good${i}:true`),
      'wicked:false',
    ]);
    expect(policies.at(-1)?.policy.match.images?.length).toBe(1);
  });

  test('H2: tightening while the watch is silent counts by the next list', async () => {
    const made = store({ timing: { ...timing, silence: 250 } });
    await ready(made);
    api.mute = true;
    api.put(COLLECTIONS.policies, policy('tight'));
    await eventually('re-list', () => names(made) === 'tight');
    expect(api.count(`GET ${COLLECTIONS.policies}`)).toBeGreaterThan(2);
  });

  test('H12: a store whose watch has stalled, and whose lists fail too, is not ready and denies', async () => {
    const made = store({ maxSnapshotAge: 3_000, timing: { ...timing, silence: 500 } });
    const twin = store({ maxSnapshotAge: 600_000, timing: { ...timing, silence: 500 } });
    await ready(made);
    await ready(twin);
    const held: unknown[] = [];
    api.intercept = (_request, response) => held.push(response) > 0;
    api.dropWatches();
    await eventually('too old', () => !made.readiness().ready);
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(twin.current().policies).toEqual([]);
  });
});

describe('E24: labels of namespaces', () => {
  test('E24: from the informer, followed as they change', async () => {
    const made = store();
    await ready(made);
    expect(await made.labels('mcp', soon)).toEqual({ tier: 'prod' });
    api.put(COLLECTIONS.namespaces, { metadata: { name: 'mcp', labels: { tier: 'dev' } } });
    await eventually('changed', async () => (await made.labels('mcp', soon))['tier'] === 'dev');
    expect(api.count('GET /api/v1/namespaces/mcp')).toBe(0);
  });

  test('E24: 200 namespaces whose events are late are asked for, and never have "no labels"', async () => {
    const made = store();
    await ready(made);
    api.mute = true;
    for (let i = 0; i < 200; i++) {
      api.put(COLLECTIONS.namespaces, {
        metadata: { name: `n${i}`, labels: { tier: 'prod', number: `${i}` } },
      });
      expect(await made.labels(`n${i}`, soon)).toEqual({ tier: 'prod', number: `${i}` });
    }
    expect(api.count('GET /api/v1/namespaces/n')).toBe(200);
  });

  test('E24: who asks at once shares one request, and one who gives up does not fail the others', async () => {
    const made = store();
    await ready(made);
    api.mute = true;
    api.put(COLLECTIONS.namespaces, { metadata: { name: 'fresh', labels: { a: 'b' } } });
    const giveUp = new AbortController();
    const impatient = made.labels('fresh', giveUp.signal).catch((error: unknown) => error);
    const others = Promise.all(Array.from({ length: 10 }, () => made.labels('fresh', soon)));
    giveUp.abort();
    expect(await impatient).toEqual(UNKNOWN);
    expect(new Set((await others).map((labels) => JSON.stringify(labels)))).toEqual(new Set(['{"a":"b"}']));
    expect(api.count('GET /api/v1/namespaces/fresh')).toBe(1);
  });

  test('E24: absent, refused, failing and silent: NAMESPACE_UNKNOWN', async () => {
    const made = store();
    await ready(made);
    await expect(made.labels('absent', soon)).rejects.toEqual(UNKNOWN);
    for (const code of [403, 500]) {
      api.intercept = (_request, response) => {
        status(response, code, 'Refused');
        return true;
      };
      await expect(made.labels('absent', soon)).rejects.toEqual(UNKNOWN);
    }
    api.intercept = () => true;
    await expect(made.labels('absent', AbortSignal.timeout(50))).rejects.toEqual(UNKNOWN);
    await expect(made.labels('..', soon)).rejects.toEqual(UNKNOWN);
  });

  test('E24: an informer that heard nothing for too long is not believed: the label is asked for', async () => {
    let clock = 0;
    const made = store({ now: () => clock, timing: { ...timing, relist: 1e9, silence: 1e6 } });
    await ready(made);
    api.mute = true;
    api.put(COLLECTIONS.namespaces, { metadata: { name: 'mcp', labels: { tier: 'governed' } } });
    expect(await made.labels('mcp', soon)).toEqual({ tier: 'prod' });
    clock = 180_001;
    expect(await made.labels('mcp', soon)).toEqual({ tier: 'governed' });
  });
});
