import {
  indexType,
  manifestType,
  pushBlob,
  putManifest,
  sha256,
  type Descriptor,
  type Platform,
  type PushedImage,
} from './manifests.ts';
import type { Registry } from './registry.ts';

const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';

export interface ImageOptions {
  readonly tag?: string;
  /** What the image's only file says: another content is another digest. */
  readonly content?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

/** Pushes a small image of one layer; equal options give an equal digest. */
export async function pushImage(
  registry: Registry,
  repository: string,
  options: ImageOptions = {},
): Promise<PushedImage> {
  const { content = repository, platform = { os: 'linux', architecture: 'amd64' } } = options;
  const layerBytes = tarOf('content.txt', content);
  const config = {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: { ...(options.labels && { Labels: options.labels }), Cmd: ['/content.txt'] },
    rootfs: { type: 'layers', diff_ids: [sha256(layerBytes)] },
  };
  const layer = await pushBlob(registry, repository, layerBytes, layerType);
  const configuration = await pushBlob(registry, repository, Buffer.from(JSON.stringify(config)), configType);
  const manifest = { schemaVersion: 2, mediaType: manifestType, config: configuration, layers: [layer] };
  const pushed = await putManifest(
    registry,
    repository,
    Buffer.from(JSON.stringify(manifest)),
    manifestType,
    options.tag,
  );
  return { ...pushed, descriptor: { ...pushed.descriptor, platform } };
}

/** Pushes an index over images of the same repository. */
export async function pushIndex(
  registry: Registry,
  repository: string,
  children: readonly Descriptor[],
  tag?: string,
): Promise<PushedImage> {
  const index = { schemaVersion: 2, mediaType: indexType, manifests: children };
  return putManifest(registry, repository, Buffer.from(JSON.stringify(index)), indexType, tag);
}

/** A tar archive of one file, the same bytes on every run. */
function tarOf(name: string, content: string): Buffer {
  const body = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(body.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([header, body, padding, Buffer.alloc(1024)]);
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}
