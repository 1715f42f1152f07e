import { readFileSync } from 'node:fs';
import pg from 'pg';
import { flags } from './flags.ts';
import { answers } from './http-client.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

/** A Merkle tree as a service, in a PostgreSQL of its own: Rekor v1 keeps its log in it. */
export interface Trillian {
  /** Of its gRPC API, on loopback. */
  readonly port: number;
  stop(): Promise<void>;
}

export async function startTrillian(workDir: string): Promise<Trillian> {
  const postgres = await startPostgres();
  const started: RunningProcess[] = [];
  const stop = async () => {
    await Promise.all(started.map((process) => process.stop()));
    await postgres.stop();
  };
  try {
    await createTables(postgres.url);
    const [port, signerPort] = [await freePort(), await freePort()];
    const parts = await Promise.allSettled([
      startPart('trillian-log-server', workDir, postgres.url, port, { tree_gc: false }),
      startPart('trillian-log-signer', workDir, postgres.url, signerPort, {
        // There is one signer, so nobody to elect.
        force_master: true,
        sequencer_interval: '50ms',
      }),
    ]);
    started.push(...parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : [])));
    for (const part of parts) if (part.status === 'rejected') throw part.reason;
    return { port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPart(
  name: 'trillian-log-server' | 'trillian-log-signer',
  workDir: string,
  database: string,
  port: number,
  own: Readonly<Record<string, string | boolean>>,
): Promise<RunningProcess> {
  const metricsPort = await freePort();
  return startProcess({
    name,
    file: toolPath(name),
    args: flags({
      logtostderr: true,
      rpc_endpoint: `127.0.0.1:${port}`,
      http_endpoint: `127.0.0.1:${metricsPort}`,
      storage_system: 'postgresql',
      postgresql_uri: `${database}?sslmode=disable`,
      quota_system: 'noop',
      ...own,
    }),
    workDir,
    ready: answers(`http://127.0.0.1:${metricsPort}/healthz`),
    grace: 0,
  });
}

async function createTables(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(readFileSync(toolPath('trillian-schema'), 'utf8'));
  } finally {
    await client.end();
  }
}
