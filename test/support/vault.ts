import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags } from './flags.ts';
import { answers, http } from './http-client.ts';
import { serverCertificate } from './key-store.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

export interface VaultOptions {
  readonly workDir: string;
  readonly namespace?: string;
  /** Of the Kubernetes auth method, and the file of the token that it takes. */
  readonly kubernetes?: { readonly role: string; readonly jwtFile: string };
}

/** Vault's transit engine over https, empty, and gone when it is stopped. */
export interface Vault {
  readonly address: string;
  readonly token: string;
  readonly caFile: string;
  readonly process: RunningProcess;
  /** Writes to a path of the API; what it answers. Throws where Vault refuses. */
  write(path: string, body?: object): Promise<unknown>;
}

const token = 'hvs.tests';

export async function startVault(options: VaultOptions): Promise<Vault> {
  const port = await freePort();
  const { workDir, namespace, kubernetes } = options;
  const tls = serverCertificate(['127.0.0.1']);
  const [caFile, certificate, key] = ['ca', 'crt', 'key'].map((kind) =>
    join(workDir, `vault-${port}.${kind}`),
  ) as [string, string, string];
  writeFileSync(caFile, tls.caPem);
  writeFileSync(certificate, tls.certPem);
  writeFileSync(key, tls.keyPem, { mode: 0o600 });
  const address = `https://127.0.0.1:${port}`;
  const process = await startProcess({
    name: `vault-${port}`,
    file: toolPath('vault-transit'),
    args: flags({
      address: `127.0.0.1:${port}`,
      certificate,
      key,
      token,
      ...(namespace !== undefined && { namespace }),
      ...(kubernetes !== undefined && { role: kubernetes.role, 'jwt-file': kubernetes.jwtFile }),
    }),
    workDir,
    ready: answers(`${address}/v1/sys/health`),
  });
  const headers = {
    'x-vault-token': token,
    ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
  };
  return {
    address,
    token,
    caFile,
    process,
    write: async (path, body = {}) => {
      const url = `${address}/v1/${path}`;
      const answer = await http(url, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        ca: tls.caPem,
      });
      if (answer.status >= 300)
        throw new Error(`${url} answered ${answer.status}: ${answer.body.toString()}`);
      return JSON.parse(answer.body.toString() || '{}') as unknown;
    },
  };
}
