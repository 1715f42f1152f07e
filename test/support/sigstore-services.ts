import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags } from './flags.ts';
import { answers, http } from './http-client.ts';
import type { OidcIssuers } from './oidc.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

export interface Service {
  readonly process: RunningProcess;
  readonly url: string;
  /** PEM: what a verifier must trust. */
  readonly trust: string;
}

export async function startFulcio(folder: string, issuers: OidcIssuers): Promise<Service> {
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const configuration = {
    OIDCIssuers: Object.fromEntries(
      Object.entries(issuers.kinds).map(([issuer, kind]) => [
        issuer,
        { IssuerURL: issuer, ClientID: 'sigstore', Type: kind },
      ]),
    ),
  };
  const configPath = join(folder, 'fulcio.json');
  const caPath = join(folder, 'issuers-ca.pem');
  writeFileSync(configPath, JSON.stringify(configuration));
  writeFileSync(caPath, issuers.caPem);
  const process = await startProcess({
    name: 'fulcio',
    file: toolPath('fulcio'),
    args: [
      'serve',
      ...flags({
        ca: 'ephemeralca',
        'ct-log-url': '',
        'config-path': configPath,
        host: '127.0.0.1',
        port,
        'grpc-host': '127.0.0.1',
        'grpc-port': grpcPort,
        // On every interface: Fulcio has no flag for the address of its metrics.
        'metrics-port': metricsPort,
        // Its default is one name for the whole machine, so that a second Fulcio would not start.
        'legacy-unix-domain-socket': `@countersign-fulcio-${port}`,
      }),
    ],
    env: { HTTPS_PROXY: issuers.proxyUrl, SSL_CERT_FILE: caPath },
    workDir: folder,
    ready: answers(`${url}/api/v2/trustBundle`),
    grace: 0,
  });
  const bundle = JSON.parse((await http(`${url}/api/v2/trustBundle`)).body.toString()) as {
    chains: { certificates: string[] }[];
  };
  return { process, url, trust: (bundle.chains[0]?.certificates ?? []).join('') };
}

export async function startLog(folder: string): Promise<Service> {
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const keys = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const keyPath = join(folder, 'log.key');
  writeFileSync(keyPath, keys.privateKey, { mode: 0o600 });
  const process = await startProcess({
    name: 'rekor',
    file: toolPath('rekor'),
    args: [
      'serve',
      ...flags({
        'http-address': '127.0.0.1',
        'http-port': port,
        'http-metrics-port': metricsPort,
        'grpc-address': '127.0.0.1',
        'grpc-port': grpcPort,
        // The checkpoint's origin, which clients compare with the host in the log's URL.
        hostname: '127.0.0.1',
        'storage-dir': join(folder, 'log'),
        'signer-filepath': keyPath,
        'checkpoint-interval': '200ms',
        'batch-max-age': '50ms',
      }),
    ],
    workDir: folder,
    ready: answers(`${url}/healthz`),
    grace: 0,
  });
  return { process, url, trust: keys.publicKey };
}

export async function startTimestampAuthority(folder: string): Promise<Service> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/api/v1/timestamp`;
  const process = await startProcess({
    name: 'timestamp-server',
    file: toolPath('timestamp-server'),
    args: flags({ host: '127.0.0.1', port }),
    workDir: folder,
    ready: answers(`${url}/certchain`),
    grace: 0,
  });
  return { process, url, trust: (await http(`${url}/certchain`)).body.toString() };
}
