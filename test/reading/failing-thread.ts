/** Stands in for the evidence thread: does what the place of the evidence says. */
import { run as read } from '../../src/reading/evidence-thread.ts';

export function run(task: Parameters<typeof read>[0]): ReturnType<typeof read> {
  switch (task.evidence.source) {
    case 'exit':
      return process.exit(7);
    case 'throw':
      throw new Error('a defect');
    case 'loop':
      for (;;);
    default:
      return read(task);
  }
}
