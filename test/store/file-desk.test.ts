import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../../src/limits.ts';
import { silentLogger } from '../../src/log.ts';
import { FileDesk } from '../../src/store/file-desk.ts';
import { FileStore } from '../../src/store/file-store.ts';
import type { DraftDocument, StoredDocument, Written } from '../../src/store/resource-desk.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { staticTrust } from '../support/trust.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { namespacedPolicy, PEM, policy, signer } from './documents.ts';

const options = (dryRun = false) => ({
  author: { name: 'admin', token: undefined },
  dryRun,
  signal: AbortSignal.timeout(60_000),
});
const draft = (name: string, spec: object = {}): DraftDocument => ({
  kind: 'TrustedSigner',
  name,
  spec: { publicKey: { pem: PEM }, ...spec },
});
const draftPolicy = (name: string, spec: object = {}): DraftDocument => ({
  kind: 'ClusterSigningPolicy',
  name,
  spec: { ...policy(name).spec, ...spec },
});
const SIGNER = { kind: 'TrustedSigner', name: 'ci' } as const;
const code = (expected: string) => expect.objectContaining({ code: expected });

const BY_HAND = `# Who may sign. Ask the platform team first.
apiVersion: countersign.dev/v1alpha1
kind: TrustedSigner
metadata:
  name: ci   # the pipeline
  labels: {team: platform}
spec:
  # set by the release team
  keyless: true
  issuer: "https://accounts.google.com"
  subject: build@example.com # not a person
  description: >-
    the release
    pipeline
---
# The policy of the house:   do not touch.
apiVersion: countersign.dev/v1alpha1
kind: ClusterSigningPolicy
metadata: {name:   house}
spec:
  mode:   Enforce
  trustedKeys:
  - signerRef: {name: ci}
  - signerRef:   {name: other}   # for later
# the end
`;

let scratch: ReturnType<typeof scratchDirectory>;
let store: FileStore;
let desk: FileDesk;

async function start(path = scratch.path): Promise<void> {
  // No look at the files of its own: what a write brings into force must not wait for one.
  store = new FileStore({
    path,
    trust: staticTrust(builtinRoots()),
    logger: silentLogger,
    pollInterval: 600_000,
  });
  await store.start();
  desk = new FileDesk({ path, store });
}

const write = (name: string, text: string) => writeFileSync(join(scratch.path, name), text);
const read = (name: string) => readFileSync(join(scratch.path, name), 'utf8');
const yaml = (...documents: object[]) => documents.map((each) => JSON.stringify(each)).join('\n---\n');
const names = () => readdirSync(scratch.path).sort();
const policies = () => store.current().policies.map(({ policy: { name } }) => name);
const versionOf = ({ after }: Written): string => after?.metadata.resourceVersion ?? '';

beforeEach(async () => {
  scratch = scratchDirectory();
  write('base.yaml', yaml(policy('base')));
});

afterEach(async () => {
  await store.stop();
  scratch.remove();
});

describe('a new document', () => {
  test('gets a file of its own, is in force when the answer comes, and is read back as it was', async () => {
    await start();
    const written = await desk.create(
      draft('ci', { enabled: true, description: 'yes: "no"\n#x' }),
      options(),
    );
    // Not after a pause, as for files that other people write: that would be `inForce: false` here.
    expect(written).toMatchObject({ before: undefined, inForce: true, warnings: [] });
    expect(store.current().signers.get('ci')?.description).toBe('yes: "no"\n#x');
    expect(names()).toEqual(['base.yaml', 'trustedsigner-ci.yaml']);
    const got = await desk.get(SIGNER);
    expect(got).toEqual(written.after);
    expect(got.metadata.managedBy).toBeUndefined();
    expect(got.metadata.generation).toBeUndefined();
  });

  test('in a namespace has both names in that of its file, and no two documents share one', async () => {
    await start();
    const spec = namespacedPolicy('x', 'x').spec;
    await desk.create({ kind: 'SigningPolicy', namespace: 'a-b', name: 'c', spec }, options());
    await desk.create({ kind: 'SigningPolicy', namespace: 'a', name: 'b-c', spec }, options());
    expect(names()).toEqual(['base.yaml', 'signingpolicy-a-b_c.yaml', 'signingpolicy-a_b-c.yaml']);
    expect(policies().sort()).toEqual(['b-c', 'base', 'c']);
  });

  test('of a name that is taken is refused, also when another file holds it', async () => {
    write('people.yaml', BY_HAND);
    await start();
    await expect(desk.create(draft('ci'), options())).rejects.toEqual(code('ALREADY_EXISTS'));
    await expect(desk.create(draft('ci-2'), options())).resolves.toMatchObject({ inForce: true });
  });

  test('does not take the place of a file that holds something else', async () => {
    write('trustedsigner-ci.yaml', yaml(policy('other')));
    await start();
    await desk.create(draft('ci'), options());
    expect(read('trustedsigner-ci.yaml')).toBe(yaml(policy('other')));
    expect(names()).toContainEqual(expect.stringMatching(/^trustedsigner-ci_[0-9a-f]{8}\.yaml$/));
    expect(policies()).toEqual(['base', 'other']);
  });

  test.each(['../evil', 'a/b', '..', '.hidden', 'A', 'x\n', '', 'é', 'a'.repeat(254)])(
    'G5: the name %j is refused, and no file is written',
    async (name) => {
      await start();
      await expect(desk.create(draft(name), options())).rejects.toEqual(code('INVALID'));
      expect(names()).toEqual(['base.yaml']);
      const longest = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
      await expect(desk.create(draft(longest), options())).resolves.toMatchObject({ inForce: true });
    },
  );

  test('that is not valid is refused with its fields', async () => {
    await start();
    const refused = desk.create(draft('ci', { publicKey: { pem: 'x' } }), options());
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID',
      problems: [{ field: 'spec.publicKey.pem' }],
    });
    expect(names()).toEqual(['base.yaml']);
  });

  test('dry run: everything is checked, nothing is changed', async () => {
    await start();
    const before = store.current().number;
    const written = await desk.create(draft('ci'), options(true));
    expect(written.after?.metadata.name).toBe('ci');
    await expect(desk.create(draft('ci', { enabled: 'no' }), options(true))).rejects.toEqual(code('INVALID'));
    expect(names()).toEqual(['base.yaml']);
    expect(store.current().number).toBe(before);
    expect((await desk.create(draft('ci'), options())).after).toEqual(written.after);
  });
});

describe('a document in a file that people wrote', () => {
  beforeEach(async () => {
    write('people.yaml', BY_HAND);
    chmodSync(join(scratch.path, 'people.yaml'), 0o640);
    await start();
  });

  test('is changed in its place: comments, order and neighbours stay', async () => {
    const neighbour = BY_HAND.slice(BY_HAND.indexOf('---\n'));
    const written = await desk.patch(
      SIGNER,
      { enabled: false, issuer: 'https://other.example' },
      undefined,
      options(),
    );
    expect(written).toMatchObject({ inForce: true, after: { spec: { enabled: false } } });
    expect(store.current().signers.get('ci')?.enabled).toBe(false);
    const text = read('people.yaml');
    expect(text.endsWith(neighbour)).toBe(true);
    expect(text).toContain('# Who may sign. Ask the platform team first.\n');
    expect(text).toContain('name: ci # the pipeline');
    expect(text).toContain('  # set by the release team\n  keyless: true\n');
    expect(text).toContain('subject: build@example.com # not a person');
    expect(text).toContain('issuer: "https://other.example"');
    expect(text).toMatch(/description: >-\n {4}the release pipeline\n {2}enabled: false\n---\n# The policy/);
    expect(statSync(join(scratch.path, 'people.yaml')).mode & 0o777).toBe(0o640);
    expect(names()).toEqual(['base.yaml', 'people.yaml']);
    expect((await desk.get(SIGNER)).metadata.managedBy).toBe('the file people.yaml');
  });

  test('a list keeps the comments of what stays in it, and what was indented so', async () => {
    const name = { kind: 'ClusterSigningPolicy', name: 'house' } as const;
    const trustedKeys = [{ signerRef: { name: 'new' } }, { signerRef: { name: 'other' } }];
    await desk.patch(name, { trustedKeys }, undefined, options());
    const text = read('people.yaml');
    expect(text.startsWith(BY_HAND.slice(0, BY_HAND.indexOf('---\n')))).toBe(true);
    expect(text).toContain(
      '  trustedKeys:\n  - signerRef: { name: new }\n  - signerRef: { name: other } # for later\n',
    );
    expect(text).toContain('# The policy of the house:   do not touch.\n');
    expect(text).toContain('# the end');
  });

  test('G6: a version that is not the stored one is refused; a change elsewhere in the file is none of it', async () => {
    const seen = (await desk.get(SIGNER)).metadata.resourceVersion;
    // Other lines of the file, and how this document is written.
    write(
      'people.yaml',
      BY_HAND.replace('mode:   Enforce', 'mode: Audit').replace('{team: platform}', '{ "team": platform }'),
    );
    const spec = { keyless: true, issuer: 'https://a.example', subject: 'a' };
    const written = await desk.replace({ ...SIGNER, spec }, seen, options());
    expect(written.inForce).toBe(true);
    await expect(desk.replace({ ...SIGNER, spec }, seen, options())).rejects.toEqual(
      code('CHANGED_MEANWHILE'),
    );
    await expect(desk.delete(SIGNER, seen, options())).rejects.toEqual(code('CHANGED_MEANWHILE'));
    await expect(desk.replace({ ...SIGNER, spec }, versionOf(written), options())).resolves.toMatchObject({
      inForce: true,
    });
  });

  test('G6: of twenty administrators with one version one writes', async () => {
    const seen = (await desk.get(SIGNER)).metadata.resourceVersion;
    const writes = Array.from({ length: 20 }, (_, index) =>
      desk.replace(
        { ...SIGNER, spec: { keyless: true, issuer: 'https://a.example', subject: `s${index}` } },
        seen,
        options(),
      ),
    );
    const results = await Promise.allSettled(writes);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    expect(
      new Set(
        results.map((each) => (each.status === 'rejected' ? (each.reason as { code: string }).code : 'ok')),
      ),
    ).toEqual(new Set(['ok', 'CHANGED_MEANWHILE']));
  });

  test('defaults that a whole document comes with are not written where nobody wrote them', async () => {
    const { metadata, spec } = await desk.get(SIGNER);
    await desk.replace({ ...SIGNER, spec: { ...spec, enabled: true } }, metadata.resourceVersion, options());
    expect(read('people.yaml')).toBe(BY_HAND);
    const name = { kind: 'ClusterSigningPolicy', name: 'house' } as const;
    const house = await desk.get(name);
    const full = { ...house.spec, threshold: 1, requireSignature: true, tagPolicy: 'RequireDigest' };
    await desk.replace({ ...name, spec: full }, house.metadata.resourceVersion, options());
    expect(read('people.yaml')).not.toContain('threshold');
    expect(read('people.yaml')).toContain('tagPolicy: RequireDigest');
  });

  test('deletion takes the document, and the file with the last one', async () => {
    const neighbour = BY_HAND.slice(BY_HAND.indexOf('---\n'));
    expect(await desk.delete(SIGNER, undefined, options())).toMatchObject({
      after: undefined,
      inForce: true,
    });
    expect(read('people.yaml')).toBe(neighbour);
    expect(store.current().signers.has('ci')).toBe(false);
    await desk.delete({ kind: 'ClusterSigningPolicy', name: 'house' }, undefined, options());
    expect(names()).toEqual(['base.yaml']);
    expect(policies()).toEqual(['base']);
  });
});

describe('what is not changed here', () => {
  const ORIGINAL = `signing_policy:
  require_signature: true
  trusted_keys:
    - {keyless: true, issuer: "https://accounts.google.com", subject: "build@example.com"}
`;

  test('the original form: it is shown as the policy that it is, and says why', async () => {
    write('house-rules.yaml', ORIGINAL);
    await start();
    const name = { kind: 'ClusterSigningPolicy', name: 'house-rules' } as const;
    expect(await desk.get(name)).toMatchObject({
      spec: { mode: 'Enforce', requireSignature: true, trustedKeys: [{ keyless: true }] },
      metadata: { managedBy: 'the file house-rules.yaml (original form, not changed here)' },
    });
    await expect(desk.patch(name, { mode: 'Audit' }, undefined, options())).rejects.toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('original form (signing_policy) in house-rules.yaml'),
    });
    await expect(desk.delete(name, undefined, options())).rejects.toEqual(code('READ_ONLY'));
    expect(read('house-rules.yaml')).toBe(ORIGINAL);
  });

  test.each([
    [
      'a document that cannot be read',
      'apiVersion: countersign.dev/v1alpha1\nkind: Nonsense\n',
      /needs mending/,
    ],
    ['G10: an alias', 'a: &a 1\nb: *a\n', undefined],
    ['G10: a tag', 'a: !!js/function "x"\n', undefined],
    ['G10: a key twice', 'a: 1\na: 2\n', undefined],
  ])('a file with %s beside the document', async (_, bad, message) => {
    write('mixed.yaml', yaml(signer('ci')));
    await start();
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).resolves.toMatchObject({
      inForce: true,
    });
    const text = `${yaml(signer('ci'))}\n---\n${bad}`;
    write('mixed.yaml', text);
    const refused = desk.patch(SIGNER, { enabled: false }, undefined, options());
    // With a text that is no YAML of ours at all there is no document to speak of.
    await expect(refused).rejects.toMatchObject(
      message === undefined
        ? { code: 'NOT_FOUND' }
        : { code: 'READ_ONLY', message: expect.stringMatching(message) },
    );
    expect(read('mixed.yaml')).toBe(text);
  });

  test('a link, and a file that is protected; the same file without that', async () => {
    const elsewhere = scratchDirectory();
    writeFileSync(join(elsewhere.path, 'signer.yaml'), yaml(signer('ci')));
    symlinkSync(join(elsewhere.path, 'signer.yaml'), join(scratch.path, 'signer.yaml'));
    write('protected.yaml', yaml(signer('kept')));
    chmodSync(join(scratch.path, 'protected.yaml'), 0o444);
    await start();
    for (const dryRun of [true, false]) {
      await expect(desk.patch(SIGNER, { enabled: false }, undefined, options(dryRun))).rejects.toMatchObject({
        code: 'READ_ONLY',
        message: expect.stringContaining('is a link'),
      });
      await expect(
        desk.delete({ kind: 'TrustedSigner', name: 'kept' }, undefined, options(dryRun)),
      ).rejects.toMatchObject({ code: 'READ_ONLY', message: expect.stringContaining('is protected') });
    }
    expect(readFileSync(join(elsewhere.path, 'signer.yaml'), 'utf8')).toBe(yaml(signer('ci')));
    chmodSync(join(scratch.path, 'protected.yaml'), 0o644);
    await expect(
      desk.delete({ kind: 'TrustedSigner', name: 'kept' }, undefined, options()),
    ).resolves.toMatchObject({ inForce: true });
    elsewhere.remove();
  });

  test('a document that stands twice', async () => {
    write('a.yaml', yaml(signer('ci')));
    write('b.yaml', yaml(signer('ci', { enabled: false })));
    await start();
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).rejects.toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('(a.yaml, b.yaml)'),
    });
  });

  test('the last policy cannot be deleted: an empty directory denies everything', async () => {
    await start();
    const base = { kind: 'ClusterSigningPolicy', name: 'base' } as const;
    await expect(desk.delete(base, undefined, options())).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('last policy'),
    });
    expect(policies()).toEqual(['base']);
    await desk.create(draftPolicy('second'), options());
    await expect(desk.delete(base, undefined, options())).resolves.toMatchObject({ inForce: true });
    expect(policies()).toEqual(['second']);
  });

  test('a SigningException can be created and deleted, not changed', async () => {
    await start();
    const name = { kind: 'SigningException', name: 'incident' } as const;
    const spec = {
      namespaces: ['mcp'],
      images: ['ghcr.io/**'],
      reason: 'x',
      expiresAt: '2099-01-01T00:00:00Z',
    };
    const { after } = await desk.create({ ...name, spec }, options());
    const version = after?.metadata.resourceVersion ?? '';
    await expect(
      desk.replace({ ...name, spec: { ...spec, expiresAt: '2199-01-01T00:00:00Z' } }, version, options()),
    ).rejects.toEqual(code('INVALID'));
    await expect(desk.patch(name, { reason: 'y' }, undefined, options())).rejects.toEqual(code('INVALID'));
    await expect(desk.delete(name, version, options())).resolves.toMatchObject({ after: undefined });
  });

  test('a signer that is not valid can still be switched off, and not made worse from valid', async () => {
    write('bad.yaml', yaml(signer('ci', { expiresAt: 'tomorrow' }), signer('good')));
    await start();
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).resolves.toMatchObject({
      inForce: true,
    });
    const good = { kind: 'TrustedSigner', name: 'good' } as const;
    await expect(desk.patch(good, { expiresAt: 'tomorrow' }, undefined, options())).rejects.toEqual(
      code('INVALID'),
    );
  });
});

describe('one file instead of a directory', () => {
  test('takes every document; protected against writing none', async () => {
    const file = join(scratch.path, 'one.yaml');
    write('one.yaml', `# rules\n${yaml(policy('base'))}`);
    await start(file);
    await desk.create(draft('ci'), options());
    expect(names()).toEqual(['base.yaml', 'one.yaml']);
    expect(store.current().signers.has('ci')).toBe(true);
    await expect(
      desk.delete({ kind: 'ClusterSigningPolicy', name: 'base' }, undefined, options()),
    ).rejects.toEqual(code('CONFLICT'));
    await desk.delete(SIGNER, undefined, options());
    expect(existsSync(file)).toBe(true);
    chmodSync(file, 0o444);
    await expect(desk.create(draft('ci'), options())).rejects.toEqual(code('READ_ONLY'));
  });
});

test('a JSON file stays one', async () => {
  write('signer.json', JSON.stringify(signer('ci')));
  await start();
  await desk.patch(SIGNER, { description: 'x', enabled: false }, undefined, options());
  expect(JSON.parse(read('signer.json'))).toMatchObject({ spec: { description: 'x', enabled: false } });
});

test('a list is in the order of names, of one namespace where one is asked for, and has an end', async () => {
  mkdirSync(join(scratch.path, 'below'));
  write(
    'z.yaml',
    yaml(namespacedPolicy('b', 'team-a'), namespacedPolicy('a', 'team-b'), namespacedPolicy('a', 'team-a')),
  );
  await start();
  const list = async (more: object = {}) => {
    const { documents, isComplete } = await desk.list('SigningPolicy', { ...options(), limit: 10, ...more });
    const namesOf = ({ metadata: { namespace, name } }: StoredDocument) => `${namespace}/${name}`;
    return [documents.map(namesOf).join(' '), isComplete];
  };
  expect(await list()).toEqual(['team-a/a team-a/b team-b/a', true]);
  expect(await list({ namespace: 'team-b' })).toEqual(['team-b/a', true]);
  expect(await list({ limit: 2 })).toEqual(['team-a/a team-a/b', false]);
});

test('what would make of a file more than is read of one is refused, and never called in force', async () => {
  const many = Array.from({ length: LIMITS.policyFileDocuments - 2 }, (_, index) => signer(`s${index}`));
  write('base.yaml', yaml(policy('base'), ...many));
  const one = join(scratch.path, 'base.yaml');
  await start(one);
  await expect(desk.create(draft('last'), options())).resolves.toMatchObject({ inForce: true });
  await expect(desk.create(draft('one-more'), options())).rejects.toMatchObject({
    code: 'READ_ONLY',
    message: expect.stringContaining(`more than ${LIMITS.policyFileDocuments} documents`),
  });
  const off = await desk.patch({ ...SIGNER, name: 's5' }, { enabled: false }, undefined, options());
  expect([off.inForce, store.current().signers.get('s5')?.enabled]).toEqual([true, false]);
});

test('a text that was written and is not taken in whole is not in force', async () => {
  await start();
  const bad = `${yaml(policy('base'), signer('ci'))}\n---\n- no document\n`;
  const good = yaml(policy('base'), signer('ci'));
  for (const [text, isInForce] of [
    [bad, false],
    [good, true],
  ] as const) {
    write('base.yaml', text);
    await expect(store.refresh(new Map([['base.yaml', text]]))).resolves.toBe(isInForce);
  }
});

test('G6: two processes that make a document of one name at once make one', async () => {
  await start();
  const neighbour = new FileDesk({ path: scratch.path, store });
  for (let time = 0; time < 5; time += 1) {
    const name = `ci-${time}`;
    const both = await Promise.allSettled(
      [desk, neighbour].map((each, index) =>
        each.create(draft(name, { description: `${index}` }), options()),
      ),
    );
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused).toEqual([code('ALREADY_EXISTS')]);
    expect(names().filter((file) => file.includes(name))).toEqual([`trustedsigner-${name}.yaml`]);
  }
});
