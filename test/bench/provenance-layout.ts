import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { generatorStatement, githubSigner, RELEASED, type Json } from '../slsa/statements.ts';
import { createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { evidenceTag, indexType, manifestType } from '../support/manifests.ts';
import { certificateFor, layerOf } from '../support/provenance.ts';

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Images with a signature and a provenance of level 3 each, as OCI layouts, and the trust root that vouches for them. */
export interface ProvenanceLayouts {
  /** Holds one layout for each repository. */
  readonly folder: string;
  readonly trustedRoot: string;
  /** `sha256:…` of the image in `mcp/bundled`: signature and provenance are bundles. */
  readonly bundled: string;
  /** And of the one in `mcp/layered`: the signature is a bundle, and the provenance a layer of `.att`. */
  readonly layered: string;
}

/** @param statement of the provenance; its subjects come before the image */
export function writeProvenanceLayouts(
  folder: string,
  statement: Json = generatorStatement(),
): ProvenanceLayouts {
  const sigstore = createSigstore();
  const at = new Date(Date.now() - 60_000);
  const by = { by: certificateFor(githubSigner(RELEASED)), at };
  const layout = (name: string, isLayered: boolean): string => {
    const files = new Layout(join(folder, 'mcp', name));
    const image = files.manifest(
      { config: files.blob('{}', `application/vnd.oci.image.config.v1+json`), layers: [] },
      'v1',
    );
    const subjects = [
      ...((statement['subject'] as unknown[] | undefined) ?? []),
      { name: `registry.example/mcp/${name}`, digest: { sha256: image.digest.replace('sha256:', '') } },
    ];
    const json = { ...statement, subject: subjects };
    files.referrer(image, JSON.stringify(sigstore.signStatement({ digests: [image.digest], at })));
    if (isLayered) {
      const { mediaType, bytes, annotations } = layerOf(sigstore, { json, by });
      const layer = { ...files.blob(bytes, mediaType), annotations };
      files.manifest({ config: files.blob('{}', 'x'), layers: [layer] }, evidenceTag(image.digest, '.att'));
    } else {
      files.referrer(image, JSON.stringify(sigstore.signStatement({ digests: [], statement: json, ...by })));
    }
    files.end();
    return image.digest;
  };
  return {
    folder,
    trustedRoot: sigstore.trustedRootJson,
    bundled: layout('bundled', false),
    layered: layout('layered', true),
  };
}

/** A policy over them, as a file of standalone mode; what it asks for beside a signature is in `more`. */
export function provenancePolicy({ trustedRoot }: ProvenanceLayouts, host: string, more: object): string {
  const resource = (kind: string, name: string, spec: object) =>
    stringify({ apiVersion: 'countersign.dev/v1alpha1', kind, metadata: { name }, spec });
  return [
    resource('ClusterSigningPolicy', 'bench', {
      mode: 'Enforce',
      match: { images: [`${host}/mcp/*`] },
      trustRootRef: { name: 'bench' },
      trustedKeys: [{ keyless: true, issuer: GOLD_ISSUER, subject: GOLD_SUBJECT }],
      ...more,
    }),
    resource('TrustRoot', 'bench', { trustedRoot, proofs: { preset: 'Private' } }),
  ].join('---\n');
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** One OCI layout while it is written. */
class Layout {
  readonly #folder: string;
  readonly #manifests: object[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  }

  blob(bytes: Buffer | string, mediaType: string): Descriptor {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(this.#folder, 'blobs', 'sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  }

  manifest(fields: object, tag?: string): Descriptor {
    const bytes = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, ...fields });
    const descriptor = this.blob(bytes, manifestType);
    const annotations = tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag };
    this.#manifests.push({ ...descriptor, annotations });
    return descriptor;
  }

  referrer(subject: Descriptor, bundle: string): void {
    const config = this.blob('{}', 'application/vnd.oci.empty.v1+json');
    const layers = [this.blob(bundle, BUNDLE_TYPE)];
    this.manifest({ artifactType: BUNDLE_TYPE, config, layers, subject });
  }

  end(): void {
    const index = { schemaVersion: 2, mediaType: indexType, manifests: this.#manifests };
    writeFileSync(join(this.#folder, 'index.json'), JSON.stringify(index));
    writeFileSync(join(this.#folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }
}
