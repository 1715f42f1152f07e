/**
 * `make run`: starts the webhook as a process of its own, asks it about the example workloads as an API server would, prints
 * what it says, and leaves it up. Options: those of `countersign serve`, and --once, which ends it after the examples.
 * Exit codes: 0, or 1 when a decision was not the expected one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { loadSettings } from '../src/config.ts';
import { admit, type KubernetesObject, type Webhook } from './api-server.ts';
import { bold, describeAdmission, red } from './print.ts';

const HERE = import.meta.dirname;
const SETTINGS = join(HERE, 'countersign.yaml');
const EXPECT = 'examples.countersign.dev/expect';

const built = join(HERE, '../dist/cli/main.js');
const program = existsSync(built) ? built : join(HERE, '../src/cli/main.ts');
const args = process.argv.slice(2);
const once = args.includes('--once');
const flags = args.filter((argument) => argument !== '--once');

function flag(name: string): string | undefined {
  const at = flags.indexOf(name);
  return at === -1 ? undefined : flags[at + 1];
}

const settings = loadSettings({
  file: SETTINGS,
  flags: { 'certificate.directory': flag('--tls-dir'), policies: flag('--policies') },
  env: {},
  cwd: process.cwd(),
});
const operations = `http://localhost:${flag('--operations-port') ?? settings.operations.port}`;
const admin = `https://localhost:${flag('--admin-port') ?? settings.admin.port}/admin/security/signing`;
const url = `https://localhost:${flag('--port') ?? settings.webhook.port}`;

const child = spawn(process.execPath, [program, 'serve', '--config', SETTINGS, ...flags], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
process.on('SIGINT', () => undefined); // the terminal tells the child too, and its end is ours
process.on('SIGTERM', () => child.kill('SIGTERM'));

try {
  await untilReady(child);
  const certificates = settings.certificate.directory ?? '';
  const webhook = { url, caPem: readFileSync(join(certificates, 'ca.crt'), 'utf8') };
  const surprises = await decideExamples(webhook);
  process.exitCode = surprises.length === 0 ? 0 : 1;
  for (const surprise of surprises) console.error(red(surprise));
  if (once) child.kill('SIGTERM');
  else console.log(whatNow(certificates));
} catch (error) {
  console.error(red(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
  child.kill('SIGTERM');
}
const code = await ended;
process.exitCode ||= code;

async function untilReady(process: ChildProcess): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(50)) {
    if (process.exitCode !== null)
      throw new Error('The webhook ended before it was ready; its last lines say why.');
    const answer = await fetch(`${operations}/readyz`).catch(() => undefined);
    // Whoever else listens there would answer too: the child must be alive after the answer.
    if (answer?.ok === true && process.exitCode === null) return;
  }
  throw new Error('The webhook was not ready after two minutes.');
}

/** Returns what came out other than it says in the file. */
async function decideExamples(webhook: Webhook): Promise<readonly string[]> {
  const surprises: string[] = [];
  for (const file of globSync('workloads/*.yaml', { cwd: HERE }).sort()) {
    const object = parse(readFileSync(join(HERE, file), 'utf8')) as KubernetesObject;
    const admission = await admit(webhook, object);
    console.log(`\n${describeAdmission(object, admission)}`);
    const outcome = admission.allowed ? 'admitted' : 'refused';
    const expected = object.metadata.annotations?.[EXPECT];
    if (outcome !== expected) surprises.push(`${file} was ${outcome}, and should have been ${expected}`);
  }
  return surprises;
}

function whatNow(certificates: string): string {
  const here = relative(process.cwd(), HERE) || '.';
  return `
${bold('Countersign is up.')}
  webhook   ${url}/validate  (trusted by ${relative(process.cwd(), join(certificates, 'ca.crt'))})
  admin     ${admin}  (user admin; the password was told at the first start)
  ready     ${operations}/readyz
  metrics   ${operations}/metrics
  policies  ${here}/policies/*.yaml  (read again when they change)

Ask about an image of your own, in a second terminal:
  node_modules/.bin/node ${here}/try.ts ghcr.io/org/server:v1

Ctrl-C ends it.`;
}
