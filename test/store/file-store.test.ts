import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger, type Logger } from '../../src/log.ts';
import { FileStore, type FileStoreOptions } from '../../src/store/file-store.ts';
import { referencesOf } from '../../src/policy/snapshot.ts';
import type { KeyState } from '../../src/policy/trust-material.ts';
import type { TrustMaterialSource } from '../../src/store/trust-material-source.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually } from '../kube/eventually.ts';
import { KEY, keysKnown } from '../policy/builders.ts';
import { staticTrust } from '../support/trust.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { policy, signer, trustRoot } from './documents.ts';

const trust = staticTrust(builtinRoots());
const NOT_SYNCED = expect.objectContaining({ code: 'NOT_SYNCED' });

let scratch: ReturnType<typeof scratchDirectory>;
let stores: FileStore[];
let warned: string[];
const logger: Logger = { ...silentLogger, warn: (fields) => void warned.push(JSON.stringify(fields)) };

async function store(options: Partial<FileStoreOptions> = {}): Promise<FileStore> {
  const made = new FileStore({
    path: scratch.path,
    trust,
    logger,
    pollInterval: 100,
    ...options,
  });
  stores.push(made);
  await made.start();
  return made;
}

const yaml = (...documents: object[]) => documents.map((each) => JSON.stringify(each)).join('\n---\n');
const write = (name: string, text: string) => writeFileSync(join(scratch.path, name), text);
const names = (made: FileStore) =>
  made
    .current()
    .policies.map(({ policy: { name } }) => name)
    .join(' ');

function thrown(act: () => unknown): unknown {
  try {
    return { returned: act() };
  } catch (error) {
    return error;
  }
}

beforeEach(() => {
  scratch = scratchDirectory();
  stores = [];
  warned = [];
});

afterEach(async () => {
  await Promise.all(stores.map((made) => made.stop()));
  scratch.remove();
});

describe('a directory of policies', () => {
  test('is read at the start, whole; other files are not', async () => {
    write('a.yaml', yaml(policy('a'), signer('ci')));
    write('b.json', JSON.stringify(policy('b')));
    write('notes.txt', 'not: yaml: at all');
    write('.hidden.yaml', 'broken: [');
    const made = await store();
    expect(names(made)).toBe('a b');
    expect(made.current().signers.has('ci')).toBe(true);
    expect(made.current().trustRoots.has('public-good')).toBe(true);
    expect(made.readiness()).toEqual({ ready: true, reasons: [] });
    expect(await made.labels('mcp')).toEqual({ 'kubernetes.io/metadata.name': 'mcp' });
  });

  test('the original form is one Enforce policy for every image', async () => {
    write(
      'signing-policy.yaml',
      `signing_policy:
  require_signature: true
  trusted_keys:
    - keyless: true
      issuer: "https://accounts.google.com"
      subject: "build@example.com"
`,
    );
    const made = await store();
    expect(made.current().policies[0]?.policy).toMatchObject({
      mode: 'Enforce',
      match: { images: undefined },
      problems: [],
    });
    expect(made.current().policies[0]?.entries.usable.length).toBe(1);
  });

  test('keys and roots are asked for as soon as a file names them, and followed until the end', async () => {
    const uri = 'hashivault://release';
    const wanted: string[][] = [];
    let keys = new Map<string, KeyState>();
    const listeners = new Set<() => void>();
    const source: TrustMaterialSource = {
      want: (resources) => void wanted.push(resources.flatMap(referencesOf).map((each) => each.uri)),
      material: () => staticTrust(builtinRoots(), keys).material(),
      onChange: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    };
    write('a.yaml', yaml(policy('a', { trustedKeys: [{ keyRef: { uri } }] })));
    const made = await store({ trust: source });
    const entries = () => made.current().policies[0]?.entries;
    expect(entries()).toMatchObject({ usable: [], unavailable: [{ fault: { code: 'KEY_UNAVAILABLE' } }] });
    expect(wanted.at(-1)).toEqual([uri]);
    const before = made.current().number;
    keys = new Map([[uri, keysKnown([KEY])]]);
    for (const listener of listeners) listener();
    await eventually('known', () => entries()?.usable.length === 1);
    expect(made.current().number).toBeGreaterThan(before);
    expect(made.current().keys.get(uri)?.kind).toBe('known');
    await made.stop();
    expect(listeners.size).toBe(0);
  });

  test('files that come, change and go are followed', async () => {
    write('y.yaml', yaml(policy('y')));
    const made = await store();
    expect(names(made)).toBe('y');
    write('a.yaml', yaml(policy('a')));
    await eventually('come', () => names(made) === 'a y');
    write('a.yaml', yaml(policy('a', { mode: 'Audit' }), policy('z')));
    await eventually(
      'changed',
      () => names(made) === 'a y z' && made.current().policies[0]?.policy.mode === 'Audit',
    );
    unlinkSync(join(scratch.path, 'a.yaml'));
    await eventually('gone', () => names(made) === 'y');
  });

  test('by polling alone as well', async () => {
    write('a.yaml', yaml(policy('a')));
    const file = join(scratch.path, 'a.yaml');
    const made = await store({ path: file });
    // A watch of one file ends with its first inode.
    renameSync(file, `${file}.bak`);
    await sleep(150);
    expect(names(made)).toBe('a');
    write('next', yaml(policy('b')));
    renameSync(join(scratch.path, 'next'), file);
    await eventually('b', () => names(made) === 'b');
    rmSync(file);
    write('a.yaml', yaml(policy('c')));
    await eventually('c', () => names(made) === 'c');
  });

  test('the swap of a ConfigMap mount (..data)', async () => {
    const mount = (version: string, ...documents: object[]) => {
      mkdirSync(join(scratch.path, version));
      write(`${version}/p.yaml`, yaml(...documents));
      symlinkSync(version, join(scratch.path, '..tmp'));
      renameSync(join(scratch.path, '..tmp'), join(scratch.path, '..data'));
    };
    mount('..v1', policy('a'));
    symlinkSync('..data/p.yaml', join(scratch.path, 'p.yaml'));
    const made = await store({ pollInterval: 3_600_000 });
    expect(names(made)).toBe('a');
    mount('..v2', policy('b'));
    rmSync(join(scratch.path, '..v1'), { recursive: true });
    await eventually('the swap', () => names(made) === 'b');
  });

  test('an editor that moves the old file away before it writes the new one never leaves a gap', async () => {
    write('a.yaml', yaml(policy('a')));
    // The time that a file may be missing stands still.
    let looks = 0;
    const made = await store({ now: () => 0, wall: () => ((looks += 1), Date.now()) });
    expect(names(made)).toBe('a');
    const seen = new Set<string>();
    made.onChange((snapshot) => void seen.add(snapshot.policies.map(({ policy: { name } }) => name).join()));
    renameSync(join(scratch.path, 'a.yaml'), join(scratch.path, 'a.yaml~'));
    const before = looks;
    await eventually('it was looked at', () => looks >= before + 3);
    expect(names(made)).toBe('a');
    write('a.yaml', yaml(policy('b')));
    await eventually('b', () => names(made) === 'b');
    expect([...seen]).toEqual(['b']);
  });

  test('a file that is being written is not believed before it is whole', async () => {
    write('a.yaml', yaml(policy('a'), policy('b')));
    let age = 0;
    let looks = 0;
    const changed = Date.UTC(2026, 0, 1);
    const made = await store({ pollInterval: 10, wall: () => ((looks += 1), changed + age) });
    expect(names(made)).toBe('a b');
    const seen: string[] = [];
    made.onChange((snapshot) => void seen.push(snapshot.policies.map(({ policy: { name } }) => name).join()));
    const lookedAt = async (...documents: object[]) => {
      const next = join(scratch.path, '.next');
      writeFileSync(next, yaml(...documents));
      utimesSync(next, changed / 1000, changed / 1000);
      renameSync(next, join(scratch.path, 'a.yaml'));
      const before = looks;
      await eventually('it was looked at', () => looks >= before + 2);
    };
    // Half of it is valid YAML with one policy fewer.
    for (age of [0, 50, 99]) await lookedAt(policy('a'));
    await lookedAt(policy('a'), policy('b'), policy('c'));
    expect(seen).toEqual([]);
    age = 100;
    await eventually('whole', () => names(made) === 'a b c');
    expect(seen).toEqual(['a,b,c']);
  });
});

describe('H3: bad documents', () => {
  test('H3: one bad of ten is reported by file and line, and denies in its own scope; the nine are as they were', async () => {
    const good = Array.from({ length: 9 }, (_, i) => policy(`good${i}`));
    write('all.yaml', yaml(...good, policy('wicked')));
    const made = await store();
    expect(made.problems()).toEqual([]);
    write('all.yaml', yaml(...good, policy('wicked', { trustedKeys: [] })));
    await eventually('noticed', () => made.problems().length > 0);
    expect(made.problems()[0]).toMatchObject({ file: 'all.yaml', line: 19, field: 'spec.trustedKeys' });
    expect(warned.join()).toContain('all.yaml:19: spec.trustedKeys');
    const { policies } = made.current();
    expect(policies.map(({ policy: { rules } }) => rules !== undefined)).toEqual([
      ...Array<boolean>(9).fill(true),
      false,
    ]);
    expect(made.readiness().ready).toBe(true);
  });

  test('H3: what cannot be read any more stays in force as it was last read, and the rest of the file counts as it is now', async () => {
    write('a.yaml', yaml(policy('a'), policy('b'), signer('ci')));
    write('other.yaml', yaml(policy('other')));
    const made = await store();
    const [first] = made.current().policies;
    write('a.yaml', `${yaml(policy('a').metadata)}\n---\n${yaml(policy('b', { mode: 'Warn' }))}`);
    await eventually('noticed', () => made.problems().length > 0);
    expect(names(made)).toBe('a b other');
    expect(made.current().policies[0]?.policy).toBe(first?.policy);
    expect(made.current().policies[1]?.policy.mode).toBe('Warn');
    expect(made.current().signers.has('ci')).toBe(true);
    write('a.yaml', '{{{ not yaml');
    await eventually('worse', () => made.problems().some(({ message }) => message.includes('YAML')));
    expect(names(made)).toBe('a b other');
    write('a.yaml', yaml(policy('b')));
    await eventually('mended', () => names(made) === 'b other');
    expect(made.problems()).toEqual([]);
    expect(made.current().signers.has('ci')).toBe(false);
  });

  test.each([
    ['not YAML', '{{{ not yaml'],
    ['of an unknown kind', yaml({ ...policy('x'), kind: 'SigningPolice' })],
    ['without a name', yaml({ ...policy('x'), metadata: {} })],
  ])('H1: at the start, a document that is %s denies everything until it is mended', async (_what, text) => {
    write('good.yaml', yaml(policy('good')));
    write('bad.yaml', text);
    const made = await store();
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(made.readiness()).toEqual({ ready: false, reasons: [expect.stringContaining('bad.yaml')] });
    expect(made.problems()[0]).toMatchObject({ file: 'bad.yaml' });
    write('bad.yaml', yaml(policy('mended')));
    await eventually('mended', () => made.readiness().ready);
    expect(names(made)).toBe('good mended');
  });

  test('two signers of one name: neither is used, so that the disabled one cannot be overruled', async () => {
    write('a.yaml', yaml(policy('a'), signer('ci', { enabled: false })));
    const made = await store();
    expect(made.current().signers.has('ci')).toBe(true);
    write('b.yaml', yaml(signer('ci')));
    await eventually('noticed', () => made.problems().length > 0);
    expect(made.current().signers.has('ci')).toBe(false);
    expect(made.problems()[0]).toMatchObject({
      file: 'a.yaml, b.yaml',
      message: expect.stringContaining('TrustedSigner/ci'),
    });
  });

  test('two roots of one name: neither is used, nor the built-in one that they were to replace', async () => {
    write('a.yaml', yaml(policy('a'), trustRoot('public-good')));
    const made = await store();
    const mine = made.current().trustRoots.get('public-good');
    expect(mine).toBeDefined();
    expect(mine).not.toBe(trust.material().builtin.get('public-good'));
    write('b.yaml', yaml(trustRoot('public-good')));
    await eventually('noticed', () => made.problems().length > 0);
    expect(made.current().trustRoots.has('public-good')).toBe(false);
    expect(made.resources()).toContainEqual(
      expect.objectContaining({ kind: 'TrustRoot', source: undefined, problems: [expect.anything()] }),
    );
    unlinkSync(join(scratch.path, 'b.yaml'));
    await eventually('mended', () => made.current().trustRoots.has('public-good'));
  });

  test('not UTF-8, too long, a pipe: reported, never waited for', async () => {
    write('good.yaml', yaml(policy('good')));
    const made = await store();
    writeFileSync(join(scratch.path, 'latin.yaml'), Buffer.from([0x61, 0x3a, 0xff]));
    writeFileSync(join(scratch.path, 'long.yaml'), Buffer.alloc(5 * 1024 * 1024, 0x20));
    execFileSync('mkfifo', [join(scratch.path, 'pipe.yaml')]);
    await eventually('all three', () => made.problems().length === 3);
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    for (const name of ['latin', 'long', 'pipe']) unlinkSync(join(scratch.path, `${name}.yaml`));
    await eventually('gone', () => made.readiness().ready);
  });
});

describe('H1: a directory without policies', () => {
  test.each(['a.YAML', 'a.Yml', 'a.JSON'])('H1: %s is a policy file', async (name) => {
    write(name, JSON.stringify(policy('a')));
    const made = await store();
    expect(names(made)).toBe('a');
    expect(made.problems()).toEqual([]);
  });

  test('H1: a misnamed file is reported, what is written for people is not', async () => {
    write('a.yaml', yaml(policy('a')));
    for (const name of ['b.jsonx', 'README', 'notes.md', '.c']) write(name, '{}');
    mkdirSync(join(scratch.path, 'below'));
    const made = await store();
    expect(made.problems()).toMatchObject([{ file: 'b.jsonx', message: expect.stringContaining('.yaml') }]);
    expect(made.readiness().ready).toBe(true);
  });

  test.each([
    ['nothing', {}],
    ['only a misnamed file', { 'a.jsonx': JSON.stringify(policy('a')) }],
    ['an empty document', { 'a.yaml': '---\n' }],
    ['only a signer', { 'a.yaml': yaml(signer('ci')) }],
  ])('H1: with %s it denies until there is a policy', async (_what, files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    const made = await store();
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(made.readiness()).toEqual({
      ready: false,
      reasons: [`no policy was found in ${scratch.path}`],
    });
    write('good.yaml', yaml(policy('good')));
    await eventually('ready', () => made.readiness().ready);
    expect(names(made)).toBe('good');
  });

  test('H1: an emptied directory denies', async () => {
    write('a.yaml', yaml(policy('a')));
    const made = await store();
    expect(names(made)).toBe('a');
    unlinkSync(join(scratch.path, 'a.yaml'));
    await eventually('gone', () => !made.readiness().ready);
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
  });
});

describe('H1: a directory that cannot be read', () => {
  test('H1: at the start: NOT_SYNCED, until it is there', async () => {
    const path = join(scratch.path, 'later');
    const made = await store({ path });
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    expect(made.readiness().reasons[0]).toContain('ENOENT');
    expect(made.ages().get('files')).toBe(Infinity);
    mkdirSync(path);
    write('later/a.yaml', yaml(policy('a')));
    await eventually('ready', () => made.readiness().ready);
    expect(names(made)).toBe('a');
  });

  test('H1: later: what it held stays in force until it is too old', async () => {
    let clock = 0;
    const path = join(scratch.path, 'policies');
    mkdirSync(path);
    write('policies/a.yaml', yaml(policy('a')));
    const made = await store({ path, now: () => clock });
    renameSync(path, `${path}-away`);
    await eventually('reported', () => warned.some((line) => line.includes('ENOENT')));
    clock = 180_000;
    expect(names(made)).toBe('a');
    clock = 180_001;
    expect(thrown(() => made.current())).toEqual(NOT_SYNCED);
    renameSync(`${path}-away`, path);
    await eventually('back', () => made.readiness().ready);
    expect(names(made)).toBe('a');
  });
});
