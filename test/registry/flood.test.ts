import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { Artifacts, bundleType, sha256, type Json } from './artifacts.ts';
import { asking, evilRegistry, imageSource, reference, setup } from './sources.ts';

/** What many images at once may take: of memory, and of places. */
/** Of all look-ups that no admission waits for, see `UNHURRIED` in src/registry/image-source.ts: admissions have four times as much. */
const MEMORY = 64 * 1024 * 1024;
/** The largest that is read where reviews are decided. */
const SIZE = LIMITS.evidenceHereBytes;

test('F1: evidence that is being read stays within the memory for it, whatever the number of images; then it is free again', async () => {
  // Places are not what bounds it here.
  const { registry, artifacts, source } = await setup({
    concurrency: { total: 2048, perHost: 2048 },
    requestMilliseconds: 240_000,
    lookupMilliseconds: 240_000,
  });
  const hanging: ServerResponse[] = [];
  registry.script((_request, response, { url }) => {
    if (!url.includes('/blobs/') || !huge.has(url.split('/').at(-1) ?? '')) return false;
    hanging.push(response);
    return true;
  });
  const huge = new Set<string>();
  const flooded = Array.from({ length: 20 }, (_, index) => {
    const digest = artifacts.image(`flooded ${index}`);
    const bundles = Array.from({ length: LIMITS.evidenceAtOnce }, (_each, piece): Json => {
      const blob = sha256(`${index} ${piece}`);
      huge.add(blob);
      return artifacts.bundle(digest, `${index} ${piece}`, {
        layer: { mediaType: bundleType, digest: blob, size: SIZE },
      });
    });
    artifacts.referrers(digest, bundles);
    return digest;
  });
  // More than there is memory for.
  expect(flooded.length * LIMITS.evidenceAtOnce * SIZE).toBeGreaterThan(MEMORY);
  const { unhurried } = source;
  const gone = new AbortController();
  const options = { ...asking(), signal: gone.signal, fresh: false };
  const looks = Promise.allSettled(
    flooded.map((digest) => unhurried.discover(reference(registry, { digest }), digest, options)),
  );
  // Manifests take a little of it.
  await eventually('the memory is full', () => (hanging.length + 4) * SIZE > MEMORY);
  // Whatever else is asked for meanwhile is not read; a twin of the same size that would fit alone neither.
  const late = artifacts.image('late');
  const one = sha256('late');
  huge.add(one);
  artifacts.referrers(late, [
    artifacts.bundle(late, 'late', { layer: { mediaType: bundleType, digest: one, size: SIZE } }),
  ]);
  const lateLook = unhurried
    .discover(reference(registry, { digest: late }), late, options)
    .catch((error: unknown) => error);
  await eventually('its manifest is read', () =>
    registry.seen.some(({ url }) => url.endsWith(`/referrers/${late}`)),
  );
  await sleep(100);
  expect(hanging.length * SIZE).toBeLessThanOrEqual(MEMORY);

  gone.abort();
  for (const response of hanging) response.destroy();
  await Promise.all([looks, lateLook]);
  const good = artifacts.image('good');
  const bytes = 'x'.repeat(SIZE);
  artifacts.referrers(good, [artifacts.bundle(good, bytes), artifacts.bundle(good, 'small')]);
  await untilHolds('there is memory again', async () => {
    const found = await unhurried.discover(reference(registry, { digest: good }), good, {
      ...asking(),
      fresh: true,
    });
    expect([found.evidence.length, found.faults]).toEqual([2, []]);
  });
});

test('F10: 100 images with 30 signatures each take no more places than there are, of one host and of all', async () => {
  const registries = [await evilRegistry(), await evilRegistry(), await evilRegistry()];
  const source = imageSource(registries, { concurrency: { total: 12, perHost: 6 } });
  let inAll = 0;
  let most = 0;
  const mostOf = registries.map(() => 0);
  for (const [index, registry] of registries.entries()) {
    let now = 0;
    registry.script(async (_request, response) => {
      now += 1;
      inAll += 1;
      most = Math.max(most, inAll);
      mostOf[index] = Math.max(mostOf[index] ?? 0, now);
      response.once('close', () => {
        now -= 1;
        inAll -= 1;
      });
      await sleep(5);
      return false;
    });
  }
  const looks = registries.flatMap((registry, host) => {
    const artifacts = new Artifacts(registry);
    const layers = Array.from({ length: 30 }, (_, piece) => artifacts.simpleLayer(`${host} ${piece}`));
    return Array.from({ length: host === 0 ? 34 : 33 }, (_, index) => {
      const digest = artifacts.image(`image ${host} ${index}`);
      artifacts.simpleSigned(digest, layers);
      return source.discover(reference(registry, { digest }), digest, { ...asking(60_000), fresh: false });
    });
  });
  expect(looks).toHaveLength(100);
  await Promise.allSettled(looks);
  expect(Math.max(...mostOf)).toBe(6);
  expect(most).toBeLessThanOrEqual(12);
  expect(most).toBeGreaterThan(6);

  // The twin: one of them alone, when the crowd has gone.
  const [registry] = registries;
  if (registry === undefined) throw new Error('no registry');
  const artifacts = new Artifacts(registry);
  const digest = artifacts.image('alone');
  artifacts.simpleSigned(digest, [artifacts.simpleLayer('good')]);
  const found = await source.discover(reference(registry, { digest }), digest, {
    ...asking(60_000),
    fresh: true,
  });
  expect([found.evidence.length, found.refused, found.faults]).toEqual([1, [], []]);
});
