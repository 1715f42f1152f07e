import { beforeAll, describe, expect, test } from '@jest/globals';
import { CommanderError } from 'commander';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { SettingsError } from '../../src/config.ts';
import { asError } from '../../src/errors.ts';
import { Artifacts } from '../registry/artifacts.ts';
import type { EvilRegistry } from '../registry/evil-registry.ts';
import { evilRegistry } from '../registry/sources.ts';
import { createAuthority } from '../support/certificates.ts';
import { newKeyPair, type KeyPair } from '../support/fixtures-certificates.ts';
import {
  createSigstore,
  GOLD_ISSUER,
  GOLD_SUBJECT,
  publicKeyPem,
  type SignOptions,
  type TestSigstore,
} from '../support/fixtures.ts';
import { freePort } from '../support/ports.ts';
import { countersign, homeFolder, verifyHere } from './countersign.ts';
import { explanationShape, readExplanation } from './explanation-shape.ts';

let sigstore: TestSigstore;
let key: KeyPair;
/** Who is trusted in most tests. */
let gold: readonly string[];
let rootFile: string;
let keyFile: string;

function file(name: string, text: string): string {
  const path = join(homeFolder(), name);
  writeFileSync(path, text);
  return path;
}

beforeAll(() => {
  sigstore = createSigstore();
  key = newKeyPair();
  rootFile = file('trusted_root.json', sigstore.trustedRootJson);
  keyFile = file('cosign.pub', publicKeyPem(key));
  gold = [
    '--certificate-identity',
    GOLD_SUBJECT,
    '--certificate-oidc-issuer',
    GOLD_ISSUER,
    '--trusted-root',
    rootFile,
  ];
});

/** A registry with one image per repository, signed as asked. */
class Store {
  readonly registry: EvilRegistry;

  constructor(registry: EvilRegistry) {
    this.registry = registry;
  }

  get flags(): readonly string[] {
    return ['--plain-http', this.registry.host];
  }

  image(repository: string): {
    readonly name: string;
    readonly digest: string;
    readonly artifacts: Artifacts;
  } {
    const artifacts = new Artifacts(this.registry, repository);
    return { name: `${this.registry.host}/${repository}:v1`, digest: artifacts.image(repository), artifacts };
  }

  /** @returns the image's name and digest */
  signed(
    repository: string,
    ...by: readonly SignOptions[]
  ): { readonly name: string; readonly digest: string } {
    const image = this.image(repository);
    const bundles = by.map((options) =>
      JSON.stringify(sigstore.signStatement({ digests: [image.digest], ...options })),
    );
    image.artifacts.referrers(
      image.digest,
      bundles.map((bundle) => image.artifacts.bundle(image.digest, bundle)),
    );
    return image;
  }
}

async function store(): Promise<Store> {
  return new Store(await evilRegistry());
}

function policyFile(name: string, ...documents: readonly object[]): string {
  return file(name, documents.map((document) => stringify(document)).join('---\n'));
}

function policyDocument(
  name: string,
  spec: object = {},
  kind = 'ClusterSigningPolicy',
  namespace?: string,
): object {
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind,
    metadata: { name, namespace },
    spec: { mode: 'Enforce', trustedKeys: [{ publicKey: { pem: publicKeyPem(key) } }], ...spec },
  };
}

const rootDocument = () => ({
  apiVersion: 'countersign.dev/v1alpha1',
  kind: 'TrustRoot',
  metadata: { name: 'public-good' },
  spec: { trustedRoot: sigstore.trustedRootJson, proofs: { preset: 'PublicGood' } },
});

const everyEvidence = (stdout: string) =>
  readExplanation(stdout).policies.flatMap(({ subjects }) => subjects.flatMap(({ evidence }) => evidence));

describe('what it says', () => {
  test('a signed image: from the image down to each proof, and code 0', async () => {
    const images = await store();
    const { name, digest } = images.signed('org/app', {});
    const { code, stdout, stderr } = await verifyHere([...gold, ...images.flags, name]);
    expect([code, stderr]).toEqual([0, '']);
    const shown = stdout
      .replace(/[0-9a-f]{64}/g, (hex) => (digest.endsWith(hex) ? 'DIGEST' : 'HEX'))
      .replace(/entry \d+/, 'entry N');
    expect(shown.replaceAll(images.registry.host, 'REGISTRY')).toBe(
      [
        'REGISTRY/org/app:v1',
        '├─ digest sha256:DIGEST (what the tag names now)',
        '└─ ClusterSigningPolicy "command-line" (Enforce)',
        '   ├─ referrer sha256:HEX: signature (statement)',
        `   │  ├─ signed by ${GOLD_SUBJECT} (issuer ${GOLD_ISSUER})`,
        '   │  ├─ log entry N of HEX',
        '   │  ├─ timestamp 2026-06-01T12:00:00.000Z by sha256:HEX',
        '   │  └─ ✔ counts for trustedKeys[0]',
        '   └─ ✔ Image REGISTRY/org/app:v1 is verified.',
        `      └─ signed by ${GOLD_SUBJECT} (issuer ${GOLD_ISSUER}) at 2026-06-01T12:00:00.000Z [trustedKeys[0]]`,
        '',
      ].join('\n'),
    );
  });

  test('broken evidence beside good, and an attestation: each with its own reason, and the image is verified', async () => {
    const images = await store();
    const { name, digest, artifacts } = images.image('org/app');
    const other = `sha256:${'e'.repeat(64)}`;
    const broken = sigstore.signStatement({ digests: [digest] });
    Object.assign(broken.dsseEnvelope ?? {}, {
      signatures: [{ sig: Buffer.alloc(70, 1).toString('base64') }],
    });
    const bundles = [
      sigstore.signStatement({ digests: [digest] }),
      broken,
      sigstore.signStatement({ digests: [digest], by: { email: 'mallory@example.com' } }),
      sigstore.signStatement({ digests: [other] }),
      sigstore.signStatement({ digests: [digest], predicateType: 'https://slsa.dev/provenance/v1' }),
    ];
    artifacts.referrers(
      digest,
      bundles.map((bundle) => artifacts.bundle(digest, JSON.stringify(bundle))),
    );
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('{}')]);
    const args = [...gold, ...images.flags, name];
    const { code, stdout } = await verifyHere([...args, '--output', 'json']);
    expect(code).toBe(0);
    const evidence = everyEvidence(stdout);
    const reasons = evidence.map(({ countsFor, refusals, content }) => [
      content?.kind,
      countsFor.join(),
      refusals.map((refusal) => refusal.code).join(),
    ]);
    expect(reasons.toSorted()).toEqual(
      [
        ['signature', 'trustedKeys[0]', ''],
        [undefined, '', 'SIG_INVALID'],
        ['signature', '', 'IDENTITY_MISMATCH'],
        ['signature', '', 'DIGEST_MISMATCH'],
        ['attestation', '', 'SIGNATURE_MISSING'],
        [undefined, '', 'SIG_INVALID'],
      ].toSorted(),
    );
    const tree = (await verifyHere(args)).stdout;
    for (const words of [
      '✔ counts for trustedKeys[0]',
      "✘ not for trustedKeys[0]: the certificate's subject is mallory@example.com",
      'but for another image',
      'attestation of type https://slsa.dev/provenance/v1',
      'tag sha256-',
    ])
      expect(tree).toContain(words);
    expect(tree).toMatch(/✔ Image \S+ is verified\.\n/);
  });

  test('an unsigned image has the words of the denial, and code 4', async () => {
    const images = await store();
    const { name, digest } = images.image('org/app');
    const { code, stdout } = await verifyHere([...gold, ...images.flags, name]);
    expect(code).toBe(4);
    expect(stdout).toContain(`✘ Image ${name} is not signed. Signature required. [SIGNATURE_MISSING]`);
    expect(stdout).toContain(`next: sign it (cosign sign ${name.replace(':v1', '')}@${digest})`);
    expect(stdout).toContain(
      `expected: a signature by ${GOLD_SUBJECT} (issuer ${GOLD_ISSUER}) [trustedKeys[0]]`,
    );
  });

  test('what nobody can tell is code 5, and no "no"', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    const args = [...gold, '--plain-http', host, `${host}/org/app:v1`];
    const { code, stdout, stderr } = await verifyHere(args);
    expect([code, stderr]).toEqual([5, '']);
    expect(stdout).toContain('├─ digest not known\n');
    expect(stdout).toMatch(
      /\? Image \S+ could not be verified: its registry cannot be reached\. \[REGISTRY_UNREACHABLE\]/,
    );
  });

  test('--timeout is for all of it: what has not answered by then is a fault', async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    const asked: string[] = [];
    const within = async (seconds: number) => {
      const { code, stdout } = await verifyHere([...gold, ...images.flags, '--timeout', `${seconds}`, name]);
      return [code, stdout.includes('before the deadline of the review'), stdout.includes('[TIMEOUT]')];
    };
    // Silent after a first answer. A request that is out of time by itself has another sentence.
    images.registry.script(async ({ url = '' }) => {
      if (!url.endsWith('/manifests/v1')) return true;
      await sleep(800);
      return false;
    });
    expect(await within(3)).toEqual([5, true, true]);
    // Each answer comes in time, and all of them together do not.
    images.registry.script(async ({ url = '' }) => {
      asked.push(url);
      await sleep(1_600);
      return false;
    });
    expect(await within(4)).toEqual([5, true, true]);
    expect(asked.length).toBeGreaterThan(1);
  });

  test('--timeout gives a slow registry the time that it needs', async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    images.registry.script(async ({ method }) => {
      // Longer than the webhook could wait for one answer.
      if (method === 'HEAD') await sleep(5_500);
      return false;
    });
    expect((await verifyHere([...gold, ...images.flags, '--timeout', '60', name])).code).toBe(0);
  });

  test('G12: neither a certificate nor a statement can speak to the terminal', async () => {
    const images = await store();
    const { name, digest, artifacts } = images.image('org/app');
    const predicateType = 'https://evil.example/\u001b]0;owned\u0007\u001b[2J\r\u009b31m\u202e\u2028';
    const bundles = [
      sigstore.signStatement({ digests: [digest], predicateType }),
      sigstore.signStatement({ digests: [digest], by: { uri: 'https://evil.example/\u001b[2J' } }),
    ];
    artifacts.referrers(
      digest,
      bundles.map((bundle) => artifacts.bundle(digest, JSON.stringify(bundle))),
    );
    const args = [...gold, ...images.flags, name];
    const [tree, json] = await Promise.all([verifyHere(args), verifyHere([...args, '--output', 'json'])]);
    // eslint-disable-next-line no-control-regex
    const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]/;
    for (const { code, stdout } of [tree, json]) expect([code, unsafe.test(stdout)]).toEqual([4, false]);
    const shown = 'https://evil.example/\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{d}\\u{9b}31m\\u{202e}\\u{2028}';
    expect(tree.stdout).toContain(`: attestation of type ${shown}\n`);
    // For a program the values are exact.
    const content = everyEvidence(json.stdout).map((each) => each.content);
    expect(content).toContainEqual({ kind: 'attestation', predicateType });
    expect(tree.stdout).toContain('[CERT_INVALID]');
  });

  test('as a process: codes, nothing but the result on standard output, and colours only where they are wanted', async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    const unsigned = images.image('org/unsigned').name;
    const args = ['verify', ...gold, ...images.flags];
    const [forced, plain, colourless, violated, faulted, misused] = await Promise.all([
      countersign([...args, name], { FORCE_COLOR: '1' }),
      countersign([...args, name]),
      countersign([...args, '--no-color', name], { FORCE_COLOR: '1' }),
      countersign([...args, unsigned]),
      countersign([...args, `${images.registry.host}/org/missing:v1`]),
      countersign(['verify', name]),
    ]);
    const codes = [forced, plain, colourless, violated, faulted, misused].map(({ code }) => code);
    expect(codes).toEqual([0, 0, 0, 4, 5, 2]);
    expect([plain, violated, faulted].map(({ stderr }) => stderr)).toEqual(['', '', '']);
    expect(forced.stdout).toContain('\u001b[32m✔');
    expect([plain.stdout.includes('\u001b'), colourless.stdout.includes('\u001b')]).toEqual([false, false]);
    expect([misused.stdout, misused.stderr]).toEqual(['', expect.stringContaining('nobody is trusted yet')]);
  });
});

describe('several images', () => {
  test('the worst verdict is the code: violated > faulted > verified', async () => {
    const images = await store();
    const good = images.signed('org/good', {}).name;
    const unsigned = images.image('org/unsigned').name;
    const missing = `${images.registry.host}/org/missing:v1`;
    const verify = (...names: string[]) =>
      verifyHere([...gold, ...images.flags, '--output', 'json', ...names]);
    const all = await Promise.all([verify(good), verify(good, missing), verify(missing, unsigned, good)]);
    expect(all.map(({ code }) => code)).toEqual([0, 5, 4]);
    const last = explanationShape.array().parse(JSON.parse(all[2]?.stdout ?? ''));
    expect(last.map(({ image, verdict }) => [image, verdict])).toEqual([
      [missing, 'faulted'],
      [unsigned, 'violated'],
      [good, 'verified'],
    ]);
  });

  test('a name that no node would take is refused, whatever the others are', async () => {
    const images = await store();
    const { name } = images.signed('org/good', {});
    const { code, stdout } = await verifyHere([...gold, ...images.flags, name, 'Org/App']);
    expect(code).toBe(4);
    expect(stdout).toContain('✘ Image Org/App is not a valid image reference. [REF_INVALID]');
  });
});

describe('--output json', () => {
  test('is one document of the documented shape, and the only thing on standard output', async () => {
    const images = await store();
    const { name, digest } = images.signed('org/app', {}, { key, log: 'none', timestamp: false });
    const args = [...gold, '--key', keyFile, '--threshold', '2', ...images.flags];
    const { code, stdout, stderr } = await verifyHere([
      ...args,
      '--output',
      'json',
      '--log-level',
      'debug',
      name,
    ]);
    expect(code).toBe(4);
    const explanation = readExplanation(stdout);
    expect(explanation).toMatchObject({
      image: name,
      digest,
      verdict: 'violated',
      policies: [{ policy: { kind: 'ClusterSigningPolicy', name: 'command-line' }, verdict: 'violated' }],
    });
    expect(explanation.policies[0]?.reasons.map(({ code: each }) => each)).toEqual([
      'THRESHOLD',
      'TLOG_MISSING',
    ]);
    for (const line of stderr.split('\n').filter((each) => each !== '')) JSON.parse(line);
  });
});

describe('who is trusted, by flags', () => {
  test('keys: with their log entry, without it when that is said, and with a timestamp when that is asked for', async () => {
    const images = await store();
    const logged = images.signed('org/logged', { key, log: 'v1', timestamp: false }).name;
    const bare = images.signed('org/bare', { key, log: 'none', timestamp: false }).name;
    const stamped = images.signed('org/stamped', { key, log: 'none', timestamp: true }).name;
    const codes = async (...flags: string[]) => {
      const ended = await Promise.all(
        [logged, bare, stamped].map((name) =>
          verifyHere(['--key', keyFile, '--trusted-root', rootFile, ...flags, ...images.flags, name]),
        ),
      );
      return ended.map(({ code }) => code);
    };
    expect(await codes()).toEqual([0, 4, 4]);
    expect(await codes('--insecure-ignore-tlog')).toEqual([0, 0, 0]);
    expect(await codes('--insecure-ignore-tlog', '--use-signed-timestamps')).toEqual([4, 4, 0]);
  });

  test('identities match whole, patterns too', async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    const issuer = ['--certificate-oidc-issuer', GOLD_ISSUER];
    const codes = async (...flags: string[]) =>
      (await verifyHere([...flags, '--trusted-root', rootFile, ...images.flags, name])).code;
    expect(
      await Promise.all([
        codes('--certificate-identity', GOLD_SUBJECT, ...issuer),
        codes('--certificate-identity', GOLD_SUBJECT.slice(0, -1), ...issuer),
        codes('--certificate-identity-regexp', 'https://github\\.com/org/.*', ...issuer),
        codes('--certificate-identity-regexp', 'github\\.com/org/', ...issuer),
        codes('--certificate-identity', 'a@b.example', '--certificate-identity', GOLD_SUBJECT, ...issuer),
        codes(
          '--certificate-identity',
          GOLD_SUBJECT,
          '--certificate-oidc-issuer-regexp',
          'https://token\\..*',
        ),
      ]),
    ).toEqual([0, 4, 0, 4, 0, 0]);
  });

  test('what the trusted root names is asked for: log entries, timestamps, SCTs', async () => {
    const images = await store();
    const bare = { by: { sctBy: [] } };
    const full = images.signed('org/full', {}).name;
    const noSct = images.signed('org/no-sct', bare).name;
    const noLog = images.signed('org/no-log', { ...bare, log: 'none', timestamp: true }).name;
    const noTimestamp = images.signed('org/no-timestamp', { ...bare, log: 'v1', timestamp: false }).name;
    const codes = async (name: string, missing: object) => {
      const root = file(name, JSON.stringify({ ...sigstore.trustedRoot(), ...missing }));
      const args = [...gold.slice(0, 4), '--trusted-root', root, ...images.flags];
      const ended = await Promise.all(
        [full, noSct, noLog, noTimestamp].map((each) => verifyHere([...args, each])),
      );
      return ended.map(({ code }) => code);
    };
    expect(await codes('whole.json', {})).toEqual([0, 4, 4, 4]);
    // An SCT that nobody of the root gave counts against its certificate.
    expect(await codes('private.json', { ctlogs: [] })).toEqual([4, 0, 4, 0]);
    // Like GitHub's own instance.
    expect((await codes('github.json', { ctlogs: [], tlogs: [] }))[2]).toBe(0);
  });

  test('a key that is kept elsewhere and cannot be read is a fault, long before the time is over', async () => {
    const images = await store();
    const { name } = images.signed('org/app', { key, log: 'none', timestamp: false });
    const env = { VAULT_ADDR: `http://127.0.0.1:${await freePort()}`, VAULT_TOKEN: 'not-a-secret' };
    const args = ['--key', 'hashivault://release', '--insecure-ignore-tlog', '--timeout', '200'];
    const began = performance.now();
    const { code, stdout } = await verifyHere([...args, ...images.flags, name], env);
    expect([code, performance.now() - began < 100_000]).toEqual([5, true]);
    expect(stdout).toContain('trustedKeys[0] is unavailable: hashivault://release');
    expect(stdout).toContain('[KEY_UNAVAILABLE]');
  });

  test('--signature-repository, and COSIGN_REPOSITORY as cosign has it', async () => {
    const images = await store();
    const { name, digest } = images.image('org/app');
    const elsewhere = new Artifacts(images.registry, 'org/signatures');
    const bundle = JSON.stringify(sigstore.signStatement({ digests: [digest] }));
    elsewhere.referrers(digest, [elsewhere.bundle(digest, bundle)]);
    const repository = `${images.registry.host}/org/signatures`;
    const args = [...gold, ...images.flags, name];
    const ended = await Promise.all([
      verifyHere(args),
      verifyHere([...args, '--signature-repository', repository]),
      verifyHere(args, { COSIGN_REPOSITORY: repository }),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([4, 0, 0]);
  });
});

describe('who is trusted, by policies', () => {
  const log = { transparency: { keys: { log: 'Ignored' } } };

  test('the documents of standalone mode; all of them must hold', async () => {
    const images = await store();
    const { name } = images.signed('org/app', { key, log: 'none', timestamp: false });
    const { flags } = images;
    const good = policyFile('good.yaml', policyDocument('key', log), rootDocument());
    const strict = policyFile(
      'strict.yaml',
      policyDocument('key', log),
      policyDocument('logged'),
      rootDocument(),
    );
    expect((await verifyHere(['--policy', good, ...flags, name])).code).toBe(0);
    const { code, stdout } = await verifyHere(['--policy', strict, ...flags, name]);
    expect(code).toBe(4);
    expect(stdout).toMatch(
      /├─ ClusterSigningPolicy "key" \(Enforce\)[^]*is verified[^]*└─ ClusterSigningPolicy "logged" \(Enforce\)/,
    );
  });

  test('a mode softens nothing here, and is shown', async () => {
    const images = await store();
    const { name } = images.image('org/app');
    const policy = policyFile('warn.yaml', policyDocument('warn', { ...log, mode: 'Warn' }));
    const { code, stdout } = await verifyHere(['--policy', policy, ...images.flags, name]);
    expect([code, stdout.includes('ClusterSigningPolicy "warn" (Warn)')]).toEqual([4, true]);
  });

  test('--namespace leaves out what does not apply there; without it everything does', async () => {
    const images = await store();
    const { name } = images.signed('org/app', { key, log: 'none', timestamp: false });
    const labels = { matchLabels: { 'kubernetes.io/metadata.name': 'mcp' } };
    const other = { publicKey: { pem: publicKeyPem(newKeyPair()) } };
    const policy = policyFile(
      'namespaces.yaml',
      policyDocument('everywhere', log),
      // Nobody labels anything here: a selector of workloads selects.
      policyDocument('mcp', {
        ...log,
        match: { namespaceSelector: labels, workloadSelector: { matchLabels: { a: 'b' } } },
        trustedKeys: [other],
      }),
      policyDocument('tenant', { ...log, trustedKeys: [other] }, 'SigningPolicy', 'team'),
    );
    const names = async (...flags: string[]) => {
      const args = ['--policy', policy, '--output', 'json', ...flags, ...images.flags, name];
      const { code, stdout } = await verifyHere(args);
      return [code, ...readExplanation(stdout).policies.map((each) => each.policy?.name)];
    };
    expect(await names()).toEqual([4, 'everywhere', 'mcp', 'tenant']);
    expect(await names('--namespace', 'mcp')).toEqual([4, 'everywhere', 'mcp']);
    expect(await names('--namespace', 'team')).toEqual([4, 'everywhere', 'tenant']);
    expect(await names('--namespace', 'else')).toEqual([0, 'everywhere']);
  });

  test('an image that no policy is about is refused', async () => {
    const images = await store();
    const { name } = images.signed('org/app', { key });
    const policy = policyFile(
      'elsewhere.yaml',
      policyDocument('else', { match: { images: ['ghcr.io/**'] } }),
    );
    const args = ['--policy', policy, ...images.flags, name];
    const { code, stdout } = await verifyHere(args);
    expect(code).toBe(4);
    expect(stdout).toContain(`✘ Image ${name} is covered by no policy. [NO_POLICY]`);
    expect((await verifyHere([...args, '--output', 'json'])).stdout).not.toContain('"policy":');
  });

  test('the original form', async () => {
    const images = await store();
    const { name } = images.signed('org/app', { key, log: 'v1' });
    const form = {
      signing_policy: { require_signature: true, trusted_keys: [{ public_key: publicKeyPem(key) }] },
    };
    const policy = policyFile('original.yaml', form, rootDocument());
    expect((await verifyHere(['--policy', policy, ...images.flags, name])).code).toBe(0);
  });
});

describe('registries', () => {
  test("a person's own credentials are used, and only where the Docker configuration is", async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    const authorization = `Basic ${Buffer.from('me:pass').toString('base64')}`;
    images.registry.script(({ headers }, response) => {
      if (headers.authorization === authorization) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    const auths = { [images.registry.host]: { auth: Buffer.from('me:pass').toString('base64') } };
    const config = file('config.json', JSON.stringify({ auths }));
    const args = [...gold, ...images.flags, name];
    const ended = await Promise.all([
      verifyHere(args),
      verifyHere(args, { DOCKER_CONFIG: homeFolder() }),
      verifyHere([...args, '--docker-config', config]),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([5, 0, 0]);
    expect(ended[0]?.stdout).toContain('[REGISTRY_AUTH]');
  });

  test('credentials that cannot be read are an error, in the usual place as well, and not "access refused"', async () => {
    const images = await store();
    const { name } = images.signed('org/app', {});
    const args = [...gold, ...images.flags, name];
    const folder = mkdtempSync(join(homeFolder(), 'docker-'));
    const usual = (text: string) => {
      writeFileSync(join(folder, 'config.json'), text);
      return verifyHere(args, { DOCKER_CONFIG: folder });
    };
    expect((await usual('{"auths": {}}')).code).toBe(0);
    const secret = Buffer.from('me:pass').toString('base64');
    const reason: unknown = await usual(`{"auths": {"a": {"auth": "${secret}"}}`).catch(
      (error: unknown) => error,
    );
    expect(reason).toBeInstanceOf(SettingsError);
    expect(asError(reason).message).toBe(
      `the Docker configuration ${join(folder, 'config.json')} cannot be used: it is not JSON`,
    );
    // Nothing was asked with less than what was to be asked with.
    const before = images.registry.seen.length;
    await usual('[]').catch(() => {});
    expect(images.registry.seen).toHaveLength(before);
  });

  test('--registry-ca, and the settings of serve', async () => {
    const authority = createAuthority('tests');
    const { certPem: cert, keyPem } = authority.issue({ commonName: 'registry', names: ['127.0.0.1'] });
    const images = new Store(await evilRegistry({ cert, key: keyPem }));
    const { name } = images.signed('org/app', {});
    const ca = file('ca.pem', authority.certPem);
    const settings = file(
      'settings.yaml',
      stringify({ registries: [{ host: images.registry.host, caFile: 'ca.pem' }] }),
    );
    const verify = (...flags: string[]) => verifyHere([...gold, ...flags, name]);
    const ended = await Promise.all([verify(), verify('--registry-ca', ca), verify('--config', settings)]);
    expect(ended.map(({ code }) => code)).toEqual([5, 0, 0]);
  });
});

describe('what it cannot be asked', () => {
  const wrong: readonly (readonly [string, () => readonly string[], string])[] = [
    ['no image', () => [...gold], "missing required argument 'image'"],
    ['nobody who is trusted', () => ['a'], 'nobody is trusted yet: give --policy, or'],
    [
      'policies and flags',
      () => ['--policy', '.', '--threshold', '1', '--key', 'k', 'a'],
      '--policy and --key, --threshold exclude each other',
    ],
    [
      'policies that are not there',
      () => ['--policy', 'nowhere.yaml', 'a'],
      "no such file or directory, stat 'nowhere.yaml'",
    ],
    [
      'a file without a policy',
      () => ['--policy', policyFile('root-only.yaml', rootDocument()), 'a'],
      'no policy was found in',
    ],
    [
      'an issuer without a subject',
      () => ['--certificate-oidc-issuer', 'https://i.example', 'a'],
      '--certificate-identity: a keyless identity needs exactly one of subject and subjectRegExp',
    ],
    [
      'a subject without an issuer',
      () => ['--certificate-identity', 'me@example.com', 'a'],
      '--certificate-oidc-issuer: a keyless identity needs exactly one of issuer',
    ],
    [
      'a pattern that matches anyone',
      () => ['--certificate-identity-regexp', '.*', '--certificate-oidc-issuer', 'i', 'a'],
      '--certificate-identity-regexp: must not match anyone',
    ],
    [
      'a pattern that is none',
      () => ['--certificate-identity-regexp', '(', '--certificate-oidc-issuer', 'i', 'a'],
      '--certificate-identity-regexp: ',
    ],
    [
      'a key that is not there',
      () => ['--key', 'nokey.pub', 'a'],
      "no such file or directory, open 'nokey.pub'",
    ],
    ['a key that is none', () => ['--key', file('none.pub', 'nothing'), 'a'], 'none.pub: '],
    [
      'a reference of no kind',
      () => ['--key', 'https://keys.example/cosign.pub', 'a'],
      '--key: "https://keys.example/cosign.pub" is no key reference',
    ],
    [
      'no log for a certificate',
      () => [...gold, '--insecure-ignore-tlog', 'a'],
      '--insecure-ignore-tlog is for keys only',
    ],
    [
      'a threshold that nobody reaches',
      () => [...gold, '--threshold', '2', 'a'],
      '--threshold: threshold is more than the entries of trustedKeys can reach',
    ],
    ['a threshold of none', () => [...gold, '--threshold', '0', 'a'], '--threshold: '],
    [
      'a trust root that is none',
      () => [...gold.slice(0, 4), '--trusted-root', file('none.json', '{}'), 'a'],
      '--trusted-root ',
    ],
    [
      'a repository with a tag',
      () => [...gold, '--signature-repository', 'ghcr.io/org/a:v1', 'a'],
      '--signature-repository (or COSIGN_REPOSITORY): ',
    ],
    [
      'credentials that are not there',
      () => [...gold, '--docker-config', 'nowhere.json', 'a'],
      '--docker-config: nowhere.json does not exist',
    ],
    [
      'credentials that are not JSON',
      () => [...gold, '--docker-config', file('broken.json', '{"auths": {"r": {"auth": "c2VjcmV0'), 'a'],
      'broken.json cannot be used: it is not JSON',
    ],
    [
      'credentials of the settings that are not there',
      () => [...gold, '--config', file('credentials.yaml', 'dockerConfig: gone.json'), 'a'],
      'gone.json cannot be used: it could not be read (ENOENT)',
    ],
    [
      'an authority that is not there',
      () => [...gold, '--registry-ca', 'nowhere.pem', 'a.example/b'],
      'nowhere.pem',
    ],
    [
      'an authority without a certificate',
      () => [...gold, '--registry-ca', file('empty.pem', 'nothing'), 'a.example/b'],
      'empty.pem holds no PEM certificate',
    ],
    ['no time at all', () => [...gold, '--timeout', '0', 'a'], 'It must be a number of seconds'],
    ['a time that is none', () => [...gold, '--timeout', '1e3', 'a'], 'It must be a number of seconds'],
    ['a level that is none', () => [...gold, '--slsa-level', 'abc', 'a'], 'It must be a whole number'],
    ['a level that there is not', () => [...gold, '--slsa-level', '9', 'a'], '--slsa-level: '],
    ['a threshold that is no number', () => [...gold, '--threshold', '1.5', 'a'], 'must be a whole number'],
    ['two times', () => [...gold, '--timeout', '5', '--timeout', '6', 'a'], 'It is given twice'],
    ['two forms', () => [...gold, '--output', 'json', '--output', 'tree', 'a'], 'It is given twice'],
    ['two issuers', () => [...gold, '--certificate-oidc-issuer', 'i', 'a'], 'It is given twice'],
    ['an empty policy', () => ['--policy', '', 'a'], 'It must not be empty'],
    ['an empty identity', () => [...gold, '--certificate-identity', ' ', 'a'], 'It must not be empty'],
    ['no namespace', () => [...gold, '--namespace', 'a b', 'a'], 'It must be the name of a namespace'],
    ['plain http to a URL', () => [...gold, '--plain-http', 'http://r.example/', 'a'], '--plain-http: the'],
    ['plain http to a host in capitals', () => [...gold, '--plain-http', 'R.example', 'a'], '--plain-http: '],
    ['another form', () => [...gold, '--output', 'xml', 'a'], 'Allowed choices are tree, json'],
    [
      'settings with an unknown key',
      () => [...gold, '--config', file('odd.yaml', 'registers: []'), 'a'],
      'registers: unknown key',
    ],
  ];
  test.each(wrong)('%s', async (_what, args, message) => {
    const { stdout, reason } = await verifyHere(args()).then(
      ({ stdout: said }) => ({ stdout: said, reason: undefined }),
      (error: unknown) => ({ stdout: '', reason: error }),
    );
    expect(stdout).toBe('');
    // Both end the program with code 2.
    expect(reason instanceof SettingsError || reason instanceof CommanderError).toBe(true);
    expect(asError(reason).message).toContain(message);
  });

  test('a mistake in a policy file is told with its line', async () => {
    const text = stringify(policyDocument('a')).replace('mode: Enforce', 'mode: Enforced');
    const args = ['--policy', file('mistake.yaml', `# first\n${text}`), 'a'];
    const line = text.split('\n').findIndex((each) => each.includes('Enforced')) + 2;
    await expect(verifyHere(args)).rejects.toThrow(`mistake.yaml:${line}: spec.mode: `);
    const { code, stdout, stderr } = await countersign(['verify', ...args]);
    expect([code, stdout, stderr.includes(`mistake.yaml:${line}: spec.mode: `)]).toEqual([2, '', true]);
  });

  test('help tells the codes', async () => {
    const { code, stdout } = await countersign(['verify', '--help']);
    expect(code).toBe(0);
    for (const words of ['4 "no"', '5 "cannot tell"', '2 command line']) expect(stdout).toContain(words);
  });
});
