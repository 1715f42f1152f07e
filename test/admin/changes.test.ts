import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { History } from '../../src/history/history.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';
import { PEM, policy, signer } from '../store/documents.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { ResourceServer } from './resource-server.ts';

const noKeys = { readKey: () => Promise.reject(new Error('nobody asks here')) };
const meter = new Proxy({}, { get: () => () => undefined }) as never;

interface Entry {
  readonly action: string;
  readonly kind: string;
  readonly name: string;
  readonly actor: string;
  readonly before?: string;
  readonly after?: string;
  readonly [field: string]: unknown;
}

let scratch: ReturnType<typeof scratchDirectory>;
let kept: ReturnType<typeof scratchDirectory>;
let server: ResourceServer;
let history: History;

const draft = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { publicKey: { pem: PEM }, ...spec },
});
const entries = async (query = ''): Promise<Entry[]> =>
  ((await server.ask('GET', `/changes${query}`)).json.items as unknown as Entry[] | undefined) ?? [];

beforeEach(async () => {
  kept = scratchDirectory();
  history = new History({
    settings: {
      place: { path: join(kept.path, 'history.sqlite'), maxMegabytes: 100 },
      retention: { days: 30, rows: 10_000 } as never,
      bufferRows: 1_000,
    },
    replica: 'here',
    logger: silentLogger,
    meter,
    timing: { gather: 5 },
  });
  history.start();
  scratch = scratchDirectory();
  server = new ResourceServer(scratch.path);
  server.write('base.yaml', JSON.stringify(policy('base')));
  await server.start(history, noKeys);
});

afterEach(async () => {
  await server.stop();
  await history.stop(2_000);
  scratch.remove();
  kept.remove();
});

test('G12: every kind of change is kept with who, what, and the document before and after', async () => {
  const secret = 'https://me:hunter2@x.example';
  server.write('leak.yaml', JSON.stringify(signer('leak', { description: `a\r\n\u001b[31m ${secret}` })));
  const { headers } = await server.ask('POST', '/signers', { body: draft('ci') });
  const version = { 'if-match': headers.etag ?? '' };
  await server.ask('PUT', '/signers/ci', { body: draft('ci', { description: 'x' }), headers: version });
  for (const verb of ['disable', 'enable', 'retire']) await server.ask('POST', `/signers/ci/${verb}`);
  await server.ask('POST', '/signers/leak/disable');
  await server.ask('DELETE', '/signers/ci');
  await server.ask('POST', '/namespaces/team/policies', {
    body: { metadata: { name: 'own' }, spec: policy('x').spec },
  });
  await server.ask('POST', '/policies/base/mode', { body: { mode: 'Audit', confirm: true } });
  // None of these leaves one.
  await server.ask('POST', '/signers?dryRun=true', { body: draft('dry') });
  await server.ask('POST', '/signers/leak/enable?dryRun=true');
  await server.ask('DELETE', '/signers/none');
  await server.ask('GET', '/signers');
  await eventually('written', async () => (await entries()).length === 9);
  const all = (await entries()).toReversed();
  expect(all.map(({ actor, action, kind, name }) => [actor, action, kind, name].join(' '))).toEqual([
    'admin create TrustedSigner ci',
    'admin update TrustedSigner ci',
    'admin disable TrustedSigner ci',
    'admin enable TrustedSigner ci',
    'admin retire TrustedSigner ci',
    'admin disable TrustedSigner leak',
    'admin delete TrustedSigner ci',
    'admin create SigningPolicy own',
    'admin mode ClusterSigningPolicy base',
  ]);
  const [created, , disabled, , , leaked, deleted, own] = all;
  expect([created?.before, JSON.parse(created?.after ?? '')]).toEqual([
    undefined,
    { spec: { publicKey: { pem: PEM }, enabled: true } },
  ]);
  expect(JSON.parse(disabled?.before ?? '').spec.enabled).toBe(true);
  expect(JSON.parse(disabled?.after ?? '').spec.enabled).toBe(false);
  expect([deleted?.after, typeof deleted?.before]).toEqual([undefined, 'string']);
  expect(own?.['namespace']).toBe('team');
  expect(leaked?.before).toContain('https://[redacted]@x.example');
  for (const text of [leaked?.before, leaked?.after, server.log.join('')]) {
    expect(text).not.toContain('hunter2');
    expect(text?.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
});

test('is paged, and filtered by who and what', async () => {
  for (const name of ['a', 'b', 'c']) await server.ask('POST', '/signers', { body: draft(name) });
  await eventually('written', async () => (await entries()).length === 3);
  const first = (await server.ask('GET', '/changes?limit=2')).json;
  expect((first.items as unknown as Entry[]).map(({ name }) => name)).toEqual(['c', 'b']);
  const second = (await server.ask('GET', `/changes?limit=2&cursor=${encodeURIComponent(first.next)}`)).json;
  expect([(second.items as unknown as Entry[]).map(({ name }) => name), second.next]).toEqual([
    ['a'],
    undefined,
  ]);
  expect((await entries('?name=b')).map(({ name }) => name)).toEqual(['b']);
  expect(await entries('?actor=somebody')).toEqual([]);
  for (const query of ['?limit=0', '?limit=501', '?cursor=nonsense', '?x=1', '?limit=2&limit=3']) {
    expect((await server.ask('GET', `/changes${query}`)).json.status).toBe(400);
  }
});

test('G2: needs the right to list changes', async () => {
  const refused = await server.ask('GET', '/changes', { as: 'viewer' });
  expect(refused.json).toMatchObject({ status: 403, detail: expect.stringContaining('list changes') });
  await eventually('opened', async () => (await server.ask('GET', '/changes')).status === 200);
  expect(await entries()).toEqual([]);
});

test('without a history there is none', async () => {
  const other = new ResourceServer(scratch.path);
  await other.start(undefined, noKeys);
  expect((await other.ask('GET', '/changes')).json).toMatchObject({ status: 501, code: 'HISTORY_OFF' });
  expect((await other.ask('POST', '/signers', { body: draft('ci') })).status).toBe(201);
  await other.stop();
});
