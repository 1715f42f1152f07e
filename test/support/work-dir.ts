import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entrustFolder, release } from './guardian.ts';

export interface WorkDirectory {
  readonly path: string;
  remove(): void;
}

/**
 * A temporary folder of this run's own: logs, keys, data. It is removed with `remove`, or when the process
 * ends. Set COUNTERSIGN_KEEP=1 to keep it and look at the logs.
 */
export function createWorkDirectory(label = 'test'): WorkDirectory {
  const path = mkdtempSync(join(tmpdir(), `countersign-${label}-`));
  const keep = process.env['COUNTERSIGN_KEEP'] === '1';
  if (!keep) entrustFolder(path);
  return {
    path,
    remove: () => {
      if (keep) return;
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      release(path);
    },
  };
}
