import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join, resolve } from 'node:path';
import { Provider } from 'oidc-provider';
import type { Page } from 'playwright-core';
import { PROBLEMS } from '../../src/admin/problem.ts';
import { Service } from '../../src/cli/serve.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { strings } from '../../src/ui/strings.ts';
import { askPort, cookieIn, type Answer } from '../admin/door.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { accessibilityFindings, startBrowser, type TestBrowser, type Visitor } from '../support/browser.ts';
import { createAuthority } from '../support/certificates.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { freePort } from '../support/ports.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { answerTo, openSection } from './page-steps.ts';

/** Signing in at an OIDC provider whose tokens a real API server takes. */
const ROOT = resolve(import.meta.dirname, '../..');
/** Another site than the page's: cookies of the one are then no cookies of the other. */
const ISSUER_HOST = 'localhost';
const CLIENT = 'kubernetes';
const SECRET = 'the secret of the client';
const CALLBACK = '/api/v1/session/oidc/callback';
const PAGE = '/admin/security/signing';
const work = createWorkDirectory('admin-oidc');

let issuerPort: number;
let issuer: Server;
let cluster: Cluster;
let service: Service;

beforeAll(async () => {
  // The provider warns of each default that production would change.
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockReturnValue(undefined);
  const [port, adminPort] = [await freePort(), await freePort()];
  issuerPort = port;
  const url = `https://${ISSUER_HOST}:${port}`;
  const authority = createAuthority('oidc');
  const { certPem, keyPem } = authority.issue({ commonName: 'issuer', names: [ISSUER_HOST] });
  const caFile = join(work.path, 'issuer-ca.pem');
  writeFileSync(caFile, authority.certPem);
  issuer = createServer({ cert: certPem, key: keyPem }, provider(url, adminPort).callback());
  await new Promise<void>((done) => issuer.listen(port, '127.0.0.1', done));
  cluster = await startCluster({
    workDir: work.path,
    controllers: false,
    apiServerArgs: [
      `--oidc-issuer-url=${url}`,
      `--oidc-client-id=${CLIENT}`,
      '--oidc-username-claim=sub',
      '--oidc-username-prefix=oidc:',
      '--oidc-groups-claim=groups',
      '--oidc-groups-prefix=oidc:',
      `--oidc-ca-file=${caFile}`,
    ],
  });
  await ok('apply', '--server-side', '-f', join(ROOT, 'manifests/crds'));
  await ok('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
  const manifests = readFileSync(join(ROOT, 'manifests/install.yaml'), 'utf8').split(/^---$/m);
  const roles = manifests.filter((each) => /^kind: ClusterRole$/m.test(each));
  await cluster.kubectl(['apply', '-f', '-'], { input: roles.join('---\n') });
  await ok(
    'create',
    'clusterrolebinding',
    'b',
    '--clusterrole=countersign-viewer',
    '--group=oidc:developers',
  );
  service = await serve(url, adminPort, caFile);
});
afterAll(async () => {
  await service.stop();
  await cluster.stop();
  issuer.closeAllConnections();
  issuer.close();
  work.remove();
});

function provider(url: string, adminPort: number): Provider {
  return new Provider(url, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        redirect_uris: [`https://127.0.0.1:${adminPort}${CALLBACK}`],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    claims: { openid: ['sub'], groups: ['groups'] },
    scopes: ['openid', 'groups'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    conformIdTokenClaims: false,
    cookies: { keys: ['one'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => Promise.resolve({ sub: id, groups: id === 'stranger' ? [] : ['developers'] }),
    }),
  });
}

async function serve(url: string, port: number, caFile: string): Promise<Service> {
  const file = join(work.path, 'settings.yaml');
  writeFileSync(join(work.path, 'client-secret'), `${SECRET}\n`);
  writeFileSync(
    file,
    JSON.stringify({
      webhook: { host: '127.0.0.1', port: 0 },
      operations: { host: '127.0.0.1', port: 0 },
      admin: {
        host: '127.0.0.1',
        port,
        oidc: {
          issuer: url,
          clientId: CLIENT,
          clientSecretFile: 'client-secret',
          scopes: ['openid', 'groups'],
          redirectUri: `https://127.0.0.1:${port}${CALLBACK}`,
          caFile,
        },
      },
      dataDirectory: 'data',
      certificate: { directory: 'certs' },
      kubeconfig: cluster.kubeconfig,
      trustRoots: { publicGood: { refresh: false } },
    }),
  );
  const started = await Service.start(loadSettings({ file, flags: {}, env: {}, cwd: '/' }), silentLogger);
  await eventually('it is ready', () => started.notReady().length === 0, 60_000);
  return started;
}

async function ok(...args: string[]): Promise<void> {
  const { code, stderr } = await cluster.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}

const admin = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  askPort(service.ports.admin, path, { headers });

/** What a person's browser does at the issuer: it follows, fills the forms, and comes back with a code. */
async function signInAtIssuer(start: string, name: string): Promise<string> {
  const jar = new Map<string, string>();
  let at = new URL(start);
  for (let step = 0; step < 12; step++) {
    if (at.port !== String(issuerPort)) return at.pathname + at.search;
    const prompt = /^\/interaction\/[\w-]+$/.test(at.pathname);
    const answer = await visit(at, jar, undefined);
    const form = prompt ? formIn(answer.text, name) : undefined;
    const next = form === undefined ? answer : await visit(at, jar, form);
    at = new URL(next.headers.location ?? '', at);
  }
  throw new Error(`it leads round in circles: ${at.href}`);
}

function formIn(html: string, name: string): string {
  return html.includes('name="prompt" value="login"')
    ? new URLSearchParams({ prompt: 'login', login: name, password: 'x' }).toString()
    : 'prompt=consent';
}

async function visit(url: URL, jar: Map<string, string>, form: string | undefined): Promise<Answer> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await askPort(issuerPort, url.pathname + url.search, {
    method: form === undefined ? 'GET' : 'POST',
    headers: {
      cookie,
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(form !== undefined && { body: form }),
  });
  for (const each of answer.headers['set-cookie'] ?? []) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
    if (value === '') jar.delete(name);
    else jar.set(name, value);
  }
  return answer;
}

async function begin(): Promise<{ readonly url: URL; readonly cookie: string }> {
  const answer = await admin('/api/v1/session/oidc');
  expect(answer.status).toBe(303);
  return { url: new URL(answer.headers.location ?? ''), cookie: cookieIn(answer) };
}

describe('in a browser', () => {
  const text = strings.signIn;
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  }, 60_000);
  afterAll(() => browser?.stop());

  /** The issuer is another site, whose own pages ask for a font that is not there. */
  async function arrive(): Promise<Visitor> {
    const otherHosts = [`${ISSUER_HOST}:${issuerPort}`, 'fonts.googleapis.com'];
    const origin = `https://127.0.0.1:${service.ports.admin}`;
    const visitor = await browser.visit(origin, { otherHosts, refusals: [403, 404], endsStreams: true });
    await visitor.context.route('https://fonts.googleapis.com/**', (route) =>
      route.fulfill({ contentType: 'text/css', body: '' }),
    );
    await visitor.page.goto(PAGE);
    return visitor;
  }

  /** From the button to the page again, by the forms of the issuer. */
  async function signInAs(page: Page, name: string): Promise<void> {
    await page.getByRole('link', { name: text.oidc }).click();
    await page.getByPlaceholder('Enter any login').fill(name);
    await page.getByPlaceholder('and password').fill('x');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  test('somebody signs in with their organisation, has what RBAC gives them, and signs out', async () => {
    const visitor = await arrive();
    const { page, context } = visitor;
    await page.getByRole('link', { name: text.oidc }).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await signInAs(page, 'alice');
    await page.getByRole('heading', { level: 1, name: strings.overview.title }).waitFor();
    expect(page.url()).toBe(`https://127.0.0.1:${service.ports.admin}${PAGE}`);
    const menu = page.getByRole('button', { name: strings.user.menu('oidc:alice') });
    await menu.waitFor();
    await openSection(page, 'signers');
    const add = page.getByRole('button', { name: strings.signers.add }).first();
    await untilHolds('it is disabled', async () =>
      expect(await add.getAttribute('aria-disabled')).toBe('true'),
    );
    const draft = { metadata: { name: 'x' }, spec: { keyRef: { uri: 'hashivault://x' } } };
    expect(await answerTo(page, 'POST', '/signers', { body: draft })).toMatchObject({ status: 403 });
    await menu.click();
    await page.getByRole('menuitem', { name: strings.user.signOut }).click();
    await page.getByRole('link', { name: text.oidc }).waitFor();
    await page.goto(`${PAGE}/signers`);
    await page.getByRole('link', { name: text.oidc }).waitFor();
    const left = (await context.cookies()).filter(({ name }) => name.startsWith('__Host-countersign'));
    expect(left.map(({ name, value }) => [name, value])).toEqual([]);
    expect(visitor.defects()).toEqual([]);
    await visitor.close();
  });

  test('somebody without rights is told so in every section', async () => {
    const visitor = await arrive();
    const { page } = visitor;
    await signInAs(page, 'stranger');
    await page.getByRole('button', { name: strings.user.menu('oidc:stranger') }).waitFor();
    for (const section of ['signers', 'policies', 'trustRoots', 'exceptions'] as const) {
      await openSection(page, section);
      await page.getByRole('main').getByText(PROBLEMS.FORBIDDEN[1]).waitFor();
    }
    expect(visitor.defects()).toEqual([]);
    await visitor.close();
  });

  test('G1: whoever comes back without having been signed in is told why, once', async () => {
    const visitor = await arrive();
    const { page } = visitor;
    await page.getByRole('link', { name: text.oidc }).click();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByText(text.problems.failed).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    // A callback that this browser never began.
    await page.goto(`${CALLBACK}?code=x&state=y`);
    await page.getByText(text.problems.expired).waitFor();
    await page.reload();
    await page.getByRole('link', { name: text.oidc }).waitFor();
    await expect(page.getByText(text.problems.expired).count()).resolves.toBe(0);
    await page.goto(`${PAGE}?sign-in=%3Cb%3Eevil`);
    await page.getByRole('link', { name: text.oidc }).waitFor();
    await expect(page.getByText('evil').count()).resolves.toBe(0);
    expect(visitor.defects()).toEqual([]);
    await visitor.close();
  });
});

describe('signing in at an issuer', () => {
  test('ends in a session whose token the API server has judged', async () => {
    expect((await admin('/api/v1/session')).json()).toMatchObject({ signIn: ['token', 'oidc'] });
    const { url, cookie } = await begin();
    expect(url.origin).toBe(`https://${ISSUER_HOST}:${issuerPort}`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{40,}$/),
      nonce: expect.stringMatching(/^[\w-]{40,}$/),
      scope: 'openid groups',
    });
    const back = await signInAtIssuer(url.href, 'alice');
    const answer = await admin(back, { cookie });
    expect([answer.status, answer.headers.location]).toEqual([303, PAGE]);
    const session =
      answer.headers['set-cookie']?.find((each) => each.startsWith('__Host-countersign=')) ?? '';
    expect(session).toMatch(/HttpOnly; Secure; SameSite=Strict$/);
    const own = { cookie: session.split(';', 1)[0] ?? '' };
    expect((await admin('/api/v1/session', own)).json()).toMatchObject({
      user: { name: 'oidc:alice', groups: expect.arrayContaining(['oidc:developers']) },
      permissions: { signers: { read: true, create: false } },
    });
    expect((await admin('/api/v1/signers', own)).status).toBe(200);
    // One code, one sign-in.
    const again = await admin(back, { cookie });
    expect([again.headers.location, cookieIn(again)]).toEqual([
      `${PAGE}?sign-in=expired`,
      '__Host-countersign-sign-in=',
    ]);
  });

  test('G2: who is known to the issuer and has no rights may come in and do nothing', async () => {
    const { url, cookie } = await begin();
    const answer = await admin(await signInAtIssuer(url.href, 'stranger'), { cookie });
    const own = { cookie: answer.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '' };
    expect((await admin('/api/v1/signers', own)).status).toBe(403);
  });

  test("G1: a code of somebody else's browser signs nobody in", async () => {
    const mallory = await begin();
    const back = await signInAtIssuer(mallory.url.href, 'mallory');
    const victim = await begin();
    for (const cookie of [victim.cookie, '', `__Host-countersign-sign-in=${'a'.repeat(43)}`]) {
      const answer = await admin(back, { cookie });
      expect([answer.status, answer.headers.location]).toEqual([
        303,
        expect.stringMatching(/\?sign-in=(failed|expired)$/),
      ]);
      expect(
        answer.headers['set-cookie']?.some((each) => each.startsWith('__Host-countersign=')) ?? false,
      ).toBe(false);
    }
  });

  const changed: readonly (readonly [string, (query: URLSearchParams) => void])[] = [
    ['another state', (query) => query.set('state', 'x'.repeat(43))],
    ['no state', (query) => query.delete('state')],
    ['another code', (query) => query.set('code', 'x')],
    ['another issuer', (query) => query.set('iss', 'https://evil.example')],
    ['an error', (query) => query.set('error', 'access_denied')],
  ];
  test.each(changed)('G4: what comes back with %s signs nobody in', async (_what, change) => {
    const { url, cookie } = await begin();
    const [path = '', search = ''] = (await signInAtIssuer(url.href, 'alice')).split('?', 2);
    const query = new URLSearchParams(search);
    change(query);
    const answer = await admin(`${path}?${query.toString()}`, { cookie });
    expect([answer.status, answer.headers.location]).toEqual([303, `${PAGE}?sign-in=failed`]);
    expect(cookieIn(answer)).toBe('__Host-countersign-sign-in=');
  });

  test('G11: nothing that a request holds becomes a part of where it leads', async () => {
    for (const path of ['/api/v1/session/oidc?return=//evil.example', '/api/v1/session/oidc?redirect_uri=x'])
      expect((await admin(path)).status).toBe(400);
    const callback = `${CALLBACK}?code=x&state=y&return=//evil.example`;
    expect((await admin(callback, { host: 'evil.example' })).status).toBe(421);
    expect((await admin(callback)).headers.location).toBe(`${PAGE}?sign-in=expired`);
    const begun = await admin('/api/v1/session/oidc', { 'x-forwarded-host': 'evil.example' });
    expect(begun.status).toBe(303);
    expect(begun.headers.location).not.toContain('evil');
  });

  test('an issuer that does not answer is told as such', async () => {
    const { url, cookie } = await begin();
    const back = await signInAtIssuer(url.href, 'alice');
    issuer.closeAllConnections();
    await new Promise((done) => issuer.close(done));
    const answer = await admin(back, { cookie });
    expect(answer.json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
  });
});
