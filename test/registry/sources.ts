import { afterEach } from '@jest/globals';
import type { Discovery } from '../../src/admission/ports.ts';
import type { ImageReference } from '../../src/image/reference.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import type { ImageSourceSettings } from '../../src/registry/settings.ts';
import { Artifacts } from './artifacts.ts';
import { EvilRegistry } from './evil-registry.ts';

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Ends when the test does. */
export function atEnd(end: () => Promise<void>): void {
  ends.push(end);
}

/** A registry that lives as long as the test. */
export async function evilRegistry(tls?: { key: string; cert: string }): Promise<EvilRegistry> {
  const registry = await EvilRegistry.start(tls);
  atEnd(() => registry.stop());
  return registry;
}

/** A source that lives as long as the test; the registries are those that it may reach over plain http. */
export function imageSource(
  registries: readonly EvilRegistry[],
  settings: Partial<ImageSourceSettings> = {},
): RegistryImageSource {
  const source = new RegistryImageSource({
    registries: registries.map(({ host }) => ({ host, plainHttp: true })),
    log: silentLogger,
    ...settings,
  });
  atEnd(() => source.stop());
  return source;
}

/** The usual three: a registry, what is in it, and who reads it. */
export async function setup(settings: Partial<ImageSourceSettings> = {}) {
  const registry = await evilRegistry();
  return { registry, artifacts: new Artifacts(registry), source: imageSource([registry], settings) };
}

export function reference(
  registry: EvilRegistry | string,
  change: Partial<ImageReference> = {},
): ImageReference {
  const host = typeof registry === 'string' ? registry : registry.host;
  return {
    original: `${host}/org/app:v1`,
    registry: host,
    repository: 'org/app',
    tag: 'v1',
    digest: undefined,
    ...change,
  };
}

export function soon(milliseconds = 5000): AbortSignal {
  return AbortSignal.timeout(milliseconds);
}

export function look(
  source: RegistryImageSource,
  registry: EvilRegistry,
  digest: string,
  fresh = false,
): Promise<Discovery> {
  return source.discover(reference(registry, { digest }), digest, { signal: soon(), fresh });
}

/** What stands in a discovery, short enough to compare whole. */
export function summary({ evidence, refused, faults }: Discovery) {
  return {
    evidence: evidence.map((each) => (each.kind === 'bundle' ? text(each.bytes) : text(each.payload))).sort(),
    refused: refused.map(({ code }) => code).sort(),
    faults: faults.map(({ code }) => code).sort(),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
