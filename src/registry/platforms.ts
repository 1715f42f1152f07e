import { Refusal } from '../errors.ts';
import type { PlatformManifest } from '../admission/ports.ts';
import { LIMITS } from '../limits.ts';
import { isJsonObject, type JsonValue } from '../strict-json.ts';
import { INDEX_TYPES, parseDescriptor, parseManifest, type Descriptor } from './manifest.ts';

/** Reads the manifest of a digest; its bytes are hashed against it. */
export type ReadManifest = (digest: string) => Promise<Uint8Array>;

interface Walk {
  readonly read: ReadManifest;
  readonly found: Map<string, PlatformManifest>;
  /** Indexes that were read: one that is named twice is read once. */
  readonly indexes: Set<string>;
}

/**
 * The platforms' manifests of an index, those of nested indexes among them, in the order of their first mention;
 * undefined where the digest is no index. Only indexes are read: a platform's manifest is named by its digest.
 * @throws Fault; Refusal LIMIT for too many or too deep, MALFORMED, DIGEST_MISMATCH
 */
export async function platformsOf(
  digest: string,
  read: ReadManifest,
): Promise<readonly PlatformManifest[] | undefined> {
  const walk: Walk = { read, found: new Map(), indexes: new Set([digest]) };
  const manifest = parseManifest(await read(digest), 'the manifest of the image');
  if (manifest.kind !== 'index') return undefined;
  await walkIndex(walk, manifest.manifests, 1);
  return [...walk.found.values()];
}

async function walkIndex(walk: Walk, links: readonly JsonValue[], depth: number): Promise<void> {
  const unread: Descriptor[] = [];
  for (const link of links) {
    const descriptor = parseDescriptor(link, 'a manifest that the index names');
    const platform = platformOf(link);
    if (isAttestation(descriptor, platform)) continue;
    const { digest } = descriptor;
    if (!INDEX_TYPES.has(descriptor.mediaType)) {
      if (!walk.found.has(digest)) walk.found.set(digest, { digest, platform });
    } else if (!walk.indexes.has(digest)) {
      // Each once, however often it is named: indexes that name one another many times would multiply.
      walk.indexes.add(digest);
      unread.push(descriptor);
    }
  }
  // Before anything is fetched: a long list must not become as many requests.
  if (walk.found.size + walk.indexes.size - 1 > LIMITS.platformManifests) {
    throw new Refusal('LIMIT', `the index names more than ${LIMITS.platformManifests} manifests`);
  }
  if (unread.length > 0 && depth === LIMITS.indexDepth) {
    throw new Refusal('LIMIT', `the index holds indexes more than ${LIMITS.indexDepth} deep`);
  }
  await Promise.all(unread.map((each) => walkNested(walk, each, depth + 1)));
}

async function walkNested(walk: Walk, { digest, size }: Descriptor, depth: number): Promise<void> {
  if (size > LIMITS.manifestBytes)
    throw new Refusal('LIMIT', `index ${digest} has ${size} bytes, and ${LIMITS.manifestBytes} are accepted`);
  const manifest = parseManifest(await walk.read(digest), `index ${digest}`);
  // A node that goes by the bytes would run it: it is then a platform's manifest that nobody announced.
  if (manifest.kind !== 'index')
    throw new Refusal('MALFORMED', `${digest} is called an index and is an image`);
  await walkIndex(walk, manifest.manifests, depth);
}

/** Only with both marks (BuildKit writes them): what a node could take for its own platform is never left out. */
function isAttestation({ annotations }: Descriptor, platform: string): boolean {
  return (
    platform === 'unknown/unknown' && annotations['vnd.docker.reference.type'] === 'attestation-manifest'
  );
}

/** `linux/arm64/v8`; what the index does not say is `unspecified`. */
function platformOf(link: JsonValue): string {
  const platform = isJsonObject(link) ? link['platform'] : undefined;
  if (platform === undefined || !isJsonObject(platform)) return 'unspecified';
  const { os, architecture, variant } = platform;
  return [os, architecture, variant]
    .filter((part) => part !== undefined && part !== '')
    .map((part) => (typeof part === 'string' ? part.slice(0, MAX_PART_CHARS) : 'unspecified'))
    .join('/');
}

/** Real ones have fewer than ten. */
const MAX_PART_CHARS = 32;
