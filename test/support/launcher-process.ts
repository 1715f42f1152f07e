import { spawn, type ChildProcess } from 'node:child_process';
import type { Launch, Launched } from './launcher.ts';

/** The program of `launcher.ts`: runs what it is told, answers how it ended, and ends with whoever started it, or with nothing to do. */
const IDLE_MILLISECONDS = 10_000;
const running = new Set<ChildProcess>();
const idle = setTimeout(() => {
  if (running.size > 0) idle.refresh();
  else process.exit(0);
}, IDLE_MILLISECONDS);

function answer(launched: Launched): void {
  process.send?.(launched);
}

function run({ id, file, args, cwd, env, input, timeout }: Launch): void {
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const killer = setTimeout(() => child.kill('SIGKILL'), timeout);
  const ended = (launched: Launched) => {
    clearTimeout(killer);
    running.delete(child);
    idle.refresh();
    answer(launched);
  };
  child.once('error', (error) => ended({ id, error: error.message }));
  child.once('close', (code) =>
    ended({
      id,
      output: {
        code: code ?? -1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      },
    }),
  );
}

process.on('message', (launch: Launch) => {
  idle.refresh();
  run(launch);
});
process.on('disconnect', () => {
  for (const child of running) child.kill('SIGKILL');
  process.exit(0);
});
