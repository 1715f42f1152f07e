import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import { PEM, policy, signer } from '../store/documents.ts';
import { untilHolds } from '../kube/eventually.ts';
import { accessibilityFindings, startBrowser, type TestBrowser, type Visitor } from '../support/browser.ts';
import type { RunningProcess } from '../support/process.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { chooseAction, expectMessage, expectNoDefects, expectShown, openSection } from './page-steps.ts';
import { standalonePage } from './standalone-page.ts';

/** Forms that somebody leaves, on the page of a webhook without a cluster. */
const work = createWorkDirectory('page-forms');
const { unsaved } = strings;
let server: RunningProcess;
let browser: TestBrowser;
let visitor: Visitor;
let page: Page;
let dialog: Locator;
let main: Locator;

beforeAll(async () => {
  browser = await startBrowser();
  const documents = { 'signer.yaml': signer('release-key'), 'policy.yaml': policy('mcp-servers') };
  const options = { refusals: [404, 409, 422], staysWhenAsked: true };
  ({ server, visitor } = await standalonePage(browser, work.path, documents, options));
  page = visitor.page;
  main = page.getByRole('main');
  dialog = page.getByRole('dialog');
}, 240_000);

afterEach(() => expectNoDefects(visitor));

afterAll(async () => {
  await browser?.stop();
  await server?.stop();
  work.remove();
});

const question = () => dialog.getByRole('heading', { name: unsaved.title });
const keepButton = () => dialog.getByRole('button', { name: unsaved.keep, exact: true });
const discardButton = () => dialog.getByRole('button', { name: unsaved.discard, exact: true });

async function expectAsked(): Promise<void> {
  await expectShown(question());
  await untilHolds('it has the focus', async () =>
    expect(await page.evaluate('document.activeElement.textContent')).toBe(unsaved.keep),
  );
}

async function expectClosed(): Promise<void> {
  await dialog.waitFor({ state: 'detached' });
}

/** As the address bar would: what the browser itself asks is answered with "stay". */
async function isKeptFromReloading(): Promise<boolean> {
  const asked = page.waitForEvent('dialog', { timeout: 60_000 }).then(() => true);
  asked.catch(() => undefined);
  // Whichever comes: the question, or the page anew. A reload that is stopped does not say when.
  const reloaded = page.reload({ timeout: 60_000 }).then(
    () => false,
    () => asked,
  );
  return Promise.race([asked, reloaded]);
}

interface Form {
  readonly name: string;
  readonly open: () => Promise<void>;
  readonly field: () => Locator;
  readonly typed: string;
}

const box = (name: string) => dialog.getByRole('textbox', { name, exact: true });

const FORMS: readonly Form[] = [
  {
    name: 'a new signer',
    open: async () => {
      await openSection(page, 'signers');
      await page.getByRole('button', { name: strings.signers.add }).first().click();
    },
    field: () => box(strings.signers.form.name),
    typed: 'half',
  },
  {
    name: 'a signer that is edited',
    open: async () => {
      await openSection(page, 'signers');
      await chooseAction(page, 'release-key', strings.app.edit);
    },
    field: () => box(strings.signers.form.description),
    typed: 'half',
  },
  {
    name: 'a new exception',
    open: async () => {
      await openSection(page, 'exceptions');
      await page.getByRole('button', { name: strings.exceptions.add }).first().click();
    },
    field: () => box(strings.exceptions.form.reason),
    typed: 'because',
  },
  {
    name: 'a new trust root',
    open: async () => {
      await openSection(page, 'trustRoots');
      await page.getByRole('button', { name: strings.trustRoots.add }).first().click();
    },
    field: () => box(strings.trustRoots.yamlLabel),
    typed: 'kind: TrustRoot\n',
  },
];

describe.each(FORMS)('$name', ({ open, field, typed }) => {
  test('is closed without a question while nothing was changed, and where it was changed back', async () => {
    await open();
    await field().waitFor();
    const before = await field().inputValue();
    await page.keyboard.press('Escape');
    await expectClosed();
    await open();
    await field().fill(typed);
    await field().fill(before);
    await dialog.getByRole('button', { name: strings.app.cancel, exact: true }).click();
    await expectClosed();
  });

  test('is left only by whoever says so, with the keyboard alone', async () => {
    await open();
    await field().fill(typed);
    await page.keyboard.press('Escape');
    await expectAsked();
    expect(await accessibilityFindings(page)).toEqual([]);
    // Both ways to stay; what was typed is still there, and so is the cursor.
    for (const key of ['Escape', 'Enter']) {
      await page.keyboard.press(key);
      await question().waitFor({ state: 'detached' });
      expect(await field().inputValue()).toBe(typed);
      await untilHolds('it has the focus', async () =>
        expect(await page.evaluate('document.activeElement.value')).toBe(typed),
      );
      await page.keyboard.press('Escape');
      await expectAsked();
    }
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expectClosed();
    await open();
    expect(await field().inputValue()).not.toBe(typed);
    await page.keyboard.press('Escape');
    await expectClosed();
  });

  test('is asked for on every way out: cancel, close, back and reload', async () => {
    await openSection(page, 'overview');
    await open();
    await field().fill(typed);
    for (const name of [strings.app.cancel, 'Close']) {
      await dialog.getByRole('button', { name, exact: true }).click();
      await expectAsked();
      await keepButton().click();
    }
    const at = page.url();
    await page.goBack().catch(() => undefined);
    await expectAsked();
    expect(page.url()).toBe(at);
    await keepButton().click();
    expect(await isKeptFromReloading()).toBe(true);
    expect(await field().inputValue()).toBe(typed);
    await page.goBack().catch(() => undefined);
    await discardButton().click();
    await expectClosed();
    await expectShown(page.getByRole('heading', { level: 1, name: strings.overview.title }));
    expect(await isKeptFromReloading()).toBe(false);
  });
});

test('what was saved is asked about no more', async () => {
  await openSection(page, 'signers');
  await page.getByRole('button', { name: strings.signers.add }).first().click();
  await box(strings.signers.form.name).fill('saved');
  await dialog.getByRole('radio', { name: strings.signers.form.publicKey }).check();
  await box(strings.signers.form.pem).fill(PEM);
  await dialog.getByRole('button', { name: strings.signers.add }).click();
  await expectMessage(page, strings.signers.saved('saved'));
  await expectClosed();
  await openSection(page, 'overview');
  expect(await isKeptFromReloading()).toBe(false);
});

describe('a policy', () => {
  const yaml = () => main.getByRole('textbox', { name: strings.policies.yamlLabel });
  const open = async () => {
    await openSection(page, 'policies');
    await main.getByRole('link', { name: 'mcp-servers', exact: true }).click();
    await yaml().waitFor();
  };
  const choose = (section: keyof typeof strings.sections) =>
    page
      .getByRole('navigation', { name: strings.app.sections })
      .getByRole('link', { name: strings.sections[section], exact: true })
      .click();
  const edit = async (line: string) => yaml().fill(`${await yaml().inputValue()}${line}\n`);

  test('unchanged, or changed back, is left without a question', async () => {
    await open();
    const before = await yaml().inputValue();
    await openSection(page, 'overview');
    await open();
    await edit('  thought: 1');
    await yaml().fill(before);
    await openSection(page, 'overview');
    // Nothing that would be kept.
    await open();
    await edit('# a thought');
    await openSection(page, 'overview');
    await open();
    for (const mode of ['Audit', 'Enforce'] as const)
      await main.getByRole('radio', { name: strings.modes[mode].name }).check();
    await openSection(page, 'overview');
    await expect(dialog.count()).resolves.toBe(0);
  });

  test('with changes is left for another section, back, or out of the session only by whoever says so', async () => {
    await open();
    await edit('  thought: 1');
    const at = page.url();
    const ways = [
      () => choose('signers'),
      () => page.goBack().catch(() => undefined),
      async () => {
        await page.getByRole('button', { name: strings.user.menu('admin') }).click();
        await page.getByRole('menuitem', { name: strings.user.signOut }).click();
      },
    ];
    for (const leave of ways) {
      await leave();
      await expectAsked();
      expect(await accessibilityFindings(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await expectClosed();
      expect([page.url(), (await yaml().inputValue()).endsWith('  thought: 1\n')]).toEqual([at, true]);
    }
    expect(await isKeptFromReloading()).toBe(true);
    await choose('signers');
    await expectAsked();
    await discardButton().click();
    await expectShown(page.getByRole('heading', { level: 1, name: strings.signers.title }));
    await expectClosed();
  });

  test('that is saved, created or deleted is asked about no more', async () => {
    await open();
    await edit('  slsa:\n    requiredLevel: 1');
    await main.getByRole('button', { name: strings.app.save, exact: true }).click();
    await expectMessage(page, strings.policies.saved('mcp-servers'));
    await openSection(page, 'policies');
    await page.getByRole('button', { name: strings.policies.add }).first().click();
    await yaml().fill(JSON.stringify(policy('another')));
    await main.getByRole('button', { name: strings.app.create, exact: true }).click();
    await expectShown(page.getByRole('heading', { level: 1, name: 'another' }));
    await edit('half');
    await main.getByRole('button', { name: strings.app.delete, exact: true }).click();
    await dialog.getByRole('button', { name: strings.app.delete, exact: true }).click();
    await expectMessage(page, strings.policies.deleted('another'));
    await expectShown(page.getByRole('heading', { level: 1, name: strings.policies.title }));
    await expectClosed();
  });
});
