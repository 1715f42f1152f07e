import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One program to run to its end. */
export interface Launch {
  readonly id: number;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly input: string | Buffer;
  /** Milliseconds; then it is killed. */
  readonly timeout: number;
}

export interface Output {
  /** Exit code; -1 when it was killed by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Launched =
  | { readonly id: number; readonly output: Output }
  /** It could not be started. */
  | { readonly id: number; readonly error: string };

interface Waiting {
  readonly launch: Launch;
  readonly at: ChildProcess;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: Error) => void;
}

const PROGRAM = fileURLToPath(new URL('launcher-process.ts', import.meta.url));
const waiting = new Map<number, Waiting>();
let launcher: ChildProcess | undefined;
let last = 0;

/**
 * Runs a program to its end in a small process that is kept for it. To fork a process of tests, of half a gigabyte, takes longer
 * than many a program runs.
 * @throws Error where it could not be started
 */
export function launch(program: Omit<Launch, 'id'>): Promise<Output> {
  const { promise, resolve, reject } = Promise.withResolvers<Output>();
  last += 1;
  send({ ...program, id: last }, resolve, reject);
  return promise;
}

function send(asked: Launch, resolve: Waiting['resolve'], reject: Waiting['reject']): void {
  const at = connected();
  waiting.set(asked.id, { launch: asked, at, resolve, reject });
  hold(at);
  at.send(asked, (error) => {
    // What has ended for want of work has not run it: `gone` sees to that.
    if (error !== null && at.exitCode !== null) gone(at, at.exitCode);
  });
}

function connected(): ChildProcess {
  if (launcher?.connected === true) return launcher;
  const child = fork(PROGRAM, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', (launched: Launched) => ended(child, launched));
  child.once('exit', (code) => gone(child, code));
  launcher = child;
  return child;
}

function ended(child: ChildProcess, launched: Launched): void {
  const { resolve, reject } = waiting.get(launched.id) ?? {};
  waiting.delete(launched.id);
  hold(child);
  if ('output' in launched) resolve?.(launched.output);
  else reject?.(new Error(launched.error));
}

function gone(child: ChildProcess, code: number | null): void {
  for (const [id, { launch: asked, at, resolve, reject }] of waiting) {
    if (at !== child) continue;
    waiting.delete(id);
    if (code === 0) send(asked, resolve, reject);
    else reject(new Error(`${asked.file}: what should run it has ended`));
  }
}

/** Our process stays for answers, and not for the launcher. */
function hold(child: ChildProcess): void {
  const isAwaited = [...waiting.values()].some(({ at }) => at === child);
  const change = isAwaited ? 'ref' : 'unref';
  child[change]();
  child.channel?.[change]();
}
