import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { KINDS } from '../../src/api/envelope.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/config.ts';
import { silentLogger } from '../../src/log.ts';
import { KubernetesStore } from '../../src/store/kubernetes-store.ts';
import { StatusWriter } from '../../src/store/status-writer.ts';
import { ClusterCertificate } from '../../src/tls/cluster-certificate.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { policy, signer } from '../store/documents.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { startProcess } from '../support/process.ts';
import { staticTrust } from '../support/trust.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** The store against a real API server, through a proxy that can cut and stall its connections. */
jest.setTimeout(120_000);

const CRDS = resolve(import.meta.dirname, '../../manifests/crds');
const NOT_SYNCED = expect.objectContaining({ code: 'NOT_SYNCED' });
const soon = AbortSignal.timeout(600_000);
const work = createWorkDirectory('store');

let cluster: Cluster;
let proxy: Proxy;
let client: KubeClient;
let store: KubernetesStore;
let writer: StatusWriter;

class Proxy {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** Bytes stop where they are, in both directions; connections stay open. */
  stalled = false;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => {
      const far = connect(this.#target, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (chunk) => {
          if (!this.stalled) to.write(chunk);
        });
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.on('error', () => undefined);
      }
    });
  }

  async start(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }
}

const names = () => store.current().policies.map(({ policy: { name } }) => name);
const isReady = () => store.readiness().ready;

async function apply(...objects: object[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  const output = await cluster.kubectl(['apply', '-f', '-'], { input });
  if (output.code !== 0) throw new Error(output.stderr);
}

async function remove(...args: string[]): Promise<void> {
  const output = await cluster.kubectl(['delete', ...args]);
  if (output.code !== 0) throw new Error(output.stderr);
}

async function get(
  ...args: string[]
): Promise<{ status?: { conditions?: object[]; keyFingerprint?: string }; spec: object }> {
  const output = await cluster.kubectl(['get', ...args, '-o', 'json']);
  if (output.code !== 0) throw new Error(output.stderr);
  return JSON.parse(output.stdout);
}

function thrown(act: () => unknown): unknown {
  try {
    return { returned: act() };
  } catch (error) {
    return error;
  }
}

beforeAll(async () => {
  cluster = await startCluster({ workDir: work.path, controllers: false });
  proxy = new Proxy(Number(new URL(cluster.url).port));
  const port = await proxy.start();
  const config = loadKubeConfig({ kubeconfig: cluster.kubeconfig });
  config.clusters = config.clusters.map((each) => ({ ...each, server: `https://127.0.0.1:${port}` }));
  client = new KubeClient(config, { timeout: 2_000 });
  store = new KubernetesStore({
    client,
    trust: staticTrust(builtinRoots()),
    logger: silentLogger,
    timing: { backoffFirst: 100, backoffLast: 500, silence: 3_000 },
    maxSnapshotAge: 8_000,
  });
  writer = new StatusWriter({ client, store, logger: silentLogger });
  writer.start();
  store.start();
});

afterAll(async () => {
  await writer.stop();
  await store.stop();
  await client.close();
  await proxy.stop();
  await cluster.stop();
  work.remove();
});

describe('before the installation', () => {
  test('H1: without the CRDs: NOT_SYNCED, and ready by itself once they are there', async () => {
    await eventually('asked', () => {
      const { reasons } = store.readiness();
      return reasons.length === KINDS.length && reasons.every((reason) => reason.includes('404'));
    });
    expect(thrown(() => store.current())).toEqual(NOT_SYNCED);
    const output = await cluster.kubectl(['apply', '-f', CRDS]);
    expect(output).toMatchObject({ code: 0 });
    await eventually('ready', isReady, 20_000);
    expect(names()).toEqual([]);
  });
});

describe('what is applied', () => {
  test('a policy that comes, changes and goes, and a signer that is disabled', async () => {
    await apply(policy('mcp', { trustedKeys: [{ signerRef: { name: 'ci' } }] }), signer('ci'));
    await eventually('come', () => store.current().policies[0]?.entries.usable.length === 1);
    await apply(policy('mcp', { mode: 'Audit', trustedKeys: [{ signerRef: { name: 'ci' } }] }));
    await eventually('changed', () => store.current().policies[0]?.policy.mode === 'Audit');
    await apply(signer('ci', { enabled: false }));
    await eventually('disabled', () => store.current().policies[0]?.entries.usable[0]?.enabled === false);
    await remove('clustersigningpolicy', 'mcp');
    await eventually('gone', () => names().length === 0);
    expect(store.current().signers.get('ci')?.enabled).toBe(false);
  });

  test('what was applied has its status, and its spec is as it was applied', async () => {
    await apply(policy('ready'), signer('ci'));
    const written = await untilHolds('status', async () => {
      const policyNow = await get('clustersigningpolicy', 'ready');
      expect(policyNow.status?.conditions).toEqual([
        expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Valid', observedGeneration: 1 }),
      ]);
      return policyNow;
    });
    expect(written.spec).toMatchObject(policy('ready').spec);
    await eventually(
      'key',
      async () => (await get('trustedsigner', 'ci')).status?.keyFingerprint !== undefined,
    );
    await apply(policy('waiting', { trustedKeys: [{ signerRef: { name: 'nobody' } }] }));
    await eventually('reason', async () =>
      JSON.stringify((await get('clustersigningpolicy', 'waiting')).status ?? '').includes('nobody'),
    );
    await remove('clustersigningpolicy', 'ready', 'waiting');
  });

  test('E24: labels of namespaces as they change, and of one that was made this moment', async () => {
    await cluster.createNamespace('mcp', { tier: 'prod' });
    expect(await store.labels('mcp', soon)).toMatchObject({
      tier: 'prod',
      'kubernetes.io/metadata.name': 'mcp',
    });
    await cluster.kubectl(['label', 'namespace', 'mcp', 'tier=dev', '--overwrite']);
    await eventually('changed', async () => (await store.labels('mcp', soon))['tier'] === 'dev');
    for (let i = 0; i < 20; i++) {
      await cluster.createNamespace(`fresh-${i}`, { number: `${i}` });
      expect(await store.labels(`fresh-${i}`, soon)).toMatchObject({ number: `${i}` });
    }
    await expect(store.labels('absent', soon)).rejects.toMatchObject({ code: 'NAMESPACE_UNKNOWN' });
  });
});

describe('the serving certificate', () => {
  test('H7: three replicas agree on one, in a real Secret, and the caBundle is patched', async () => {
    await cluster.createNamespace('countersign-system');
    const service = { namespace: 'countersign-system', name: 'countersign', path: '/validate' };
    await apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'countersign' },
      webhooks: ['a', 'b'].map((name) => ({
        name: `${name}.countersign.dev`,
        clientConfig: { service },
        rules: [
          { apiGroups: ['none.example'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] },
        ],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      })),
    });
    const replicas = Array.from(
      { length: 3 },
      () =>
        new ClusterCertificate({
          client,
          namespace: 'countersign-system',
          secretName: 'countersign-tls',
          names: ['countersign.countersign-system.svc'],
          webhooks: { validating: ['countersign'], mutating: ['absent'] },
          logger: silentLogger,
          timing: { interval: 50, retry: 50 },
        }),
    );
    await Promise.all(replicas.map((each) => each.start()));
    expect(new Set(replicas.map((each) => each.current().certPem)).size).toBe(1);
    const ca = Buffer.from(replicas[0]?.current().caPem ?? '').toString('base64');
    await eventually('caBundle', async () => {
      const { webhooks } = (await get('validatingwebhookconfiguration', 'countersign')) as unknown as {
        webhooks: { clientConfig: { caBundle?: string } }[];
      };
      return webhooks.every(({ clientConfig }) => clientConfig.caBundle === ca);
    });
    await Promise.all(replicas.map((each) => each.stop()));
  });
});

describe('H2: what happens to the connection', () => {
  test('H2: cut, and a policy applied meanwhile', async () => {
    proxy.cut();
    await apply(policy('after-cut'));
    await eventually('seen', () => names().includes('after-cut'), 5_000);
    expect(isReady()).toBe(true);
  });

  test('H2: stalled in silence: old answers for a while, then none, then the truth', async () => {
    proxy.stalled = true;
    await apply(policy('unseen'));
    expect(names()).not.toContain('unseen');
    // Of every kind: only then is the copy of the namespaces not believed any more either.
    await eventually('too old', () => store.readiness().reasons.length === 5, 15_000);
    expect(thrown(() => store.current())).toEqual(NOT_SYNCED);
    await expect(store.labels('mcp', soon)).rejects.toMatchObject({ code: 'NAMESPACE_UNKNOWN' });
    proxy.stalled = false;
    await eventually('ready again', isReady, 20_000);
    expect(names()).toContain('unseen');
  });

  test('H2: kube-apiserver killed and started again', async () => {
    const { pid } = cluster.processes.apiServer;
    const [file = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    cluster.processes.apiServer.signal('SIGKILL');
    await eventually('away', () =>
      cluster.request('/readyz').then(
        () => false,
        () => true,
      ),
    );
    expect(names()).toContain('unseen');
    const again = await startProcess({
      name: 'kube-apiserver-again',
      file,
      args,
      workDir: join(work.path, 'kubernetes'),
      ready: async () => (await cluster.request('/readyz')).status === 200,
    });
    try {
      await eventually('ready', isReady, 20_000);
      await apply(policy('after-restart'));
      await eventually('seen', () => names().includes('after-restart'), 10_000);
      await remove('clustersigningpolicy', 'after-cut', 'unseen', 'after-restart');
      await eventually('gone', () => names().length === 0, 10_000);
    } finally {
      await store.stop();
      await again.stop();
    }
  });
});
