import {
  evidenceTag,
  getBlob,
  getManifest,
  indexType,
  manifestType,
  pushBlob,
  putManifest,
  referrersOf,
  sha256,
  type Descriptor,
  type Place,
  type PushedImage,
} from '../support/manifests.ts';

/** What a tool left in a registry for one image: one manifest with one layer. */
export interface StoredEvidence {
  readonly format: 'bundle' | 'layer';
  readonly manifest: EvidenceManifest;
  readonly config: Buffer;
  /** A Sigstore bundle, a simple signing payload or a DSSE envelope. */
  readonly blob: Buffer;
  /** Of the layer: the proofs of what is no bundle. */
  readonly annotations: Readonly<Record<string, string>>;
}

interface EvidenceManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
}

/** Of artifacts that are no images; digest and size are those of `{}`. */
export const emptyConfig: Descriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: sha256('{}'),
  size: 2,
};

export type EvidenceSuffix = '.sig' | '.att';

/**
 * Reads the only evidence that a place has for an image: what refers to it, else what the tag holds.
 * @throws Error where there is none, or more than one
 */
export async function readEvidence(
  image: PushedImage,
  { registry, repository }: Place,
  suffix: EvidenceSuffix = '.sig',
): Promise<StoredEvidence> {
  const referrers = await referrersOf({ ...image, registry, repository });
  if (referrers.length > 1)
    throw new Error(`${repository} has ${referrers.length} referrers of ${image.digest}`);
  const reference = referrers[0]?.digest ?? evidenceTag(image.digest, suffix);
  const found = await getManifest(registry, repository, reference);
  if (found === undefined) throw new Error(`${repository} has no evidence of ${image.digest}`);
  const manifest = JSON.parse(found.bytes.toString()) as EvidenceManifest;
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0)
    throw new Error(`${repository} ${reference} has not one layer`);
  return {
    format: layer.mediaType.startsWith('application/vnd.dev.sigstore.bundle') ? 'bundle' : 'layer',
    manifest,
    config: await getBlob(registry, repository, manifest.config.digest),
    blob: await getBlob(registry, repository, layer.digest),
    annotations: layer.annotations ?? {},
  };
}

/** Writes evidence for an image as it was stored before, with the digests of what it holds now. */
export async function storeEvidence(
  image: PushedImage,
  { registry, repository }: Place,
  evidence: StoredEvidence,
  suffix: EvidenceSuffix = '.sig',
): Promise<void> {
  const { manifest, annotations } = evidence;
  const [layer] = manifest.layers;
  const config = await pushBlob(registry, repository, evidence.config, manifest.config.mediaType);
  const blob = await pushBlob(registry, repository, evidence.blob, layer?.mediaType ?? '');
  const { mediaType, digest, size } = image.descriptor;
  const isReferrer = manifest.subject !== undefined;
  const written = {
    schemaVersion: 2,
    mediaType: manifestType,
    ...manifest,
    config,
    layers: [{ ...blob, ...(Object.keys(annotations).length > 0 && { annotations }) }],
    ...(isReferrer && { subject: { mediaType, digest, size } }),
  };
  const tag = isReferrer ? undefined : evidenceTag(image.digest, suffix);
  const bytes = Buffer.from(JSON.stringify(written));
  const { descriptor } = await putManifest(registry, repository, bytes, manifestType, tag);
  if (isReferrer && registry.mode === 'fallback')
    await listReferrer(image, { registry, repository }, descriptor, manifest);
}

/** What a client does where the registry has no referrers API (distribution specification, "Referrers Tag Schema"). */
async function listReferrer(
  { digest }: PushedImage,
  { registry, repository }: Place,
  descriptor: Descriptor,
  { artifactType, annotations }: EvidenceManifest,
): Promise<void> {
  const tag = evidenceTag(digest);
  const before = await getManifest(registry, repository, tag);
  const { manifests } = JSON.parse(before?.bytes.toString() ?? '{"manifests":[]}') as {
    manifests: Descriptor[];
  };
  const listed = {
    ...descriptor,
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
  };
  const index = { schemaVersion: 2, mediaType: indexType, manifests: [...manifests, listed] };
  await putManifest(registry, repository, Buffer.from(JSON.stringify(index)), indexType, tag);
}
