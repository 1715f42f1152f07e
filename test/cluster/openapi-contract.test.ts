import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../support/ports.ts';
import { run, startProcess, type RunningProcess } from '../support/process.ts';
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
/** Asked of each operation: enough for answers of every class, and half a minute on two cores. */
const EXAMPLES = 8;
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

interface Run {
  readonly code: number;
  readonly said: string;
  /** Statuses of the answers, by operation. */
  readonly statuses: ReadonlyMap<string, readonly number[]>;
}

async function schemathesis(...more: readonly string[]): Promise<Run> {
  const report = join(work.path, 'report.ndjson');
  const args = [
    'run',
    `${url}/api/v1/openapi.json`,
    `--checks=${CHECKS.join(',')}`,
    '--phases=fuzzing',
    `--max-examples=${EXAMPLES}`,
    '--seed=1',
    '--no-shrink',
    '--generation-database=none',
    '--generation-with-security-parameters=false',
    '--continue-on-failure',
    // A busy machine makes up examples slowly, which says nothing of the server.
    '--suppress-health-check=too_slow',
    '--tls-verify=false',
    '--no-color',
    `--report-ndjson-path=${report}`,
    ...more,
  ];
  const { code, stdout, stderr } = await run(toolPath('schemathesis'), args, {
    workDir: work.path,
    timeout: 600_000,
  });
  return { code, said: code === 0 ? '' : `${stdout}\n${stderr}`, statuses: statusesIn(report) };
}

interface Finished {
  readonly ScenarioFinished?: {
    readonly recorder: {
      readonly label: string;
      readonly interactions?: Readonly<
        Record<string, { readonly response?: { readonly status_code: number } }>
      >;
    };
  };
}

function statusesIn(report: string): Run['statuses'] {
  const statuses = new Map<string, number[]>();
  for (const line of readFileSync(report, 'utf8').trim().split('\n')) {
    const { ScenarioFinished } = JSON.parse(line) as Finished;
    if (ScenarioFinished === undefined) continue;
    const { label, interactions = {} } = ScenarioFinished.recorder;
    const found = Object.values(interactions).flatMap(({ response }) => response?.status_code ?? []);
    statuses.set(label, [...(statuses.get(label) ?? []), ...found]);
  }
  return statuses;
}

const isSuccess = (status: number): boolean => status < 300;

describe('every answer is one that the OpenAPI document describes', () => {
  test('to somebody who is signed in', async () => {
    const { code, said, statuses } = await schemathesis(
      `--auth=admin:${PASSWORD}`,
      // A stream has no end; wrong passwords lock their address out, so signing in comes last.
      '--exclude-operation-id=followDecisions',
      '--exclude-operation-id=signIn',
    );
    expect({ code, said }).toEqual({ code: 0, said: '' });
    // It looked: every operation was asked and answered, many with success, and none was turned away for its haste.
    const all = [...statuses.values()];
    expect(all.length).toBeGreaterThanOrEqual(40);
    expect([...statuses].filter(([, found]) => found.length === 0)).toEqual([]);
    expect(all.filter((found) => found.some(isSuccess)).length).toBeGreaterThanOrEqual(15);
    expect(all.flat().filter((status) => status === 429)).toEqual([]);
  }, 660_000);

  test('to somebody who signs in, with whatever it takes for a password', async () => {
    const { code, said, statuses } = await schemathesis('--include-operation-id=signIn');
    expect({ code, said }).toEqual({ code: 0, said: '' });
    expect([...statuses.values()].flat().length).toBeGreaterThan(0);
  }, 660_000);
});
