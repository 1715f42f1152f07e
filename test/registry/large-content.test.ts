import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { checkLargeDigest } from '../../src/registry/digest.ts';
import type { LargeEvidence } from '../../src/sigstore/evidence.ts';
import { Artifacts, sha256 } from './artifacts.ts';
import { asking, evilRegistry, imageSource, lookAtAll, reference, setup } from './sources.ts';

/** Large evidence is named by a look, and fetched when something has to be learned of it. */

const LARGE = 'x'.repeat(LIMITS.evidenceHereBytes + 1);

function only(evidence: readonly unknown[]): LargeEvidence {
  expect(evidence).toHaveLength(1);
  const [first] = evidence as readonly LargeEvidence[];
  if (first?.kind !== 'large') throw new Error('it is not large');
  return first;
}

describe('a look', () => {
  test('names a large bundle and a large envelope, and fetches neither; a smaller one it fetches', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, LARGE), artifacts.bundle(digest, LARGE.slice(1))]);
    artifacts.tagged(digest, 'att', [artifacts.envelopeLayer(`${LARGE}y`)]);
    const { evidence, refused } = await lookAtAll(source, registry, digest);
    expect(refused).toEqual([]);
    expect(evidence.map(({ kind }) => kind).sort()).toEqual(['bundle', 'large', 'large']);
    const named = evidence.filter(({ kind }) => kind === 'large') as readonly LargeEvidence[];
    expect(named.map(({ form }) => form).sort()).toEqual(['bundle', 'dsse-envelope']);
    const blobs = registry.asked.filter((line) => line.includes('/blobs/'));
    expect(blobs).toHaveLength(1);
    expect(blobs[0]).toContain(sha256(LARGE.slice(1)));
  });

  test('F2: refuses one above the limit, which is lower where no policy asks for attestations', async () => {
    for (const [attestations, limit] of [
      [true, LIMITS.attestationBytes],
      [false, LIMITS.evidenceBytes],
    ] as const) {
      for (const [size, codes] of [
        [limit, []],
        [limit + 1, ['LIMIT']],
      ] as const) {
        const { registry, artifacts, source } = await setup();
        const digest = artifacts.image();
        artifacts.referrers(digest, [artifacts.bundle(digest, 'x', { layer: { size } })]);
        const found = await lookAtAll(source, registry, digest, { attestations });
        expect(found.refused.map(({ code }) => code)).toEqual(codes);
        expect(found.evidence).toHaveLength(1 - codes.length);
      }
    }
  });
});

describe('the bytes', () => {
  test('are fetched on behalf of the one who asks, and hashed; other bytes of the same length are refused', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, LARGE)]);
    const evidence = only((await lookAtAll(source, registry, digest)).evidence);
    const image = reference(registry, { digest });
    expect(Buffer.from(await source.content(image, evidence, asking())).toString()).toBe(LARGE);
    registry.script((_request, response, { url }) => {
      if (!url.includes('/blobs/')) return false;
      response.end(`${LARGE.slice(1)}y`);
      return true;
    });
    await expect(source.content(image, evidence, asking())).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  test('that are gone are a fault', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.referrers(digest, [artifacts.bundle(digest, LARGE)]);
    const evidence = only((await lookAtAll(source, registry, digest)).evidence);
    registry.script((_request, response, { url }) => {
      if (url.includes('/blobs/')) response.writeHead(404).end();
      return url.includes('/blobs/');
    });
    const image = reference(registry, { digest });
    await expect(source.content(image, evidence, asking())).rejects.toMatchObject({ code: 'EVIDENCE_GONE' });
  });

  test('D2: are taken from a mirror, and from the registry where the mirror has others', async () => {
    const [registry, mirror] = [await evilRegistry(), await evilRegistry()];
    const mirrors = [{ url: `http://${mirror.host}` }];
    const source = imageSource([], { registries: [{ host: registry.host, plainHttp: true, mirrors }] });
    const [origin, copy] = [new Artifacts(registry), new Artifacts(mirror)];
    const digest = origin.image();
    for (const each of [origin, copy]) each.referrers(digest, [each.bundle(digest, LARGE)]);
    const evidence = only((await lookAtAll(source, registry, digest)).evidence);
    const image = reference(registry, { digest });
    registry.forget();
    expect((await source.content(image, evidence, asking())).length).toBe(LARGE.length);
    expect(registry.seen).toEqual([]);
    mirror.script((_request, response, { url }) => {
      if (!url.includes('/blobs/')) return false;
      response.end(`${LARGE.slice(1)}y`);
      return true;
    });
    expect(Buffer.from(await source.content(image, evidence, asking())).toString()).toBe(LARGE);
    expect(registry.seen).toHaveLength(1);
  });

  test('are hashed in slices, and the loop turns between them', async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, 1);
    let turns = 0;
    let isDone = false;
    const tick = () => {
      turns += 1;
      if (!isDone) setImmediate(tick);
    };
    setImmediate(tick);
    await checkLargeDigest(bytes, sha256(bytes.toString('latin1')), 'it');
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(7);
    bytes[5_000_000] = 2;
    const old = sha256('\u0001'.repeat(bytes.length));
    await expect(checkLargeDigest(bytes, old, 'it')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
