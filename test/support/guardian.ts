import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Cleans up when this process ends in whatever way, also by SIGKILL: a shell that waits on a pipe. When the
 * pipe closes it kills the processes, and removes the folders, that were entrusted to it and not released.
 */
const script = `
while read -r verb thing; do
  case $verb in
    process) processes="$processes $thing" ;;
    folder) folders="$folders $thing" ;;
    release)
      kept=; for entry in $processes; do [ "$entry" = "$thing" ] || kept="$kept $entry"; done; processes=$kept
      kept=; for entry in $folders; do [ "$entry" = "$thing" ] || kept="$kept $entry"; done; folders=$kept ;;
  esac
done
[ -z "$processes" ] || kill -KILL $processes 2>/dev/null
[ -z "$folders" ] || rm -rf -- $folders
`;

let guardian: ChildProcess | undefined;

/** Kill this process when ours ends, unless it is released before. */
export function entrustProcess(pid: number): void {
  tell(`process ${pid}`);
}

/** Remove this folder when our process ends, unless it is released before. */
export function entrustFolder(path: string): void {
  if (/\s/.test(path)) throw new Error(`The temporary folder "${path}" has a space in its name.`);
  tell(`folder ${path}`);
}

export function release(thing: number | string): void {
  tell(`release ${thing}`);
}

function tell(line: string): void {
  guardian ??= start();
  guardian.stdin?.write(`${line}\n`);
}

function start(): ChildProcess {
  // Detached, so that Ctrl-C in a terminal does not reach it before it has done its work.
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  child.stdin.on('error', () => undefined);
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  return child;
}
