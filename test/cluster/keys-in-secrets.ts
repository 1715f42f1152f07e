import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createObject } from '../support/api-objects.ts';
import { generateKeyPair, signWithKey, type KeyFiles } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import { sha256, type PushedImage } from '../support/manifests.ts';
import { API_VERSION, clusterPolicy, type Installation } from './installation.ts';
import { tenantOf, untilStatus, type Tenant } from './tenant.ts';

/** The namespace that the settings list for Secrets with keys. */
export const KEYS = 'signing-keys';

/** Of the DER of a key, as statuses name it. */
function printOf(pem: string): string {
  return sha256(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
}

/** Public keys in Secrets, as their owners live them: not there yet, there, rotated, and pasted wrongly. */
export function keysInSecrets(installed: () => Installation): void {
  let world: Installation;
  let first: KeyFiles;
  let second: KeyFiles;
  let byFirst: PushedImage;
  let bySecond: PushedImage;
  let unsigned: PushedImage;
  let viaSigner: Tenant;
  let viaSecretRef: Tenant;

  beforeAll(async () => {
    world = installed();
    first = world.key;
    second = await generateKeyPair(world.cosign, 'second');
    const push = (name: string) => pushImage(world.registries.referrers, `org/${name}`, { tag: 'v1' });
    [byFirst, bySecond, unsigned] = await Promise.all([push('first'), push('second'), push('unsigned')]);
    const alone = { log: 'none', timestamp: false } as const;
    await signWithKey(world.cosign, byFirst, { key: first, ...alone });
    await signWithKey(world.cosign, bySecond, { key: second, ...alone });
    viaSigner = tenantOf(world, 'via-signer');
    viaSecretRef = tenantOf(world, 'via-secret-ref');
    for (const { namespace } of [viaSigner, viaSecretRef]) await world.cluster.createNamespace(namespace);
  }, 120_000);

  const secret = (name: string, stringData: Readonly<Record<string, string>>, namespace = KEYS): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData,
  });
  const signer = (name: string, uri: string): object => ({
    apiVersion: API_VERSION,
    kind: 'TrustedSigner',
    metadata: { name },
    spec: { keyRef: { uri } },
  });
  const policy = (tenant: Tenant, ...trustedKeys: object[]): object =>
    clusterPolicy(tenant.namespace, tenant.namespace, {
      trustedKeys,
      transparency: { keys: { log: 'Ignored' } },
    });

  test('no Secret, a Secret, another key in it', async () => {
    await world.applied(
      signer('release', `k8s://${KEYS}/release`),
      policy(viaSigner, { signerRef: { name: 'release' } }),
      policy(viaSecretRef, {
        publicKey: { secretRef: { namespace: KEYS, name: 'release', key: 'key.pem' } },
      }),
    );
    await viaSigner.untilRefused(
      byFirst.reference,
      `Image ${byFirst.reference} could not be verified: a key is not available.
  in:        container "server" (spec.containers[0].image)
  policy:    ClusterSigningPolicy "via-signer"
  digest:    ${byFirst.digest}
  found:     TrustedSigner "release": k8s://signing-keys/release could not be read: there is no such Secret; create it, or name another one [KEY_UNAVAILABLE]
  next:      show what was found to the owners of ClusterSigningPolicy "via-signer"; once it can be had, try again`,
    );
    await viaSecretRef.untilRefused(
      byFirst.reference,
      'k8s://signing-keys/release#key.pem could not be read',
    );
    await untilStatus(world, 'trustedsigner', 'release', {
      ready: 'False',
      reason: 'Unavailable',
      message:
        'Cannot be had now: k8s://signing-keys/release could not be read: there is no such Secret; create it, or name another one.',
      type: 'KeyReference',
      keyFingerprint: undefined,
    });

    await world.applied(
      secret('release', { 'cosign.pub': first.publicKeyPem, 'key.pem': first.publicKeyPem }),
    );
    await Promise.all([viaSigner, viaSecretRef].map((tenant) => tenant.untilAdmitted(byFirst.reference)));
    for (const tenant of [viaSigner, viaSecretRef]) {
      await tenant.admitted(byFirst.reference);
      expect(await tenant.refused(bySecond.reference)).toContain('[SIG_INVALID]');
    }
    await untilStatus(world, 'trustedsigner', 'release', {
      ready: 'True',
      reason: 'Valid',
      message: 'In force.',
      keyFingerprint: printOf(first.publicKeyPem),
      lastResolvedTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });

    await world.applied(
      secret('release', { 'cosign.pub': second.publicKeyPem, 'key.pem': second.publicKeyPem }),
    );
    await Promise.all([viaSigner, viaSecretRef].map((tenant) => tenant.untilAdmitted(bySecond.reference)));
    for (const tenant of [viaSigner, viaSecretRef]) {
      await tenant.admitted(bySecond.reference);
      expect(await tenant.refused(byFirst.reference)).toContain('[SIG_INVALID]');
    }
    await untilStatus(world, 'trustedsigner', 'release', {
      ready: 'True',
      reason: 'Valid',
      keyFingerprint: printOf(second.publicKeyPem),
    });
  });

  test('C16: a Secret of a namespace that the settings do not list is not read', async () => {
    const tenant = tenantOf(world, 'not-listed');
    await world.cluster.createNamespace(tenant.namespace);
    await world.applied(
      secret('release', { 'cosign.pub': first.publicKeyPem }, 'default'),
      policy(tenant, { keyRef: { uri: 'k8s://default/release' } }),
    );
    const why =
      'k8s://default/release could not be read: Secrets of the namespace "default" are not read; add it to keys.secretNamespaces, or name a Secret elsewhere';
    await tenant.untilRefused(byFirst.reference, `trustedKeys[0]: ${why} [KEY_UNAVAILABLE]`);
    await untilStatus(world, 'clustersigningpolicy', tenant.namespace, {
      ready: 'False',
      message: `No entry of trustedKeys can be used: trustedKeys[0]: ${why}.`,
    });
    // An entry that can be had is enough, whatever the other one comes to.
    await world.applied(
      policy(
        tenant,
        { keyRef: { uri: 'k8s://default/release' } },
        { publicKey: { pem: first.publicKeyPem } },
      ),
    );
    await tenant.untilAdmitted(byFirst.reference);
    expect(await tenant.refused(unsigned.reference)).toContain('is not signed. Signature required.');
    await untilStatus(world, 'clustersigningpolicy', tenant.namespace, {
      ready: 'True',
      reason: 'PartlyUsable',
    });
  });

  test('C17: a private key in the Secret is refused, and shown nowhere', async () => {
    const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const encrypted = readFileSync(first.privateKeyPath, 'utf8');
    const tenant = tenantOf(world, 'private-key');
    await world.cluster.createNamespace(tenant.namespace);
    await world.applied(
      secret('plain', { 'cosign.pub': pem }),
      secret('encrypted', { 'cosign.pub': encrypted }),
      signer('plain', `k8s://${KEYS}/plain`),
      signer('encrypted', `k8s://${KEYS}/encrypted`),
      policy(tenant, { signerRef: { name: 'plain' } }, { signerRef: { name: 'encrypted' } }),
    );
    const denial = await tenant.untilRefused(
      byFirst.reference,
      'a private key was given: give the public key, and treat the private one as leaked [KEY_UNAVAILABLE]',
    );
    const shown = [denial, world.log()];
    for (const name of ['plain', 'encrypted']) {
      await untilStatus(world, 'trustedsigner', name, { ready: 'False', reason: 'Unavailable' });
      shown.push((await world.cluster.kubectl(['get', 'trustedsigner', name, '-o', 'yaml'])).stdout);
    }
    const lines = [...pem.split('\n'), ...encrypted.split('\n')].filter((line) => /^[\w+/=]{20}/.test(line));
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.filter((line) => shown.join().includes(line.slice(0, 20)))).toEqual([]);
    await world.applied(secret('plain', { 'cosign.pub': first.publicKeyPem }));
    await tenant.untilAdmitted(byFirst.reference);
  });

  /** Not a place where a key is kept, or one that leads out of its place in a request. */
  const EVIL_URIS: readonly string[] = [
    'k8s://signing-keys/../release',
    'k8s://signing-keys/release/cosign.key',
    'k8s://signing-keys/release?x=1',
    'k8s://release',
    'K8S://signing-keys/release',
    'hashivault://../../sys/seal',
    'hashivault://release/../other',
    'hashivault://release%2f..%2fother',
    'hashivault://',
    'awskms://user@evil.example/alias/release',
    'awskms:///alias/../release',
    'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/../../k',
    'gcpkms://projects/p',
    'azurekms://release.vault.azure.net@evil.example/release',
    'azurekms://release.vault.azure.net/release/../../secrets/x',
    'https://evil.example/key.pem',
    'file:///etc/passwd',
    '/etc/passwd',
    'release',
    'k8s://signing-keys/release\nX',
    ' k8s://signing-keys/release',
  ];

  describe('A35: what the API server takes for a key reference', () => {
    test.each(EVIL_URIS)('not %j', async (uri) => {
      const { isTaken, message } = await createObject(world.cluster, signer('evil', uri));
      expect({ isTaken, message }).toEqual({
        isTaken: false,
        message: expect.stringMatching(
          /spec\.keyRef\.uri: Invalid value: .*must be a key reference: k8s:\/\/<namespace>\/<secret>, awskms:/,
        ),
      });
    });

    test('every form of cosign', async () => {
      const uris = [
        `k8s://${KEYS}/release`,
        'awskms:///alias/release',
        'awskms:///arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
        'awskms://kms.eu-west-1.amazonaws.com/1234abcd-12ab-34cd-56ef-1234567890ab',
        'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k',
        'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
        'azurekms://release.vault.azure.net/release',
        'azurekms://release.vault.azure.net/release/0123456789abcdef0123456789abcdef',
        'hashivault://release',
      ];
      const objects = uris.map((uri, index) => signer(`form-${index}`, uri));
      const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
      const { code, stderr } = await world.cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], {
        input,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });

    test.each([
      ['keyRef', { keyRef: { uri: `k8s://${KEYS}/release` } }],
      ['publicKey.secretRef', { publicKey: { secretRef: { namespace: KEYS, name: 'release' } } }],
    ])('C16: not %s of a SigningPolicy, in words', async (field, entry) => {
      const { code, stderr } = await world.apply({
        apiVersion: API_VERSION,
        kind: 'SigningPolicy',
        metadata: { name: 'own', namespace: viaSigner.namespace },
        spec: { mode: 'Enforce', requireSignature: true, trustedKeys: [entry] },
      });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining(`${field} is for ClusterSigningPolicy and TrustedSigner only`),
      });
    });
  });
}
