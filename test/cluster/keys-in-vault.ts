import { beforeAll, expect, test } from '@jest/globals';
import { signWithKms } from '../support/cosign-kms.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import type { Vault } from '../support/vault.ts';
import { API_VERSION, clusterPolicy, type Installation } from './installation.ts';
import { tenantOf, untilStatus, type Tenant } from './tenant.ts';

const SIGNER = 'release-in-vault';
const URI = 'hashivault://release';
let tenant: Tenant;
let after: PushedImage;

/** A key that never leaves Vault's transit engine: signed with by cosign, rotated, retired. */
export function keysInVault(installed: () => Installation, started: () => Vault): void {
  let world: Installation;
  let vault: Vault;
  let before: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    [world, vault] = [installed(), started()];
    await vault.write('transit/keys/release', { type: 'ecdsa-p256' });
    const push = (name: string) => pushImage(world.registries.referrers, `vault/${name}`, { tag: 'v1' });
    [before, after, unsigned] = await Promise.all([push('before'), push('after'), push('unsigned')]);
    tenant = tenantOf(world, 'vault');
    await world.cluster.createNamespace(tenant.namespace);
    await world.applied(
      {
        apiVersion: API_VERSION,
        kind: 'TrustedSigner',
        metadata: { name: SIGNER },
        spec: { keyRef: { uri: URI } },
      },
      clusterPolicy('vault', tenant.namespace, {
        trustedKeys: [{ signerRef: { name: SIGNER } }],
        transparency: { keys: { log: 'Ignored' } },
      }),
    );
  });

  const signWithVault = (image: PushedImage): Promise<void> => {
    const { address, token, caFile } = vault;
    return signWithKms(world.cosign, image, {
      uri: URI,
      env: { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_CACERT: caFile },
    });
  };

  test('what cosign signs with it is admitted, and nothing else', async () => {
    await signWithVault(before);
    await tenant.untilAdmitted(before.reference);
    await tenant.admitted(before.reference);
    expect(await tenant.refused(unsigned.reference)).toContain('is not signed. Signature required.');
    await untilStatus(world, 'trustedsigner', SIGNER, {
      ready: 'True',
      reason: 'Valid',
      type: 'KeyReference',
      keyFingerprint: expect.stringContaining('sha256:'),
    });
  });

  test('rotated, and the old version retired', async () => {
    await vault.write('transit/keys/release/rotate');
    await signWithVault(after);
    await vault.write('transit/keys/release/config', { min_decryption_version: 2 });
    await tenant.untilAdmitted(after.reference);
    await tenant.admitted(after.reference);
    expect(await tenant.refused(before.reference)).toContain('[SIG_INVALID]');
  });
}

/** Vault goes down: what was read counts on. */
export function vaultGone(installed: () => Installation, started: () => Vault): void {
  test('H13: Vault is down: the key is relied on for its time', async () => {
    await started().process.stop();
    const expected = { ready: 'True', reason: 'NotRefreshed' };
    expect(await untilStatus(installed(), 'trustedsigner', SIGNER, expected)).toMatchObject(expected);
    await tenant.admitted(after.reference);
  });
}

/** Its time is over. */
export function vaultGoneForLong(installed: () => Installation): void {
  test('H13: Vault is down for longer than its key is kept: nobody can tell', async () => {
    await tenant.untilRefused(
      after.reference,
      /could not be verified: a key is not available\.[^]*TrustedSigner "release-in-vault": hashivault:\/\/release could not be read: .* could not be reached \(ECONNREFUSED\).* \(last read \d{4}-.*\) \[KEY_UNAVAILABLE\]/,
    );
    // Which key it was stays readable while it cannot be read.
    await untilStatus(installed(), 'trustedsigner', SIGNER, {
      ready: 'False',
      reason: 'Unavailable',
      keyFingerprint: expect.stringContaining('sha256:'),
    });
  });
}
