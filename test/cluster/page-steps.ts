import { expect } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { strings } from '../../src/ui/strings.ts';
import type { PageOptions, TestBrowser, Visitor } from '../support/browser.ts';
import type { Installation } from './installation.ts';
import { adminOrigin, type Person } from './people.ts';

/** What people do on the admin page, in their words. */

const PAGE = '/admin/security/signing';

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
