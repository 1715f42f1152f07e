import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import { untilHolds } from '../kube/eventually.ts';
import { accessibilityFindings, sidewaysScroll, startBrowser, type TestBrowser } from '../support/browser.ts';
import { API_VERSION, install, pod, until, type Installation } from './installation.ts';
import { expectNoDefects, expectShown, openSection, signedIn, type SectionName } from './page-steps.ts';
import { adminOrigin, newPerson, type Person } from './people.ts';

/**
 * Every section as it looks with something in it: light and dark, wide and narrow, for eyes, keyboards and screen readers.
 * With WRITE_SCREENSHOTS=1 the pictures of docs/admin.md are taken on the way.
 */
const PROJECT = resolve(import.meta.dirname, '../..');
const EXAMPLES = `${PROJECT}/examples`;
const PICTURES = `${PROJECT}/docs/screenshots`;
const WRITE = process.env['WRITE_SCREENSHOTS'] === '1';
const MCP = 'mcp';
const DAY = 86_400_000;
const SCHEMES = ['light', 'dark'] as const;
let world: Installation;
let browser: TestBrowser;
let alice: Person;

beforeAll(async () => {
  browser = await startBrowser();
  world = await install({
    values: { registries: [{ host: 'registry.example', layout: `${EXAMPLES}/images` }] },
  });
  await world.cluster.createNamespace(MCP);
  for (const file of ['trust', 'mcp-servers'])
    await world.cluster.kubectl(['apply', '-f', `${EXAMPLES}/policies/${file}.yaml`]);
  alice = await newPerson(world, 'alice', 'countersign-admin', 'view');
  await world.applied(...signers(), ...policies(), exception());
  await decided();
}, 240_000);

afterAll(async () => {
  await browser?.stop();
  await world?.stop();
});

const inDays = (days: number): string =>
  `${new Date(Date.now() + days * DAY).toISOString().slice(0, 10)}T00:00:00Z`;

function signers(): readonly object[] {
  const github = { keyless: true, issuer: 'https://token.actions.githubusercontent.com' };
  const workflow = (name: string) =>
    `https://github.com/acme/${name}/.github/workflows/release.yml@refs/heads/main`;
  const specs: Readonly<Record<string, object>> = {
    'release-ci': {
      ...github,
      subject: workflow('servers'),
      description: 'Release pipeline',
      expiresAt: inDays(300),
    },
    contractor: {
      ...github,
      subject: workflow('partner'),
      description: 'Partner, until the handover',
      expiresAt: inDays(12),
    },
    'old-pipeline': {
      ...github,
      subject: workflow('legacy'),
      description: 'Replaced by release-ci',
      signedNotAfter: inDays(-20),
    },
    'lost-laptop': {
      keyless: true,
      issuer: 'https://accounts.google.com',
      subject: 'sam@example.com',
      enabled: false,
    },
    'vendor-kms': { keyRef: { uri: 'hashivault://vendor' }, description: 'Key of the vendor, in Vault' },
  };
  return Object.entries(specs).map(([name, spec]) => document('TrustedSigner', name, spec));
}

function policies(): readonly object[] {
  return [
    document('ClusterSigningPolicy', 'provenance', {
      mode: 'Audit',
      match: { images: ['registry.example/mcp/**'] },
      requireSignature: false,
      slsa: { requiredLevel: 2 },
      trustRootRef: { name: 'example-sigstore' },
    }),
    document('ClusterSigningPolicy', 'partners', {
      mode: 'Warn',
      match: { images: ['registry.example/partners/**'] },
      requireSignature: true,
      trustedKeys: [{ signerRef: { name: 'contractor' } }, { signerRef: { name: 'vendor-kms' } }],
    }),
  ];
}

function exception(): object {
  return document('SigningException', 'inc-4711', {
    namespaces: [MCP],
    images: ['registry.example/mcp/files'],
    policies: ['mcp-servers'],
    reason: 'INC-4711: the signer of files is down, fix under way',
    expiresAt: new Date(Date.now() + DAY / 6).toISOString().replace(/\.\d+Z$/, 'Z'),
  });
}

function document(kind: string, name: string, spec: object): object {
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec };
}

/** Decisions of every kind, and the history has them. */
async function decided(): Promise<void> {
  for (const [name, times] of Object.entries({
    weather: 4,
    calendar: 3,
    search: 2,
    mail: 2,
    files: 1,
    missing: 1,
  }))
    for (let at = 1; at <= times; at += 1)
      await world.apply(pod(MCP, `${name}-${at}`, `registry.example/mcp/${name}:v1`));
  await until('the history has them', async () => {
    const response = await fetchJson<{ items: readonly object[] }>('/verifications');
    return response.items.length >= 13 ? true : undefined;
  });
}

async function fetchJson<T>(path: string): Promise<T> {
  const visitor = await browser.visit(adminOrigin(world));
  const headers = { authorization: `Bearer ${alice.token}` };
  const response = await visitor.context.request.get(`/api/v1${path}`, { headers });
  const body = (await response.json()) as T;
  await visitor.close();
  return body;
}

/** Brings a section to where it shows most. */
const SHOWN: Readonly<Record<SectionName, (page: Page) => Promise<void>>> = {
  overview: async (page) => {
    await page.locator('main canvas').nth(2).waitFor();
    // Live, and not kept.
    for (const name of ['weather', 'search', 'calendar'])
      await world.cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], {
        input: JSON.stringify(pod(MCP, `${name}-next`, `registry.example/mcp/${name}:v1`)),
      });
    await expectShown(page.getByText(`${MCP}/calendar-next`));
  },
  signers: async (page) => {
    await expectShown(page.getByRole('row', { name: /release-ci/ }));
  },
  policies: async (page) => {
    await expectShown(page.getByRole('row', { name: /mcp-servers/ }));
  },
  trustRoots: async (page) => {
    await expectShown(page.getByRole('row', { name: /example-sigstore/ }));
  },
  history: async (page) => {
    const { filters } = strings.history;
    await page.getByRole('textbox', { name: filters.image }).fill('mcp/search');
    await page.getByRole('textbox', { name: filters.namespace }).fill(MCP);
    await page.getByRole('button', { name: filters.apply }).click();
    await page
      .getByRole('row', { name: /mcp\/mail/ })
      .first()
      .waitFor({ state: 'detached' });
    const row = page
      .getByRole('row', { name: /mcp\/search/ })
      .filter({ hasText: 'mcp-servers' })
      .first();
    await row.getByRole('button').first().click();
    await expectShown(page.getByText(strings.history.recorded));
  },
  tryImage: async (page) => {
    const { tryImage } = strings;
    await page.getByRole('textbox', { name: tryImage.image }).fill('registry.example/mcp/weather:v1');
    await page.getByRole('combobox', { name: tryImage.policy }).selectOption('mcp-servers');
    await page.getByRole('button', { name: tryImage.submit, exact: true }).click();
    await expectShown(page.getByRole('main').getByText('build@example.com'));
  },
  exceptions: async (page) => {
    await expectShown(page.getByRole('row', { name: /inc-4711/ }));
  },
};
const SECTIONS = Object.keys(SHOWN) as SectionName[];

/** Only on demand: the same page gives other bytes each time. */
async function picture(page: Page, name: string): Promise<void> {
  if (!WRITE) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.mouse.move(0, 0);
  await page.evaluate("document.querySelectorAll('*').forEach((each) => (each.scrollTop = 0))");
  await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: 'disabled' });
}

const fileName = (section: SectionName): string =>
  section.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

describe.each(SCHEMES)('%s, 1280 pixels', (scheme) => {
  test('axe finds nothing serious in any section, in a policy and in a form', async () => {
    const visitor = await signedIn(browser, world, alice, { scheme });
    const { page } = visitor;
    const findings: Record<string, readonly string[]> = {};
    const look = async (name: string): Promise<void> => {
      findings[name] = await accessibilityFindings(page);
      expect([name, await sidewaysScroll(page)]).toEqual([name, 0]);
      await picture(page, `${name}-${scheme}`);
    };
    for (const section of SECTIONS) {
      await openSection(page, section);
      await SHOWN[section](page);
      await look(fileName(section));
    }
    await openSection(page, 'policies');
    await page.getByRole('link', { name: 'mcp-servers', exact: true }).click();
    await page.getByRole('textbox', { name: strings.policies.yamlLabel }).waitFor();
    await expectShown(page.getByText(strings.policies.valid, { exact: true }));
    await look('policy');
    await openSection(page, 'signers');
    await page.getByRole('button', { name: strings.signers.add }).first().click();
    await page.getByRole('dialog').waitFor();
    await look('signer-form');
    expect(Object.entries(findings).filter(([, found]) => found.length > 0)).toEqual([]);
    expectNoDefects(visitor);
    await visitor.close();
  });
});

test('390 pixels: nothing is wider than the window, the navigation opens and closes, axe finds nothing serious', async () => {
  const visitor = await signedIn(browser, world, alice, { width: 390, height: 844 });
  const { page } = visitor;
  const findings: Record<string, readonly string[]> = {};
  for (const section of SECTIONS) {
    await openSection(page, section);
    await SHOWN[section](page);
    findings[section] = await accessibilityFindings(page);
    expect([section, await sidewaysScroll(page)]).toEqual([section, 0]);
    if (section === 'overview' || section === 'signers') await picture(page, `${fileName(section)}-narrow`);
  }
  expect(Object.entries(findings).filter(([, found]) => found.length > 0)).toEqual([]);
  const toggle = page.getByRole('button', { name: strings.app.navigation, exact: true });
  await untilHolds('it is folded', async () =>
    expect(await toggle.getAttribute('aria-expanded')).toBe('false'),
  );
  // A drawer that is closed takes no focus.
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    const inDrawer = await page.evaluate<boolean>(`document.activeElement.closest('#page-sidebar') !== null`);
    expect([presses, inDrawer]).toEqual([presses, false]);
  }
  expectNoDefects(visitor);
  await visitor.close();
});
