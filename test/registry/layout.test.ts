import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import {
  bundleType,
  emptyType,
  envelopeType,
  indexType,
  manifestType,
  sha256,
  type Json,
} from './artifacts.ts';
import { asking, atEnd, reference, summary } from './sources.ts';

const host = 'airgap.example';
const simpleType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const refName = 'org.opencontainers.image.ref.name';

/** An OCI image layout at `<directory>/org/app`, written by hand. */
class Layout {
  readonly directory = mkdtempSync(join(tmpdir(), 'countersign-layout-'));
  readonly folder = join(this.directory, 'org', 'app');
  readonly #entries: Json[] = [];

  constructor() {
    atEnd(async () => rmSync(this.directory, { recursive: true }));
    mkdirSync(join(this.folder, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    this.list();
  }

  blob(bytes: string, mediaType: string): Json & { digest: string } {
    const digest = sha256(bytes);
    this.write(digest, bytes);
    return { mediaType, digest, size: Buffer.byteLength(bytes) };
  }

  write(digest: string, bytes: string): void {
    writeFileSync(join(this.folder, 'blobs', 'sha256', digest.replace('sha256:', '')), bytes);
  }

  manifest(value: Json, mediaType = manifestType): Json & { digest: string } {
    return this.blob(JSON.stringify({ schemaVersion: 2, mediaType, ...value }), mediaType);
  }

  /** Puts descriptors into index.json. */
  list(...entries: Json[]): void {
    this.#entries.push(...entries);
    const index = { schemaVersion: 2, mediaType: indexType, manifests: this.#entries };
    writeFileSync(join(this.folder, 'index.json'), JSON.stringify(index));
  }

  image(content = 'image'): Json & { digest: string } {
    return this.manifest({
      config: this.blob(content, 'application/vnd.oci.image.config.v1+json'),
      layers: [],
    });
  }

  signatures(...payloads: string[]): Json & { digest: string } {
    return this.layered(payloads, simpleType);
  }

  attestations(...envelopes: string[]): Json & { digest: string } {
    return this.layered(envelopes, envelopeType);
  }

  layered(contents: readonly string[], type: string): Json & { digest: string } {
    const layers = contents.map((content) => ({
      ...this.blob(content, type),
      annotations: { signature: 'x' },
    }));
    return this.manifest({ config: this.blob('{}', 'application/vnd.oci.image.config.v1+json'), layers });
  }

  bundle(subject: string, bytes: string): Json & { digest: string } {
    return this.manifest({
      config: { mediaType: emptyType, digest: sha256('{}'), size: 2 },
      layers: [this.blob(bytes, bundleType)],
      subject: { mediaType: manifestType, digest: subject, size: 1 },
    });
  }
}

function sourceOf(directory: string): RegistryImageSource {
  return new RegistryImageSource({ registries: [{ host, layout: directory }], log: silentLogger });
}

async function look(layout: Layout, digest: string) {
  const found = await sourceOf(layout.directory).discover(reference(host, { digest }), digest, {
    ...asking(),
    fresh: false,
  });
  return summary(found);
}

function named(descriptor: Json, name: string): Json {
  return { ...descriptor, annotations: { [refName]: name } };
}

describe('OCI image layout', () => {
  test.each(['v1', 'org/app:v1', `${host}/org/app:v1`, '127.0.0.1:5000/org/app:v1'])(
    'the tag v1, written as %s',
    async (name) => {
      const layout = new Layout();
      const image = layout.image();
      layout.list(named(layout.image('other'), 'v2'), named(image, name));
      const source = sourceOf(layout.directory);
      expect(await source.resolve(reference(host), asking())).toMatchObject({ digest: image.digest });
      expect(
        Buffer.from(await source.manifest(reference(host), image.digest, asking())).toString(),
      ).toContain(manifestType);
      await expect(source.resolve(reference(host, { tag: 'v3' }), asking())).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
      });
      await expect(
        source.resolve(reference(host, { repository: 'org/none' }), asking()),
      ).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    },
  );

  test('evidence: signatures by tag, referrers by their subject and by the fallback tag', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    const tag = digest.replace(':', '-');
    const indexed = layout.bundle(digest, 'by subject');
    const list = layout.manifest({ manifests: [layout.bundle(digest, 'by fallback tag')] }, indexType);
    layout.list(
      named({ digest, ...image }, 'v1'),
      named(layout.signatures('legacy'), `${tag}.sig`),
      named(list, tag),
      indexed,
      layout.bundle(sha256('another image'), 'of another image'),
    );
    expect(await look(layout, digest)).toEqual({
      evidence: ['by fallback tag', 'by subject', 'legacy'],
      refused: [],
      faults: [],
    });
  });

  test('evidence: attestations by tag', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    const tag = digest.replace(':', '-');
    layout.list(
      named({ digest, ...image }, 'v1'),
      named(layout.signatures('legacy'), `${tag}.sig`),
      named(layout.attestations('attestation'), `${tag}.att`),
    );
    expect(await look(layout, digest)).toEqual({
      evidence: ['attestation', 'legacy'],
      refused: [],
      faults: [],
    });
  });

  test('unsigned, and not there', async () => {
    const layout = new Layout();
    const image = layout.image();
    layout.list(named(image, 'v1'));
    expect(await look(layout, image.digest)).toEqual({ evidence: [], refused: [], faults: [] });
    expect(await look(layout, sha256('none'))).toEqual({
      evidence: [],
      refused: [],
      faults: ['IMAGE_NOT_FOUND'],
    });
  });

  test('D2: files are hashed like answers', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    layout.list(
      named({ digest, ...image }, 'v1'),
      named(layout.signatures('good', 'bad'), `${digest.replace(':', '-')}.sig`),
    );
    layout.write(sha256('bad'), 'BAD');
    expect(await look(layout, digest)).toEqual({
      evidence: ['good'],
      refused: ['DIGEST_MISMATCH'],
      faults: [],
    });
    layout.write(digest, '{"schemaVersion":2,"layers":[]}');
    await expect(
      sourceOf(layout.directory).manifest(reference(host), digest, asking()),
    ).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  test('D17: no digest and no name leads out of the directory', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    writeFileSync(join(layout.directory, 'outside'), 'outside');
    const outside = { mediaType: manifestType, digest: 'sha256:../../../../outside', size: 7 };
    layout.list(named({ digest, ...image }, 'v1'), outside);
    expect((await look(layout, digest)).refused).toContain('MALFORMED');
    for (const repository of ['../app', 'org/../../outside', '/etc', '.']) {
      await expect(
        sourceOf(layout.folder).resolve(reference(host, { repository }), asking()),
      ).rejects.toMatchObject({ code: 'MALFORMED' });
    }
  });

  test('F2: what is too long, or no file, is not read', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    layout.list(named({ digest, ...image }, 'v1'));
    writeFileSync(join(layout.folder, 'index.json'), Buffer.alloc(LIMITS.manifestBytes + 1, 32));
    await expect(sourceOf(layout.directory).resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'LIMIT',
    });
    rmSync(join(layout.folder, 'index.json'));
    symlinkSync('/dev/zero', join(layout.folder, 'index.json'));
    await expect(sourceOf(layout.directory).resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'REGISTRY_ERROR',
    });
    rmSync(join(layout.folder, 'index.json'));
    layout.list();
    await expect(sourceOf(layout.directory).resolve(reference(host), asking())).resolves.toMatchObject({
      digest,
    });
  });

  test('two images of one tag are none', async () => {
    const layout = new Layout();
    layout.list(named(layout.image('one'), 'v1'), named(layout.image('two'), 'v1'));
    await expect(sourceOf(layout.directory).resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'MALFORMED',
    });
  });
});

describe('what cosign save writes', () => {
  const kind = (name: string) => ({ kind: `dev.cosignproject.cosign/${name}` });

  test('no names: every tag means the one image, and its signatures and bundles are found', async () => {
    const layout = new Layout();
    const { digest, ...image } = layout.image();
    layout.list(
      { digest, ...image, annotations: kind('image') },
      { ...layout.signatures('legacy'), annotations: kind('sigs') },
    );
    // cosign stores bundles as blobs and lists them nowhere.
    layout.bundle(digest, 'bundle');
    layout.bundle(sha256('another image'), 'of another image');
    layout.blob('{"not":"a manifest"}', 'x');
    expect(await look(layout, digest)).toEqual({ evidence: ['bundle', 'legacy'], refused: [], faults: [] });
    expect(await sourceOf(layout.directory).resolve(reference(host, { tag: 'any' }), asking())).toMatchObject(
      { digest },
    );
    // What was saved belongs to the image that was saved, and to no other that is there, too.
    const other = layout.image('other').digest;
    expect(await look(layout, other)).toEqual({ evidence: [], refused: [], faults: [] });
  });

  test('an index', async () => {
    const layout = new Layout();
    const index = layout.manifest({ manifests: [layout.image()] }, indexType);
    layout.list(
      { ...index, annotations: kind('imageIndex') },
      { ...layout.signatures('legacy'), annotations: kind('sigs') },
    );
    expect(await look(layout, index.digest)).toEqual({ evidence: ['legacy'], refused: [], faults: [] });
  });

  test('names in it count where there are any', async () => {
    const layout = new Layout();
    const image = layout.image();
    layout.list({ ...image, annotations: { ...kind('image'), [refName]: 'v1' } });
    const source = sourceOf(layout.directory);
    expect(await source.resolve(reference(host), asking())).toMatchObject({ digest: image.digest });
    await expect(source.resolve(reference(host, { tag: 'v2' }), asking())).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
  });
});
