import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is true; fails with what was awaited after `deadline` milliseconds, which a busy machine does not reach. */
export async function eventually(
  what: string,
  answer: () => boolean | Promise<boolean>,
  deadline = 60_000,
): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await answer())) {
    if (Date.now() > end) throw new Error(`it did not happen within ${deadline} ms: ${what}`);
    await sleep(5);
  }
}

/**
 * Repeats the whole of what is expected until it holds, and returns what it returned. To wait for one field and then expect
 * another depends on which of them is written first. After `deadline` milliseconds the last failure is thrown.
 */
export async function untilHolds<T>(
  what: string,
  expectation: () => T | Promise<T>,
  deadline = 60_000,
): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (Date.now() > end)
        throw new Error(`it did not hold within ${deadline} ms: ${what}: ${String(error)}`, { cause: error });
    }
    await sleep(20);
  }
}
