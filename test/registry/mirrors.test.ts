import { describe, expect, test } from '@jest/globals';
import type { MirrorSettings, RegistrySettings } from '../../src/registry/settings.ts';
import { Artifacts, sha256 } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import { asking, evilRegistry, imageSource, lookAtAll, reference, summary } from './sources.ts';

async function mirrored(change: Partial<MirrorSettings> = {}, settings: Record<string, unknown> = {}) {
  const [registry, mirror] = [await evilRegistry(), await evilRegistry()];
  const registries: RegistrySettings[] = [
    { host: registry.host, plainHttp: true, mirrors: [{ url: `http://${mirror.host}`, ...change }] },
  ];
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const source = imageSource([], { registries, requestMilliseconds: 3_000, now, ...settings });
  return { clock, registry, mirror, source, origin: new Artifacts(registry), copy: new Artifacts(mirror) };
}

function fails(registry: EvilRegistry, status = 500): void {
  registry.script((_request, response) => {
    response.writeHead(status).end();
    return true;
  });
}

const good = { evidence: ['good'], refused: [], faults: [] };

describe('evidence', () => {
  test('a mirror that has it is enough: the registry is not asked', async () => {
    const { registry, mirror, source, origin, copy } = await mirrored();
    const digest = origin.image();
    copy.simpleSigned(digest, [copy.simpleLayer('good')]);
    expect(summary(await lookAtAll(source, registry, digest))).toEqual(good);
    expect(registry.seen).toEqual([]);
    expect(mirror.seen.every(({ url }) => url.endsWith(`?ns=${encodeURIComponent(registry.host)}`))).toBe(
      true,
    );
  });

  test('D13: a mirror hides nothing: what it does not have, or cannot tell, the registry is asked for', async () => {
    for (const broken of [undefined, 404, 500, 429, 403]) {
      const { registry, mirror, source, origin, copy } = await mirrored();
      const digest = origin.image();
      copy.image();
      origin.simpleSigned(digest, [origin.simpleLayer('good')]);
      if (broken !== undefined) fails(mirror, broken);
      expect(summary(await lookAtAll(source, registry, digest))).toEqual(good);
    }
  });

  test('D14: a mirror that hangs, or has half of it', async () => {
    const { registry, mirror, source, origin, copy } = await mirrored();
    const digest = origin.image();
    copy.simpleSigned(digest, [copy.simpleLayer('good'), copy.simpleLayer('hanging')]);
    origin.simpleSigned(digest, [origin.simpleLayer('good'), origin.simpleLayer('hanging')]);
    mirror.script((_request, _response, { url }) => url.includes(sha256('hanging')));
    const found = await lookAtAll(source, registry, digest);
    // What both have counts once.
    expect(summary(found)).toEqual({ evidence: ['good', 'hanging'], refused: [], faults: [] });
  });

  test("D13: neither can tell: both faults are told, and none is 'unsigned'; once the registry can, it is", async () => {
    const { registry, mirror, source, origin } = await mirrored();
    const digest = origin.image();
    fails(mirror);
    fails(registry, 403);
    const { faults, evidence } = await lookAtAll(source, registry, digest);
    expect(evidence).toEqual([]);
    expect(new Set(faults.map(({ code }) => code))).toEqual(new Set(['REGISTRY_ERROR', 'REGISTRY_AUTH']));
    registry.script(() => false);
    const again = await lookAtAll(imageSource([registry]), registry, digest);
    expect(summary(again)).toEqual({ evidence: [], refused: [], faults: [] });
  });

  test('a fresh look asks both at once: a mirror may be behind', async () => {
    const { clock, registry, mirror, source, origin, copy } = await mirrored();
    const digest = origin.image();
    copy.simpleSigned(digest, [copy.simpleLayer('old')]);
    origin.simpleSigned(digest, [origin.simpleLayer('new'), origin.simpleLayer('old')]);
    expect(summary(await lookAtAll(source, registry, digest)).evidence).toEqual(['old']);
    registry.delay = mirror.delay = 100;
    clock.now += 2050;
    expect(summary(await lookAtAll(source, registry, digest, { fresh: true })).evidence).toEqual([
      'new',
      'old',
    ]);
    expect(registry.trips).toBe(2);
  });

  test('D2: a mirror forges nothing: other bytes than those of a digest are refused, and the good ones found', async () => {
    const { mirror, registry, source, origin, copy } = await mirrored();
    const digest = origin.image();
    for (const each of [origin, copy]) each.referrers(digest, [each.bundle(digest, 'good')]);
    mirror.put(copy.path('blobs', sha256('good')), 'x', 'EVIL');
    const found = await lookAtAll(source, registry, digest);
    expect(summary(found)).toEqual({ evidence: ['good'], refused: ['DIGEST_MISMATCH'], faults: [] });
  });

  test('an image that is nowhere, and one that only the mirror has', async () => {
    const { registry, source, copy } = await mirrored();
    expect(summary(await lookAtAll(source, registry, sha256('nowhere'))).faults).toEqual(['IMAGE_NOT_FOUND']);
    expect(summary(await lookAtAll(source, registry, copy.image())).faults).toEqual([]);
  });
});

describe('tags and manifests', () => {
  test('D1: only a mirror that may resolve says what a tag means', async () => {
    const each = async (capabilities?: MirrorSettings['capabilities']) => {
      const { registry, mirror, source, origin, copy } = await mirrored({
        ...(capabilities && { capabilities }),
      });
      const [own, other] = [origin.image('own'), copy.image('other')];
      const { digest } = await source.resolve(reference(registry), asking());
      return { isOwn: digest === own, isOther: digest === other, asked: mirror.seen.length > 0 };
    };
    expect(await each(['pull'])).toEqual({ isOwn: true, isOther: false, asked: false });
    expect(await each(['pull', 'resolve'])).toEqual({ isOwn: false, isOther: true, asked: true });
    expect(await each()).toEqual({ isOwn: false, isOther: true, asked: true });
  });

  test.each([404, 500, 429])(
    'a mirror that answers a tag with %s leaves it to the registry',
    async (status) => {
      const { registry, mirror, source, origin } = await mirrored();
      const digest = origin.image();
      fails(mirror, status);
      expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
      expect((await source.manifest(reference(registry), digest, asking())).length).toBeGreaterThan(0);
    },
  );

  test('D2: a mirror whose manifest has other bytes stands before nobody', async () => {
    const { registry, mirror, source, origin, copy } = await mirrored();
    const digest = origin.image();
    mirror.put(copy.path('manifests', digest), 'x', '{}');
    expect((await source.manifest(reference(registry), digest, asking())).length).toBeGreaterThan(2);
    fails(registry, 503);
    mirror.script(() => false);
    const other = sha256('other');
    await expect(source.manifest(reference(registry), other, asking())).rejects.toMatchObject({
      code: 'REGISTRY_ERROR',
      message: expect.stringContaining(registry.host),
    });
  });

  test.each([
    ['/', false, '/v2/org/app/', 'org/app'],
    ['/v2/dockerhub', true, '/v2/dockerhub/org/app/', 'dockerhub/org/app'],
    ['/proxy', false, '/proxy/v2/org/app/', 'org/app'],
    ['/artifactory/api/docker/hub/v2', false, '/artifactory/api/docker/hub/v2/org/app/', 'org/app'],
    ['/strange', true, '/strange/org/app/', 'org/app'],
  ])('a mirror at %s (override: %s) is asked at %s', async (path, overridePath, begins, scope) => {
    const [registry, mirror] = [await evilRegistry(), await evilRegistry()];
    const mirrors = [{ url: `http://${mirror.host}${path}`, overridePath }];
    const source = imageSource([], { registries: [{ host: registry.host, plainHttp: true, mirrors }] });
    mirror.script((request, response, { url }) => {
      if (url.startsWith('/token')) {
        response.end('{"token":"t"}');
        return true;
      }
      if (request.headers.authorization !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${mirror.host}/token"` }).end();
      return true;
    });
    const digest = new Artifacts(registry).image();
    await lookAtAll(source, registry, digest);
    const paths = mirror.seen.map(({ url }) => url).filter((url) => !url.startsWith('/token'));
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((url) => !url.startsWith(begins))).toEqual([]);
    const token = mirror.seen.find(({ url }) => url.startsWith('/token'))?.url ?? '';
    expect(new URLSearchParams(token.split('?')[1]).get('scope')).toBe(`repository:${scope}:pull`);
  });

  test('what is no URL of a mirror stops the start, without repeating a password', () => {
    for (const url of ['https://user:hunter2@mirror', 'http://', 'https://m/?q']) {
      const settings = { registries: [{ host: 'a.example', mirrors: [{ url }] }] };
      expect(() => imageSource([], settings)).toThrow(/^the URL of a mirror is not https:/);
    }
  });
});
