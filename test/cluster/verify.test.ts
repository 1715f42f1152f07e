import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { countersign, verifyHere } from '../cli/countersign.ts';
import { explanationShape, readExplanation } from '../cli/explanation-shape.ts';
import {
  attest,
  createCosign,
  generateKeyPair,
  signKeyless,
  signWithKey,
  verify as cosignVerify,
  type Cosign,
  type KeyFiles,
} from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import { evidenceTag, getManifest, putManifest, type PushedImage } from '../support/manifests.ts';
import { googleIssuer } from '../support/oidc.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { startSigstore, type Sigstore } from '../support/sigstore.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** `countersign verify` on what real cosign signed in real registries; cosign's own verdict beside it. */
const work = createWorkDirectory('verify');
const BUILDER = 'build@example.com';
let sigstore: Sigstore;
let cosign3: Cosign;
let cosign2: Cosign;
let key: KeyFiles;
let registry: Registry;
let identity: readonly string[];
let byKey: readonly string[];

beforeAll(async () => {
  sigstore = await startSigstore({ workDir: work.path });
  cosign3 = createCosign({ workDir: work.path, sigstore });
  cosign2 = createCosign({ workDir: work.path, sigstore, major: 2 });
  key = await generateKeyPair(cosign3);
  registry = await startRegistry({ mode: 'referrers', workDir: work.path });
  const root = ['--trusted-root', sigstore.trustedRootPath];
  identity = ['--certificate-identity', BUILDER, '--certificate-oidc-issuer', googleIssuer, ...root];
  byKey = ['--key', key.publicKeyPath, ...root];
}, 120_000);
afterAll(async () => {
  await Promise.all([registry.stop(), sigstore.stop()]);
  work.remove();
});

const verify = (who: readonly string[], ...rest: readonly string[]) =>
  verifyHere([...who, '--plain-http', registry.host, ...rest]);

const json = async (who: readonly string[], ...images: readonly string[]) => {
  const { code, stdout, stderr } = await verify(who, '--output', 'json', ...images);
  expect(stderr).toBe('');
  const document: unknown = JSON.parse(stdout);
  return {
    code,
    all: images.length === 1 ? [readExplanation(stdout)] : explanationShape.array().parse(document),
  };
};

async function image(repository: string): Promise<PushedImage> {
  return pushImage(registry, repository, { tag: 'v1' });
}

describe('what cosign signed', () => {
  const layouts: readonly (readonly [string, 2 | 3, boolean, string])[] = [
    ['cosign 3, bundle', 3, false, 'statement'],
    ['cosign 3, .sig', 3, true, 'simple-signing'],
    ['cosign 2, .sig', 2, true, 'simple-signing'],
  ];
  test.each(layouts)('%s: keyless and by key, by tag and by digest', async (what, major, legacy, form) => {
    const cosign = major === 3 ? cosign3 : cosign2;
    const name = what.replace(/[^a-z0-9]+/g, '-');
    const keyless = await image(`keyless/${name}`);
    const keyed = await image(`keyed/${name}`);
    await signKeyless(cosign, keyless, { token: await sigstore.emailToken(BUILDER), legacy });
    await signWithKey(cosign, keyed, { key, legacy });
    await cosignVerify(cosign3, keyless, { identity: BUILDER, issuer: googleIssuer });
    for (const [who, signed, label] of [
      [identity, keyless, BUILDER],
      [byKey, keyed, 'key sha256:'],
    ] as const) {
      for (const reference of [signed.reference, signed.pinned]) {
        const { code, all } = await json(who, reference);
        expect([code, all[0]?.digest]).toEqual([0, signed.digest]);
        const evidence = all[0]?.policies[0]?.subjects[0]?.evidence;
        expect(evidence).toMatchObject([{ content: { form }, countsFor: ['trustedKeys[0]'], refusals: [] }]);
        expect(evidence?.[0]?.proof?.signedBy).toContain(label);
        expect(evidence?.[0]?.proof?.log.state).toBe('valid');
      }
    }
    const others = await Promise.all([verify(byKey, keyless.reference), verify(identity, keyed.reference)]);
    expect(others.map(({ code }) => code)).toEqual([4, 4]);
  });

  test('signed by somebody else, attested only, not at all, not there: each its own verdict and code', async () => {
    const [good, stranger, attested, unsigned] = await Promise.all(
      ['good', 'stranger', 'attested', 'unsigned'].map(async (name) => image(`org/${name}`)),
    );
    if (!good || !stranger || !attested || !unsigned) throw new Error('an image is missing');
    await signKeyless(cosign3, good, { token: await sigstore.emailToken(BUILDER) });
    await signKeyless(cosign3, stranger, { token: await sigstore.emailToken('mallory@example.com') });
    const token = await sigstore.emailToken(BUILDER);
    await attest(cosign3, attested, { token }, { type: 'slsaprovenance1', predicate: {} });
    const missing = `${registry.host}/org/missing:v1`;
    const names = [good, stranger, attested, unsigned].map(({ reference }) => reference);
    const { code, all } = await json(identity, ...names, missing);
    expect(code).toBe(4);
    expect(all.map(({ verdict, policies }) => [verdict, policies[0]?.reasons[0]?.code])).toEqual([
      ['verified', undefined],
      ['violated', 'IDENTITY_MISMATCH'],
      ['violated', 'SIGNATURE_MISSING'],
      ['violated', 'SIGNATURE_MISSING'],
      ['faulted', 'IMAGE_NOT_FOUND'],
    ]);
    expect((await json(identity, good.reference, missing)).code).toBe(5);
    await expect(
      cosignVerify(cosign3, stranger, { identity: BUILDER, issuer: googleIssuer }),
    ).rejects.toThrow('no matching CertificateIdentity found');
  });

  test('broken evidence beside good: both are shown, and the good one counts', async () => {
    const signed = await image('org/both');
    await signWithKey(cosign3, signed, { key, legacy: true });
    await signKeyless(cosign3, signed, { token: await sigstore.emailToken(BUILDER) });
    const tag = evidenceTag(signed.digest, '.sig');
    const found = await getManifest(registry, signed.repository, tag);
    const layout = found?.bytes.toString() ?? '';
    const broken = layout.replace(/("dev\.cosignproject\.cosign\/signature":")../, '$1AA');
    expect(broken).not.toBe(layout);
    const all = [...identity, '--key', key.publicKeyPath];
    const before = await json(all, signed.reference);
    await putManifest(registry, signed.repository, Buffer.from(broken), found?.mediaType ?? '', tag);
    const after = await json(all, signed.reference);
    const told = ({ all: [explanation] }: typeof before) =>
      explanation?.policies[0]?.subjects[0]?.evidence
        .map(({ source, countsFor }) => `${source.split(' ')[0]} ${countsFor.join()}`)
        .toSorted();
    expect([before.code, told(before)]).toEqual([0, ['referrer trustedKeys[0]', 'tag trustedKeys[1]']]);
    expect([after.code, told(after)]).toEqual([0, ['referrer trustedKeys[0]', 'tag ']]);
    // Both were asked for: then one is not enough.
    expect((await verify(all, '--threshold', '2', signed.reference)).code).toBe(4);
  });

  test('a registry without the referrers API, and one that is gone', async () => {
    const fallback = await startRegistry({ mode: 'fallback', workDir: work.path });
    const signed = await pushImage(fallback, 'org/app', { tag: 'v1' });
    await signKeyless(cosign3, signed, { token: await sigstore.emailToken(BUILDER) });
    const args = ['verify', ...identity, '--plain-http', fallback.host, signed.reference];
    expect((await countersign(args)).code).toBe(0);
    await fallback.stop();
    expect((await countersign(args)).code).toBe(5);
  });
});
