import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags } from './flags.ts';
import { answers } from './http-client.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';
import { startTrillian } from './trillian.ts';

/** Rekor v1: the log of nearly all signatures that people have. */
export interface RekorV1 {
  readonly url: string;
  readonly publicKeyPem: string;
  readonly processes: readonly RunningProcess[];
  stop(): Promise<void>;
}

/** What signing tools ask for; searching would need a Redis or a MySQL. */
const ENDPOINTS = [
  'createLogEntry',
  'getLogEntryByIndex',
  'getLogEntryByUUID',
  'getLogInfo',
  'getLogProof',
  'getPublicKey',
  'searchLogQuery',
];

export async function startRekorV1(workDir: string): Promise<RekorV1> {
  const keys = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const keyPath = join(workDir, 'log-v1.key');
  writeFileSync(keyPath, keys.privateKey, { mode: 0o600 });
  const trillian = await startTrillian(workDir);
  try {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const process = await startProcess({
      name: 'rekor-v1',
      file: toolPath('rekor-v1'),
      // Its metrics are on one port for the whole machine: whoever finds it taken does without.
      args: [
        'serve',
        ...flags({
          port,
          'rekor_server.address': '127.0.0.1',
          // The checkpoint's origin, which clients compare with the host in the log's URL.
          'rekor_server.hostname': '127.0.0.1',
          'rekor_server.signer': keyPath,
          'trillian_log_server.address': '127.0.0.1',
          'trillian_log_server.port': trillian.port,
          enable_retrieve_api: false,
          enabled_api_endpoints: ENDPOINTS.join(','),
        }),
      ],
      workDir,
      ready: answers(`${url}/api/v1/log`),
      grace: 1_000,
    });
    return {
      url,
      publicKeyPem: keys.publicKey,
      processes: [process, ...trillian.processes],
      stop: async () => {
        await process.stop();
        await trillian.stop();
      },
    };
  } catch (error) {
    await trillian.stop();
    throw error;
  }
}
