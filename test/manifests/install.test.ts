import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { DEFINITIONS } from '../../src/api/definitions.ts';
import { KINDS } from '../../src/api/envelope.ts';
import { validatePolicyDocument } from '../../src/api/policy-findings.ts';
import { loadSettings } from '../../src/config.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** What `kubectl apply -f manifests/install.yaml` would install, read as text: `test/cluster` holds that the chart renders it. */
const ROOT = resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

interface Rule {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly scope: string;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly service?: { path: string; port: number; name: string; namespace: string };
    url?: string;
  };
  readonly failurePolicy: string;
  readonly matchPolicy: string;
  readonly sideEffects: string;
  readonly reinvocationPolicy?: string;
  readonly timeoutSeconds: number;
  readonly namespaceSelector?: unknown;
  readonly objectSelector?: unknown;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly admissionReviewVersions: readonly string[];
  readonly rules: readonly Rule[];
}

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const manifests = parseAllDocuments(readFileSync(join(ROOT, 'manifests/install.yaml'), 'utf8'))
  .map((document) => document.toJS() as Manifest | null)
  .filter((manifest) => manifest !== null);

function one(kind: string, name = 'countersign'): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${kind} ${name}`);
  return found[0];
}

const webhooksOf = (manifest: Manifest) => manifest['webhooks'] as readonly Webhook[];
const validating = webhooksOf(one('ValidatingWebhookConfiguration'));
const mutating = webhooksOf(one('MutatingWebhookConfiguration'));
const policies = webhooksOf(one('ValidatingWebhookConfiguration', 'countersign-policies'));

/** `CREATE apps/deployments` for each resource that a list of webhooks looks at. */
function covered(webhooks: readonly Webhook[]): readonly string[] {
  return webhooks.flatMap(({ rules }) =>
    rules.flatMap(({ operations, apiGroups, resources }) =>
      operations.flatMap((operation) =>
        apiGroups.flatMap((group) => resources.map((resource) => `${operation} ${group}/${resource}`)),
      ),
    ),
  );
}

const TEMPLATES = [
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
  'batch/cronjobs',
  '/replicationcontrollers',
  '/podtemplates',
];

describe('the validating webhooks', () => {
  test('E13: fail closed, every one', () => {
    expect(validating.map(({ failurePolicy }) => failurePolicy)).toEqual(validating.map(() => 'Fail'));
  });

  test('E8: look at Pods, ephemeral containers and everything with a Pod template, on CREATE and on UPDATE', () => {
    const all = ['/pods', '/pods/ephemeralcontainers', ...TEMPLATES];
    const seen = new Set(covered(validating));
    for (const resource of all) expect([...seen]).toEqual(expect.arrayContaining([`UPDATE ${resource}`]));
    for (const resource of ['/pods', ...TEMPLATES])
      expect([...seen]).toEqual(expect.arrayContaining([`CREATE ${resource}`]));
    expect(covered(validating)).toHaveLength(seen.size);
  });

  test('E9: look at no subresource that carries no image', () => {
    const subresources = covered([...validating, ...mutating]).filter((each) => each.split('/').length > 2);
    expect(new Set(subresources.map((each) => each.split(' ')[1]))).toEqual(
      new Set(['/pods/ephemeralcontainers']),
    );
  });

  test('E12: CREATE has no condition, and a condition reads nothing but images', () => {
    for (const { rules, matchConditions } of validating) {
      const operations = new Set(rules.flatMap((rule) => rule.operations));
      expect(operations.size).toBe(1);
      if (operations.has('CREATE')) {
        expect(matchConditions).toBeUndefined();
        continue;
      }
      expect(matchConditions?.map(({ name }) => name)).toEqual(['images-changed']);
      const expression = matchConditions?.[0]?.expression ?? '';
      expect(expression).not.toMatch(
        /request|metadata|labels|annotations|userInfo|namespaceObject|authorizer/,
      );
      for (const list of ['initContainers', 'containers', 'ephemeralContainers', 'volumes']) {
        expect(expression).toContain(`.?${list}.orValue([])`);
      }
      expect(expression.split(' ||\n').every((part) => / != /.test(part))).toBe(true);
    }
  });

  test('E11: match equivalent versions', () => {
    for (const { matchPolicy } of [...validating, ...mutating, ...policies])
      expect(matchPolicy).toBe('Equivalent');
  });

  test('E5, E17: leave out two namespaces, by exact name, and nothing by a label that a tenant writes', () => {
    const selector = {
      matchExpressions: [
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: ['kube-system', 'countersign-system'],
        },
      ],
    };
    for (const { namespaceSelector, objectSelector } of [...validating, ...mutating]) {
      expect(namespaceSelector).toEqual(selector);
      expect(objectSelector).toBeUndefined();
    }
  });

  test('E18: have no side effects in a dry run, and read v1', () => {
    for (const { sideEffects, admissionReviewVersions, timeoutSeconds } of [
      ...validating,
      ...mutating,
      ...policies,
    ]) {
      expect(['None', 'NoneOnDryRun']).toContain(sideEffects);
      expect(admissionReviewVersions).toEqual(['v1']);
      expect(timeoutSeconds).toBeLessThanOrEqual(10);
    }
  });
});

describe('the other webhooks', () => {
  test('pinning may fail open, is asked again, and covers Pods only', () => {
    for (const { failurePolicy, reinvocationPolicy, clientConfig } of mutating) {
      expect([failurePolicy, reinvocationPolicy, clientConfig.service?.path]).toEqual([
        'Ignore',
        'IfNeeded',
        '/mutate',
      ]);
    }
    expect(covered(mutating)).toEqual(['CREATE /pods', 'UPDATE /pods', 'UPDATE /pods/ephemeralcontainers']);
  });

  test('nobody is locked out of mending a policy', () => {
    expect(policies.map(({ failurePolicy }) => failurePolicy)).toEqual(['Ignore']);
    const kinds = DEFINITIONS.map(({ plural }) => plural);
    expect(covered(policies).toSorted()).toEqual(
      ['CREATE', 'UPDATE']
        .flatMap((operation) => kinds.map((kind) => `${operation} countersign.dev/${kind}`))
        .toSorted(),
    );
  });

  test('all call the one Service, and nothing sets a caBundle that an apply would write back', () => {
    for (const webhook of [...validating, ...mutating, ...policies]) {
      const { service, ...others } = webhook.clientConfig;
      expect(others).toEqual({});
      expect(service).toMatchObject({ name: 'countersign', namespace: 'countersign-system', port: 443 });
    }
  });
});

describe('what the program may do', () => {
  const cluster = one('ClusterRole')['rules'] as readonly PolicyRule[];
  const own = one('Role')['rules'] as readonly PolicyRule[];

  test('E14: no wildcard, no Secret of another namespace, no webhook configuration but its own', () => {
    for (const { apiGroups, resources, verbs } of [...cluster, ...own]) {
      expect([...apiGroups, ...resources, ...verbs].join()).not.toContain('*');
    }
    expect(cluster.flatMap(({ resources }) => resources)).not.toContain('secrets');
    const configurations = cluster.filter(({ apiGroups }) =>
      apiGroups.includes('admissionregistration.k8s.io'),
    );
    expect(configurations.map(({ resourceNames }) => resourceNames)).toEqual([
      ['countersign', 'countersign-policies'],
      ['countersign'],
    ]);
    for (const { verbs } of configurations) expect(verbs).toEqual(['get', 'patch']);
    expect(own).toEqual([
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['countersign-tls'],
        verbs: ['get', 'update'],
      },
    ]);
  });

  test('it reads every kind of its own, and writes the status of each', () => {
    const eachKind = (suffix: string) => DEFINITIONS.map(({ plural }) => `${plural}${suffix}`);
    expect(cluster).toContainEqual({
      apiGroups: ['countersign.dev'],
      resources: eachKind(''),
      verbs: ['get', 'list', 'watch'],
    });
    expect(cluster).toContainEqual({
      apiGroups: ['countersign.dev'],
      resources: eachKind('/status'),
      verbs: ['patch'],
    });
  });

  test('it asks whose a token is, and never acts as somebody else', () => {
    expect(cluster).toContainEqual({
      apiGroups: ['authentication.k8s.io'],
      resources: ['tokenreviews'],
      verbs: ['create'],
    });
    expect(cluster.flatMap(({ verbs }) => verbs)).not.toContain('impersonate');
    expect(
      manifests.filter(({ kind }) => kind.endsWith('RoleBinding')).map(({ roleRef }) => roleRef),
    ).toEqual(
      ['ClusterRole', 'Role'].map((kind) => ({
        apiGroup: 'rbac.authorization.k8s.io',
        kind,
        name: 'countersign',
      })),
    );
  });

  test('the roles for people cover every kind, and nothing else of the cluster', () => {
    for (const role of ['viewer', 'admin']) {
      const rules = one('ClusterRole', `countersign-${role}`)['rules'] as readonly PolicyRule[];
      expect(new Set(rules.flatMap(({ apiGroups }) => apiGroups))).toEqual(new Set(['countersign.dev']));
      const verbs = new Set(rules.flatMap((rule) => rule.verbs));
      expect([role, verbs.has('create'), verbs.has('*')]).toEqual([role, role === 'admin', false]);
      for (const { plural } of DEFINITIONS)
        expect(rules.flatMap(({ resources }) => resources)).toEqual(expect.arrayContaining([plural]));
    }
  });

  test('it writes status, and never a spec', () => {
    const written = cluster.filter(
      ({ apiGroups, verbs }) =>
        !apiGroups.includes('authentication.k8s.io') &&
        verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
    );
    const resources = written.flatMap((rule) => rule.resources);
    expect(
      resources.every((each) => each.endsWith('/status') || each.endsWith('webhookconfigurations')),
    ).toBe(true);
  });

  test('no Secret comes with content', () => {
    for (const manifest of manifests.filter(({ kind }) => kind === 'Secret')) {
      expect(Object.keys(manifest).toSorted()).toEqual(['apiVersion', 'kind', 'metadata', 'type']);
    }
  });
});

describe('the Pods', () => {
  const deployment = one('Deployment') as Manifest & {
    spec: { replicas: number; template: { spec: Record<string, unknown> } };
  };
  const pod = deployment.spec.template.spec as {
    securityContext: Record<string, unknown>;
    terminationGracePeriodSeconds: number;
    containers: readonly Record<string, Record<string, unknown>>[];
  };

  test('run without rights on the node', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.containers[0]?.['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('H14: are two, and leave together never', () => {
    expect(deployment.spec.replicas).toBe(2);
    expect(one('PodDisruptionBudget')['spec']).toMatchObject({ minAvailable: 1 });
  });

  test('have the time to drain', () => {
    const settings = settingsOf(one('ConfigMap'));
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(settings.drainSeconds + 30);
  });

  test('start from settings that the program takes', () => {
    const settings = settingsOf(one('ConfigMap'));
    expect(settings.certificate).toEqual({
      secret: { namespace: 'countersign-system', name: 'countersign-tls' },
      names: ['countersign.countersign-system.svc', 'countersign-admin.countersign-system.svc', 'localhost'],
      validatingWebhooks: ['countersign', 'countersign-policies'],
      mutatingWebhooks: ['countersign'],
    });
    expect(settings.excludedNamespaces).toEqual(['kube-system', 'countersign-system']);
    expect(settings.noMatch).toBe('DenyInGovernedNamespaces');
  });

  function settingsOf(configMap: Manifest) {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-manifests-'));
    try {
      const file = join(folder, 'countersign.yaml');
      writeFileSync(file, (configMap['data'] as Record<string, string>)['countersign.yaml'] ?? '');
      return loadSettings({ file, flags: {}, env: {}, cwd: folder });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});

describe('the samples', () => {
  const folder = join(ROOT, 'manifests/samples');
  const samples = readdirSync(folder).flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map(
      (document) => [file, document.toJS() as Manifest] as const,
    ),
  );

  test('there is one of each kind', () => {
    expect(new Set(samples.map(([, { kind }]) => kind))).toEqual(new Set(KINDS));
  });

  /** Their own day: a sample cannot name an end that is always ahead. */
  const now = Date.parse('2026-11-22T00:00:00Z');

  test.each(samples)('%s is valid', (_file, document) => {
    expect(validatePolicyDocument(document, { now, policies: new Set(['mcp-servers']) })).toEqual({
      problems: [],
      warnings: [],
    });
  });
});

test('the CRDs of the chart and those for kubectl are the same', () => {
  const names = readdirSync(join(ROOT, 'manifests/crds')).toSorted();
  expect(readdirSync(join(ROOT, 'charts/countersign/crds')).toSorted()).toEqual(names);
  const installed = manifests.filter(({ kind }) => kind === 'CustomResourceDefinition');
  for (const name of names) {
    const text = readFileSync(join(ROOT, 'manifests/crds', name), 'utf8');
    expect(readFileSync(join(ROOT, 'charts/countersign/crds', name), 'utf8')).toBe(text);
    expect(installed).toContainEqual(parse(text));
  }
});
