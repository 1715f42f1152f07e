import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { indexType, manifestType, sha256, type Artifacts, type Json } from './artifacts.ts';
import { asking, reference, setup } from './sources.ts';

const listType = 'application/vnd.docker.distribution.manifest.list.v2+json';
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

function child(name: string, platform: Json = amd64, more: Json = {}): Json {
  return { mediaType: manifestType, digest: sha256(name), size: 7, platform, ...more };
}

function index(
  artifacts: Artifacts,
  manifests: readonly Json[],
  mediaType = indexType,
): Json & { digest: string } {
  const { digest, size } = artifacts.manifest(
    { schemaVersion: 2, mediaType, manifests },
    undefined,
    mediaType,
  );
  return { mediaType, digest, size };
}

async function outcome(make: (artifacts: Artifacts) => string) {
  const { registry, artifacts, source } = await setup();
  const digest = make(artifacts);
  registry.delay = 100;
  const found = await source.platforms(reference(registry), digest, asking()).then(
    (platforms) => platforms?.map((each) => ({ ...each })),
    (error: unknown) => (error as { code: string }).code,
  );
  return { found, registry };
}

describe('D4: the platforms of an index', () => {
  const both = [
    { digest: sha256('a'), platform: 'linux/amd64' },
    { digest: sha256('b'), platform: 'linux/arm64/v8' },
  ];

  test.each([indexType, listType])(
    'D4: %s, in one request: a platform itself is not fetched',
    async (type) => {
      const { found, registry } = await outcome(
        (artifacts) => index(artifacts, [child('a'), child('b', arm64)], type).digest,
      );
      expect(found).toEqual(both);
      expect(registry.seen).toHaveLength(1);
    },
  );

  test('an image is no index', async () => {
    expect((await outcome((artifacts) => artifacts.image())).found).toBeUndefined();
  });

  test('D4: those of nested indexes are among them, fetched at once, and each once', async () => {
    const { found, registry } = await outcome((artifacts) => {
      const [one, two] = [index(artifacts, [child('a')]), index(artifacts, [child('b', arm64), child('a')])];
      return index(artifacts, [one, two, one, child('a')]).digest;
    });
    expect(found).toHaveLength(2);
    expect(found).toEqual(expect.arrayContaining(both));
    expect(registry.seen).toHaveLength(3);
    expect(registry.trips).toBe(2);
  });

  test('D4: four deep, and not five', async () => {
    const deep = (depth: number) => (artifacts: Artifacts) => {
      let at = index(artifacts, [child('a')]);
      for (let level = 1; level < depth; level += 1) at = index(artifacts, [at]);
      return at.digest;
    };
    expect((await outcome(deep(LIMITS.indexDepth))).found).toEqual(both.slice(0, 1));
    const { found, registry } = await outcome(deep(LIMITS.indexDepth + 1));
    expect(found).toBe('LIMIT');
    expect(registry.seen).toHaveLength(LIMITS.indexDepth);
  });

  test('F3: indexes that name one another many times do not multiply', async () => {
    const { found, registry } = await outcome((artifacts) => {
      let at = index(artifacts, [child('a')]);
      for (let level = 1; level < LIMITS.indexDepth; level += 1) {
        at = index(
          artifacts,
          Array.from({ length: 1000 }, () => at),
        );
      }
      return at.digest;
    });
    expect(found).toEqual(both.slice(0, 1));
    expect(registry.seen).toHaveLength(LIMITS.indexDepth);
  });

  test('D4: what is called a platform first and an index then is both', async () => {
    let nested = '';
    const { found } = await outcome((artifacts) => {
      const inner = index(artifacts, [child('b', arm64)]);
      nested = inner.digest;
      return index(artifacts, [child('a'), { ...inner, mediaType: manifestType, platform: amd64 }, inner])
        .digest;
    });
    expect(found).toEqual([both[0], { digest: nested, platform: 'linux/amd64' }, both[1]]);
  });

  test('D4: an index that names itself cannot be: its bytes are another digest', async () => {
    const { found, registry } = await outcome((artifacts) => {
      const self = sha256('self');
      const bytes = JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: indexType, digest: self, size: 9 }],
      });
      artifacts.registry.put(artifacts.path('manifests', self), indexType, bytes);
      return self;
    });
    expect(found).toBe('DIGEST_MISMATCH');
    expect(registry.seen).toHaveLength(1);
  });

  test('F3: 256 platforms, and not one more; nor so many indexes, which are not fetched', async () => {
    const many = (count: number, more: Json = {}) =>
      Array.from({ length: count }, (_, each) => child(String(each), amd64, more));
    expect(
      (await outcome((artifacts) => index(artifacts, many(LIMITS.platformManifests)).digest)).found,
    ).toHaveLength(LIMITS.platformManifests);
    for (const more of [{}, { mediaType: indexType }]) {
      const { found, registry } = await outcome(
        (artifacts) => index(artifacts, many(LIMITS.platformManifests + 1, more)).digest,
      );
      expect(found).toBe('LIMIT');
      expect(registry.seen).toHaveLength(1);
    }
  });

  const attestation = { 'vnd.docker.reference.type': 'attestation-manifest' };
  const unknown = { os: 'unknown', architecture: 'unknown' };
  test('D4: only what has both marks of an attestation is left out', async () => {
    const { found } = await outcome(
      (artifacts) =>
        index(artifacts, [
          child('a'),
          child('attestation', unknown, { annotations: attestation }),
          child('no annotation', unknown),
          child('other annotation', unknown, { annotations: { 'vnd.docker.reference.type': 'x' } }),
          child('no platform', arm64, { annotations: attestation }),
          { ...child('nothing'), platform: undefined },
          child('odd', { os: 7, architecture: 'x'.repeat(99) }),
        ]).digest,
    );
    expect(found).toEqual([
      { digest: sha256('a'), platform: 'linux/amd64' },
      { digest: sha256('no annotation'), platform: 'unknown/unknown' },
      { digest: sha256('other annotation'), platform: 'unknown/unknown' },
      { digest: sha256('no platform'), platform: 'linux/arm64/v8' },
      { digest: sha256('nothing'), platform: 'unspecified' },
      { digest: sha256('odd'), platform: `unspecified/${'x'.repeat(32)}` },
    ]);
  });

  const refused: Record<string, { code: string; make: (artifacts: Artifacts) => Json }> = {
    'D17: a digest that is a path': { code: 'MALFORMED', make: () => ({ ...child('x'), digest: '../x' }) },
    'D4: an image that is called an index': {
      code: 'MALFORMED',
      make: (artifacts) => ({ mediaType: indexType, digest: artifacts.image(), size: 7 }),
    },
    'D2: a nested index with other bytes': {
      code: 'DIGEST_MISMATCH',
      make: (artifacts) => {
        const nested = index(artifacts, [child('a')]);
        artifacts.registry.put(artifacts.path('manifests', nested.digest), indexType, artifacts.index([]));
        return nested;
      },
    },
    'F3: a nested index that is too long': {
      code: 'LIMIT',
      make: (artifacts) => ({ ...index(artifacts, [child('a')]), size: LIMITS.manifestBytes + 1 }),
    },
    'a nested index that is not there': {
      code: 'IMAGE_NOT_FOUND',
      make: () => child('gone', amd64, { mediaType: indexType }),
    },
  };
  test.each(Object.entries(refused))('%s', async (_name, { code, make }) => {
    expect((await outcome((artifacts) => index(artifacts, [make(artifacts)]).digest)).found).toBe(code);
    const twin = await outcome((artifacts) => index(artifacts, [index(artifacts, [child('a')])]).digest);
    expect(twin.found).toEqual(both.slice(0, 1));
  });
});
