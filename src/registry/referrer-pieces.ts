import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { FoundEvidence } from '../sigstore/evidence.ts';
import type { JsonValue } from '../strict-json.ts';
import { linked, verifiedManifest } from './content.ts';
import { claimsOf, hintOf, inOrder, SIGNATURE, type Hint } from './evidence-order.ts';
import { LAYER_TYPES, layerPieces, type LayerKind } from './layer-pieces.ts';
import { mediaTypeOf, parseDescriptor, parseManifest, type Descriptor, type Manifest } from './manifest.ts';
import { contentOf, largeEvidence, parseOr, readPieces, type Piece, type Search } from './search.ts';

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';
/** Artifact types of cosign that hold layers as its tags do: `COSIGN_EXPERIMENTAL=1 --registry-referrers-mode=oci-1-1`. */
const LAYERED: ReadonlyMap<string, LayerKind> = new Map([
  ['application/vnd.dev.cosign.artifact.sig.v1+json', 'simple-signing'],
  ['application/vnd.in-toto+json', 'dsse-envelope'],
]);
// What registries report that take the artifact's type from its config, and what oras writes where nobody named a type:
// then only the manifest tells.
const VAGUE_TYPE =
  /^(?:|application\/vnd\.oci\.empty\.v1\+json|application\/vnd\.oci\.image\.config\b.*|application\/vnd\.unknown\.(?:artifact|config)\.v1(?:\+json)?)$/;

const LAYER_KINDS = ['simple-signing', 'dsse-envelope'] as const;

type ReferrerKind = 'bundle' | LayerKind;

/** Layers of one referrer that are read at a time: a referrer is one of many that are. */
const LAYERS_AT_ONCE = 4;

/** What refers to the digest and is evidence, or may be; the most promising first. */
export async function referrerPieces(search: Search): Promise<readonly Piece[]> {
  const { repository, digest, signal, fresh, findings } = search;
  const { descriptors, refused, faults } = await repository.referrers(digest, { signal, fresh });
  findings.refused.push(...refused);
  findings.faults.push(...faults);
  const pieces: Piece[] = [];
  const seen = new Set<string>();
  for (const [index, value] of descriptors.entries()) {
    const source = `referrer ${index}`;
    const descriptor = parseOr(search, source, () => parseDescriptor(value, source));
    if (descriptor === undefined || seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const type = descriptor.artifactType ?? '';
    const declared = kindOfType(type);
    if (declared === undefined ? VAGUE_TYPE.test(type) : isWanted(search, declared)) {
      pieces.push(referrerPiece(search, descriptor, declared));
    }
  }
  return inOrder(pieces, search.ask);
}

function kindOfType(artifactType: string): ReferrerKind | undefined {
  return artifactType.startsWith(BUNDLE_TYPE) ? 'bundle' : LAYERED.get(artifactType);
}

function isWanted({ attestations }: Search, kind: ReferrerKind): boolean {
  return attestations || kind !== 'dsse-envelope';
}

function referrerPiece(search: Search, referrer: Descriptor, declared: ReferrerKind | undefined): Piece {
  const source = `referrer ${referrer.digest}`;
  const hint = referrerHint(referrer, declared);
  const read = (rank: number) => readReferrer(search, referrer, { source, declared, rank });
  // An in-toto artifact holds statements, whatever they say.
  const claims = declared === 'dsse-envelope' ? { claims: 'attestation' as const } : {};
  return { source, hint, ...claimsOf(hint), ...claims, read };
}

function referrerHint(referrer: Descriptor, declared: ReferrerKind | undefined): Hint {
  const hint = hintOf(referrer);
  if (declared === 'simple-signing') return { ...hint, says: SIGNATURE };
  return { ...hint, isVague: declared === undefined };
}

async function readReferrer(
  search: Search,
  referrer: Descriptor,
  {
    source,
    declared,
    rank,
  }: { readonly source: string; readonly declared: ReferrerKind | undefined; readonly rank: number },
): Promise<FoundEvidence | undefined> {
  const { repository, signal, digest } = search;
  const holder = { host: repository.host, source: 'the list of referrers' };
  const fetch = async (maxBytes: number) => {
    search.reservation.take(maxBytes);
    return verifiedManifest(repository, referrer.digest, signal, maxBytes);
  };
  const manifest = parseManifest(await linked(referrer, holder, LIMITS.manifestBytes, fetch), source);
  const kind = declared ?? kindOf(manifest);
  if (kind === undefined || !isWanted(search, kind)) return undefined;
  const layers = manifest.kind === 'image' ? manifest.layers : [];
  if (kind === 'bundle' && !isOneBundle(layers))
    throw new Refusal('MALFORMED', `${source} does not hold exactly one bundle`);
  // A list of referrers is the registry's word; what the artifact itself refers to is in its digest.
  if (manifest.subject !== digest) throw new Refusal('DIGEST_MISMATCH', `${source} refers to another image`);
  if (kind !== 'bundle') return readLayers(search, layers, { source, kind, rank });
  const layer = parseDescriptor(layers[0] ?? null, `the layer of ${source}`);
  const large = largeEvidence(search, layer, 'bundle', source);
  return large ?? { kind: 'bundle', source, bytes: await contentOf(search, layer, source) };
}

/** What an artifact is whose type the list of referrers does not tell; undefined for what claims to be no evidence. */
function kindOf(manifest: Manifest): ReferrerKind | undefined {
  if (manifest.kind !== 'image') return undefined;
  const types = manifest.layers.map(mediaTypeOf);
  // By a layer of it, whatever the artifact calls itself: cosign does so as well.
  if (types.some((type) => type.startsWith(BUNDLE_TYPE))) return 'bundle';
  return kindOfType(manifest.artifactType) ?? LAYER_KINDS.find((kind) => types.includes(LAYER_TYPES[kind]));
}

// Of several layers none is taken: which one is signed would be the artifact's choice. cosign reads one layer, too.
function isOneBundle(layers: readonly JsonValue[]): boolean {
  return layers.length === 1 && mediaTypeOf(layers[0]).startsWith(BUNDLE_TYPE);
}

/** Reads every layer for which there is a place; the first has that of the referrer itself. */
async function readLayers(
  search: Search,
  layers: readonly JsonValue[],
  { source, kind, rank }: { readonly source: string; readonly kind: LayerKind; readonly rank: number },
): Promise<undefined> {
  const pieces = layerPieces(search, layers, source, kind);
  if (pieces.length === 0) throw new Refusal('MALFORMED', `${source} has no layers`);
  const share = { now: 1, later: () => search.places.more(pieces.length - 1) };
  const claims = kind === 'simple-signing' ? 'signature' : 'attestation';
  await readPieces(search, pieces, share, { source, claims, rank, atOnce: LAYERS_AT_ONCE });
  return undefined;
}
