import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
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

interface Line {
  readonly msg: string;
  readonly actor?: string;
  readonly action?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly code?: string;
  readonly wrong?: readonly string[];
}

const refusals = (): Line[] =>
  server.log.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'a change was refused');

describe('G12: what is refused leaves a line of who tried what and why', () => {
  const spec = { publicKey: { pem: PEM } };
  const cases: readonly (readonly [
    what: string,
    asked: readonly [method: string, path: string, asked?: Parameters<ResourceServer['ask']>[2]],
    line: Partial<Line>,
  ])[] = [
    [
      'an unknown field',
      ['POST', '/signers', { body: { metadata: { name: 'ci' }, spec: { ...spec, enabeld: true } } }],
      { action: 'create', name: 'ci', code: 'INVALID', wrong: ['spec.enabeld'] },
    ],
    [
      'what is no PEM',
      ['POST', '/signers', { body: { metadata: { name: 'ci' }, spec: { publicKey: { pem: 'x' } } } }],
      { action: 'create', name: 'ci', code: 'INVALID', wrong: ['spec.publicKey.pem'] },
    ],
    [
      'a secret',
      ['POST', '/signers', { body: draft('ci', { description: 'https://me:hunter2@x.example' }) }],
      { action: 'create', name: 'ci', code: 'INVALID', wrong: ['spec.description'] },
    ],
    [
      'what is no JSON',
      ['POST', '/signers', { body: '{' }],
      { action: 'create', name: '', code: 'BAD_REQUEST' },
    ],
    [
      'no version',
      ['PUT', '/signers/ci', { body: draft('ci') }],
      { action: 'update', name: 'ci', code: 'IF_MATCH_REQUIRED' },
    ],
    [
      'another name than that of the path',
      ['PUT', '/signers/ci', { body: draft('other'), headers: { 'if-match': '"1"' } }],
      { action: 'update', name: 'ci', code: 'INVALID', wrong: ['metadata.name'] },
    ],
    [
      'another namespace than that of the path',
      [
        'POST',
        '/namespaces/team/policies',
        { body: { metadata: { name: 'own', namespace: 'other' }, spec: policy('x').spec } },
      ],
      { action: 'create', kind: 'SigningPolicy', namespace: 'team', name: 'own', code: 'INVALID' },
    ],
    [
      'a signer that is not there',
      ['POST', '/signers/none/retire'],
      { action: 'retire', name: 'none', code: 'NOT_FOUND' },
    ],
    [
      'a weaker mode that nobody confirmed',
      ['POST', '/policies/base/mode', { body: { mode: 'Audit' } }],
      { action: 'mode', kind: 'ClusterSigningPolicy', name: 'base', code: 'INVALID', wrong: ['spec.mode'] },
    ],
    [
      'a mode that there is not',
      ['POST', '/policies/base/mode', { body: { mode: 'Off' } }],
      { action: 'mode', kind: 'ClusterSigningPolicy', name: 'base', code: 'INVALID', wrong: ['mode'] },
    ],
    [
      'a name that is taken',
      ['POST', '/policies', { body: { metadata: { name: 'base' }, spec: policy('x').spec } }],
      { action: 'create', kind: 'ClusterSigningPolicy', name: 'base', code: 'ALREADY_EXISTS' },
    ],
  ];
  test.each(cases)('%s', async (_what, [method, path, asked], line) => {
    const { status } = await server.ask(method, path, asked);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(refusals()).toEqual([expect.objectContaining({ actor: 'admin', kind: 'TrustedSigner', ...line })]);
    expect(server.log.join('')).not.toContain('hunter2');
    expect(await entries()).toEqual([]);
  });

  test('however long it is, in one line that holds nothing of it but names', async () => {
    const long = 'x'.repeat(20_000);
    const field = (index: number) => `a\r\n\u001b[31m${index}${'y'.repeat(500)}`;
    const wrong = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [field(index), long]));
    await server.ask('POST', '/signers', { body: { metadata: { name: long }, ...wrong } });
    await server.ask('DELETE', `/signers/${'n'.repeat(2_000)}`);
    expect(refusals()).toHaveLength(2);
    for (const line of server.log) {
      expect(line.length).toBeLessThan(4_000);
      expect(line.slice(0, -1)).not.toMatch(/\p{Cc}/u);
      expect(line).not.toContain('x'.repeat(300));
    }
  });

  test('no line is left by a reader, by a stranger, or by whoever has a document checked', async () => {
    await server.ask('GET', '/signers/none');
    await server.ask('POST', '/signers', { body: '{', headers: { authorization: 'Bearer' } });
    await server.ask('POST', '/signers?dryRun=true', { body: { metadata: { name: 'ci' } } });
    expect(refusals()).toEqual([]);
    await server.ask('POST', '/signers', { body: { metadata: { name: 'ci' } } });
    expect(refusals()).toHaveLength(1);
  });
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
