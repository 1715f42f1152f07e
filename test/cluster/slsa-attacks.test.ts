import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  changed,
  CLOUD_BUILD,
  DAY,
  DEVELOPER,
  GENERATOR,
  generatorStatement,
  githubSigner,
  googleV1Statement,
  HEX,
  NOW,
  OWN_WORKFLOW,
  RELEASED,
  SOURCE,
  summaryStatement,
  TEKTON_BUILDER,
  tektonV1Statement,
  type Json,
} from '../slsa/statements.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';
import { SIGN_V1 } from '../support/fixtures.ts';
import { deleteManifest, evidenceTag, type PushedImage } from '../support/manifests.ts';
import { aboutImage, attach, attachLayers, layerOf } from '../support/provenance.ts';
import { codesOf, SlsaJudge, STORAGES, type SignerName, type Storage, type Written } from './slsa-judge.ts';

/** attacks.md B, from policies in YAML and attestations in real registries to the verdict: each one mutation of a good one. */
let judge: SlsaJudge;
beforeAll(async () => {
  judge = await SlsaJudge.start();
}, 60_000);
afterAll(() => judge.stop());

const CONTAINER = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
const GOLD: Written = { json: generatorStatement(), by: githubSigner(RELEASED) };
const L3 = {
  requiredLevel: 3,
  builders: [{ id: GENERATOR, refs: ['refs/tags/v2.*'], level: 3 }],
  sources: [{ uri: 'https://github.com/acme/*', ownerID: '123456' }],
};

/** Some other statement about the image, validly signed by the builder. */
const other = (predicateType: string): Written => ({
  json: {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [],
    predicateType,
    predicate: { result: 'PASSED' },
  },
  by: githubSigner(RELEASED),
});
const VULNERABILITIES = other('https://cosign.sigstore.dev/attestation/vuln/v1');
const SBOM = other('https://spdx.dev/Document');

/** The codes under one policy, which must be the same wherever the attestations lie. */
async function codes(
  written: readonly Written[] | ((image: PushedImage) => readonly Written[]),
  spec: object = { slsa: L3 },
  storages: readonly Storage[] = STORAGES,
): Promise<readonly string[]> {
  const all = [];
  for (const storage of storages) {
    const image = await judge.image(storage.mode);
    const some = typeof written === 'function' ? written(image) : written;
    await attach(
      judge.sigstore,
      image,
      storage.form,
      some.map((each) => judge.signable(each, image)),
    );
    all.push(codesOf((await judge.judge(image, { policy: spec }))['policy']));
  }
  const [first = []] = all;
  expect(all).toEqual(storages.map(() => first));
  return first;
}

/** One of the storages, in turn: for long lists of mutations of what is in the statement. */
let turn = 0;
const inTurn = (): readonly Storage[] => STORAGES.slice((turn += 1) % STORAGES.length).slice(0, 1);

describe('the good one is admitted, and its mutation is refused for its own reason', () => {
  test('B1: scan and SBOM, validly signed by the builder, are no provenance', async () => {
    expect(await codes([VULNERABILITIES, SBOM])).toEqual(['ATT_MISSING']);
    expect(await codes([])).toEqual(['ATT_MISSING']);
    expect(await codes([VULNERABILITIES, SBOM, GOLD])).toEqual([]);
  });

  test('B2: provenance is no signature of the image, and a signature is no provenance', async () => {
    const trustedKeys = [
      { keyless: true, issuer: 'https://token.actions.githubusercontent.com', subject: RELEASED },
    ];
    const signature: Written = { ...GOLD, json: { ...other(SIGN_V1).json, predicate: {} } };
    // Signatures are not looked for where attestations of cosign 1–2 are.
    const bundles = STORAGES.filter(({ form }) => form === 'bundle');
    expect(await codes([GOLD], { trustedKeys })).toEqual(['SIGNATURE_MISSING']);
    expect(await codes([GOLD, signature], { trustedKeys }, bundles)).toEqual([]);
    expect(await codes([signature])).toEqual(['ATT_MISSING']);
    expect(await codes([signature, GOLD])).toEqual([]);
    // Both asked for: each on its own.
    const both = { trustedKeys, slsa: L3 };
    expect(await codes([GOLD, signature], both)).toEqual([]);
    expect(await codes([GOLD], both)).toEqual(['SIGNATURE_MISSING']);
    expect(await codes([signature], both)).toEqual(['ATT_MISSING']);
  });

  const hexOf = ({ digest }: PushedImage) => digest.replace('sha256:', '');
  test.each<[string, (image: PushedImage) => unknown]>([
    ['of another image', () => [{ name: 'x', digest: { sha256: HEX } }]],
    [
      'of another image, under the name of this one',
      ({ repository, registry }) => [{ name: `${registry.host}/${repository}`, digest: { sha256: HEX } }],
    ],
    ['by SHA-512 only', (image) => [{ name: 'x', digest: { sha512: hexOf(image).repeat(2) } }]],
    ['by no digest', () => [{ name: 'x', digest: {} }]],
    ['none', () => []],
    ['null', () => [null]],
    ['in capitals', (image) => [{ name: 'x', digest: { sha256: hexOf(image).toUpperCase() } }]],
    ['with its algorithm', (image) => [{ name: 'x', digest: { sha256: image.digest } }]],
    ['cut', (image) => [{ name: 'x', digest: { sha256: hexOf(image).slice(0, -2) } }]],
  ])('B3: a subject %s', async (_, subject) => {
    const bad = (image: PushedImage): Written => ({
      ...GOLD,
      json: { ...GOLD.json, subject: subject(image) },
      asWritten: true,
    });
    expect(await codes((image) => [bad(image)])).toEqual(['DIGEST_MISMATCH']);
    expect(await codes((image) => [bad(image), GOLD], undefined, inTurn())).toEqual([]);
  });

  test('B4: the digest anywhere else is no subject', async () => {
    const elsewhere = (image: PushedImage): Written => {
      const digest = { sha256: hexOf(image) };
      const json = changed(
        changed(generatorStatement(), 'predicate.materials', [{ uri: image.reference, digest }]),
        'predicate.invocation.parameters',
        { image: image.pinned },
      );
      return { ...GOLD, json: { ...json, digest, annotations: { digest: image.digest } }, asWritten: true };
    };
    expect(await codes((image) => [elsewhere(image)])).toEqual(['DIGEST_MISMATCH']);
    expect(await codes((image) => [{ ...elsewhere(image), asWritten: false }])).toEqual([]);
  });

  test('B7: provenance that names the builder, signed by a developer or by a key, who may sign images', async () => {
    const trustedKeys = [
      { keyless: true, issuer: DEVELOPER.issuer, subject: 'dev@acme.example' },
      { signerRef: { name: 'release-ci' } },
    ];
    const signed = (by: Written['by']): Written => ({ by, json: { ...other(SIGN_V1).json, predicate: {} } });
    for (const by of [DEVELOPER, 'release-ci'] as const) {
      const spec = { trustedKeys, slsa: { ...L3, sources: undefined } };
      const forged = await codes([signed(by), { ...GOLD, by }], spec);
      // A key that no builder names verifies nothing.
      expect(forged).toEqual(by === DEVELOPER ? ['SLSA_BUILDER'] : ['ATT_MISSING', 'SIG_INVALID']);
      expect(await codes([signed(by), GOLD], spec)).toEqual([]);
    }
    const named = { ...L3, builders: [{ ...L3.builders[0], signerRef: { name: 'release-ci' } }] };
    const sourceless = { slsa: { ...named, sources: undefined } };
    expect(await codes([{ ...GOLD, by: 'release-ci' }], sourceless)).toEqual([]);
    expect(await codes([{ ...GOLD, by: 'tekton-chains' }], sourceless)).toEqual([
      'ATT_MISSING',
      'SIG_INVALID',
    ]);
    expect(await codes([GOLD], sourceless)).toEqual(['SLSA_BUILDER']);
  });

  test("B7: a signer of one builder speaks for no other, nor does another root's certificate for a platform", async () => {
    const named = (id: string, signer: string) => ({ id, level: 3, signerRef: { name: signer } });
    const keys = [named(TEKTON_BUILDER, 'tekton-chains'), named(CLOUD_BUILD, 'cloud-build')];
    const spec = { slsa: { requiredLevel: 3, builders: keys } };
    const google = (by: SignerName): Written => ({ json: googleV1Statement(), by });
    expect(await codes([google('cloud-build')], spec)).toEqual([]);
    expect(await codes([google('tekton-chains')], spec)).toEqual(['SLSA_BUILDER']);
    // The root of `corp` could write any platform's name into a certificate.
    const byCorp = async (builders: readonly object[], json: Json) => {
      const all = [];
      for (const { mode, form } of STORAGES) {
        const image = await judge.image(mode);
        const signable = judge.signable({ json, by: githubSigner(RELEASED) }, image);
        await attach(judge.corp, image, form, [signable]);
        const slsa = { requiredLevel: 3, builders };
        all.push(codesOf((await judge.judge(image, { policy: { slsa } }))['policy'])[0] ?? 'verified');
      }
      return new Set(all);
    };
    const tekton = named(TEKTON_BUILDER, 'corp');
    expect(await byCorp([tekton, { id: GENERATOR }], tektonV1Statement())).toEqual(new Set(['verified']));
    expect(await byCorp([tekton, { id: GENERATOR }], generatorStatement())).toEqual(
      new Set(['SLSA_BUILDER']),
    );
    expect(await byCorp([named(GENERATOR, 'corp')], generatorStatement())).toEqual(new Set(['verified']));
  });

  test('B8: the trusted builder, called by a foreign repository that says it is ours', async () => {
    const by = githubSigner(RELEASED, { sourceRepositoryURI: 'https://github.com/evil/x' });
    expect(await codes([{ ...GOLD, by }])).toEqual(['SLSA_SOURCE']);
    expect(await codes([GOLD])).toEqual([]);
  });

  test.each([
    ['a longer file', `${GENERATOR}.evil@refs/tags/v2.1.0`],
    ['another file', RELEASED.replace('generator_container', 'builder_evil')],
    ['another version', `${GENERATOR}@refs/tags/v1.10.0`],
    ['a version that starts alike', `${GENERATOR}@refs/tags/v20.0.0`],
    ['a release candidate of another', `${GENERATOR}@refs/tags/v1.0.0-rc1`],
    ['a branch', `${GENERATOR}@refs/heads/main`],
    ['a branch that is called like the tag', `${GENERATOR}@refs/heads/refs/tags/v2.1.0`],
    ['two versions', `${GENERATOR}@refs/tags/v2.1.0@refs/heads/main`],
    ['no version', GENERATOR],
  ])('B9: %s signs honestly for itself', async (_, id) => {
    const near: Written = { json: generatorStatement(CONTAINER, id), by: githubSigner(id) };
    expect(await codes([near], undefined, inTurn())).toContain('SLSA_BUILDER');
    expect(await codes([near, GOLD], undefined, inTurn())).toEqual([]);
  });

  test('B11: a branch offered as a tag', async () => {
    const at = (ref: string): Written => ({
      json: [
        ['invocation.configSource.uri', `git+${SOURCE}@${ref}`],
        ['materials.0.uri', `git+${SOURCE}@${ref}`],
        ['invocation.environment.github_ref', ref],
      ].reduce((json, [path, value]) => changed(json, `predicate.${path}`, value), generatorStatement()),
      by: githubSigner(RELEASED, { sourceRepositoryRef: ref }),
    });
    const spec = { slsa: { ...L3, refs: ['refs/tags/v1.0.0'] } };
    expect(await codes([at('refs/tags/v1.0.0')], spec)).toEqual([]);
    for (const ref of [
      'refs/heads/v1.0.0',
      'refs/heads/refs/tags/v1.0.0',
      'refs/tags/v1',
      'refs/tags/v1.0.00',
    ]) {
      expect([ref, await codes([at(ref)], spec, inTurn())]).toEqual([ref, ['SLSA_REF']]);
    }
    const range = { slsa: { ...L3, refs: ['>=1.0.0 <2'] } };
    expect(await codes([at('refs/tags/v1.0.0')], range, inTurn())).toEqual([]);
    expect(await codes([at('refs/tags/v10.0.0')], range, inTurn())).toEqual(['SLSA_REF']);
    expect(await codes([at('refs/heads/v1.0.0')], range, inTurn())).toEqual(['SLSA_REF']);
  });

  test.each([
    ['the repository', 'sourceRepositoryURI', 'https://github.com/acme/other', 'SLSA_SOURCE'],
    ["the repository's id", 'sourceRepositoryID', '1', 'SLSA_SOURCE'],
    ['the owner', 'sourceRepositoryOwnerURI', 'https://github.com/evil', 'SLSA_SOURCE'],
    ["the owner's id", 'sourceRepositoryOwnerID', '1', 'SLSA_SOURCE'],
    ['the ref', 'sourceRepositoryRef', 'refs/heads/evil', 'SLSA_SOURCE'],
    ['the commit', 'sourceRepositoryDigest', 'e0'.repeat(20), 'SLSA_SOURCE'],
    ['the workflow', 'buildConfigURI', OWN_WORKFLOW.replace('release', 'evil'), 'SLSA_SOURCE'],
    ['the run', 'runInvocationURI', `${SOURCE}/actions/runs/1/attempts/1`, 'SLSA_SOURCE'],
    ['the trigger', 'buildTrigger', 'pull_request', 'SLSA_TRIGGER'],
  ])('B12: the certificate says otherwise about %s', async (_, extension, value, code) => {
    const by = githubSigner(RELEASED, { [extension]: value });
    expect(await codes([{ ...GOLD, by }], undefined, inTurn())).toEqual([code]);
    expect(await codes([{ ...GOLD, by }, GOLD], undefined, inTurn())).toEqual([]);
  });

  const SUMMARY: Written = { json: summaryStatement(), by: 'verifier' };
  const VERIFIED = {
    slsa: {
      requiredLevel: 3,
      verifiers: [
        {
          id: 'https://verifier.example.com',
          signerRef: { name: 'verifier' },
          policyURI: 'https://verifier.example.com/policy',
        },
      ],
    },
  };
  test.each<[string, string, unknown, string]>([
    ['another verifier', 'verifier.id', 'https://verifier.example.com/evil', 'VSA_INVALID'],
    ['no verifier', 'verifier.id', '', 'MALFORMED'],
    ['another image', 'resourceUri', 'ghcr.io/acme/server2', 'VSA_INVALID'],
    ['a failure', 'verificationResult', 'FAILED', 'VSA_INVALID'],
    ['"passed"', 'verificationResult', 'passed', 'VSA_INVALID'],
    ['level 10', 'verifiedLevels', ['SLSA_BUILD_LEVEL_10'], 'VSA_INVALID'],
    ['"3"', 'verifiedLevels', ['3'], 'VSA_INVALID'],
    ['a level too low', 'verifiedLevels', ['SLSA_BUILD_LEVEL_2'], 'SLSA_LEVEL'],
    ['a time in the future', 'timeVerified', '2026-11-23T12:00:00Z', 'VSA_INVALID'],
    ['another policy', 'policy.uri', 'https://verifier.example.com/policy2', 'VSA_INVALID'],
  ])('B14: a summary with %s', async (_, path, value, code) => {
    const bad = (image: PushedImage): Written => ({
      ...SUMMARY,
      json: changed(aboutImage(SUMMARY.json, image), `predicate.${path}`, value),
      asWritten: true,
    });
    expect(await codes((image) => [bad(image)], VERIFIED, inTurn())).toEqual([code]);
    expect(await codes((image) => [bad(image), SUMMARY], VERIFIED, inTurn())).toEqual([]);
  });

  test('B14: a summary without the digest, by another key, too old', async () => {
    expect(await codes([SUMMARY], VERIFIED)).toEqual([]);
    const undated = (image: PushedImage): Written => ({
      ...SUMMARY,
      json: { ...aboutImage(SUMMARY.json, image), subject: [{ name: 'x', digest: { sha256: HEX } }] },
      asWritten: true,
    });
    expect(await codes((image) => [undated(image)], VERIFIED)).toEqual(['DIGEST_MISMATCH']);
    expect(await codes([{ ...SUMMARY, by: newKeyPair() }], VERIFIED)).toEqual(['ATT_MISSING', 'SIG_INVALID']);
    const aged = { slsa: { ...VERIFIED.slsa, maxAge: '30d' } };
    const old = { ...SUMMARY, json: changed(SUMMARY.json, 'predicate.timeVerified', '2026-01-01T00:00:00Z') };
    expect(await codes([SUMMARY], aged)).toEqual([]);
    expect(await codes([old], aged)).toEqual(['ATT_STALE']);
  });

  test('B15: one good statement among bad ones, first or last', async () => {
    const bad: readonly Written[] = [
      { ...GOLD, by: DEVELOPER },
      { ...GOLD, json: { ...GOLD.json, predicate: {} } },
      { ...GOLD, json: { ...GOLD.json, subject: [{ digest: { sha256: HEX } }] }, asWritten: true },
      { ...GOLD, by: newKeyPair() },
      VULNERABILITIES,
    ];
    const refused = await codes(bad);
    expect(refused).toEqual(['SLSA_BUILDER', 'SLSA_SOURCE', 'DIGEST_MISMATCH', 'MALFORMED', 'SIG_INVALID']);
    expect(await codes(bad.toReversed())).toEqual(refused);
    expect(await codes([GOLD, ...bad])).toEqual([]);
    expect(await codes([...bad, GOLD])).toEqual([]);
  });

  test('B16: ages are by trusted time: old, from the future, of no time at all', async () => {
    const aged = { slsa: { ...L3, maxAge: '30d' } };
    expect(await codes([GOLD], aged)).toEqual([]);
    expect(await codes([{ ...GOLD, at: NOW - 31 * DAY }], aged)).toEqual(['ATT_STALE']);
    expect(await codes([{ ...GOLD, at: NOW - 31 * DAY }])).toEqual([]);
    expect(await codes([{ ...GOLD, at: NOW + DAY }], aged)).toEqual(['ATT_MISSING', 'TIME_UNTRUSTED']);
    // What it says of itself makes it no younger.
    const claims = changed(GOLD.json, 'predicate.metadata.buildFinishedOn', '2026-11-22T11:59:00Z');
    expect(await codes([{ ...GOLD, json: claims, at: NOW - 31 * DAY }], aged)).toEqual(['ATT_STALE']);
    // Old and young beside each other: the young one counts.
    expect(await codes([{ ...GOLD, at: NOW - 31 * DAY }, GOLD], aged)).toEqual([]);
  });

  test.each(['referrers', 'fallback'] as const)(
    'B16: a key without timestamp tells no time (%s)',
    async (mode) => {
      const builders = [{ id: GENERATOR, level: 3, signerRef: { name: 'release-ci' } }];
      const slsa = { requiredLevel: 3, builders };
      const spec = (more: object) => ({
        slsa: { ...slsa, ...more },
        transparency: { keys: { log: 'Optional' } },
      });
      for (const form of ['bundle', 'att'] as const) {
        const image = await judge.image(mode);
        const signable = judge.signable({ ...GOLD, by: 'release-ci' }, image);
        await attach(judge.sigstore, image, form, [
          { ...signable, by: { ...signable.by, timestamp: false } },
        ]);
        const outcomes = await judge.judge(image, { ageless: spec({}), aged: spec({ maxAge: '30d' }) });
        expect(codesOf(outcomes['ageless'])).toEqual([]);
        expect(codesOf(outcomes['aged'])).toEqual(['ATT_STALE']);
      }
    },
  );

  test('B18: what is remembered skips nothing: another policy between two admissions', async () => {
    for (const storage of STORAGES) {
      const image = await judge.attached(storage, [GOLD]);
      const memory = judge.memory();
      const codesWith = async (slsa: object) =>
        codesOf((await judge.judge(image, { policy: { slsa } }, memory))['policy']);
      const changes: readonly (readonly [object, readonly string[]])[] = [
        [L3, []],
        [{ ...L3, sources: [{ uri: 'https://github.com/other/*' }] }, ['SLSA_SOURCE']],
        [L3, []],
        [{ ...L3, refs: ['refs/tags/*'] }, ['SLSA_REF']],
        [{ ...L3, triggers: ['release'] }, ['SLSA_TRIGGER']],
        [{ ...L3, builders: [{ id: 'https://ci.example.com' }] }, ['SLSA_BUILDER']],
        [{ ...L3, maxAge: '60s' }, ['ATT_STALE']],
        [L3, []],
      ];
      for (const [slsa, expected] of changes) {
        expect([slsa, await codesWith(slsa)]).toEqual([slsa, expected]);
        // A fresh one says the same.
        expect(codesOf((await judge.judge(image, { policy: { slsa } }))['policy'])).toEqual(expected);
      }
    }
  });

  test('B18: a deleted attestation is no revocation for whom it was seen by, and is missing for all others', async () => {
    const image = await judge.attached({ mode: 'referrers', form: 'att' }, [GOLD]);
    const memory = judge.memory();
    const spec = { policy: { slsa: L3 } };
    expect(codesOf((await judge.judge(image, spec, memory))['policy'])).toEqual([]);
    await deleteManifest(image.registry, image.repository, evidenceTag(image.digest, '.att'));
    expect(codesOf((await judge.judge(image, spec, memory))['policy'])).toEqual([]);
    expect(codesOf((await judge.judge(image, spec))['policy'])).toEqual(['ATT_MISSING']);
  });
});

describe('B19: attestations of another shape', () => {
  const good = (image: PushedImage) => layerOf(judge.sigstore, judge.signable(GOLD, image));
  type Shape = (envelope: Json, bytes: Buffer) => { readonly mediaType?: string; readonly bytes?: Buffer };
  const shapes: Readonly<Record<string, readonly [code: string, Shape]>> = {
    'another media type': ['UNSUPPORTED', () => ({ mediaType: 'application/vnd.in-toto+json' })],
    garbage: ['MALFORMED', () => ({ bytes: Buffer.from('garbage') })],
    'half of it': ['MALFORMED', (_, bytes) => ({ bytes: bytes.subarray(0, bytes.length / 2) })],
    'the statement itself, unsigned': [
      'SIG_INVALID',
      (envelope) => ({ bytes: Buffer.from(String(envelope['payload']), 'base64') }),
    ],
    'no signatures': ['SIG_INVALID', (envelope) => ({ bytes: json({ ...envelope, signatures: [] }) })],
    'an empty signature': [
      'MALFORMED',
      (envelope) => ({ bytes: json({ ...envelope, signatures: [{ sig: '' }] }) }),
    ],
    'many signatures': [
      'LIMIT',
      (envelope) => ({
        bytes: json({ ...envelope, signatures: Array(100).fill((envelope['signatures'] as unknown[])[0]) }),
      }),
    ],
    'another payload type': [
      'UNSUPPORTED',
      (envelope) => ({ bytes: json({ ...envelope, payloadType: 'text/plain' }) }),
    ],
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

  test.each(Object.entries(shapes))('B19: %s', async (_, [code, shape]) => {
    for (const mode of ['referrers', 'fallback'] as const) {
      const verdict = async (withGood: boolean) => {
        const image = await judge.image(mode);
        const layer = good(image);
        const envelope = JSON.parse(layer.bytes.toString()) as Json;
        const bad = { ...layer, ...shape(envelope, layer.bytes) };
        await attachLayers(image, withGood ? [bad, layer] : [bad]);
        return (await judge.judge(image, { policy: { slsa: L3 } }))['policy'];
      };
      const refused = await verdict(false);
      // What was found comes before what is missing.
      expect(codesOf(refused)).toEqual([code, 'ATT_MISSING']);
      expect(refused?.headline).toContain(
        'has no SLSA provenance that counts; policy "policy" requires level 3: one that was found',
      );
      expect(codesOf(await verdict(true))).toEqual([]);
    }
  });

  test('B19: no layers at all', async () => {
    const image = await judge.image('fallback');
    await attachLayers(image, []);
    expect(codesOf((await judge.judge(image, { policy: { slsa: L3 } }))['policy'])).toEqual(['ATT_MISSING']);
    await attachLayers(image, [good(image)]);
    expect(codesOf((await judge.judge(image, { policy: { slsa: L3 } }))['policy'])).toEqual([]);
  });
});
