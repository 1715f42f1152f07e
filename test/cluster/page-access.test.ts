import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { PROBLEMS } from '../../src/admin/problem.ts';
import { strings } from '../../src/ui/strings.ts';
import { untilHolds } from '../kube/eventually.ts';
import { accessibilityFindings, sidewaysScroll, startBrowser, type TestBrowser } from '../support/browser.ts';
import { serverCertificate } from '../support/key-store.ts';
import { API_VERSION, install, pod, until, type Installation } from './installation.ts';
import {
  answerTo,
  expectMessage,
  expectNoDefects,
  expectShown,
  openSection,
  signedIn,
} from './page-steps.ts';
import { adminOrigin, newPerson, type Person } from './people.ts';

/** Who sits in front of the admin page, and what other pages try with their browser. */
const EXAMPLES = resolve(import.meta.dirname, '../../examples');
const MCP = 'mcp';
const SIGNER = 'release-key';
const text = strings.signers;
let world: Installation;
let browser: TestBrowser;
let alice: Person;
let vera: Person;

beforeAll(async () => {
  browser = await startBrowser();
  world = await install({
    values: { registries: [{ host: 'registry.example', layout: `${EXAMPLES}/images` }] },
  });
  await world.cluster.createNamespace(MCP);
  for (const file of ['trust', 'mcp-servers'])
    await world.cluster.kubectl(['apply', '-f', `${EXAMPLES}/policies/${file}.yaml`]);
  alice = await newPerson(world, 'alice', 'countersign-admin', 'view');
  vera = await newPerson(world, 'vera', 'countersign-viewer');
}, 240_000);

afterAll(async () => {
  await browser?.stop();
  await world?.stop();
});

async function isOn(): Promise<boolean> {
  const { stdout } = await world.cluster.kubectl(['get', 'trustedsigner', SIGNER, '-o', 'json']);
  return (JSON.parse(stdout) as { spec: { enabled?: boolean } }).spec.enabled !== false;
}

describe('somebody who may only look', () => {
  test('sees every section, and finds no control that changes anything', async () => {
    const visitor = await signedIn(browser, world, vera);
    const { page } = visitor;
    for (const section of Object.keys(strings.sections) as (keyof typeof strings.sections)[])
      await openSection(page, section);
    await openSection(page, 'signers');
    const control = page.getByRole('switch', { name: text.switchLabel(SIGNER) });
    await untilHolds('it is disabled', async () => expect(await control.isDisabled()).toBe(true));
    for (const [section, add] of [
      ['signers', text.add],
      ['policies', strings.policies.add],
      ['exceptions', strings.exceptions.add],
    ] as const) {
      await openSection(page, section);
      const button = page.getByRole('button', { name: add });
      await untilHolds('it is disabled', async () =>
        expect(await button.getAttribute('aria-disabled')).toBe('true'),
      );
      await button.click({ force: true });
      await expect(page.getByRole('dialog').count()).resolves.toBe(0);
    }
    await openSection(page, 'policies');
    await page.getByRole('link', { name: 'mcp-servers' }).click();
    await expectShown(page.getByText(strings.policies.viewOnly));
    expectNoDefects(visitor);
    await visitor.close();
  });

  test('G2: is refused what the page does not offer, asked of the API with the same session', async () => {
    const visitor = await signedIn(browser, world, vera, { refusals: [403] });
    const spec = { keyless: true, issuer: 'https://evil.example', subject: 'evil' };
    const draft = { metadata: { name: 'evil' }, spec };
    const ends = new Date(Date.now() + 3_600_000).toISOString();
    const exception = { namespaces: [MCP], images: ['**'], reason: 'because', expiresAt: ends };
    const attempts: readonly (readonly [string, string, object?])[] = [
      ['POST', `/signers/${SIGNER}/disable`],
      ['POST', `/signers/${SIGNER}/retire`],
      ['DELETE', `/signers/${SIGNER}`],
      ['POST', '/signers', draft],
      ['DELETE', '/policies/mcp-servers'],
      ['POST', '/policies/mcp-servers/mode', { mode: 'Audit', confirm: true }],
      ['POST', '/exceptions', { metadata: { name: 'evil' }, spec: exception }],
      ['POST', '/verify', { image: 'registry.example/mcp/weather:v1' }],
      ['POST', '/keys/resolve', { uri: 'hashivault://release' }],
    ];
    for (const [method, path, body] of attempts) {
      const { status, body: problem } = await answerTo(visitor.page, method, path, { body });
      expect([method, path, status, problem]).toEqual([
        method,
        path,
        403,
        expect.objectContaining({ code: 'FORBIDDEN' }),
      ]);
    }
    expect(await isOn()).toBe(true);
    // The twin: for somebody who may, the very same call does it.
    const other = await signedIn(browser, world, alice);
    expect(await answerTo(other.page, 'POST', `/signers/${SIGNER}/disable`)).toMatchObject({ status: 200 });
    expect(await isOn()).toBe(false);
    expect(await answerTo(other.page, 'POST', `/signers/${SIGNER}/enable`)).toMatchObject({ status: 200 });
    expectNoDefects(visitor, other);
    await Promise.all([visitor.close(), other.close()]);
  });
});

describe('somebody of one namespace who may only look', () => {
  let nora: Person;
  beforeAll(async () => {
    nora = await newPerson(world, 'nora', `countersign-viewer@${MCP}`);
    const spec = { mode: 'Audit', trustedKeys: [{ signerRef: { name: SIGNER } }] };
    await world.cluster.createNamespace('elsewhere');
    await world.applied(
      ...[MCP, 'elsewhere'].map((namespace) => ({
        apiVersion: API_VERSION,
        kind: 'SigningPolicy',
        metadata: { name: `own-${namespace}`, namespace },
        spec,
      })),
    );
    await world.apply(pod(MCP, 'seen', 'registry.example/mcp/weather:v1'));
  });

  test('G2: sees its policies and what was verified there, and is told what else there is that they may not see', async () => {
    const visitor = await signedIn(browser, world, nora, { refusals: [403] });
    const { page } = visitor;
    const main = page.getByRole('main');
    const { inNamespace } = strings.policies;
    for (const section of ['signers', 'trustRoots', 'exceptions'] as const) {
      await openSection(page, section);
      await expectShown(main.getByText(PROBLEMS.FORBIDDEN[1]));
    }
    await openSection(page, 'policies');
    await expectShown(main.getByText(inNamespace.title));
    expect(await accessibilityFindings(page)).toEqual([]);
    const show = async (namespace: string) => {
      await main.getByRole('textbox', { name: inNamespace.label }).fill(namespace);
      await main.getByRole('button', { name: inNamespace.show, exact: true }).click();
      await expectShown(main.getByText(inNamespace.shown(namespace)));
    };
    await show('elsewhere');
    await expectShown(main.getByText(PROBLEMS.FORBIDDEN[1]));
    await expect(main.getByText('own-elsewhere').count()).resolves.toBe(0);
    await show(MCP);
    await expectShown(main.getByRole('link', { name: `own-${MCP}` }));
    await expectShown(main.getByText(inNamespace.shownBody));
    await expect(main.getByText('mcp-servers').count()).resolves.toBe(0);
    expect(await accessibilityFindings(page)).toEqual([]);
    await main.getByRole('link', { name: `own-${MCP}` }).click();
    await expectShown(main.getByText(strings.policies.viewOnly));
    await expect(main.getByRole('textbox', { name: strings.policies.yamlLabel }).isEditable()).resolves.toBe(
      false,
    );
    await openSection(page, 'history');
    const { filters } = strings.history;
    await expectShown(main.getByText(PROBLEMS.FORBIDDEN[1]));
    await main.getByRole('textbox', { name: filters.namespace }).fill(MCP);
    await main.getByRole('button', { name: filters.apply }).click();
    await expectShown(main.getByRole('row', { name: /mcp\/weather/ }));
    expectNoDefects(visitor);
    await visitor.close();
  });

  test('G2: changes nothing, there or elsewhere', async () => {
    const visitor = await signedIn(browser, world, nora, { refusals: [403] });
    const own = `/namespaces/${MCP}/policies/own-${MCP}`;
    const stored = (await answerTo(visitor.page, 'GET', own)).body as { spec: { mode: string } };
    for (const [method, path, body] of [
      ['DELETE', own],
      ['POST', `${own}/mode`, { mode: 'Enforce' }],
      ['POST', `/namespaces/${MCP}/policies`, { metadata: { name: 'evil' }, spec: stored.spec }],
      ['POST', `/signers/${SIGNER}/disable`],
      ['GET', '/namespaces/elsewhere/policies'],
      ['GET', '/policies/mcp-servers'],
      ['GET', '/verifications?namespace=elsewhere'],
      ['POST', '/verify', { image: 'registry.example/mcp/weather:v1', namespace: MCP }],
    ] as const) {
      const { status } = await answerTo(visitor.page, method, path, { body });
      expect([method, path, status]).toEqual([method, path, 403]);
    }
    expect((await answerTo(visitor.page, 'GET', own)).body).toMatchObject({ spec: { mode: 'Audit' } });
    expect(await isOn()).toBe(true);
    // The twin: for somebody who may, the very same call does it.
    const other = await signedIn(browser, world, alice);
    expect(await answerTo(other.page, 'DELETE', own)).toMatchObject({ status: 200 });
    expectNoDefects(visitor, other);
    await Promise.all([visitor.close(), other.close()]);
  });
});

describe('a long name', () => {
  test.each([390, 1280])(
    'on %d pixels shows both its ends in the head, and is whole in the menu',
    async (width) => {
      const name = `release-engineering-of-the-platform-team-${width}`;
      const someone = await newPerson(world, name, 'countersign-viewer');
      const visitor = await signedIn(browser, world, someone, { width, height: 844 });
      const { page } = visitor;
      const toggle = page.getByRole('button', { name: strings.user.menu(someone.user) });
      const shown = toggle.getByTitle(someone.user);
      const { x, width: wide } = (await shown.boundingBox()) ?? { x: 0, width: 0 };
      expect(wide).toBeGreaterThan(60);
      expect(x + wide).toBeLessThan(width);
      const [start, end] = await shown.locator('span').all();
      await expect(end?.textContent()).resolves.toBe(someone.user.slice(-8));
      await expect(start?.textContent()).resolves.toBe(someone.user.slice(0, -8));
      const [first, last] = [await start?.boundingBox(), await end?.boundingBox()];
      expect(first?.width).toBeGreaterThan(30);
      expect(last?.width).toBeGreaterThan(30);
      expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(x + wide + 1);
      expect(await sidewaysScroll(page)).toBe(0);
      expect(await accessibilityFindings(page)).toEqual([]);
      await toggle.click();
      const whole = page.getByRole('menuitem').filter({ hasText: someone.user });
      await expectShown(whole);
      expect(await sidewaysScroll(page)).toBe(0);
      expectNoDefects(visitor);
      await visitor.close();
    },
  );
});

describe('a session', () => {
  test('G4: that has ended on the server ends on the page, which says so and lets one sign in again', async () => {
    const visitor = await signedIn(browser, world, alice, { refusals: [401], endsStreams: true });
    const { page, context } = visitor;
    await openSection(page, 'signers');
    // As if it were another tab: the page knows nothing of it.
    const { csrfToken } = (await (await context.request.get('/api/v1/session')).json()) as {
      csrfToken: string;
    };
    const headers = { 'x-csrf-token': csrfToken, origin: adminOrigin(world) };
    const cookies = await context.cookies();
    expect((await context.request.delete('/api/v1/session', { headers })).status()).toBe(204);
    await context.addCookies(cookies);
    const navigation = page.getByRole('navigation', { name: strings.app.sections });
    const link = navigation.getByRole('link', { name: strings.sections.policies, exact: true });
    // Asked for a section, or before by what is live on it.
    await Promise.any([link.click(), expectShown(page.getByText(strings.signIn.ended))]);
    await expectShown(page.getByText(strings.signIn.ended));
    await page.getByLabel(strings.signIn.token.label).fill(alice.token);
    await page.getByRole('button', { name: strings.signIn.submit }).click();
    await expectShown(navigation);
    expectNoDefects(visitor);
    await visitor.close();
  });

  test('G4: signed out, its cookie is worth nothing, and the token is nowhere in the browser', async () => {
    const visitor = await signedIn(browser, world, alice, { endsStreams: true });
    const { page, context } = visitor;
    const cookies = await context.cookies();
    expect(cookies).toEqual([
      expect.objectContaining({
        name: '__Host-countersign',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict',
      }),
    ]);
    const kept = await page.evaluate<string>(
      'JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])',
    );
    expect(kept).not.toContain(alice.token.slice(-20));
    await page.getByRole('button', { name: strings.user.menu(alice.user) }).click();
    await page.getByRole('menuitem', { name: strings.user.signOut }).click();
    await expectShown(page.getByRole('heading', { name: strings.signIn.title }));
    await context.addCookies(cookies);
    expect((await context.request.get('/api/v1/signers')).status()).toBe(401);
    await page.reload();
    await expectShown(page.getByRole('heading', { name: strings.signIn.title }));
    expectNoDefects(visitor);
    await visitor.close();
  });
});

/** A page of somebody else: of another port of the same host, so that even a strict cookie comes along, or of another host. */
async function attackersPage(html: string): Promise<{ readonly port: number; stop(): void }> {
  const { certPem, keyPem } = serverCertificate(['127.0.0.1', 'localhost']);
  const server: Server = createServer({ cert: certPem, key: keyPem }, (_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(html);
  });
  await new Promise<void>((done) => server.listen(0, done));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe("somebody else's page", () => {
  test.each([
    ['127.0.0.1', 403], // the same site: the cookie comes along
    ['localhost', 401],
  ])('G1: on %s posts a form, and nothing is changed', async (host, status) => {
    const target = `${adminOrigin(world)}/api/v1/signers/${SIGNER}/disable`;
    const forms = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'].map(
      (type, index) =>
        `<form method="post" action="${target}" enctype="${type}" target="f${index}"><input name='{"a' value='"}'><button>${type}</button></form><iframe name="f${index}"></iframe>`,
    );
    const script = `<script>fetch(${JSON.stringify(target)}, { method: 'POST', mode: 'no-cors', credentials: 'include' }).finally(() => { document.title = 'asked'; });</script>`;
    const site = await attackersPage(`<!doctype html>${forms.join('')}${script}`);
    const visitor = await signedIn(browser, world, alice);
    const { context } = visitor;
    const page = await context.newPage();
    const answers: number[] = [];
    page.on('response', (response) => {
      if (response.url() === target) answers.push(response.status());
    });
    await page.goto(`https://${host}:${site.port}/`);
    for (const button of await page.getByRole('button').all()) {
      const answered = page.waitForResponse(target);
      await button.click();
      await answered;
    }
    await page.waitForFunction("document.title === 'asked'");
    expect(answers).toEqual([status, status, status]);
    expect(await isOn()).toBe(true);
    // The twin: the same session, from the page itself.
    expect(await answerTo(visitor.page, 'POST', `/signers/${SIGNER}/disable`)).toMatchObject({ status: 200 });
    expect(await isOn()).toBe(false);
    expect(await answerTo(visitor.page, 'POST', `/signers/${SIGNER}/enable`)).toMatchObject({ status: 200 });
    await visitor.close();
    site.stop();
  });

  test('G11: shows ours in no frame', async () => {
    const site = await attackersPage(
      `<!doctype html><iframe src="${adminOrigin(world)}/admin/security/signing"></iframe>`,
    );
    const visitor = await signedIn(browser, world, alice);
    const page = await visitor.context.newPage();
    await page.goto(`https://127.0.0.1:${site.port}/`);
    const [, frame] = page.frames();
    expect(frame?.url()).toBe('chrome-error://chromewebdata/');
    expect(visitor.defects().join('\n')).toMatch(/frame-ancestors|X-Frame-Options/);
    await visitor.close();
    site.stop();
  });
});

/** Each would run a script, or call the outside, where it were taken for markup. */
const PAYLOADS = [
  `<img/src='x'/onerror="alert('1')">`,
  `"><svg/onload=alert(2)>`,
  `<script>alert(3)</script>`,
  `{{constructor.constructor('alert(4)')()}}`,
  `javascript:alert(5)`,
  `<a href="javascript:alert(6)">${'x'.repeat(80)}</a>`,
];

test('G3: what strangers write is text on every section, and nothing of it runs', async () => {
  const [image, svg, script, braces, url, link] = PAYLOADS as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const annotations = { 'argocd.argoproj.io/tracking-id': svg, note: script };
  const ends = new Date(Date.now() + 3_600_000).toISOString();
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: 'xss', annotations },
      spec: { keyless: true, issuer: 'https://evil.example', subject: image, description: link },
    },
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: 'xss-url' },
      spec: { keyless: true, issuer: 'https://evil.example', subject: url, description: braces },
    },
    {
      apiVersion: API_VERSION,
      kind: 'ClusterSigningPolicy',
      metadata: { name: 'xss', annotations },
      spec: {
        mode: 'Audit',
        match: { images: ['registry.example/xss/**'] },
        requireSignature: true,
        trustedKeys: [{ keyless: true, issuer: 'https://evil.example', subject: script }],
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'SigningException',
      metadata: { name: 'xss', annotations },
      spec: { namespaces: [MCP], images: ['registry.example/xss/*'], reason: svg, expiresAt: ends },
    },
  );
  const visitor = await signedIn(browser, world, alice, { refusals: [422] });
  const { page } = visitor;
  // Live, while the page is open: names that no registry would take are refused, and kept in the history.
  for (const [index, name] of [image, script, svg].entries()) {
    const { code } = await world.apply(pod(MCP, `xss-${index}`, name));
    expect(code).toBe(1);
  }
  await expectShown(page.getByText(`onerror="alert('1')"`));
  for (const [section, shown] of [
    ['signers', link],
    ['signers', url],
    ['exceptions', svg],
    ['history', script],
  ] as const) {
    await openSection(page, section);
    await expectShown(page.getByText(shown));
  }
  await page.getByRole('row').filter({ hasText: script }).first().getByRole('button').first().click();
  await openSection(page, 'signers');
  await page.getByRole('link', { name: 'xss', exact: true }).click();
  await expectShown(page.getByText(image));
  await openSection(page, 'policies');
  await page.getByRole('link', { name: 'xss', exact: true }).click();
  await page.getByRole('textbox', { name: strings.policies.yamlLabel }).waitFor();
  await openSection(page, 'tryImage');
  for (const payload of PAYLOADS) {
    await page.getByRole('textbox', { name: strings.tryImage.image }).fill(payload);
    await page.getByRole('button', { name: strings.tryImage.submit, exact: true }).click();
    await expectShown(page.getByRole('main').getByText(payload));
  }
  expect(await page.locator('a[href^="javascript:" i], main img, main script').count()).toBe(0);
  expectNoDefects(visitor);
  // The twin: taken for markup, as a careless page would, the same text does not go unnoticed.
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(image)})`);
  await until('it is noticed', () =>
    Promise.resolve(/content security policy: script-src/.test(visitor.defects().join()) ? true : undefined),
  );
  await visitor.close();
  await world.cluster.kubectl(['delete', 'signingexception,clustersigningpolicy', 'xss']);
  await world.cluster.kubectl(['delete', 'trustedsigner', 'xss', 'xss-url']);
});

describe('with the keyboard alone', () => {
  /** Presses Tab until the focus is on what has this accessible name. */
  async function tabTo(page: Page, name: string): Promise<void> {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate<string>(
        `(() => { const it = document.activeElement; return it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent; })()`,
      );
      if (focused.trim().startsWith(name)) return;
    }
    throw new Error(`nothing called "${name}" has the focus after 60 times Tab`);
  }

  test('one signs in, finds the switch of a signer and turns it off', async () => {
    const visitor = await browser.visit(adminOrigin(world));
    const { page } = visitor;
    await page.goto('/admin/security/signing');
    await page.getByLabel(strings.signIn.token.label).waitFor();
    await tabTo(page, strings.signIn.token.label);
    await page.keyboard.insertText(alice.token);
    await tabTo(page, strings.signIn.submit);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: strings.overview.title }).waitFor();
    await tabTo(page, strings.sections.signers);
    await page.keyboard.press('Enter');
    await page.getByRole('switch', { name: text.switchLabel(SIGNER) }).waitFor();
    await tabTo(page, text.switchLabel(SIGNER));
    await page.keyboard.press('Space');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, text.revokeConfirm);
    await page.keyboard.press('Enter');
    await expectMessage(page, text.revoked(SIGNER));
    expect(await isOn()).toBe(false);
    // The focus is back on the page, not lost behind it.
    await tabTo(page, text.switchLabel(SIGNER));
    await page.keyboard.press('Space');
    await expectMessage(page, text.enabled(SIGNER));
    expect(await isOn()).toBe(true);
    expectNoDefects(visitor);
    await visitor.close();
  });
});
