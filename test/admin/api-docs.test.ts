import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join, resolve } from 'node:path';
import { Service } from '../../src/cli/serve.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';
import { PEM, policy } from '../store/documents.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { curlCommands, type CurlCommand, type ShellWorld } from './curl-line.ts';
import { askPort, basic, PASSWORD, type Answer } from './door.ts';

/** docs/api.md shows what the API really answers: its commands are run in their order, against an installation of that name. */
const PROJECT = resolve(import.meta.dirname, '../..');
const docs = readFileSync(join(PROJECT, 'docs/api.md'), 'utf8');
const work = createWorkDirectory('api-docs');

interface Example {
  readonly title: string;
  readonly shell: string;
  /** What stands below it, where something does. */
  readonly shown: unknown;
}

/** Each block of commands, with the answer that follows at once. */
const examples: readonly Example[] = [
  ...docs.matchAll(/^```sh\n([^]*?)^```\n(?:\n```json\n([^]*?)^```$)?/gm),
].map(([, shell = '', shown]) => ({
  title: shell.split('\n', 1)[0]?.slice(0, 100) ?? '',
  shell,
  shown: shown === undefined ? undefined : (JSON.parse(shown) as unknown),
}));

let service: Service;
let world: ShellWorld;

beforeAll(async () => {
  const policies = join(work.path, 'policies');
  mkdirSync(policies);
  // The image that nobody has signed.
  cpSync(join(PROJECT, 'examples/images/mcp/search'), join(work.path, 'images/acme/weather'), {
    recursive: true,
  });
  const servers = policy('mcp-servers', {}, ['ghcr.io/acme/**']);
  writeFileSync(join(policies, 'mcp-servers.yaml'), JSON.stringify(servers));
  const file = join(work.path, 'settings.yaml');
  const settings = {
    webhook: { host: '127.0.0.1', port: 0 },
    operations: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    certificate: { directory: 'certs' },
    policies: 'policies',
    dataDirectory: 'data',
    registries: [{ host: 'ghcr.io', layout: 'images' }],
    trustRoots: { publicGood: { refresh: false } },
  };
  writeFileSync(file, JSON.stringify(settings));
  const env = { COUNTERSIGN_ADMIN_PASSWORD: PASSWORD };
  service = await Service.start(loadSettings({ file, flags: {}, env, cwd: '/' }), silentLogger);
  await eventually('it is ready', () => service.notReady().length === 0);
  const release = examples.find(({ shown }) => shown !== undefined)?.shell ?? '';
  world = {
    variables: { TOKEN: 'a-token', IMAGE: 'ghcr.io/acme/weather:v1' },
    files: { 'release-ci.yaml': /-d '([^']*)'/.exec(release)?.[1] ?? '' },
    commands: { 'jq -n --rawfile pem cosign.pub': JSON.stringify({ pem: PEM }) },
  };
});

afterAll(async () => {
  await service?.stop();
  work.remove();
});

/** As the administrator, for without a cluster nobody has a token; the version that is shown in part is the one that is stored. */
async function run({ method, path, headers, body, isStream }: CurlCommand): Promise<Answer> {
  const { 'if-match': version, authorization, ...rest } = headers;
  expect(authorization).toBe('Bearer a-token');
  const port = service.ports.admin;
  const own = basic();
  const stored = version === undefined ? undefined : await askPort(port, path, { headers: own });
  const asked = {
    method,
    headers: { ...rest, ...own, ...(stored !== undefined && { 'if-match': String(stored.headers.etag) }) },
    ...(body !== undefined && { body }),
  };
  return isStream ? begun(port, path, own) : askPort(port, path, asked);
}

/** The head of a stream, which ends with whoever reads it. */
function begun(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  const { promise, resolve: answer, reject } = Promise.withResolvers<Answer>();
  const asked = get({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false });
  asked.on('error', reject);
  asked.on('response', ({ statusCode = 0, headers: got }) => {
    answer({ status: statusCode, headers: got, text: got['content-type'] ?? '', json: () => undefined });
    asked.destroy();
  });
  return promise;
}

/** The same with the texts that are other ones each time left as the page shows them, if they are of that form. */
function asShown(answer: unknown, shown: unknown): unknown {
  if (typeof answer === 'string' && typeof shown === 'string')
    return isOfForm(answer, shown) ? shown : answer;
  if (Array.isArray(answer) && Array.isArray(shown))
    return answer.map((each: unknown, index) => asShown(each, shown[index]));
  if (typeof answer !== 'object' || answer === null || typeof shown !== 'object' || shown === null)
    return answer;
  const fields = shown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, asShown(value, fields[key])]));
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** `sha256:9f86…` stands for every digest of that kind: what is hexadecimal before the ellipsis is an example too. */
function isOfForm(text: string, shown: string): boolean {
  if (text === shown) return true;
  if ([UUID, TIME].some((form) => form.test(text) && form.test(shown))) return true;
  const pieces = shown.split('…').map((piece) => piece.replace(/[0-9a-f]{4}$/, ''));
  const rest = pieces.map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.+');
  return pieces.length > 1 && new RegExp(`^${rest}$`, 's').test(text);
}

describe('docs/api.md', () => {
  test('has examples of every part', () => {
    expect(examples).toHaveLength(8);
    expect(examples.filter(({ shown }) => shown !== undefined)).toHaveLength(3);
  });

  test.each(examples)('$title', async ({ shell, shown }) => {
    // The one that says how to use another in CI.
    const isFragment = shell.startsWith('curl -sf …');
    const verify = examples.find((each) => each.shell.includes('/verify -H'))?.shell ?? '';
    const block = isFragment ? `${verify}\n${shell.replace('curl -sf', '…')}` : shell;
    const commands = curlCommands(block, world);
    expect(commands.length).toBeGreaterThan(0);
    const answers: Answer[] = [];
    for (const command of commands) {
      const answer = await run(command);
      expect([command.path, answer.text, answer.status]).toEqual([
        command.path,
        command.isStream ? expect.stringContaining('text/event-stream') : expect.anything(),
        command.path === '/api/v1/signers' ? 201 : 200,
      ]);
      answers.push(answer);
    }
    const [first] = answers;
    if (shown !== undefined) expect(asShown(first?.json(), shown)).toEqual(shown);
  });

  test('a form is no excuse for another text', () => {
    expect(isOfForm('sha256:0123456789', 'sha256:9f86…')).toBe(true);
    expect(isOfForm('sha1:0123456789', 'sha256:9f86…')).toBe(false);
    expect(
      isOfForm('https://token.example https://github.com/a', 'https://token… https://github.com/…'),
    ).toBe(true);
    expect(isOfForm('failed', 'verified')).toBe(false);
    expect(asShown({ a: 1, b: 'x' }, { a: 1 })).toEqual({ a: 1, b: 'x' });
  });
});
