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

/** Where a tool's binary is; what it is called and where it lies is the build script's to say. */
export function toolPath(name: ToolName): string {
  const path = known.get(name) ?? execFileSync(buildScript, ['--path', name], { encoding: 'utf8' }).trim();
  if (!existsSync(path)) {
    throw new Error(
      `The test tool "${name}" is not built yet. Run "make tools" (it needs Go, and Python and a browser for some), then run the tests again.`,
    );
  }
  known.set(name, path);
  return path;
}
