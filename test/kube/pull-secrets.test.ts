import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeClient } from '../../src/kube/client.ts';
import { PullSecrets } from '../../src/kube/pull-secrets.ts';
import { LIMITS } from '../../src/limits.ts';
import { ScriptedApiServer } from './scripted-api-server.ts';

const SECRETS = '/api/v1/secrets';
const ACCOUNTS = '/api/v1/serviceaccounts';

let api: ScriptedApiServer;
let client: KubeClient;
let secrets: PullSecrets;
let clock: number;

beforeEach(async () => {
  clock = 1_000_000;
  api = new ScriptedApiServer();
  api.serve(SECRETS, ACCOUNTS);
  await api.start();
  reader(5000);
  api.put(ACCOUNTS, { metadata: { name: 'default', namespace: 'mcp' } });
});

/** @param timeout of one request, milliseconds */
function reader(timeout: number): void {
  client = new KubeClient(api.config(), { timeout, maxBodyBytes: LIMITS.secretBytes });
  secrets = new PullSecrets({ client, namespaces: ['mcp', 'other'], now: () => clock });
}

afterEach(async () => {
  await client.close();
  await api.stop();
});

function put(name: string, text = '{}', type = 'kubernetes.io/dockerconfigjson'): void {
  const key = type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
  const data = { [key]: Buffer.from(text).toString('base64') };
  api.put(SECRETS, { metadata: { name, namespace: 'mcp' }, type, data });
}

function read(names: readonly string[], renew = false, serviceAccount = '') {
  return secrets.read({ namespace: 'mcp', pullSecrets: names, serviceAccount }, { renew });
}

/** Names of the Secrets that were asked for since the last time. */
function asked(): readonly string[] {
  const names = api.requests
    .filter((path) => path.includes('/secrets/'))
    .map((path) => path.split('/').at(-1) ?? '');
  api.requests.length = 0;
  return names;
}

describe('what is read', () => {
  test('both types that hold credentials, in the order of the workload', async () => {
    put('new', '{"auths":{}}');
    put('old', '{"r.io":{}}', 'kubernetes.io/dockercfg');
    put('opaque', '{}', 'Opaque');
    const { workload, serviceAccount, missing, hasChanged } = await read(['old', 'opaque', 'new']);
    expect(workload).toEqual([
      { name: 'old', type: 'kubernetes.io/dockercfg', text: '{"r.io":{}}' },
      { name: 'new', type: 'kubernetes.io/dockerconfigjson', text: '{"auths":{}}' },
    ]);
    expect([serviceAccount, hasChanged]).toEqual([[], false]);
    expect(missing).toEqual(['the Secret "opaque" is of no type that holds registry credentials']);
  });

  test("of the workload's own namespace: a name says nothing of another's", async () => {
    put('regcred', '{"a":1}');
    const ask = (namespace: string) =>
      secrets.read({ namespace, pullSecrets: ['regcred'], serviceAccount: 'default' }, { renew: false });
    expect(await ask('mcp')).toMatchObject({ workload: [{ text: '{"a":1}' }] });
    expect(await ask('other')).toMatchObject({ workload: [] });
  });

  test('those of the ServiceAccount, without those that the workload names itself', async () => {
    put('mine');
    put('account');
    const imagePullSecrets = [{ name: 'mine' }, { name: 'account' }, { name: 7 }, 'x'];
    api.put(ACCOUNTS, { metadata: { name: 'robot', namespace: 'mcp' }, imagePullSecrets });
    const found = await read(['mine'], false, 'robot');
    expect(found.workload.map(({ name }) => name)).toEqual(['mine']);
    expect(found.serviceAccount.map(({ name }) => name)).toEqual(['account']);
  });

  test('F: sixteen of one workload, and no more', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `secret-${index}`);
    for (const name of names) put(name);
    api.put(ACCOUNTS, {
      metadata: { name: 'default', namespace: 'mcp' },
      imagePullSecrets: [{ name: 'secret-39' }],
    });
    expect((await read(names.slice(0, 16))).missing).toEqual([
      'of its imagePullSecrets only the first 16 are used',
    ]);
    expect(asked()).toHaveLength(16);
    expect(await read(names)).toMatchObject({ serviceAccount: [] });
    expect(asked()).toEqual([]);
    await read(names.toReversed());
    expect(asked()).toHaveLength(16);
    expect((await read(names.slice(0, 15))).serviceAccount).toHaveLength(1);
    expect((await read(names.slice(0, 15))).missing).toEqual([]);
  });

  test('nothing in a namespace that is not listed', async () => {
    const asking = { namespace: 'mcp-evil', pullSecrets: ['regcred'], serviceAccount: 'default' };
    expect(await secrets.read(asking, { renew: true })).toMatchObject({
      workload: [],
      missing: [expect.stringContaining('pullSecrets.namespaces')],
    });
    expect((await secrets.read({ ...asking, pullSecrets: [] }, { renew: true })).missing).toEqual([]);
    expect(api.requests).toEqual([]);
    await read(['regcred']);
    expect(api.requests).toHaveLength(2);
  });

  test('a Secret that is too large is told, and its neighbours count', async () => {
    put('large', 'x'.repeat(LIMITS.secretBytes));
    put('small');
    const found = await read(['large', 'small']);
    expect(found.workload.map(({ name }) => name)).toEqual(['small']);
    expect(found.missing).toEqual(['the Secret "large" could not be read (it is too large)']);
  });

  test('an API server that does not answer is no failure, and costs its deadline only', async () => {
    reader(500);
    api.intercept = () => true;
    const started = performance.now();
    const { workload, missing } = await read(['one', 'two']);
    expect(workload).toEqual([]);
    expect(missing).toContain('the Secret "one" could not be read (the API server did not answer)');
    // One that is not said is fifteen seconds.
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('64 at once; names that nobody has cannot flood the API server', async () => {
    reader(500);
    api.intercept = () => true;
    const reads = Array.from({ length: 20 }, (_, index) =>
      read(Array.from({ length: 8 }, (_each, n) => `x-${index}-${n}`)),
    );
    const missing = (await Promise.all(reads)).flatMap((found) => found.missing);
    expect(missing.filter((why) => why.includes('too many'))).toHaveLength(20 * 8 - 64);
    expect(asked().length).toBeLessThanOrEqual(64);
  });
});

describe('what is remembered', () => {
  test('a Secret for a minute, by whoever asks at once', async () => {
    put('regcred');
    await Promise.all([read(['regcred']), read(['regcred']), read(['regcred'])]);
    expect(asked()).toEqual(['regcred']);
    clock += 59_999;
    const [first] = (await read(['regcred'])).workload;
    expect(asked()).toEqual([]);
    // The same object: it is parsed once.
    expect((await read(['regcred'])).workload[0]).toBe(first);
    clock += 1;
    await read(['regcred']);
    expect(asked()).toEqual(['regcred']);
  });

  test('and longer while the API server cannot be asked; not once it is gone', async () => {
    put('regcred');
    await read(['regcred']);
    clock += 60_000;
    api.intercept = (_request, response) => response.destroy() !== undefined;
    expect(await read(['regcred'])).toMatchObject({ workload: [{ name: 'regcred' }], missing: [] });
    api.intercept = () => false;
    api.delete(SECRETS, 'regcred', 'mcp');
    clock += 60_000;
    expect(await read(['regcred'])).toMatchObject({ workload: [] });
  });

  test('one that is missing for ten seconds', async () => {
    expect((await read(['late'])).missing).toEqual([
      'the Secret "late" could not be read (it does not exist)',
    ]);
    put('late');
    clock += 9999;
    expect((await read(['late'])).workload).toEqual([]);
    clock += 1;
    expect((await read(['late'])).workload).toHaveLength(1);
    expect(asked()).toEqual(['late', 'late']);
  });

  test('renewed after ten seconds, and a change is told to everybody who asks soon after it', async () => {
    put('regcred', '{"a":1}');
    await read(['regcred']);
    put('regcred', '{"a":2}');
    clock += 9999;
    expect(await read(['regcred'], true)).toMatchObject({
      hasChanged: false,
      workload: [{ text: '{"a":1}' }],
    });
    clock += 1;
    expect(await read(['regcred'], true)).toMatchObject({
      hasChanged: true,
      workload: [{ text: '{"a":2}' }],
    });
    expect(await read(['regcred'], true)).toMatchObject({ hasChanged: true });
    expect(asked()).toEqual(['regcred', 'regcred']);
    clock += 10_000;
    expect(await read(['regcred'], true)).toMatchObject({ hasChanged: false });
  });

  test('bounded: what was read longest ago is read again', async () => {
    const large = 'x'.repeat(1024 * 1024);
    const names = Array.from({ length: 40 }, (_, index) => `large-${index}`);
    for (const name of names) {
      put(name, large);
      await read([name]);
    }
    asked();
    await read(['large-39']);
    await read(['large-0']);
    expect(asked()).toEqual(['large-0']);
  });
});
