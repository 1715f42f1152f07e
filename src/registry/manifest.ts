import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isDigest } from '../image/digest.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.ts';
import { parseJsonObject } from './json.ts';

export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

const MANIFEST_LIST_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** Media types of what names other manifests. */
export const INDEX_TYPES: ReadonlySet<string> = new Set([INDEX_TYPE, MANIFEST_LIST_TYPE]);

/** What a manifest may be; everything else is refused before it is parsed. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  INDEX_TYPE,
  'application/vnd.docker.distribution.manifest.v2+json',
  MANIFEST_LIST_TYPE,
] as const;

/** A link from one content to another (OCI image specification, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType: string | undefined;
  /** The content itself, base64. */
  readonly data: string | undefined;
  /** Content that lies elsewhere: never fetched. */
  readonly foreign: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Links are left unparsed: one bad link must not spoil the others. */
export type Manifest =
  | {
      readonly kind: 'image';
      readonly subject: string | undefined;
      readonly layers: readonly JsonValue[];
      /** What it says that it is; by OCI 1.1 the config's media type where nothing else does. Empty where neither does. */
      readonly artifactType: string;
    }
  | {
      readonly kind: 'index';
      readonly subject: string | undefined;
      readonly manifests: readonly JsonValue[];
    };

/**
 * Reads a manifest or an index.
 * @throws Refusal MALFORMED, LIMIT, or UNSUPPORTED for Docker's schema 1
 */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const value = parseJsonObject(bytes, what);
  if (value['schemaVersion'] === 1 || 'fsLayers' in value) throw schemaOne(what);
  if (value['schemaVersion'] !== 2)
    throw new Refusal('MALFORMED', `${what} is not a manifest of schema version 2`);
  const subject = subjectOf(value, what);
  // A document that is both is read in different ways by different readers (CVE-2021-41190).
  const isImage = value['manifests'] === undefined;
  const isIndex = value['layers'] === undefined && value['config'] === undefined;
  const layers = isImage && !isIndex ? listOf(value['layers']) : undefined;
  if (layers !== undefined) return { kind: 'image', subject, layers, artifactType: artifactTypeOf(value) };
  const manifests = isIndex ? listOf(value['manifests']) : undefined;
  if (manifests !== undefined) return { kind: 'index', subject, manifests };
  throw new Refusal('MALFORMED', `${what} is neither an image manifest nor an index`);
}

/** Servers written in Go write an empty list as `null`. Undefined for what is no list. */
function listOf(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  if (value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

function artifactTypeOf({ artifactType, config }: JsonObject): string {
  return typeof artifactType === 'string' && artifactType !== '' ? artifactType : mediaTypeOf(config);
}

/** Types that say nothing: servers without the manifest's own type send these, or none. The bytes tell then. */
const GENERIC_TYPES: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/** What an answer's `Content-Type` says of a body that should be a manifest; `generic` = only the bytes tell. */
export type DeclaredContent = 'manifest' | 'generic' | 'other';

export function declaredContent(contentType: string | undefined): DeclaredContent {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (GENERIC_TYPES.has(type)) return 'generic';
  return (MANIFEST_TYPES as readonly string[]).includes(type) || isSchemaOne(type) ? 'manifest' : 'other';
}

/** Whether bytes of no declared type may be a manifest: a JSON object with a schema version. */
export function looksLikeManifest(bytes: Uint8Array): boolean {
  try {
    return typeof parseJsonObject(bytes, 'the manifest')['schemaVersion'] === 'number';
  } catch (error) {
    // Above a limit it may well be one: its reader says which limit.
    if (error instanceof Refusal) return error.code === 'LIMIT';
    throw error;
  }
}

/** The media type of a link that is not parsed; empty where it has none. */
export function mediaTypeOf(link: JsonValue | undefined): string {
  const type = link !== undefined && isJsonObject(link) ? link['mediaType'] : undefined;
  return typeof type === 'string' ? type : '';
}

/** Docker's schema 1 signs itself and names no digest of its content. */
export function schemaOne(what: string): Refusal {
  return new Refusal('UNSUPPORTED', `${what} is a manifest of Docker's schema 1, which is not accepted`);
}

/** Whether a media type, as a registry's header gives it, is schema 1. */
export function isSchemaOne(contentType: string): boolean {
  return contentType.startsWith('application/vnd.docker.distribution.manifest.v1+');
}

function subjectOf(value: JsonObject, what: string): string | undefined {
  const { subject } = value;
  if (subject === undefined || subject === null) return undefined;
  const digest = isJsonObject(subject) ? subject['digest'] : undefined;
  if (typeof digest !== 'string' || !isDigest(digest))
    throw new Refusal('MALFORMED', `the subject of ${what} has no digest`);
  return digest;
}

/** @throws Refusal MALFORMED or LIMIT */
export function parseDescriptor(value: JsonValue, what: string): Descriptor {
  if (!isJsonObject(value)) throw new Refusal('MALFORMED', `${what} is not a descriptor`);
  const { mediaType, digest, size, artifactType, data, urls } = value;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) {
    throw new Refusal('MALFORMED', `${what} has no media type or no digest that can be checked`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new Refusal('MALFORMED', `${what} has no size`);
  }
  return {
    mediaType,
    digest,
    size,
    artifactType: typeof artifactType === 'string' ? artifactType : undefined,
    data: typeof data === 'string' ? data : undefined,
    foreign: Array.isArray(urls) && urls.length > 0,
    annotations: parseAnnotations(value['annotations'], what),
  };
}

function parseAnnotations(value: JsonValue | undefined, what: string): Readonly<Record<string, string>> {
  // No prototype: `annotations['constructor']` must be as absent as any other key.
  const annotations = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return annotations;
  if (!isJsonObject(value)) throw new Refusal('MALFORMED', `the annotations of ${what} are not an object`);
  const entries = Object.entries(value);
  if (entries.length > LIMITS.annotations) {
    throw new Refusal('LIMIT', `${what} has more than ${LIMITS.annotations} annotations`);
  }
  let total = 0;
  for (const [key, text] of entries) {
    if (typeof text !== 'string') throw new Refusal('MALFORMED', `an annotation of ${what} is not a text`);
    total += key.length + text.length;
    annotations[key] = text;
  }
  if (total > LIMITS.annotationBytes) {
    throw new Refusal('LIMIT', `the annotations of ${what} are longer than ${LIMITS.annotationBytes} bytes`);
  }
  return annotations;
}
