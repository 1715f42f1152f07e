import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { endpointsOf, ownEndpoint, type Endpoints } from '../../src/registry/endpoint.ts';
import type { RegistrySettings } from '../../src/registry/settings.ts';
import { createAuthority } from '../support/certificates.ts';
import { Artifacts } from './artifacts.ts';
import { asking, evilRegistry, imageSource, reference } from './sources.ts';

const root = mkdtempSync(join(tmpdir(), 'countersign-certs-d-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

/** A directory of containerd's, and what is made of it. */
function configured(files: Readonly<Record<string, string>>, registries: readonly RegistrySettings[] = []) {
  const containerdHosts = join(root, `certs.d-${count++}`);
  mkdirSync(containerdHosts);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(containerdHosts, name)), { recursive: true });
    writeFileSync(join(containerdHosts, name), text);
  }
  const notes: string[] = [];
  const of = endpointsOf({ registries, containerdHosts, note: (text) => void notes.push(text) });
  return { of, notes, containerdHosts };
}

const authorities = new Map<string, string>();

/** An authority's certificate, the same for the same name. */
function pem(name: string): string {
  const made = authorities.get(name) ?? createAuthority(name).certPem;
  authorities.set(name, made);
  return made;
}

function short({ origin, mirrors }: Endpoints) {
  return {
    origin: `${origin.origin}${origin.apiPath}`,
    mirrors: mirrors.map(
      ({ endpoint, canResolve }) =>
        `${endpoint.origin}${endpoint.apiPath}/${endpoint.repositoryPrefix} ns=${endpoint.namespace} ${canResolve}`,
    ),
  };
}

describe("containerd's hosts.toml", () => {
  test('mirrors in their order, with what they may do; the server last', () => {
    const { of } = configured({
      'docker.io/hosts.toml': `
        server = "https://registry-1.docker.io"
        [host."https://z.example:5000"]
          capabilities = ["pull"]
        [host."http://a.example"]
          capabilities = ["Pull", "resolve", "push"]
        [host."https://harbor.example/v2/hub"]
          override_path = true
        [host."m.example/some"]
      `,
    });
    expect(short(of('docker.io'))).toEqual({
      origin: 'https://registry-1.docker.io/v2',
      mirrors: [
        'https://z.example:5000/v2/ ns=docker.io false',
        'http://a.example/v2/ ns=docker.io true',
        'https://harbor.example/v2/hub/ ns=docker.io true',
        'https://m.example/some/v2/ ns=docker.io true',
      ],
    });
    expect(short(of('ghcr.io'))).toEqual({ origin: 'https://ghcr.io/v2', mirrors: [] });
  });

  test('ports in both spellings, and _default for every other host', () => {
    const mirror = (name: string) => `[host."https://${name}.example"]\n`;
    const { of } = configured({
      'one.example_5000_/hosts.toml': mirror('one'),
      'two.example:5000/hosts.toml': mirror('two'),
      'both.example_1_/hosts.toml': mirror('underscore'),
      'both.example:1/hosts.toml': mirror('colon'),
      '_default/hosts.toml': mirror('default'),
      'not-a-folder': '',
    });
    const first = (host: string) => of(host).mirrors[0]?.endpoint.host;
    expect(first('one.example:5000')).toBe('one.example');
    expect(first('TWO.example:5000')).toBe('two.example');
    expect(first('both.example:1')).toBe('underscore.example');
    expect(first('one.example')).toBe('default.example');
    expect(short(of('other.example')).origin).toBe('https://other.example/v2');
  });

  test('what the settings say of a host goes before its file; another server has its own name', () => {
    const { of } = configured(
      {
        'a.example/hosts.toml': '[host."https://file.example"]',
        'b.example/hosts.toml': 'server = "https://inside.example/v2/b"\noverride_path = true',
      },
      [
        { host: 'a.example', mirrors: [{ url: 'own.example' }] },
        { host: 'inside.example', tokenRealm: 'https://token.example' },
      ],
    );
    expect(of('a.example').mirrors.map(({ endpoint }) => endpoint.host)).toEqual(['own.example']);
    expect(of('b.example').origin).toMatchObject({
      host: 'inside.example',
      repositoryPrefix: 'b/',
      namespace: 'b.example',
      tokenRealm: 'https://token.example',
    });
  });

  test("D5: a host's credentials are exchanged at that host, and not at what is asked in its place", () => {
    const { of } = configured({
      'a.example/hosts.toml': 'server = "https://inside.example"',
      'b.example/hosts.toml': '[host."https://inside.example"]',
    });
    expect(() => ownEndpoint(of, 'a.example')).toThrow(expect.objectContaining({ code: 'REGISTRY_ERROR' }));
    expect(ownEndpoint(of, 'B.example').origin).toBe('https://b.example');
  });

  test('authorities: relative to the file, as one or several, and *.crt without one', () => {
    const { of } = configured({
      'a.example/hosts.toml': 'ca = "own.pem"\n[host."https://m.example"]\nca = ["one.pem", "two.pem"]',
      'a.example/own.pem': pem('OWN'),
      'a.example/one.pem': pem('ONE'),
      'a.example/two.pem': pem('TWO'),
      'b.example/ca.crt': pem('CRT'),
    });
    expect(of('a.example').origin.caPem).toBe(pem('OWN'));
    expect(of('a.example').mirrors[0]?.endpoint.caPem).toBe(`${pem('ONE')}\n${pem('TWO')}`);
    expect(of('b.example')).toMatchObject({ mirrors: [], origin: { host: 'b.example', caPem: pem('CRT') } });
  });

  test('a file of authorities without a certificate stops the start, wherever it is named', () => {
    const caFile = join(root, 'ca.pem');
    const start = (text: string, registry: object) => {
      writeFileSync(caFile, text);
      return endpointsOf({ registries: [{ host: 'a.example', ...registry }], note: () => {} });
    };
    for (const registry of [{ caFile }, { mirrors: [{ url: 'm.example', caFile }] }]) {
      expect(() => start(pem('A'), registry)).not.toThrow();
      expect(() => start('A', registry)).toThrow(/ca\.pem holds no PEM certificate$/);
      const [begin = '', end = ''] = [pem('A').slice(0, 100), '\n-----END CERTIFICATE-----'];
      for (const broken of [`${begin}${end}`, `${pem('A')}${begin}`, `${pem('A')}${begin}${end}`])
        expect(() => start(broken, registry)).toThrow(/ca\.pem holds a PEM certificate that cannot be read$/);
    }
    const named = (file: string, text: string) =>
      configured({ 'a.example/hosts.toml': `ca = "${file}"`, [`a.example/${file}`]: text });
    expect(() => named('own.pem', pem('A'))).not.toThrow();
    expect(() => named('own.pem', 'A')).toThrow(/own\.pem holds no PEM certificate$/);
    expect(() => configured({ 'a.example/ca.crt': pem('A') })).not.toThrow();
    expect(() => configured({ 'a.example/ca.crt': 'A' })).toThrow(/ca\.crt holds no PEM certificate$/);
  });

  test('what is not TOML is not repeated: its headers may hold credentials', () => {
    const header = (value: string) =>
      configured({
        'a.example/hosts.toml': `[host."https://m.example".header]\nauthorization = ${value}`,
      });
    expect(() => header('"Basic hunter2"')).not.toThrow();
    expect(() => header('Basic hunter2')).toThrow(
      /hosts\.toml cannot be used: it is not TOML \(line 2, column \d+\)$/,
    );
  });

  test('D9: skip_verify, headers and client certificates are told and not obeyed', () => {
    const { notes } = configured({
      'a.example/hosts.toml': `
        [host."https://m.example"]
          skip_verify = true
          client = "c.pem"
          [host."https://m.example".header]
            authorization = "Basic hunter2"
        [host."https://n.example"]
          skip_verify = false`,
    });
    expect(notes).toHaveLength(3);
    expect(notes.join()).toMatch(/skip_verify.*always verified/);
    expect(notes.join()).not.toContain('hunter2');
  });

  test.each([
    ['no TOML', 'server = '],
    ['an unknown capability', '[host."https://m"]\ncapabilities = ["delete"]'],
    ['a host that is no table', '[host]\n"https://m" = 1'],
    ['a server that is no text', 'server = 1'],
    ['an authority that is not there', 'ca = "gone.pem"'],
    ['an authority that is no text', 'ca = 1'],
    ['an override_path that is a text', '[host."https://m"]\noverride_path = "true"'],
  ])('%s stops the start and names the file', (_name, text) => {
    expect(() => configured({ 'a.example/hosts.toml': text })).toThrow(/a\.example\/hosts\.toml/);
    expect(() => configured({ 'a.example/hosts.toml': '[host."https://m"]' })).not.toThrow();
  });

  test('a directory that is not there stops the start', () => {
    const settings = { registries: [], containerdHosts: join(root, 'nowhere'), note: () => {} };
    expect(() => endpointsOf(settings)).toThrow(/^containerdHosts: /);
  });

  test('a node and Countersign ask the same mirror', async () => {
    const [registry, mirror] = [await evilRegistry(), await evilRegistry()];
    const digest = new Artifacts(mirror).image();
    const { containerdHosts } = configured({
      '_default/hosts.toml': `[host."http://${mirror.host}"]\ncapabilities = ["pull", "resolve"]`,
    });
    const source = imageSource([registry], { containerdHosts });
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(registry.seen).toEqual([]);
  });
});

test('F12: hosts that only image names bring up share the connections to the mirror of _default', async () => {
  const mirror = await evilRegistry();
  const { containerdHosts } = configured({ '_default/hosts.toml': `[host."http://${mirror.host}"]\n` });
  const lookup = (_: string, __: unknown, callback: (error: Error) => void) =>
    callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  const source = imageSource([], { containerdHosts, lookup: lookup as never });
  for (let each = 0; each < 20; each += 1) {
    const digest = `sha256:${'a'.repeat(64)}`;
    const asked = source.manifest(reference(`h${each}.example`), digest, asking());
    await expect(asked).rejects.toMatchObject({ code: 'REGISTRY_DNS' });
  }
  expect(mirror.asked).toHaveLength(20);
  // A connection that is just being let go is not taken again.
  expect(mirror.connections).toBeLessThan(5);
});
