import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { Service } from '../../src/cli/serve.ts';
import { loadSettings } from '../../src/config.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/config.ts';
import { silentLogger } from '../../src/log.ts';
import { askPort, signIn, type Answer, type SignedInBrowser } from '../admin/door.ts';
import { eventually } from '../kube/eventually.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** Who gets in, and what they may do, with the chart's own roles on a real API server. */
const ROOT = resolve(import.meta.dirname, '../..');
const SYSTEM = 'countersign-system';
const PEOPLE = 'people';
const SIGNERS = { group: 'countersign.dev', version: 'v1alpha1', resource: 'trustedsigners' };
const JSON_TYPE = { 'content-type': 'application/json' };
const work = createWorkDirectory('admin-access');

let cluster: Cluster;
let service: Service;
const tokens = { admin: '', viewer: '', nobody: '', leaver: '' };
type Person = keyof typeof tokens;

beforeAll(async () => {
  cluster = await startCluster({ workDir: work.path });
  for (const namespace of [SYSTEM, PEOPLE]) await cluster.createNamespace(namespace);
  await ok('apply', '--server-side', '-f', join(ROOT, 'manifests/crds'));
  await ok('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
  // Without the webhooks, which nobody serves here.
  const manifests = readFileSync(join(ROOT, 'manifests/install.yaml'), 'utf8').split(/^---$/m);
  const rights = manifests.filter((each) => /^kind: (ServiceAccount|(Cluster)?Role(Binding)?)$/m.test(each));
  await cluster.kubectl(['apply', '-f', '-'], { input: rights.join('---\n') });
  for (const name of Object.keys(tokens)) {
    await ok('-n', PEOPLE, 'create', 'serviceaccount', name);
    const { stdout } = await cluster.kubectl(['-n', PEOPLE, 'create', 'token', name]);
    tokens[name as Person] = stdout.trim();
  }
  for (const [name, role] of [
    ['admin', 'countersign-admin'],
    ['viewer', 'countersign-viewer'],
    ['leaver', 'countersign-viewer'],
  ])
    await ok(
      'create',
      'clusterrolebinding',
      `${name}-b`,
      `--clusterrole=${role}`,
      `--serviceaccount=${PEOPLE}:${name}`,
    );
  service = await serve('own', await ownKubeconfig());
});
afterAll(async () => {
  await service.stop();
  await cluster.stop();
  work.remove();
});

async function ok(...args: string[]): Promise<void> {
  const { code, stderr } = await cluster.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}

/** As the chart's ServiceAccount, with its rights and no others. */
async function ownKubeconfig(): Promise<string> {
  const { stdout } = await cluster.kubectl(['-n', SYSTEM, 'create', 'token', 'countersign', '--duration=4h']);
  const file = join(work.path, 'own.kubeconfig');
  const ca = Buffer.from(cluster.caPem).toString('base64');
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    clusters: [{ name: 'c', cluster: { server: cluster.url, 'certificate-authority-data': ca } }],
    users: [{ name: 'c', user: { token: stdout.trim() } }],
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

async function serve(name: string, kubeconfig: string): Promise<Service> {
  const file = join(work.path, `${name}.yaml`);
  const settings = {
    webhook: { host: '127.0.0.1', port: 0 },
    operations: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    dataDirectory: `${name}-data`,
    certificate: { directory: `${name}-certs` },
    kubeconfig,
    trustRoots: { publicGood: { refresh: false } },
  };
  writeFileSync(file, stringify(settings));
  const started = await Service.start(loadSettings({ file, flags: {}, env: {}, cwd: '/' }), silentLogger);
  await eventually('it is ready', () => started.notReady().length === 0, 60_000);
  return started;
}

function ask(
  person: Person | undefined,
  method: string,
  path: string,
  body?: object,
  at = service,
): Promise<Answer> {
  const headers = {
    ...(person !== undefined && { authorization: `Bearer ${tokens[person]}` }),
    ...(body !== undefined && JSON_TYPE),
  };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return askPort(at.ports.admin, `/api/v1${path}`, { method, headers, ...sent });
}

function paste(token: string): Promise<SignedInBrowser> {
  const { admin: port } = service.ports;
  const origin = `https://127.0.0.1:${port}`;
  return signIn((path, question) => askPort(port, path, question), origin, { method: 'token', token });
}

const signer = (name: string) => ({
  metadata: { name },
  spec: { keyless: true, issuer: 'https://accounts.google.com', subject: `${name}@example.com` },
});

describe('a token', () => {
  test('that is pasted is a session of its owner, who may what RBAC says', async () => {
    const admin = (await (await paste(tokens.admin)).ask('/api/v1/session')).json();
    expect(admin).toMatchObject({
      mode: 'cluster',
      signIn: ['token'],
      user: {
        name: `system:serviceaccount:${PEOPLE}:admin`,
        groups: expect.arrayContaining(['system:serviceaccounts']),
      },
      permissions: {
        signers: { read: true, create: true, update: true, delete: true },
        changes: true,
        verify: true,
        resolveKeys: true,
      },
    });
    const viewer = (await (await paste(tokens.viewer)).ask('/api/v1/session')).json();
    expect(viewer).toMatchObject({
      permissions: {
        signers: { read: true, create: false, update: false, delete: false },
        verifications: true,
        verify: false,
        resolveKeys: false,
      },
    });
    const nobody = (await (await paste(tokens.nobody)).ask('/api/v1/session')).json();
    expect(nobody).toMatchObject({ permissions: { signers: { read: false }, verifications: false } });
  });

  test('G2: a viewer reads and changes nothing, nobody reads nothing, a stranger gets no answer', async () => {
    const statuses = async (method: string, path: string, body?: object) =>
      Promise.all(
        (['admin', 'viewer', 'nobody', undefined] as const).map(
          async (person) => (await ask(person, method, path, body)).status,
        ),
      );
    expect(await statuses('GET', '/signers')).toEqual([200, 200, 403, 401]);
    expect(await statuses('GET', '/verifications')).toEqual([200, 200, 403, 401]);
    expect(await statuses('GET', '/changes')).toEqual([200, 200, 403, 401]);
    expect(await statuses('POST', '/signers?dryRun=true', signer('tried'))).toEqual([200, 403, 403, 401]);
    expect(await statuses('POST', '/verify', { image: 'registry.example/a:v1' })).toEqual([
      200, 403, 403, 401,
    ]);
    expect((await ask('viewer', 'POST', '/signers', signer('pager'))).status).toBe(403);
    expect((await ask('admin', 'POST', '/signers', signer('pager'))).status).toBe(201);
    for (const [method, path] of [
      ['POST', '/signers/pager/disable'],
      ['DELETE', '/signers/pager'],
    ] as const)
      expect((await ask('viewer', method, path)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect((await ask('viewer', 'GET', '/signers/pager')).json()).toMatchObject({ spec: { enabled: true } });
  });

  test("G12: the API server's audit log names the person, and Countersign nowhere", async () => {
    expect((await ask('admin', 'POST', '/signers', signer('audited'))).status).toBe(201);
    const lines = (): readonly string[] =>
      readFileSync(cluster.auditLog, 'utf8')
        .split('\n')
        // The last line may not be whole yet.
        .slice(0, -1)
        .filter((line) => line.includes('"create"') && line.includes('"audited"'));
    await eventually('the audit log has it', () => lines().length > 0, 20_000);
    for (const line of lines()) {
      const { user } = JSON.parse(line) as { readonly user: object };
      expect(user).toMatchObject({ username: `system:serviceaccount:${PEOPLE}:admin` });
      expect(line).not.toContain('impersonatedUser');
    }
  });

  test('G4: that is none, is forged, is for somebody else or is over opens nothing', async () => {
    const [head = '', payload = '', signature = ''] = tokens.admin.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const key = createPrivateKey(readFileSync(join(work.path, 'kubernetes/service-accounts.key')));
    const signed = (changed: object): string => {
      const text = `${head}.${encode({ ...claims, ...changed })}`;
      return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
    };
    const now = Math.floor(Date.now() / 1000);
    const good = signed({});
    const bad = {
      garbage: 'garbage',
      'no signature': `${encode({ alg: 'none' })}.${payload}.`,
      'another payload': `${head}.${encode({ ...claims, sub: 'system:admin' })}.${signature}`,
      expired: signed({ iat: now - 7_200, nbf: now - 7_200, exp: now - 3_600 }),
      'of another audience': signed({ aud: ['vault'] }),
      'not valid yet': signed({ nbf: now + 3_600, exp: now + 7_200 }),
    };
    const get = (token: string) =>
      askPort(service.ports.admin, '/api/v1/signers', { headers: { authorization: `Bearer ${token}` } });
    const statusOf = (answer: Answer | undefined) => ({
      status: answer?.status,
      asks: answer?.headers['www-authenticate'],
    });
    expect((await get(good)).status).toBe(200);
    // At once: each wrong one is answered late.
    const answers = await Promise.all(Object.values(bad).map(get));
    expect(Object.keys(bad).map((what, at) => [what, statusOf(answers[at])])).toEqual(
      Object.keys(bad).map((what) => [what, { status: 401, asks: 'Bearer realm="countersign"' }]),
    );
    const signIns = await Promise.allSettled(Object.values(bad).map(paste));
    for (const each of signIns)
      expect(each).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining('401') },
      });
    // A password is nothing here.
    const basic = { authorization: `Basic ${Buffer.from('admin:password').toString('base64')}` };
    expect((await askPort(service.ports.admin, '/api/v1/signers', { headers: basic })).status).toBe(401);
  });

  test('G4: that is revoked ends its session', async () => {
    const browser = await paste(tokens.leaver);
    expect((await browser.ask('/api/v1/signers')).status).toBe(200);
    await ok('-n', PEOPLE, 'delete', 'serviceaccount', 'leaver');
    await eventually(
      'the session is over',
      async () => (await browser.ask('/api/v1/signers')).status === 401,
      30_000,
    );
    expect((await ask('leaver', 'GET', '/signers')).status).toBe(401);
  });
});

describe('a session', () => {
  test('G1: of an administrator changes nothing without its own token, and everything with it', async () => {
    const browser = await paste(tokens.admin);
    const create = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(signer('by-cookie')) };
    const forged = { ...create, headers: { ...JSON_TYPE, 'x-csrf-token': 'x' } };
    expect((await browser.ask('/api/v1/signers', forged)).json()).toMatchObject({ code: 'CROSS_SITE' });
    const foreign = { ...create, headers: { ...JSON_TYPE, origin: 'https://evil.example' } };
    expect((await browser.ask('/api/v1/signers', foreign)).json()).toMatchObject({ code: 'CROSS_SITE' });
    expect((await ask('admin', 'GET', '/signers/by-cookie')).status).toBe(404);
    expect((await browser.ask('/api/v1/signers', create)).status).toBe(201);
  });

  test("G7: nothing that is answered holds anybody's token", async () => {
    const browser = await paste(tokens.admin);
    for (const path of ['/session', '/status', '/signers', '/changes']) {
      const { text } = await browser.ask(`/api/v1${path}`);
      for (const token of Object.values(tokens)) expect(text).not.toContain(token.slice(-32));
    }
  });
});

test("with a kubeconfig of the cluster's administrator, the caller's token decides and not the certificate", async () => {
  const config = loadKubeConfig({ kubeconfig: cluster.kubeconfig });
  const certified = new KubeClient(config);
  try {
    // What it would be without the connections of their own: the certificate wins over the header.
    const { items } = await certified.list(SIGNERS, { token: tokens.nobody });
    expect(items.length).toBeGreaterThan(0);
  } finally {
    await certified.close();
  }
  const other = await serve('certified', cluster.kubeconfig);
  try {
    const statuses = await Promise.all(
      (['admin', 'viewer', 'nobody', undefined] as const).map(
        async (person) => (await ask(person, 'GET', '/signers', undefined, other)).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 403, 401]);
    expect((await ask('viewer', 'POST', '/signers', signer('by-certificate'), other)).status).toBe(403);
    const nobody = (await ask('nobody', 'GET', '/session', undefined, other)).json();
    expect(nobody).toMatchObject({
      user: { name: `system:serviceaccount:${PEOPLE}:nobody` },
      permissions: { signers: { read: false, create: false } },
    });
  } finally {
    await other.stop();
  }
});

test('when the API server says nothing, nobody is let in and nobody is sent away', async () => {
  const browser = await paste(tokens.viewer);
  await ok('delete', 'clusterrolebinding', 'countersign');
  // Until the right is really gone, and what was known of the token is old.
  await eventually(
    'no token can be checked',
    async () => (await ask('viewer', 'GET', '/signers')).status === 503,
    60_000,
  );
  const answer = await ask('viewer', 'GET', '/signers');
  expect(answer.json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
  expect(answer.headers['retry-after']).toBe('5');
  expect((await browser.ask('/api/v1/signers')).status).toBe(503);
  await expect(paste(tokens.viewer)).rejects.toThrow('503');
  await ok(
    'create',
    'clusterrolebinding',
    'countersign',
    '--clusterrole=countersign',
    `--serviceaccount=${SYSTEM}:countersign`,
  );
  // The session is there as before.
  await eventually(
    'tokens can be checked again',
    async () => (await browser.ask('/api/v1/signers')).status === 200,
    60_000,
  );
});
