import { createHash } from 'node:crypto';
import type { EvilRegistry } from './evil-registry.ts';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const emptyType = 'application/vnd.oci.empty.v1+json';
export const envelopeType = 'application/vnd.dsse.envelope.v1+json';
export const cosignSignatureType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
export const inTotoType = 'application/vnd.in-toto+json';
const simpleType = 'application/vnd.dev.cosign.simplesigning.v1+json';

export type Json = Record<string, unknown>;

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Puts artifacts into a repository of an EvilRegistry, as cosign and other clients write them. */
export class Artifacts {
  readonly registry: EvilRegistry;
  readonly repository: string;

  constructor(registry: EvilRegistry, repository = 'org/app') {
    this.registry = registry;
    this.repository = repository;
  }

  path(kind: 'manifests' | 'blobs' | 'referrers', reference: string): string {
    return `/v2/${this.repository}/${kind}/${reference}`;
  }

  /** A manifest under its digest and, where one is given, a tag. */
  manifest(value: Json | string, tag?: string, type = manifestType): { digest: string; size: number } {
    const bytes = typeof value === 'string' ? value : JSON.stringify(value);
    const digest = sha256(bytes);
    for (const reference of [digest, ...(tag === undefined ? [] : [tag])]) {
      this.registry.put(this.path('manifests', reference), type, bytes);
    }
    return { digest, size: Buffer.byteLength(bytes) };
  }

  blob(bytes: Uint8Array | string, mediaType: string): Json & { digest: string; size: number } {
    const digest = sha256(bytes);
    this.registry.put(this.path('blobs', digest), 'application/octet-stream', bytes);
    return { mediaType, digest, size: Buffer.from(bytes).length };
  }

  image(content = 'image', tag = 'v1'): string {
    const config = this.blob(`{"content":"${content}"}`, 'application/vnd.oci.image.config.v1+json');
    return this.manifest({ schemaVersion: 2, mediaType: manifestType, config, layers: [] }, tag).digest;
  }

  /** A layer of cosign 1–2. */
  simpleLayer(payload: string, more: Json = {}): Json {
    const annotations = { 'dev.cosignproject.cosign/signature': 'c2ln' };
    return { ...this.blob(payload, simpleType), annotations, ...more };
  }

  /** An attestation's layer of cosign 1–2. */
  envelopeLayer(envelope: string, more: Json = {}): Json {
    const annotations = {
      'dev.cosignproject.cosign/signature': '',
      predicateType: 'https://slsa.dev/provenance/v1',
    };
    return { ...this.blob(envelope, envelopeType), annotations, ...more };
  }

  /** `sha256-<hex>.sig` */
  simpleSigned(digest: string, layers: readonly Json[]): void {
    this.tagged(digest, 'sig', layers);
  }

  /** `sha256-<hex>.att`, and `.sig` in the same way. */
  tagged(digest: string, kind: 'sig' | 'att', layers: readonly Json[]): void {
    const config = this.blob('{}', 'application/vnd.oci.image.config.v1+json');
    const tag = `${digest.replace(':', '-')}.${kind}`;
    this.manifest({ schemaVersion: 2, mediaType: manifestType, config, layers }, tag);
  }

  /** A referrer with layers as cosign's tags have them: its type is in the config, as cosign 2 writes it, or named. */
  layered(subject: string, type: string, layers: readonly Json[], isNamed = false): Json {
    const { digest, size } = this.manifest({
      schemaVersion: 2,
      mediaType: manifestType,
      ...(isNamed && { artifactType: type }),
      config: this.blob('{}', isNamed ? emptyType : type),
      layers,
      subject: { mediaType: manifestType, digest: subject, size: 1 },
    });
    return { mediaType: manifestType, artifactType: type, digest, size };
  }

  /** The manifest of a bundle; its descriptor, as a list of referrers has it. */
  bundle(
    subject: string,
    bytes: string,
    change: { layer?: Json; manifest?: Json; descriptor?: Json } = {},
  ): Json {
    const layer = { ...this.blob(bytes, bundleType), ...change.layer };
    const { digest, size } = this.manifest({
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: bundleType,
      config: { mediaType: emptyType, digest: sha256('{}'), size: 2 },
      layers: [layer],
      subject: { mediaType: manifestType, digest: subject, size: 1 },
      ...change.manifest,
    });
    return { mediaType: manifestType, artifactType: bundleType, digest, size, ...change.descriptor };
  }

  index(manifests: readonly unknown[]): string {
    return JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
  }

  /** What the referrers API answers. */
  referrers(digest: string, manifests: readonly unknown[]): void {
    this.registry.put(this.path('referrers', digest), indexType, this.index(manifests));
  }

  /** What clients write where there is no such API. */
  fallback(digest: string, manifests: readonly unknown[]): void {
    this.manifest(this.index(manifests), digest.replace(':', '-'), indexType);
  }
}
