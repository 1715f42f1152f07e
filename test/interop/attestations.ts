import { attest as attestLikeGitHub } from 'sigstore';
import { attest, type Proofs } from '../support/cosign.ts';
import type { PushedImage } from '../support/manifests.ts';
import { PROOFS, type Proof } from './dimensions.ts';
import { BUILDER, WORKFLOW, type Stage, type Who } from './stage.ts';
import { emptyConfig, storeEvidence } from './stored-evidence.ts';

export const PROVENANCE = 'https://slsa.dev/provenance/v1';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** A way to make an attestation about an image. */
export interface Attester {
  readonly name: string;
  /** Of the cosign that made it, or that verifies what no cosign made. */
  readonly major: 2 | 3;
  readonly legacy: boolean;
  readonly proof: Proof;
  readonly who: Who;
  /** A further flag of cosign's; with `byGitHub` it is none of cosign's. */
  readonly flags?: readonly string[];
  readonly byGitHub?: true;
}

const cosign = { who: 'keyless', flags: [] } as const;
const gitHub = { who: 'workflow', major: 3, legacy: false, byGitHub: true } as const;

export const ATTESTERS: readonly Attester[] = [
  { name: 'cosign 2.6.5 `attest`', major: 2, legacy: true, proof: PROOFS.v1, ...cosign },
  {
    name: 'cosign 2.6.5 `attest --rekor-entry-type intoto`',
    major: 2,
    legacy: true,
    proof: PROOFS.v1,
    who: 'keyless',
    flags: ['--rekor-entry-type', 'intoto'],
  },
  { name: 'cosign 2.6.5 `attest --new-bundle-format`', major: 2, legacy: false, proof: PROOFS.v1, ...cosign },
  {
    name: 'cosign 3.1.3 `attest --new-bundle-format=false`',
    major: 3,
    legacy: true,
    proof: PROOFS.v1,
    ...cosign,
  },
  { name: 'cosign 3.1.3 `attest`', major: 3, legacy: false, proof: PROOFS.v2Stamped, ...cosign },
  { name: 'GitHub (`actions/attest`), public repository', proof: PROOFS.v1, ...gitHub },
  { name: 'GitHub (`actions/attest`), private repository', proof: PROOFS.stamped, ...gitHub },
];

export function proofsOf({ legacy, proof }: Attester): Required<Proofs> {
  return { legacy, log: proof.log, timestamp: proof.timestamp };
}

/** Attests SLSA provenance as this attester does it. */
export async function attestBy(stage: Stage, attester: Attester, image: PushedImage): Promise<void> {
  const { sigstore } = stage;
  const predicate = { buildDefinition: {}, runDetails: { builder: { id: 'https://example.com/builder' } } };
  if (attester.byGitHub !== true) {
    const signer = { token: await sigstore.emailToken(BUILDER) };
    const { flags = [] } = attester;
    const options = { type: PROVENANCE, predicate, flags, ...proofsOf(attester) };
    return attest(stage.cosign[attester.major], image, signer, options);
  }
  const [, hex] = image.digest.split(':');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `${image.registry.host}/${image.repository}`, digest: { sha256: hex } }],
    predicateType: PROVENANCE,
    predicate,
  };
  const { log, timestamp } = attester.proof;
  const bundle = await attestLikeGitHub(
    Buffer.from(JSON.stringify(statement)),
    'application/vnd.in-toto+json',
    {
      fulcioURL: sigstore.fulcioUrl,
      identityToken: await sigstore.workflowToken(WORKFLOW),
      tlogUpload: log !== 'none',
      rekorURL: sigstore.logV1.url,
      // The library adds the rest of the path.
      ...(timestamp && { tsaServerURL: new URL(sigstore.timestampUrl).origin }),
    },
  );
  await pushLikeGitHub(image, Buffer.from(JSON.stringify(bundle)));
}

/** What `actions/attest` with `push-to-registry` writes (@sigstore/oci, attachArtifactToImage). */
async function pushLikeGitHub(image: PushedImage, blob: Buffer): Promise<void> {
  const { mediaType, digest, size } = image.descriptor;
  const annotations = {
    'org.opencontainers.image.created': '2026-11-22T00:00:00Z',
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': PROVENANCE,
  };
  await storeEvidence(image, image, {
    format: 'bundle',
    config: Buffer.from('{}'),
    blob,
    annotations: {},
    manifest: {
      config: emptyConfig,
      layers: [{ mediaType: BUNDLE, digest, size }],
      artifactType: BUNDLE,
      annotations,
      subject: { mediaType, digest, size },
    },
  });
}
