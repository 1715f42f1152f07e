import { afterAll, beforeAll, describe } from '@jest/globals';
import { startVault, type Vault } from '../support/vault.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { install, type Installation } from './installation.ts';
import { KEYS, keysInSecrets } from './keys-in-secrets.ts';
import { keysInVault, vaultGone, vaultGoneForLong } from './keys-in-vault.ts';

/** Keys that lie elsewhere, with one installation that reads them. While Vault is down, Secrets have their turn. */
const work = createWorkDirectory('key-sources');
let world: Installation;
let vault: Vault;

beforeAll(async () => {
  vault = await startVault({ workDir: work.path });
  const { address, caFile, token } = vault;
  world = await install({
    values: {
      keys: { secretNamespaces: [KEYS], refreshSeconds: 10, keepSeconds: 60, vault: { address, caFile } },
    },
    namespaces: [KEYS],
    env: { VAULT_TOKEN: token },
  });
});

afterAll(async () => {
  await Promise.all([world?.stop(), vault?.process.stop()]);
  work.remove();
});

const installed = (): Installation => world;
const started = (): Vault => vault;

describe('keys in Vault', () => {
  keysInVault(installed, started);
  vaultGone(installed, started);
});
describe('keys in Secrets', () => {
  keysInSecrets(installed);
});
describe('keys in Vault, later', () => {
  vaultGoneForLong(installed);
});
