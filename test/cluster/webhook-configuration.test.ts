import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { renderInstallation } from '../../manifests/render.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { run } from '../support/process.ts';
import { toolPath } from '../support/tools.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** The installed webhook configurations, judged by a real API server while nothing answers behind them. */
jest.setTimeout(120_000);

const ROOT = resolve(import.meta.dirname, '../..');
const installFile = join(ROOT, 'manifests/install.yaml');
const work = createWorkDirectory();
let cluster: Cluster;

interface Kind {
  readonly kind: string;
  readonly path: string;
  /** An object of this kind whose Pod has this spec. */
  readonly object: (name: string, podSpec: object) => Record<string, unknown>;
  /** Path of the PodSpec in it. */
  readonly podSpec: readonly string[];
}

const labels = { app: 'x' };
const template = (spec: object) => ({ metadata: { labels }, spec });
const restartNever = (spec: object) => ({ restartPolicy: 'Never', ...spec });

function templated(kind: string, apiVersion: string, group: string, plural: string, more: object = {}): Kind {
  return {
    kind,
    path: `${group}/namespaces/apps/${plural}`,
    object: (name, podSpec) => ({
      apiVersion,
      kind,
      metadata: { name, namespace: 'apps' },
      spec: { selector: { matchLabels: labels }, template: template(podSpec), ...more },
    }),
    podSpec: ['spec', 'template', 'spec'],
  };
}

const KINDS: readonly Kind[] = [
  {
    kind: 'Pod',
    path: '/api/v1/namespaces/apps/pods',
    object: (name, spec) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'apps' }, spec }),
    podSpec: ['spec'],
  },
  templated('Deployment', 'apps/v1', '/apis/apps/v1', 'deployments'),
  templated('ReplicaSet', 'apps/v1', '/apis/apps/v1', 'replicasets'),
  templated('StatefulSet', 'apps/v1', '/apis/apps/v1', 'statefulsets', { serviceName: 'x' }),
  templated('DaemonSet', 'apps/v1', '/apis/apps/v1', 'daemonsets'),
  {
    ...templated('ReplicationController', 'v1', '/api/v1', 'replicationcontrollers'),
    object: (name, spec) => ({
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name, namespace: 'apps' },
      spec: { selector: labels, template: template(spec) },
    }),
  },
  {
    kind: 'PodTemplate',
    path: '/api/v1/namespaces/apps/podtemplates',
    object: (name, spec) => ({
      apiVersion: 'v1',
      kind: 'PodTemplate',
      metadata: { name, namespace: 'apps' },
      template: template(spec),
    }),
    podSpec: ['template', 'spec'],
  },
  {
    kind: 'CronJob',
    path: '/apis/batch/v1/namespaces/apps/cronjobs',
    object: (name, spec) => ({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name, namespace: 'apps' },
      spec: {
        schedule: '0 0 1 1 *',
        suspend: true,
        jobTemplate: { spec: { template: template(restartNever(spec)) } },
      },
    }),
    podSpec: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  },
  {
    kind: 'Job',
    path: '/apis/batch/v1/namespaces/apps/jobs',
    object: (name, spec) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: 'apps' },
      spec: { suspend: true, template: template(restartNever(spec)) },
    }),
    podSpec: ['spec', 'template', 'spec'],
  },
];

/** What every list of a PodSpec looks like, and one spec with as little as there can be. */
const small = { containers: [{ name: 'a', image: 'reg.example/a:1' }] };
const full = {
  initContainers: [{ name: 'i', image: 'reg.example/i:1' }],
  containers: [
    { name: 'a', image: 'reg.example/a:1' },
    { name: 'b', image: 'reg.example/b:1' },
  ],
  volumes: [
    { name: 'm', image: { reference: 'reg.example/m:1' } },
    { name: 'e', emptyDir: {} },
  ],
};
/** As many containers as Countersign would look at: the condition has a cost limit. */
const wide = {
  containers: Array.from({ length: 256 }, (_, index) => ({
    name: `c${index}`,
    image: `reg.example/org/team/image-${index}:v1.0.0`,
  })),
};

async function send(method: string, path: string, body: unknown, contentType?: string) {
  const response = await cluster.request(path, {
    method,
    body,
    ...(contentType !== undefined && { contentType }),
  });
  const answer = JSON.parse(response.body.toString()) as { message?: string };
  return { status: response.status, message: answer.message ?? '' };
}

const merge = (path: string, body: unknown) => send('PATCH', path, body, 'application/merge-patch+json');
const nested = (path: readonly string[], value: unknown): unknown =>
  path.toReversed().reduce<unknown>((inner, key) => ({ [key]: inner }), value);

beforeAll(async () => {
  cluster = await startCluster({ workDir: work.path, controllers: false });
  await cluster.createNamespace('apps');
  await cluster.createNamespace('countersign-system');
  for (const kind of KINDS) {
    for (const [name, spec] of Object.entries({ small, full, wide })) {
      const created = await send('POST', kind.path, kind.object(name, spec));
      if (created.status !== 201) throw new Error(`${kind.kind} ${name}: ${created.message}`);
    }
  }
  const configurations = parseAllDocuments(readFileSync(installFile, 'utf8')).filter((document) =>
    String(document.get('kind')).endsWith('WebhookConfiguration'),
  );
  const applied = await cluster.kubectl(['apply', '-f', '-'], {
    input: configurations.map(String).join('---\n'),
  });
  if (applied.code !== 0) throw new Error(applied.stderr);
  for (const end = Date.now() + 30_000; ; await sleep(100)) {
    const refused = await send(
      'POST',
      '/api/v1/namespaces/apps/pods?dryRun=All',
      KINDS[0]?.object('probe', small),
    );
    if (refused.status === 500) break;
    if (Date.now() > end) throw new Error('the webhook configurations have no effect');
  }
});

afterAll(async () => {
  await cluster?.stop();
  work.remove();
});

describe.each(KINDS)('$kind, while the webhook is down', ({ kind, path, object, podSpec }) => {
  test('E13: none gets in', async () => {
    const { status, message } = await send('POST', path, object('late', small));
    expect(message).toContain('failed calling webhook "create.countersign.dev"');
    expect(status).toBe(500);
    expect((await cluster.request(`${path}/late`)).status).toBe(404);
  });

  test.each(['small', 'full', 'wide'])('labels and finalizers of a %s one can be changed', async (name) => {
    const metadata = { labels: { touched: 'yes' }, finalizers: ['test.example/hold'] };
    expect(await merge(`${path}/${name}`, { metadata })).toEqual({ status: 200, message: '' });
    expect(await merge(`${path}/${name}`, { metadata: { finalizers: null } })).toEqual({
      status: 200,
      message: '',
    });
  });

  // The template of a Job is immutable: the API server refuses before it asks anybody.
  const mutable = kind !== 'Job';
  const immutable = /immutable|forbidden|may not/i;
  test('E3, E12: an image that changes is not let through', async () => {
    const changed = { ...small, containers: [{ name: 'a', image: 'reg.example/evil:1' }] };
    const { status, message } = await merge(`${path}/small`, nested(podSpec, changed));
    expect(status).toBe(mutable ? 500 : 422);
    expect(message).toMatch(mutable ? /failed calling webhook "update-/ : immutable);
    const stored = (await cluster.request(`${path}/small`)).body.toString();
    expect(stored).not.toContain('evil');
  });

  const changes: readonly (readonly [string, object])[] = [
    ['an init container', { initContainers: [{ name: 'i', image: 'reg.example/evil:1' }] }],
    ['a second container', { containers: [full.containers[0], { name: 'b', image: 'reg.example/evil:1' }] }],
    ['a name that moves', { containers: [{ name: 'c', image: 'reg.example/a:1' }, full.containers[1]] }],
    [
      'two images that swap',
      {
        containers: [
          { name: 'a', image: 'reg.example/b:1' },
          { name: 'b', image: 'reg.example/a:1' },
        ],
      },
    ],
    [
      'an image volume',
      { volumes: [{ name: 'm', image: { reference: 'reg.example/evil:1' } }, full.volumes[1]] },
    ],
    [
      'an init container that becomes a container',
      { initContainers: null, containers: [...full.containers, full.initContainers[0]] },
    ],
    [
      'a container that becomes an init container',
      {
        initContainers: [...full.initContainers, full.containers[1]],
        containers: [full.containers[0]],
      },
    ],
    [
      'a container that becomes an image volume',
      {
        containers: [full.containers[0]],
        volumes: [...full.volumes, { name: 'b', image: { reference: 'reg.example/b:1' } }],
      },
    ],
    [
      'an image volume that becomes a container',
      {
        containers: [...full.containers, { name: 'm', image: 'reg.example/m:1' }],
        volumes: [full.volumes[1]],
      },
    ],
    [
      'a volume that becomes an image',
      { volumes: [full.volumes[0], { name: 'e', image: { reference: 'reg.example/evil:1' } }] },
    ],
  ];
  // Of a Pod, only the image of a container that it has can change; of a Job, nothing.
  const seen = mutable && kind !== 'Pod' ? changes : [];
  if (seen.length === 0) return;
  test.each(seen)('E3, E12: %s is seen', async (_what, change) => {
    const { status, message } = await merge(`${path}/full`, nested(podSpec, { ...full, ...change }));
    expect(message).toContain('failed calling webhook "update-');
    expect(status).toBe(500);
  });
});

describe('while the webhook is down', () => {
  test('E3: an ephemeral container is not let in', async () => {
    const body = { spec: { ephemeralContainers: [{ name: 'debug', image: 'reg.example/evil:1' }] } };
    const path = '/api/v1/namespaces/apps/pods/small/ephemeralcontainers';
    const { status, message } = await send('PATCH', path, body, 'application/strategic-merge-patch+json');
    expect(message).toContain('failed calling webhook "update-pods.countersign.dev"');
    expect(status).toBe(500);
  });

  test('E7: scaling works, up, down, and in the object itself', async () => {
    const path = '/apis/apps/v1/namespaces/apps/deployments/full';
    for (const replicas of [3, 1]) {
      expect((await merge(`${path}/scale`, { spec: { replicas } })).status).toBe(200);
      expect((await merge(path, { spec: { replicas: replicas + 1 } })).status).toBe(200);
    }
  });

  test('E3: scaling that brings in an image does not', async () => {
    const changed = {
      spec: { replicas: 0, template: { spec: { containers: [{ name: 'a', image: 'reg.example/evil:1' }] } } },
    };
    expect((await merge('/apis/apps/v1/namespaces/apps/deployments/full', changed)).status).toBe(500);
  });

  test('E9: what carries no image passes: status, eviction, deletion', async () => {
    const pods = '/api/v1/namespaces/apps/pods';
    expect((await merge(`${pods}/full/status`, { status: { phase: 'Running' } })).status).toBe(200);
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'full', namespace: 'apps' },
    };
    expect((await send('POST', `${pods}/full/eviction`, eviction)).status).toBe(201);
    expect((await cluster.request(`${pods}/wide`, { method: 'DELETE' })).status).toBe(200);
  });

  test('E17: the excluded namespaces, by exact name, and no other', async () => {
    await cluster.createNamespace('countersign-system-evil');
    await cluster.createNamespace('excluded', { 'countersign.dev/ignore': 'true', control: 'none' });
    const create = (namespace: string) =>
      send('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'x', namespace, labels: { 'countersign.dev/ignore': 'true' } },
        spec: small,
      });
    for (const namespace of ['countersign-system-evil', 'excluded', 'default']) {
      expect((await create(namespace)).message).toContain('failed calling webhook');
    }
    for (const namespace of ['countersign-system', 'kube-system'])
      expect((await create(namespace)).status).toBe(201);
  });

  test('E5: nobody can take on the name of an excluded namespace', async () => {
    const label = { metadata: { labels: { 'kubernetes.io/metadata.name': 'kube-system' } } };
    await merge('/api/v1/namespaces/apps', label);
    const { metadata } = JSON.parse((await cluster.request('/api/v1/namespaces/apps')).body.toString()) as {
      metadata: { labels: Record<string, string> };
    };
    expect(metadata.labels['kubernetes.io/metadata.name']).toBe('apps');
    const create = await send(
      'POST',
      '/api/v1/namespaces/apps/pods?dryRun=All',
      KINDS[0]?.object('y', small),
    );
    expect(create.message).toContain('failed calling webhook');
  });

  test('E11: every served version of what has a Pod template is looked at', async () => {
    for (const [group, plural] of [
      ['/api/v1', 'podtemplates'],
      ['/apis/apps/v1', 'deployments'],
      ['/apis/batch/v1', 'cronjobs'],
    ]) {
      const versions = await servedVersions(group ?? '', plural ?? '');
      expect(versions).toEqual(['v1']);
    }
  });
});

/** The versions in which a group serves a resource: the rules name v1, and `Equivalent` covers the others by conversion. */
async function servedVersions(groupVersion: string, plural: string): Promise<readonly string[]> {
  if (groupVersion === '/api/v1') {
    const { versions } = JSON.parse((await cluster.request('/api')).body.toString()) as {
      versions: string[];
    };
    return versions;
  }
  const group = groupVersion.split('/')[2] ?? '';
  const { versions } = JSON.parse((await cluster.request(`/apis/${group}`)).body.toString()) as {
    versions: { version: string; groupVersion: string }[];
  };
  const served: string[] = [];
  for (const { version, groupVersion: name } of versions) {
    const list = JSON.parse((await cluster.request(`/apis/${name}`)).body.toString()) as {
      resources: { name: string }[];
    };
    if (list.resources.some((resource) => resource.name === plural)) served.push(version);
  }
  return served;
}

describe('the rendered installation', () => {
  test('install.yaml is what the chart renders', () => {
    expect(readFileSync(installFile, 'utf8')).toBe(renderInstallation(toolPath('helm')));
  });

  test('the chart is lint-clean, and its schema refuses what would weaken it', async () => {
    const helm = (...args: string[]) => run(toolPath('helm'), args, { workDir: work.path });
    const chart = join(ROOT, 'charts/countersign');
    expect((await helm('lint', '--strict', chart)).code).toBe(0);
    for (const setting of [
      'excludedNamespaces={kube-*}',
      'noMatch=Off',
      'webhook.timeoutSeconds=60',
      'failurePolicy=Ignore',
    ]) {
      const { code, stderr } = await helm('template', chart, '--set', setting);
      expect([setting, code === 0]).toEqual([setting, false]);
      expect(stderr).toContain('values don');
    }
    expect((await helm('template', chart, '--set', 'excludedNamespaces={kube-system,monitoring}')).code).toBe(
      0,
    );
  });
});
