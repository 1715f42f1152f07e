import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const buildScript = fileURLToPath(new URL('../tools/build.sh', import.meta.url));

export type ToolName =
  | 'registry'
  | 'registry-referrers'
  | 'crane'
  | 'cosign'
  | 'cosign2'
  | 'fulcio'
  | 'rekor'
  | 'timestamp-server'
  | 'rekor-v1'
  | 'trillian-log-server'
  | 'trillian-log-signer'
  | 'trillian-schema'
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kubectl'
  | 'helm'
  | 'vault-transit'
  | 'moto'
  | 'schemathesis'
  | 'chromium';

const known = new Map<ToolName, string>();
/** Paths by name, where the run has found them for all its files: to ask the script takes longer than many a test. */
const FOUND = 'COUNTERSIGN_TOOL_PATHS';

/** For `toolPath` in this process and those that it starts. */
export function findTools(): void {
  const lines = execFileSync(buildScript, ['--paths'], { encoding: 'utf8' }).trim().split('\n');
  process.env[FOUND] = JSON.stringify(Object.fromEntries(lines.map((line) => line.split(' '))));
}

function foundPath(name: ToolName): string | undefined {
  return (JSON.parse(process.env[FOUND] ?? '{}') as Partial<Record<ToolName, string>>)[name];
}

/** Where a tool's binary is; what it is called and where it lies is the build script's to say. */
export function toolPath(name: ToolName): string {
  const path =
    known.get(name) ??
    foundPath(name) ??
    execFileSync(buildScript, ['--path', name], { encoding: 'utf8' }).trim();
  if (!existsSync(path)) {
    throw new Error(
      `The test tool "${name}" is not built yet. Run "make tools" (it needs Go, and Python and a browser for some), then run the tests again.`,
    );
  }
  known.set(name, path);
  return path;
}
