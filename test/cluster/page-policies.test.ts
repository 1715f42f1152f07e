import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import { attestStatement, COMMIT, OWN_WORKFLOW } from '../slsa/statements.ts';
import { untilHolds } from '../kube/eventually.ts';
import { startBrowser, type TestBrowser, type Visitor } from '../support/browser.ts';
import { attest, signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { API_VERSION, install, type Installation } from './installation.ts';
import {
  chooseAction,
  expectMessage,
  expectNoDefects,
  expectShown,
  openSection,
  signedIn,
} from './page-steps.ts';
import { newPerson } from './people.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** Policies, the history, "try an image" and exceptions on the admin page. Each test goes on where the one before ended. */
const text = strings.policies;
const { fields } = text;
let world: Installation;
let browser: TestBrowser;
let tenant: Tenant;
let visitor: Visitor;
let page: Page;
let main: Locator;
let signed: PushedImage;
let unsigned: PushedImage;
let lowLevel: PushedImage;

beforeAll(async () => {
  browser = await startBrowser();
  world = await install();
  tenant = tenantOf(world, 'mcp');
  await world.cluster.createNamespace(tenant.namespace);
  const push = (name: string) => pushImage(world.registries.referrers, `org/${name}`, { tag: 'v1' });
  [signed, unsigned, lowLevel] = await Promise.all([push('signed'), push('unsigned'), push('low-level')]);
  const by = { key: world.key, log: 'none', timestamp: false } as const;
  for (const image of [signed, lowLevel]) await signWithKey(world.cosign, image, by);
  await attestLevel2(lowLevel);
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustRoot',
      metadata: { name: 'corp' },
      spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
    },
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: 'release-key' },
      spec: { publicKey: { pem: world.key.publicKeyPem } },
    },
  );
  const alice = await newPerson(world, 'alice', 'countersign-admin', 'view');
  visitor = await signedIn(browser, world, alice, { refusals: [422] });
  page = visitor.page;
  main = page.getByRole('main');
}, 240_000);

afterEach(() => expectNoDefects(visitor));

afterAll(async () => {
  await browser?.stop();
  await world?.stop();
});

/** Provenance of a builder that is worth level 2. */
async function attestLevel2(image: PushedImage): Promise<void> {
  const token = await world.sigstore.workflowToken({
    repository: 'acme/app',
    workflow: 'release.yml',
    ref: 'refs/heads/main',
    jobWorkflowRef: OWN_WORKFLOW.replace('https://github.com/', ''),
    claims: {
      sha: COMMIT,
      workflow_sha: COMMIT,
      repository_id: '474793590',
      run_id: '2556669934',
      run_attempt: '1',
    },
  });
  const predicate = attestStatement()['predicate'];
  await attest(world.cosign, image, { token }, { type: 'slsaprovenance1', predicate });
}

const yaml = () => main.getByRole('textbox', { name: text.yamlLabel });
const isValid = () => main.getByRole('status').getByText(text.valid, { exact: true }).waitFor();

async function openPolicy(name: string): Promise<void> {
  await openSection(page, 'policies');
  await main.getByRole('link', { name, exact: true }).click();
  await expectShown(page.getByRole('heading', { level: 1, name }));
  await expectShown(yaml());
}

async function expectRefused(image: PushedImage, code: string): Promise<void> {
  expect(await tenant.refused(image.reference)).toContain(`[${code}]`);
}

/** Writes the YAML anew, and saves it when the server finds it good. */
async function editYaml(edit: (before: string) => string): Promise<void> {
  await yaml().fill(edit(await yaml().inputValue()));
  await isValid();
}

async function savePolicy(name: string): Promise<void> {
  await main.getByRole('button', { name: strings.app.save, exact: true }).click();
  await expectMessage(page, text.saved(name));
}

describe('a policy', () => {
  test('is created with the form, and decides the next kubectl apply', async () => {
    await tenant.admitted(unsigned.reference);
    await openSection(page, 'policies');
    await page.getByRole('button', { name: text.add }).first().click();
    await main.getByRole('textbox', { name: fields.name, exact: true }).fill('mcp-servers');
    await main.getByRole('radio', { name: strings.modes.Enforce.name }).check();
    await main
      .getByRole('textbox', { name: fields.images, exact: true })
      .fill(`${world.registries.referrers.host}/org/**`);
    await main
      .getByRole('textbox', { name: fields.namespaceLabels })
      .fill(`kubernetes.io/metadata.name=${tenant.namespace}`);
    await main.getByRole('combobox', { name: fields.signerRef }).selectOption('release-key');
    await main.getByRole('combobox', { name: fields.logOf.keys }).selectOption('Ignored');
    await main.getByRole('combobox', { name: fields.trustRoot }).selectOption('corp');
    await untilHolds('the YAML follows', async () =>
      expect(await yaml().inputValue()).toMatch(/- signerRef:\n {8}name: "?release-key"?$/m),
    );
    await isValid();
    await main.getByRole('button', { name: strings.app.create, exact: true }).click();
    await expectMessage(page, text.saved('mcp-servers'));
    await tenant.admitted(signed.reference);
    await expectRefused(unsigned, 'SIGNATURE_MISSING');
  });

  test('shows what is wrong while it is typed: in the YAML, in a field, and what the server says', async () => {
    await openPolicy('mcp-servers');
    const good = await yaml().inputValue();
    const problem = main.getByRole('listitem').filter({ hasText: /^Line \d+/ });
    for (const [wrong, words] of [
      ['  treshold: 2\n', 'did you mean "threshold"?'],
      ['  revokedDigests: [\n', 'Flow sequence'],
      ['  revokedDigests: [sha256:short]\n', 'spec.revokedDigests[0]'],
    ] as const) {
      await yaml().fill(good + wrong);
      await expectShown(problem.filter({ hasText: words }));
    }
    await yaml().fill(good);
    await isValid();
    await untilHolds('no problem is shown', async () => expect(await problem.count()).toBe(0));
    await tenant.admitted(signed.reference);
  });

  test('says what it would refuse now, before it is saved, and refuses that afterwards', async () => {
    await editYaml((before) => `${before}  revokedDigests: ["${signed.digest}"]\n`);
    await main.getByRole('button', { name: strings.impact.run, exact: true }).click();
    const affected = main.getByRole('grid', { name: strings.impact.title }).getByRole('row');
    await expectShown(affected.filter({ hasText: 'DIGEST_REVOKED' }));
    await tenant.admitted(signed.reference);
    await savePolicy('mcp-servers');
    await expectRefused(signed, 'DIGEST_REVOKED');
    await editYaml((before) => before.replace(/ {2}revokedDigests:.*\n(?: {4}.*\n)*/, ''));
    await savePolicy('mcp-servers');
    await tenant.untilAdmitted(signed.reference);
  });

  test('asks for provenance of a level: edited as YAML, seen in the form', async () => {
    await editYaml((before) => `${before}  slsa:\n    requiredLevel: 3\n`);
    await untilHolds('the form follows', async () =>
      expect(await main.getByRole('switch', { name: fields.requireSlsa }).isChecked()).toBe(true),
    );
    await savePolicy('mcp-servers');
    await expectRefused(lowLevel, 'SLSA_LEVEL');
    await expectRefused(signed, 'ATT_MISSING');
  });

  test('G13: is not made weaker without a question that says so', async () => {
    await main.getByRole('radio', { name: strings.modes.Audit.name }).check();
    await main.getByRole('button', { name: strings.app.save, exact: true }).click();
    const dialog = page.getByRole('dialog', { name: text.modeTitle('mcp-servers', 'Audit') });
    await expectShown(dialog.getByText(text.weaker));
    await dialog.getByRole('button', { name: strings.app.cancel }).click();
    await expectRefused(lowLevel, 'SLSA_LEVEL');
    await main.getByRole('radio', { name: strings.modes.Enforce.name }).check();
    await isValid();
  });
});

describe('try an image', () => {
  const { tryImage } = strings;
  const ask = async (image: PushedImage): Promise<void> => {
    await main.getByRole('textbox', { name: tryImage.image }).fill(image.reference);
    await main.getByRole('button', { name: tryImage.submit, exact: true }).click();
  };
  const answer = (status: keyof typeof tryImage.statuses) =>
    main.getByRole('group', { name: tryImage.statuses[status].title, exact: true });

  test('of a low level: both levels, and why', async () => {
    await openSection(page, 'tryImage');
    await ask(lowLevel);
    await expectShown(answer('failed').getByText('SLSA_LEVEL'));
    await answer('failed')
      .getByText(/level 2/)
      .first()
      .waitFor();
  });

  test('without a signature: what was looked for, step by step', async () => {
    await ask(unsigned);
    await expectShown(answer('failed').getByText('SIGNATURE_MISSING'));
    await expectShown(answer('failed').getByText(strings.explain.noEvidence));
  });

  test('signed, once no level is asked for', async () => {
    await openPolicy('mcp-servers');
    await editYaml((before) => before.replace(/ {2}slsa:\n(?: {4}.*\n)+/, ''));
    await savePolicy('mcp-servers');
    await openSection(page, 'tryImage');
    await ask(signed);
    await expectShown(answer('verified').getByText('release-key'));
    await tenant.admitted(signed.reference);
  });
});

describe('the history', () => {
  const { history } = strings;
  const rows = () => main.getByRole('grid', { name: history.title }).getByRole('row');

  test('is filtered, and the address has the filter', async () => {
    await openSection(page, 'history');
    await main.getByRole('textbox', { name: history.filters.image }).fill('org/low-level');
    await main.getByRole('combobox', { name: history.filters.verdict }).selectOption('violated');
    await main.getByRole('button', { name: history.filters.apply }).click();
    await expectShown(rows().filter({ hasText: 'SLSA_LEVEL' }));
    const others = rows().filter({ hasText: 'org/signed' });
    await others.first().waitFor({ state: 'detached' });
    await page.reload();
    await expectShown(rows().filter({ hasText: 'SLSA_LEVEL' }));
    await expect(others.count()).resolves.toBe(0);
  });

  test('tells why, as it was decided and as it is now', async () => {
    await rows().filter({ hasText: 'SLSA_LEVEL' }).first().getByRole('button').first().click();
    await expectShown(main.getByText(lowLevel.digest));
    await main.getByRole('button', { name: history.explainNow }).click();
    await expectShown(main.getByText(history.explainedNow));
    await expectShown(main.getByText('release-key'));
  });

  test('names who changed what, before and after', async () => {
    await main.getByRole('tab', { name: history.tabs.changes }).click();
    const changes = main.getByRole('grid', { name: history.tabs.changes }).getByRole('row');
    const last = changes.filter({ hasText: 'mcp-servers' }).filter({ hasText: 'people:alice' }).first();
    await last.getByRole('button').click();
    await expectShown(main.getByText('requiredLevel'));
  });
});

test('an exception: created, the image is admitted; deleted, it is denied', async () => {
  const { exceptions } = strings;
  const { form } = exceptions;
  await expectRefused(unsigned, 'SIGNATURE_MISSING');
  await openSection(page, 'exceptions');
  await page.getByRole('button', { name: exceptions.add }).first().click();
  const dialog = page.getByRole('dialog');
  const field = (name: string) => dialog.getByRole('textbox', { name, exact: true });
  await field(form.name).fill('inc-1');
  await field(form.namespaces).fill(tenant.namespace);
  await field(form.images).fill(`${world.registries.referrers.host}/org/unsigned`);
  await field(form.reason).fill('INC-1: the signer is down');
  await dialog.getByRole('button', { name: `${form.expires}: ${form.presets.hour}` }).click();
  await dialog.getByRole('button', { name: exceptions.add }).click();
  await expectMessage(page, exceptions.created('inc-1'));
  const excepted = await world.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'excepted', namespace: tenant.namespace },
    spec: { containers: [{ name: 'server', image: unsigned.reference }] },
  });
  expect(excepted).toMatchObject({ code: 0, stderr: expect.stringContaining('SigningException "inc-1"') });
  await chooseAction(page, 'inc-1', `${strings.app.delete} …`);
  await expectShown(page.getByRole('dialog').getByText('excepted'));
  await page.getByRole('dialog').getByRole('button', { name: strings.app.delete, exact: true }).click();
  await expectMessage(page, exceptions.deleted('inc-1'));
  await expectRefused(unsigned, 'SIGNATURE_MISSING');
});
