import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSourceSettings } from '../../src/registry/settings.ts';
import { Artifacts } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import { asking, atEnd, evilRegistry, imageSource, reference } from './sources.ts';

const NOON = Date.parse('2026-11-22T12:00:00Z');

async function limited(status: number, retryAfter: string, settings: Partial<ImageSourceSettings> = {}) {
  const registry = await evilRegistry();
  const clock = { now: NOON };
  const source = imageSource([registry], { now: () => clock.now, ...settings });
  const digest = new Artifacts(registry).image();
  let isLimited = true;
  registry.script((_request, response) => {
    if (!isLimited) return false;
    response.writeHead(status, { 'retry-after': retryAfter }).end();
    return true;
  });
  const read = () =>
    source.manifest(reference(registry), digest, asking()).then(
      () => 'read',
      (error: unknown) => error as { code: string; message: string; retryAfterSeconds: number },
    );
  const lift = () => (isLimited = false);
  return { registry, clock, source, read, lift };
}

describe('D15: a registry that asks to be left alone', () => {
  test.each([
    [429, '3600', 3600, 'REGISTRY_RATE_LIMITED'],
    [429, 'Sun, 22 Nov 2026 13:00:00 GMT', 3600, 'REGISTRY_RATE_LIMITED'],
    [503, '3600', 3600, 'REGISTRY_ERROR'],
  ])('D15: %s, Retry-After: %s', async (status, retryAfter, seconds, code) => {
    const { registry, clock, read, lift } = await limited(status, retryAfter);
    expect(await read()).toMatchObject({ code, retryAfterSeconds: seconds });
    lift();
    clock.now += 10_000;
    expect(await read()).toMatchObject({
      code: 'REGISTRY_RATE_LIMITED',
      retryAfterSeconds: seconds - 10,
      message: expect.stringContaining(`try again in ${seconds - 10} s`),
    });
    expect(registry.seen).toHaveLength(1);
    // An hour is what it asks for; a minute is what it gets, because limits are lifted, too.
    clock.now += 50_000;
    expect(await read()).toBe('read');
  });

  test('D15: a wait shorter than a minute is kept as it is', async () => {
    const { registry, clock, read, lift } = await limited(429, '5');
    expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED' });
    lift();
    clock.now += 4999;
    expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED', retryAfterSeconds: 1 });
    clock.now += 1;
    expect(await read()).toBe('read');
    expect(registry.seen).toHaveLength(2);
  });

  test.each(['soon', '-1', '1e9', '99999999', 'Sunday', 'Sun, 22 Nov 2026 11:00:00 GMT', ''])(
    'D15: "%s" is no reason to leave it alone',
    async (retryAfter) => {
      const { read, lift } = await limited(429, retryAfter);
      expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED' });
      lift();
      expect(await read()).toBe('read');
    },
  );

  test('D15: one registry waits, another does not', async () => {
    const { source, read } = await limited(429, '60');
    const other = await evilRegistry();
    expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED' });
    const settings = { registries: [{ host: other.host, plainHttp: true }] };
    const elsewhere = new Artifacts(other).image();
    await expect(
      imageSource([], settings).manifest(reference(other), elsewhere, asking()),
    ).resolves.toBeDefined();
    await expect(source.manifest(reference('nowhere.invalid'), elsewhere, asking())).rejects.toMatchObject({
      code: 'REGISTRY_DNS',
    });
  });

  test('D15: limits are by account: nobody waits for what another has used up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-limits-'));
    atEnd(async () => rmSync(folder, { recursive: true }));
    const registry = await evilRegistry();
    const dockerConfigFile = join(folder, 'config.json');
    const auths = { [`${registry.host}/team`]: { username: 'team', password: 'secret' } };
    writeFileSync(dockerConfigFile, JSON.stringify({ auths }));
    const source = imageSource([registry], { dockerConfigFile });
    const [own, others] = [new Artifacts(registry, 'team/app'), new Artifacts(registry)];
    const [digest, image] = [own.image(), others.image('other')];
    registry.script((request, response, { url }) => {
      if (!url.startsWith('/v2/team/')) return false;
      const isSignedIn = request.headers.authorization !== undefined;
      const headers = isSignedIn ? { 'retry-after': '60' } : { 'www-authenticate': 'Basic realm="r"' };
      response.writeHead(isSignedIn ? 429 : 401, headers).end();
      return true;
    });
    const team = reference(registry, { repository: 'team/app' });
    await expect(source.manifest(team, digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_RATE_LIMITED',
    });
    const asked = registry.seen.length;
    await expect(source.manifest(team, digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_RATE_LIMITED',
    });
    expect(registry.seen).toHaveLength(asked);
    await expect(source.manifest(reference(registry), image, asking())).resolves.toBeDefined();
  });

  test('D15: a token server has limits, too', async () => {
    const { registry, read } = await limited(429, '60');
    const token = (retry: EvilRegistry) =>
      retry.script((_request, response, { url }) => {
        const headers = { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` };
        if (url.startsWith('/token')) response.writeHead(429, { 'retry-after': '60' }).end();
        else response.writeHead(401, headers).end();
        return true;
      });
    token(registry);
    expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED', retryAfterSeconds: 60 });
    expect(await read()).toMatchObject({ code: 'REGISTRY_RATE_LIMITED' });
    expect(registry.seen).toHaveLength(2);
  });
});
