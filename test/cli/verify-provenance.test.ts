import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { Artifacts } from '../registry/artifacts.ts';
import type { EvilRegistry } from '../registry/evil-registry.ts';
import { evilRegistry } from '../registry/sources.ts';
import {
  attestStatement,
  changed,
  COMMIT,
  DEVELOPER,
  GENERATOR,
  generatorStatement,
  githubSigner,
  OWN_WORKFLOW,
  RELEASED,
  SOURCE,
  TEKTON_BUILDER,
  tektonV1Statement,
  type Json,
} from '../slsa/statements.ts';
import { newKeyPair, type KeyPair } from '../support/fixtures-certificates.ts';
import { createSigstore, publicKeyPem, type SignOptions, type TestSigstore } from '../support/fixtures.ts';
import { certificateFor } from '../support/provenance.ts';
import { countersign, homeFolder, verifyHere } from './countersign.ts';
import { readExplanation } from './explanation-shape.ts';

/** `countersign verify --provenance`: how an image was built, for people and for programs. */
let sigstore: TestSigstore;
let root: readonly string[];
let key: KeyPair;

beforeAll(() => {
  sigstore = createSigstore();
  key = newKeyPair();
  root = ['--trusted-root', file('trusted_root.json', sigstore.trustedRootJson)];
});

function file(name: string, text: string): string {
  const path = join(homeFolder(), name);
  writeFileSync(path, text);
  return path;
}

interface Attestation {
  readonly json: Json;
  readonly by: SignOptions;
}

const GOLD: Attestation = { json: generatorStatement(), by: { by: certificateFor(githubSigner(RELEASED)) } };
const OWN: Attestation = { json: attestStatement(), by: { by: certificateFor(githubSigner(OWN_WORKFLOW)) } };

/** An image with these beside it, and the flags to reach it. */
async function image(...attestations: readonly Attestation[]) {
  const registry: EvilRegistry = await evilRegistry();
  const artifacts = new Artifacts(registry);
  const digest = artifacts.image();
  const subject = [{ name: 'x', digest: { sha256: digest.replace('sha256:', '') } }];
  const bundles = attestations.map(({ json, by }) =>
    JSON.stringify(sigstore.signStatement({ digests: [], statement: { ...json, subject }, ...by })),
  );
  artifacts.referrers(
    digest,
    bundles.map((bundle) => artifacts.bundle(digest, bundle)),
  );
  const name = `${registry.host}/org/app:v1`;
  return { name, digest, host: registry.host, args: [...root, '--plain-http', registry.host, name] };
}

const provenanceOf = (stdout: string) =>
  readExplanation(stdout).policies.flatMap(({ subjects }) =>
    subjects.flatMap(({ provenance = [] }) => provenance),
  );

const policyFile = (name: string, slsa: object): string =>
  file(
    name,
    [
      {
        kind: 'ClusterSigningPolicy',
        metadata: { name: 'builds' },
        spec: { mode: 'Enforce', requireSignature: false, trustRootRef: { name: 'tests' }, slsa },
      },
      {
        kind: 'TrustRoot',
        metadata: { name: 'tests' },
        spec: { trustedRoot: sigstore.trustedRootJson, proofs: { preset: 'Private' } },
      },
      {
        kind: 'TrustedSigner',
        metadata: { name: 'generator' },
        spec: {
          keyless: true,
          issuer: 'https://token.actions.githubusercontent.com',
          subject: RELEASED,
          trustRootRef: { name: 'tests' },
        },
      },
      {
        kind: 'TrustedSigner',
        metadata: { name: 'chains' },
        spec: { publicKey: { pem: publicKeyPem(key) } },
      },
    ]
      .map((document) => stringify({ apiVersion: 'countersign.dev/v1alpha1', ...document }))
      .join('---\n'),
  );

describe('what it shows', () => {
  test('as a process: level, builder, source, ref, commit, trigger, build type, time, and the statement', async () => {
    const { name, digest, host, args } = await image(GOLD);
    const { code, stdout, stderr } = await countersign(['verify', '--provenance', ...args]);
    expect([code, stderr]).toEqual([0, '']);
    const shown = stdout
      .replace(/[0-9a-f]{64}/g, (hex) => (digest.endsWith(hex) ? 'DIGEST' : 'HEX'))
      .replaceAll(host, 'REGISTRY');
    expect(shown.split('\n')).toEqual([
      'REGISTRY/org/app:v1',
      '├─ digest sha256:DIGEST (what the tag names now)',
      '└─ ClusterSigningPolicy "command-line" (Enforce)',
      '   ├─ referrer sha256:HEX: provenance',
      '   │  ├─ SLSA build level 3',
      `   │  ├─ builder ${RELEASED}`,
      `   │  ├─ source ${SOURCE}`,
      '   │  ├─ ref refs/heads/main',
      `   │  ├─ commit ${COMMIT}`,
      '   │  ├─ trigger push',
      '   │  ├─ runner github-hosted',
      '   │  ├─ build type https://github.com/slsa-framework/slsa-github-generator/container@v1',
      `   │  ├─ signed by ${RELEASED} (issuer https://token.actions.githubusercontent.com) at 2026-06-01T12:00:00.000Z`,
      '   │  ├─ in its own words',
      '   │  │  ├─ entry point .github/workflows/release.yml',
      '   │  │  ├─ invocation 2556669934-1',
      '   │  │  └─ resolved dependencies (1)',
      `   │  │     └─ git+${SOURCE}@refs/heads/main sha1:${COMMIT}`,
      '   │  └─ ✔ is what slsa asks for',
      '   └─ ✔ Image REGISTRY/org/app:v1 is verified.',
      '',
    ]);
    expect(name).toContain(host);
    // docs/cli.md shows the same.
    const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/cli.md'), 'utf8');
    const [, example = ''] = /^```\n(ghcr\.io\/acme\/app:v1\n[^]*?)^```$/m.exec(page) ?? [];
    const told = (text: string) =>
      text
        .replace(/[0-9a-f]{64}/g, 'HEX')
        .replaceAll(`${host}/org/app`, 'IMAGE')
        .replaceAll('ghcr.io/acme/app', 'IMAGE');
    expect(told(example)).toBe(told(stdout));
  });

  test('as a process: the same for programs', async () => {
    const { args } = await image(GOLD);
    const { code, stdout } = await countersign(['verify', '--provenance', '--output', 'json', ...args]);
    expect(code).toBe(0);
    expect(provenanceOf(stdout)).toEqual([
      {
        evidence: expect.stringMatching(/^referrer sha256:/),
        kind: 'provenance',
        counts: true,
        level: 3,
        builder: RELEASED,
        source: SOURCE,
        ref: 'refs/heads/main',
        commit: COMMIT,
        trigger: 'push',
        runnerEnvironment: 'github-hosted',
        buildType: 'https://github.com/slsa-framework/slsa-github-generator/container@v1',
        signedBy: `${RELEASED} (issuer https://token.actions.githubusercontent.com)`,
        signedAt: '2026-06-01T12:00:00.000Z',
        reasons: [],
        statement: {
          entryPoint: '.github/workflows/release.yml',
          invocation: '2556669934-1',
          parameters: {},
          resolvedDependencies: [{ uri: `git+${SOURCE}@refs/heads/main`, digest: { sha1: COMMIT } }],
          resolvedDependencyCount: 1,
        },
      },
    ]);
  });

  test('without --provenance, the facts and not the statement', async () => {
    const { args } = await image(GOLD);
    const { code, stdout } = await verifyHere(['--slsa-level', '3', ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain('SLSA build level 3');
    expect(stdout).not.toContain('in its own words');
    const json = await verifyHere(['--slsa-level', '3', '--output', 'json', ...args]);
    expect(provenanceOf(json.stdout)[0]?.statement).toBeUndefined();
  });

  test('several statements: the one that counts first, each other one with its own reason', async () => {
    const forged = { ...GOLD, by: { by: certificateFor(DEVELOPER) } };
    const unreadable = { ...GOLD, json: { ...GOLD.json, predicate: {} } };
    const { args } = await image(unreadable, forged, OWN, GOLD);
    const { code, stdout } = await verifyHere(['--slsa-level', '3', '--output', 'json', ...args]);
    expect(code).toBe(0);
    expect(
      provenanceOf(stdout).map(({ kind, counts, level, reasons }) => [kind, counts, level, reasons[0]?.code]),
    ).toEqual([
      ['provenance', true, 3, undefined],
      ['provenance', false, 2, 'SLSA_LEVEL'],
      ['provenance', false, 1, 'SLSA_BUILDER'],
      ['unreadable', false, 0, 'MALFORMED'],
    ]);
    const tree = (await verifyHere(['--slsa-level', '3', ...args])).stdout;
    expect(tree).toMatch(/✘ builder \S+ did not sign it: signed by dev@acme\.example .*\[SLSA_BUILDER\]/);
    expect(tree).toMatch(/✔ Image \S+ is verified\.\n/);
  });

  test('a key that a policy names for its builder', async () => {
    const { host, name } = await image({ json: tektonV1Statement(), by: { key } });
    const builders = [{ id: TEKTON_BUILDER, level: 3, signerRef: { name: 'chains' } }];
    const policy = policyFile('chains.yaml', { requiredLevel: 3, builders });
    const args = ['--policy', policy, '--plain-http', host, '--provenance', '--output', 'json', name];
    const { code, stdout } = await verifyHere(args);
    expect(code).toBe(0);
    expect(provenanceOf(stdout)).toMatchObject([
      {
        counts: true,
        level: 3,
        builder: TEKTON_BUILDER,
        source: SOURCE,
        signedBy: expect.stringMatching(/^key sha256:/),
      },
    ]);
    expect(provenanceOf(stdout)[0]?.statement).toMatchObject({
      startedOn: '2026-11-22T09:34:56.000Z',
      finishedOn: '2026-11-22T09:44:56.000Z',
      resolvedDependencyCount: 3,
    });
  });

  test('what verifies for the platform and for a signer of the policy as well is shown once, by what it is worth', async () => {
    const { host, name } = await image(GOLD);
    const builders = [{ id: GENERATOR, signerRef: { name: 'generator' } }];
    const policy = policyFile('twice.yaml', { requiredLevel: 3, builders });
    const args = ['--policy', policy, '--plain-http', host, '--output', 'json', name];
    const { code, stdout } = await verifyHere(args);
    expect([code, provenanceOf(stdout).map(({ counts, level }) => [counts, level])]).toEqual([
      0,
      [[true, 3]],
    ]);
  });

  test('what would fill the screen is counted, and what would move its cursor is spelled out', async () => {
    const escape = '\u001b[2J\u202e';
    const dependencies = Array.from({ length: 100 }, (_, i) => ({ uri: `pkg:x/${i}${escape}`, digest: {} }));
    const inputs = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`input${i}${escape}`, `v${escape}`]),
    );
    const json = ['resolvedDependencies', 'externalParameters'].reduce(
      (good, path, i) => changed(good, `predicate.buildDefinition.${path}`, [dependencies, inputs][i]),
      tektonV1Statement(),
    );
    const { host, name } = await image({ json, by: { key } });
    const builders = [{ id: TEKTON_BUILDER, signerRef: { name: 'chains' } }];
    const policy = policyFile('many.yaml', { requiredLevel: 2, builders });
    const args = ['--policy', policy, '--plain-http', host, '--provenance', name];
    const { code, stdout } = await verifyHere(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/resolved dependencies \(100\)\n(?:.*pkg:x\/.*\n){16}.*and 84 more/);
    expect(stdout).toMatch(/parameters \(40\)\n(?:.*input.*\n){16}.*and 24 more/);
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    const machine = await verifyHere([...args, '--output', 'json']);
    expect(machine.stdout).not.toContain('\u202e');
    expect(provenanceOf(machine.stdout)[0]?.statement?.parameters).toEqual(inputs);
  });
});

describe('flags in place of a policy', () => {
  test('--slsa-level, --builder, --source: exit codes', async () => {
    const level3 = await image(GOLD);
    const level2 = await image(OWN);
    const none = await image();
    const codes = async (...flags: string[]) => {
      const all = [level3, level2, none].map(({ args }) => verifyHere([...flags, ...args]));
      return (await Promise.all(all)).map(({ code }) => code);
    };
    expect(await codes('--slsa-level', '3')).toEqual([0, 4, 4]);
    expect(await codes('--slsa-level', '2')).toEqual([0, 0, 4]);
    expect(await codes('--provenance')).toEqual([0, 0, 4]);
    expect(await codes('--slsa-level', '2', '--builder', GENERATOR)).toEqual([0, 4, 4]);
    expect(await codes('--slsa-level', '2', '--builder', GENERATOR, '--builder', OWN_WORKFLOW)).toEqual([
      0, 0, 4,
    ]);
    expect(await codes('--slsa-level', '2', '--source', 'https://github.com/acme/*')).toEqual([0, 0, 4]);
    expect(await codes('--slsa-level', '2', '--source', 'https://github.com/acme/ap')).toEqual([4, 4, 4]);
  });

  test('a signature and provenance: both are asked for, each on its own', async () => {
    const flags = ['--key', file('cosign.pub', publicKeyPem(key)), '--slsa-level', '3'];
    const signature = {
      json: { ...tektonV1Statement(), predicateType: 'https://sigstore.dev/cosign/sign/v1' },
      by: { key },
    };
    const both = await image(GOLD, signature);
    const only = await image(GOLD);
    const ended = await Promise.all([both, only].map(({ args }) => verifyHere([...flags, ...args])));
    expect(ended.map(({ code }) => code)).toEqual([0, 4]);
    expect(ended[1]?.stdout).toContain('is not signed. Signature required.');
  });

  test('a level that is not reached has the words of the denial', async () => {
    const { name, args } = await image(OWN);
    const { code, stdout } = await countersign(['verify', '--slsa-level', '3', ...args]);
    expect(code).toBe(4);
    expect(stdout).toContain(
      `✘ Image ${name} has SLSA build level 2; policy "command-line" requires 3: builder ${OWN_WORKFLOW}`,
    );
    expect(stdout).toContain('SLSA build level 2\n');
  });

  test.each([
    [['--slsa-level', '4'], '--slsa-level: '],
    [['--slsa-level', '0'], '--slsa-level: '],
    [['--slsa-level', '3', '--builder', 'a b'], '--builder: must not hold white space'],
    [['--slsa-level', '3', '--source', 'acme/app'], '--source: '],
    [['--builder', GENERATOR], '--builder and --source say more of provenance: give --slsa-level too'],
    [['--policy', 'x.yaml', '--slsa-level', '3'], '--policy and --slsa-level exclude each other'],
    [[], '--key, or --slsa-level'],
  ])('%j is refused by the name of its flag', async (flags, words) => {
    await expect(verifyHere([...flags, 'ghcr.io/org/app:v1'])).rejects.toThrow(words);
  });

  test('--provenance has nothing to show where no policy asks for any, and says so', async () => {
    const { args } = await image(GOLD);
    const policy = file(
      'signatures.yaml',
      stringify({
        apiVersion: 'countersign.dev/v1alpha1',
        kind: 'ClusterSigningPolicy',
        metadata: { name: 'signatures' },
        spec: { mode: 'Enforce', trustedKeys: [{ publicKey: { pem: publicKeyPem(key) } }] },
      }),
    );
    const asked = verifyHere(['--policy', policy, '--provenance', ...args.slice(2)]);
    await expect(asked).rejects.toThrow('asks for provenance (spec.slsa), so none is looked for');
  });
});
