import { describe, expect, test } from '@jest/globals';
import { Artifacts, indexType, manifestType, sha256 } from './artifacts.ts';
import { asking, evilRegistry, imageSource, look, reference, setup, summary } from './sources.ts';

/** What registries, caches and gateways in front of them were seen to answer; each beside the twin that is refused. */

const PAGE = '<html><title>Sign in</title></html>';
const GOOD = { evidence: ['good'], refused: [], faults: [] };

describe('a body that is not a manifest is no image', () => {
  const ask = ({ source, registry }: Pick<Awaited<ReturnType<typeof setup>>, 'source' | 'registry'>) =>
    source.resolve(reference(registry), asking());

  test.each([
    ['the type of a manifest', manifestType],
    ['its type with parameters', `${manifestType.toUpperCase()}; charset=utf-8`],
    ['JSON', 'application/json'],
    ['plain text', 'text/plain; charset=utf-8'],
    ['bytes', 'application/octet-stream'],
    ['no type', ''],
  ])('a manifest that is served as %s is one', async (_name, type) => {
    const parts = await setup();
    const digest = parts.artifacts.image();
    for (const name of ['v1', digest]) {
      const path = parts.artifacts.path('manifests', name);
      const bytes = JSON.stringify(manifestOf(parts.artifacts));
      parts.registry.put(path, type, bytes);
    }
    const expected = sha256(JSON.stringify(manifestOf(parts.artifacts)));
    expect(await ask(parts)).toMatchObject({ digest: expected });
  });

  test.each([
    ['a sign-in page', 'text/html', PAGE],
    ['a page that says it is JSON', 'application/json', PAGE],
    ['a page without a type', '', PAGE],
    ['JSON that is no manifest', 'application/json', '{"errors": []}'],
    ['a manifest that says it is a page', 'text/html', '{"schemaVersion": 2, "config": {}, "layers": []}'],
  ])('%s is a fault, for the tag and for the digest', async (_name, type, body) => {
    const parts = await setup();
    const digest = parts.artifacts.image();
    expect(await ask(parts)).toMatchObject({ digest });
    parts.registry.script((_request, response) => {
      response.writeHead(200, { 'content-type': type }).end(body);
      return true;
    });
    await expect(ask(parts)).rejects.toMatchObject({ code: 'REGISTRY_ERROR' });
    const source = imageSource([parts.registry]);
    await expect(source.manifest(reference(parts.registry), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_ERROR',
    });
    const found = await look(source, parts.registry, digest);
    expect(found.evidence).toEqual([]);
    expect(found.faults.map(({ code }) => code)).toContain('REGISTRY_ERROR');
    expect(JSON.stringify(found.faults.map(({ message }) => message))).not.toContain('Sign in');
  });

  test('with the type of a manifest, but not of its shape, it is bad content and never a digest', async () => {
    const parts = await setup();
    parts.registry.put(parts.artifacts.path('manifests', 'v1'), manifestType, PAGE);
    await expect(ask(parts)).rejects.toMatchObject({ name: 'Refusal', code: 'MALFORMED' });
    parts.registry.put(parts.artifacts.path('manifests', 'v1'), manifestType, '{"schemaVersion": 2}');
    await expect(ask(parts)).rejects.toMatchObject({ name: 'Refusal', code: 'MALFORMED' });
  });

  test('a HEAD names a digest only together with the type of a manifest', async () => {
    const parts = await setup();
    const digest = parts.artifacts.image();
    let type = manifestType;
    const named = sha256('named by the header');
    parts.registry.script(({ method }, response) => {
      if (method !== 'HEAD') return false;
      response.writeHead(200, { 'content-type': type, 'docker-content-digest': named }).end();
      return true;
    });
    expect(await ask(parts)).toMatchObject({ digest: named });
    type = 'text/html';
    expect(await ask(parts)).toMatchObject({ digest });
  });

  test('a mirror that answers with a page is passed over', async () => {
    const [mirror, registry] = [await evilRegistry(), await evilRegistry()];
    const artifacts = new Artifacts(registry);
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, 'good')]);
    mirror.script((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/html', 'docker-content-digest': sha256(PAGE) })
        .end(PAGE);
      return true;
    });
    const mirrors = [{ url: `http://${mirror.host}` }];
    const source = imageSource([], { registries: [{ host: registry.host, plainHttp: true, mirrors }] });
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(summary(await look(source, registry, digest))).toEqual(GOOD);
    expect(mirror.asked.length).toBeGreaterThan(2);
  });

  test('a page in the place of a blob is a fault, other bytes are another artifact', async () => {
    const { registry, artifacts } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, 'good')]);
    const found = async () => summary(await look(imageSource([registry]), registry, digest));
    expect(await found()).toEqual(GOOD);
    const path = artifacts.path('blobs', sha256('good'));
    registry.put(path, 'text/html; charset=utf-8', 'BAD!');
    expect(await found()).toEqual({ evidence: [], refused: [], faults: ['REGISTRY_ERROR'] });
    registry.put(path, 'application/octet-stream', 'BAD!');
    expect(await found()).toEqual({ evidence: [], refused: ['DIGEST_MISMATCH'], faults: [] });
    registry.put(path, 'text/html', 'good');
    expect(await found()).toEqual(GOOD);
  });
});

function manifestOf(artifacts: Artifacts) {
  const config = artifacts.blob('{}', 'application/vnd.oci.image.config.v1+json');
  return { schemaVersion: 2, mediaType: manifestType, config, layers: [] };
}

describe('one refused method is not the last word', () => {
  test.each([400, 403, 405, 501])('HEAD is answered %d, and GET with the manifest', async (status) => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    let get = 200;
    registry.script(({ method }, response) => {
      if (method === 'GET' && get === 200) return false;
      response.writeHead(method === 'HEAD' ? status : get).end();
      return true;
    });
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    // Unsigned, and not "cannot tell": the image itself is there.
    expect(summary(await look(source, registry, digest))).toEqual({ evidence: [], refused: [], faults: [] });
    get = 403;
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
    const again = summary(await look(imageSource([registry]), registry, digest));
    expect(again.evidence).toEqual([]);
    expect(again.faults).toContain('REGISTRY_AUTH');
  });
});

describe('good evidence counts wherever it is', () => {
  const emptyList = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] });

  async function taggedEvidence() {
    const parts = await setup();
    const digest = parts.artifacts.image();
    const bundle = parts.artifacts.bundle(digest, 'good');
    parts.artifacts.manifest(
      { schemaVersion: 2, mediaType: indexType, manifests: [bundle] },
      digest.replace(':', '-'),
      indexType,
    );
    return { ...parts, digest };
  }

  test('under the fallback tag, although the referrers API answers with an empty list', async () => {
    const { registry, artifacts, source, digest } = await taggedEvidence();
    registry.put(artifacts.path('referrers', digest), indexType, emptyList);
    expect(summary(await look(source, registry, digest))).toEqual(GOOD);
    // Both were asked at once: three trips, as ever.
    expect(Math.max(...registry.seen.map(({ wave }) => wave))).toBe(3);
  });

  test('and for the next image of a repository whose API is known', async () => {
    const { registry, artifacts, source, digest } = await taggedEvidence();
    const other = artifacts.image('other', 'v2');
    artifacts.referrers(other, [artifacts.bundle(other, 'other')]);
    registry.put(artifacts.path('referrers', digest), indexType, emptyList);
    expect(summary(await look(source, registry, other)).evidence).toEqual(['other']);
    expect(summary(await look(source, registry, digest))).toEqual(GOOD);
    registry.remove(artifacts.path('manifests', digest.replace(':', '-')));
    const unsigned = await look(imageSource([registry]), registry, digest);
    expect(summary(unsigned)).toEqual({ evidence: [], refused: [], faults: [] });
  });

  test.each(['application/json', 'application/json; charset=utf-8', ''])(
    'a list of referrers that is served as "%s"',
    async (type) => {
      const { registry, artifacts, source } = await setup();
      const digest = artifacts.image();
      const path = artifacts.path('referrers', digest);
      const list = { schemaVersion: 2, mediaType: indexType, manifests: [artifacts.bundle(digest, 'good')] };
      registry.put(path, type, JSON.stringify(list));
      expect(summary(await look(source, registry, digest))).toEqual(GOOD);
      registry.put(path, type, JSON.stringify({ manifests: list.manifests }));
      const found = summary(await look(imageSource([registry]), registry, digest));
      expect(found).toEqual({ evidence: [], refused: [], faults: [] });
    },
  );

  test('`"manifests": null` is an empty list, and no list is none', async () => {
    const { registry, artifacts } = await setup();
    const digest = artifacts.image();
    const path = artifacts.path('referrers', digest);
    const found = async (manifests: unknown) => {
      registry.put(path, indexType, JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
      return summary(await look(imageSource([registry]), registry, digest));
    };
    expect(await found([artifacts.bundle(digest, 'good')])).toEqual(GOOD);
    expect(await found(null)).toEqual({ evidence: [], refused: [], faults: [] });
    expect(await found('')).toEqual({ evidence: [], refused: ['MALFORMED'], faults: [] });
    expect(await found(undefined)).toEqual({ evidence: [], refused: ['MALFORMED'], faults: [] });
  });
});

describe('the next page of a list of referrers', () => {
  async function paged(link: (digest: string) => string) {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    const path = artifacts.path('referrers', digest);
    const page = (name: string) => ({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [artifacts.bundle(digest, name)],
    });
    const [first, second] = [page('first'), page('second')];
    registry.script((request, response) => {
      if (!decodeURIComponent(request.url ?? '').startsWith(path)) return false;
      const isSecond = request.url?.includes('last=1') === true;
      response.writeHead(200, { 'content-type': indexType, ...(!isSecond && { link: link(digest) }) });
      response.end(JSON.stringify(isSecond ? second : first));
      return true;
    });
    return summary(await look(source, registry, digest));
  }
  const next = (url: string) => `<${url}>; rel="next"`;

  test.each([
    ['as it was asked', (digest: string) => next(`/v2/org/app/referrers/${digest}?last=1`)],
    [
      'with the colon escaped',
      (digest) => next(`/v2/org/app/referrers/${digest.replace(':', '%3A')}?last=1`),
    ],
    ['in lower case', (digest) => next(`/v2/org/app/referrers/${digest.replace(':', '%3a')}?last=1`)],
    ['with letters escaped', (digest) => next(`/v2/%6Frg/app/referrers/${digest}?last=1`)],
    ['relative', () => next('?last=1')],
  ] satisfies [string, (digest: string) => string][])('%s', async (_name, link) => {
    expect(await paged(link)).toEqual({ evidence: ['first', 'second'], refused: [], faults: [] });
  });

  test.each([
    ['of another digest', () => next(`/v2/org/app/referrers/${sha256('other').replace(':', '%3A')}?last=1`)],
    ['of another repository', (digest: string) => next(`/v2/org/other/referrers/${digest}?last=1`)],
    ['escaped twice', (digest) => next(`/v2/org/app/referrers/${digest.replace(':', '%253A')}?last=1`)],
    ['with an escaped slash', (digest) => next(`/v2/org%2Fapp/referrers/${digest}?last=1`)],
    ['with an escape that is none', (digest) => next(`/v2/org/app/referrers/${digest}%?last=1`)],
    ['through a parent', (digest) => next(`/v2/org/app/%2e%2e/other/referrers/${digest}?last=1`)],
  ] satisfies [string, (digest: string) => string][])('D7: %s is another place', async (_name, link) => {
    expect(await paged(link)).toEqual({ evidence: ['first'], refused: [], faults: ['REGISTRY_ERROR'] });
  });
});

test('a signature whose tag is there and whose payload is gone: nobody can tell, and the message says what', async () => {
  const { registry, artifacts } = await setup();
  const digest = artifacts.image();
  artifacts.simpleSigned(digest, [artifacts.simpleLayer('good')]);
  expect(summary(await look(imageSource([registry]), registry, digest))).toEqual(GOOD);
  registry.remove(artifacts.path('blobs', sha256('good')));
  const { faults, ...found } = await look(imageSource([registry]), registry, digest);
  expect(summary({ faults, ...found })).toEqual({ evidence: [], refused: [], faults: ['EVIDENCE_GONE'] });
  expect(faults[0]?.message).toBe(
    `${sha256('good')}, which tag ${digest.replace(':', '-')}.sig, layer 0 names, is not in registry ${registry.host}: deleted, or not replicated yet`,
  );
});
