import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../support/ports.ts';
import { run, startProcess, type Output, type RunningProcess } from '../support/process.ts';
import { toolPath } from '../support/tools.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/**
 * The running server against its own OpenAPI document, by somebody else's reading of it: Schemathesis sends what the document allows
 * and what it does not, and looks at every answer. No 5xx, and nothing that the document does not say.
 */
const PROJECT = resolve(import.meta.dirname, '../..');
const PASSWORD = 'correct horse battery staple';
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
];
/** Requests a minute below what one caller may send (1200): an answer of 429 is documented, and says nothing of the rest. */
const RATE = '1100/m';
/** Seconds for each of the two runs. */
const BUDGET = 25;
const work = createWorkDirectory('openapi-contract');
let server: RunningProcess;
let url: string;

beforeAll(async () => {
  const [webhook, operations, admin] = [await freePort(), await freePort(), await freePort()];
  const policies = join(work.path, 'policies');
  mkdirSync(policies);
  cpSync(join(PROJECT, 'examples/policies'), policies, { recursive: true });
  const file = join(work.path, 'countersign.yaml');
  const settings = {
    webhook: { host: '127.0.0.1', port: webhook },
    operations: { host: '127.0.0.1', port: operations },
    admin: { host: '127.0.0.1', port: admin },
    dataDirectory: join(work.path, 'data'),
    certificate: { directory: join(work.path, 'certs') },
    policies,
    drainSeconds: 0,
    // Whatever name is made up, nothing leaves this machine.
    registries: [{ host: 'registry.example', layout: join(PROJECT, 'examples/images') }],
    proxy: { https: 'http://127.0.0.1:9', http: 'http://127.0.0.1:9' },
  };
  writeFileSync(file, stringify(settings));
  server = await startProcess({
    name: 'countersign',
    file: process.execPath,
    args: [join(PROJECT, 'dist/cli/main.js'), 'serve', '--config', file],
    workDir: work.path,
    env: { COUNTERSIGN_ADMIN_PASSWORD: PASSWORD },
    ready: async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status === 200,
  });
  url = `https://127.0.0.1:${admin}`;
});

afterAll(async () => {
  await server?.stop();
  work.remove();
});

function schemathesis(...more: readonly string[]): Promise<Output> {
  const args = [
    'run',
    `${url}/api/v1/openapi.json`,
    `--checks=${CHECKS.join(',')}`,
    '--phases=examples,coverage,fuzzing',
    '--max-examples=10',
    `--max-time=${BUDGET}`,
    `--rate-limit=${RATE}`,
    '--seed=1',
    '--generation-database=none',
    '--generation-with-security-parameters=false',
    '--continue-on-failure',
    '--tls-verify=false',
    '--request-timeout=35',
    '--no-color',
    ...more,
  ];
  return run(toolPath('schemathesis'), args, { workDir: work.path, timeout: 170_000 });
}

describe('every answer is one that the OpenAPI document describes', () => {
  test('to somebody who is signed in', async () => {
    const { code, stdout, stderr } = await schemathesis(
      `--auth=admin:${PASSWORD}`,
      // A stream has no end, and signing in is asked below: wrong passwords lock their address out.
      '--exclude-operation-id=followDecisions',
      '--exclude-operation-id=signIn',
    );
    expect({ code, said: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, said: '' });
    expect(stdout).toMatch(/Operations:|Selected:/);
  }, 180_000);

  test('to somebody who is not', async () => {
    const { code, stdout, stderr } = await schemathesis('--phases=coverage', '--max-examples=3');
    expect({ code, said: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, said: '' });
  }, 180_000);
});
