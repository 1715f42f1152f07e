import { beforeEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { examineImage, judgeImage, type Judged } from '../../src/admission/judge-image.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { Fault, Refusal } from '../../src/errors.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import type { PolicyRules, SigningPolicy } from '../../src/api/resources.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { compileSnapshot, type CompiledPolicy } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { codeOf, keyless, keyRef, policy } from '../policy/builders.ts';
import { bundleEvidence, createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** One image under several policies, over real signatures: who is asked what, and whose failure touches whom. */

const D = `sha256:${'a'.repeat(64)}`;
const INDEX = `sha256:${'1'.repeat(64)}`;
const AMD = `sha256:${'2'.repeat(64)}`;
const ARM = `sha256:${'3'.repeat(64)}`;
const NOW = Date.parse('2026-11-22T12:00:00Z');
const TAGGED = 'ghcr.io/org/server:v1';
const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const subjectOf = (name: string): string => GOLD_SUBJECT.replace('release', name);
const signed = new Map<string, Evidence>();
/** Signed by a workflow of that name, once for all tests. */
function by(name: string, digest: string): Evidence {
  const source = `referrer ${name} ${digest.slice(7, 9)}`;
  const evidence =
    signed.get(source) ??
    bundleEvidence(sigstore.signStatement({ digests: [digest], by: { uri: subjectOf(name) } }), source);
  signed.set(source, evidence);
  return evidence;
}
const trusting = (name: string, overrides: Parameters<typeof keyless>[0] = {}) =>
  keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(subjectOf(name)), ...overrides });
const gold = (digest: string): Evidence => by('release', digest);

let images: ScriptedImages;
let facts: FactCache;

beforeEach(() => {
  images = new ScriptedImages(new Map([[TAGGED, INDEX]]));
  images.indexes.set(INDEX, [
    { digest: AMD, platform: 'linux/amd64' },
    { digest: ARM, platform: 'linux/arm64' },
  ]);
  facts = new FactCache();
});

function policies(...all: readonly SigningPolicy[]): readonly CompiledPolicy[] {
  const material = staticTrust(new Map([['public-good', root]])).material();
  return compileSnapshot({ number: 1, resources: all, material }).policies;
}

function asking(name: string, rules: Partial<PolicyRules> = {}): SigningPolicy {
  return policy({ name }, { trustedKeys: [trusting('release')], ...rules });
}

function surroundings(signal = new AbortController().signal) {
  return {
    sources: { images, facts, statements: new StatementCache(), large: largeEvidence() },
    circumstances: { now: NOW, isPod: true },
    puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
    signal,
  };
}

function judge(image: string, ...all: readonly SigningPolicy[]): Promise<Judged> {
  return judgeImage(image, policies(...all), surroundings());
}

/** Verdicts by the names of their policies. */
function told({ verdicts }: Judged): Record<string, string> {
  return Object.fromEntries(verdicts.map(({ policy: of, outcome }) => [of?.name, codeOf(outcome)]));
}

const at = (digest: string): string => `${TAGGED}@${digest}`;
const kept = (repository: string): Partial<PolicyRules> => ({
  signatureRepository: parseImageReference(repository),
});

describe('signatureRepository', () => {
  const SIGNATURES = 'ghcr.io/org/signatures';
  const inRepository = `${SIGNATURES} ${D}`;

  test.each([
    ['there only', [inRepository]],
    ['beside the image only', [D]],
    ['in both places', [inRepository, D]],
  ])('a signature counts that lies %s', async (_, places) => {
    const asks = asking('p', kept(SIGNATURES));
    expect(told(await judge(at(D), asks))).toEqual({ p: 'SIGNATURE_MISSING' });
    for (const place of places) images.evidence.set(place, [gold(D)]);
    images.calls.length = 0;
    expect(told(await judge(at(D), asks))).toEqual({ p: 'verified' });
    expect(images.calls.toSorted()).toEqual([
      'discover org/server aa',
      `discover org/server aa in ${SIGNATURES}`,
    ]);
  });

  test("D19: another policy's signature repository gives a policy nothing", async () => {
    images.evidence.set(inRepository, [gold(D)]);
    expect(told(await judge(at(D), asking('with', kept(SIGNATURES)), asking('without')))).toEqual({
      with: 'verified',
      without: 'SIGNATURE_MISSING',
    });
  });

  test('D19: what its owner puts there is held against the digest and the signers like anything else', async () => {
    images.evidence.set(inRepository, [gold(AMD), by('evil', D)]);
    expect(told(await judge(at(D), asking('p', kept(SIGNATURES))))).toEqual({ p: 'IDENTITY_MISMATCH' });
    images.evidence.set(inRepository, [gold(AMD), by('evil', D), gold(D)]);
    expect(told(await judge(at(D), asking('p', kept(SIGNATURES))))).toEqual({ p: 'verified' });
  });

  test.each([
    ['a fault', new Fault('REGISTRY_UNREACHABLE', 'down')],
    ['a time-out', new Fault('TIMEOUT', 'late')],
  ])("C14: %s of one policy's signature repository does not touch another policy", async (_, error) => {
    images.failingCalls.set(`discover org/server aa in ${SIGNATURES}`, error);
    const all = [
      asking('broken', kept(SIGNATURES)),
      asking('other', kept('ghcr.io/org/sig')),
      asking('plain'),
    ];
    for (const order of [all, all.toReversed()]) {
      expect(told(await judge(at(D), ...order))).toEqual({
        broken: `fault ${error.code}`,
        other: 'SIGNATURE_MISSING',
        plain: 'SIGNATURE_MISSING',
      });
    }
    images.evidence.set(D, [gold(D)]);
    // Good evidence beside the image is enough for all of them.
    expect(told(await judge(at(D), ...all))).toEqual({
      broken: 'verified',
      other: 'verified',
      plain: 'verified',
    });
  });

  test('policies with one repository look once', async () => {
    images.evidence.set(inRepository, [gold(D)]);
    await judge(at(D), asking('a', kept(SIGNATURES)), asking('b', kept(SIGNATURES)), asking('c'));
    expect(images.calls.toSorted()).toEqual([
      'discover org/server aa',
      'discover org/server aa',
      `discover org/server aa in ${SIGNATURES}`,
    ]);
  });

  test('a tag is resolved once, whatever the policies', async () => {
    images.tags.set(TAGGED, D);
    images.evidence.set(D, [gold(D)]);
    const resolving = { tagPolicy: 'Resolve' } as const;
    await judge(TAGGED, asking('a', resolving), asking('b', { ...resolving, ...kept(SIGNATURES) }));
    expect(images.calls.filter((call) => call.startsWith('resolve'))).toHaveLength(1);
  });

  test('what is remembered of one place only is looked up again too', async () => {
    images.evidence.set(inRepository, [gold(D)]);
    images.remembered = new Map();
    images.isRemembered = (key) => key === inRepository;
    expect(told(await judge(at(D), asking('p', kept(SIGNATURES))))).toEqual({ p: 'verified' });
    expect(images.calls).toContain(`discover org/server aa in ${SIGNATURES} fresh`);
  });

  test('D5: what a tag names is private where a pull secret showed it, also when nothing else could be seen', async () => {
    images.tags.set(TAGGED, D);
    images.failingCalls.set('discover org/server aa', new Fault('REGISTRY_ERROR', 'down'));
    const resolving = asking('p', { tagPolicy: 'Resolve' });
    expect(await judge(TAGGED, resolving)).toMatchObject({ digest: D, isPrivate: false });
    images.withPullSecret = true;
    expect(await judge(TAGGED, resolving)).toMatchObject({ digest: D, isPrivate: true });
  });

  test('D5: what needs a pull secret there is private', async () => {
    images.evidence.set(inRepository, [gold(D)]);
    expect((await judge(at(D), asking('p', kept(SIGNATURES)))).isPrivate).toBe(false);
    images.withPullSecret = true;
    expect((await judge(at(D), asking('p', kept(SIGNATURES)))).isPrivate).toBe(true);
  });
});

describe('C9, C14: every policy is judged, in any order', () => {
  const permutations = <T>(items: readonly T[]): readonly (readonly T[])[] =>
    items.length === 0
      ? [[]]
      : items.flatMap((item, index) =>
          permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
        );
  const all = [
    asking('good'),
    asking('strict', { trustedKeys: [trusting('nobody')] }),
    asking('elsewhere', kept('ghcr.io/org/signatures')),
    asking('every', { multiArch: 'IndexAndPlatforms' }),
  ];

  test.each(permutations(all).map((order) => [order.map(({ name }) => name).join(), order] as const))(
    '%s',
    async (_, order) => {
      images.evidence.set(INDEX, [gold(INDEX)]);
      images.evidence.set(AMD, [gold(AMD)]);
      expect(told(await judge(at(INDEX), ...order))).toEqual({
        good: 'verified',
        strict: 'IDENTITY_MISMATCH',
        elsewhere: 'verified',
        every: 'SIGNATURE_MISSING',
      });
    },
  );

  test('verdicts come in the order of the snapshot', async () => {
    const { verdicts } = await judge(at(D), ...all.toReversed());
    expect(verdicts.map(({ policy: of }) => of?.name)).toEqual(['elsewhere', 'every', 'good', 'strict']);
  });
});

describe('multiArch: IndexAndPlatforms', () => {
  const every = asking('p', { multiArch: 'IndexAndPlatforms' });
  const sign = (...digests: string[]): void => {
    for (const digest of digests) images.evidence.set(digest, [gold(digest)]);
  };

  test('D4: the index and each of its platforms must be signed', async () => {
    sign(INDEX, AMD, ARM);
    expect(told(await judge(at(INDEX), every))).toEqual({ p: 'verified' });
    expect(images.calls.toSorted()).toEqual([
      'discover org/server 11',
      'discover org/server 22',
      'discover org/server 33',
      'platforms 11',
    ]);
    for (const missing of [INDEX, AMD, ARM]) {
      images.evidence.delete(missing);
      expect(told(await judge(at(INDEX), every))).toEqual({ p: 'SIGNATURE_MISSING' });
      sign(missing);
    }
    expect(told(await judge(at(INDEX), asking('p')))).toEqual({ p: 'verified' });
  });

  test('an image that is no index needs no more than its own signature', async () => {
    sign(AMD);
    expect(told(await judge(at(AMD), every))).toEqual({ p: 'verified' });
  });

  test('platforms are looked for only where a policy asks for them', async () => {
    sign(INDEX);
    await judge(at(INDEX), asking('p'));
    expect(images.calls).toEqual(['discover org/server 11']);
  });

  test('a fault and a refusal of the platforms stay apart', async () => {
    sign(INDEX, AMD, ARM);
    images.failingCalls.set('platforms 11', new Fault('REGISTRY_ERROR', 'down'));
    expect(told(await judge(at(INDEX), every, asking('q')))).toEqual({
      p: 'fault REGISTRY_ERROR',
      q: 'verified',
    });
    images.failingCalls.set('platforms 11', new Refusal('LIMIT', 'too many platforms'));
    expect(told(await judge(at(INDEX), every))).toEqual({ p: 'LIMIT' });
  });

  test('a platform that was signed since its evidence was remembered counts', async () => {
    sign(INDEX, AMD, ARM);
    images.remembered = new Map([
      [INDEX, [gold(INDEX)]],
      [AMD, [gold(AMD)]],
    ]);
    expect(told(await judge(at(INDEX), every))).toEqual({ p: 'verified' });
    expect(images.calls.filter((call) => call === 'discover org/server 33 fresh')).toHaveLength(1);
    images.calls.length = 0;
    images.isRemembered = (key) => key === ARM;
    expect(told(await judge(at(INDEX), every))).toEqual({ p: 'verified' });
    expect(images.calls).toContain('discover org/server 33 fresh');
  });
});

describe('acceptMembership', () => {
  const member = asking('p', { acceptMembership: true });

  test('D4: the index is asked only where the image is not signed itself', async () => {
    images.evidence.set(AMD, [gold(AMD)]);
    expect(told(await judge(at(AMD), member))).toEqual({ p: 'verified' });
    expect(images.calls).toEqual(['discover org/server 22']);
  });

  test('D4: the signed index that the tag names vouches for what it holds, and for nothing else', async () => {
    images.evidence.set(INDEX, [gold(INDEX)]);
    expect(told(await judge(at(AMD), member))).toEqual({ p: 'verified' });
    expect(images.calls).toEqual([
      'discover org/server 22',
      `resolve ${TAGGED}`,
      'platforms 11',
      'discover org/server 11',
    ]);
    expect(told(await judge(at(D), member))).toEqual({ p: 'SIGNATURE_MISSING' });
    expect(told(await judge(`ghcr.io/org/server@${AMD}`, member))).toEqual({ p: 'SIGNATURE_MISSING' });
    expect(told(await judge(at(AMD), asking('p')))).toEqual({ p: 'SIGNATURE_MISSING' });
    images.indexes.clear();
    expect(told(await judge(at(AMD), member))).toEqual({ p: 'SIGNATURE_MISSING' });
  });

  test('D4: a signature of a sibling, or of the image of another tag, is none of the index', async () => {
    images.evidence.set(ARM, [gold(ARM)]);
    images.evidence.set(INDEX, [gold(ARM), by('evil', INDEX)]);
    expect(told(await judge(at(AMD), member))).toEqual({ p: 'SIGNATURE_MISSING' });
  });

  test('nobody can tell which index it is', async () => {
    images.tags.clear();
    expect(told(await judge(at(AMD), member))).toEqual({ p: 'fault IMAGE_NOT_FOUND' });
    images.tags.set(TAGGED, INDEX);
    images.failingCalls.set('platforms 11', new Fault('REGISTRY_ERROR', 'down'));
    expect(told(await judge(at(AMD), member, asking('q')))).toEqual({
      p: 'fault REGISTRY_ERROR',
      q: 'SIGNATURE_MISSING',
    });
  });

  test('an index that was signed since its evidence was remembered counts; the tag is resolved once', async () => {
    images.evidence.set(INDEX, [gold(INDEX)]);
    images.remembered = new Map();
    const all = [member, asking('q', { acceptMembership: true, ...kept('ghcr.io/org/signatures') })];
    expect(told(await judge(at(AMD), ...all))).toEqual({ p: 'verified', q: 'verified' });
    expect(images.calls.filter((call) => call.startsWith('resolve'))).toHaveLength(1);
    expect(images.calls.filter((call) => call.startsWith('platforms'))).toHaveLength(1);
    expect(images.calls).toContain('discover org/server 11 fresh');
  });

  test('H13: another policy that is looked up again takes no evidence from one that waits for a key', async () => {
    images.evidence.set(AMD, [by('evil', AMD)]);
    images.remembered = images.evidence;
    const waiting = asking('waiting', {
      acceptMembership: true,
      trustedKeys: [trusting('release'), keyRef('hashivault://a', 'spec.trustedKeys[1]')],
    });
    // Its entries are bound to another root, so a look for it alone verifies nothing that the first could use.
    const other = asking('other', { trustedKeys: [trusting('release', { trustRoot: 'corp' })] });
    const roots = new Map([
      ['public-good', root],
      ['corp', { ...root, fingerprint: 'corp' }],
    ]);
    const material = staticTrust(roots).material();
    const { policies: both } = compileSnapshot({ number: 1, resources: [waiting, other], material });
    const judged = await judgeImage(at(AMD), both, surroundings());
    expect(told(judged)).toEqual({ waiting: 'fault KEY_UNAVAILABLE', other: 'IDENTITY_MISMATCH' });
    expect(images.calls).toContain('discover org/server 22 fresh');
  });

  test('D5: an index that only a pull secret shows makes the image private, also when it cannot be read', async () => {
    images.withPullSecret = true;
    images.failingCalls.set('discover org/server 22', new Fault('REGISTRY_ERROR', 'down'));
    images.failingCalls.set('platforms 11', new Refusal('LIMIT', `index ${INDEX} has too many platforms`));
    expect((await judge(at(AMD), member)).isPrivate).toBe(true);
    images.withPullSecret = false;
    expect((await judge(at(AMD), member)).isPrivate).toBe(false);
  });
});

describe('warm', () => {
  test('what is remembered and good is asked for once, verified never, and no look-up follows', async () => {
    const all = [asking('a'), asking('b', { multiArch: 'IndexAndPlatforms' })];
    for (const digest of [INDEX, AMD, ARM]) images.evidence.set(digest, [gold(digest)]);
    await judge(at(INDEX), ...all);
    images.remembered = images.evidence;
    images.calls.length = 0;
    facts.verify = () => {
      throw new Error('verified again');
    };
    expect(told(await judge(at(INDEX), ...all))).toEqual({ a: 'verified', b: 'verified' });
    expect(images.calls.toSorted()).toEqual([
      'discover org/server 11',
      'discover org/server 22',
      'discover org/server 33',
      'platforms 11',
    ]);
  });

  test('what is remembered and bad is looked up once more, and once only', async () => {
    images.remembered = new Map();
    const all = [asking('a'), asking('b'), asking('c', { trustedKeys: [trusting('nobody')] })];
    expect(told(await judge(at(D), ...all))).toEqual({
      a: 'SIGNATURE_MISSING',
      b: 'SIGNATURE_MISSING',
      c: 'SIGNATURE_MISSING',
    });
    expect(images.calls).toEqual(['discover org/server aa', 'discover org/server aa fresh']);
  });

  test('what no evidence can mend is not looked up again', async () => {
    images.remembered = new Map([[D, [gold(D)]]]);
    const revoking = asking('p', { revokedDigests: new Set([D]), acceptMembership: true });
    expect(told(await judge(at(D), revoking))).toEqual({ p: 'DIGEST_REVOKED' });
    expect(images.calls.toSorted()).toEqual(['discover org/server aa', 'platforms aa']);
  });

  test('a revoked platform is refused through an index that is not; of the others no evidence is asked for', async () => {
    images.evidence.set(INDEX, [gold(INDEX)]);
    const revoking = (digest: string) => asking('p', { revokedDigests: new Set([digest]) });
    expect(told(await judge(at(INDEX), revoking(D)))).toEqual({ p: 'verified' });
    expect(images.calls.toSorted()).toEqual(['discover org/server 11', 'platforms 11']);
    expect(told(await judge(at(INDEX), revoking(AMD)))).toEqual({ p: 'DIGEST_REVOKED' });
    // Also where the policy asks for nothing else.
    const only = asking('p', { requireSignature: false, trustedKeys: [], revokedDigests: new Set([AMD]) });
    expect(told(await judge(at(INDEX), only))).toEqual({ p: 'DIGEST_REVOKED' });
    images.failingCalls.set('platforms 11', new Fault('REGISTRY_UNREACHABLE', 'down'));
    expect(told(await judge(at(INDEX), revoking(AMD)))).toEqual({ p: 'fault REGISTRY_UNREACHABLE' });
    images.failingCalls.set('platforms 11', new Refusal('LIMIT', 'too many'));
    expect(told(await judge(at(INDEX), revoking(AMD)))).toEqual({ p: 'LIMIT' });
    expect(told(await judge(at(INDEX), asking('p')))).toEqual({ p: 'verified' });
  });

  test('where no key can be had, nobody can tell of an image with evidence; one without any is not signed', async () => {
    const waiting = asking('p', { trustedKeys: [keyRef('hashivault://a')] });
    images.evidence.set(D, [gold(D)]);
    expect(told(await judge(at(D), waiting))).toEqual({ p: 'fault KEY_UNAVAILABLE' });
    images.evidence.delete(D);
    expect(told(await judge(at(D), waiting))).toEqual({ p: 'SIGNATURE_MISSING' });
    images.failing = new Fault('REGISTRY_UNREACHABLE', 'down');
    expect(told(await judge(at(D), waiting))).toEqual({ p: 'fault REGISTRY_UNREACHABLE' });
  });
});

describe('why', () => {
  test('whoever asks for the facts gets those that each verdict rests on', async () => {
    images.evidence.set('ghcr.io/org/signatures aa', []);
    images.evidence.set(`ghcr.io/org/signatures ${D}`, [gold(D)]);
    const compiled = policies(asking('a'), asking('b', kept('ghcr.io/org/signatures')));
    const { examined, digest } = await examineImage(at(D), compiled, surroundings());
    expect(digest).toBe(D);
    expect(
      examined.map(({ compiled: { policy: of }, facts: { byContext }, verdict }) => [
        of.name,
        [...byContext.values()].flat().length,
        verdict.outcome.kind,
      ]),
    ).toEqual([
      ['a', 0, 'violated'],
      ['b', 1, 'verified'],
    ]);
  });

  test('an image that is none, and one that no policy covers', async () => {
    expect(told(await judge('a b', asking('p')))).toEqual({ p: 'REF_INVALID' });
    expect(await judge(at(D))).toEqual({ digest: D, isPrivate: false, verdicts: [] });
    expect(images.calls).toEqual([]);
  });
});
