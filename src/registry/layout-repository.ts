import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault, Refusal } from '../errors.ts';
import { isDigest } from '../image/digest.ts';
import { isPathComponent } from '../image/reference.ts';
import { LIMITS } from '../limits.ts';
import type { JsonValue } from '../strict-json.ts';
import { problemOf } from './content.ts';
import { cosignTag, referrersTag, sha256, type CosignTag } from './digest.ts';
import { readAtMost } from './layout-file.ts';
import { parseDescriptor, parseManifest, type Descriptor, type Manifest } from './manifest.ts';
import { ReferrerPages } from './referrer-pages.ts';
import type { FoundManifest, Referrers, ReferrersOptions, Repository } from './repository.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
/** What `cosign save` writes into index.json instead of names (cosign pkg/oci/layout). */
const COSIGN_KIND = 'kind';
const COSIGN_IMAGES = ['dev.cosignproject.cosign/image', 'dev.cosignproject.cosign/imageIndex'];
const COSIGN_TAGGED = { sig: 'dev.cosignproject.cosign/sigs', att: 'dev.cosignproject.cosign/atts' } as const;
/** A manifest that refers to an image is some 1 KiB; larger files are layers. */
const MAX_REFERRER_BYTES = 128 * 1024;
/** Files of a saved image that are looked through for referrers. */
const MAX_FILES = 2000;
const MANIFEST_HINT = /"schemaVersion"/;

/**
 * A repository in a directory: `<directory>/<repository>` is an OCI image layout (image specification, image-layout.md).
 * Tags are `org.opencontainers.image.ref.name`, as a tag alone or as `host/repository:tag`. `cosign save` records no
 * tag: in such a folder every tag means the one image that it holds.
 */
export class LayoutRepository implements Repository {
  readonly host: string;
  readonly #name: string;
  readonly #folder: string;

  /** @throws Refusal MALFORMED for a name that must not become part of a path */
  constructor(host: string, directory: string, name: string) {
    if (!name.split('/').every(isPathComponent))
      throw new Refusal('MALFORMED', 'the repository is not valid');
    this.host = host;
    this.#name = name;
    this.#folder = join(directory, name);
  }

  async resolve(tag: string, signal: AbortSignal): Promise<string | undefined> {
    const entries = await this.#entries(signal);
    return oneOf(named(entries, this.#name, tag), tag) ?? oneOf(savedImage(entries), tag);
  }

  async exists(digest: string, signal: AbortSignal): Promise<boolean> {
    return (await this.manifest(digest, signal)) !== undefined;
  }

  async manifest(
    reference: string,
    signal: AbortSignal,
    maxBytes: number = LIMITS.manifestBytes,
  ): Promise<Uint8Array | undefined> {
    const digest = isDigest(reference) ? reference : await this.resolve(reference, signal);
    return digest === undefined ? undefined : this.blob(digest, maxBytes, signal);
  }

  async blob(digest: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (!isDigest(digest)) throw new Refusal('MALFORMED', 'what should be a digest is none');
    return readAtMost(join(this.#folder, 'blobs', ...digest.split(':')), maxBytes, `blob ${digest}`, signal);
  }

  async tagged(digest: string, kind: CosignTag, signal: AbortSignal): Promise<FoundManifest | undefined> {
    const entries = await this.#entries(signal);
    const tag = cosignTag(digest, kind) ?? '';
    const byTag = oneOf(named(entries, this.#name, tag), tag);
    const saved = isSaved(entries, digest)
      ? entries.find((entry) => kindOf(entry) === COSIGN_TAGGED[kind])?.digest
      : undefined;
    const found = byTag ?? saved;
    const bytes = found === undefined ? undefined : await this.blob(found, LIMITS.manifestBytes, signal);
    // By a tag a manifest comes without a digest to check it by; in a layout the index has one.
    if (bytes !== undefined && sha256(bytes) !== found)
      throw new Refusal('DIGEST_MISMATCH', `${found} has other bytes`);
    return bytes === undefined
      ? undefined
      : { bytes, source: byTag === undefined ? `saved .${kind}` : `tag ${tag}` };
  }

  async referrers(digest: string, { signal }: ReferrersOptions): Promise<Referrers> {
    const pages = new ReferrerPages('the layout');
    try {
      const entries = await this.#entries(signal);
      const tagged = oneOf(named(entries, this.#name, referrersTag(digest)), 'referrers');
      const list = tagged === undefined ? undefined : await this.blob(tagged, LIMITS.manifestBytes, signal);
      if (list !== undefined) pages.add(list);
      const listed = entries.map((entry) => entry.digest);
      const files = isSaved(entries, digest) ? await this.#files(pages) : [];
      for (const candidate of new Set([...listed, ...files])) {
        const referrer = await this.#referrer(candidate, digest, signal);
        if (referrer !== undefined && !pages.push([referrer])) break;
      }
    } catch (error) {
      pages.fail(problemOf(error));
    }
    return pages.all();
  }

  /** The descriptor of a manifest that refers to the digest; undefined for anything else. */
  async #referrer(candidate: string, digest: string, signal: AbortSignal): Promise<JsonValue | undefined> {
    let manifest: Manifest;
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.blob(candidate, MAX_REFERRER_BYTES, signal);
      // Most files of a layout are layers and configurations.
      if (bytes === undefined || !MANIFEST_HINT.test(Buffer.from(bytes).toString('latin1'))) return undefined;
      manifest = parseManifest(bytes, candidate);
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
    if (manifest.subject !== digest) return undefined;
    return { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: candidate, size: bytes.length };
  }

  /** `cosign save` stores the bundles of an image as blobs and names them nowhere. */
  async #files(pages: ReferrerPages): Promise<readonly string[]> {
    const names = (await this.#fileNames()).map((name) => `sha256:${name}`).filter(isDigest);
    if (names.length > MAX_FILES)
      pages.refuse(`it has more than ${MAX_FILES} blobs; only the first were looked at`);
    return names.sort().slice(0, MAX_FILES);
  }

  async #fileNames(): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#folder, 'blobs', 'sha256'));
    } catch (cause) {
      throw new Fault('REGISTRY_ERROR', 'the blobs of the layout cannot be listed', { cause });
    }
  }

  async #entries(signal: AbortSignal): Promise<readonly Descriptor[]> {
    const what = 'the index of the layout';
    const bytes = await readAtMost(join(this.#folder, 'index.json'), LIMITS.manifestBytes, what, signal);
    if (bytes === undefined) return [];
    const index = parseManifest(bytes, what);
    if (index.kind !== 'index') throw new Refusal('MALFORMED', `${what} is no index`);
    return index.manifests.map((entry) => parseDescriptor(entry, what));
  }
}

function named(entries: readonly Descriptor[], repository: string, tag: string): readonly Descriptor[] {
  return entries.filter(({ annotations }) => {
    const name = annotations[REF_NAME];
    return (
      name === tag || name === `${repository}:${tag}` || name?.endsWith(`/${repository}:${tag}`) === true
    );
  });
}

/** The image of `cosign save`, where nothing in the layout has a name. */
function savedImage(entries: readonly Descriptor[]): readonly Descriptor[] {
  if (entries.some(({ annotations }) => annotations[REF_NAME] !== undefined)) return [];
  return entries.filter((entry) => COSIGN_IMAGES.includes(kindOf(entry)));
}

function isSaved(entries: readonly Descriptor[], digest: string): boolean {
  return entries.some((entry) => entry.digest === digest && COSIGN_IMAGES.includes(kindOf(entry)));
}

function kindOf(entry: Descriptor): string {
  return entry.annotations[COSIGN_KIND] ?? '';
}

function oneOf(entries: readonly Descriptor[], tag: string): string | undefined {
  const digests = new Set(entries.map((entry) => entry.digest));
  if (digests.size > 1) throw new Refusal('MALFORMED', `the layout has several images for ${tag}`);
  return [...digests][0];
}
