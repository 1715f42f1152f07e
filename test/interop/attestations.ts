import { attest as attestLikeGitHub } from 'sigstore';
import { attest, type Proofs, type Signer } from '../support/cosign.ts';
import type { PushedImage } from '../support/manifests.ts';
import type { Change } from './changes.ts';
import { PROOFS, type Proof } from './dimensions.ts';
import { BUILDER, WORKFLOW, type Stage } from './stage.ts';
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
  readonly who: 'keyless' | 'workflow' | 'P-256';
  /** A further flag of cosign's; with `byGitHub` it is none of cosign's. */
  readonly flags?: readonly string[];
  readonly byGitHub?: true;
}

/** What cosign writes for Rekor v1, in both layouts and with both kinds of entry. */
const OF_REKOR_V1 = [
  { name: 'cosign 2.6.5 `attest`', major: 2, legacy: true },
  {
    name: 'cosign 2.6.5 `attest --rekor-entry-type intoto`',
    major: 2,
    legacy: true,
    flags: ['--rekor-entry-type', 'intoto'],
  },
  { name: 'cosign 2.6.5 `attest --new-bundle-format`', major: 2, legacy: false },
  { name: 'cosign 3.1.3 `attest --new-bundle-format=false`', major: 3, legacy: true },
  { name: 'cosign 3.1.3 `attest`', major: 3, legacy: false },
] as const;

const gitHub = { who: 'workflow', major: 3, legacy: false, byGitHub: true } as const;

export const ATTESTERS: readonly Attester[] = [
  ...OF_REKOR_V1.flatMap((attester) => [
    { ...attester, proof: PROOFS.v1, who: 'keyless' } as const,
    { ...attester, proof: PROOFS.v1Stamped, who: 'P-256' } as const,
  ]),
  { name: 'cosign 3.1.3 `attest`', major: 3, legacy: false, proof: PROOFS.v2Stamped, who: 'keyless' },
  { name: 'GitHub (`actions/attest`), public repository', proof: PROOFS.v1, ...gitHub },
  { name: 'GitHub (`actions/attest`), private repository', proof: PROOFS.stamped, ...gitHub },
];

/** Told apart in names of tests and images. */
export function titleOf({ name, proof, who }: Attester): string {
  return `${name}, ${proof.name}, ${signerOf(who)}`;
}

export function signerOf(who: Attester['who']): string {
  return who === 'workflow' ? 'keyless' : who;
}

export function proofsOf({ legacy, proof }: Attester): Required<Proofs> {
  return { legacy, log: proof.log, timestamp: proof.timestamp };
}

/**
 * cosign 3 has the signature timestamped in either layout, but verifies a timestamp in the old one as the envelope's, which cosign 2 makes:
 * it does not verify its own.
 */
export function isRefusedByMaker({ major, legacy, proof }: Attester): boolean {
  return major === 3 && legacy && proof.timestamp;
}

/** Parts of the evidence of which a byte is changed. */
export function changesOf({ legacy, proof }: Attester): readonly Change[] {
  return [
    'payload',
    ...(proof.log === 'v1' ? (['log entry', 'log promise'] as const) : []),
    ...(proof.log === 'v1' && !legacy ? (['log checkpoint'] as const) : []),
    ...(proof.timestamp ? (['timestamp'] as const) : []),
  ];
}

/** The same signer as of the attestation. */
export async function signerFor({ sigstore, keys }: Stage, who: Attester['who']): Promise<Signer> {
  if (who === 'P-256') return { key: keys[who] };
  return {
    token: await (who === 'keyless' ? sigstore.emailToken(BUILDER) : sigstore.workflowToken(WORKFLOW)),
  };
}

/** Attests SLSA provenance as this attester does it. */
export async function attestBy(stage: Stage, attester: Attester, image: PushedImage): Promise<void> {
  const { sigstore } = stage;
  const predicate = { buildDefinition: {}, runDetails: { builder: { id: 'https://example.com/builder' } } };
  if (attester.byGitHub !== true) {
    const signer = await signerFor(stage, attester.who);
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
  if (log === 'v1') await sigstore.logV1.ready();
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
