import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags } from './flags.ts';
import { answers, http } from './http-client.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';
import { startTrillian } from './trillian.ts';

/** Rekor v1: the log of nearly all signatures that people have. */
export interface RekorV1 {
  readonly url: string;
  readonly publicKeyPem: string;
  /** Starts it, the first time: it takes seconds, and few tests log anything there. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

interface Running {
  stop(): Promise<void>;
}

/** What signing tools ask for; searching would need a Redis or a MySQL. */
const ENDPOINTS = ['createLogEntry', 'getLogEntryByUUID', 'getLogInfo', 'getPublicKey'];

/** The real server, with its key and address before it runs: a trust root can name it. */
export async function prepareRekorV1(workDir: string): Promise<RekorV1> {
  const keys = ecdsaKeys();
  const signer = join(workDir, 'log-v1.key');
  writeFileSync(signer, keys.privateKey, { mode: 0o600 });
  const port = await freePort();
  let running: Promise<Running> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    publicKeyPem: keys.publicKey,
    ready: async () => {
      running ??= start(workDir, signer, port);
      await running;
    },
    stop: async () => {
      const started = await running?.catch(() => undefined);
      await started?.stop();
    },
  };
}

/**
 * As in the public instance its log has an earlier tree, which is closed: the index that it promises an entry is not the one in the
 * proof of inclusion.
 */
async function start(workDir: string, signer: string, port: number): Promise<Running> {
  const trillian = await startTrillian(workDir);
  const settings = { signer, port, trillianPort: trillian.port, workDir };
  try {
    const first = await startServer(settings);
    const treeId = await fillTree(`http://127.0.0.1:${port}`).finally(first.stop);
    const shards = join(workDir, 'log-v1-shards.yaml');
    writeFileSync(shards, `- treeID: ${treeId}\n`);
    const server = await startServer({ ...settings, shards });
    return {
      stop: async () => {
        await server.stop();
        await trillian.stop();
      },
    };
  } catch (error) {
    await trillian.stop();
    throw error;
  }
}

interface Settings {
  readonly workDir: string;
  readonly signer: string;
  readonly port: number;
  readonly trillianPort: number;
  /** Names the trees that take no more entries. */
  readonly shards?: string;
}

/** It makes itself a new tree. */
function startServer({
  workDir,
  signer,
  port,
  trillianPort,
  shards = '',
}: Settings): Promise<RunningProcess> {
  return startProcess({
    name: 'rekor-v1',
    file: toolPath('rekor-v1'),
    // Its metrics are on one port of every interface: a second server on the machine does without.
    args: [
      'serve',
      ...flags({
        port,
        'rekor_server.address': '127.0.0.1',
        // The checkpoint's origin, which clients compare with the host in the log's URL.
        'rekor_server.hostname': '127.0.0.1',
        'rekor_server.signer': signer,
        'trillian_log_server.address': '127.0.0.1',
        'trillian_log_server.port': trillianPort,
        'trillian_log_server.sharding_config': shards,
        enable_retrieve_api: false,
        enabled_api_endpoints: ENDPOINTS.join(','),
      }),
    ],
    workDir,
    ready: answers(`http://127.0.0.1:${port}/api/v1/log`),
    grace: 0,
  });
}

/** @returns the ID of the server's tree, which has an entry now: an empty one would move no index */
async function fillTree(url: string): Promise<string> {
  const keys = ecdsaKeys();
  const data = Buffer.from('the first entry');
  const spec = {
    data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(data).digest('hex') } },
    signature: {
      content: sign('sha256', data, keys.privateKey).toString('base64'),
      publicKey: { content: Buffer.from(keys.publicKey).toString('base64') },
    },
  };
  const added = await http(`${url}/api/v1/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: '0.0.1', kind: 'hashedrekord', spec }),
  });
  if (added.status !== 201) throw new Error(`Rekor v1 took no entry: ${added.body.toString()}`);
  const { treeID } = JSON.parse((await http(`${url}/api/v1/log`)).body.toString()) as { treeID: string };
  return treeID;
}

function ecdsaKeys() {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
