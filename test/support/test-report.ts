/** What jest's JSON says of its test files, and what `make test` prints of that. */

/** The part of jest's `--json` report that is read here. */
export interface JestReport {
  readonly testResults: readonly {
    /** The file's absolute path. */
    readonly name: string;
    readonly status: string;
    /** All failures of the file, also one outside of its tests. */
    readonly message: string;
    /** Milliseconds since the epoch; both are the time of the report where the file did not run to its end. */
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** One test file, or a suite as a whole where the suite failed and no file of it did. */
export interface FileResult {
  readonly name: string;
  readonly passed: number;
  /** Failed tests; 1 where the file failed outside of its tests. */
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Name and message of the first failure; empty if there is none. */
  readonly firstFailure: string;
}

/** One run of jest on a suite. */
export interface SuiteRun {
  readonly suite: string;
  /** undefined where a signal ended it. */
  readonly exitCode: number | undefined;
  /** undefined where jest wrote none: it did not start, or was killed. */
  readonly report: JestReport | undefined;
}

/** The files of one run. A run that failed for another reason than a file, or that ran no test, is a failure of its own. */
export function filesOf({ suite, exitCode, report }: SuiteRun): readonly FileResult[] {
  const whole = (why: string): FileResult => ({
    name: `the suite ${suite}`,
    passed: 0,
    failed: 1,
    skipped: 0,
    seconds: 0,
    firstFailure: why,
  });
  if (report === undefined) return [whole(`jest wrote no report (exit code ${exitCode ?? 'none'})`)];
  const files = report.testResults.map(fileOf);
  if (files.some(({ failed }) => failed > 0)) return files;
  if (!files.some(({ passed }) => passed > 0)) return [...files, whole('no test was run')];
  return exitCode === 0
    ? files
    : [...files, whole(`jest ended with exit code ${exitCode ?? 'none'}, and no file failed`)];
}

function fileOf({
  name,
  status,
  message,
  startTime,
  endTime,
  assertionResults: tests,
}: JestReport['testResults'][number]): FileResult {
  const count = (...wanted: string[]) => tests.filter((test) => wanted.includes(test.status)).length;
  const [passed, failedTests] = [count('passed'), count('failed')];
  const first = tests.find((test) => test.status === 'failed');
  const firstFailure =
    first === undefined ? message : `${first.fullName}\n${first.failureMessages[0] ?? message}`;
  // A file that cannot be loaded, whose worker is killed or whose hook fails has no failed test of its own.
  const failed = status === 'failed' ? Math.max(failedTests, 1) : failedTests;
  return {
    name,
    passed,
    failed,
    skipped: tests.length - passed - failedTests,
    seconds: (endTime - startTime) / 1000,
    firstFailure: failed > 0 ? firstFailure : '',
  };
}

/** A test file that failed, and how it ended when it was run once more: undefined if there was no second run of it. */
export interface Rerun {
  readonly first: FileResult;
  readonly second: FileResult | undefined;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly unstable: readonly FileResult[];
  readonly failures: readonly FileResult[];
}

/** Each test counts once: by its file's second run where there was one, else by the first. */
export function totalsOf(files: readonly FileResult[], reruns: readonly Rerun[]): Totals {
  const second = new Map(reruns.map((rerun) => [rerun.first, rerun.second]));
  const final = files.map((file) => second.get(file) ?? file);
  const sum = (count: (file: FileResult) => number) => final.reduce((total, file) => total + count(file), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    unstable: reruns.filter((rerun) => rerun.second?.failed === 0).map(({ first }) => first),
    failures: final.filter(({ failed }) => failed > 0),
  };
}

/** The last lines of `make test`. The very last one is `N passed, N failed`, and no other line looks like it. */
export function summaryOf(
  totals: Totals,
  files: readonly FileResult[],
  times: readonly (readonly [string, number])[],
): readonly string[] {
  const slowest = files.toSorted((one, other) => other.seconds - one.seconds).slice(0, 10);
  return [
    'Time of each suite:',
    ...times.map(([suite, seconds]) => `  ${seconds.toFixed(1)} s  ${suite}`),
    'The slowest files:',
    ...slowest.map(({ name, seconds }) => `  ${seconds.toFixed(1)} s  ${name}`),
    ...totals.unstable.flatMap(({ name, firstFailure }) => [`unstable: ${name}`, ...indented(firstFailure)]),
    ...totals.failures.flatMap(({ name, firstFailure }) => [`failed: ${name}`, ...indented(firstFailure)]),
    ...(totals.skipped > 0 ? [`skipped: ${totals.skipped} tests`] : []),
    `${totals.passed} passed, ${totals.failed} failed`,
  ];
}

/** Colours of jest's messages. */
// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001B\[[0-9;]*m/g;

function indented(text: string): readonly string[] {
  return text
    .replace(COLOUR, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `  ${line}`);
}
