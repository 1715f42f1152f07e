import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crdFiles } from '../api/crd.ts';

/** Where the CRDs lie: the chart installs them, and so does plain kubectl. Folders are relative to the project's. */
export const CRD_FOLDERS = ['charts/countersign/crds', 'manifests/crds'] as const;

/** Writes every CRD into both folders; returns the files' paths. */
export function writeCrds(root: string): readonly string[] {
  return CRD_FOLDERS.flatMap((folder) => {
    mkdirSync(join(root, folder), { recursive: true });
    return [...crdFiles()].map(([name, text]) => {
      const path = join(root, folder, name);
      writeFileSync(path, text);
      return path;
    });
  });
}

if (import.meta.main) {
  for (const path of writeCrds(join(import.meta.dirname, '../..'))) console.log(path);
}
