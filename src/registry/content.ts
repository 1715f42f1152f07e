import { Fault, Refusal } from '../errors.ts';
import { decodeBase64 } from '../sigstore/base64.ts';
import { checkDigest, checkLargeDigest } from './digest.ts';
import { evidenceGone } from './faults.ts';
import type { Descriptor } from './manifest.ts';
import type { Repository } from './repository.ts';

/**
 * The bytes of a manifest, hashed against the digest that was asked for; undefined = there is none.
 * @throws Fault; Refusal DIGEST_MISMATCH or LIMIT
 */
export async function verifiedManifest(
  repository: Repository,
  digest: string,
  signal: AbortSignal,
  maxBytes?: number,
): Promise<Uint8Array | undefined> {
  const bytes = await repository.manifest(digest, signal, maxBytes);
  if (bytes !== undefined) checkDigest(bytes, digest, 'the manifest');
  return bytes;
}

/** Where a descriptor was found, for messages. */
export interface Holder {
  /** The registry. */
  readonly host: string;
  /** What names the content: `tag sha256-….sig, layer 0`. */
  readonly source: string;
}

/**
 * The bytes that a descriptor links to: those that it carries itself, else fetched; hashed and measured against it.
 * @throws Fault, also EVIDENCE_GONE for what the registry names and does not have; Refusal
 */
export async function linked(
  descriptor: Descriptor,
  { host, source }: Holder,
  maxBytes: number,
  fetch: (maxBytes: number) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array> {
  const { digest, size, data } = descriptor;
  checkLink(descriptor, maxBytes);
  const bytes =
    data === undefined ? await fetch(size) : decodeBase64(data, `the data of ${digest}`, maxBytes);
  // A replica that is behind, or a clean-up of untagged manifests. What it says is not known, so it is no "no".
  if (bytes === undefined) throw evidenceGone(host, digest, source);
  checkDigest(bytes, digest, 'the content');
  checkSize(bytes, digest, size);
  return bytes;
}

/** Whether content may be asked for. @throws Refusal UNSUPPORTED, LIMIT */
export function checkLink({ digest, size, foreign }: Descriptor, maxBytes: number): void {
  if (foreign) throw new Refusal('UNSUPPORTED', `${digest} lies on another server, which is never asked`);
  if (size > maxBytes)
    throw new Refusal('LIMIT', `it has ${size} bytes, and ${maxBytes} are accepted (${digest})`);
}

/**
 * The bytes of large content, hashed while the event loop turns; undefined = there is none.
 * @throws Fault; Refusal DIGEST_MISMATCH or LIMIT
 */
export async function verifiedBlob(
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const bytes = await repository.blob(digest, size, signal);
  if (bytes === undefined) return undefined;
  await checkLargeDigest(bytes, digest, 'the content');
  checkSize(bytes, digest, size);
  return bytes;
}

function checkSize({ length }: Uint8Array, digest: string, size: number): void {
  if (length !== size)
    throw new Refusal('DIGEST_MISMATCH', `${digest} has ${length} bytes, and ${size} were declared`);
}

/** The refusal or fault in whatever looking at one piece of evidence threw. */
export function problemOf(error: unknown): Fault | Refusal {
  if (error instanceof Fault || error instanceof Refusal) return error;
  return new Fault('INTERNAL', 'a defect of Countersign while reading evidence', { cause: error });
}
