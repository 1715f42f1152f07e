import { createPublicKey } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { readObject } from '../support/api-objects.ts';
import { signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import { sha256, type PushedImage } from '../support/manifests.ts';
import { registryAccount, type Registry } from '../support/registry.ts';
import { clusterPolicy, deployment, until, type Installation } from './installation.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** A registry that shows nothing without an account, which only the tenant's own Secret has. */
/** @param closed the registry; the settings list the namespace `listed` for its pull secrets, and `not-listed` is there */
export function privateRegistry(installed: () => Installation, closed: () => Registry): void {
  let registry: Registry;
  let world: Installation;
  let listed: Tenant;
  let notListed: Tenant;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    world = installed();
    registry = closed();
    [listed, notListed] = [tenantOf(world, 'listed'), tenantOf(world, 'not-listed')];
    const push = (name: string) => pushImage(registry, `org/${name}`, { tag: 'v1' });
    [signed, unsigned] = await Promise.all([push('signed'), push('unsigned')]);
    await signWithKey(world.cosign, signed, { key: world.key, log: 'none', timestamp: false });
    for (const { namespace } of [listed, notListed]) {
      await world.applied(
        pullSecret(namespace),
        clusterPolicy(namespace, namespace, {
          trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
          transparency: { keys: { log: 'Ignored' } },
        }),
      );
    }
    await listed.untilAdmitted(signed.reference, withSecret);
  }, 120_000);

  /** Of the DER of a key, as messages and statuses name it. */
  function fingerprintOf(pem: string): string {
    return sha256(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
  }

  const withSecret = { imagePullSecrets: [{ name: 'regcred' }] };

  function pullSecret(namespace: string): object {
    const { username, password } = registryAccount;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'regcred', namespace },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: { auth } } }) },
    };
  }

  test("with the Pod's imagePullSecrets, and not without", async () => {
    await listed.admitted(signed.reference, withSecret);
    const denial = await listed.refused(signed.reference);
    expect(denial).toContain(`Image ${signed.reference} could not be verified: its registry refused access.`);
    expect(denial).toContain(
      `registry ${registry.host} refused to show org/signed (401): it does not exist, or Countersign's credentials for it are missing or wrong [REGISTRY_AUTH]`,
    );
  });

  test('a namespace that pullSecrets.namespaces does not list is told so', async () => {
    const why =
      'the imagePullSecrets are not used: the setting pullSecrets.namespaces does not list this namespace';
    await notListed.untilRefused(signed.reference, ['[REGISTRY_AUTH]', why], withSecret);
    expect(await notListed.refused(signed.reference, withSecret)).toContain(why);
  });

  test('a Secret that is not there, and one that holds no credentials', async () => {
    const absent = await listed.refused(signed.reference, { imagePullSecrets: [{ name: 'absent' }] });
    expect(absent).toContain('the Secret "absent" could not be read (it does not exist)');
    expect(absent).toContain('[REGISTRY_AUTH]');
    await world.applied({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'opaque', namespace: 'listed' },
      stringData: { password: 'not-a-secret' },
    });
    const opaque = await listed.refused(signed.reference, { imagePullSecrets: [{ name: 'opaque' }] });
    expect(opaque).toContain('the Secret "opaque" is of no type that holds registry credentials');
  });

  test("through the ServiceAccount's imagePullSecrets", async () => {
    await world.applied({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'puller', namespace: 'listed' },
      imagePullSecrets: [{ name: 'regcred' }],
    });
    await listed.admitted(signed.reference, { serviceAccountName: 'puller' });
    expect(await listed.refused(signed.reference, { serviceAccountName: 'default' })).toContain(
      '[REGISTRY_AUTH]',
    );
  });

  test('a Deployment with imagePullSecrets in its template, down to its Pods', async () => {
    const make = (name: string, image: PushedImage): object => {
      const made = deployment('listed', name, image.reference) as {
        spec: { template: { spec: object } };
      };
      const { template } = made.spec;
      return {
        ...made,
        spec: { ...made.spec, template: { ...template, spec: { ...template.spec, ...withSecret } } },
      };
    };
    await world.applied(make('signed', signed));
    const pinned = await until('a Pod of the Deployment', async () => {
      const path = '/api/v1/namespaces/listed/pods?labelSelector=app%3Dsigned';
      const pods = await readObject<{ items: { spec: { containers: { image: string }[] } }[] }>(
        world.cluster,
        path,
      );
      return pods?.items[0]?.spec.containers[0]?.image;
    });
    expect(pinned).toBe(`${signed.reference}@${signed.digest}`);
    const { code, stderr } = await world.apply(make('unsigned', unsigned));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('[SIGNATURE_MISSING]') });
  });

  test('E14: what only a pull secret can see is not told to whoever asks; the log has it', async () => {
    const denial = await listed.refused(unsigned.reference, withSecret);
    expect(denial).toBe(
      `Image ${unsigned.reference} is not signed. Signature required.
  in:        container "server" (spec.containers[0].image)
  policy:    ClusterSigningPolicy "listed"
  digest:    not told
  found:     not told here, because the image was read with a pull secret; Countersign's log has it [SIGNATURE_MISSING]
  expected:  a signature by key ${fingerprintOf(world.key.publicKeyPem)} [trustedKeys[0]]
  next:      sign it (cosign sign ${registry.host}/org/unsigned@DIGEST), or use an image that is signed`,
    );
    expect(denial).not.toContain(unsigned.digest);
    const line = world
      .log()
      .split('\n')
      .findLast((each) => each.includes('"msg":"denied"') && each.includes(unsigned.reference));
    expect(line).toContain(unsigned.digest);
    expect(line).toContain('no signature was found');
    expect(world.log()).not.toContain(registryAccount.password);
  });
}
