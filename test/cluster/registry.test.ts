import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseImageReference } from '../../src/image/reference.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import type { RegistrySettings } from '../../src/registry/settings.ts';
import { createAuthority } from '../support/certificates.ts';
import {
  createCosign,
  generateKeyPair,
  save,
  signWithKey,
  type Cosign,
  type KeyFiles,
} from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { startSigstore, type Sigstore } from '../support/sigstore.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

const work = createWorkDirectory('registry');
let sigstore: Sigstore;
let cosign: Cosign;
let key: KeyFiles;

beforeAll(async () => {
  sigstore = await startSigstore({ workDir: work.path });
  cosign = createCosign({ workDir: work.path, sigstore });
  key = await generateKeyPair(cosign);
}, 60_000);
afterAll(async () => {
  await sigstore.stop();
  work.remove();
});

/** What a source finds for an image that cosign signed in both layouts. */
async function found(image: PushedImage, reference: string, settings: RegistrySettings) {
  const source = new RegistryImageSource({ registries: [settings], log: silentLogger });
  const parsed = parseImageReference(reference);
  const puller = { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' };
  const options = { signal: AbortSignal.timeout(10_000), puller };
  try {
    const { digest } = await source.resolve(parsed, options);
    const bytes = await source.manifest(parsed, digest, options);
    const { evidence, refused, faults } = await source.discover(parsed, digest, { ...options, fresh: false });
    const kinds = evidence.map(({ kind }) => kind).sort();
    return { digest, isWhole: Buffer.from(bytes).equals(image.bytes), kinds, refused, faults };
  } finally {
    await source.stop();
  }
}

describe.each(['referrers', 'fallback'] as RegistryMode[])('a real registry, %s, over TLS', (mode) => {
  let registry: Registry;
  let image: PushedImage;
  let signed: { digest: string; isWhole: true; kinds: string[]; refused: []; faults: [] };
  beforeAll(async () => {
    const authority = createAuthority('tests');
    const leaf = authority.issue({ commonName: 'registry', names: ['127.0.0.1'] });
    registry = await startRegistry({ mode, workDir: work.path, tls: { ...leaf, ca: authority.certPem } });
    image = await pushImage(registry, 'org/app', { tag: 'v1' });
    for (const legacy of [false, true])
      await signWithKey(cosign, image, { key, legacy, log: 'none', timestamp: false });
    signed = {
      digest: image.digest,
      isWhole: true,
      kinds: ['bundle', 'simple-signing'],
      refused: [],
      faults: [],
    };
  }, 120_000);
  afterAll(() => registry.stop());

  test('what cosign signed is found, in both layouts', async () => {
    const settings = { host: registry.host, caPem: registry.tls?.ca ?? '' };
    expect(await found(image, image.reference, settings)).toEqual(signed);
    const unsigned = await pushImage(registry, 'org/unsigned', { tag: 'v1' });
    expect(await found(unsigned, unsigned.reference, settings)).toMatchObject({
      isWhole: true,
      kinds: [],
      refused: [],
      faults: [],
    });
  });

  test('D9: not without its CA', async () => {
    await expect(found(image, image.reference, { host: registry.host })).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
    });
  });

  test('what cosign saved is found in the folder', async () => {
    const directory = join(work.path, `saved-${mode}`);
    mkdirSync(join(directory, 'org'), { recursive: true });
    await save(cosign, image, join(directory, 'org', 'app'));
    expect(existsSync(join(directory, 'org', 'app', 'index.json'))).toBe(true);
    expect(
      await found(image, 'airgap.example/org/app:v1', { host: 'airgap.example', layout: directory }),
    ).toEqual(signed);
  });
});
