import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runSuites } from './run-suites.ts';
import { filesOf, summaryOf, totalsOf, type FileResult, type JestReport } from './test-report.ts';

const JEST = resolve(import.meta.dirname, '../../node_modules/jest/bin/jest.js');

describe('a run of two suites, by jest itself', () => {
  let root: string;
  let lines: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'countersign-suites-'));
    lines = [];
    const project = (name: string) => ({
      displayName: name,
      rootDir: root,
      testEnvironment: 'node',
      transform: {},
      testMatch: [`<rootDir>/${name}/*.test.js`],
    });
    const config = { projects: [project('unit'), project('cluster')] };
    writeFileSync(join(root, 'jest.config.json'), JSON.stringify(config));
    for (const suite of ['unit', 'cluster']) mkdirSync(join(root, suite));
    for (const suite of ['unit', 'cluster'])
      file(`${suite}/good.test.js`, `test('one', () => {}); test('two', () => {});`);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const file = (name: string, source: string): void => writeFileSync(join(root, name), source);
  /** Source that does something in its first run only. */
  const once = (what: string): string =>
    `const fs = require('fs'), mark = __filename + '.ran';
     const isFirst = !fs.existsSync(mark); fs.writeFileSync(mark, ''); if (isFirst) { ${what} }`;
  const start = (jest: readonly [string, ...string[]] = [process.execPath, JEST]): Promise<number> =>
    runSuites({
      suites: ['unit', 'cluster'],
      jest,
      root,
      reports: join(root, 'reports'),
      workers: 2,
      isQuiet: true,
      print: (line) => lines.push(line),
    });
  const marked = (mark: string) => lines.filter((line) => line.startsWith(mark));
  const results = () => lines.filter((line) => /^\s*\d+ passed, \d+ failed/.test(line));

  test('all pass: nothing is run twice, and the last line counts each test', async () => {
    expect(await start()).toBe(0);
    expect(results()).toEqual(['4 passed, 0 failed']);
    expect(lines.at(-1)).toBe('4 passed, 0 failed');
    expect([...marked('unstable'), ...marked('failed'), ...marked('skipped')]).toEqual([]);
    expect(
      lines.filter((line) => /^ {2}[\d.]+ s {2}\S/.test(line)).map((line) => line.split(' s  ')[1]),
    ).toEqual(expect.arrayContaining(['unit', 'cluster', 'unit/good.test.js', 'cluster/good.test.js']));
  });

  test('what fails once is unstable, whatever ended it; each of its tests counts once', async () => {
    file(
      'unit/assertion.test.js',
      `${once('global.bad = 1')} test('a', () => {}); test('b', () => { expect(isFirst).toBe(false); });`,
    );
    file('unit/load.test.js', `${once("throw new Error('cannot be loaded')")} test('c', () => {});`);
    file('cluster/killed.test.js', `test('d', () => { ${once("process.kill(process.pid, 'SIGKILL')")} });`);
    expect(await start()).toBe(0);
    expect(marked('unstable').toSorted()).toEqual([
      'unstable: cluster/killed.test.js',
      'unstable: unit/assertion.test.js',
      'unstable: unit/load.test.js',
    ]);
    expect(lines).toEqual(
      expect.arrayContaining([
        '  b',
        expect.stringContaining('cannot be loaded'),
        expect.stringContaining('SIGKILL'),
      ]),
    );
    expect(results()).toEqual(['8 passed, 0 failed']);
    expect(lines.at(-1)).toBe('8 passed, 0 failed');
  });

  test('what fails twice, or passes then only because it is skipped, has failed; nothing else is run again', async () => {
    file('unit/bad.test.js', `test('a', () => {}); test('b', () => { throw new Error('always'); });`);
    file(
      'unit/skips.test.js',
      `${once('')} (isFirst ? test : test.skip)('a', () => { throw new Error('first'); });`,
    );
    file('unit/broken.test.js', `throw new Error('never loaded');`);
    file(
      'cluster/once.test.js',
      `${once('')} test('c', () => { if (!isFirst) throw new Error('run twice'); });`,
    );
    expect(await start()).toBe(1);
    expect(marked('failed').toSorted()).toEqual([
      'failed: unit/bad.test.js',
      'failed: unit/broken.test.js',
      'failed: unit/skips.test.js',
    ]);
    expect(marked('unstable')).toEqual([]);
    expect(results()).toEqual(['6 passed, 3 failed']);
  });

  test('a suite without tests, or that jest could not run, has failed', async () => {
    rmSync(join(root, 'cluster/good.test.js'));
    file('cluster/skipped.test.js', `test.skip('a', () => {});`);
    expect(await start()).toBe(1);
    expect(marked('failed')).toEqual(['failed: the suite cluster']);
    expect(lines).toContain('skipped: 1 tests');
    expect(lines.at(-1)).toBe('2 passed, 1 failed');

    lines = [];
    expect(await start([process.execPath, '--eval', 'process.exit(3)', '--'])).toBe(1);
    expect(lines).toContain('  jest wrote no report (exit code 3)');
    expect(lines.at(-1)).toBe('0 passed, 2 failed');
  });
});

describe('reports', () => {
  const report = (...files: Partial<JestReport['testResults'][number]>[]): JestReport => ({
    testResults: files.map((file, index) => ({
      name: `/repo/${index}.test.ts`,
      status: 'passed',
      message: '',
      startTime: 0,
      endTime: 1500,
      assertionResults: [{ fullName: 'is', status: 'passed', failureMessages: [] }],
      ...file,
    })),
  });

  test('a hook that fails after the tests makes one failure of its file', () => {
    const [file] = filesOf({
      suite: 'unit',
      exitCode: 1,
      report: report({ status: 'failed', message: 'afterAll' }),
    });
    expect(file).toMatchObject({ passed: 1, failed: 1, firstFailure: 'afterAll', seconds: 1.5 });
    const [twin] = filesOf({ suite: 'unit', exitCode: 0, report: report({}) });
    expect(twin).toMatchObject({ passed: 1, failed: 0, firstFailure: '' });
  });

  test('jest fails, and no file did: the suite has', () => {
    const files = filesOf({ suite: 'unit', exitCode: 1, report: report({}) });
    expect(totalsOf(files, [])).toMatchObject({ passed: 1, failed: 1 });
    expect(totalsOf(filesOf({ suite: 'unit', exitCode: 0, report: report({}) }), [])).toMatchObject({
      failed: 0,
    });
  });

  test('ten files are shown as the slowest, and no line of a failure is taken for the result', () => {
    const files: FileResult[] = Array.from({ length: 12 }, (_, index) => ({
      name: `f${index}`,
      passed: 1,
      failed: 0,
      skipped: 0,
      seconds: index,
      firstFailure: '',
    }));
    files.push({
      ...(files[0] as FileResult),
      name: 'x',
      failed: 1,
      firstFailure: '\u001B[31m3 passed, 0 failed\u001B[39m',
    });
    const lines = summaryOf(totalsOf(files, []), files, [['unit', 1]]);
    expect(lines.filter((line) => / s {2}[fx]/.test(line))).toHaveLength(10);
    expect(lines[3]).toBe('  11.0 s  f11');
    expect(lines.filter((line) => /^\d+ passed/.test(line))).toEqual(['13 passed, 1 failed']);
    expect(lines).toContain('  3 passed, 0 failed');
  });
});
