import { createHash } from 'node:crypto';
import type { Registry } from './registry.ts';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestTypes = [
  manifestType,
  indexType,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface PushedImage {
  readonly registry: Registry;
  readonly repository: string;
  /** `HOST/REPOSITORY:TAG`, or by digest where no tag was asked for. */
  readonly reference: string;
  /** `HOST/REPOSITORY@DIGEST`. */
  readonly pinned: string;
  readonly digest: string;
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

export interface Manifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The tag under which cosign 1 and 2 keep what belongs to a digest, and OCI 1.1 clients the list of referrers. */
export function evidenceTag(digest: string, suffix: '.sig' | '.att' | '.sbom' | '' = ''): string {
  return `${digest.replace(':', '-')}${suffix}`;
}

export async function pushBlob(
  registry: Registry,
  repository: string,
  bytes: Buffer,
  mediaType: string,
): Promise<Descriptor> {
  const digest = sha256(bytes);
  const descriptor = { mediaType, digest, size: bytes.length };
  const started = await registry.request(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = started.headers.location;
  if (started.status !== 202 || location === undefined) throw refused('an upload', repository, started);
  const target = new URL(location, registry.url);
  target.searchParams.set('digest', digest);
  const done = await registry.request(`${target.pathname}${target.search}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  if (done.status !== 201) throw refused(`blob ${digest}`, repository, done);
  return descriptor;
}

/** Puts a manifest's exact bytes under a tag, or under its digest where no tag is given. */
export async function putManifest(
  registry: Registry,
  repository: string,
  bytes: Buffer,
  mediaType: string,
  tag?: string,
): Promise<PushedImage> {
  const digest = sha256(bytes);
  const response = await registry.request(`/v2/${repository}/manifests/${tag ?? digest}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: bytes,
  });
  if (response.status !== 201) throw refused(`manifest ${tag ?? digest}`, repository, response);
  const name = `${registry.host}/${repository}`;
  return {
    registry,
    repository,
    reference: tag === undefined ? `${name}@${digest}` : `${name}:${tag}`,
    pinned: `${name}@${digest}`,
    digest,
    descriptor: { mediaType, digest, size: bytes.length },
    bytes,
  };
}

/** A manifest by tag or digest; nothing where the registry has none. */
export async function getManifest(
  registry: Registry,
  repository: string,
  reference: string,
): Promise<Manifest | undefined> {
  const response = await registry.request(`/v2/${repository}/manifests/${reference}`, {
    headers: { accept: manifestTypes.join(', ') },
  });
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw refused(`manifest ${reference}`, repository, response);
  const mediaType = response.headers['content-type'] ?? manifestType;
  return { bytes: response.body, mediaType, digest: sha256(response.body) };
}

export async function getBlob(registry: Registry, repository: string, digest: string): Promise<Buffer> {
  const response = await registry.request(`/v2/${repository}/blobs/${digest}`);
  if (response.status !== 200) throw refused(`blob ${digest}`, repository, response);
  return response.body;
}

export interface Place {
  readonly registry: Registry;
  readonly repository: string;
}

/**
 * Copies a manifest, byte for byte, with what it points to, to another tag, repository or registry: how a
 * signature is moved from one image to another (`tag: evidenceTag(other.digest, '.sig')`).
 */
export async function copyManifest(
  from: Place & { readonly reference: string },
  to: Place & { readonly tag?: string },
): Promise<PushedImage> {
  const manifest = await getManifest(from.registry, from.repository, from.reference);
  if (manifest === undefined) throw new Error(`There is no ${from.repository} ${from.reference} to copy.`);
  if (from.registry !== to.registry || from.repository !== to.repository) {
    const parsed = parseManifest(manifest);
    for (const child of parsed.manifests) {
      await copyManifest(
        { ...from, reference: child.digest },
        { registry: to.registry, repository: to.repository },
      );
    }
    for (const blob of parsed.blobs) {
      const bytes = await getBlob(from.registry, from.repository, blob.digest);
      await pushBlob(to.registry, to.repository, bytes, blob.mediaType);
    }
  }
  return putManifest(to.registry, to.repository, manifest.bytes, manifest.mediaType, to.tag);
}

/** Deletes a manifest or, where the registry can, a tag. */
export async function deleteManifest(
  registry: Registry,
  repository: string,
  reference: string,
): Promise<void> {
  const response = await registry.request(`/v2/${repository}/manifests/${reference}`, { method: 'DELETE' });
  if (response.status !== 202) throw refused(`deletion of ${reference}`, repository, response);
}

/** The manifests that refer to a digest, by the referrers API or, where there is none, by the fallback tag. */
export async function referrersOf(image: PushedImage): Promise<readonly Descriptor[]> {
  const { registry, repository, digest } = image;
  const response = await registry.request(`/v2/${repository}/referrers/${digest}`);
  const bytes =
    response.status === 200
      ? response.body
      : (await getManifest(registry, repository, evidenceTag(digest)))?.bytes;
  if (bytes === undefined) return [];
  return parseManifest({ bytes, mediaType: indexType, digest: '' }).manifests;
}

interface Links {
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

function parseManifest(manifest: Manifest): Links {
  const parsed = JSON.parse(manifest.bytes.toString()) as {
    manifests?: Descriptor[];
    config?: Descriptor;
    layers?: Descriptor[];
  };
  const config = parsed.config === undefined ? [] : [parsed.config];
  return { manifests: parsed.manifests ?? [], blobs: [...config, ...(parsed.layers ?? [])] };
}

function refused(what: string, repository: string, response: { status: number; body: Buffer }): Error {
  const said = response.body.toString().slice(0, 500);
  return new Error(`The registry answered ${response.status} for ${what} of ${repository}: ${said}`);
}
