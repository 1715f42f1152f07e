import { expect } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import type { PageOptions, TestBrowser, Visitor } from '../support/browser.ts';
import { until, type Installation } from './installation.ts';

/** People of the cluster, and what they do on the admin page. */

const NAMESPACE = 'people';
const PAGE = '/admin/security/signing';

/** Somebody with a ServiceAccount, and a token of it in the clipboard. */
export interface Person {
  readonly name: string;
  readonly token: string;
  /** What the API server calls them. */
  readonly user: string;
}

/** @param roles ClusterRoles, bound in the whole cluster or, `role@namespace`, in one namespace */
export async function newPerson(
  { cluster }: Installation,
  name: string,
  ...roles: readonly string[]
): Promise<Person> {
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const has = await cluster.kubectl(['get', 'namespace', NAMESPACE]);
  if (has.code !== 0) await cluster.createNamespace(NAMESPACE);
  await kubectl('-n', NAMESPACE, 'create', 'serviceaccount', name);
  const account = `${NAMESPACE}:${name}`;
  for (const each of roles) {
    const [role = '', namespace] = each.split('@');
    const [kind, place] =
      namespace === undefined ? ['clusterrolebinding', []] : ['rolebinding', ['-n', namespace]];
    await kubectl(
      'create',
      kind,
      `${name}-${role}`,
      `--clusterrole=${role}`,
      `--serviceaccount=${account}`,
      ...place,
    );
  }
  const token = await kubectl('-n', NAMESPACE, 'create', 'token', name, '--duration=2h');
  return { name, token, user: `system:serviceaccount:${account}` };
}

/** Where the page and the API are. */
export function adminOrigin(world: Pick<Installation, 'adminPort'>): string {
  return `https://127.0.0.1:${world.adminPort()}`;
}

/** Opens the page and pastes the token. */
export async function signedIn(
  browser: TestBrowser,
  world: Pick<Installation, 'adminPort'>,
  { token }: Pick<Person, 'token'>,
  options: PageOptions = {},
): Promise<Visitor> {
  const visitor = await browser.visit(adminOrigin(world), options);
  await visitor.page.goto(PAGE);
  await signIn(visitor.page, token);
  return visitor;
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel(strings.signIn.token.label).fill(token);
  await page.getByRole('button', { name: strings.signIn.submit }).click();
  await page.getByRole('heading', { level: 1, name: strings.overview.title }).waitFor();
}

export type SectionName = keyof typeof strings.sections;

/** By the navigation, as people do. */
export async function openSection(page: Page, section: SectionName): Promise<void> {
  const navigation = page.getByRole('navigation', { name: strings.app.sections });
  const toggle = page.getByRole('button', { name: strings.app.navigation, exact: true });
  if ((await toggle.getAttribute('aria-expanded')) === 'false') await toggle.click();
  await navigation.getByRole('link', { name: strings.sections[section], exact: true }).click();
  await page.getByRole('heading', { level: 1, name: titleOf(section) }).waitFor();
}

function titleOf(section: SectionName): string {
  return strings[section].title;
}

/** Says so in a message on the page. */
export async function expectMessage(page: Page, words: string): Promise<void> {
  const messages = page.getByRole('list', { name: strings.app.messages });
  await messages.getByText(words).first().waitFor();
}

/** Some such thing is on the page, or will be. */
export async function expectShown(what: Locator): Promise<void> {
  await what.first().waitFor();
}

/** Chooses from the menu of a row. */
export async function chooseAction(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('button', { name: strings.app.actions(name), exact: true }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

/** Nothing went wrong in any of these browsers that a person would not see. */
export function expectNoDefects(...visitors: readonly (Visitor | undefined)[]): void {
  expect(visitors.flatMap((visitor) => visitor?.defects() ?? [])).toEqual([]);
}

/** The one answer that a request of the page itself comes to: with its cookie, from its origin. */
export async function answerTo(
  page: Page,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  return page.evaluate(
    async ([verb, at, body, headers]) => {
      const session = (await (await fetch('/api/v1/session')).json()) as { csrfToken?: string };
      const response = await fetch(`/api/v1${at}`, {
        method: verb,
        headers: {
          'x-csrf-token': session.csrfToken ?? '',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    },
    [method, path, options.body, options.headers] as const,
  );
}

/** RBAC takes a moment to reach the API server's own caches. */
export async function untilAllowed(
  { cluster }: Installation,
  person: Person,
  verb: string,
  resource: string,
) {
  await until(`${person.name} may ${verb} ${resource}`, async () => {
    const args = ['auth', 'can-i', verb, resource, `--as=${person.user}`];
    return (await cluster.kubectl(args)).code === 0 ? true : undefined;
  });
}
