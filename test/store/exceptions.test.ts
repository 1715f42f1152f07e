import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inspectResource } from '../../src/api/resource.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { silentLogger } from '../../src/log.ts';
import { exceptionsInForce } from '../../src/policy/exception.ts';
import { compileSnapshot, type Snapshot } from '../../src/policy/snapshot.ts';
import { KubernetesStore, type StoredResource } from '../../src/store/kubernetes-store.ts';
import type { FileText } from '../../src/store/policy-files.ts';
import { PolicySet } from '../../src/store/policy-set.ts';
import { SnapshotView, statusOf, type ResourceStatus } from '../../src/store/resource-status.ts';
import { StatusWriter } from '../../src/store/status-writer.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { ScriptedApiServer, type StoredObject } from '../kube/scripted-api-server.ts';
import { staticTrust } from '../support/trust.ts';
import { COLLECTIONS, exception, namespacedPolicy, policy } from './documents.ts';

const END = Date.parse('2026-11-22T13:00:00Z');
const NOW = END - 3_600_000;
const trust = staticTrust(builtinRoots());

const snapshotOf = (resources: ReturnType<PolicySet['resources']>): Snapshot =>
  compileSnapshot({ number: 1, resources, material: trust.material() });
const inForce = (snapshot: Snapshot, now = NOW): readonly string[] =>
  exceptionsInForce(snapshot, 'mcp', now).map(({ name }) => name);

describe('exceptions in files', () => {
  const text = (...documents: object[]): FileText => ({
    kind: 'text',
    text: documents.map((each) => JSON.stringify(each)).join('\n---\n'),
    changedAt: 0,
  });
  let set: PolicySet;
  const update = (files: Readonly<Record<string, FileText>>, now = 0): readonly string[] => {
    set.update(new Map(Object.entries(files)), now, 1_000_000);
    return inForce(snapshotOf(set.resources()));
  };

  beforeEach(() => {
    set = new PolicySet();
  });

  test('come and go with their document', () => {
    expect(update({ a: text(policy('p'), exception('e')) })).toEqual(['e']);
    expect(update({ a: text(policy('p')) })).toEqual([]);
  });

  test('two of one name: neither is used, and it is reported', () => {
    expect(update({ a: text(policy('p'), exception('e')), b: text(exception('f')) })).toEqual(['e', 'f']);
    expect(update({ a: text(policy('p'), exception('e')), b: text(exception('e')) })).toEqual([]);
    expect(set.problems()).toMatchObject([
      { file: 'a, b', message: expect.stringContaining('SigningException/e stands more than once') },
    ]);
  });

  test('one that became bad excepts nothing any more', () => {
    expect(update({ a: text(policy('p'), exception('e')) })).toEqual(['e']);
    expect(update({ a: text(policy('p'), exception('e', { reason: '' })) })).toEqual([]);
  });

  test.each<[string, FileText]>([
    ['is no YAML any more', { kind: 'text', text: '{{{', changedAt: 0 }],
    ['cannot be read', { kind: 'unreadable', reason: 'EACCES' }],
  ])('a file that %s: its policies stay in force, its exceptions do not', (_, file) => {
    expect(update({ a: text(policy('p'), exception('e')) })).toEqual(['e']);
    expect(update({ a: file })).toEqual([]);
    expect(set.resources().map(({ name }) => name)).toEqual(['p']);
    expect(update({ a: text(policy('p'), exception('e')) })).toEqual(['e']);
  });
});

describe('the status of an exception', () => {
  function statusIn(json: object, now = NOW, ...others: object[]): ResourceStatus {
    const inspected = [json, ...others].map((each) => inspectResource(each));
    const snapshot = snapshotOf(inspected.map(({ resource }) => resource));
    return statusOf(inspected[0] as unknown as StoredResource, new SnapshotView(snapshot), now);
  }

  test('says until when it is in force, and turns with the time', () => {
    const common = { generation: 0, fields: {} };
    expect(statusIn(exception('e'), END - 1)).toEqual({
      ...common,
      ready: true,
      reason: 'Valid',
      message: 'In force until 2026-11-22T13:00:00Z.',
    });
    expect(statusIn(exception('e'), END)).toEqual({
      ...common,
      ready: false,
      reason: 'Expired',
      message: 'Expired at 2026-11-22T13:00:00Z: it excepts nothing any more, and can be deleted.',
    });
    expect(statusIn(exception('e', { images: ['nginx'] }), END)).toMatchObject({
      ready: false,
      reason: 'Invalid',
      message: expect.stringContaining('spec.images[0]'),
    });
  });

  test('says which of its policies do not exist', () => {
    const named = exception('e', { policies: ['p', 'mcp/own'] });
    expect(statusIn(named, NOW, policy('p'), namespacedPolicy('own', 'mcp'))).toMatchObject({
      reason: 'Valid',
    });
    expect(statusIn(named, NOW, policy('p'), namespacedPolicy('own', 'other'))).toMatchObject({
      ready: true,
      reason: 'PartlyUsable',
      message: expect.stringContaining('policies: SigningPolicy "mcp/own" does not exist'),
    });
    expect(statusIn(named, NOW, namespacedPolicy('p', 'mcp'))).toMatchObject({
      ready: false,
      reason: 'NothingUsable',
      message: expect.stringContaining('None of its policies exists: policies: ClusterSigningPolicy "p"'),
    });
  });
});

describe('exceptions in a cluster', () => {
  let api: ScriptedApiServer;
  let client: KubeClient;
  let running: { stop(): Promise<void> }[];

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

  function storeOf(): KubernetesStore {
    const timing = { backoffFirst: 20, backoffLast: 60 };
    const store = new KubernetesStore({ client, trust, logger: silentLogger, timing });
    running.push(store);
    return store;
  }

  test('are followed: applied, and deleted', async () => {
    const store = storeOf();
    store.start();
    await eventually('ready', () => store.readiness().ready);
    expect(inForce(store.current())).toEqual([]);
    api.put(COLLECTIONS.exceptions, exception('e'));
    await eventually('applied', () => inForce(store.current()).length === 1);
    api.delete(COLLECTIONS.exceptions, 'e');
    await eventually('deleted', () => inForce(store.current()).length === 0);
  });

  test('their status turns when their time has passed, without any other change', async () => {
    let now = NOW;
    const store = storeOf();
    const writer = new StatusWriter({
      client,
      store,
      logger: silentLogger,
      interval: 1,
      resync: 50,
      now: () => now,
    });
    running.push(writer);
    api.put(COLLECTIONS.exceptions, exception('e'));
    writer.start();
    store.start();
    const ready = () =>
      (api.get(COLLECTIONS.exceptions, 'e') as StoredObject & { status?: { conditions: object[] } }).status
        ?.conditions[0];
    await untilHolds('written', () => expect(ready()).toMatchObject({ status: 'True', reason: 'Valid' }));
    now = END;
    const turned = { reason: 'Expired', status: 'False', lastTransitionTime: '2026-11-22T13:00:00Z' };
    await untilHolds('turned', () => expect(ready()).toMatchObject(turned));
  });
});
