import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { entrustProcess, release } from './guardian.ts';

export interface StartOptions {
  /** What the part is called in messages and in the name of its log. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Its log and its HOME are here. */
  readonly workDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Answers true once the part can be used; a throw counts as "not yet". */
  readonly ready: () => Promise<boolean>;
  /** Milliseconds until it must be ready. */
  readonly deadline?: number;
  /** Milliseconds between SIGTERM and SIGKILL when it is stopped; with 0 it is killed at once. */
  readonly grace?: number;
  /** Whom it runs as; the user of the tests otherwise. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** The end of its log, for messages. */
  logTail(): string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

const pollInterval = 50;

/** Starts a program and returns once it is ready; what it prints goes to `<workDir>/<name>.log`. */
export async function startProcess(options: StartOptions): Promise<RunningProcess> {
  const { name, workDir, deadline = 90_000, grace = 5_000 } = options;
  mkdirSync(workDir, { recursive: true });
  const logFile = join(workDir, `${name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(options.file, options.args, {
    cwd: workDir,
    env: cleanEnvironment(workDir, options.env),
    stdio: ['ignore', log, log],
    ...options.user,
  });
  closeSync(log);
  const exited = exitOf(child);
  const logTail = () => tailOf(logFile);
  const pid = child.pid;
  if (pid === undefined) {
    await exited.promise;
    throw new Error(`${name} ${exited.reason}: it could not be started.`);
  }
  entrustProcess(pid);

  const running: RunningProcess = {
    name,
    pid,
    logFile,
    logTail,
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      if (exited.reason === undefined) {
        child.kill(grace === 0 ? 'SIGKILL' : 'SIGTERM');
        const killer = setTimeout(() => child.kill('SIGKILL'), grace);
        await exited.promise;
        clearTimeout(killer);
      }
      release(pid);
    },
  };

  const end = Date.now() + deadline;
  for (;;) {
    const ready = await options.ready().catch(() => false);
    // Asked after the probe: on a port that somebody else holds, the probe would be answered by a stranger.
    if (exited.reason !== undefined) {
      release(pid);
      throw new Error(`${name} ${exited.reason} before it was ready. ${logTail()}`);
    }
    if (ready) return running;
    if (Date.now() > end) {
      await running.stop();
      throw new Error(`${name} was not ready after ${deadline / 1000} s. ${logTail()}`);
    }
    await sleep(pollInterval);
  }
}

export interface RunOptions {
  readonly workDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input. */
  readonly input?: string | Buffer;
  /** Milliseconds; then it is killed. */
  readonly timeout?: number;
}

export interface Output {
  /** Exit code; -1 when it was killed by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<Output> {
  const child = spawn(file, args, {
    cwd: options.workDir,
    env: cleanEnvironment(options.workDir, options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  if (pid !== undefined) entrustProcess(pid);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const killer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 120_000);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? -1));
  }).finally(() => {
    clearTimeout(killer);
    if (pid !== undefined) release(pid);
  });
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Runs a program that must succeed, and returns what it printed to standard output. */
export async function runOrThrow(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const output = await run(file, args, options);
  if (output.code === 0) return output.stdout;
  const said = lastLines(`${output.stdout}\n${output.stderr}`);
  throw new Error(`${[file, ...args].join(' ')}\nended with exit code ${output.code}:\n${said}`);
}

/** Go programs that live for seconds to minutes: garbage is collected only where it would take much memory. */
const RARE_COLLECTION = { GOGC: 'off', GOMEMLIMIT: '512MiB' };

/** Nothing of the caller's environment reaches the parts: no proxies, credentials or configuration. */
function cleanEnvironment(home: string, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  return { PATH: path, HOME: home, TZ: 'UTC', LC_ALL: 'C', ...RARE_COLLECTION, ...extra };
}

interface Exit {
  /** How it ended; undefined while it runs. */
  reason: string | undefined;
  readonly promise: Promise<void>;
}

function exitOf(child: ChildProcess): Exit {
  const { promise, resolve } = Promise.withResolvers<void>();
  const exit: Exit = { reason: undefined, promise };
  const end = (reason: string) => {
    exit.reason ??= reason;
    resolve();
  };
  child.once('error', (error) => end(`failed (${error.message})`));
  child.once('exit', (code, signal) =>
    end(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
  );
  return exit;
}

function tailOf(logFile: string): string {
  return `The end of its log (${logFile}):\n${lastLines(readFileSync(logFile, 'utf8'))}`;
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-25).join('\n') || '(empty)';
}
