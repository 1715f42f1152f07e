import { Refusal } from '../errors.ts';
import { isJsonObject } from '../strict-json.ts';
import type { FoundEvidence } from '../sigstore/evidence.ts';
import type { JsonValue } from '../strict-json.ts';
import type { CosignTag } from './digest.ts';
import { claimsOf, hintOf, inOrder, SIGNATURE, type Hint } from './evidence-order.ts';
import { parseDescriptor, parseManifest } from './manifest.ts';
import { contentOf, largeEvidence, parseOr, type Piece, type Search } from './search.ts';

/** How cosign 1–2 keep one signature or attestation in one layer: its proofs are in the layer's annotations. */
export type LayerKind = 'simple-signing' | 'dsse-envelope';

export const LAYER_TYPES = {
  'simple-signing': 'application/vnd.dev.cosign.simplesigning.v1+json',
  'dsse-envelope': 'application/vnd.dsse.envelope.v1+json',
} as const;
const NAMES = { 'simple-signing': 'a simple signing payload', 'dsse-envelope': 'a DSSE envelope' } as const;
const KINDS = { sig: 'simple-signing', att: 'dsse-envelope' } as const;

/** What stands under one of the tags that cosign 1–2 write. */
export async function taggedPieces(search: Search, tag: CosignTag): Promise<readonly Piece[]> {
  const found = await search.repository.tagged(search.digest, tag, search.signal);
  if (found === undefined) return [];
  const { bytes, source } = found;
  const manifest = parseOr(search, source, () => parseManifest(bytes, source));
  if (manifest === undefined) return [];
  if (manifest.kind !== 'image') {
    search.findings.refuse(source, 'MALFORMED', `${source} is an index and not a manifest of signatures`);
    return [];
  }
  return layerPieces(search, manifest.layers, source, KINDS[tag]);
}

/** A piece for each layer, the most promising first. Without dates the last is the newest: cosign appends. */
export function layerPieces(
  search: Search,
  layers: readonly JsonValue[],
  holder: string,
  kind: LayerKind,
): readonly Piece[] {
  const pieces = layers.map((layer, index): Piece => {
    const source = `${holder}, layer ${index}`;
    const hint = layerHint(layer, kind);
    return {
      source,
      hint,
      // What it is kept as says more than a hint.
      ...claimsOf(hint),
      ...CLAIMS[kind],
      read: () => readLayer(search, layer, source, kind),
    };
  });
  return inOrder(pieces.toReversed(), search.ask);
}

const CLAIMS = {
  'simple-signing': { claims: 'signature' },
  'dsse-envelope': { claims: 'attestation' },
} as const;

/** A layer that is no descriptor says nothing, and is refused when it is read. */
function layerHint(layer: JsonValue, kind: LayerKind): Hint {
  const annotations = isJsonObject(layer) ? layer['annotations'] : undefined;
  const texts = Object.entries(isJsonObject(annotations) ? annotations : {}).filter(isText);
  const hint = hintOf({ annotations: Object.fromEntries(texts) });
  return kind === 'simple-signing' ? { ...hint, says: SIGNATURE } : hint;
}

function isText(entry: readonly [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

async function readLayer(
  search: Search,
  layer: JsonValue,
  source: string,
  kind: LayerKind,
): Promise<FoundEvidence> {
  const descriptor = parseDescriptor(layer, source);
  if (descriptor.mediaType !== LAYER_TYPES[kind]) {
    throw new Refusal('UNSUPPORTED', `${source} is not ${NAMES[kind]}`);
  }
  const large = kind === 'dsse-envelope' ? largeEvidence(search, descriptor, kind, source) : undefined;
  if (large !== undefined) return large;
  const bytes = await contentOf(search, descriptor, source);
  const { annotations } = descriptor;
  return kind === 'simple-signing'
    ? { kind, source, payload: bytes, annotations }
    : { kind, source, envelope: bytes, annotations };
}
