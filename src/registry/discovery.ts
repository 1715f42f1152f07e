import { Fault, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import type { JsonValue } from '../strict-json.ts';
import { linked, verifiedManifest } from './content.ts';
import { EvidencePlaces, LargePieces, type Findings } from './findings.ts';
import type { MemoryBudget } from './gate.ts';
import { parseDescriptor, parseManifest, type Descriptor } from './manifest.ts';
import type { Repository } from './repository.ts';

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';
const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
// What registries report that take the artifact's type from its config: then only the manifest tells.
const VAGUE_TYPE = /^(?:|application\/vnd\.oci\.empty\.v1\+json|application\/vnd\.oci\.image\.config\b.*)$/;

/** One look for all evidence of one digest. */
export interface Look {
  readonly repository: Repository;
  readonly digest: string;
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  readonly memory: MemoryBudget;
  readonly findings: Findings;
}

interface Search extends Look {
  readonly places: EvidencePlaces;
  readonly large: LargePieces;
  /** Bytes taken from the memory budget, given back at the end. */
  taken: number;
}

/** One piece that may be evidence. */
interface Piece {
  readonly source: string;
  read(): Promise<Evidence | undefined>;
}

/**
 * Finds everything that says something about a digest: cosign 1–2's signatures and Sigstore bundles, at once.
 * Adds to `findings` as it goes and does not throw.
 */
export async function discover(look: Look): Promise<void> {
  const search: Search = { ...look, places: new EvidencePlaces(), large: new LargePieces(), taken: 0 };
  try {
    await Promise.all([readAll(search, simpleSigning), readAll(search, bundles)]);
    if (look.findings.isEmpty) await imageItself(look);
  } finally {
    look.memory.give(search.taken);
  }
}

/** Nothing at all: is the image unsigned, or not there? */
async function imageItself({ repository, digest, signal, findings }: Look): Promise<void> {
  await findings.piece('image', async () => {
    if (!(await repository.exists(digest, signal))) throw imageNotFound(repository.host);
    return undefined;
  });
}

export function imageNotFound(host: string): Fault {
  return new Fault(
    'IMAGE_NOT_FOUND',
    `registry ${host} has no such image; check its name, and whether Countersign's credentials may see it`,
  );
}

async function readAll(search: Search, list: (search: Search) => Promise<readonly Piece[]>): Promise<void> {
  const { findings, places } = search;
  let pieces: readonly Piece[] = [];
  try {
    pieces = await list(search);
  } catch (error) {
    findings.problem('signatures', error);
  }
  const { now, later } = places.claim(pieces.length);
  const read = (some: readonly Piece[]) =>
    Promise.all(some.map((piece) => findings.piece(piece.source, () => piece.read())));
  const first = read(pieces.slice(0, now));
  const allowed = now + (await later());
  await Promise.all([first, read(pieces.slice(now, allowed))]);
  if (pieces.length > allowed) {
    const detail = `of ${pieces.length} pieces of evidence the first ${allowed} were looked at; an image may have ${LIMITS.evidencePerImage} in all`;
    findings.refuse(pieces[allowed]?.source ?? '', 'LIMIT', detail);
  }
}

async function simpleSigning(search: Search): Promise<readonly Piece[]> {
  const found = await search.repository.signatures(search.digest, search.signal);
  if (found === undefined) return [];
  const { bytes, source } = found;
  const manifest = parseOr(search, source, () => parseManifest(bytes, source));
  if (manifest === undefined) return [];
  if (manifest.kind !== 'image') {
    search.findings.refuse(source, 'MALFORMED', `${source} is an index and not a manifest of signatures`);
    return [];
  }
  return manifest.layers.map((layer, index) =>
    simpleSigningPiece(search, layer, `${source}, layer ${index}`),
  );
}

function simpleSigningPiece(search: Search, layer: JsonValue, source: string): Piece {
  return {
    source,
    read: async () => {
      const descriptor = parseDescriptor(layer, source);
      if (descriptor.mediaType !== SIMPLE_SIGNING_TYPE) {
        throw new Refusal('UNSUPPORTED', `${source} is not a simple signing payload`);
      }
      const payload = await contentOf(search, descriptor);
      return { kind: 'simple-signing', source, payload, annotations: descriptor.annotations };
    },
  };
}

async function bundles(search: Search): Promise<readonly Piece[]> {
  const { repository, digest, signal, fresh, findings } = search;
  const { descriptors, refused, faults } = await repository.referrers(digest, { signal, fresh });
  findings.refused.push(...refused);
  findings.faults.push(...faults);
  const certain: Piece[] = [];
  const possible: Piece[] = [];
  const seen = new Set<string>();
  for (const [index, value] of descriptors.entries()) {
    const source = `referrer ${index}`;
    const descriptor = parseOr(search, source, () => parseDescriptor(value, source));
    if (descriptor === undefined || seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const type = descriptor.artifactType ?? '';
    if (type.startsWith(BUNDLE_TYPE)) certain.push(bundlePiece(search, descriptor, true));
    else if (VAGUE_TYPE.test(type)) possible.push(bundlePiece(search, descriptor, false));
  }
  return [...certain, ...possible];
}

function bundlePiece(search: Search, referrer: Descriptor, isDeclared: boolean): Piece {
  const source = `referrer ${referrer.digest}`;
  return {
    source,
    read: async () => {
      const layer = await bundleLayer(search, referrer, source, isDeclared);
      return layer === undefined
        ? undefined
        : { kind: 'bundle', source, bytes: await contentOf(search, layer) };
    },
  };
}

/** The one layer that is a bundle; undefined where the type did not promise one, and there is none. */
async function bundleLayer(
  search: Search,
  referrer: Descriptor,
  source: string,
  isDeclared: boolean,
): Promise<Descriptor | undefined> {
  const { repository, signal, digest } = search;
  const fetch = () => verifiedManifest(repository, referrer.digest, signal);
  const manifest = parseManifest(await linked(referrer, LIMITS.manifestBytes, fetch), source);
  const [first, ...others] = manifest.kind === 'image' ? manifest.layers : [];
  const isBundle = others.length === 0 && mediaTypeOf(first).startsWith(BUNDLE_TYPE);
  if (!isBundle) {
    if (isDeclared) throw new Refusal('MALFORMED', `${source} does not hold exactly one bundle`);
    return undefined;
  }
  // A list of referrers is the registry's word; what the artifact itself refers to is in its digest.
  if (manifest.subject !== digest) throw new Refusal('DIGEST_MISMATCH', `${source} refers to another image`);
  return parseDescriptor(first ?? null, `the layer of ${source}`);
}

function mediaTypeOf(value: JsonValue | undefined): string {
  const type =
    typeof value === 'object' && value !== null && 'mediaType' in value ? value.mediaType : undefined;
  return typeof type === 'string' ? type : '';
}

async function contentOf(search: Search, descriptor: Descriptor): Promise<Uint8Array> {
  const { repository, signal, large, memory } = search;
  return linked(descriptor, LIMITS.evidenceBytes, async (maxBytes) => {
    if (!large.take(descriptor.size)) {
      throw new Refusal(
        'LIMIT',
        `the evidence of one image may have ${LIMITS.evidenceTotalBytes} bytes in all, and this is above`,
      );
    }
    memory.take(descriptor.size);
    search.taken += descriptor.size;
    return repository.blob(descriptor.digest, maxBytes, signal);
  });
}

function parseOr<T>(search: Search, source: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    search.findings.problem(source, error);
    return undefined;
  }
}
