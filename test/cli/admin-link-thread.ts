/** Stands for the thread of the admin page, and does as its "version" says. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AdminThreadData, FromAdminThread, ToAdminThread } from '../../src/cli/admin-messages.ts';

const { version, keyPair } = workerData as AdminThreadData;
const post = (message: FromAdminThread): void => parentPort?.postMessage(message);
const log = (message: string): void => post({ kind: 'log', level: 'info', fields: {}, message });

switch (version) {
  case 'wrong settings':
    post({ kind: 'failed', problem: { isOfSettings: true, message: 'admin: not so' } });
    break;
  case 'no port':
    post({ kind: 'failed', problem: { isOfSettings: false, message: 'the port is taken' } });
    break;
  case 'broken':
    throw new Error('broken from the start');
  default:
    parentPort?.on('message', (message: ToAdminThread) => act(message));
    log(`up with ${keyPair.cert}`);
    post({ kind: 'listening', port: 1234 });
}

function act(message: ToAdminThread): void {
  if (message.kind === 'certificate') log(`shows ${message.keyPair.cert}`);
  if (message.kind === 'stop') {
    if (version === 'deaf') for (;;);
    log('stops');
    parentPort?.close();
  }
  if (message.kind !== 'drain') return;
  if (version === 'throws') throw new Error('thrown');
  if (version === 'leaves') process.exit();
}
