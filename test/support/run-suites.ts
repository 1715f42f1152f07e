import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { filesOf, summaryOf, totalsOf, type FileResult, type JestReport, type Rerun } from './test-report.ts';

/**
 * Runs jest's suites one after the other, then each test file that failed once more, alone. A file that passes then counts as
 * passed and is printed as `unstable: NAME`: it depends on something that it must not depend on, which is a defect to mend.
 */
export interface SuitesOptions {
  /** Names of jest's projects, in order. */
  readonly suites: readonly string[];
  /** The program and arguments that start jest. */
  readonly jest: readonly [string, ...string[]];
  /** Where jest runs; file names are printed relative to it. */
  readonly root: string;
  /** Of the JSON reports; emptied first. */
  readonly reports: string;
  readonly workers: number;
  /** Whether what jest prints is shown. */
  readonly isQuiet?: boolean;
  readonly print: (line: string) => void;
}

/** @returns the exit code: 0 if tests were run and none failed */
export async function runSuites(options: SuitesOptions): Promise<number> {
  const { root, suites, print } = options;
  rmSync(options.reports, { recursive: true, force: true });
  mkdirSync(options.reports, { recursive: true });
  const times: [string, number][] = [];
  const all: FileResult[] = [];
  const reruns: Rerun[] = [];
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    times.push([what, (performance.now() - started) / 1000]);
    return result;
  };
  const failedIn = new Map<FileResult, string>();
  for (const suite of suites) {
    const files = await timed(suite, () => runJest(options, suite, suite, []));
    all.push(...files);
    for (const file of files) if (file.failed > 0) failedIn.set(file, suite);
  }
  if (failedIn.size > 0) {
    await timed('files that failed, once more', async () => {
      for (const [first, suite] of failedIn) reruns.push({ first, second: await again(first, suite) });
    });
  }
  const totals = totalsOf(all, reruns);
  const shown = (file: FileResult): FileResult => ({ ...file, name: relativeTo(root, file.name) });
  const lines = summaryOf(
    { ...totals, unstable: totals.unstable.map(shown), failures: totals.failures.map(shown) },
    all.map(shown),
    times,
  );
  for (const line of lines) print(line);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;

  /** What is no file, but a suite, has nothing that could be run alone. A second run that wrote no report counts for nothing. */
  async function again(first: FileResult, suite: string): Promise<FileResult | undefined> {
    if (!first.name.startsWith('/')) return undefined;
    const results = await runJest(options, suite, `again-${reruns.length + 1}`, [first.name]);
    const own = results.find(({ name }) => name === first.name);
    const other = results.find(({ name, failed }) => name !== first.name && failed > 0);
    return other === undefined ? own : undefined;
  }
}

async function runJest(
  { jest: [program, ...start], root, reports, workers, isQuiet = false }: SuitesOptions,
  suite: string,
  reportName: string,
  files: readonly string[],
): Promise<readonly FileResult[]> {
  const reportFile = join(reports, `${reportName}.json`);
  const args = [
    ...start,
    '--selectProjects',
    suite,
    `--maxWorkers=${workers}`,
    '--json',
    `--outputFile=${reportFile}`,
    ...(files.length > 0 ? ['--runTestsByPath', ...files] : []),
  ];
  const child = spawn(program, args, { cwd: root, stdio: isQuiet ? 'ignore' : 'inherit' });
  const exitCode = await new Promise<number | undefined>((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code ?? undefined));
  });
  return filesOf({ suite, exitCode, report: readReport(reportFile) });
}

function readReport(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
  } catch {
    return undefined;
  }
}

function relativeTo(root: string, name: string): string {
  return name.startsWith('/') ? relative(root, name) : name;
}
