import { Command } from 'commander';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll } from '@jest/globals';
import { runVerify } from '../../src/cli/verify-command.ts';
import { addVerifyOptions, type VerifyOptions } from '../../src/cli/verify-options.ts';

/** The program as people start it: a process of its own, with a home of its own. */
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

let home: string | undefined;
afterAll(() => {
  if (home !== undefined) rmSync(home, { recursive: true, force: true });
});

/** A folder that is there until the tests of this file end, and `HOME` of the program. */
export function homeFolder(): string {
  home ??= mkdtempSync(join(tmpdir(), 'countersign-verify-'));
  return home;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `countersign` to its end; a proxy of this machine does not reach it. */
export async function countersign(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: homeFolder(), ...env },
    cwd: homeFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (data: Buffer) => (said[name] += data.toString()));
  const killer = setTimeout(() => child.kill('SIGKILL'), 200_000);
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? -1)));
  clearTimeout(killer);
  return { code, ...said };
}

/** `countersign verify` inside this process: the same but for how the process ends. @throws what would end it */
export async function verifyHere(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof said) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        said[name] += chunk.toString();
        done();
      },
    });
  let code = -1;
  const command = addVerifyOptions(new Command('verify')).exitOverride();
  command.configureOutput({
    writeOut: (text) => void (said.stdout += text),
    writeErr: (text) => void (said.stderr += text),
  });
  command.action(async (images: readonly string[], options: VerifyOptions) => {
    const [stdout, stderr] = [sink('stdout'), sink('stderr')];
    const own = { DOCKER_CONFIG: join(homeFolder(), '.docker'), ...env };
    code = await runVerify(images, options, { env: own, cwd: homeFolder(), stdout, stderr });
  });
  await command.parseAsync(args, { from: 'user' });
  return { code, ...said };
}
