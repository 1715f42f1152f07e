import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { EvidencePlaces } from '../../src/registry/findings.ts';
import { cosignSignatureType, emptyType, indexType, inTotoType, sha256, type Json } from './artifacts.ts';
import { asking, lookAtAll, reference, setup, summary } from './sources.ts';

const nothing = { evidence: [], refused: [], faults: [] };

describe('attestations of cosign 1–2', () => {
  test('each layer is an envelope with its annotations, beside signatures and bundles', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.tagged(digest, 'att', [artifacts.envelopeLayer('one'), artifacts.envelopeLayer('two')]);
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('signature')]);
    artifacts.referrers(digest, [artifacts.bundle(digest, 'bundle')]);
    const found = await lookAtAll(source, registry, digest);
    expect(summary(found)).toEqual({ ...nothing, evidence: ['bundle', 'one', 'signature', 'two'] });
    // The newest is read first: cosign appends.
    expect(found.evidence.find(({ kind }) => kind === 'dsse-envelope')).toMatchObject({
      source: `tag ${digest.replace(':', '-')}.att, layer 1`,
      annotations: { 'dev.cosignproject.cosign/signature': '', predicateType: expect.any(String) },
    });
  });

  test('take no round trip of their own, and no request where no policy asks for them', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.tagged(digest, 'att', [artifacts.envelopeLayer('attestation')]);
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('signature')]);
    registry.delay = 100;
    const without = await lookAtAll(source, registry, digest, { attestations: false });
    expect(summary(without).evidence).toEqual(['signature']);
    expect(registry.asked.filter((line) => line.endsWith('.att'))).toEqual([]);
    expect(registry.seen).toHaveLength(4);
    registry.forget();
    // What was found without them is no answer for whoever wants them.
    expect(summary(await lookAtAll(source, registry, digest)).evidence).toEqual(['attestation', 'signature']);
    expect(registry.trips).toBe(2);
    expect(registry.seen.filter(({ wave }) => wave === 1)).toHaveLength(4);
  });

  test('a layer that is no envelope is refused beside the good one, and its bytes are hashed', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const swapped = artifacts.envelopeLayer('swapped');
    registry.put(artifacts.path('blobs', sha256('swapped')), 'x', 'SWAPPED');
    const sbom = { ...artifacts.envelopeLayer('sbom'), mediaType: 'application/spdx+json' };
    artifacts.tagged(digest, 'att', [
      swapped,
      sbom,
      artifacts.simpleLayer('x'),
      artifacts.envelopeLayer('good'),
    ]);
    expect(summary(await lookAtAll(source, registry, digest))).toEqual({
      evidence: ['good'],
      refused: ['DIGEST_MISMATCH', 'UNSUPPORTED', 'UNSUPPORTED'],
      faults: [],
    });
  });

  test('a tag that cannot be read is a fault, and the signatures stay', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('signature')]);
    registry.script((_request, response, { url }) => {
      if (!url.endsWith('.att')) return false;
      response.writeHead(500).end();
      return true;
    });
    expect(summary(await lookAtAll(source, registry, digest))).toEqual({
      evidence: ['signature'],
      refused: [],
      faults: ['REGISTRY_ERROR'],
    });
  });
});

describe('referrers with layers', () => {
  type Make = (artifacts: Awaited<ReturnType<typeof setup>>['artifacts'], digest: string) => Json;
  const accepted: Record<string, Make> = {
    'cosign 2 with referrers: its type is the media type of the config': (artifacts, digest) =>
      artifacts.layered(digest, cosignSignatureType, [artifacts.simpleLayer('good')]),
    'the same, where the registry hides the type': (artifacts, digest) => ({
      ...artifacts.layered(digest, cosignSignatureType, [artifacts.simpleLayer('good')]),
      artifactType: undefined,
    }),
    'the same with a named type': (artifacts, digest) =>
      artifacts.layered(digest, cosignSignatureType, [artifacts.simpleLayer('good')], true),
    'an in-toto artifact with an envelope': (artifacts, digest) =>
      artifacts.layered(digest, inTotoType, [artifacts.envelopeLayer('good')], true),
    'the same under a type that says nothing': (artifacts, digest) => ({
      ...artifacts.layered(digest, inTotoType, [artifacts.envelopeLayer('good')]),
      artifactType: emptyType,
    }),
    'a bundle that oras attached: a title, and a config of its own': (artifacts, digest) =>
      artifacts.bundle(digest, 'good', {
        layer: { annotations: { 'org.opencontainers.image.title': 'bundle.json' } },
        manifest: { annotations: { 'org.opencontainers.image.created': '2026-11-22T00:00:00Z' } },
      }),
    'a bundle that oras attached without a type': (artifacts, digest) =>
      artifacts.bundle(digest, 'good', {
        manifest: { artifactType: 'application/vnd.unknown.artifact.v1' },
        descriptor: { artifactType: 'application/vnd.unknown.artifact.v1' },
      }),
    ...Object.fromEntries(
      ['+json;version=0.1', '+json;version=0.2', '+json;version=0.3', '.v0.3+json'].map(
        (ending): [string, Make] => {
          const type = `application/vnd.dev.sigstore.bundle${ending}`;
          return [
            `a bundle of type ${type}`,
            (artifacts, digest) =>
              artifacts.bundle(digest, 'good', {
                layer: { mediaType: type },
                manifest: { artifactType: type },
                descriptor: { artifactType: type },
              }),
          ];
        },
      ),
    ),
  };
  test.each(Object.entries(accepted))('%s', async (_name, make) => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [make(artifacts, digest)]);
    registry.delay = 80;
    expect(summary(await lookAtAll(source, registry, digest))).toEqual({ ...nothing, evidence: ['good'] });
    expect(registry.trips).toBe(3);
  });

  const refused: Record<string, { code: string; make: Make }> = {
    'of another image': {
      code: 'DIGEST_MISMATCH',
      make: (artifacts) =>
        artifacts.layered(sha256('x'), cosignSignatureType, [artifacts.simpleLayer('bad')]),
    },
    'a signature that is an envelope': {
      code: 'UNSUPPORTED',
      make: (artifacts, digest) =>
        artifacts.layered(digest, cosignSignatureType, [artifacts.envelopeLayer('bad')]),
    },
    'an attestation that nobody signed': {
      code: 'UNSUPPORTED',
      make: (artifacts, digest) =>
        artifacts.layered(digest, inTotoType, [artifacts.envelopeLayer('bad', { mediaType: inTotoType })]),
    },
    'without layers': {
      code: 'MALFORMED',
      make: (artifacts, digest) => artifacts.layered(digest, inTotoType, []),
    },
    'a bundle with a second layer': {
      code: 'MALFORMED',
      make: (artifacts, digest) => {
        const layer = artifacts.blob('bad', 'application/vnd.dev.sigstore.bundle.v0.3+json');
        return artifacts.bundle(digest, 'bad', { manifest: { layers: [layer, layer] } });
      },
    },
    'the same where only its layers say that it is one': {
      code: 'MALFORMED',
      make: (artifacts, digest) => {
        const layer = artifacts.blob('bad', 'application/vnd.dev.sigstore.bundle.v0.3+json');
        const manifest = { artifactType: emptyType, layers: [layer, { ...layer, mediaType: 'text/plain' }] };
        return artifacts.bundle(digest, 'bad', { manifest, descriptor: { artifactType: emptyType } });
      },
    },
    'a manifest that is an index': {
      code: 'MALFORMED',
      make: (artifacts, subject) => {
        const index = { schemaVersion: 2, mediaType: indexType, manifests: [], subject: { digest: subject } };
        return { mediaType: indexType, artifactType: cosignSignatureType, ...artifacts.manifest(index) };
      },
    },
  };
  test.each(Object.entries(refused))('A24: %s', async (_name, { code, make }) => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const good = artifacts.layered(digest, cosignSignatureType, [artifacts.simpleLayer('good')]);
    artifacts.referrers(digest, [make(artifacts, digest), good]);
    expect(summary(await lookAtAll(source, registry, digest))).toEqual({
      evidence: ['good'],
      refused: [code],
      faults: [],
    });
  });

  test('attestations among them are not fetched where no policy asks for them', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const attestation = artifacts.layered(digest, inTotoType, [artifacts.envelopeLayer('attestation')]);
    artifacts.referrers(digest, [attestation, artifacts.bundle(digest, 'bundle')]);
    const found = await lookAtAll(source, registry, digest, { attestations: false });
    expect(summary(found)).toEqual({ ...nothing, evidence: ['bundle'] });
    expect(registry.asked.filter((line) => line.includes(String(attestation['digest'])))).toEqual([]);
  });
});

describe('F1: bounds', () => {
  test('F1: floods of two kinds do not displace the third', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const many = (name: string) => Array.from({ length: 510 }, (_, index) => `${name} ${index}`);
    artifacts.tagged(
      digest,
      'att',
      many('junk').map((text) => artifacts.envelopeLayer(text)),
    );
    artifacts.referrers(
      digest,
      many('junk').map((text) => artifacts.bundle(digest, text)),
    );
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('good')]);
    const { evidence, refused } = summary(await lookAtAll(source, registry, digest));
    expect(evidence).toContain('good');
    expect(evidence).toHaveLength(1 + 2 * 499);
    expect(refused).toEqual(['LIMIT', 'LIMIT']);
  });

  test('F1: layers of referrers count like all others', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const layers = Array.from({ length: 1010 }, (_, index) => artifacts.simpleLayer(`layer ${index}`));
    artifacts.referrers(digest, [
      artifacts.layered(digest, cosignSignatureType, layers),
      artifacts.bundle(digest, 'good'),
    ]);
    const { evidence, refused } = summary(await lookAtAll(source, registry, digest));
    expect(evidence).toContain('good');
    expect(evidence).toHaveLength(LIMITS.evidencePerImage);
    expect(refused).toEqual(['LIMIT']);
  });

  test.each([
    [
      [0, 0, 1200],
      [0, 0, 1000],
    ],
    [
      [1200, 1200, 1200],
      [333, 333, 333],
    ],
    [
      [1, 1200, 1200],
      [1, 499, 499],
    ],
    [
      [400, 400, 200],
      [400, 400, 200],
    ],
    [
      [800, 0, 100],
      [800, 0, 100],
    ],
  ])('F1: of %j places wanted, %j are had', async (wanted, had) => {
    const places = new EvidencePlaces(3);
    const claims = wanted.map((each) => places.claim(each));
    const granted = await Promise.all(claims.map(async ({ now, later }) => now + (await later())));
    expect(granted).toEqual(had);
    const left = LIMITS.evidencePerImage - had.reduce((sum, each) => sum + each, 0);
    expect([await places.more(left + 1), await places.more(1)]).toEqual([left, 0]);
  });
});

test('a cold verification: trips do not grow with images, kinds and signatures', async () => {
  const { registry, artifacts, source } = await setup({ concurrency: { total: 256, perHost: 128 } });
  const digests = Array.from({ length: 3 }, (_, index) => artifacts.image(`image ${index}`, `v${index}`));
  const some = (digest: string) => [0, 1, 2].map((index) => `${digest} ${index}`);
  for (const digest of digests) {
    artifacts.simpleSigned(
      digest,
      some(digest).map((text) => artifacts.simpleLayer(text)),
    );
    artifacts.tagged(
      digest,
      'att',
      some(digest).map((text) => artifacts.envelopeLayer(`att ${text}`)),
    );
  }
  // Long enough for what is asked at once to be asked before the first answer, on a busy machine as well.
  registry.delay = 400;
  registry.script((_request, response, { method, url }) => {
    const index = /\/v(\d)$/.exec(url)?.[1];
    if (method === 'HEAD') response.setHeader('docker-content-digest', digests[Number(index)] ?? '');
  });
  const tags = digests.map((_, index) => reference(registry, { tag: `v${index}` }));
  const resolved = await Promise.all(tags.map((tag) => source.resolve(tag, asking())));
  expect(registry.trips).toBe(1);
  expect(resolved.map(({ digest }) => digest)).toEqual(digests);
  registry.forget();
  const found = await Promise.all(digests.map((digest) => lookAtAll(source, registry, digest)));
  expect(found.map(({ evidence }) => evidence.length)).toEqual(digests.map(() => 6));
  expect(registry.trips).toBe(2);
  for (const digest of digests) {
    artifacts.referrers(
      digest,
      some(digest).map((text) => artifacts.bundle(digest, `bundle ${text}`)),
    );
  }
  registry.forget();
  const fresh = await Promise.all(
    digests.map((digest) => lookAtAll(source, registry, digest, { fresh: true, attestations: false })),
  );
  expect(fresh.map(({ evidence }) => evidence.length)).toEqual(digests.map(() => 6));
  expect(registry.trips).toBe(3);
});
