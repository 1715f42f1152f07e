/** Renders the chart with its default values as plain manifests, for `make manifests`: `manifests/install.yaml`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const NAMESPACE = 'countersign-system';

const HEADER = `# Made from charts/countersign by "make manifests": do not edit. Set the image before you apply it:
#   kubectl apply --server-side -f manifests/install.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** @param helm path of the helm binary */
export function renderInstallation(helm: string): string {
  const chart = join(ROOT, 'charts/countersign');
  const args = ['template', 'countersign', chart, '--namespace', NAMESPACE, '--include-crds'];
  return HEADER + execFileSync(helm, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

if (import.meta.main) {
  const helm = execFileSync(join(ROOT, 'test/tools/build.sh'), ['--path', 'helm'], {
    encoding: 'utf8',
  }).trim();
  const file = join(ROOT, 'manifests/install.yaml');
  writeFileSync(file, renderInstallation(helm));
  console.log(file);
}
