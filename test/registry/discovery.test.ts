import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { bundleType, emptyType, indexType, manifestType, sha256, type Json } from './artifacts.ts';
import { asking, imageSource, look, reference, setup, summary } from './sources.ts';

describe('what is found', () => {
  test('cosign 1–2: payload and annotations of each layer', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('one'), artifacts.simpleLayer('two')]);
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({ evidence: ['one', 'two'], refused: [], faults: [] });
    // The newest first: cosign appends.
    expect(found.evidence.map((each) => each.source.replace(/.*, /, ''))).toEqual(['layer 1', 'layer 0']);
    expect(found.evidence[1]).toMatchObject({
      kind: 'simple-signing',
      source: `tag ${digest.replace(':', '-')}.sig, layer 0`,
      annotations: { 'dev.cosignproject.cosign/signature': 'c2ln' },
    });
    expect(found.remembered).toBe(false);
  });

  test('bundles through the referrers API, also where the registry hides their type', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const { artifactType: _, ...untyped } = artifacts.bundle(digest, 'untyped');
    artifacts.referrers(digest, [
      artifacts.bundle(digest, 'typed'),
      artifacts.bundle(digest, 'vague', { descriptor: { artifactType: emptyType } }),
      untyped,
      // Other artifacts are no evidence and no error: a typed one is not fetched at all.
      artifacts.bundle(digest, 'sbom', { descriptor: { artifactType: 'application/spdx+json' } }),
      artifacts.bundle(digest, 'other', {
        descriptor: { artifactType: emptyType },
        layer: { mediaType: 'text/plain' },
        manifest: { artifactType: emptyType },
      }),
    ]);
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({ evidence: ['typed', 'untyped', 'vague'], refused: [], faults: [] });
    expect(registry.asked.filter((line) => line.includes(sha256('sbom')))).toEqual([]);
  });

  test('bundles through the fallback tag, beside cosign 1–2', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.fallback(digest, [artifacts.bundle(digest, 'bundle')]);
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('legacy')]);
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['bundle', 'legacy'],
      refused: [],
      faults: [],
    });
  });

  test('a registry that answers the referrers API with a web page has none', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.fallback(digest, [artifacts.bundle(digest, 'bundle')]);
    registry.put(artifacts.path('referrers', digest), 'text/html', '<html>');
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['bundle'],
      refused: [],
      faults: [],
    });
  });

  test('pages of referrers are followed, and the query is what the registry says', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const path = artifacts.path('referrers', digest);
    artifacts.referrers(digest, [artifacts.bundle(digest, 'first')]);
    const second = artifacts.index([artifacts.bundle(digest, 'second')]);
    registry.script((_request, response, { url }) => {
      if (url === path) response.setHeader('link', `<${path}?next=a%2Fb>; rel="next"`);
      if (url !== `${path}?next=a%2Fb`) return false;
      response.writeHead(200, { 'content-type': indexType }).end(second);
      return true;
    });
    expect(summary(await look(source, registry, digest)).evidence).toEqual(['first', 'second']);
  });

  test('unsigned is no evidence and no fault; an image that is not there is a fault', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    expect(summary(await look(source, registry, digest))).toEqual({ evidence: [], refused: [], faults: [] });
    expect(summary(await look(source, registry, sha256('nowhere')))).toEqual({
      evidence: [],
      refused: [],
      faults: ['IMAGE_NOT_FOUND'],
    });
  });
});

describe('round trips of a cold look', () => {
  test('cosign 1–2: two, three questions at once first', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('one'), artifacts.simpleLayer('two')]);
    registry.delay = 30;
    expect((await look(source, registry, digest)).evidence).toHaveLength(2);
    expect(registry.trips).toBe(2);
    expect(registry.seen.filter(({ wave }) => wave === 1)).toHaveLength(3);
    expect(registry.seen).toHaveLength(5);
  });

  test('bundles: three, and the fallback tag is not asked again once the API is known', async () => {
    const { registry, artifacts, source } = await setup();
    const [digest, other] = [artifacts.image('a'), artifacts.image('b')];
    artifacts.referrers(digest, [artifacts.bundle(digest, 'one'), artifacts.bundle(digest, 'two')]);
    artifacts.referrers(other, [artifacts.bundle(other, 'three')]);
    registry.delay = 30;
    expect((await look(source, registry, digest)).evidence).toHaveLength(2);
    expect(registry.trips).toBe(3);
    expect(registry.seen).toHaveLength(7);
    registry.forget();
    expect((await look(source, registry, other)).evidence).toHaveLength(1);
    expect(registry.seen).toHaveLength(4);
  });

  test('a repository without evidence teaches nothing about its API: the next image takes three trips, too', async () => {
    const { registry, artifacts, source } = await setup();
    const [unsigned, digest] = [artifacts.image('a'), artifacts.image('b')];
    artifacts.referrers(digest, [artifacts.bundle(digest, 'one')]);
    expect((await look(source, registry, unsigned)).evidence).toEqual([]);
    registry.forget();
    registry.delay = 30;
    expect((await look(source, registry, digest)).evidence).toHaveLength(1);
    expect(registry.trips).toBe(3);
  });

  test('a token exchange adds itself once, not to the next image', async () => {
    const { registry, artifacts, source } = await setup();
    const [digest, other] = [artifacts.image('a'), artifacts.image('b')];
    for (const each of [digest, other]) artifacts.simpleSigned(each, [artifacts.simpleLayer(each)]);
    registry.script((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.end('{"token":"t"}');
        return true;
      }
      if (request.headers.authorization === 'Bearer t') return false;
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="s"` })
        .end();
      return true;
    });
    registry.delay = 30;
    expect((await look(source, registry, digest)).evidence).toHaveLength(1);
    expect(registry.asked.filter((line) => line.startsWith('GET /token'))).toHaveLength(1);
    expect(registry.trips).toBe(4);
    registry.forget();
    expect((await look(source, registry, other)).evidence).toHaveLength(1);
    expect(registry.trips).toBe(2);
    expect(registry.seen).toHaveLength(4);
  });
});

describe('one broken piece spoils no other', () => {
  /** Each case: a piece that is refused beside a good one, and the code. */
  const cases: Record<
    string,
    {
      code: string;
      descriptor(artifacts: Awaited<ReturnType<typeof setup>>['artifacts'], digest: string): Json;
    }
  > = {
    'D2: bytes of a manifest that are not those of its digest': {
      code: 'DIGEST_MISMATCH',
      descriptor: (artifacts, digest) => {
        const bundle = artifacts.bundle(digest, 'bad');
        artifacts.registry.put(
          artifacts.path('manifests', String(bundle['digest'])),
          manifestType,
          ' '.repeat(Number(bundle['size'])),
        );
        return bundle;
      },
    },
    'D2: a swapped blob': {
      code: 'DIGEST_MISMATCH',
      descriptor: (artifacts, digest) => {
        const bundle = artifacts.bundle(digest, 'bad');
        artifacts.registry.put(artifacts.path('blobs', sha256('bad')), 'x', 'BAD');
        return bundle;
      },
    },
    "D2: a size that is not the blob's": {
      code: 'DIGEST_MISMATCH',
      descriptor: (artifacts, digest) => artifacts.bundle(digest, 'bad', { layer: { size: 4 } }),
    },
    'A24: a bundle whose manifest refers to another image': {
      code: 'DIGEST_MISMATCH',
      descriptor: (artifacts) => artifacts.bundle(sha256('another image'), 'bad'),
    },
    'D11: inline data that is not the blob': {
      code: 'DIGEST_MISMATCH',
      descriptor: (artifacts, digest) =>
        artifacts.bundle(digest, 'bad', { layer: { data: Buffer.from('BAD').toString('base64') } }),
    },
    'D17: a digest that is a path': {
      code: 'MALFORMED',
      descriptor: (artifacts, digest) =>
        artifacts.bundle(digest, 'bad', { layer: { digest: 'sha256:../../../../etc/passwd' } }),
    },
    'D17: a referrer whose digest is a path': {
      code: 'MALFORMED',
      descriptor: () => ({
        artifactType: bundleType,
        mediaType: 'x',
        digest: '../../other/manifests/v1',
        size: 1,
      }),
    },
    'two layers': {
      code: 'MALFORMED',
      descriptor: (artifacts, digest) => artifacts.bundle(digest, 'bad', { manifest: { layers: [{}, {}] } }),
    },
    'F3: a size that nobody can hold': {
      code: 'LIMIT',
      descriptor: (artifacts, digest) =>
        artifacts.bundle(digest, 'bad', { layer: { size: Number.MAX_SAFE_INTEGER } }),
    },
    'F2: a size just above what is accepted': {
      code: 'LIMIT',
      descriptor: (artifacts, digest) =>
        artifacts.bundle(digest, 'bad', { layer: { size: LIMITS.evidenceBytes + 1 } }),
    },
    'F2: a blob longer than it says': {
      code: 'LIMIT',
      descriptor: (artifacts, digest) => artifacts.bundle(digest, 'bad', { layer: { size: 1 } }),
    },
    'D11: a bundle that lies elsewhere': {
      code: 'UNSUPPORTED',
      descriptor: (artifacts, digest) =>
        artifacts.bundle(digest, 'bad', { layer: { urls: ['http://127.0.0.1:1/x'] } }),
    },
  };
  test.each(Object.entries(cases))('%s', async (_name, { code, descriptor }) => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [descriptor(artifacts, digest), artifacts.bundle(digest, 'good')]);
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [code], faults: [] });
    expect(registry.asked.every((line) => line.startsWith('GET /v2/org/app/'))).toBe(true);
    expect(found.refused[0]?.detail).not.toContain('BAD');
  });

  test('a bundle that is named but is not there is gone: nobody can tell what it says', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const gone = artifacts.bundle(digest, 'gone');
    artifacts.referrers(digest, [gone, artifacts.bundle(digest, 'good')]);
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['gone', 'good'],
      refused: [],
      faults: [],
    });
    for (const path of [
      artifacts.path('blobs', sha256('gone')),
      artifacts.path('manifests', String(gone['digest'])),
    ]) {
      registry.remove(path);
      const found = await look(imageSource([registry]), registry, digest);
      expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: ['EVIDENCE_GONE'] });
      expect(found.faults[0]?.message).toContain(path.split('/').at(-1));
    }
  });

  test('inline data that is the blob saves the request for it', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [
      artifacts.bundle(digest, 'good', { layer: { data: Buffer.from('good').toString('base64') } }),
    ]);
    expect(summary(await look(source, registry, digest)).evidence).toEqual(['good']);
    expect(registry.asked.filter((line) => line.includes('/blobs/'))).toEqual([]);
  });

  test('D11: layers with urls in .sig are never fetched, nor is a config taken for a signature', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [
      artifacts.simpleLayer('foreign', { urls: [`http://${registry.host}/elsewhere`] }),
      { ...artifacts.blob('config', 'application/vnd.oci.image.config.v1+json'), annotations: {} },
      artifacts.simpleLayer('good'),
    ]);
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['good'],
      refused: ['UNSUPPORTED', 'UNSUPPORTED'],
      faults: [],
    });
    expect(
      registry.asked.filter((line) => line.includes('elsewhere') || line.includes(sha256('foreign'))),
    ).toEqual([]);
  });

  test('D13: a failing referrers API is a fault beside what the tags hold', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [artifacts.simpleLayer('legacy')]);
    registry.script((_request, response, { url }) => {
      if (!url.includes('/referrers/')) return false;
      response.writeHead(500).end('secret of the registry');
      return true;
    });
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({ evidence: ['legacy'], refused: [], faults: ['REGISTRY_ERROR'] });
    expect(found.faults[0]?.message).not.toContain('secret');
  });

  test('D14: nine corrupt referrers and a good one; a hanging one does not hide the good one', async () => {
    const { registry, artifacts, source } = await setup({ requestMilliseconds: 3_000 });
    const digest = artifacts.image();
    const corrupt = Array.from({ length: 9 }, (_, index) =>
      artifacts.bundle(digest, `bad ${index}`, { layer: { size: 99 } }),
    );
    const hanging = artifacts.bundle(digest, 'hanging');
    artifacts.referrers(digest, [hanging, ...corrupt, artifacts.bundle(digest, 'good')]);
    registry.script((_request, _response, { url }) => url.endsWith(sha256('hanging')));
    const found = await look(source, registry, digest);
    expect(summary(found)).toEqual({
      evidence: ['good'],
      refused: Array(9).fill('DIGEST_MISMATCH'),
      faults: ['TIMEOUT'],
    });
  });

  test('D14: whoever cannot wait for the hanging one gets the good one', async () => {
    const { registry, artifacts, source } = await setup({ requestMilliseconds: 60_000 });
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, 'hanging'), artifacts.bundle(digest, 'good')]);
    registry.script((_request, _response, { url }) => url.endsWith(sha256('hanging')));
    const found = await source.discover(reference(registry), digest, { ...asking(3_000), fresh: false });
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: ['TIMEOUT'] });
  });
});

describe('bounds', () => {
  const most = LIMITS.evidencePerImage;
  const half = most / 2;

  test('F1: 1,101 layers: the last 1,000 are read, and a refusal says so; 1,000 are all read', async () => {
    const { registry, artifacts, source } = await setup();
    const [flooded, full] = [artifacts.image('a'), artifacts.image('b')];
    const layers = Array.from({ length: most + 101 }, (_, index) =>
      artifacts.simpleLayer(`payload ${index}`),
    );
    artifacts.simpleSigned(flooded, layers);
    artifacts.simpleSigned(full, layers.slice(0, most));
    const found = await look(source, registry, flooded);
    expect(found.evidence).toHaveLength(most);
    expect(summary(found).evidence).toContain(`payload ${most + 100}`);
    expect(found.refused).toEqual([
      {
        source: 'the tag of signatures',
        code: 'LIMIT',
        detail: expect.stringMatching(/^1000 of 1101 pieces of evidence were looked at/),
        isBound: true,
        claims: 'signature',
      },
    ]);
    expect(registry.seen.length).toBeLessThanOrEqual(most + 3);
    expect(summary(await look(source, registry, full))).toMatchObject({
      refused: [],
      evidence: { length: most },
    });
  });

  test('F1: a flood of referrers does not displace cosign 1–2, nor the reverse', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(
      digest,
      Array.from({ length: half + 50 }, (_, index) => artifacts.bundle(digest, `junk ${index}`)),
    );
    artifacts.simpleSigned(
      digest,
      Array.from({ length: half }, (_, index) => artifacts.simpleLayer(`good ${index}`)),
    );
    const { evidence, refused } = summary(await look(source, registry, digest));
    expect(evidence.filter((text) => text.startsWith('good'))).toHaveLength(half);
    expect(evidence).toHaveLength(most);
    expect(refused).toEqual(['LIMIT']);
  });

  test('F1: 10 000 referrers and endless pages end at the limits', async () => {
    const { registry, artifacts, source } = await setup();
    const [many, endless] = [artifacts.image('a'), artifacts.image('b')];
    const sbom = { mediaType: 'x', artifactType: 'application/spdx+json', size: 1 };
    artifacts.referrers(
      many,
      Array.from({ length: 10_000 }, (_, index) => ({ ...sbom, digest: sha256(String(index)) })),
    );
    expect(summary(await look(source, registry, many))).toEqual({
      evidence: [],
      refused: ['LIMIT'],
      faults: [],
    });
    registry.forget();
    const path = artifacts.path('referrers', endless);
    artifacts.referrers(endless, [artifacts.bundle(endless, 'good')]);
    registry.script(
      (_request, response) => void response.setHeader('link', `<${path}?page=again>; rel="next"`),
    );
    expect(summary(await look(source, registry, endless))).toEqual({
      evidence: ['good'],
      refused: ['LIMIT'],
      faults: [],
    });
    expect(registry.asked.filter((line) => line.includes('/referrers/'))).toHaveLength(LIMITS.referrerPages);
  });

  test('D7: a list of referrers that goes on at another place is not followed', async () => {
    const { registry, artifacts, source } = await setup();
    for (const [content, link] of Object.entries({
      origin: 'http://169.254.169.254/v2/org/app/referrers/x',
      path: '/v2/other/referrers/x?a',
      port: 'http://127.0.0.1:1/',
    })) {
      const digest = artifacts.image(content);
      artifacts.referrers(digest, [artifacts.bundle(digest, 'good')]);
      registry.script((_request, response) => void response.setHeader('link', `<${link}>; rel="next"`));
      expect(summary(await look(source, registry, digest))).toEqual({
        evidence: ['good'],
        refused: [],
        faults: ['REGISTRY_ERROR'],
      });
    }
    expect(registry.asked.every((line) => line.startsWith('GET /v2/org/app/'))).toBe(true);
  });

  test('F3: a million empty objects in a list, in a manifest and in annotations', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.fallback(digest, []);
    registry.put(
      artifacts.path('referrers', digest),
      indexType,
      `{"schemaVersion":2,"manifests":[${'{},'.repeat(1_000_000)}{}]}`,
    );
    const annotations = Object.fromEntries(
      Array.from({ length: LIMITS.annotations + 1 }, (_, index) => [`a${index}`, '']),
    );
    artifacts.simpleSigned(digest, [
      artifacts.simpleLayer('crowded', { annotations }),
      artifacts.simpleLayer('good'),
    ]);
    expect(summary(await look(source, registry, digest))).toEqual({
      evidence: ['good'],
      refused: ['LIMIT', 'LIMIT'],
      faults: [],
    });
  });

  test('F2: large statements share 96 MiB, and small ones are never displaced', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const size = LIMITS.evidenceBytes;
    const fitting = LIMITS.evidenceTotalBytes / size;
    const large = Array.from({ length: fitting + 1 }, (_, index) =>
      artifacts.bundle(digest, `large ${index}`, { layer: { size } }),
    );
    artifacts.referrers(digest, [...large, artifacts.bundle(digest, 'small')]);
    const found = await look(source, registry, digest);
    expect(found.refused.map(({ code }) => code)).toEqual(['LIMIT']);
    expect(found.evidence).toHaveLength(fitting + 1);
    expect(found.evidence.filter(({ kind }) => kind === 'bundle')).toHaveLength(1);
  });
});
