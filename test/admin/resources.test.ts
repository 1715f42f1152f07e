import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../../src/policy/decision.ts';
import { policy, PEM, signer } from '../store/documents.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { ResourceServer, type Answered, type Asked } from './resource-server.ts';

const PRIVATE = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;
const DAY = 86_400_000;
const noKeys = { readKey: () => Promise.reject(new Error('nobody asks here')) };

let scratch: ReturnType<typeof scratchDirectory>;
let server: ResourceServer;

const ask = (method: string, path: string, asked?: Asked): Promise<Answered> =>
  server.ask(method, path, asked);
const draft = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { publicKey: { pem: PEM }, ...spec },
});
const create = (name: string, spec: object = {}) => ask('POST', '/signers', { body: draft(name, spec) });
const etag = (answer: Answered): string => answer.headers.etag ?? '';
const files = () => readdirSync(scratch.path).filter((name) => !name.startsWith('.'));
const yaml = (...documents: object[]) => documents.map((each) => JSON.stringify(each)).join('\n---\n');
const lines = () => server.log.map((line) => JSON.parse(line) as Record<string, unknown>);

beforeEach(async () => {
  scratch = scratchDirectory();
  server = new ResourceServer(scratch.path);
  server.write('base.yaml', yaml(policy('base')));
  await server.start(undefined, noKeys);
});

afterEach(async () => {
  await server.stop();
  scratch.remove();
});

describe('signers', () => {
  test('one is created, read, replaced, deleted; each answer tells its version', async () => {
    const created = await create('ci', { description: 'pipeline' });
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe('/api/v1/signers/ci');
    expect(created.json).toMatchObject({
      inForce: true,
      dryRun: false,
      warnings: [],
      document: {
        apiVersion: 'countersign.dev/v1alpha1',
        kind: 'TrustedSigner',
        metadata: { name: 'ci' },
        spec: { description: 'pipeline', enabled: true },
        problems: [],
        facts: { state: 'active', type: 'public_key', usedBy: [] },
      },
    });
    const [key] = created.json.document.facts.keys;
    expect(key).toEqual({ fingerprint: created.json.document.facts.identity, algorithm: 'ECDSA P-256' });
    const got = await ask('GET', '/signers/ci');
    expect([got.status, etag(got), got.json]).toEqual([200, etag(created), created.json.document]);
    const replaced = await ask('PUT', '/signers/ci', {
      headers: { 'if-match': etag(got) },
      body: draft('ci', { description: 'other', enabled: false }),
    });
    expect([replaced.status, replaced.json.document.facts.state]).toEqual([200, 'disabled']);
    expect(server.store.current().signers.get('ci')).toMatchObject({ enabled: false, description: 'other' });
    expect(etag(replaced)).not.toBe(etag(got));
    const deleted = await ask('DELETE', '/signers/ci', { headers: { 'if-match': etag(replaced) } });
    expect([deleted.status, deleted.json]).toEqual([200, { inForce: true, dryRun: false, warnings: [] }]);
    expect((await ask('GET', '/signers/ci')).status).toBe(404);
    expect(files()).toEqual(['base.yaml']);
  });

  test('YAML is taken as well', async () => {
    const body = `apiVersion: countersign.dev/v1alpha1
kind: TrustedSigner
metadata: {name: ci, labels: {team: platform}}
spec: {keyless: true, issuer: "https://accounts.google.com", subject: build@example.com}
`;
    const created = await ask('POST', '/signers', { body, type: 'application/yaml' });
    expect([created.status, created.json.document.facts]).toEqual([
      201,
      {
        state: 'active',
        type: 'keyless',
        identity: 'https://accounts.google.com build@example.com',
        keys: [],
        usedBy: [],
      },
    ]);
  });

  test('G6: without If-Match nothing is replaced; of two who saw the same, one replaces it', async () => {
    const seen = etag(await create('ci'));
    const put = (description: string, headers?: Record<string, string>) =>
      ask('PUT', '/signers/ci', { body: draft('ci', { description }), ...(headers && { headers }) });
    expect((await put('a')).json).toMatchObject({ status: 428, code: 'IF_MATCH_REQUIRED' });
    expect((await put('a', { 'if-match': '*' })).status).toBe(400);
    expect((await put('a', { 'if-match': seen })).status).toBe(200);
    expect((await put('b', { 'if-match': seen })).json).toMatchObject({
      status: 412,
      code: 'CHANGED_MEANWHILE',
    });
    expect((await ask('GET', '/signers/ci')).json.spec.description).toBe('a');
    // Revoking does not fail because of that.
    expect((await ask('POST', '/signers/ci/disable')).json.document.facts.state).toBe('disabled');
    expect((await ask('DELETE', '/signers/ci', { headers: { 'if-match': seen } })).status).toBe(412);
  });

  test('is switched off and on, and the next decision knows', async () => {
    await create('ci');
    const off = await ask('POST', '/signers/ci/disable');
    expect([off.status, off.json.inForce, etag(off)]).toEqual([200, true, expect.stringMatching(/^".+"$/)]);
    expect(server.store.current().signers.get('ci')?.enabled).toBe(false);
    expect((await ask('POST', '/signers/ci/disable')).status).toBe(200);
    expect((await ask('POST', '/signers/ci/enable')).json.document.facts.state).toBe('active');
    expect(server.store.current().signers.get('ci')?.enabled).toBe(true);
    expect((await ask('POST', '/signers/none/disable')).status).toBe(404);
  });

  test('is retired: what it signed until now counts; again changes nothing; an earlier end stays', async () => {
    await create('ci');
    const retired = await ask('POST', '/signers/ci/retire');
    expect(retired.json.document).toMatchObject({
      spec: { signedNotAfter: '2026-11-29T12:00:00Z', enabled: true },
      facts: { state: 'retired' },
    });
    server.now += DAY;
    const again = await ask('POST', '/signers/ci/retire');
    expect(again.json.document.spec.signedNotAfter).toBe('2026-11-29T12:00:00Z');
    expect(again.status).toBe(200);
    await create('later', { signedNotAfter: '2027-01-01T00:00:00Z' });
    const earlier = await ask('POST', '/signers/later/retire');
    expect(earlier.json.document.spec.signedNotAfter).toBe('2026-11-30T12:00:00Z');
    await create('future', { signedNotBefore: '2027-01-01T00:00:00Z' });
    expect((await ask('POST', '/signers/future/retire')).json).toMatchObject({
      status: 409,
      detail: expect.stringContaining('Switch it off instead'),
    });
  });

  test.each([
    ['expired', { expiresAt: '2026-11-29T12:00:00Z' }],
    ['expiring', { expiresAt: '2026-12-20T00:00:00Z' }],
    ['active', { expiresAt: '2027-03-01T00:00:00Z' }],
    ['retired', { signedNotAfter: '2026-11-01T00:00:00Z' }],
    ['disabled', { enabled: false, expiresAt: '2020-01-01T00:00:00Z' }],
    ['unavailable', { publicKey: undefined, keyRef: { uri: 'hashivault://release' } }],
    [
      'unavailable',
      { publicKey: undefined, keyless: true, issuer: 'i', subject: 's', trustRootRef: { name: 'none' } },
    ],
  ])('says how it is: %s', async (state, spec) => {
    const { json } = await create('ci', spec);
    expect(json.document.facts.state).toBe(state);
    expect(json.document.facts.stateDetail === undefined).toBe(state === 'active');
  });

  test('says that its document is not valid, and can be switched off all the same', async () => {
    server.write('bad.yaml', yaml(signer('bad', { expiresAt: 'tomorrow' })));
    const { json } = await ask('GET', '/signers/bad');
    expect(json).toMatchObject({
      facts: { state: 'invalid', stateDetail: expect.stringContaining('spec.expiresAt') },
      problems: expect.arrayContaining([expect.objectContaining({ field: 'spec.expiresAt' })]),
      metadata: { managedBy: 'the file bad.yaml' },
    });
    const off = await ask('POST', '/signers/bad/disable');
    expect(off.json).toMatchObject({ inForce: true });
    expect(off.json.warnings).toEqual([
      'This stands in the file bad.yaml: whoever keeps that file may undo the change.',
    ]);
  });

  test('tells which policies use it: by name, by selector, as a builder, for attestations; and when it vouched last', async () => {
    await ask('POST', '/signers', {
      body: { ...draft('ci'), metadata: { name: 'ci', labels: { team: 'a' } } },
    });
    await create('other');
    const slsa = {
      requiredLevel: 1,
      builders: [{ id: 'https://b.example', level: 1, signerRef: { name: 'ci' } }],
    };
    const attestations = [
      { predicateType: 'https://a.example/v1', signers: [{ signerRef: { name: 'ci' } }] },
    ];
    const uses = {
      'by-name': { trustedKeys: [{ signerRef: { name: 'ci' } }] },
      'by-selector': { trustedKeys: [{ signerSelector: { matchLabels: { team: 'a' } } }] },
      'by-builder': { slsa },
      'by-attestation': { attestations },
      not: { trustedKeys: [{ signerRef: { name: 'other' } }] },
    };
    for (const [name, spec] of Object.entries(uses)) {
      const { status, json } = await ask('POST', '/policies', {
        body: { metadata: { name }, spec: policy(name, spec).spec },
      });
      expect([status, json.code]).toEqual([201, undefined]);
    }
    server.use.decided({
      dryRun: false,
      images: [{ verdicts: [{ outcome: { kind: 'verified', signers: [{ entry: 'TrustedSigner "ci"' }] } }] }],
    } as unknown as Decision);
    const { facts } = (await ask('GET', '/signers/ci')).json;
    expect(facts.usedBy.map(({ name }) => name)).toEqual([
      'by-attestation',
      'by-builder',
      'by-name',
      'by-selector',
    ]);
    expect(facts.usedBy[0]).toEqual({ kind: 'ClusterSigningPolicy', name: 'by-attestation' });
    expect(facts.lastUsedAt).toBe('2026-11-29T12:00:00Z');
    expect((await ask('GET', '/signers/other')).json.facts.lastUsedAt).toBeUndefined();
  });

  test('a list has all, in order', async () => {
    await create('b');
    await create('a');
    const { json, headers } = await ask('GET', '/signers');
    expect(json.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect([json.isComplete, headers.etag]).toEqual([true, undefined]);
  });

  test('a dry run checks everything and changes nothing', async () => {
    const dry = await ask('POST', '/signers?dryRun=true', { body: draft('ci') });
    expect([dry.status, dry.json.dryRun, dry.headers.location]).toEqual([200, true, undefined]);
    expect(files()).toEqual(['base.yaml']);
    const bad = draft('ci', { publicKey: { pem: 'x' } });
    expect((await ask('POST', '/signers?dryRun=true', { body: bad })).status).toBe(422);
    const real = await create('ci');
    expect(etag(real)).toBe(etag(dry));
    await ask('DELETE', '/signers/ci?dryRun=true');
    await ask('POST', '/signers/ci/disable?dryRun=true');
    expect((await ask('GET', '/signers/ci')).json).toEqual(real.json.document);
  });
});

describe('G5: what is no field of a document', () => {
  test.each([
    ['__proto__ at the top', '{"metadata":{"name":"x"},"__proto__":{"polluted":1},"spec":%SPEC%}'],
    [
      '__proto__ in the spec',
      '{"metadata":{"name":"x"},"spec":{"__proto__":{"polluted":1},"publicKey":%KEY%}}',
    ],
    ['__proto__ as a label', '{"metadata":{"name":"x","labels":{"__proto__":"a"}},"spec":%SPEC%}'],
    [
      'constructor.prototype',
      '{"metadata":{"name":"x"},"spec":{"constructor":{"prototype":{"polluted":1}},"publicKey":%KEY%}}',
    ],
    ['status', '{"metadata":{"name":"x"},"spec":%SPEC%,"status":{"conditions":[]}}'],
    ['metadata.ownerReferences', '{"metadata":{"name":"x","ownerReferences":[]},"spec":%SPEC%}'],
    ['metadata.annotations', '{"metadata":{"name":"x","annotations":{}},"spec":%SPEC%}'],
    ['metadata.namespace of another', '{"metadata":{"name":"x","namespace":"kube-system"},"spec":%SPEC%}'],
    ['an unknown field', '{"metadata":{"name":"x"},"spec":{"enabeld":true,"publicKey":%KEY%}}'],
    ['a wrong type', '{"metadata":{"name":"x"},"spec":{"enabled":"yes","publicKey":%KEY%}}'],
    ['another kind', '{"kind":"ValidatingWebhookConfiguration","metadata":{"name":"x"},"spec":%SPEC%}'],
    ['another group', '{"apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"x"},"spec":%SPEC%}'],
    ['a name out of the directory', '{"metadata":{"name":"../../x"},"spec":%SPEC%}'],
  ])('%s', async (_, text) => {
    const key = JSON.stringify({ pem: PEM });
    const filled = (body: string) => body.replace('%SPEC%', `{"publicKey":${key}}`).replace('%KEY%', key);
    const { status, json } = await ask('POST', '/signers', { body: filled(text) });
    expect([400, 422]).toContain(status);
    expect(json.errors.length).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(files()).toEqual(['base.yaml']);
    const good = filled('{"metadata":{"name":"x"},"spec":%SPEC%}');
    expect((await ask('POST', '/signers', { body: good })).status).toBe(201);
  });
});

describe('G10: hostile YAML', () => {
  const GOOD = `metadata: {name: x}\nspec:\n  keyless: true\n  issuer: https://a.example\n  subject: me\n`;
  test.each([
    ['an alias bomb', `a: &a [x,x]\nb: &b [*a,*a]\n${GOOD}`],
    ['a tag', GOOD.replace('subject: me', 'subject: !!js/function "x"')],
    ['a key twice', `${GOOD}  subject: you\n`],
    ['two documents', `${GOOD}---\n${GOOD}`],
    ['RBAC', 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: []\n'],
    ['two MiB', `${GOOD}#${'x'.repeat(2 * 1024 * 1024)}\n`],
  ])('%s is refused, and nothing of it is kept', async (_, body) => {
    const refused = await ask('POST', '/signers', { body, type: 'application/yaml' });
    expect([400, 413, 422]).toContain(refused.status);
    expect(files()).toEqual(['base.yaml']);
    expect((await ask('POST', '/signers', { body: GOOD, type: 'application/yaml' })).status).toBe(201);
  });
});

describe('G7: secrets', () => {
  test.each([
    ['a private key for a public one', { publicKey: { pem: PRIVATE } }, 'spec.publicKey.pem'],
    ['a private key in a text', { description: `x ${PRIVATE}` }, 'spec.description'],
    ['half a private key', { description: PRIVATE.slice(0, 60) }, 'spec.description'],
    ['a password in a URL', { description: 'https://me:hunter2@vault.example' }, 'spec.description'],
  ])('%s is refused, stored nowhere, and told to nobody', async (_, spec, field) => {
    const refused = await create('ci', spec);
    expect(refused.json).toMatchObject({ status: 422, errors: [{ field }] });
    const secret = PRIVATE.split('\n')[1] ?? '';
    const told = refused.body.toString() + server.log.join('');
    expect(told).not.toContain(secret);
    expect(told).not.toContain('hunter2');
    expect(files()).toEqual(['base.yaml']);
    expect((await create('ci', { description: 'https://me@vault.example' })).status).toBe(201);
  });

  test('one that somebody wrote into a file is not shown', async () => {
    const description = `https://me:hunter2@vault.example ${PRIVATE}`;
    server.write('leak.yaml', yaml(signer('leak', { description })));
    for (const { body } of [
      await ask('GET', '/signers'),
      await ask('GET', '/signers/leak'),
      await ask('POST', '/signers/leak/disable'),
    ]) {
      expect(body.toString()).toContain('https://[redacted]@vault.example [redacted private key]');
      expect(body.toString()).not.toContain('hunter2');
      expect(body.toString()).not.toContain(PRIVATE.split('\n')[1]);
    }
    expect(readFileSync(join(scratch.path, 'leak.yaml'), 'utf8')).toContain('hunter2');
  });
});

describe('policies', () => {
  const body = (name: string, spec: object = {}) => ({ metadata: { name }, spec: policy(name, spec).spec });

  test('of the cluster and of namespaces; one list has both', async () => {
    expect((await ask('POST', '/policies', { body: body('house') })).status).toBe(201);
    const { spec } = body('x');
    const created = await ask('POST', '/namespaces/team-a/policies', {
      body: { metadata: { name: 'own', namespace: 'team-a' }, spec },
    });
    expect([created.status, created.headers.location]).toEqual([
      201,
      '/api/v1/namespaces/team-a/policies/own',
    ]);
    await ask('POST', '/namespaces/team-b/policies', { body: { metadata: { name: 'own' }, spec } });
    const named = async (path: string) =>
      (await ask('GET', path)).json.items.map(({ metadata }) =>
        [metadata.namespace, metadata.name].join('/'),
      );
    expect(await named('/policies')).toEqual(['/base', '/house', 'team-a/own', 'team-b/own']);
    expect(await named('/policies?namespace=team-b')).toEqual(['/base', '/house', 'team-b/own']);
    expect(await named('/namespaces/team-a/policies')).toEqual(['team-a/own']);
    const { json } = await ask('GET', '/namespaces/team-a/policies/own');
    expect(json).toMatchObject({
      kind: 'SigningPolicy',
      facts: { mode: 'Enforce', usableEntries: 1, unusable: [] },
    });
    expect((await ask('GET', '/namespaces/team-c/policies/own')).status).toBe(404);
    const wrong = { metadata: { name: 'own', namespace: 'team-b' }, spec };
    expect((await ask('POST', '/namespaces/team-a/policies', { body: wrong })).json.errors[0]?.field).toBe(
      'metadata.namespace',
    );
    expect((await ask('DELETE', '/namespaces/team-a/policies/own')).status).toBe(200);
  });

  test('say what of them cannot be used, and warn of what is risky', async () => {
    await create('off', { enabled: false });
    const trustedKeys = [
      { signerRef: { name: 'off' } },
      { signerRef: { name: 'none' } },
      { publicKey: { pem: PEM } },
    ];
    const { json } = await ask('POST', '/policies', {
      body: body('mixed', { trustedKeys, tagPolicy: 'Resolve' }),
    });
    expect(json.document.facts).toEqual({
      mode: 'Enforce',
      usableEntries: 1,
      unusable: ['TrustedSigner "off": it is switched off', 'TrustedSigner "none": it does not exist'],
    });
    expect(json.warnings).toEqual([expect.stringContaining('tagPolicy Resolve')]);
  });

  test('G13: Enforce is not switched off by accident', async () => {
    const seen = etag(await ask('POST', '/policies', { body: body('house') }));
    const mode = (value: unknown, more: object = {}) =>
      ask('POST', '/policies/house/mode', { body: { mode: value, ...more } });
    for (const value of [null, 'False', 0, '', 'enforce', undefined, ['Audit']]) {
      expect((await mode(value, { confirm: true })).status).toBe(422);
    }
    const put = (spec: object, query = '') => {
      const document = body('house', spec);
      return ask('PUT', `/policies/house${query}`, { body: document, headers: { 'if-match': seen } });
    };
    for (const value of [null, 'False', 0, undefined])
      expect((await put({ mode: value }, '?confirm=true')).status).toBe(422);
    for (const refused of [
      await mode('Audit'),
      await mode('Warn', { confirm: false }),
      await put({ mode: 'Audit' }),
    ]) {
      expect(refused.json).toMatchObject({
        status: 422,
        errors: [{ field: 'spec.mode', message: expect.stringContaining('onfirm') }],
      });
    }
    expect(server.store.current().policies.map(({ policy: { mode: now } }) => now)).toEqual([
      'Enforce',
      'Enforce',
    ]);
    expect(lines().filter(({ level }) => level === 'warn')).toEqual([]);
    expect((await put({ mode: 'Warn' }, '?dryRun=true')).json).toMatchObject({ dryRun: true });
    expect((await ask('GET', '/policies/house')).json.facts.mode).toBe('Enforce');
    const weaker = await put({ mode: 'Warn' }, '?confirm=true');
    expect([weaker.status, weaker.json.document.facts.mode]).toEqual([200, 'Warn']);
    expect((await mode('Audit', { confirm: true })).json.document.facts.mode).toBe('Audit');
    expect(lines().filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        msg: 'a policy was made weaker',
        action: 'update',
        name: 'house',
        actor: 'admin',
      }),
      expect.objectContaining({ msg: 'a policy was made weaker', action: 'mode' }),
    ]);
    // Stricter needs no word.
    expect((await mode('Enforce')).json.document.facts.mode).toBe('Enforce');
  });

  test('the last one stays', async () => {
    expect((await ask('DELETE', '/policies/base')).json).toMatchObject({
      status: 409,
      code: 'CONFLICT',
      detail: expect.stringContaining('last policy'),
    });
  });

  test('the name of the document is that of the path', async () => {
    const seen = etag(await ask('POST', '/policies', { body: body('house') }));
    const refused = await ask('PUT', '/policies/house', {
      body: body('base'),
      headers: { 'if-match': seen },
    });
    expect(refused.json).toMatchObject({ status: 422, errors: [{ field: 'metadata.name' }] });
  });
});

describe('trust roots', () => {
  test('a built-in one is there to be read, until a document takes its place', async () => {
    const { json } = await ask('GET', '/trust-roots');
    expect(json.items).toEqual([
      expect.objectContaining({
        metadata: { name: 'public-good', resourceVersion: 'built-in' },
        facts: {
          state: 'known',
          builtIn: true,
          fingerprint: expect.stringMatching(/^sha256:/),
          usedBy: [{ kind: 'ClusterSigningPolicy', name: 'base' }],
        },
      }),
    ]);
    const one = await ask('GET', '/trust-roots/public-good');
    expect([one.status, etag(one)]).toEqual([200, '"built-in"']);
    const document = { metadata: { name: 'public-good' }, spec: { publicGood: {} } };
    const put = await ask('PUT', '/trust-roots/public-good', {
      body: document,
      headers: { 'if-match': etag(one) },
    });
    expect(put.json).toMatchObject({
      status: 409,
      detail: expect.stringContaining('create a TrustRoot of this name'),
    });
    expect((await ask('DELETE', '/trust-roots/public-good')).status).toBe(409);
    expect((await ask('DELETE', '/trust-roots/none')).status).toBe(404);
    expect((await ask('POST', '/trust-roots', { body: document })).status).toBe(201);
    const replaced = (await ask('GET', '/trust-roots')).json.items;
    expect(replaced.map(({ facts }) => facts.builtIn)).toEqual([false]);
    expect((await ask('DELETE', '/trust-roots/public-good')).status).toBe(200);
    expect((await ask('GET', '/trust-roots/public-good')).json.facts.builtIn).toBe(true);
  });
});

test('exceptions: created, told, deleted, never changed', async () => {
  const spec = {
    namespaces: ['mcp'],
    images: ['ghcr.io/org/**'],
    reason: 'incident 7',
    expiresAt: '2026-11-30T00:00:00Z',
  };
  const created = await ask('POST', '/exceptions', { body: { metadata: { name: 'incident' }, spec } });
  expect([created.status, created.json.document.facts]).toEqual([201, { state: 'active' }]);
  const put = await ask('PUT', '/exceptions/incident', {
    body: created.json.document,
    headers: { 'if-match': etag(created) },
  });
  expect(put.status).toBe(405);
  server.now += DAY;
  expect((await ask('GET', '/exceptions')).json.items[0]?.facts.state).toBe('expired');
  expect((await ask('DELETE', '/exceptions/incident')).status).toBe(200);
});

test('G12: each change leaves a line with who, what and which, that nothing in it can break', async () => {
  await create('ci', { description: 'a\r\nINFO fake\u001b[2J\u009b\u2028' });
  await ask('POST', '/signers/ci/disable');
  await ask('POST', '/signers', { body: draft('ci') });
  const odd = encodeURIComponent('x\r\n\u001b[31m');
  expect([400, 404]).toContain((await ask('POST', `/signers/${odd}/disable`)).status);
  await ask('DELETE', '/signers/ci?dryRun=true');
  await ask('DELETE', '/signers/ci');
  const told = lines().filter(({ msg }) => /change/.test(String(msg)));
  expect(
    told.map(({ actor, action, kind, name, code }) => [actor, action, kind, name, code].join(' ').trim()),
  ).toEqual([
    'admin create TrustedSigner ci',
    'admin disable TrustedSigner ci',
    'admin create TrustedSigner ci ALREADY_EXISTS',
    'admin delete TrustedSigner ci',
  ]);
  for (const line of server.log) expect(line.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
});

test.each(['A', '...', 'a/b', 'a_b', ' ', '%00', 'x'.repeat(300)])(
  'G2: %j is the name of nothing, in a path and in a query',
  async (name) => {
    const odd = encodeURIComponent(name);
    const asked: readonly (readonly [string, string])[] = [
      ['GET', `/signers/${odd}`],
      ['POST', `/signers/${odd}/disable`],
      ['DELETE', `/policies/${odd}`],
      ['GET', `/namespaces/${odd}/policies`],
      ['GET', `/policies?namespace=${odd}`],
    ];
    for (const [method, path] of asked) expect([400, 404]).toContain((await ask(method, path)).status);
    for (const dots of ['.', '..'])
      expect((await ask('GET', `/policies?namespace=${dots}`)).status).toBe(400);
    expect((await ask('GET', '/policies?namespace=a.b')).status).toBe(200);
  },
);
