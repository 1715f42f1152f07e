import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type { AskOptions, Discovery, DiscoverOptions, Puller } from '../../src/admission/ports.ts';
import type { ImageReference } from '../../src/image/reference.ts';
import type { FoundEvidence } from '../../src/sigstore/evidence.ts';
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

/**
 * A source that lives as long as the test; the registries are those that it may reach over plain http. Its clock stands still:
 * what it remembers for a second is remembered on a busy machine too.
 */
export function imageSource(
  registries: readonly EvilRegistry[],
  settings: Partial<ImageSourceSettings> = {},
): RegistryImageSource {
  const began = Date.now();
  const source = new RegistryImageSource({
    now: () => began,
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

/** A Docker configuration that lives as long as the test. */
export function configFile(auths: object, more: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-docker-'));
  atEnd(async () => rmSync(folder, { recursive: true }));
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify({ auths, ...more }));
  return path;
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

export function soon(milliseconds = 30_000): AbortSignal {
  return AbortSignal.timeout(milliseconds);
}

/** On behalf of a workload without pull secrets. */
export const nobody: Puller = { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' };

export function asking(milliseconds?: number, puller: Puller = nobody): AskOptions {
  return { signal: soon(milliseconds), puller };
}

export function look(
  source: RegistryImageSource,
  registry: EvilRegistry,
  digest: string,
  fresh = false,
  puller: Puller = nobody,
): Promise<Discovery> {
  const options = { ...asking(undefined, puller), fresh, attestations: false };
  return source.discover(reference(registry, { digest }), digest, options);
}

/** The same for policies that ask for attestations, too. */
export function lookAtAll(
  source: RegistryImageSource,
  registry: EvilRegistry | string,
  digest: string,
  change: Partial<DiscoverOptions> = {},
): Promise<Discovery> {
  const options = { ...asking(), fresh: false, attestations: true, ...change };
  return source.discover(reference(registry, { digest }), digest, options);
}

/** What stands in a discovery, short enough to compare whole. */
export function summary({ evidence, refused, faults }: Discovery) {
  return {
    evidence: evidence.map((each) => text(contentOf(each))).sort(),
    refused: refused.map(({ code }) => code).sort(),
    faults: faults.map(({ code }) => code).sort(),
  };
}

function contentOf(evidence: FoundEvidence): Uint8Array {
  switch (evidence.kind) {
    case 'bundle':
      return evidence.bytes;
    case 'simple-signing':
      return evidence.payload;
    case 'dsse-envelope':
      return evidence.envelope;
    case 'large':
      return Buffer.from(`${evidence.form} ${evidence.digest}`);
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
