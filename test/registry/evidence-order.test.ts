import { describe, expect, test } from '@jest/globals';
import type { EvidenceAsk } from '../../src/admission/ports.ts';
import { eventually } from '../kube/eventually.ts';
import { LIMITS } from '../../src/limits.ts';
import { hintOf, inOrder, type Hint } from '../../src/registry/evidence-order.ts';
import type { FoundEvidence } from '../../src/sigstore/evidence.ts';
import { bundleType, sha256, type Artifacts, type Json } from './artifacts.ts';
import { look, lookAtAll, reference, asking, setup, summary } from './sources.ts';

const SIGN = 'https://sigstore.dev/cosign/sign/v1';
const SBOM = 'https://spdx.dev/Document';
const SCAN = 'https://cosign.sigstore.dev/attestation/vuln/v1';
const PREDICATE = 'dev.sigstore.bundle.predicateType';
const CREATED = 'org.opencontainers.image.created';

const SIGNATURES: EvidenceAsk = { signatures: true, predicateTypes: [] };

/** Descriptors of bundles as cosign and GitHub write them: what it is and when it was made stand in annotations. */
function hinted(artifacts: Artifacts, digest: string, text: string, annotations: Json = {}): Json {
  return artifacts.bundle(digest, text, { descriptor: { annotations } });
}

function many<T>(length: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length }, (_, index) => make(index));
}

const day = (index: number) => new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();
const sources = (evidence: readonly FoundEvidence[]) =>
  evidence.map(({ source }) => source.replace(/^.* /, ''));

describe('hints', () => {
  test.each<[string, Readonly<Record<string, string>>, Partial<Hint>]>([
    ['nothing', {}, { says: undefined, created: undefined }],
    ['a signature of cosign 3', { [PREDICATE]: SIGN }, { says: 'signature' }],
    ['a message signature', { 'dev.sigstore.bundle.content': 'message-signature' }, { says: 'signature' }],
    ['an attestation of cosign 3', { [PREDICATE]: SBOM }, { says: SBOM }],
    ['a layer of cosign 2', { predicateType: SBOM }, { says: SBOM }],
    ['an in-toto referrer', { 'in-toto.io/predicate-type': SBOM }, { says: SBOM }],
    ['a date', { [CREATED]: '2026-06-01T00:00:00Z' }, { created: Date.UTC(2026, 5, 1) }],
    ['a date of another zone', { [CREATED]: '2026-06-01T02:00:00+02:00' }, { created: Date.UTC(2026, 5, 1) }],
    ['no date', { [CREATED]: '1.6.2026' }, { created: undefined }],
    ['a date that is none', { [CREATED]: '2026-13-41T00:00:00Z' }, { created: undefined }],
  ])('%s', (_, annotations, hint) => {
    expect(hintOf({ annotations })).toMatchObject(hint);
  });

  const piece = (name: string, says?: string, created?: number, isVague = false) => ({
    name,
    hint: { says, created, isVague },
  });
  const order = (pieces: readonly ReturnType<typeof piece>[], ask: EvidenceAsk) =>
    inOrder(pieces, ask).map(({ name }) => name);

  test('what is asked for takes turns, the newest first; then the vague, then what says it is something else', () => {
    const pieces = [
      piece('other', 'https://example.com/x', 9),
      piece('vague', undefined, 9, true),
      piece('scan 1', SCAN, 1),
      piece('scan 3', SCAN, 3),
      piece('scan 2', SCAN, 2),
      piece('undated scan', SCAN),
      piece('unknown'),
      piece('signature 1', 'signature', 1),
      piece('signature 2', 'signature', 2),
    ];
    const turns = ['scan 3', 'unknown', 'signature 2', 'scan 2', 'signature 1', 'scan 1', 'undated scan'];
    expect(order(pieces, { signatures: true, predicateTypes: [SCAN] })).toEqual([...turns, 'vague', 'other']);
    expect(order(pieces, SIGNATURES).slice(0, 3)).toEqual(['unknown', 'signature 2', 'signature 1']);
    // Nothing is ever left out.
    expect(order(pieces, { signatures: false, predicateTypes: [] })).toHaveLength(pieces.length);
  });
});

describe('F1: a signature among many', () => {
  test.each([60, 300])(
    'as the newest and as the oldest of %d layers, and of as many referrers',
    async (count) => {
      const { registry, artifacts, source } = await setup();
      const junk = many(count, (index) => artifacts.simpleLayer(`junk ${index}`));
      const good = artifacts.simpleLayer('good');
      for (const [name, layers] of Object.entries({ newest: [...junk, good], oldest: [good, ...junk] })) {
        const digest = artifacts.image(`layers ${name}`);
        artifacts.simpleSigned(digest, layers);
        const found = summary(await look(source, registry, digest));
        expect(found).toMatchObject({ refused: [], faults: [], evidence: { length: count + 1 } });
        expect(found.evidence).toContain('good');
      }
      for (const at of [0, count]) {
        const digest = artifacts.image(`referrers ${at}`);
        const bundles = many(count, (index) => artifacts.bundle(digest, `junk ${index}`));
        artifacts.referrers(digest, bundles.toSpliced(at, 0, artifacts.bundle(digest, 'good')));
        const found = summary(await look(source, registry, digest));
        expect(found).toMatchObject({ refused: [], faults: [], evidence: { length: count + 1 } });
        expect(found.evidence).toContain('good');
      }
    },
  );

  test('the same payload signed again each night is one request', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(
      digest,
      many(300, (index) => artifacts.simpleLayer('same', { annotations: { n: String(index) } })),
    );
    const { evidence } = await look(source, registry, digest);
    expect(evidence).toHaveLength(300);
    expect(registry.asked.filter((line) => line.includes('/blobs/'))).toHaveLength(1);
  });

  test('is read before scan reports of each day, which nobody asks for; with a wrong hint within the bounds', async () => {
    const { registry, artifacts, source } = await setup();
    const scans = (digest: string, count: number) =>
      many(count, (index) =>
        hinted(artifacts, digest, `scan ${index}`, { [PREDICATE]: SCAN, [CREATED]: day(index) }),
      );
    const first = artifacts.image('first');
    artifacts.referrers(first, [
      ...scans(first, 60),
      hinted(artifacts, first, 'good', { [PREDICATE]: SIGN, [CREATED]: day(0) }),
    ]);
    const found = await look(source, registry, first);
    expect(Buffer.from((found.evidence[0] as { bytes: Uint8Array }).bytes).toString()).toBe('good');
    const wrong = artifacts.image('wrong');
    artifacts.referrers(wrong, [
      ...scans(wrong, 60),
      hinted(artifacts, wrong, 'good', { [PREDICATE]: 'https://example.com/none' }),
    ]);
    expect(summary(await look(source, registry, wrong)).evidence).toContain('good');
  });
});

describe('F1: when a bound is reached', () => {
  /** 1,100 scans of each day, and the SBOM and the signature that are older than all of them. */
  async function flooded(settings: Parameters<typeof setup>[0] = {}) {
    const made = await setup(settings);
    const { artifacts } = made;
    const digest = artifacts.image();
    const annotations = (type: string, index: number) => ({ [PREDICATE]: type, [CREATED]: day(index) });
    artifacts.tagged(
      digest,
      'att',
      many(LIMITS.evidencePerImage + 100, (index) =>
        artifacts.envelopeLayer('scan', {
          annotations: { ...annotations(SCAN, index + 1), predicateType: SCAN },
        }),
      ).toSpliced(50, 0, artifacts.envelopeLayer('sbom', { annotations: { predicateType: SBOM } })),
    );
    return { ...made, digest };
  }
  const asks = (...predicateTypes: string[]) => ({ ask: { signatures: true, predicateTypes } });

  test('what one policy asks for is not denied from what was read for another', async () => {
    const { registry, source, digest } = await flooded();
    const scans = await lookAtAll(source, registry, digest, asks(SCAN));
    expect(scans.refused.map(({ isBound }) => isBound)).toEqual([true]);
    expect(summary(scans).evidence).not.toContain('sbom');
    const sboms = await lookAtAll(source, registry, digest, asks(SBOM));
    expect(sboms.remembered).toBe(false);
    expect(summary(sboms).evidence).toContain('sbom');
    // Each is remembered for who asks the same.
    registry.forget();
    const again = await lookAtAll(source, registry, digest, asks(SBOM));
    expect([again.remembered, summary(again).evidence.includes('sbom')]).toEqual([true, true]);
    expect((await lookAtAll(source, registry, digest, asks(SCAN))).remembered).toBe(true);
    expect(registry.seen).toEqual([]);
  });

  test('nor where both ask at once, and one look is under way', async () => {
    const { registry, source, digest } = await flooded();
    registry.delay = 50;
    const [scans, sboms] = await Promise.all([
      lookAtAll(source, registry, digest, asks(SCAN)),
      lookAtAll(source, registry, digest, asks(SBOM)),
    ]);
    expect(summary(scans).evidence).not.toContain('sbom');
    expect(summary(sboms).evidence).toContain('sbom');
  });

  test('what was read whole answers whoever asks', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [hinted(artifacts, digest, 'sbom', { [PREDICATE]: SBOM })]);
    await lookAtAll(source, registry, digest, asks(SCAN));
    registry.forget();
    expect(summary(await lookAtAll(source, registry, digest, asks(SBOM))).evidence).toEqual(['sbom']);
    expect(registry.seen).toEqual([]);
  });

  test('F2: small pieces of one way of storing are bounded in bytes, and take nothing from another', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const size = 256 * 1024;
    const fit = Math.floor(LIMITS.evidenceSmallBytes / size);
    artifacts.referrers(
      digest,
      many(fit + 10, (index) => artifacts.bundle(digest, String(index).padEnd(size))),
    );
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('good')]);
    const found = await look(source, registry, digest);
    expect(summary(found)).toMatchObject({ refused: ['LIMIT'], faults: [] });
    expect(found.refused[0]).toMatchObject({ isBound: true });
    // The manifests count as well, so that one piece less fits.
    expect(found.evidence).toHaveLength(fit - 1 + 1);
    expect(summary(found).evidence).toContain('good');
  });

  test('F2: manifests of referrers are read as far as their size is declared', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const large = artifacts.bundle(digest, 'large', {
      manifest: { annotations: { x: 'x'.repeat(3_000_000) } },
    });
    artifacts.referrers(
      digest,
      [{ ...large, size: 100 }, large, artifacts.bundle(digest, 'good')].slice(0, 3),
    );
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['good'],
      refused: ['LIMIT'],
      faults: [],
    });
  });

  test('F2: pages of one list of referrers are bounded in bytes', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const padding = { annotations: { x: 'x'.repeat(500_000) } };
    const page = many(6, (index) => artifacts.bundle(digest, `piece ${index}`, { descriptor: padding }));
    artifacts.referrers(digest, page);
    const path = artifacts.path('referrers', digest);
    registry.script(
      (_request, response) => void response.setHeader('link', `<${path}?page=again>; rel="next"`),
    );
    const found = await look(source, registry, digest);
    expect(summary(found)).toMatchObject({ refused: ['LIMIT'], faults: [], evidence: { length: 6 } });
    const pages = registry.asked.filter((line) => line.includes('/referrers/'));
    expect(pages).toHaveLength(Math.ceil(LIMITS.referrerListBytes / (6 * 500_000)));
  });

  test('the time for reading: who waits gets the most promising by then, and who asks again gets all', async () => {
    const clock = { now: 1_000_000 };
    const { registry, artifacts, source } = await setup({ now: () => clock.now });
    const digest = artifacts.image();
    artifacts.referrers(digest, [
      ...many(100, (index) => hinted(artifacts, digest, `scan ${index}`, { [PREDICATE]: SCAN })),
      hinted(artifacts, digest, 'good', { [PREDICATE]: SIGN }),
    ]);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    // What is begun at first: the signature, and these.
    const begun = many(LIMITS.evidenceAtOnce - 1, (index) => sha256(`scan ${index}`));
    registry.script(async (_request, _response, { url }) => {
      if (!url.includes('/blobs/')) return false;
      // These take the time, and those that are begun after it hang.
      clock.now += 5000;
      if (![sha256('good'), ...begun].some((blob) => url.endsWith(blob))) await released;
      return false;
    });
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({
      evidence: expect.arrayContaining(['good']),
      refused: [],
      faults: ['TIMEOUT'],
    });
    expect(found.faults[0]?.message).toMatch(/\d+ pieces of evidence were read in time/);
    expect(found.evidence.length).toBeLessThan(101);
    release();
    await eventually('the look that goes on is remembered', async () => {
      const again = await look(source, registry, digest);
      return again.faults.length === 0 && again.evidence.length === 101;
    });
    expect(registry.asked.filter((line) => line.includes('/referrers/'))).toHaveLength(1);
  });

  test('evidence of all ways is verified in turns, whichever arrives first', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const image = reference(registry, { digest });
    artifacts.simpleSigned(
      digest,
      many(40, (index) => artifacts.simpleLayer('same', { annotations: { n: String(index) } })),
    );
    artifacts.referrers(
      digest,
      many(3, (index) => artifacts.bundle(digest, `bundle ${index}`)),
    );
    registry.script(async (_request, _response, { url }) => {
      if (url.includes('/referrers/')) await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    });
    const { evidence } = await source.discover(image, digest, { ...asking(), fresh: false });
    expect(evidence.slice(0, 6).filter(({ kind }) => kind === 'bundle')).toHaveLength(3);
    expect(sources(evidence)).toHaveLength(43);
  });
});

test('a descriptor says what it is by its own annotations, not by its prototype', async () => {
  const { registry, artifacts, source } = await setup();
  const digest = artifacts.image();
  artifacts.simpleSigned(digest, [
    {
      ...artifacts.simpleLayer('good'),
      annotations: JSON.parse('{"__proto__": {"predicateType": "x"}}') as Json,
    },
    artifacts.simpleLayer('other', { mediaType: bundleType }),
  ]);
  expect(summary(await look(source, registry, digest)).refused).toEqual(['MALFORMED', 'UNSUPPORTED']);
});
