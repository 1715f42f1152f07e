import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import { untilHolds } from '../kube/eventually.ts';
import { startBrowser, type TestBrowser, type Visitor } from '../support/browser.ts';
import { signWithKms } from '../support/cosign-kms.ts';
import { signKeyless, signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { googleIssuer } from '../support/oidc.ts';
import { startVault, type Vault } from '../support/vault.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { API_VERSION, clusterPolicy, install, type Installation } from './installation.ts';
import { chooseAction, expectMessage, expectNoDefects, openSection, signedIn } from './page-steps.ts';
import { newPerson, type Person } from './people.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** Trusted signers on the admin page, and what the very next `kubectl apply` comes to. Each test goes on where the one before ended. */
const work = createWorkDirectory('page-signers');
const BUILDER = 'build@example.com';
const URI = 'hashivault://release';
const text = strings.signers;
let world: Installation;
let vault: Vault;
let browser: TestBrowser;
let tenant: Tenant;
let alice: Person;
let bob: Person;
let visitor: Visitor;
let page: Page;
let keyless: PushedImage;
let keyed: PushedImage;
let inVault: PushedImage;

beforeAll(async () => {
  browser = await startBrowser();
  vault = await startVault({ workDir: work.path });
  await vault.write('transit/keys/release', { type: 'ecdsa-p256' });
  const { address, caFile, token } = vault;
  world = await install({ values: { keys: { vault: { address, caFile } } }, env: { VAULT_TOKEN: token } });
  tenant = tenantOf(world, 'mcp');
  await world.cluster.createNamespace(tenant.namespace);
  const push = (name: string) => pushImage(world.registries.referrers, `org/${name}`, { tag: 'v1' });
  [keyless, keyed, inVault] = await Promise.all([push('keyless'), push('keyed'), push('in-vault')]);
  await Promise.all([
    signKeyless(world.cosign, keyless, { token: await world.sigstore.emailToken(BUILDER) }),
    signWithKey(world.cosign, keyed, { key: world.key }),
    signWithKms(world.cosign, inVault, {
      uri: URI,
      env: { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_CACERT: caFile },
    }),
  ]);
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustRoot',
      metadata: { name: 'corp' },
      spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
    },
    clusterPolicy('mcp-servers', tenant.namespace, {
      trustRootRef: { name: 'corp' },
      trustedKeys: ['release-ci', 'release-key', 'release-vault'].map((name) => ({ signerRef: { name } })),
      transparency: { keys: { log: 'Ignored' } },
    }),
  );
  alice = await newPerson(world, 'alice', 'countersign-admin', 'view');
  bob = await newPerson(world, 'bob', 'countersign-admin', 'view');
  visitor = await signedIn(browser, world, alice, { refusals: [412, 422] });
  page = visitor.page;
  await openSection(page, 'signers');
}, 240_000);

afterEach(() => expectNoDefects(visitor));

afterAll(async () => {
  await browser?.stop();
  await Promise.all([world?.stop(), vault?.process.stop()]);
  work.remove();
});

const dialog = (on = page) => on.getByRole('dialog');
const field = (name: string, on = page) => dialog(on).getByRole('textbox', { name, exact: true });

async function add(name: string, kind: string, fill: () => Promise<void>): Promise<void> {
  await page.getByRole('button', { name: text.add }).first().click();
  await field(text.form.name).fill(name);
  await dialog().getByRole('radio', { name: kind }).check();
  await fill();
  await dialog().getByRole('button', { name: text.add }).click();
  await expectMessage(page, text.saved(name));
}

async function flip(name: string): Promise<void> {
  await page.locator('label', { has: page.getByRole('switch', { name: text.switchLabel(name) }) }).click();
}

/** From the menu of its row, after a look at who relies on it. */
async function end(name: string, action: string, confirm: string, said: string): Promise<void> {
  await chooseAction(page, name, action);
  await dialog().getByText(tenant.namespace).first().waitFor();
  await dialog().getByRole('button', { name: confirm, exact: true }).click();
  await expectMessage(page, said);
}

async function openEditor(name: string, on = page): Promise<void> {
  await chooseAction(on, name, strings.app.edit);
  await field(text.form.name, on).waitFor();
}

async function save(on = page): Promise<void> {
  await dialog(on).getByRole('button', { name: strings.app.save, exact: true }).click();
}

async function expectRefused(image: PushedImage, code: string): Promise<void> {
  expect(await tenant.refused(image.reference)).toContain(`[${code}]`);
}

async function storedSpec(name: string): Promise<Record<string, unknown>> {
  const { stdout } = await world.cluster.kubectl(['get', 'trustedsigner', name, '-o', 'json']);
  return (JSON.parse(stdout) as { spec: Record<string, unknown> }).spec;
}

/** A full minute: what the field for a time of day can say. */
let expiry: Date;

describe('an administrator adds', () => {
  test('a keyless identity: what it signed is admitted from then on', async () => {
    await tenant.untilRefused(keyless.reference, '[POLICY_INVALID]');
    await add('release-ci', text.form.keyless, async () => {
      await field(text.form.issuer).fill(googleIssuer);
      await field(text.form.subject).fill(BUILDER);
      await field(text.form.description).fill('release pipeline');
    });
    await tenant.admitted(keyless.reference);
    await expectRefused(keyed, 'SIG_INVALID');
  });

  test('a public key, read while it is typed: nonsense is told, the right one has a fingerprint', async () => {
    await add('release-key', text.form.publicKey, async () => {
      const nonsense = world.key.publicKeyPem.replace(/\n[^-]+\n/, '\nnonsense\n');
      await field(text.form.pem).fill(nonsense);
      await dialog()
        .getByText(/does not hold a public key/)
        .waitFor();
      await field(text.form.pem).fill(world.key.publicKeyPem);
      await dialog().getByText('ECDSA P-256').waitFor();
      await dialog()
        .getByText(/^sha256:[0-9a-f]{64}$/)
        .waitFor();
    });
    await tenant.admitted(keyed.reference);
    await expectRefused(inVault, 'SIG_INVALID');
  });

  test('a key in Vault, resolved before it is trusted', async () => {
    await add('release-vault', text.form.keyRef, async () => {
      await field(text.form.uri).fill(URI);
      await dialog().getByRole('button', { name: text.form.resolve }).click();
      await dialog()
        .getByText(/^sha256:[0-9a-f]{64}$/)
        .waitFor();
    });
    // Its store is asked first.
    await tenant.untilAdmitted(inVault.reference);
    await tenant.admitted(inVault.reference);
    expect(await storedSpec('release-vault')).toMatchObject({ keyRef: { uri: URI } });
  });

  test('an expiry that has not passed: it still vouches', async () => {
    expiry = new Date(Math.ceil((Date.now() + 20_000) / 60_000) * 60_000);
    await openEditor('release-vault');
    const [date = '', time = ''] = expiry.toISOString().split('T');
    await field(text.form.date(text.form.expires)).fill(date);
    await dialog().getByLabel(text.form.time(text.form.expires)).fill(time.slice(0, 5));
    await save();
    await expectMessage(page, text.saved('release-vault'));
    expect(await storedSpec('release-vault')).toMatchObject({
      expiresAt: expiry.toISOString().replace('.000', ''),
    });
    await tenant.admitted(inVault.reference);
    expect(Date.now()).toBeLessThan(expiry.getTime());
  });
});

describe('the next kubectl apply is decided by', () => {
  test('the switch: off, and on again', async () => {
    await flip('release-key');
    await dialog().getByRole('button', { name: text.revokeConfirm }).click();
    await expectMessage(page, text.revoked('release-key'));
    await expectRefused(keyed, 'SIGNER_DISABLED');
    await tenant.admitted(keyless.reference);
    await flip('release-key');
    await expectMessage(page, text.enabled('release-key'));
    await tenant.admitted(keyed.reference);
  });

  test('retirement: what was signed before counts, what is signed after does not', async () => {
    await end('release-ci', text.retire, text.retireConfirm, text.retired('release-ci'));
    await page
      .getByRole('row', { name: /release-ci/ })
      .getByText(text.states.retired)
      .waitFor();
    const later = await pushImage(world.registries.referrers, 'org/later', { tag: 'v1' });
    // A timestamp tells the second: what was signed in that of the retirement still counts.
    await sleep(1000);
    await signKeyless(world.cosign, later, { token: await world.sigstore.emailToken(BUILDER) });
    await tenant.admitted(keyless.reference);
    await expectRefused(later, 'SIGNER_EXPIRED');
  });

  test('revocation: what was signed before does not count either', async () => {
    await end('release-ci', text.revoke, text.revokeConfirm, text.revoked('release-ci'));
    await expectRefused(keyless, 'SIGNER_DISABLED');
    await tenant.admitted(keyed.reference);
  });
});

test('G6: two administrators edit one signer: the second is told, and nothing is overwritten', async () => {
  const other = await signedIn(browser, world, bob);
  await openSection(other.page, 'signers');
  await openEditor('release-key');
  await openEditor('release-key', other.page);
  await field(text.form.description, other.page).fill('of Bob');
  await save(other.page);
  await expectMessage(other.page, text.saved('release-key'));

  await field(text.form.description).fill('of Alice');
  await save();
  await dialog().getByText(strings.conflict.title).waitFor();
  for (const line of ['of Bob', 'of Alice']) await dialog().getByText(line).first().waitFor();
  expect(await storedSpec('release-key')).toMatchObject({ description: 'of Bob' });

  await dialog().getByRole('button', { name: strings.conflict.reload }).click();
  await untilHolds('it is read again', async () =>
    expect(await field(text.form.description).inputValue()).toBe('of Bob'),
  );
  await field(text.form.description).fill('of both');
  await save();
  await dialog().waitFor({ state: 'detached' });
  expect(await storedSpec('release-key')).toMatchObject({ description: 'of both', enabled: true });
  expectNoDefects(other);
  await other.close();
});

test('an expiry passes, without anybody doing anything', async () => {
  await sleep(Math.max(0, expiry.getTime() - Date.now()));
  await expectRefused(inVault, 'SIGNER_EXPIRED');
  await page
    .getByRole('row', { name: /release-vault/ })
    .getByText(text.states.expired)
    .waitFor();
  await tenant.admitted(keyed.reference);
}, 120_000);

test('deleted, a signer is gone from the page and from the cluster', async () => {
  await end('release-key', text.delete, text.deleteConfirm, text.deleted('release-key'));
  await page.getByRole('row', { name: /release-key/ }).waitFor({ state: 'detached' });
  const { stderr } = await world.cluster.kubectl(['get', 'trustedsigner', 'release-key']);
  expect(stderr).toContain('NotFound');
  // Of three entries one is missing, one is off, one has expired.
  await expectRefused(keyed, 'SIG_INVALID');
});
