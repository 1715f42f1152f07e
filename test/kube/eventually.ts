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
