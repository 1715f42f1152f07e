/** Runs in a thread of its own: SQLite's calls wait for the disk, and no admission may wait for them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AnswerMessage, StatementMessage, ThreadSettings } from './messages.ts';
import { SqliteFile } from './sqlite-file.ts';

const file = new SqliteFile(workerData as ThreadSettings);
const port = parentPort;

port?.on('message', (message: StatementMessage | 'close') => {
  if (message === 'close') {
    file.close();
    port.close();
    return;
  }
  port.postMessage(answerTo(message));
});

function answerTo({ id, sql, parameters, deadline }: StatementMessage): AnswerMessage {
  try {
    return { id, ...file.run(sql, parameters, deadline) };
  } catch (error) {
    return { id, problem: file.problemOf(error) };
  }
}
