import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { strings } from '../../src/ui/strings.ts';
import type { PageOptions, TestBrowser, Visitor } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import { startProcess, type RunningProcess } from '../support/process.ts';
import { expectShown } from './page-steps.ts';

/** The page of a webhook without a cluster: its documents are files. */

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const PAGE = '/admin/security/signing';
const PASSWORD = 'correct horse battery staple';

export interface StandalonePage {
  readonly server: RunningProcess;
  readonly visitor: Visitor;
  /** Folder of the documents. */
  readonly policies: string;
}

/** @param documents by the name of their file, which is read and written by the server */
export async function standalonePage(
  browser: TestBrowser,
  workDir: string,
  documents: Readonly<Record<string, object>>,
  options: PageOptions,
): Promise<StandalonePage> {
  const [port, operations, admin] = [await freePort(), await freePort(), await freePort()];
  const policies = join(workDir, 'policies');
  mkdirSync(policies);
  for (const [name, document] of Object.entries(documents))
    writeFileSync(join(policies, name), JSON.stringify(document));
  const settings = {
    webhook: { host: '127.0.0.1', port },
    operations: { host: '127.0.0.1', port: operations },
    admin: { host: '127.0.0.1', port: admin },
    certificate: { directory: join(workDir, 'tls') },
    policies,
    dataDirectory: join(workDir, 'data'),
  };
  const file = join(workDir, 'countersign.yaml');
  writeFileSync(file, stringify(settings));
  const server = await startProcess({
    name: 'countersign',
    file: process.execPath,
    args: [MAIN, 'serve', '--config', file],
    env: { COUNTERSIGN_ADMIN_PASSWORD: PASSWORD },
    workDir,
    ready: async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status === 200,
  });
  const visitor = await browser.visit(`https://127.0.0.1:${admin}`, options);
  const { page } = visitor;
  page.setDefaultTimeout(30_000);
  await page.goto(PAGE);
  await page.getByLabel(strings.signIn.password.label).fill(PASSWORD);
  await page.getByRole('button', { name: strings.signIn.submit }).click();
  await expectShown(page.getByRole('heading', { level: 1, name: strings.overview.title }));
  return { server, visitor, policies };
}
