/**
 * Makes the example images again: `make examples`. A private Sigstore instance and a key are made, used and thrown away;
 * what stays are OCI image layouts with signatures by the real cosign, and the trust material that verifies them.
 * Nothing of it is secret: the private keys are gone when this has run.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createCosign, generateKeyPair, signKeyless, signWithKey } from '../test/support/cosign.ts';
import { pushImage } from '../test/support/images.ts';
import {
  evidenceTag,
  getBlob,
  getManifest,
  referrersOf,
  type PushedImage,
} from '../test/support/manifests.ts';
import { startRegistry } from '../test/support/registry.ts';
import { startSigstore } from '../test/support/sigstore.ts';
import { createWorkDirectory } from '../test/support/work-dir.ts';

const IMAGES = join(import.meta.dirname, 'images');
const TRUST = join(import.meta.dirname, 'policies/trust.yaml');

interface Layout {
  readonly descriptors: object[];
  readonly blobs: Map<string, Buffer>;
}

/** Copies a manifest with its blobs into a layout, under a tag or as a referrer. */
async function copyInto(layout: Layout, image: PushedImage, reference: string, tag?: string): Promise<void> {
  const manifest = await getManifest(image.registry, image.repository, reference);
  if (manifest === undefined) throw new Error(`${reference} is missing`);
  layout.blobs.set(manifest.digest, manifest.bytes);
  layout.descriptors.push({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(tag === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } }),
  });
  const { config, layers } = JSON.parse(manifest.bytes.toString()) as Record<'config', { digest: string }> & {
    layers: { digest: string }[];
  };
  for (const { digest } of [config, ...layers]) {
    layout.blobs.set(digest, await getBlob(image.registry, image.repository, digest));
  }
}

/** The image, what refers to it, and cosign's `.sig` tag, as an OCI image layout in `images/<repository>`. */
async function exportLayout(image: PushedImage, tag: string): Promise<void> {
  const layout: Layout = { descriptors: [], blobs: new Map() };
  await copyInto(layout, image, image.digest, tag);
  for (const { digest } of await referrersOf(image)) await copyInto(layout, image, digest);
  const legacy = evidenceTag(image.digest, '.sig');
  if ((await getManifest(image.registry, image.repository, legacy)) !== undefined) {
    await copyInto(layout, image, legacy, legacy);
  }
  const folder = join(IMAGES, image.repository);
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const write = (name: string, value: object): void =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
  write('oci-layout', { imageLayoutVersion: '1.0.0' });
  write('index.json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: layout.descriptors,
  });
  for (const [digest, bytes] of layout.blobs)
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes);
}

const work = createWorkDirectory('examples');
try {
  const [sigstore, registry] = await Promise.all([
    startSigstore({ workDir: work.path }),
    startRegistry({ mode: 'referrers', workDir: work.path }),
  ]);
  const cosign = createCosign({ workDir: work.path, sigstore });
  const cosign2 = createCosign({ workDir: work.path, sigstore, major: 2 });
  const key = await generateKeyPair(cosign);
  const push = (name: string): Promise<PushedImage> =>
    pushImage(registry, `mcp/${name}`, { tag: 'v1', content: `An example MCP server: ${name}\n` });

  const weather = await push('weather');
  await signKeyless(cosign, weather, { token: await sigstore.emailToken('build@example.com') });
  const files = await push('files');
  await signWithKey(cosign, files, { key });
  const calendar = await push('calendar');
  await signWithKey(cosign2, calendar, { key });
  const mail = await push('mail');
  await signKeyless(cosign, mail, { token: await sigstore.emailToken('somebody@elsewhere.example') });
  const search = await push('search');

  rmSync(IMAGES, { recursive: true, force: true });
  for (const image of [weather, files, calendar, mail, search]) await exportLayout(image, 'v1');
  const apiVersion = 'countersign.dev/v1alpha1';
  const documents = [
    {
      apiVersion,
      kind: 'TrustRoot',
      metadata: { name: 'example-sigstore' },
      spec: { trustedRoot: `${sigstore.trustedRoot.trim()}\n`, proofs: { preset: 'Private' } },
    },
    {
      apiVersion,
      kind: 'TrustedSigner',
      metadata: { name: 'release-key' },
      spec: { description: 'the key of the release pipeline', publicKey: { pem: key.publicKeyPem } },
    },
  ];
  writeFileSync(
    TRUST,
    `# Made by examples/make-images.ts together with examples/images: do not edit.\n${documents.map((document) => stringify(document)).join('---\n')}`,
  );
  await Promise.all([sigstore.stop(), registry.stop()]);
} finally {
  work.remove();
}
