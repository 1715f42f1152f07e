import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { signWithKms } from '../support/cosign-kms.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { startVault, type Vault } from '../support/vault.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { API_VERSION, clusterPolicy, install, type Installation } from './installation.ts';
import { tenantOf, untilStatus, type Tenant } from './tenant.ts';

/** A key that never leaves Vault's transit engine: signed with by cosign, rotated, retired, and Vault taken down. */
const work = createWorkDirectory('keys-in-vault');
const URI = 'hashivault://release';
let world: Installation;
let vault: Vault;
let tenant: Tenant;
let before: PushedImage;
let after: PushedImage;
let unsigned: PushedImage;

beforeAll(async () => {
  vault = await startVault({ workDir: work.path });
  await vault.write('transit/keys/release', { type: 'ecdsa-p256' });
  const { address, caFile, token } = vault;
  world = await install({
    values: { keys: { refreshSeconds: 10, keepSeconds: 60, vault: { address, caFile } } },
    env: { VAULT_TOKEN: token },
  });
  const push = (name: string) => pushImage(world.registries.referrers, `org/${name}`, { tag: 'v1' });
  [before, after, unsigned] = await Promise.all([push('before'), push('after'), push('unsigned')]);
  tenant = tenantOf(world, 'mcp');
  await world.cluster.createNamespace(tenant.namespace);
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: 'release' },
      spec: { keyRef: { uri: URI } },
    },
    clusterPolicy('vault', tenant.namespace, {
      trustedKeys: [{ signerRef: { name: 'release' } }],
      transparency: { keys: { log: 'Ignored' } },
    }),
  );
}, 120_000);

afterAll(async () => {
  await Promise.all([world?.stop(), vault?.process.stop()]);
  work.remove();
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
  const status = await untilStatus(world, 'trustedsigner', 'release', { ready: 'True', reason: 'Valid' });
  expect(status).toMatchObject({ type: 'KeyReference', keyFingerprint: expect.stringContaining('sha256:') });
});

test('rotated, and the old version retired', async () => {
  await vault.write('transit/keys/release/rotate');
  await signWithVault(after);
  await vault.write('transit/keys/release/config', { min_decryption_version: 2 });
  await tenant.untilAdmitted(after.reference);
  await tenant.admitted(after.reference);
  expect(await tenant.refused(before.reference)).toContain('[SIG_INVALID]');
});

test('H13: Vault is down: the key is relied on for its time, and then nobody can tell', async () => {
  await vault.process.stop();
  await untilStatus(world, 'trustedsigner', 'release', { ready: 'True', reason: 'NotRefreshed' });
  await tenant.admitted(after.reference);
  const denial = await tenant.untilRefused(after.reference, '[KEY_UNAVAILABLE]');
  expect(denial).toContain(`Image ${after.reference} could not be verified: a key is not available.`);
  expect(denial).toMatch(
    /TrustedSigner "release": hashivault:\/\/release could not be read: .* could not be reached \(ECONNREFUSED\).* \(last read \d{4}-.*\) \[KEY_UNAVAILABLE\]/,
  );
  const status = await untilStatus(world, 'trustedsigner', 'release', {
    ready: 'False',
    reason: 'Unavailable',
  });
  // Which key it was stays readable while it cannot be read.
  expect(status).toMatchObject({ keyFingerprint: expect.stringContaining('sha256:') });
}, 120_000);
