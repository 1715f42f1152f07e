import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { parseAllDocuments } from 'yaml';
import { strings } from '../../src/ui/strings.ts';
import { exception, policy, signer } from '../store/documents.ts';
import { accessibilityFindings, startBrowser, type TestBrowser, type Visitor } from '../support/browser.ts';
import type { RunningProcess } from '../support/process.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { chooseAction, expectMessage, expectNoDefects, expectShown, openSection } from './page-steps.ts';
import { standalonePage } from './standalone-page.ts';

/** What people type and the page cannot read: it blocks saving, and is never taken for "none". The files are what was saved. */
const work = createWorkDirectory('page-input');
const { forms } = strings;
const form = strings.signers.form;
const KEPT = {
  expiresAt: '2027-03-31T10:20:30Z',
  signedNotBefore: '2026-01-02T03:04:05Z',
  signedNotAfter: '2027-01-02T03:04:05Z',
};
const DAY = 24 * 60 * 60 * 1000;
let server: RunningProcess;
let browser: TestBrowser;
let visitor: Visitor;
let page: Page;
let dialog: Locator;
let main: Locator;
let policies: string;

beforeAll(async () => {
  browser = await startBrowser();
  const documents = {
    'signer.yaml': signer('release-key', KEPT),
    'broken.yaml': signer('broken', { expiresAt: '31.12.2027', enabled: 'false' }),
    'policy.yaml': policy('mcp-servers', {
      threshold: 1,
      trustedKeys: [{ signerRef: { name: 'release-key' } }, { signerRef: { name: 'broken' } }],
      match: { namespaceSelector: { matchLabels: { team: 'a' } } },
    }),
    'exception.yaml': exception('old'),
  };
  ({ server, visitor, policies } = await standalonePage(browser, work.path, documents, {
    // 412: a check of what was typed may come after the save that it was typed before.
    refusals: [400, 404, 412, 422],
  }));
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

interface Stored {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Every document that is saved, by its name. */
function saved(): ReadonlyMap<string, Stored> {
  const documents = readdirSync(policies).flatMap((file) =>
    parseAllDocuments(readFileSync(join(policies, file), 'utf8')).map(
      (document) => document.toJS() as Stored,
    ),
  );
  return new Map(documents.map((document) => [document.metadata.name, document]));
}

const specOf = (name: string) => saved().get(name)?.spec;
const box = (name: string, within = dialog) => within.getByRole('textbox', { name, exact: true });
const button = (name: string, within = dialog) => within.getByRole('button', { name, exact: true });

/** Ten texts that a person may well take for a date, or for none at all. */
const WRONG_DATES = [
  '31.12.2027',
  '31/03/2027',
  '03/31/2027',
  '2027-02-30',
  '2027-13-01',
  '2027-3-1',
  '27-12-31',
  '31 December 2027',
  'never',
  '-',
];
const WRONG_TIMES = ['24:00', '9:30', '09:60', '9 am'];

interface DateField {
  readonly name: string;
  readonly label: string;
  readonly open: () => Promise<Locator>;
  readonly save: () => Locator;
  /** What would be saved of the field. */
  readonly kept: () => unknown;
  readonly close: () => Promise<void>;
}

async function cancel(): Promise<void> {
  await button(strings.app.cancel).click();
  const discard = button(strings.unsaved.discard);
  await Promise.race([discard.waitFor(), dialog.waitFor({ state: 'detached' })]);
  if ((await discard.count()) > 0) await discard.click();
  await dialog.waitFor({ state: 'detached' });
}

async function editSigner(): Promise<Locator> {
  await openSection(page, 'signers');
  await chooseAction(page, 'release-key', strings.app.edit);
  await button(form.more).click();
  return dialog;
}

async function newException(): Promise<Locator> {
  await openSection(page, 'exceptions');
  await page.getByRole('button', { name: strings.exceptions.add }).first().click();
  const words = strings.exceptions.form;
  await box(words.name).fill('inc-1');
  await box(words.namespaces).fill('mcp');
  await box(words.images).fill('ghcr.io/org/server');
  await box(words.reason).fill('because');
  return dialog;
}

async function historyFilters(): Promise<Locator> {
  await openSection(page, 'history');
  await button(strings.history.filters.more, main).click();
  return main;
}

const signerField = (label: string, field: keyof typeof KEPT): DateField => ({
  name: `a signer's ${field}`,
  label,
  open: editSigner,
  save: () => button(strings.app.save),
  kept: () => specOf('release-key')?.[field],
  close: cancel,
});

const filterField = (label: string): DateField => ({
  name: `the history's filter "${label}"`,
  label,
  open: historyFilters,
  save: () => button(strings.history.filters.apply, main),
  kept: () => new URL(page.url()).search,
  close: async () => {
    await button(strings.history.filters.clear, main.getByRole('form')).click();
    expect(await box(form.date(label), main).inputValue()).toBe('');
    await expectEnabled(button(strings.history.filters.apply, main));
    await openSection(page, 'overview');
  },
});

const DATE_FIELDS: readonly DateField[] = [
  signerField(form.expires, 'expiresAt'),
  signerField(form.signedNotBefore, 'signedNotBefore'),
  signerField(form.signedNotAfter, 'signedNotAfter'),
  {
    name: "an exception's end",
    label: strings.exceptions.form.expires,
    open: newException,
    save: () => button(strings.exceptions.add),
    kept: () => specOf('inc-1'),
    close: cancel,
  },
  filterField(strings.history.filters.from),
  filterField(strings.history.filters.until),
];

const expectEnabled = (save: Locator) => expect(save.isEnabled()).resolves.toBe(true);

/** Neither the button nor the Enter key saves. */
async function expectBlocked(save: Locator, field: Locator, words: string, within: Locator): Promise<void> {
  await expectShown(within.getByText(words));
  expect(await field.getAttribute('aria-invalid')).toBe('true');
  expect(await save.isDisabled()).toBe(true);
  await field.press('Enter');
  expect(await save.isDisabled()).toBe(true);
}

describe.each(DATE_FIELDS)('$name', ({ label, open, save, kept, close }) => {
  test('typed wrong in ten ways is refused in words, and nothing of what was saved changes', async () => {
    const within = await open();
    const [date, time] = [box(form.date(label), within), box(form.time(label), within)];
    const before = JSON.stringify([...saved()]);
    for (const wrong of WRONG_DATES) {
      await date.fill(wrong);
      await expectBlocked(save(), date, forms.dateWrong(wrong), within);
    }
    await date.fill('2027-01-31');
    await expectEnabled(save());
    for (const wrong of WRONG_TIMES) {
      await time.fill(wrong);
      await expectBlocked(save(), time, forms.timeWrong(wrong), within);
    }
    await date.fill('');
    await time.fill('09:30');
    await expectBlocked(save(), date, forms.dateMissing, within);
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(JSON.stringify([...saved()])).toBe(before);
    expect(kept()).toEqual(label in NONE ? NONE[label] : KEPT_BY_LABEL[label]);
    await close();
  });
});

/** Fields that hold nothing yet. */
const NONE: Readonly<Record<string, unknown>> = {
  [strings.exceptions.form.expires]: undefined,
  [strings.history.filters.from]: '',
  [strings.history.filters.until]: '',
};
const KEPT_BY_LABEL: Readonly<Record<string, unknown>> = {
  [form.expires]: KEPT.expiresAt,
  [form.signedNotBefore]: KEPT.signedNotBefore,
  [form.signedNotAfter]: KEPT.signedNotAfter,
};

describe('a signer that had an end', () => {
  test('keeps it to the second while something else is edited, and has another one when that is typed right', async () => {
    await editSigner();
    await box(form.description).fill('edited');
    await button(strings.app.save).click();
    await expectMessage(page, strings.signers.saved('release-key'));
    expect(specOf('release-key')).toMatchObject({ ...KEPT, description: 'edited' });

    await editSigner();
    await box(form.date(form.expires)).fill('2028-02-29');
    await box(form.time(form.expires)).fill('23:59');
    await button(strings.app.save).click();
    await dialog.waitFor({ state: 'detached' });
    expect(specOf('release-key')).toMatchObject({ ...KEPT, expiresAt: '2028-02-29T23:59:00Z' });
  });

  test('loses it by "Never" alone, also after something was typed that cannot be read', async () => {
    await editSigner();
    await box(form.date(form.expires)).fill('31.12.2027');
    await button(`${form.expires}: ${form.presets.never}`).click();
    expect(await box(form.date(form.expires)).inputValue()).toBe('');
    await button(strings.app.save).click();
    await dialog.waitFor({ state: 'detached' });
    expect(specOf('release-key')).not.toHaveProperty('expiresAt');
    expect(specOf('release-key')).toMatchObject({ signedNotAfter: KEPT.signedNotAfter });
  });

  test('that cannot be read shows it as it stands there, blocks saving, and is not switched on', async () => {
    await openSection(page, 'signers');
    await chooseAction(page, 'broken', strings.app.edit);
    const date = box(form.date(form.expires));
    expect(await date.inputValue()).toBe('31.12.2027');
    await expectBlocked(button(strings.app.save), date, forms.dateWrong('31.12.2027'), dialog);
    expect(await dialog.getByRole('switch', { name: form.enabled }).isChecked()).toBe(false);
    expect(specOf('broken')).toMatchObject({ expiresAt: '31.12.2027', enabled: 'false' });
    await cancel();
  });

  test('is asked about before it is closed with something in it that cannot be read', async () => {
    await editSigner();
    await box(form.date(form.expires)).fill('31.12.2027');
    await page.keyboard.press('Escape');
    await expectShown(dialog.getByRole('heading', { name: strings.unsaved.title }));
    await button(strings.unsaved.discard).click();
    await dialog.waitFor({ state: 'detached' });
  });
});

describe('lines of name=value', () => {
  const LINES: readonly (readonly [string, string])[] = [
    ['team', forms.lineWrong('team')],
    ['a=b\n=c', forms.lineWrong('=c')],
    ['a=b\na=c', forms.nameTwice('a')],
  ];

  test("a signer's labels and extensions", async () => {
    await editSigner();
    for (const [lines, words] of LINES) {
      await box(form.labels).fill(lines);
      await expectBlockedBy(words);
    }
    await box(form.labels).fill('team=a');
    await expectEnabled(button(strings.app.save));
    await dialog.getByRole('radio', { name: form.keyless }).check();
    await box(form.extensions).fill('runnerEnvironment');
    await expectBlockedBy(forms.lineWrong('runnerEnvironment'));
    // Of another kind it says nothing any more.
    await dialog.getByRole('radio', { name: form.publicKey }).check();
    await expectEnabled(button(strings.app.save));
    await cancel();
    expect(saved().get('release-key')?.metadata).toEqual({ name: 'release-key' });

    async function expectBlockedBy(words: string): Promise<void> {
      await expectShown(dialog.getByText(words));
      expect(await button(strings.app.save).isDisabled()).toBe(true);
    }
  });

  test("a policy's selector: a line that cannot be read does not make it one for every namespace", async () => {
    const fields = strings.policies.fields;
    const { save, yaml } = await openPolicy();
    for (const [lines, words] of LINES) {
      await box(fields.namespaceLabels, main).fill(lines);
      await expectShown(main.getByText(words));
      expect(await save.isDisabled()).toBe(true);
      expect(await yaml.inputValue()).toContain('team: a');
    }
    await box(fields.namespaceLabels, main).fill('team=b');
    await expectEnabled(save);
    expect(await yaml.inputValue()).toContain('team: b');
    // Another text from elsewhere replaces what was typed.
    await box(fields.namespaceLabels, main).fill('team');
    await yaml.fill((await yaml.inputValue()).replace('team: b', 'team: c'));
    expect(await box(fields.namespaceLabels, main).inputValue()).toBe('team=c');
    await leavePolicy();
    expect(specOf('mcp-servers')).toMatchObject({
      match: { namespaceSelector: { matchLabels: { team: 'a' } } },
    });
  });
});

async function openPolicy() {
  await openSection(page, 'policies');
  await main.getByRole('link', { name: 'mcp-servers', exact: true }).click();
  const yaml = main.getByRole('textbox', { name: strings.policies.yamlLabel });
  await yaml.waitFor();
  return { yaml, save: button(strings.app.save, main) };
}

async function leavePolicy(): Promise<void> {
  await page
    .getByRole('navigation', { name: strings.app.sections })
    .getByRole('link', { name: strings.sections.overview, exact: true })
    .click();
  await button(strings.unsaved.discard).click();
  await expectShown(page.getByRole('heading', { level: 1, name: strings.overview.title }));
}

describe('a policy', () => {
  test('how many signers: what is no number from 1 to 64 stays in the field and changes nothing', async () => {
    const { save, yaml } = await openPolicy();
    const field = box(strings.policies.fields.threshold, main);
    for (const wrong of ['', '0', '65', '-1', '1.5', '1e1', 'two', '2 signers', '0x2', '٢']) {
      await field.fill(wrong);
      await field.blur();
      await expectShown(main.getByText(forms.numberWrong(wrong, 1, 64)));
      expect(await field.inputValue()).toBe(wrong);
      expect(await save.isDisabled()).toBe(true);
      expect(await yaml.inputValue()).toContain('threshold: 1');
    }
    await field.fill('3');
    await expectEnabled(save);
    await main.getByRole('button', { name: forms.less(strings.policies.fields.threshold) }).click();
    await save.click();
    await expectMessage(page, strings.policies.saved('mcp-servers'));
    expect(specOf('mcp-servers')).toMatchObject({ threshold: 2 });
  });

  test.each([
    ['a field of another type', '  threshold: many', /spec\.threshold: must be a whole number/],
    ['a number that no document can hold', '  threshold: .nan', /is not a number/],
    ['a tag', '  threshold: !env 2', /tag/i],
    ['a key that is there twice', '  mode: Audit', /unique/],
    ['an end of attestations that is none', '  attestations: [{predicateType: x, maxAge: soon}]', /maxAge/],
  ])('as YAML with %s is not saved', async (_, line, words) => {
    const { save, yaml } = await openPolicy();
    const lines = (await yaml.inputValue()).split('\n');
    const others = lines.filter((each) => !line.includes('threshold') || !each.includes('threshold'));
    await yaml.fill(`${others.join('\n').trimEnd()}\n${line}\n`);
    await expectShown(main.getByRole('listitem').filter({ hasText: words }));
    expect(await save.isDisabled()).toBe(true);
    await leavePolicy();
    expect(specOf('mcp-servers')).toMatchObject({ threshold: 2, mode: 'Enforce' });
  });
});

describe('an exception', () => {
  const words = strings.exceptions;
  const end = () => box(form.date(words.form.expires));
  const inDays = (days: number) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

  test('that is risky is created only after its warnings were shown', async () => {
    await newException();
    await box(words.form.policies).fill('mcp-serverz');
    await end().fill(inDays(120));
    await button(words.add).click();
    await expectShown(dialog.getByText(words.checkFirst));
    await expectShown(dialog.getByText(/^expiresAt is more than 90 days ahead/));
    await expectShown(dialog.getByText('policies names no existing policy: "mcp-serverz"'));
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(specOf('inc-1')).toBeUndefined();
    // What is changed is looked at again.
    await end().fill(inDays(-1));
    await box(words.form.policies).fill('mcp-servers');
    await button(words.add).click();
    await expectShown(dialog.getByText(/^expiresAt has passed/));
    expect(specOf('inc-1')).toBeUndefined();
    await button(words.addAnyway).click();
    await expectMessage(page, words.created('inc-1'));
    expect(specOf('inc-1')).toMatchObject({ policies: ['mcp-servers'] });
  });

  test('that is not is created at once', async () => {
    await newException();
    await box(words.form.name).fill('inc-2');
    await end().fill(inDays(2));
    await button(words.add).click();
    await expectMessage(page, words.created('inc-2'));
    expect(specOf('inc-2')).toMatchObject({ expiresAt: `${inDays(2)}T00:00:00Z` });
  });
});

test('a filter in the address that cannot be read is shown, refused, and not left out', async () => {
  await page.goto('/admin/security/signing/history?from=31.12.2027');
  await expectShown(main.getByText(forms.dateWrong('31.12.2027')));
  await expectShown(main.getByText(/must be a time since 1970/));
});
