import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/client.ts';
import { silentLogger } from '../../src/log.ts';
import type { KeyState } from '../../src/policy/trust-material.ts';
import type { TrustMaterialSource } from '../../src/store/trust-material-source.ts';
import { KubernetesStore } from '../../src/store/kubernetes-store.ts';
import { StatusWriter, type StatusWriterOptions } from '../../src/store/status-writer.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually } from '../kube/eventually.ts';
import { ScriptedApiServer, status, type StoredObject } from '../kube/scripted-api-server.ts';
import { staticTrust } from '../support/trust.ts';
import { KEY, keysKnown } from '../policy/builders.ts';
import { COLLECTIONS, namespacedPolicy, policy, signer } from './documents.ts';

const trust = staticTrust(builtinRoots());
const T1 = Date.UTC(2026, 0, 1);
let api: ScriptedApiServer;
let client: KubeClient;
let running: { stop(): Promise<void> }[];

function replica(options: Partial<StatusWriterOptions> = {}, source: TrustMaterialSource = trust): void {
  const timing = { backoffFirst: 20, backoffLast: 60 };
  const store = new KubernetesStore({ client, trust: source, logger: silentLogger, timing });
  const writer = new StatusWriter({
    client,
    store,
    logger: silentLogger,
    interval: 1,
    now: () => T1,
    ...options,
  });
  running.push(writer, store);
  writer.start();
  store.start();
}

interface Status {
  observedGeneration?: number;
  keyFingerprint?: string;
  conditions?: {
    type: string;
    status: string;
    reason: string;
    message: string;
    lastTransitionTime: string;
  }[];
}
const statusIn = (object: StoredObject | undefined) => object?.['status'] as Status | undefined;
const condition = (collection: string, name: string, namespace?: string) =>
  statusIn(api.get(collection, name, namespace))?.conditions?.find(({ type }) => type === 'Ready');
const patches = () => api.count('PATCH');
/** Until each of so many objects has a status. */
const written = (count: number) =>
  eventually('written', () => {
    const all = Object.values(COLLECTIONS).flatMap((collection) => api.all(collection));
    return all.filter((object) => statusIn(object) !== undefined).length === count;
  });
/** Until nobody has written anything for a while. */
const atRest = () =>
  eventually('it comes to rest', async () => {
    const before = patches();
    await sleep(300);
    return patches() === before;
  });

beforeEach(async () => {
  running = [];
  api = new ScriptedApiServer();
  api.serve(...Object.values(COLLECTIONS));
  await api.start();
  client = new KubeClient(api.config());
});

afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  await client.close();
  await api.stop();
});

describe('status of the resources', () => {
  test('Ready with the generation, the key, and the reason in words', async () => {
    api.put(COLLECTIONS.policies, policy('good'));
    api.put(COLLECTIONS.namespacedPolicies, namespacedPolicy('mine', 'mcp'));
    api.put(COLLECTIONS.policies, policy('bad', { threshold: 'many' }));
    api.put(COLLECTIONS.policies, policy('waiting', { trustedKeys: [{ signerRef: { name: 'ci' } }] }));
    replica();
    await written(4);
    expect(patches()).toBe(4);
    expect(condition(COLLECTIONS.policies, 'good')).toMatchObject({
      status: 'True',
      reason: 'Valid',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    expect(condition(COLLECTIONS.namespacedPolicies, 'mine', 'mcp')).toMatchObject({ status: 'True' });
    expect(condition(COLLECTIONS.policies, 'bad')).toMatchObject({
      status: 'False',
      reason: 'Invalid',
      message: expect.stringContaining('spec.threshold'),
    });
    expect(condition(COLLECTIONS.policies, 'waiting')).toMatchObject({
      status: 'False',
      reason: 'NothingUsable',
      message: expect.stringContaining('TrustedSigner "ci": it does not exist'),
    });
    api.put(COLLECTIONS.signers, signer('ci'));
    await eventually('usable', () => condition(COLLECTIONS.policies, 'waiting')?.status === 'True');
    await eventually('the signer', () => statusIn(api.get(COLLECTIONS.signers, 'ci')) !== undefined);
    expect(statusIn(api.get(COLLECTIONS.signers, 'ci'))?.keyFingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(statusIn(api.get(COLLECTIONS.signers, 'ci'))?.observedGeneration).toBe(1);
  });

  test('a key that comes later makes its signer and its policy usable; a time alone is not written again', async () => {
    let keys = new Map<string, KeyState>();
    let notify = (): void => undefined;
    const source: TrustMaterialSource = {
      ...trust,
      material: () => staticTrust(builtinRoots(), keys).material(),
      onChange: (listener) => {
        notify = listener;
        return () => undefined;
      },
    };
    api.put(COLLECTIONS.signers, { ...signer('ci'), spec: { keyRef: { uri: 'hashivault://release' } } });
    api.put(COLLECTIONS.policies, policy('p', { trustedKeys: [{ signerRef: { name: 'ci' } }] }));
    replica({}, source);
    await written(2);
    expect(condition(COLLECTIONS.signers, 'ci')).toMatchObject({ status: 'False', reason: 'Unavailable' });
    expect(condition(COLLECTIONS.policies, 'p')).toMatchObject({ status: 'False', reason: 'NothingUsable' });
    keys = new Map([['hashivault://release', keysKnown([KEY], { resolvedAt: T1 })]]);
    notify();
    await eventually('usable', () => condition(COLLECTIONS.policies, 'p')?.status === 'True');
    await eventually('the signer', () => condition(COLLECTIONS.signers, 'ci')?.status === 'True');
    expect(statusIn(api.get(COLLECTIONS.signers, 'ci'))).toMatchObject({
      type: 'KeyReference',
      keyFingerprint: KEY.fingerprint,
      lastResolvedTime: '2026-01-01T00:00:00Z',
    });
    await atRest();
    const rest = patches();
    keys = new Map([['hashivault://release', keysKnown([KEY], { resolvedAt: T1 + 14 * 60_000 })]]);
    notify();
    await sleep(200);
    expect(patches()).toBe(rest);
    keys = new Map([['hashivault://release', keysKnown([KEY], { resolvedAt: T1 + 16 * 60_000 })]]);
    notify();
    await eventually('a later time', () => patches() === rest + 1);
  });

  test('written once, and the spec is never touched', async () => {
    const before = api.put(COLLECTIONS.policies, policy('good'));
    replica();
    await written(1);
    await sleep(150);
    expect(patches()).toBe(1);
    expect(api.get(COLLECTIONS.policies, 'good')?.['spec']).toEqual(before['spec']);
    expect(api.requests.filter((request) => /^(PATCH|PUT|POST)/.test(request))).toEqual([
      `PATCH ${COLLECTIONS.policies}/good/status`,
    ]);
  });

  test('three replicas come to rest', async () => {
    for (let i = 0; i < 5; i++) api.put(COLLECTIONS.policies, policy(`p${i}`));
    for (let i = 0; i < 3; i++) replica();
    await eventually('written', () =>
      [0, 1, 2, 3, 4].every((i) => condition(COLLECTIONS.policies, `p${i}`) !== undefined),
    );
    await atRest();
    // Each of them once at most, for each policy.
    expect(patches()).toBeLessThanOrEqual(15);
  });

  test('a replica that says otherwise is not corrected for ever', async () => {
    api.put(COLLECTIONS.policies, policy('p'));
    replica();
    await written(1);
    for (let i = 0; i < 5; i++) {
      const object = api.get(COLLECTIONS.policies, 'p');
      if (object === undefined) throw new Error('gone');
      api.put(COLLECTIONS.policies, { ...object, status: { observedGeneration: 1, conditions: [] } });
      await sleep(30);
    }
    expect(patches()).toBe(1);
    const object = api.get(COLLECTIONS.policies, 'p');
    if (object === undefined) throw new Error('gone');
    api.put(COLLECTIONS.policies, { ...object, metadata: { ...object.metadata, generation: 2 } });
    await eventually(
      'a new generation',
      () => statusIn(api.get(COLLECTIONS.policies, 'p'))?.observedGeneration === 2,
    );
  });

  test('conditions of others and the time of the transition are kept', async () => {
    const other = {
      type: 'Other',
      status: 'True',
      reason: 'X',
      message: '',
      lastTransitionTime: '2025-01-01T00:00:00Z',
    };
    const old = {
      type: 'Ready',
      status: 'True',
      reason: 'Old',
      message: 'old',
      lastTransitionTime: '2025-06-01T00:00:00Z',
    };
    api.put(COLLECTIONS.policies, {
      ...policy('p'),
      status: { observedGeneration: 1, conditions: [other, old] },
    });
    replica();
    await eventually('written', () => condition(COLLECTIONS.policies, 'p')?.reason === 'Valid');
    expect(statusIn(api.get(COLLECTIONS.policies, 'p'))?.conditions).toEqual([
      other,
      expect.objectContaining({ type: 'Ready', reason: 'Valid', lastTransitionTime: '2025-06-01T00:00:00Z' }),
    ]);
  });

  test('what could not be written is tried again, without a flood', async () => {
    for (let i = 0; i < 10; i++) api.put(COLLECTIONS.policies, policy(`p${i}`));
    let refused = 0;
    api.intercept = (request, response) => {
      if (request.method !== 'PATCH' || refused >= 2) return false;
      refused += 1;
      status(response, 403, 'Forbidden');
      return true;
    };
    replica({ resync: 100 });
    await eventually('all written', () =>
      Array.from({ length: 10 }, (_, i) => condition(COLLECTIONS.policies, `p${i}`)).every(Boolean),
    );
    expect(patches()).toBe(12);
  });
});
