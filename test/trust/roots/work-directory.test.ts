import { existsSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { expect, test } from '@jest/globals';
import { RepositoryProblem } from '../../../src/trust/roots/repository-files.ts';
import { withWorkDirectory, workParents } from '../../../src/trust/roots/work-directory.ts';
import { scratchDirectory } from '../../tls/tls-client.ts';

const READ_ONLY = '/proc/nothing/here';

test('the first folder that can be written is taken, and nothing is left in it', async () => {
  const scratch = scratchDirectory();
  try {
    const used = await withWorkDirectory([READ_ONLY, scratch.path, tmpdir()], (directory) => {
      expect(dirname(directory)).toBe(scratch.path);
      expect(statSync(directory).mode & 0o077).toBe(0);
      return Promise.resolve(directory);
    });
    expect(existsSync(used)).toBe(false);
    await expect(
      withWorkDirectory([scratch.path], () => Promise.reject(new Error('in between'))),
    ).rejects.toThrow('in between');
    expect(readdirSync(scratch.path)).toEqual([]);
  } finally {
    scratch.remove();
  }
});

test('where nothing can be written, the operator is told what to mount', async () => {
  const made = withWorkDirectory([READ_ONLY], () => Promise.resolve());
  await expect(made).rejects.toThrow(RepositoryProblem);
  await expect(made).rejects.toThrow('mount an emptyDir');
});

test('shared memory comes last: a read-only file system with nothing mounted has it', () => {
  expect(workParents('/cache')).toEqual([tmpdir(), '/cache', '/dev/shm']);
  expect(workParents(undefined)).toEqual([tmpdir(), '/dev/shm']);
});
