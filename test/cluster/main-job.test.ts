import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { untilHolds } from '../kube/eventually.ts';
import { createObject, deleteObject, pathOf, readObject, type Said } from '../support/api-objects.ts';
import { generateKeyPair, signKeyless, signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import {
  copyManifest,
  evidenceTag,
  getManifest,
  putManifest,
  type PushedImage,
} from '../support/manifests.ts';
import type { RegistryMode } from '../support/registry.ts';
import {
  API_VERSION,
  clusterPolicy,
  deployment,
  install,
  pod,
  podSpec,
  until,
  type Installation,
} from './installation.ts';

/** The main job on real parts: cosign signs, kubectl applies, the API server asks, and what is refused is not persisted. */
const MCP = 'mcp';
const ISSUER = 'https://accounts.google.com';
const SUBJECT = 'build@example.com';
const MODES: readonly RegistryMode[] = ['referrers', 'fallback'];

let world: Installation;
let images: Record<
  RegistryMode,
  Record<'keyless' | 'keyed' | 'legacy' | 'unsigned' | 'stranger' | 'otherKey', PushedImage>
>;

beforeAll(async () => {
  world = await install();
  await world.cluster.createNamespace(MCP);
  const strangersKey = await generateKeyPair(world.cosign, 'stranger');
  const made = await Promise.all(
    MODES.map(async (mode) => {
      const registry = world.registries[mode];
      const push = (name: string): Promise<PushedImage> =>
        pushImage(registry, `org/${name}`, { tag: 'v1', content: name });
      const token = (email: string): Promise<string> => world.sigstore.emailToken(email);
      const keyless = await push('keyless');
      await signKeyless(world.cosign, keyless, { token: await token(SUBJECT) });
      const keyed = await push('keyed');
      await signWithKey(world.cosign, keyed, { key: world.key });
      const legacy = await push('legacy');
      await signWithKey(world.cosign2, legacy, { key: world.key });
      const stranger = await push('stranger');
      await signKeyless(world.cosign, stranger, { token: await token('somebody@elsewhere.example') });
      const otherKey = await push('other-key');
      await signWithKey(world.cosign, otherKey, { key: strangersKey });
      return [
        mode,
        { keyless, keyed, legacy, stranger, otherKey, unsigned: await push('unsigned') },
      ] as const;
    }),
  );
  images = Object.fromEntries(made) as typeof images;
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustRoot',
      metadata: { name: 'test-sigstore' },
      spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
    },
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: 'release-key' },
      spec: { publicKey: { pem: world.key.publicKeyPem } },
    },
    mcpPolicy(),
  );
  await denies(images.referrers.unsigned);
}, 180_000);

afterAll(async () => {
  await world?.stop();
});

const KEYS = [{ keyless: true, issuer: ISSUER, subject: SUBJECT }, { signerRef: { name: 'release-key' } }];

function mcpPolicy(spec: object = {}): object {
  return clusterPolicy('mcp-servers', MCP, {
    trustRootRef: { name: 'test-sigstore' },
    trustedKeys: KEYS,
    ...spec,
  });
}

let names = 0;
const fresh = (prefix: string): string => `${prefix}-${(names += 1)}`;

async function isThere(object: object): Promise<boolean> {
  return (await readObject(world.cluster, pathOf(object))) !== undefined;
}

/** Applies a Pod, which must be admitted and there. */
async function admitted(...of: readonly (PushedImage | string)[]): Promise<string> {
  const name = fresh('pod');
  const applied = pod(MCP, name, ...of.map(referenceOf));
  const { code, stderr } = await world.apply(applied);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await isThere(applied)).toBe(true);
  return name;
}

/** Applies a Pod, which must be refused and not there; returns what kubectl printed. */
async function refused(...of: readonly (PushedImage | string)[]): Promise<string> {
  const applied = pod(MCP, fresh('pod'), ...of.map(referenceOf));
  const { code, stderr } = await world.apply(applied);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('denied the request') });
  expect(await isThere(applied)).toBe(false);
  return stderr;
}

const referenceOf = (image: PushedImage | string): string =>
  typeof image === 'string' ? image : image.reference;

/** A change of a resource reaches the webhook through its watch: within moments, never by a restart. */
async function denies(image: PushedImage, words = '[SIGNATURE_MISSING]'): Promise<void> {
  await until(`the change is effective: ${words}`, async () =>
    (await dryRun(image)).message.includes(words) ? true : undefined,
  );
}

async function admits(image: PushedImage): Promise<void> {
  await until('the change is effective: admitted', async () =>
    (await dryRun(image)).isTaken ? true : undefined,
  );
}

function dryRun(image: PushedImage): Promise<Said> {
  return createObject(world.cluster, pod(MCP, fresh('dry'), image.reference), { dryRun: true });
}

describe.each(MODES)('a registry in %s mode', (mode) => {
  test('signed images are admitted: keyless, by key, and by cosign 2', async () => {
    await admitted(images[mode].keyless);
    await admitted(images[mode].keyed);
    await admitted(images[mode].legacy);
  });

  test('an unsigned image is refused in the words that were asked for', async () => {
    const message = await refused(images[mode].unsigned);
    expect(message).toContain(
      `denied the request: Image ${images[mode].unsigned.reference} is not signed. Signature required.`,
    );
    expect(message).toContain('container "server" (spec.containers[0].image)');
    expect(message).toContain('ClusterSigningPolicy "mcp-servers"');
    expect(message).toContain(images[mode].unsigned.digest);
    expect(message).toContain(`${SUBJECT} (issuer ${ISSUER})`);
  });

  test('signed by somebody else, or with another key', async () => {
    const message = await refused(images[mode].stranger);
    expect(message).toContain('is signed, but not by a trusted signer.');
    expect(message).toContain('somebody@elsewhere.example');
    expect(message).toContain('[IDENTITY_MISMATCH]');
    expect(await refused(images[mode].otherKey)).toContain('[SIG_INVALID]');
  });

  test('A24: the signature of another image does not count for this one', async () => {
    const registry = world.registries[mode];
    const victim = await pushImage(registry, 'org/legacy', { tag: 'victim', content: 'victim' });
    await copyManifest(
      { registry, repository: 'org/legacy', reference: evidenceTag(images[mode].legacy.digest, '.sig') },
      { registry, repository: 'org/legacy', tag: evidenceTag(victim.digest, '.sig') },
    );
    expect(await refused(victim)).toContain('[DIGEST_MISMATCH]');
    await admitted(images[mode].legacy);
  });

  test('a manifest that was changed after it was signed is another image', async () => {
    const { registry, repository, digest } = images[mode].keyed;
    const original = await getManifest(registry, repository, digest);
    const changed = {
      ...(JSON.parse(original?.bytes.toString() ?? '') as object),
      annotations: { changed: 'yes' },
    };
    const tampered = await putManifest(
      registry,
      repository,
      Buffer.from(JSON.stringify(changed)),
      original?.mediaType ?? '',
      'tampered',
    );
    expect(await refused(tampered)).toContain('is not signed. Signature required.');
    await admitted(images[mode].keyed);
  });

  test('C9: several images: every verdict in one answer', async () => {
    const { keyless, unsigned, stranger } = images[mode];
    const message = await refused(keyless, unsigned, stranger);
    expect(message).toContain(`Image ${unsigned.reference} is not signed. Signature required.`);
    expect(message).toContain(`Image ${stranger.reference} is signed, but not by a trusted signer.`);
    expect(message).toContain(`Verified: ${keyless.reference}.`);
  });
});

describe('tags', () => {
  test('a Pod is pinned to the digest that was verified', async () => {
    const name = await admitted(images.referrers.keyless);
    const pinned = await readObject<Bearer>(world.cluster, pathOf(pod(MCP, name)));
    expect(pinned?.spec.containers?.[0]?.image).toBe(
      `${images.referrers.keyless.reference}@${images.referrers.keyless.digest}`,
    );
  });

  test('a Deployment keeps its tag, and its Pods are pinned', async () => {
    const name = fresh('deployment');
    const { reference, digest } = images.fallback.keyed;
    const tagged = deployment(MCP, name, reference);
    await world.applied(tagged);
    const kept = await readObject<Bearer>(world.cluster, pathOf(tagged));
    expect(kept?.spec.template?.spec.containers?.[0]?.image).toBe(reference);
    const pinned = await until('a Pod of the Deployment', async () => {
      const [first] = await podsOf(name);
      return first?.spec.containers?.[0]?.image;
    });
    expect(pinned).toBe(`${reference}@${digest}`);
  });

  test('D1: a tag that moves after the Deployment was admitted does not carry an unsigned image in', async () => {
    const registry = world.registries.referrers;
    const good = await pushImage(registry, 'org/moving', { tag: 'v1', content: 'good' });
    await signWithKey(world.cosign, good, { key: world.key });
    const name = fresh('moving');
    await world.applied({ ...deployment(MCP, name, good.reference) });
    await until('the first Pod', async () => ((await podsOf(name)).length === 0 ? undefined : true));
    await pushImage(registry, 'org/moving', { tag: 'v1', content: 'evil' });
    await world.cluster.request(`${podsPath(name)}&gracePeriodSeconds=0`, { method: 'DELETE' });
    await until('the ReplicaSet is told', async () => {
      const path = `/api/v1/namespaces/${MCP}/events`;
      const { items = [] } = (await readObject<List<{ message: string }>>(world.cluster, path)) ?? {};
      const messages = items.map(({ message }) => message);
      return messages.find(
        (message) =>
          message.includes('denied the request') && message.includes(`Image ${good.reference} is not signed`),
      );
    });
    expect(await podsOf(name)).toEqual([]);
  });
});

interface List<T> {
  readonly items: readonly T[];
}

/** A Pod, or what makes Pods. */
interface Bearer {
  readonly spec: {
    readonly containers?: readonly { readonly image: string }[];
    readonly template?: Bearer;
  };
}

function podsPath(app: string): string {
  return `/api/v1/namespaces/${MCP}/pods?labelSelector=app%3D${app}`;
}

async function podsOf(app: string): Promise<readonly Bearer[]> {
  return (await readObject<List<Bearer>>(world.cluster, podsPath(app)))?.items ?? [];
}

const OWN_POLICY = `/apis/${API_VERSION}/namespaces/${MCP}/signingpolicies/own`;
const CLUSTER_POLICY = `/apis/${API_VERSION}/clustersigningpolicies`;

describe('changes count from the next request on', () => {
  const image = (): PushedImage => images.referrers.keyed;

  // A test that fails must not decide the ones after it.
  afterEach(async () => {
    await deleteObject(world.cluster, OWN_POLICY);
    await world.applied(signerSpec({}), mcpPolicy());
    await admits(image());
    await admits(images.referrers.keyless);
    await denies(images.referrers.unsigned);
  });

  const signerSpec = (spec: object): object => ({
    apiVersion: API_VERSION,
    kind: 'TrustedSigner',
    metadata: { name: 'release-key' },
    spec: { publicKey: { pem: world.key.publicKeyPem }, ...spec },
  });

  test('C15: a signer switched off, switched on, expired, retired, deleted', async () => {
    await admitted(image());
    await world.applied(signerSpec({ enabled: false }));
    await denies(image(), '[SIGNER_DISABLED]');
    expect(await refused(image())).toContain('[SIGNER_DISABLED]');
    await world.applied(signerSpec({ enabled: true }));
    await admits(image());
    await world.applied(signerSpec({ expiresAt: '2026-01-01T00:00:00Z' }));
    await denies(image(), '[SIGNER_EXPIRED]');
    expect(await refused(image())).toContain('[SIGNER_EXPIRED]');
    await world.applied(signerSpec({ signedNotAfter: '2020-01-01T00:00:00Z' }));
    await denies(image(), 'signedNotAfter');
    await world.applied(signerSpec({}));
    await admits(image());
    await deleteObject(world.cluster, pathOf(signerSpec({})));
    await denies(image(), 'denied the request');
    // The other entry still counts.
    await admitted(images.referrers.keyless);
    await world.applied(signerSpec({}));
    await admits(image());
  });

  test('a policy changed, and deleted', async () => {
    const { unsigned } = images.referrers;
    await world.applied(mcpPolicy({ revokedDigests: [image().digest] }));
    await denies(image(), '[DIGEST_REVOKED]');
    expect(await refused(image())).toContain('[DIGEST_REVOKED]');
    await world.applied(mcpPolicy({ threshold: 2 }));
    await denies(image(), '[THRESHOLD]');
    await deleteObject(world.cluster, `${CLUSTER_POLICY}/mcp-servers`);
    await admits(unsigned);
    await world.applied(mcpPolicy());
    await denies(unsigned);
  });

  test('Warn warns and admits, Audit admits and leaves an audit annotation', async () => {
    const { unsigned } = images.referrers;
    await world.applied(mcpPolicy({ mode: 'Warn' }));
    await untilHolds('Warn', async () =>
      expect(await dryRun(unsigned)).toMatchObject({
        isTaken: true,
        warnings: expect.stringContaining(`Image ${unsigned.reference} is not signed. Signature required.`),
      }),
    );
    await world.applied(mcpPolicy({ mode: 'Audit' }));
    await until('Audit', async () => {
      const { isTaken, warnings } = await dryRun(unsigned);
      return isTaken && warnings === '' ? true : undefined;
    });
    const name = await admitted(unsigned);
    const annotation = await until('the audit log', async () => {
      // The last line may not be whole yet.
      const lines = readFileSync(world.cluster.auditLog, 'utf8')
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.includes(`"name":"${name}"`));
      return lines.find((line) => line.includes('create.countersign.dev/verdicts'));
    });
    const { annotations } = JSON.parse(annotation) as { annotations: Record<string, string> };
    expect(JSON.parse(annotations['create.countersign.dev/verdicts'] ?? '')).toMatchObject([
      { policy: 'mcp-servers', mode: 'Audit', outcome: 'violated', codes: ['SIGNATURE_MISSING'] },
    ]);
    await world.applied(mcpPolicy());
    await denies(unsigned);
  });

  test('C16: a namespaced policy only adds to what the cluster asks', async () => {
    const own = (trustedKeys: object[]): object => ({
      apiVersion: API_VERSION,
      kind: 'SigningPolicy',
      metadata: { name: 'own', namespace: MCP },
      spec: { mode: 'Enforce', requireSignature: true, trustRootRef: { name: 'test-sigstore' }, trustedKeys },
    });
    await world.applied(own([{ keyless: true, issuer: ISSUER, subject: 'somebody@elsewhere.example' }]));
    await denies(images.referrers.keyless, 'SigningPolicy "mcp/own"');
    // What the tenant trusts, and the cluster does not, stays out.
    const message = await refused(images.referrers.stranger);
    expect(message).toContain('ClusterSigningPolicy "mcp-servers"');
    expect(message).not.toContain('SigningPolicy "mcp/own"');
    await deleteObject(world.cluster, OWN_POLICY);
    await admits(images.referrers.keyless);
  });
});

describe('every kind that bears Pods', () => {
  const templated = (apiVersion: string, kind: string, image: string, extra: object = {}): object => {
    const name = fresh(kind.toLowerCase());
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { ...podSpec([image]), ...restart(kind) } };
    return {
      apiVersion,
      kind,
      metadata: { name, namespace: MCP },
      spec: { template, ...selector(kind, labels), ...extra },
    };
  };
  const restart = (kind: string): object => (kind === 'Job' ? { restartPolicy: 'Never' } : {});
  const selector = (kind: string, labels: object): object =>
    kind === 'Job'
      ? {}
      : kind === 'ReplicationController'
        ? { selector: labels }
        : { selector: { matchLabels: labels } };
  const cronJob = (image: string): object => {
    const { spec } = templated('batch/v1', 'Job', image) as { spec: object };
    return {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: fresh('cronjob'), namespace: MCP },
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec } },
    };
  };
  const podTemplate = (image: string): object => ({
    apiVersion: 'v1',
    kind: 'PodTemplate',
    metadata: { name: fresh('podtemplate'), namespace: MCP },
    template: { metadata: { labels: { app: 'x' } }, spec: podSpec([image]) },
  });
  const KINDS: readonly (readonly [string, (image: string) => object])[] = [
    ['Deployment', (image) => templated('apps/v1', 'Deployment', image)],
    ['ReplicaSet', (image) => templated('apps/v1', 'ReplicaSet', image)],
    ['StatefulSet', (image) => templated('apps/v1', 'StatefulSet', image, { serviceName: 'x' })],
    ['DaemonSet', (image) => templated('apps/v1', 'DaemonSet', image)],
    ['Job', (image) => templated('batch/v1', 'Job', image)],
    ['CronJob', cronJob],
    ['ReplicationController', (image) => templated('v1', 'ReplicationController', image)],
    ['PodTemplate', podTemplate],
  ];

  test.each(KINDS)('E6, E8: %s', async (_kind, make) => {
    const bad = make(images.referrers.unsigned.reference);
    const { code, stderr } = await world.apply(bad);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not signed. Signature required.'),
    });
    expect(await isThere(bad)).toBe(false);
    const good = make(images.referrers.keyed.reference);
    await world.applied(good);
    expect(await isThere(good)).toBe(true);
  });

  test('E1: init containers, sidecars, ephemeral containers and image volumes', async () => {
    const good = images.referrers.keyed.reference;
    const bad = images.referrers.unsigned.reference;
    const variants: readonly (readonly [string, (image: string) => object])[] = [
      ['spec.initContainers[0].image', (image) => ({ initContainers: [{ name: 'init', image }] })],
      [
        'spec.initContainers[0].image',
        (image) => ({ initContainers: [{ name: 'sidecar', image, restartPolicy: 'Always' }] }),
      ],
      [
        'spec.volumes[0].image.reference',
        (image) => ({ volumes: [{ name: 'models', image: { reference: image } }] }),
      ],
    ];
    for (const [field, part] of variants) {
      const make = (image: string): object => {
        const object = pod(MCP, fresh('fields'), good) as { spec: object };
        return { ...object, spec: { ...object.spec, ...part(image) } };
      };
      const { code, stderr } = await world.apply(make(bad));
      expect({ field, code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`(${field})`),
      });
      await world.applied(make(good));
    }
    const name = await admitted(good);
    const debug = (image: string): Promise<{ status: number; body: Buffer }> =>
      world.cluster.request(`/api/v1/namespaces/${MCP}/pods/${name}/ephemeralcontainers`, {
        method: 'PATCH',
        contentType: 'application/strategic-merge-patch+json',
        body: { spec: { ephemeralContainers: [{ name: `debug-${names}`, image }] } },
      });
    const evil = await debug(bad);
    expect(evil.status).toBe(403);
    expect(evil.body.toString()).toContain('spec.ephemeralContainers[0].image');
    expect((await debug(good)).status).toBe(200);
  });

  test('E2, E4, E16: owner references, annotations and labels of the tenant exempt nothing', async () => {
    const path = `/apis/apps/v1/namespaces/${MCP}/replicasets`;
    const owners = await readObject<List<{ metadata: { name: string; uid: string } }>>(world.cluster, path);
    const [replicaSet] = owners?.items ?? [];
    const disguise = {
      annotations: {
        'kubernetes.io/config.mirror': 'x',
        'kubernetes.io/config.source': 'file',
        'countersign.dev/verified': 'true',
      },
      labels: { 'countersign.dev/skip': 'true', 'policy.sigstore.dev/include': 'false' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: replicaSet?.metadata.name,
          uid: replicaSet?.metadata.uid,
          controller: true,
        },
      ],
    };
    const disguised = (image: string): object => {
      const object = pod(MCP, fresh('disguised'), image) as { metadata: object; spec: object };
      return {
        ...object,
        metadata: { ...object.metadata, ...disguise },
        spec: { ...object.spec, nodeName: 'some-node' },
      };
    };
    const { code, stderr } = await world.apply(disguised(images.referrers.unsigned.reference));
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not signed. Signature required.'),
    });
    await world.applied(disguised(images.referrers.keyed.reference));
  });
});

describe('UPDATE', () => {
  test('E3, E21: changed and moved images are verified, unchanged ones are not', async () => {
    const registry = world.registries.referrers;
    const name = fresh('update');
    const { keyed, unsigned } = images.referrers;
    await world.applied(deployment(MCP, name, keyed.reference));
    const changed = await world.apply(deployment(MCP, name, unsigned.reference));
    expect(changed).toMatchObject({ code: 1, stderr: expect.stringContaining('is not signed') });
    const scaledAndChanged = deployment(MCP, name, unsigned.reference) as { spec: object };
    const both = await world.apply({ ...scaledAndChanged, spec: { ...scaledAndChanged.spec, replicas: 0 } });
    expect(both).toMatchObject({ code: 1, stderr: expect.stringContaining('is not signed') });
    // What is in place already may be labelled and scaled although its signer is not trusted any more.
    const old = fresh('old');
    await deleteObject(world.cluster, `${CLUSTER_POLICY}/mcp-servers`);
    await admits(unsigned);
    await world.applied(deployment(MCP, old, unsigned.reference));
    await world.applied(mcpPolicy());
    await denies(unsigned);
    expect((await world.cluster.kubectl(['-n', MCP, 'label', 'deployment', old, 'team=a'])).code).toBe(0);
    expect((await world.cluster.kubectl(['-n', MCP, 'scale', 'deployment', old, '--replicas=0'])).code).toBe(
      0,
    );
    const moved = deployment(MCP, old, keyed.reference, unsigned.reference);
    expect(await world.apply(moved)).toMatchObject({ code: 1, stderr: expect.stringContaining('extra-1') });
    await world.applied(deployment(MCP, name, keyed.pinned));
    expect(registry.mode).toBe('referrers');
  });
});

describe('E13: the webhook is down', () => {
  test('nothing gets in, and what is in place can still be labelled, scaled, finalised and deleted', async () => {
    const { keyed } = images.referrers;
    const name = fresh('down');
    await world.applied({
      ...deployment(MCP, name, keyed.reference),
      metadata: { name, namespace: MCP, finalizers: ['example.com/hold'] },
    });
    const kept = await admitted(keyed);
    await world.stopWebhook();
    try {
      for (const object of [
        pod(MCP, fresh('down'), keyed.reference),
        deployment(MCP, fresh('down'), keyed.reference),
      ]) {
        const { code, stderr } = await world.apply(object);
        expect({ code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('failed calling webhook'),
        });
      }
      const changed = await world.apply(deployment(MCP, name, images.referrers.keyless.reference));
      expect(changed).toMatchObject({ code: 1 });
      const kubectl = async (...args: string[]): Promise<void> => {
        const { code, stderr } = await world.cluster.kubectl(['-n', MCP, ...args]);
        expect({ args, code, stderr }).toMatchObject({ code: 0 });
      };
      await kubectl('label', 'deployment', name, 'team=a');
      await kubectl('annotate', 'pod', kept, 'note=a');
      await kubectl('scale', 'deployment', name, '--replicas=2');
      await kubectl('delete', 'pod', kept, '--force', '--grace-period=0');
      await kubectl('delete', 'deployment', name, '--wait=false');
      await kubectl('patch', 'deployment', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      await until('deleted', async () => ((await isThere(deployment(MCP, name))) ? undefined : true));
      // Mending a policy is always possible.
      await world.applied(mcpPolicy());
    } finally {
      await world.startWebhook();
    }
    await admitted(keyed);
  }, 120_000);
});

describe('E17: excluded namespaces, exactly', () => {
  test('kube-system and the own namespace are not looked at; a look-alike is', async () => {
    const { unsigned } = images.referrers;
    await world.applied(
      clusterPolicy('everywhere', MCP, {
        match: {},
        trustRootRef: { name: 'test-sigstore' },
        trustedKeys: KEYS,
      }),
    );
    await world.cluster.createNamespace('kube-system-2');
    const inNamespace = async (namespace: string): Promise<boolean> =>
      (await createObject(world.cluster, pod(namespace, fresh('excluded'), unsigned.reference))).isTaken;
    await until('effective', async () => ((await inNamespace('kube-system-2')) ? undefined : true));
    expect(await inNamespace('kube-system')).toBe(true);
    expect(await inNamespace('kube-system-2')).toBe(false);
    await deleteObject(world.cluster, `${CLUSTER_POLICY}/everywhere`);
  });
});
