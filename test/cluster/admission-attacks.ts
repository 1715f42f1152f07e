import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createObject, deleteObject, pathOf, readObject } from '../support/api-objects.ts';
import { generateKeyPair, signWithKey, type KeyFiles } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { INJECT, startInjector, SWAP, type Injector } from './injector.ts';
import { API_VERSION, clusterPolicy, deployment, pod, until, type Installation } from './installation.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** Rows of the attack corpus that take a real API server: what it lets users, controllers and other webhooks do. */
export function admissionAttacks(installed: () => Installation): void {
  const NAMESPACE = 'attacked';
  const UNSIGNED = 'is not signed. Signature required.';
  let world: Installation;
  let tenant: Tenant;
  let other: KeyFiles;
  let first: PushedImage;
  let second: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    world = installed();
    const push = (name: string) =>
      pushImage(world.registries.referrers, `org/attacked-${name}`, { tag: 'v1', content: name });
    [first, second, unsigned] = await Promise.all([push('first'), push('second'), push('unsigned')]);
    other = await generateKeyPair(world.cosign, 'attacked');
    const alone = { log: 'none', timestamp: false } as const;
    await signWithKey(world.cosign, first, { key: world.key, ...alone });
    await signWithKey(world.cosign, second, { key: other, ...alone });
    tenant = tenantOf(world, NAMESPACE);
    await world.cluster.createNamespace(NAMESPACE);
    await world.applied(signer('first-key', world.key), signer('second-key', other), policy());
    await tenant.untilRefused(unsigned.reference, UNSIGNED);
    await Promise.all([first, second].map(({ reference }) => tenant.untilAdmitted(reference)));
  }, 120_000);

  const signer = (name: string, { publicKeyPem: pem }: KeyFiles, spec: object = {}): object => ({
    apiVersion: API_VERSION,
    kind: 'TrustedSigner',
    metadata: { name },
    spec: { publicKey: { pem }, ...spec },
  });
  const policy = (): object =>
    clusterPolicy(NAMESPACE, NAMESPACE, {
      trustedKeys: [{ signerRef: { name: 'first-key' } }, { signerRef: { name: 'second-key' } }],
      transparency: { keys: { log: 'Ignored' } },
    });

  let names = 0;
  const fresh = (prefix: string): string => `${prefix}-${(names += 1)}`;
  const kubectl = (args: readonly string[], object?: object) =>
    world.cluster.kubectl(
      ['-n', NAMESPACE, ...args],
      object === undefined ? {} : { input: JSON.stringify(object) },
    );
  interface Stored {
    readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  }
  const imagesOf = async (object: object) =>
    (await readObject<Stored>(world.cluster, pathOf(object)))?.spec.containers.map(({ image }) => image);
  const pinned = ({ reference, digest }: PushedImage): string => `${reference}@${digest}`;

  describe('E3: an image that moves between the lists of an object', () => {
    const PLACES: Readonly<Record<string, (image: string) => object>> = {
      initContainers: (image) => ({ initContainers: [{ name: 'x', image }] }),
      containers: (image) => ({ containers: [{ name: 'x', image }] }),
      volumes: (reference) => ({ volumes: [{ name: 'x', image: { reference } }] }),
    };
    const specOf = (place: string, image: string) => {
      const { containers = [], ...rest }: { readonly containers?: object[] } = PLACES[place]?.(image) ?? {};
      return { ...rest, containers: [{ name: 'base', image: first.reference }, ...containers] };
    };
    const made = (name: string, spec: object): object => {
      const object = deployment(NAMESPACE, name, first.reference) as {
        readonly spec: { readonly template: object };
      };
      return {
        ...object,
        spec: { ...object.spec, replicas: 0, template: { ...object.spec.template, spec } },
      };
    };

    test.each(Object.keys(PLACES))('E3: from %s to each other list', async (from) => {
      const name = fresh('moving');
      // It was there before anything was asked of it.
      await deleteObject(world.cluster, pathOf(policy()));
      await tenant.untilAdmitted(unsigned.reference);
      await world.applied(made(name, specOf(from, unsigned.reference)));
      await world.applied(policy());
      await tenant.untilRefused(unsigned.reference, UNSIGNED);
      for (const to of Object.keys(PLACES).filter((place) => place !== from)) {
        const moved = world.applied(made(name, specOf(to, unsigned.reference)));
        await expect(moved).rejects.toThrow(UNSIGNED);
      }
      const renamed = JSON.parse(
        JSON.stringify(specOf(from, unsigned.reference)).replace('"name":"x"', '"name":"y"'),
      ) as object;
      await expect(world.applied(made(name, renamed))).rejects.toThrow(UNSIGNED);
      // The twins: where it was it stays, also when something else changes; what is signed may move.
      await world.applied(made(name, { ...specOf(from, unsigned.reference), hostname: 'changed' }));
      for (const to of Object.keys(PLACES)) await world.applied(made(name, specOf(to, second.reference)));
    });

    test('E3: from the containers to the ephemeral ones', async () => {
      const name = fresh('debugged');
      await deleteObject(world.cluster, pathOf(policy()));
      await tenant.untilAdmitted(unsigned.reference);
      await world.applied(pod(NAMESPACE, name, unsigned.reference));
      await world.applied(policy());
      await tenant.untilRefused(unsigned.reference, UNSIGNED);
      const debug = async (container: string, image: string) => {
        const body = { spec: { ephemeralContainers: [{ name: container, image }] } };
        const path = `/api/v1/namespaces/${NAMESPACE}/pods/${name}/ephemeralcontainers`;
        const contentType = 'application/strategic-merge-patch+json';
        const { status, body: said } = await world.cluster.request(path, {
          method: 'PATCH',
          body,
          contentType,
        });
        return { status, said: said.toString() };
      };
      expect(await debug('debug', unsigned.reference)).toEqual({
        status: 403,
        said: expect.stringContaining(UNSIGNED),
      });
      expect((await debug('debug', first.reference)).status).toBe(200);
      expect((await kubectl(['label', 'pod', name, 'team=a'])).code).toBe(0);
    });
  });

  describe('E15: another webhook changes a Pod after Countersign pinned it', () => {
    let injector: Injector;
    beforeAll(async () => {
      injector = await startInjector(NAMESPACE);
      await world.applied(injector.configuration);
      await until('it is asked', async () => {
        await createObject(world.cluster, pod(NAMESPACE, 'probe', first.reference), { dryRun: true });
        return injector.asked() > 0 ? true : undefined;
      });
    });
    afterAll(async () => {
      await deleteObject(world.cluster, pathOf(injector.configuration));
      await injector.stop();
    });

    const annotated = (annotations: Readonly<Record<string, string>>): object => {
      const object = pod(NAMESPACE, fresh('injected'), first.reference) as { readonly metadata?: object };
      return { ...object, metadata: { ...object.metadata, annotations } };
    };
    const tried = async (annotations: Readonly<Record<string, string>>) => {
      const object = annotated(annotations);
      const { isTaken, message } = await createObject(world.cluster, object);
      return { isTaken, message, images: await imagesOf(object) };
    };

    test('E15: what it adds or puts in place is verified, in the final object', async () => {
      expect(await tried({})).toEqual({ isTaken: true, message: '', images: [pinned(first)] });
      for (const [annotation, field] of [
        [INJECT, 'spec.containers[1].image'],
        [SWAP, 'spec.containers[0].image'],
      ] as const) {
        const { isTaken, message, images } = await tried({ [annotation]: unsigned.reference });
        expect({ isTaken, images }).toEqual({ isTaken: false, images: undefined });
        expect(message).toContain(`Image ${unsigned.reference} ${UNSIGNED}`);
        expect(message).toContain(field);
      }
    });

    test('E15: what is signed may be added and put in place, and is pinned too', async () => {
      const added = await tried({ [INJECT]: second.reference });
      expect(added).toEqual({ isTaken: true, message: '', images: [pinned(first), pinned(second)] });
      const swapped = await tried({ [SWAP]: pinned(second) });
      expect(swapped).toEqual({ isTaken: true, message: '', images: [pinned(second)] });
    });
  });

  test('E22: a rollout is undone to a revision whose signer has been disabled', async () => {
    const name = fresh('rolled');
    const imageNow = async () => {
      const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`;
      const stored = await readObject<{ spec: { template: Stored } }>(world.cluster, path);
      return stored?.spec.template.spec.containers[0]?.image;
    };
    const revisions = async (count: number) => {
      const path = `/apis/apps/v1/namespaces/${NAMESPACE}/replicasets?labelSelector=app%3D${name}`;
      await until(`${count} revisions`, async () => {
        const sets = await readObject<{ items: object[] }>(world.cluster, path);
        return sets?.items.length === count ? true : undefined;
      });
    };
    await world.applied(deployment(NAMESPACE, name, first.reference));
    await revisions(1);
    await world.applied(deployment(NAMESPACE, name, second.reference));
    await revisions(2);
    // The twin: while both are trusted, there and back.
    for (const image of [first, second]) {
      expect((await kubectl(['rollout', 'undo', `deployment/${name}`])).code).toBe(0);
      expect(await imageNow()).toBe(image.reference);
      await until('the controller has seen it', async () => {
        const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`;
        const object = await readObject<{
          metadata: { generation: number };
          status?: { observedGeneration?: number };
        }>(world.cluster, path);
        return object?.status?.observedGeneration === object?.metadata.generation ? true : undefined;
      });
    }
    await world.applied(signer('first-key', world.key, { enabled: false }));
    await tenant.untilRefused(first.reference, '[SIGNER_DISABLED]');
    const { code, stderr } = await kubectl(['rollout', 'undo', `deployment/${name}`]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('[SIGNER_DISABLED]') });
    expect(await imageNow()).toBe(second.reference);

    await world.applied(signer('first-key', world.key));
    await tenant.untilAdmitted(first.reference);
    expect((await kubectl(['rollout', 'undo', `deployment/${name}`])).code).toBe(0);
    expect(await imageNow()).toBe(first.reference);
  });

  describe('E23: who asks is exempt from nothing', () => {
    const PEOPLE: readonly (readonly [string, ...string[]])[] = [
      ['cluster-admin', 'system:masters'],
      ['system:kube-controller-manager', 'system:masters'],
      ['system:serviceaccount:kube-system:replicaset-controller', 'system:masters'],
      ['system:serviceaccount:countersign-system:countersign', 'system:masters'],
      ['system:serviceaccount:kube-system:forged-by-oidc:replicaset-controller', 'system:masters'],
    ];
    const as = ([user, ...groups]: readonly [string, ...string[]]) => [
      `--as=${user}`,
      ...groups.map((group) => `--as-group=${group}`),
    ];

    test.each(PEOPLE)('E23: %s in %s', async (...person) => {
      const create = (image: PushedImage) =>
        kubectl(['create', '-f', '-', ...as(person)], pod(NAMESPACE, fresh('by'), image.reference));
      expect(await create(first)).toMatchObject({ code: 0 });
      expect(await create(unsigned)).toMatchObject({ code: 1, stderr: expect.stringContaining(UNSIGNED) });
    });

    test('E16, E23: a node that reports a static Pod of its own', async () => {
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'attacked-node' } };
      expect((await createObject(world.cluster, node)).isTaken).toBe(true);
      const { metadata } = (await readObject<{ metadata: { uid: string } }>(
        world.cluster,
        '/api/v1/nodes/attacked-node',
      )) ?? { metadata: { uid: '' } };
      const owner = { apiVersion: 'v1', kind: 'Node', name: 'attacked-node', uid: metadata.uid };
      const report = (image: PushedImage) => {
        const object = pod(NAMESPACE, fresh('static'), pinned(image)) as {
          readonly metadata?: object;
          readonly spec: object;
        };
        const annotations = { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.source': 'file' };
        const mirrored = {
          ...object,
          metadata: {
            ...object.metadata,
            annotations,
            ownerReferences: [{ ...owner, controller: true }],
          },
          spec: { ...object.spec, nodeName: 'attacked-node' },
        };
        const node1 = as(['system:node:attacked-node', 'system:nodes', 'system:masters']);
        return kubectl(['create', '-f', '-', ...node1], mirrored);
      };
      expect(await report(first)).toMatchObject({ code: 0 });
      expect(await report(unsigned)).toMatchObject({ code: 1, stderr: expect.stringContaining(UNSIGNED) });
      await deleteObject(world.cluster, '/api/v1/nodes/attacked-node');
    });
  });

  test('E27: whatever the pull policy, the Pod that is stored names the digest', async () => {
    for (const imagePullPolicy of ['Never', 'IfNotPresent', 'Always']) {
      const withPolicy = (image: PushedImage): object => {
        const object = pod(NAMESPACE, fresh('pulled'), image.reference);
        const containers = [{ name: 'server', image: image.reference, imagePullPolicy }];
        return { ...object, spec: { containers } };
      };
      const [good, bad] = [withPolicy(first), withPolicy(unsigned)];
      expect((await createObject(world.cluster, good)).isTaken).toBe(true);
      expect(await imagesOf(good)).toEqual([pinned(first)]);
      expect(await createObject(world.cluster, bad)).toMatchObject({
        isTaken: false,
        message: expect.stringContaining(UNSIGNED),
      });
      expect(await imagesOf(bad)).toBeUndefined();
    }
  });

  test('H6: replicas that end, are killed and come again leave the webhooks and their rules as they are', async () => {
    const path = '/apis/admissionregistration.k8s.io/v1';
    interface Configuration {
      readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
    }
    const webhooks = async () => {
      const read = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'].map((kind) =>
        readObject<Configuration>(world.cluster, `${path}/${kind}/countersign`),
      );
      return (await Promise.all(read)).map((found) =>
        found?.webhooks.map(({ clientConfig, ...rest }) => ({
          ...rest,
          isTrusted: clientConfig.caBundle !== undefined,
        })),
      );
    };
    const before = await webhooks();
    expect(before.map((each) => each?.length)).toEqual([expect.any(Number), expect.any(Number)]);
    await world.stopWebhook();
    expect(await webhooks()).toEqual(before);
    const down = await createObject(world.cluster, pod(NAMESPACE, fresh('down'), first.reference));
    expect(down).toMatchObject({
      isTaken: false,
      message: expect.stringContaining('failed calling webhook'),
    });
    await world.startWebhook();
    expect(await webhooks()).toEqual(before);
    await tenant.admitted(first.reference);
    expect(await tenant.refused(unsigned.reference)).toContain(UNSIGNED);
    // Nor has it the right to do more than publish what is trusted.
    const as = '--as=system:serviceaccount:countersign-system:countersign';
    const may = async (verb: string, what: string) =>
      (await world.cluster.kubectl(['auth', 'can-i', verb, what, as])).stdout.trim();
    for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']) {
      expect(await may('patch', `${kind}/countersign`)).toBe('yes');
      for (const verb of ['delete', 'update', 'create'])
        expect({ verb, kind, answer: await may(verb, `${kind}/countersign`) }).toEqual({
          verb,
          kind,
          answer: 'no',
        });
      expect(await may('patch', `${kind}/another`)).toBe('no');
    }
  });
}
