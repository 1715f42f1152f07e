import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { loadSettings, SettingsError, type SettingsSources } from '../../src/config.ts';
import { settingsSchema } from '../../src/settings-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function load(text: string | undefined, over: Partial<SettingsSources> = {}) {
  const file = text === undefined ? undefined : join(folder, `settings-${files++}.yaml`);
  if (file !== undefined) writeFileSync(file, text ?? '');
  return loadSettings({ file, flags: {}, env: {}, cwd: '/work', ...over });
}

describe('settings', () => {
  test('are strict without a file', () => {
    expect(load(undefined)).toEqual({
      webhook: { port: 8443, reviews: 512, reviewsPerNamespace: 256 },
      operations: { port: 8080 },
      admin: { enabled: true, port: 9443, trustedProxies: [], hosts: [] },
      dataDirectory: '/work/data',
      certificate: { directory: '/work/certs', validatingWebhooks: [], mutatingWebhooks: [] },
      noMatch: 'DenyInGovernedNamespaces',
      excludedNamespaces: [],
      registries: [],
      pullSecrets: { namespaces: [] },
      credentialHelpers: [],
      proxy: { allowedHosts: [] },
      keys: {
        refreshSeconds: 300,
        keepSeconds: 3600,
        secretNamespaces: [],
        vault: {},
        aws: { endpoints: [] },
        gcp: {},
        azure: { vaultHosts: [] },
      },
      trustRoots: {
        publicGood: { refresh: true },
        refreshSeconds: 21_600,
        timeoutSeconds: 60,
        plainHttpHosts: [],
      },
      history: {
        enabled: true,
        path: '/work/data/history.db',
        maxMegabytes: 2048,
        retention: { days: 30, rows: 1_000_000 },
        bufferRows: 10_000,
      },
      maxSnapshotAgeSeconds: 180,
      drainSeconds: 5,
      log: { level: 'info' },
    });
  });

  test('standalone, there are no endpoints to wait for', () => {
    expect(load('policies: p').drainSeconds).toBe(0);
    expect(load('policies: p\ndrainSeconds: 3').drainSeconds).toBe(3);
  });

  test('file names are relative to the file, those of options to the working directory', () => {
    const settings = load(
      'policies: p\ncertificate: {directory: ../certs}\nregistries: [{host: a, layout: images}, {host: b, caFile: /ca.pem}]\n',
      { flags: { kubeconfig: 'kube.config' } },
    );
    expect(settings.policies).toBe(join(folder, 'p'));
    expect(settings.certificate.directory).toBe(resolve(folder, '../certs'));
    expect(settings.registries).toEqual([
      { host: 'a', layout: join(folder, 'images') },
      { host: 'b', caFile: '/ca.pem' },
    ]);
    expect(settings.kubeconfig).toBe('/work/kube.config');
  });

  test('the environment says where the proxy is, unless the file does', () => {
    const env = { HTTPS_PROXY: 'proxy:3128', https_proxy: 'other:1', NO_PROXY: '', no_proxy: '.internal' };
    expect(load(undefined, { env }).proxy).toEqual({
      https: 'proxy:3128',
      no: '.internal',
      allowedHosts: [],
    });
    expect(load('proxy: {https: "http://own:1", allowedHosts: ["*.GHCR.io"]}', { env }).proxy).toEqual({
      https: 'http://own:1',
      no: '.internal',
      allowedHosts: ['*.ghcr.io'],
    });
    const bad = () => load('proxy: {https: "socks5://u:hunter2@p:1", allowedHosts: ["a**", "https://a"]}');
    expect(bad).toThrow(/proxy\.https[\s\S]*allowedHosts\.0[\s\S]*allowedHosts\.1/);
    expect(bad).not.toThrow('hunter2');
  });

  test('file names of mirrors and of containerd are relative to the file, too', () => {
    const settings = load(
      'containerdHosts: certs.d\nregistries: [{host: a, mirrors: [{url: m, caFile: ca.pem}]}]',
    );
    expect(settings.containerdHosts).toBe(join(folder, 'certs.d'));
    expect(settings.registries[0]?.mirrors).toEqual([{ url: 'm', caFile: join(folder, 'ca.pem') }]);
  });

  test('an option wins over the environment, which wins over the file', () => {
    const file = 'log: {level: error}\nwebhook: {port: 1, clientCA: ca.pem}';
    expect(load(file).log.level).toBe('error');
    const env = { COUNTERSIGN_LOG_LEVEL: 'warn' };
    expect(load(file, { env }).log.level).toBe('warn');
    const flags = { 'log.level': 'debug', 'webhook.port': 2, drainSeconds: undefined };
    expect(load(file, { env, flags })).toMatchObject({
      log: { level: 'debug' },
      webhook: { port: 2, clientCA: join(folder, 'ca.pem') },
    });
  });

  test("the administrator's password comes by the environment alone", () => {
    const env = { COUNTERSIGN_ADMIN_PASSWORD: 'correct horse battery' };
    expect(load(undefined, { env }).adminPassword).toBe('correct horse battery');
    expect(() => load('admin: {password: correct horse battery}')).toThrow('admin.password: unknown key');
    expect(() => load('adminPassword: correct horse battery')).toThrow('adminPassword: unknown key');
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ['an unknown key', 'noMatches: Allow', 'noMatches: unknown key'],
    ['an unknown key inside', 'webhook: {tls: false}', 'webhook.tls: unknown key'],
    [
      'an unknown key of a registry',
      'registries: [{host: a, insecure: true}]',
      'registries.0.insecure: unknown key',
    ],
    ['H15: a word that is not one of its values', 'noMatch: allow', 'noMatch: '],
    ['a port out of range', 'webhook: {port: 70000}', 'webhook.port: '],
    [
      'E17: a pattern where a name belongs',
      'excludedNamespaces: ["kube-*"]',
      'excludedNamespaces.0: must be the exact name',
    ],
    [
      'E17: a namespace that is empty',
      'excludedNamespaces: [""]',
      'excludedNamespaces.0: must be the exact name',
    ],
    [
      'two certificates',
      'certificate: {directory: a, secret: {namespace: b, name: c}, names: [d]}',
      'certificate: give exactly one',
    ],
    ['no certificate', 'certificate: {}', 'certificate: give exactly one'],
    ['a Secret without names', 'certificate: {secret: {namespace: b, name: c}}', 'certificate.names: '],
    ['a scalar where a mapping belongs', 'log: debug', 'log: '],
    ['a null', 'registries: null', 'registries: '],
    ['a key twice', 'noMatch: Deny\nnoMatch: Allow', 'is not YAML'],
    ['a list', '- a', 'is not a mapping'],
    ['no YAML', '{', 'is not YAML'],
    ['a snapshot that never ages', 'maxSnapshotAgeSeconds: .inf', 'maxSnapshotAgeSeconds: '],
  ];
  test.each(refused)('%s is refused with its path', (_what, text, message) => {
    expect(() => load(text)).toThrow(SettingsError);
    expect(() => load(text)).toThrow(message);
  });

  test("D5: what is no YAML is told with its line's number, without the line: a proxy's password may stand in it", () => {
    const text = 'log: {}\nproxy: {https: http://user:hunter2@proxy:3128, https: x}';
    expect(() => load(text)).toThrow(/is not YAML \(line 2\)/);
    expect(() => load(text)).not.toThrow('hunter2');
  });

  test('every problem is told at once', () => {
    expect(() => load('noMatch: x\nwebhook: {port: -1}')).toThrow(
      /webhook\.port[^]*noMatch|noMatch[^]*webhook\.port/,
    );
  });

  test('a file that is not there is told by name', () => {
    expect(() => loadSettings({ file: '/no/such.yaml', flags: {}, env: {}, cwd: '/' })).toThrow(
      '/no/such.yaml',
    );
  });
});

describe('docs/configuration.md', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `([A-Za-z.[\]]+)` \|/gm)].map(([, key]) => key);

  test('has one row for each key, and none for a key that does not exist', () => {
    expect(documented.toSorted()).toEqual(
      keysOf(z.toJSONSchema(settingsSchema, { io: 'input' }) as Schema).toSorted(),
    );
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** `webhook.port`, `registries[].host`: every leaf. */
function keysOf(schema: Schema, at = ''): string[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([key, value]) =>
      keysOf(value, at === '' ? key : `${at}.${key}`),
    );
  }
  return schema.items?.properties === undefined ? [at] : keysOf(schema.items, `${at}[]`);
}
