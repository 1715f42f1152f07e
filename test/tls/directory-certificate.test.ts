import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger, type Logger } from '../../src/log.ts';
import {
  DirectoryCertificate,
  type DirectoryCertificateOptions,
} from '../../src/tls/directory-certificate.ts';
import { createSelfSigned, type CertificateSet } from '../../src/tls/self-signed.ts';
import { followCertificate } from '../../src/tls/serving-certificate.ts';
import { eventually } from '../kube/eventually.ts';
import { handshake, scratchDirectory, startTlsServer } from './tls-client.ts';

const hour = 3_600_000;
const day = 24 * hour;
const names: readonly [string, ...string[]] = ['localhost', '127.0.0.1'];

let scratch: ReturnType<typeof scratchDirectory>;
let sources: DirectoryCertificate[] = [];
let warnings: string[] = [];
let server: Awaited<ReturnType<typeof startTlsServer>> | undefined;
const logger: Logger = { ...silentLogger, warn: (fields) => void warnings.push(JSON.stringify(fields)) };

function source(options: Partial<DirectoryCertificateOptions> = {}): DirectoryCertificate {
  const made = new DirectoryCertificate({ directory: scratch.path, logger, pollInterval: 50, ...options });
  sources.push(made);
  return made;
}

const fresh = () => createSelfSigned({ names, notBefore: Date.now() - hour, notAfter: Date.now() + day });
const file = (name: string) => join(scratch.path, name);

/** From elsewhere, about to expire and for another name. */
function corporate(): { certPem: string; keyPem: string } {
  const out = mkdtempSync(join(scratch.path, '.corporate-'));
  const files = ['-keyout', join(out, 'key'), '-out', join(out, 'crt')];
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=x.test',
  ];
  execFileSync('openssl', ['req', '-x509', ...kind, ...files], { stdio: 'ignore' });
  const text = (name: string) => readFileSync(join(out, name), 'utf8');
  return { certPem: text('crt'), keyPem: text('key') };
}

function write(set: CertificateSet, directory = scratch.path): void {
  writeFileSync(join(directory, 'ca.crt'), set.caPem);
  writeFileSync(join(directory, 'tls.crt'), set.certPem);
  writeFileSync(join(directory, 'tls.key'), set.keyPem);
}

beforeEach(() => {
  scratch = scratchDirectory();
  warnings = [];
});

afterEach(async () => {
  await Promise.all(sources.map((made) => made.stop()));
  sources = [];
  await server?.stop();
  server = undefined;
  scratch.remove();
});

describe('standalone: a certificate made on the spot', () => {
  test('is made when there is none, kept, and its key is for the owner only', async () => {
    const directory = join(scratch.path, 'certs');
    const first = source({ directory, createFor: names });
    await first.start();
    expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    const second = source({ directory, createFor: names });
    await second.start();
    expect(second.current().certPem).toBe(first.current().certPem);
    expect(second.current().certPem).toBe(readFileSync(join(directory, 'tls.crt'), 'utf8'));
  });

  test('is made anew at two thirds of its life, while it runs', async () => {
    let now = Date.now();
    const made = source({ createFor: names, lifetime: 30 * day, now: () => now });
    await made.start();
    const first = made.current().certPem;
    now += 19 * day;
    await sleep(200);
    expect(made.current().certPem).toBe(first);
    now += 2 * day;
    await eventually('rotation', () => made.current().certPem !== first);
    expect(readFileSync(file('tls.crt'), 'utf8')).toBe(made.current().certPem);
  });

  test('is made anew for other names, and after a crash between its files', async () => {
    const first = source({ createFor: names });
    await first.start();
    const more = source({ createFor: ['localhost', 'webhook.test'] });
    await more.start();
    expect(more.current().certificate.checkHost('webhook.test')).toBe('webhook.test');
    await Promise.all([first.stop(), more.stop()]);
    writeFileSync(file('tls.crt'), fresh().certPem);
    const after = source({ createFor: names });
    await after.start();
    expect(after.current().certificate.checkHost('localhost')).toBe('localhost');
  });

  test('what somebody else put there is never replaced', async () => {
    const foreign = corporate();
    write({ ...foreign, caPem: '' });
    const made = source({ createFor: names });
    await made.start();
    await sleep(150);
    expect(readFileSync(file('tls.crt'), 'utf8')).toBe(foreign.certPem);
    await made.stop();
    writeFileSync(file('tls.key'), 'half a k');
    await expect(source({ createFor: names }).start()).rejects.toThrow(/PEM|DECODER|unsupported/i);
    expect(readFileSync(file('tls.crt'), 'utf8')).toBe(foreign.certPem);
    rmSync(file('tls.crt'));
    await expect(source({ createFor: names }).start()).rejects.toThrow(/tls\.crt is missing/);
  });
});

describe('a mounted directory', () => {
  test('without a certificate the start fails and nothing is written', async () => {
    await expect(source().start()).rejects.toThrow(/tls\.crt is missing/);
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  test('H7: under traffic, half-written, mismatched, empty and deleted files change nothing; a whole new pair is served', async () => {
    const [first, second] = [fresh(), fresh()];
    write(first);
    const made = source();
    await made.start();
    server = await startTlsServer(made.current());
    const { port } = server;
    followCertificate(server.server, made);
    const before = await handshake(port, first.caPem);

    const breakages: [string, RegExp, () => void][] = [
      [
        'half a certificate',
        /PEM|DECODER|ASN1|asn1/i,
        () => writeFileSync(file('tls.crt'), second.certPem.slice(0, 200)),
      ],
      ['a key of another', /does not belong/, () => writeFileSync(file('tls.crt'), second.certPem)],
      ['empty', /missing or empty/, () => writeFileSync(file('tls.crt'), '')],
      [
        'half a key',
        /PEM|DECODER|unsupported/i,
        () => write({ ...first, keyPem: first.keyPem.slice(0, 60) }),
      ],
      ['deleted', /missing or empty/, () => rmSync(file('tls.crt'))],
    ];
    for (const [what, problem, breakIt] of breakages) {
      const told = warnings.length;
      breakIt();
      // A look in the middle of a write may see another fault first.
      await eventually(`${what} is noticed`, () => warnings.slice(told).some((line) => problem.test(line)));
      for (let i = 0; i < 5; i++) expect(await handshake(port, first.caPem)).toBe(before);
    }
    // Told once, not at each look.
    const told = warnings.length;
    await sleep(300);
    expect(warnings.length).toBe(told);

    write(second);
    await eventually('the new pair is served', async () => {
      const served = await handshake(port, [first.caPem, second.caPem]);
      return served !== before;
    });
    expect(await handshake(port, second.caPem)).toBe(made.current().certificate.fingerprint256);
    await expect(handshake(port, first.caPem)).rejects.toThrow(/certificate/);
  });

  test('H7: the swap of a Secret mount (..data) is noticed by the watch alone', async () => {
    const [first, second] = [fresh(), fresh()];
    const mount = (name: string, set: CertificateSet) => {
      mkdirSync(file(name));
      write(set, file(name));
      symlinkSync(name, file('..data_tmp'));
      renameSync(file('..data_tmp'), file('..data'));
    };
    mount('..2026_1', first);
    for (const name of ['ca.crt', 'tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, file(name));
    const made = source({ pollInterval: 3_600_000 });
    await made.start();
    expect(made.current().certPem).toBe(first.certPem);
    mount('..2026_2', second);
    rmSync(file('..2026_1'), { recursive: true });
    await eventually('the swap', () => made.current().certPem === second.certPem);
    expect(made.current().caPem).toBe(second.caPem);
  });

  test('a server that cannot take the new certificate does not keep it from the others', async () => {
    write(fresh());
    const made = source();
    await made.start();
    const got: string[] = [];
    made.onChange(() => {
      throw new Error('a closed server');
    });
    const forget = made.onChange(({ certPem }) => void got.push(certPem));
    const next = fresh();
    write(next);
    await eventually('told', () => got.at(-1) === next.certPem);
    forget();
    const last = fresh();
    write(last);
    await eventually('in use', () => made.current().certPem === last.certPem);
    expect(got.at(-1)).toBe(next.certPem);
  });
});
