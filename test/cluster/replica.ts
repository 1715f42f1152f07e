import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '../support/ports.ts';
import { startProcess, type RunningProcess } from '../support/process.ts';
import type { Installation } from './installation.ts';

/** Further processes of one installation, as a Deployment's replicas, each asked by itself. */

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const SERVICE = 'countersign.countersign-system.svc';

export interface Replica {
  /** Whether a Pod with this image would be admitted; over TLS, as the API server asks. */
  admits(image: string, namespace: string): Promise<boolean>;
  /** An operation of the admin API; throws where it is no success. */
  call(method: string, path: string, token: string): Promise<unknown>;
  stop(): Promise<void>;
}

type Ports = Readonly<Record<'webhook' | 'admin', number>>;

/** The process that the installation started itself. */
export async function firstReplica(world: Installation): Promise<Replica> {
  const { webhook } = settingsOf(world) as { webhook: { port: number } };
  return replica(world, { webhook: webhook.port, admin: world.adminPort() }, undefined);
}

/** Another one, with the same settings and rights; ready when this returns. */
export async function anotherReplica(world: Installation, name: string): Promise<Replica> {
  const [port, operations, admin] = [await freePort(), await freePort(), await freePort()];
  const settings = settingsOf(world);
  const file = join(world.workDir, `${name}.yaml`);
  const own = {
    ...settings,
    webhook: { ...settings['webhook'], host: '127.0.0.1', port },
    operations: { host: '127.0.0.1', port: operations },
    admin: { ...settings['admin'], host: '127.0.0.1', port: admin },
    dataDirectory: join(world.workDir, `${name}-data`),
  };
  writeFileSync(file, stringify(own));
  const running = await startProcess({
    name,
    file: process.execPath,
    args: [MAIN, 'serve', '--config', file],
    workDir: world.workDir,
    ready: async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status === 200,
  });
  return replica(world, { webhook: port, admin }, running);
}

function settingsOf({ workDir }: Installation): Readonly<Record<string, Record<string, unknown>>> {
  return parse(readFileSync(join(workDir, 'countersign.yaml'), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
}

async function replica(
  world: Installation,
  ports: Ports,
  running: RunningProcess | undefined,
): Promise<Replica> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca: await authority(world) });
  const post = (port: number, method: string, path: string, headers: object, body: string) =>
    new Promise<{ status: number; text: string }>((done, fail) => {
      const options = { host: '127.0.0.1', port, servername: SERVICE, path, method, agent };
      const asked = request({ ...options, headers: { ...headers } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => done({ status: response.statusCode ?? 0, text }));
      });
      asked.on('error', fail);
      asked.end(body);
    });
  return {
    admits: async (image, namespace) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(review(image, namespace));
      const { text } = await post(ports.webhook, 'POST', '/validate?timeout=10s', headers, body);
      return (JSON.parse(text) as { response: { allowed: boolean } }).response.allowed;
    },
    call: async (method, path, token) => {
      const headers = { authorization: `Bearer ${token}` };
      const { status, text } = await post(ports.admin, method, `/api/v1${path}`, headers, '');
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
    stop: async () => {
      agent.destroy();
      await running?.stop();
    },
  };
}

/** What the API server trusts the webhook by. */
async function authority({ cluster }: Installation): Promise<string> {
  const path = '{.webhooks[0].clientConfig.caBundle}';
  const { stdout } = await cluster.kubectl([
    'get',
    'validatingwebhookconfiguration',
    'countersign',
    '-o',
    `jsonpath=${path}`,
  ]);
  return Buffer.from(stdout, 'base64').toString();
}

function review(image: string, namespace: string): object {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'server',
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'tests' },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'server', namespace },
        spec: { containers: [{ name: 'server', image }] },
      },
      oldObject: null,
      dryRun: false,
      options: {},
    },
  };
}
