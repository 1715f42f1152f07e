import { describe, expect, test } from '@jest/globals';
import type { ImageSource } from '../../src/admission/ports.ts';
import { eventually } from '../kube/eventually.ts';
import { Artifacts, sha256 } from './artifacts.ts';
import { asking, configFile, evilRegistry, imageSource, reference, setup, soon, summary } from './sources.ts';

describe('G14: what people ask does not stand in the way of admissions', () => {
  /** Looks at images that are not signed, as many as there are. */
  function crowd(source: ImageSource, host: string, images: number, signal: AbortSignal) {
    return Array.from({ length: images }, (_, n) => {
      const digest = sha256(`stranger ${n}`);
      const options = { ...asking(), signal, fresh: false };
      return source.discover(reference(host, { digest, repository: `org/app-${n}` }), digest, options);
    });
  }

  test('G14: of the places of a registry a quarter is theirs, and an admission waits for none of them', async () => {
    const { registry, artifacts, source } = await setup({
      requestMilliseconds: 100_000,
      lookupMilliseconds: 100_000,
    });
    const good = artifacts.image();
    artifacts.simpleSigned(good, [artifacts.simpleLayer('good')]);
    let [now, most] = [0, 0];
    registry.script((request, response) => {
      if (!request.url?.includes('/org/app-')) return false;
      most = Math.max(most, (now += 1));
      // Until whoever asked gives up.
      response.on('close', () => (now -= 1));
      return true;
    });
    // Proven: from here on the host has all of its places.
    await source.resolve(reference(registry), asking());
    const given = new AbortController();
    const asked = crowd(source.unhurried, registry.host, 60, given.signal);
    await eventually('their places are taken', () => now === 4);
    const found = await source.discover(reference(registry, { digest: good }), good, {
      ...asking(),
      fresh: false,
    });
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: [] });
    expect(most).toBe(4);
    given.abort();
    await Promise.all(asked);
    await eventually('all are gone', () => now === 0);

    // The twin: the same crowd as admissions takes many more.
    most = 0;
    const twin = new AbortController();
    const admissions = crowd(source, registry.host, 60, twin.signal);
    await eventually('most places are taken', () => most > 8);
    twin.abort();
    await Promise.all(admissions);
  });

  test('G14: an admission does not join a look-up of theirs, and finds what it remembered', async () => {
    const { registry, artifacts, source } = await setup();
    const image = artifacts.image();
    artifacts.simpleSigned(image, [artifacts.simpleLayer('good')]);
    const look = (from: ImageSource) =>
      from.discover(reference(registry, { digest: image }), image, { ...asking(), fresh: false });
    expect((await look(source)).remembered).toBe(false);
    const before = registry.seen.length;
    const theirs = look(source.unhurried);
    expect((await look(source)).remembered).toBe(true);
    expect((await theirs).remembered).toBe(false);
    expect(registry.seen.length).toBeGreaterThan(before);
    expect((await look(source.unhurried)).remembered).toBe(true);
  });

  test('G8: the same guard stands before them: addresses, credentials, plain http', async () => {
    const registry = await evilRegistry();
    const artifacts = new Artifacts(registry);
    artifacts.image();
    const auths = { [registry.host]: { auth: Buffer.from('user:right').toString('base64') } };
    const stranger = imageSource([], { dockerConfigFile: configFile(auths) });
    await expect(stranger.unhurried.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
    for (const host of ['169.254.169.254', 'localhost:1', '[::1]:1', '127.0.0.1:1', '0.0.0.0:1']) {
      await expect(stranger.unhurried.resolve(reference(host), asking())).rejects.toMatchObject({
        code: 'REGISTRY_FORBIDDEN',
      });
    }
    expect(registry.seen).toEqual([]);
    const known = imageSource([registry]);
    const { digest } = await known.unhurried.resolve(reference(registry), { ...asking(), signal: soon() });
    expect(digest).toMatch(/^sha256:/);
  });
});
