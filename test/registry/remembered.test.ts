import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { AskOptions } from '../../src/admission/ports.ts';
import type { RegistryImageSource } from '../../src/registry/image-source.ts';
import { LIMITS } from '../../src/limits.ts';
import { eventually } from '../kube/eventually.ts';
import type { Artifacts } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import { asking, atEnd, look, reference, setup as setupSource, summary } from './sources.ts';

async function setup(settings: Parameters<typeof setupSource>[0] = {}) {
  const clock = { now: 1_000_000 };
  return { clock, ...(await setupSource({ now: () => clock.now, ...settings })) };
}

function sign(artifacts: Artifacts, digest: string, ...payloads: string[]): void {
  artifacts.simpleSigned(
    digest,
    payloads.map((payload) => artifacts.simpleLayer(payload)),
  );
}

/** The look that follows: what it found, whether it was remembered, how many requests it took. */
async function next(source: RegistryImageSource, registry: EvilRegistry, digest: string, fresh = false) {
  registry.forget();
  const found = await look(source, registry, digest, fresh);
  return { evidence: summary(found).evidence, remembered: found.remembered, asked: registry.seen.length > 0 };
}

describe('what was found', () => {
  test('answers for an hour, and also once the signature is gone: that is no revocation', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['good'],
      remembered: false,
      asked: true,
    });
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['good'],
      remembered: true,
      asked: false,
    });
    registry.remove(artifacts.path('manifests', `${digest.replace(':', '-')}.sig`));
    clock.now += 3_599_000;
    expect(await next(source, registry, digest)).toMatchObject({ evidence: ['good'], remembered: true });
    clock.now += 1000;
    expect(await next(source, registry, digest)).toMatchObject({ evidence: [], remembered: false });
  });

  test('is looked up again behind the answer after five minutes', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'one');
    await next(source, registry, digest);
    sign(artifacts, digest, 'one', 'two');
    clock.now += 299_000;
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['one'],
      remembered: true,
      asked: false,
    });
    clock.now += 2000;
    expect(await next(source, registry, digest)).toMatchObject({ evidence: ['one'], remembered: true });
    await eventually(
      'the second one is found',
      async () => (await next(source, registry, digest)).evidence.length === 2,
    );
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['one', 'two'],
      remembered: true,
      asked: false,
    });
  });

  test('outlives a failing refresh, which is not tried at every answer', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    await next(source, registry, digest);
    registry.script((_request, response) => {
      response.writeHead(500).end();
      return true;
    });
    clock.now += 301_000;
    await next(source, registry, digest);
    await eventually('it was tried', () => registry.seen.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['good'],
      remembered: true,
      asked: false,
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(registry.seen).toEqual([]);
    clock.now += 30_000;
    expect(await next(source, registry, digest)).toMatchObject({ evidence: ['good'], remembered: true });
    await eventually('it was tried', () => registry.seen.length === 3);
  });
});

describe('what was not found', () => {
  test('F12: "unsigned" stands for two seconds, so that a bad image cannot hammer a registry', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    expect(await next(source, registry, digest)).toEqual({ evidence: [], remembered: false, asked: true });
    sign(artifacts, digest, 'late');
    clock.now += 1999;
    expect(await next(source, registry, digest)).toEqual({ evidence: [], remembered: true, asked: false });
    clock.now += 1;
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['late'],
      remembered: false,
      asked: true,
    });
  });

  test('F12: a fault stands for one second, and the next answer is a whole one', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    let broken = true;
    registry.script((_request, response, { url }) => {
      if (!broken || !url.includes('/referrers/')) return false;
      response.writeHead(500).end();
      return true;
    });
    expect((await look(source, registry, digest)).faults).toHaveLength(1);
    broken = false;
    clock.now += 999;
    expect((await look(source, registry, digest)).faults).toHaveLength(1);
    clock.now += 1;
    expect(await look(source, registry, digest)).toMatchObject({ faults: [], remembered: false });
  });

  test('a fresh look is taken at most once in two seconds', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'one');
    await next(source, registry, digest);
    sign(artifacts, digest, 'one', 'two');
    expect(await next(source, registry, digest, true)).toEqual({
      evidence: ['one'],
      remembered: true,
      asked: false,
    });
    clock.now += 2000;
    expect(await next(source, registry, digest, true)).toEqual({
      evidence: ['one', 'two'],
      remembered: false,
      asked: true,
    });
    expect(await next(source, registry, digest, true)).toEqual({
      evidence: ['one', 'two'],
      remembered: true,
      asked: false,
    });
  });

  test('a fresh look asks the referrers API and the fallback tag, whatever is remembered of the registry', async () => {
    const { clock, registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    artifacts.fallback(digest, [artifacts.bundle(digest, 'old')]);
    await next(source, registry, digest);
    clock.now += 2000;
    artifacts.referrers(digest, [artifacts.bundle(digest, 'new')]);
    expect(await next(source, registry, digest, true)).toMatchObject({ evidence: ['new'] });
  });

  test('D13: a registry that forgot its API, or its tag, hides nothing', async () => {
    const { registry, artifacts, source } = await setup();
    const [a, b, c] = [artifacts.image('a'), artifacts.image('b'), artifacts.image('c')];
    artifacts.referrers(a, [artifacts.bundle(a, 'by the API')]);
    artifacts.fallback(b, [artifacts.bundle(b, 'by the tag')]);
    artifacts.referrers(c, [artifacts.bundle(c, 'by the API again')]);
    // The first teaches that there is an API, the second that there is none.
    expect((await next(source, registry, a)).evidence).toEqual(['by the API']);
    expect((await next(source, registry, b)).evidence).toEqual(['by the tag']);
    expect((await next(source, registry, c)).evidence).toEqual(['by the API again']);
  });

  test('C18: "not found" with one credential is no answer for another, but found evidence is for all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-docker-'));
    atEnd(async () => rmSync(folder, { recursive: true }));
    const dockerConfigFile = join(folder, 'config.json');
    writeFileSync(dockerConfigFile, '{}');
    const { clock, registry, artifacts, source } = await setup({ dockerConfigFile });
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    let isPrivate = true;
    registry.script((request, response) => {
      if (!isPrivate || request.headers.authorization !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    expect((await look(source, registry, digest)).faults.map(({ code }) => code)).toContain('REGISTRY_AUTH');
    writeFileSync(
      dockerConfigFile,
      JSON.stringify({ auths: { [registry.host]: { username: 'robot', password: 'p' } } }),
    );
    clock.now += 1000;
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['good'],
      remembered: false,
      asked: true,
    });
    isPrivate = false;
    writeFileSync(dockerConfigFile, '{"auths": {}}');
    clock.now += 1000;
    expect(await next(source, registry, digest)).toEqual({
      evidence: ['good'],
      remembered: true,
      asked: false,
    });
  });
});

describe('at the same time', () => {
  test('fifty callers are one look', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    registry.delay = 20;
    const all = await Promise.all(Array.from({ length: 50 }, () => look(source, registry, digest)));
    expect(all.map((found) => summary(found).evidence)).toEqual(all.map(() => ['good']));
    expect(registry.seen).toHaveLength(4);
  });

  test('the first to give up fails no other: each waits by its own signal', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    registry.delay = 100;
    const leader = new AbortController();
    const image = reference(registry, { digest });
    const what = { fresh: false, attestations: false };
    const first = source.discover(image, digest, { ...asking(), signal: leader.signal, ...what });
    const second = source.discover(image, digest, { ...asking(), ...what });
    setTimeout(() => leader.abort(), 30);
    expect(summary(await first)).toEqual({ evidence: [], refused: [], faults: ['TIMEOUT'] });
    expect(summary(await second)).toEqual({ evidence: ['good'], refused: [], faults: [] });
    expect(registry.seen).toHaveLength(4);
  });

  test('a tag and a manifest are shared in the same way', async () => {
    const { registry, artifacts, source } = await setup();
    const digest = artifacts.image();
    registry.script((_request, response) => void response.setHeader('docker-content-digest', digest));
    registry.delay = 100;
    const image = reference(registry);
    const ask = (options: AskOptions) => [
      source.resolve(image, options),
      source.manifest(image, digest, options),
    ];
    const impatient = Promise.allSettled(ask(asking(30)));
    const patient = await Promise.allSettled(ask(asking()));
    expect((await impatient).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(patient.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(registry.seen).toHaveLength(2);
    registry.forget();
    await source.manifest(image, digest, asking());
    expect(registry.seen).toEqual([]);
  });

  test('a look that never ends is ended, and tells what it found', async () => {
    const { registry, artifacts, source } = await setup({ lookupMilliseconds: 3_000 });
    const digest = artifacts.image();
    sign(artifacts, digest, 'good');
    registry.script((_request, _response, { url }) => url.includes('/referrers/'));
    const found = await look(source, registry, digest);
    expect(summary(found).evidence).toEqual(['good']);
    expect(summary(found).faults).toContain('TIMEOUT');
  });

  test('F12: what is kept is bounded by bytes', async () => {
    const { registry, artifacts, source } = await setup();
    const digests = Array.from({ length: 10 }, (_, index) => artifacts.image(`image ${index}`));
    for (const [index, digest] of digests.entries())
      sign(artifacts, digest, String(index).repeat(LIMITS.evidenceBytes));
    for (const digest of digests)
      expect(await next(source, registry, digest)).toMatchObject({ remembered: false });
    const last = await next(source, registry, digests.at(-1) ?? '');
    const first = await next(source, registry, digests[0] ?? '');
    expect([last.remembered, first.remembered]).toEqual([true, false]);
  });
});
