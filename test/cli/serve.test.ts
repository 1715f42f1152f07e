import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { untilHolds } from '../kube/eventually.ts';
import { http } from '../support/http-client.ts';
import { freePort } from '../support/ports.ts';

/** The program as people start it: a process of its own. */
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const RUN = resolve(import.meta.dirname, '../../examples/run.ts');

const policy = {
  apiVersion: 'countersign.dev/v1alpha1',
  kind: 'ClusterSigningPolicy',
  metadata: { name: 'all' },
  spec: {
    mode: 'Enforce',
    tagPolicy: 'Resolve',
    requireSignature: true,
    trustedKeys: [{ keyless: true, issuer: 'https://accounts.google.com', subject: 'build@example.com' }],
  },
};

interface Program {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly url: string;
  readonly operations: string;
  readonly exit: Promise<number>;
  output(): string;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).toReversed()) clean();
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function program(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, args as string[], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  cleanups.push(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (said += data.toString()));
  const exit = new Promise<number>((done) => child.once('close', (code) => done(code ?? -1)));
  return { child, exit, output: () => said };
}

async function serve(settings: Record<string, unknown> = {}): Promise<Program> {
  const folder = scratch();
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies/all.yaml'), stringify(policy));
  const [port, operationsPort] = [await freePort(), await freePort()];
  const file = join(folder, 'settings.yaml');
  writeFileSync(
    file,
    stringify({
      webhook: { host: '127.0.0.1', port },
      operations: { host: '127.0.0.1', port: operationsPort },
      admin: { host: '127.0.0.1', port: 0 },
      dataDirectory: 'data',
      certificate: { directory: 'tls' },
      policies: 'policies',
      ...settings,
    }),
  );
  const started = program([MAIN, 'serve', '--config', file]);
  const operations = `http://127.0.0.1:${operationsPort}`;
  await until(async () => (await http(`${operations}/readyz`)).status === 200, started.output);
  return { ...started, folder, url: `https://localhost:${port}`, operations };
}

async function until(condition: () => Promise<boolean>, explain: () => string): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(25)) {
    if (await condition().catch(() => false)) return;
  }
  throw new Error(`it never came to that. ${explain()}`);
}

function validate(running: Program, image: string, query = '') {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'mcp' },
    spec: { containers: [{ name: 'server', image }] },
  };
  return sendReview(running, `/validate${query}`, { kind, resource, namespace: 'mcp', object });
}

function sendReview({ url, folder }: Program, path: string, request: object) {
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u-1', name: 'a', operation: 'CREATE', userInfo: { username: 'dev' }, ...request },
  });
  const ca = readFileSync(join(folder, 'tls/ca.crt'), 'utf8');
  const headers = { 'content-type': 'application/json' };
  return http(`${url}${path}`, { method: 'POST', headers, body, ca });
}

/** A registry that takes connections and says nothing. */
async function silentRegistry(): Promise<{ host: string; called: () => number }> {
  let calls = 0;
  const server: Server = createServer(() => calls++);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  cleanups.push(() => server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, called: () => calls };
}

describe('countersign serve, standalone', () => {
  test('F5, H11: a first SIGTERM finishes the review under way, with its own answer before the deadline', async () => {
    const registry = await silentRegistry();
    const running = await serve({ registries: [{ host: registry.host, plainHttp: true }], drainSeconds: 1 });
    const began = Date.now();
    const answer = validate(running, `${registry.host}/org/a:v1`, '?timeout=5s');
    await until(async () => registry.called() > 0, running.output);
    running.child.kill('SIGTERM');
    await until(async () => (await http(`${running.operations}/readyz`)).status === 503, running.output);
    expect((await http(`${running.operations}/readyz`)).body.toString()).toContain('about to end');
    expect((await http(`${running.operations}/healthz`)).status).toBe(200);

    const { status, body, headers } = await answer;
    const took = Date.now() - began;
    expect(status).toBe(200);
    expect(headers['connection']).toBe('close');
    expect(JSON.parse(body.toString())).toMatchObject({
      response: { uid: 'u-1', allowed: false, status: { code: 503 } },
    });
    // Neither the signal nor the end of the drain cut it short, and the registry's own time was not over.
    expect(body.toString()).toMatch(/did not answer before the deadline of the review.*\[TIMEOUT\]/);
    expect(took).toBeGreaterThan(4_000);
    expect(await running.exit).toBe(0);
    await expect(validate(running, 'a.example/b:v1')).rejects.toThrow('ECONNREFUSED');
  });

  test('H11: a second signal ends it at once', async () => {
    const running = await serve({ drainSeconds: 60 });
    running.child.kill('SIGTERM');
    await until(async () => running.output().includes('stopping'), running.output);
    running.child.kill('SIGINT');
    expect(await running.exit).toBe(3);
  });

  test('a policy that changes, one that is added, and one that cannot be read', async () => {
    const running = await serve({ noMatch: 'Allow' });
    const image = 'nowhere.example/org/a@sha256:' + '0'.repeat(64);
    const allowed = async (): Promise<boolean> => {
      const { response } = JSON.parse((await validate(running, image)).body.toString()) as {
        response: { allowed: boolean };
      };
      return response.allowed;
    };
    expect(await allowed()).toBe(false);
    const file = join(running.folder, 'policies/all.yaml');
    writeFileSync(file, stringify({ ...policy, spec: { ...policy.spec, mode: 'Warn' } }));
    await until(allowed, running.output);
    writeFileSync(
      join(running.folder, 'policies/more.yaml'),
      stringify({ ...policy, metadata: { name: 'more' } }),
    );
    await until(async () => !(await allowed()), running.output);
    const metrics = (await http(`${running.operations}/metrics`)).body.toString();
    expect(metrics).toMatch(/^countersign_decisions_total\{.*outcome="denied".*\} \d/m);
    expect(metrics).toMatch(/^countersign_ready 1$/m);
  });

  test('an exception that ends too late, or names a policy that is not there, draws warnings', async () => {
    const running = await serve();
    const warnings = async (name: string, expiresAt: string): Promise<unknown> => {
      const version = { group: 'countersign.dev', version: 'v1alpha1' };
      const spec = { namespaces: ['mcp'], images: ['a.example/b'], policies: [name], reason: 'x', expiresAt };
      const { body } = await sendReview(running, '/validate-policy', {
        kind: { ...version, kind: 'SigningException' },
        resource: { ...version, resource: 'signingexceptions' },
        object: { apiVersion: policy.apiVersion, kind: 'SigningException', metadata: { name: 'a' }, spec },
      });
      const { response } = JSON.parse(body.toString()) as {
        response: { allowed: boolean; warnings?: readonly string[] };
      };
      return [response.allowed, response.warnings];
    };
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    expect(await warnings('all', soon)).toEqual([true, undefined]);
    expect(await warnings('al', '9999-12-31T00:00:00Z')).toEqual([
      true,
      [
        expect.stringMatching(/^expiresAt is more than 90 days ahead/),
        'policies names no existing policy: "al"',
      ],
    ]);
  });

  test('H1: not ready, and denying, while a policy file cannot be read', async () => {
    const folder = scratch();
    writeFileSync(join(folder, 'bad.yaml'), 'kind: [');
    const [port, operationsPort] = [await freePort(), await freePort()];
    const args = ['--policies', folder, '--tls-dir', join(folder, 'tls'), '--data-dir', join(folder, 'data')];
    const started = program([
      MAIN,
      'serve',
      ...args,
      '--port',
      `${port}`,
      '--operations-port',
      `${operationsPort}`,
      '--admin-port',
      '0',
    ]);
    const operations = `http://127.0.0.1:${operationsPort}`;
    // Its servers begin to listen one after the other, and the file is read meanwhile.
    await until(async () => {
      const ready = await http(`${operations}/readyz`);
      return ready.status === 503 && ready.body.toString().includes('bad.yaml');
    }, started.output);
    const running = { ...started, folder, operations, url: `https://localhost:${port}` };
    const { body } = await untilHolds('the webhook answers', () => validate(running, 'a.example/b:v1'));
    expect(body.toString()).toContain('[NOT_SYNCED]');
    expect(JSON.parse(body.toString())).toMatchObject({ response: { uid: 'u-1', allowed: false } });
  });
});

describe('the command line', () => {
  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown command', ['guard'], "unknown command 'guard'"],
    ['an unknown option', ['serve', '--insecure'], "unknown option '--insecure'"],
    ['a port that is none', ['serve', '--port', '99999'], 'It must be 0 to 65535'],
    ['a settings file that is not there', ['serve', '--config', '/no/such.yaml'], '/no/such.yaml'],
    ['an unknown level', ['serve', '--log-level', 'loud'], 'loud'],
    ['a port that is no decimal number', ['serve', '--port', '0x1f'], 'It must be 0 to 65535'],
    ['a port given twice', ['serve', '--port', '1', '--port', '2'], 'It is given twice'],
    ['an empty folder of policies', ['serve', '--policies', ''], 'It must not be empty'],
    ['an argument that it takes none of', ['serve', 'now'], 'too many arguments'],
    ['seconds that are none', ['serve', '--drain-seconds', 'soon'], 'It must be a number of seconds'],
    ['a name that no certificate can have', ['certs', '--name', 'a b'], 'neither a DNS name nor an IP'],
    ['an empty name of a certificate', ['certs', '--name', ''], 'neither a DNS name nor an IP'],
    ['an option of crds', ['crds', '--all'], "unknown option '--all'"],
  ];
  test.each(wrong)('%s ends with code 2', async (_what, args, message) => {
    const { exit, output } = program([MAIN, ...args]);
    expect(await exit).toBe(2);
    expect(output()).toContain(message);
  });

  test('E19: a client CA that holds no certificate ends with code 2', async () => {
    const folder = scratch();
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'nothing');
    const { exit, output } = program([
      MAIN,
      'serve',
      '--policies',
      folder,
      '--tls-dir',
      folder,
      '--client-ca',
      ca,
      '--data-dir',
      join(folder, 'data'),
    ]);
    expect(await exit).toBe(2);
    expect(output()).toContain('holds no PEM certificate');
  });

  test('a Docker configuration that is not JSON ends with code 2, and one that is not there is logged', async () => {
    const folder = scratch();
    const file = join(folder, 'settings.yaml');
    writeFileSync(join(folder, 'config.json'), '{"auths": {"r.example": {"auth": "c2VjcmV0');
    const dockerConfig = join(folder, 'config.json');
    const own = { policies: folder, certificate: { directory: 'tls' }, dataDirectory: 'data', dockerConfig };
    writeFileSync(file, stringify(own));
    const broken = program([MAIN, 'serve', '--config', file]);
    expect(await broken.exit).toBe(2);
    expect(broken.output()).toContain(`${dockerConfig} cannot be used: it is not JSON`);
    expect(broken.output()).not.toContain('c2VjcmV0');
    const absent = await serve({ dockerConfig: 'absent.json' });
    expect(absent.output()).toContain('registry credentials could not be read');
  });

  test('without a cluster and without policies, it says what is missing', async () => {
    const { exit, output } = program([MAIN, 'serve', '--data-dir', join(scratch(), 'data')]);
    expect(await exit).toBe(1);
    expect(output()).toContain('does not run inside a Kubernetes cluster');
  });

  test('a port that is taken ends with code 1', async () => {
    const taken = await silentRegistry();
    const folder = scratch();
    const port = taken.host.split(':')[1] ?? '';
    const data = ['--data-dir', join(folder, 'data')];
    const args = ['serve', '--policies', folder, '--tls-dir', join(folder, 'tls'), ...data];
    const { exit, output } = program([MAIN, ...args, '--operations-port', port]);
    expect(await exit).toBe(1);
    expect(output()).toContain('EADDRINUSE');
    const others = ['--port', '0', '--operations-port', '0', '--admin-port', port];
    const admin = program([MAIN, ...args, ...others]);
    expect(await admin.exit).toBe(1);
    expect(admin.output()).toContain(`port ${port} of the admin page is taken (EADDRINUSE)`);
  });

  test('help tells commands and exit codes', async () => {
    const { exit, output } = program([MAIN, '--help']);
    expect(await exit).toBe(0);
    for (const word of ['serve', 'certs', 'crds', 'Exit codes: 0 done']) expect(output()).toContain(word);
  });

  test('certs makes a certificate once', async () => {
    const folder = join(scratch(), 'made');
    const args = [MAIN, 'certs', '--dir', folder, '--name', 'countersign.example', '10.0.0.1'];
    const first = program(args);
    expect(await first.exit).toBe(0);
    expect(first.output()).toContain('DNS:countersign.example, IP Address:10.0.0.1');
    const made = readFileSync(join(folder, 'tls.crt'), 'utf8');
    expect(await program(args).exit).toBe(0);
    expect(readFileSync(join(folder, 'tls.crt'), 'utf8')).toBe(made);
  });

  test('crds prints the five definitions', async () => {
    const { exit, output } = program([MAIN, 'crds']);
    expect(await exit).toBe(0);
    expect(output().match(/^kind: CustomResourceDefinition$/gm)).toHaveLength(5);
  });
});

describe('make run', () => {
  test('every example is decided as it says, and the first line for the unsigned one is as promised', async () => {
    const ports = ['--port', `${await freePort()}`, '--operations-port', `${await freePort()}`];
    const folder = scratch();
    const own = ['--tls-dir', join(folder, 'tls'), '--data-dir', join(folder, 'data'), '--admin-port', '0'];
    const { exit, output } = program([RUN, '--once', ...ports, ...own]);
    expect(await exit).toBe(0);
    const text = output();
    expect(text.match(/✔ admitted/g)).toHaveLength(3);
    expect(text.match(/✘ refused/g)).toHaveLength(3);
    expect(text).toContain('\n    Image registry.example/mcp/search:v1 is not signed. Signature required.\n');
    expect(text).toContain('signed by build@example.com (issuer https://accounts.google.com)');
    expect(text).toMatch(/pinned to registry\.example\/mcp\/files:v1@sha256:[0-9a-f]{64}/);
  });
});
