import { resolve } from 'node:path';
import { runSuites } from './run-suites.ts';

/** `make test`, once lint, types and build have passed: both suites of jest.config.js, with the result as the last line. */
const root = resolve(import.meta.dirname, '../..');
process.exitCode = await runSuites({
  suites: ['unit', 'cluster'],
  jest: [
    process.execPath,
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
  ],
  root,
  reports: resolve(root, '.cache/test-results'),
  workers: 2,
  print: (line) => console.log(line),
});
