import type { CertificateIdentity } from '../../src/sigstore/verified-signature.ts';
import type { FulcioExtensionName } from '../../src/sigstore/fulcio-extensions.ts';
import { changed, COMMIT, type Json } from '../slsa/statements.ts';
import { emailName, extension, uriName } from './fixtures-certificates.ts';
import type { LeafOptions, SignOptions, TestSigstore } from './fixtures.ts';
import {
  evidenceTag,
  indexType,
  manifestType,
  pushBlob,
  putManifest,
  type PushedImage,
} from './manifests.ts';

/** Attestations signed under the tests' own Fulcio or with a key, and pushed to a real registry as clients push them. */

/** A Sigstore bundle among the referrers, or a layer of cosign 1–2's `sha256-<hex>.att`. */
export type AttestationForm = 'bundle' | 'att';

/** A statement, and who signs it. */
export interface Signable {
  readonly json: Json;
  readonly by: Pick<SignOptions, 'by' | 'key' | 'at' | 'timestamp'>;
}

/** A layer of `.att` as it is pushed; whatever a test likes. */
export interface AttLayer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
const ENVELOPE_TYPE = 'application/vnd.dsse.envelope.v1+json';

/** What Fulcio is asked for, so that the certificate has this identity. */
export function certificateFor({ names, issuer, extensions }: CertificateIdentity): LeafOptions {
  return {
    names: names.map(({ type, value }) => (type === 'uri' ? uriName(value) : emailName(value))),
    issuer,
    extensions: extensions as Partial<Record<FulcioExtensionName, string>>,
  };
}

/** Raw text by the last number of its OID, as Fulcio wrote it for GitHub until 2023. */
export type OldExtensions = Readonly<Record<number, string | Buffer>>;

export const OLD_EXTENSIONS = {
  2: 'push',
  3: COMMIT,
  4: 'Release 🚀',
  5: 'acme/app',
  6: 'refs/heads/main',
} as const satisfies OldExtensions;

/** A certificate of before 2023, with what a test changes of it. */
export function oldLeaf(
  workflow: string,
  raw: OldExtensions = OLD_EXTENSIONS,
  changes: LeafOptions = {},
): LeafOptions {
  return {
    names: [uriName(workflow)],
    issuer: null,
    rawIssuer: 'https://token.actions.githubusercontent.com',
    extraExtensions: Object.entries(raw).map(([n, value]) =>
      extension(`1.3.6.1.4.1.57264.1.${n}`, Buffer.from(value)),
    ),
    ...changes,
  };
}

/** The statement with the image as its one subject, and a verification summary with it as its resource. */
export function aboutImage(json: Json, { digest, registry, repository }: PushedImage): Json {
  const about = changed(json, 'subject', [
    { name: `${registry.host}/${repository}`, digest: { sha256: digest.replace('sha256:', '') } },
  ]);
  const { resourceUri } = about['predicate'] as { resourceUri?: unknown };
  return resourceUri === undefined
    ? about
    : changed(about, 'predicate.resourceUri', `${registry.host}/${repository}`);
}

/** Signs the statements as they stand, and puts them beside the image in this order. */
export async function attach(
  sigstore: TestSigstore,
  image: PushedImage,
  form: AttestationForm,
  statements: readonly Signable[],
): Promise<void> {
  if (form === 'att')
    return attachLayers(
      image,
      statements.map((each) => layerOf(sigstore, each)),
    );
  const bundles = statements.map(({ json, by }) =>
    JSON.stringify(sigstore.signStatement({ digests: [], statement: json, ...by })),
  );
  return attachBundles(image, bundles);
}

/** A layer as cosign 1–2 writes it, with its entry in Rekor v1. */
export function layerOf(sigstore: TestSigstore, { json, by }: Signable): AttLayer {
  const { timestamp, ...signer } = by;
  const { envelope, annotations } = sigstore.signEnvelope({
    digests: [],
    statement: json,
    // Without a time that somebody trusts: no entry of Rekor v1, which tells one.
    ...(timestamp === false && { log: 'none', timestamp }),
    ...signer,
  });
  return { mediaType: ENVELOPE_TYPE, bytes: Buffer.from(envelope), annotations };
}

export async function attachLayers(image: PushedImage, layers: readonly AttLayer[]): Promise<void> {
  const { registry, repository, digest } = image;
  const configType = 'application/vnd.oci.image.config.v1+json';
  const config = await pushBlob(registry, repository, Buffer.from('{}'), configType);
  const described = [];
  for (const { mediaType, bytes, annotations } of layers) {
    const layer = await pushBlob(registry, repository, bytes, mediaType);
    described.push({ ...layer, ...(annotations && { annotations }) });
  }
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: described };
  const tag = evidenceTag(digest, '.att');
  await putManifest(registry, repository, Buffer.from(JSON.stringify(manifest)), manifestType, tag);
}

/** Referrers, and where the registry has no API for them the tag that clients write instead. */
export async function attachBundles(image: PushedImage, bundles: readonly string[]): Promise<void> {
  const { registry, repository, digest, descriptor } = image;
  const config = await pushBlob(registry, repository, Buffer.from('{}'), EMPTY_TYPE);
  const referrers = [];
  for (const bundle of bundles) {
    const layer = await pushBlob(registry, repository, Buffer.from(bundle), BUNDLE_TYPE);
    const subject = { mediaType: descriptor.mediaType, digest, size: descriptor.size };
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: BUNDLE_TYPE,
      config,
      layers: [layer],
      subject,
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const pushed = await putManifest(registry, repository, bytes, manifestType);
    referrers.push({ ...pushed.descriptor, artifactType: BUNDLE_TYPE });
  }
  if (registry.mode === 'referrers') return;
  const index = { schemaVersion: 2, mediaType: indexType, manifests: referrers };
  const bytes = Buffer.from(JSON.stringify(index));
  await putManifest(registry, repository, bytes, indexType, evidenceTag(digest));
}
