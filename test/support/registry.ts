import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPairPem } from './certificates.ts';
import { http, type HttpOptions, type HttpResponse } from './http-client.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

/** What a registry does when it is asked for the referrers of an image: answer, or 404 (then cosign writes a tag). */
export type RegistryMode = 'referrers' | 'fallback';

/** The only account of a registry that was started with `authenticated`. */
export const registryAccount = { username: 'tests', password: 'not-a-secret' } as const;
// `registryAccount.password` by bcrypt, which the fallback registry wants and Node does not have.
const passwordHash = '$2a$04$msLKm/jVdwGqOETOIjgxmO4fTPbrnkDVIcOmya6c/p.e6N0grD/h6';

export interface RegistryOptions {
  readonly mode: RegistryMode;
  readonly workDir: string;
  /** Serves https with this certificate; `ca` is what clients must trust. */
  readonly tls?: KeyPairPem & { readonly ca: string };
  /** Asks for `registryAccount` by basic authentication. */
  readonly authenticated?: boolean;
}

export interface Registry {
  /** `127.0.0.1:PORT`, as it stands in image references. */
  readonly host: string;
  readonly url: string;
  readonly mode: RegistryMode;
  /** PEM of what clients must trust, and a file that holds it; absent for plain http. */
  readonly tls?: { readonly ca: string; readonly caPath: string };
  readonly account?: typeof registryAccount;
  readonly process: RunningProcess;
  /** A request to the registry's API, with its account. `path` begins with `/v2/`. */
  request(path: string, options?: HttpOptions): Promise<HttpResponse>;
  stop(): Promise<void>;
}

/** A real registry on a free loopback port, empty, and gone when it is stopped. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { mode, tls, workDir } = options;
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`;
  const folder = join(workDir, `registry-${port}`);
  mkdirSync(folder, { recursive: true });
  if (tls !== undefined) {
    writeFileSync(join(folder, 'tls.crt'), tls.certPem);
    writeFileSync(join(folder, 'tls.key'), tls.keyPem);
    writeFileSync(join(folder, 'ca.crt'), tls.ca);
  }
  const authorization = `Basic ${Buffer.from(`${registryAccount.username}:${registryAccount.password}`).toString('base64')}`;
  const request = (path: string, asked: HttpOptions = {}) =>
    http(`${url}${path}`, {
      ...asked,
      headers: { ...(options.authenticated === true && { authorization }), ...asked.headers },
      ...(tls !== undefined && { ca: tls.ca }),
    });
  const process = await startProcess({
    name: `registry-${mode}-${port}`,
    ...(mode === 'referrers'
      ? referrersCommand(host, folder, options)
      : fallbackCommand(host, folder, options)),
    workDir: folder,
    ready: async () => (await request('/v2/')).status === 200,
    grace: 0,
  });
  return {
    host,
    url,
    mode,
    ...(tls !== undefined && { tls: { ca: tls.ca, caPath: join(folder, 'ca.crt') } }),
    ...(options.authenticated === true && { account: registryAccount }),
    process,
    request,
    stop: () => process.stop(),
  };
}

interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function referrersCommand(host: string, folder: string, options: RegistryOptions): Command {
  return {
    file: toolPath('registry-referrers'),
    args: [
      '-address',
      host,
      ...(options.tls ? ['-certificate', join(folder, 'tls.crt'), '-key', join(folder, 'tls.key')] : []),
      ...(options.authenticated === true
        ? ['-account', `${registryAccount.username}:${registryAccount.password}`]
        : []),
    ],
  };
}

function fallbackCommand(host: string, folder: string, options: RegistryOptions): Command {
  const accounts = join(folder, 'accounts');
  if (options.authenticated === true)
    writeFileSync(accounts, `${registryAccount.username}:${passwordHash}\n`);
  const configuration = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      inmemory: {},
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: host,
      ...(options.tls && { tls: { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') } }),
    },
    ...(options.authenticated === true && { auth: { htpasswd: { realm: 'tests', path: accounts } } }),
  };
  // JSON is YAML, and is all that this needs.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(configuration));
  return {
    file: toolPath('registry'),
    args: ['serve', join(folder, 'config.yml')],
    env: { OTEL_TRACES_EXPORTER: 'none' },
  };
}
