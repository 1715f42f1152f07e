import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { applyObject, createObject, readObject } from '../support/api-objects.ts';
import { createCosign, generateKeyPair, type Cosign, type KeyFiles } from '../support/cosign.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { freePort } from '../support/ports.ts';
import { run, startProcess, type Output, type RunningProcess } from '../support/process.ts';
import { startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { startSigstore, type Sigstore } from '../support/sigstore.ts';
import { toolPath } from '../support/tools.ts';
import type { ExposedService } from '../support/webhook-service.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const NAMESPACE = 'countersign-system';
export const API_VERSION = 'countersign.dev/v1alpha1';

/** Countersign as the chart installs it, in front of a real API server, with a private Sigstore and two registries. */
export interface Installation {
  readonly cluster: Cluster;
  readonly sigstore: Sigstore;
  readonly registries: Readonly<Record<RegistryMode, Registry>>;
  readonly cosign: Cosign;
  readonly cosign2: Cosign;
  readonly key: KeyFiles;
  readonly workDir: string;
  /** Port of `/readyz` and `/metrics`. */
  operationsPort(): number;
  /** Port of the admin page and its API, on 127.0.0.1. */
  adminPort(): number;
  log(): string;
  startWebhook(): Promise<void>;
  stopWebhook(): Promise<void>;
  /** `kubectl apply -f -` of objects. */
  apply(...objects: object[]): Promise<Output>;
  /** Created or replaced, and it must succeed. */
  applied(...objects: object[]): Promise<void>;
  stop(): Promise<void>;
}

export interface InstallOptions {
  /** Where the manifests come from: the chart, or the rendered `manifests/install.yaml`. The chart unless told. */
  readonly source?: 'chart' | 'manifests';
  /** Values of the chart. Its `registries` come beside the two that are there. */
  readonly values?: object;
  /** There before the chart is installed, which puts Roles into those that its values name. */
  readonly namespaces?: readonly string[];
  /** What the values' `extraEnv` would set. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Installs it, and waits until the API server asks it. */
export async function install(options: InstallOptions = {}): Promise<Installation> {
  const { source = 'chart', values = {}, namespaces = [], env = {} } = options;
  const work = createWorkDirectory('cluster');
  const workDir = work.path;
  const [sigstore, referrers, fallback, cluster, key] = await Promise.all([
    startSigstore({ workDir }),
    startRegistry({ mode: 'referrers', workDir }),
    startRegistry({ mode: 'fallback', workDir }),
    startCluster({ workDir }),
    generateKeyPair(createCosign({ workDir })),
  ]);
  const registries = { referrers, fallback };
  const cosign = createCosign({ workDir, sigstore });
  const cosign2 = createCosign({ workDir, sigstore, major: 2 });

  for (const namespace of [NAMESPACE, ...namespaces]) await cluster.createNamespace(namespace);
  await (source === 'chart' ? helmInstall(cluster, workDir, values) : applyManifests(cluster));
  await untilEstablished(cluster);

  let webhook: RunningProcess | undefined;
  let service: ExposedService | undefined;
  let port = 0;
  let operations = 0;
  let admin = 0;
  const settingsOfChart = await installedSettings(cluster);

  const ofChart = (settingsOfChart['registries'] ?? []) as readonly object[];

  const startWebhook = async (): Promise<void> => {
    [port, operations, admin] = [await freePort(), await freePort(), await freePort()];
    const settings = {
      ...settingsOfChart,
      webhook: { ...(settingsOfChart['webhook'] as object | undefined), host: '127.0.0.1', port },
      operations: { host: '127.0.0.1', port: operations },
      admin: { ...(settingsOfChart['admin'] as object | undefined), host: '127.0.0.1', port: admin },
      dataDirectory: join(workDir, 'data'),
      drainSeconds: 0,
      kubeconfig: await serviceAccountKubeconfig(cluster, workDir),
      registries: [...ofChart, ...[referrers, fallback].map(plainRegistry)],
    };
    const file = join(workDir, 'countersign.yaml');
    writeFileSync(file, stringify(settings));
    webhook = await startProcess({
      name: 'countersign',
      file: process.execPath,
      args: [join(PROJECT, 'dist/cli/main.js'), 'serve', '--config', file],
      workDir,
      env,
      ready: async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status === 200,
    });
    service = await cluster.webhookService({ namespace: NAMESPACE, name: 'countersign', targetPort: port });
    await untilCalled(cluster);
  };
  const stopWebhook = async (): Promise<void> => {
    await webhook?.stop();
    await service?.close();
    webhook = undefined;
    service = undefined;
  };
  const apply = (...objects: object[]): Promise<Output> =>
    cluster.kubectl(['apply', '-f', '-'], {
      input: objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    });
  const installation: Installation = {
    cluster,
    sigstore,
    registries,
    cosign,
    cosign2,
    key,
    workDir,
    operationsPort: () => operations,
    adminPort: () => admin,
    log: () => readFileSync(join(workDir, 'countersign.log'), 'utf8'),
    startWebhook,
    stopWebhook,
    apply,
    applied: async (...objects) => {
      for (const object of objects) await applyObject(cluster, object);
    },
    stop: async () => {
      // Nobody waits for its last answers any more.
      webhook?.signal('SIGKILL');
      await stopWebhook();
      await Promise.allSettled([cluster.stop(), sigstore.stop(), referrers.stop(), fallback.stop()]);
      work.remove();
    },
  };
  try {
    await startWebhook();
  } catch (error) {
    await installation.stop();
    throw error;
  }
  return installation;
}

/** What the settings say of a registry on loopback. */
export function plainRegistry({ host }: Pick<Registry, 'host'>) {
  return { host, plainHttp: true, allowLoopback: true };
}

/** As the README says, with the cluster's administrator. */
async function helmInstall(cluster: Cluster, workDir: string, values: object): Promise<void> {
  const file = join(workDir, 'values.yaml');
  writeFileSync(file, stringify(values));
  const args = [
    'install',
    'countersign',
    join(PROJECT, 'charts/countersign'),
    '-n',
    NAMESPACE,
    '--values',
    file,
    '--kubeconfig',
    cluster.kubeconfig,
  ];
  const { code, stderr } = await run(toolPath('helm'), args, { workDir });
  if (code !== 0) throw new Error(`helm install: ${stderr}`);
}

async function applyManifests(cluster: Cluster): Promise<void> {
  for (const path of ['manifests/crds', 'manifests/install.yaml']) {
    const { code, stderr } = await cluster.kubectl(['apply', '-f', join(PROJECT, path)]);
    if (code !== 0) throw new Error(`kubectl apply -f ${path}: ${stderr}`);
  }
}

/** Until the API server takes objects of every kind that was installed. */
async function untilEstablished(cluster: Cluster): Promise<void> {
  interface Definitions {
    readonly items: readonly {
      readonly status?: {
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      };
    }[];
  }
  await until('the kinds are established', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { items = [] } = (await readObject<Definitions>(cluster, path)) ?? {};
    const are = items.map(({ status }) =>
      status?.conditions?.some((each) => each.type === 'Established' && each.status === 'True'),
    );
    return are.length > 0 && are.every((is) => is === true) ? true : undefined;
  });
}

/** The program's settings as they were installed. */
async function installedSettings(cluster: Cluster): Promise<Readonly<Record<string, unknown>>> {
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/countersign`;
  const settings = await readObject<{ readonly data: Readonly<Record<string, string>> }>(cluster, path);
  if (settings === undefined) throw new Error('the settings were not installed');
  return parse(settings.data['countersign.yaml'] ?? '') as Record<string, unknown>;
}

/** The program runs with the rights of the chart's ServiceAccount, and no others. */
async function serviceAccountKubeconfig(cluster: Cluster, folder: string): Promise<string> {
  const token = await accountToken(cluster, NAMESPACE, 'countersign', 4);
  const file = join(folder, 'countersign.kubeconfig');
  const name = 'countersign';
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: cluster.url,
          'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64'),
        },
      },
    ],
    users: [{ name, user: { token } }],
  };
  writeFileSync(file, stringify(content), { mode: 0o600 });
  return file;
}

/** As `kubectl create token` asks for it. */
export async function accountToken(
  { request }: Pick<Cluster, 'request'>,
  namespace: string,
  account: string,
  hours: number,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' };
  const body = { ...asked, spec: { expirationSeconds: hours * 3600 } };
  const answer = await request(path, { method: 'POST', body });
  if (answer.status !== 201)
    throw new Error(`no token for ${namespace}/${account}: ${answer.body.toString()}`);
  const { status } = JSON.parse(answer.body.toString()) as { readonly status: { readonly token: string } };
  return status.token;
}

/** The API server takes a moment to see a new caBundle and endpoint; a Pod with an image that no node accepts tells. */
async function untilCalled(cluster: Cluster): Promise<void> {
  let last = '';
  const isCalled = async () => {
    const probe = pod('default', 'probe', 'probe.example/probe:v1');
    const { isTaken, message } = await createObject(cluster, probe, { dryRun: true });
    last = message;
    return isTaken || /denied the request/.test(message) ? true : undefined;
  };
  await until('the API server reaches the webhook', isCalled, 60).catch((error: unknown) => {
    throw new Error(`the API server does not reach the webhook: ${last}`, { cause: error });
  });
}

/** `ClusterSigningPolicy` over some namespace. */
export function clusterPolicy(name: string, namespace: string, spec: object): object {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterSigningPolicy',
    metadata: { name },
    spec: {
      mode: 'Enforce',
      match: {
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace] }],
        },
      },
      requireSignature: true,
      ...spec,
    },
  };
}

/** A Pod; one container for each image. */
export function pod(
  namespace: string,
  name: string,
  ...images: string[]
): Record<string, unknown> & { spec: object } {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: podSpec(images) };
}

export function podSpec(images: readonly string[]): { containers: object[] } {
  return {
    containers: images.map((image, index) => ({ name: index === 0 ? 'server' : `extra-${index}`, image })),
  };
}

export function deployment(namespace: string, name: string, ...images: string[]): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podSpec(images) },
    },
  };
}

/** Waits until a question is answered with something other than undefined. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, seconds = 60): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}
