import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asError } from '../../src/errors.ts';
import { save, sign, type Cosign, type Proofs, type Signer } from '../support/cosign.ts';
import { cosignVerdict, type CosignVerdict } from '../support/cosign-verify.ts';
import { pushImage } from '../support/images.ts';
import type { Place, PushedImage } from '../support/manifests.ts';
import { changed, type Change } from './changes.ts';
import { isForeignLog, nameOf, type Row, type SignerKind } from './dimensions.ts';
import { ownVerdict, ownVerdictOfSaved, type OwnVerdict } from './own-verdict.ts';
import { BUILDER, expectedOf, writePolicy, type Stage } from './stage.ts';
import { emptyConfig, readEvidence, storeEvidence, type StoredEvidence } from './stored-evidence.ts';

export interface Verdicts {
  readonly tool: CosignVerdict;
  readonly own: OwnVerdict;
}

/** What came of one row. */
export type Outcome =
  /** The tool does not make such a signature; in its own words. */
  | { readonly kind: 'impossible'; readonly said: string }
  | {
      readonly kind: 'made';
      /** Another repository was asked for, and the tool wrote beside the image all the same. */
      readonly isBeside: boolean;
      readonly good: Verdicts;
      /** Empty where Countersign refused the good one: a refusal would prove nothing. */
      readonly bad: ReadonlyMap<Change, Verdicts>;
    };

/** Where a row's image lies, and where its evidence. */
interface Setting {
  readonly image: PushedImage;
  readonly evidencePlace: Place;
}

/** Signs with the tool, verifies with both, and again with each part of the evidence changed by one byte. */
export async function tryRow(stage: Stage, row: Row): Promise<Outcome> {
  const asked = row.storage.place === 'COSIGN_REPOSITORY';
  const signed = await settle(stage, row, 'signed', asked);
  try {
    await signRow(stage, row, signed);
  } catch (error) {
    return { kind: 'impossible', said: asError(error).message };
  }
  const isApart = asked && (await hasEvidence(signed));
  const place = isApart ? signed.evidencePlace : signed.image;
  const evidence = asStored(row, await readEvidence(signed.image, place));
  const good = isAttached(row)
    ? await tryEvidence(stage, row, await settle(stage, row, 'attached', isApart), evidence)
    : await verdictsOn(stage, row, signed);
  const bad = new Map<Change, Verdicts>();
  for (const change of good.own.verdict === 'verified' ? row.changes : []) {
    const other = changed(evidence, change);
    if (other === undefined) continue;
    const setting = await settle(stage, row, change.replace(' ', '-'), isApart);
    bad.set(change, await tryEvidence(stage, row, setting, other));
  }
  return { kind: 'made', isBeside: asked && !isApart, good, bad };
}

async function settle(stage: Stage, row: Row, name: string, isApart: boolean): Promise<Setting> {
  const registry = stage.registries[row.storage.mode];
  const slug = nameOf(row)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');
  // The same content, so that evidence made for one is about the other.
  const image = await pushImage(registry, `${slug}/${name}`, { content: slug });
  const repository = isApart ? `signatures/${slug}/${name}` : image.repository;
  return { image, evidencePlace: { registry, repository } };
}

async function hasEvidence({ image, evidencePlace }: Setting): Promise<boolean> {
  return readEvidence(image, evidencePlace).then(
    () => true,
    () => false,
  );
}

async function tryEvidence(
  stage: Stage,
  row: Row,
  setting: Setting,
  evidence: StoredEvidence,
): Promise<Verdicts> {
  await storeEvidence(setting.image, setting.evidencePlace, evidence);
  return verdictsOn(stage, row, setting);
}

async function signRow(stage: Stage, row: Row, setting: Setting): Promise<void> {
  const { certificatePath, chainPath } = stage.corporation;
  // What people get who point an old layout to a new log.
  const isMismatched = row.tool.legacy && isForeignLog(row.tool, row.proof);
  await sign(stage.cosign[row.tool.major], setting.image, await signerOf(stage, row), {
    ...(isMismatched ? { legacy: true, log: 'v1', timestamp: true } : proofsOf(row)),
    flags: [
      ...(isMismatched ? ['--rekor-url', stage.sigstore.logUrl] : []),
      ...(row.signer === 'certificate'
        ? ['--certificate', certificatePath, '--certificate-chain', chainPath]
        : []),
      ...(row.storage.place === 'experimental' ? ['--registry-referrers-mode=oci-1-1'] : []),
    ],
    env: environmentOf(row, setting),
  });
}

async function signerOf({ sigstore, keys }: Stage, { signer }: Row): Promise<Signer> {
  if (signer === 'keyless') return { token: await sigstore.emailToken(BUILDER) };
  return { key: keys[signer === 'certificate' ? 'P-256' : signer] };
}

function proofsOf({ tool, proof }: Row): Required<Proofs> {
  return { legacy: tool.legacy, log: proof.log, timestamp: proof.timestamp };
}

function environmentOf({ storage }: Row, { evidencePlace }: Setting): Readonly<Record<string, string>> {
  if (storage.place === 'experimental') return { COSIGN_EXPERIMENTAL: '1' };
  if (storage.place !== 'COSIGN_REPOSITORY') return {};
  return { COSIGN_REPOSITORY: `${evidencePlace.registry.host}/${evidencePlace.repository}` };
}

function isAttached({ storage }: Row): boolean {
  return storage.place === 'oras' || storage.place === 'oras-untyped';
}

/** As `oras attach` writes a file: no annotations but its name and the time. */
function asStored(row: Row, evidence: StoredEvidence): StoredEvidence {
  if (!isAttached(row)) return evidence;
  const { layers, subject } = evidence.manifest;
  const type = layers[0]?.mediaType ?? '';
  return {
    ...evidence,
    config: Buffer.from('{}'),
    annotations: { 'org.opencontainers.image.title': 'bundle.json' },
    manifest: {
      config: emptyConfig,
      layers,
      artifactType: row.storage.place === 'oras' ? type : 'application/vnd.unknown.artifact.v1',
      annotations: { 'org.opencontainers.image.created': '2026-11-22T00:00:00Z' },
      ...(subject && { subject }),
    },
  };
}

async function verdictsOn(stage: Stage, row: Row, setting: Setting): Promise<Verdicts> {
  const { signer, storage, proof, tool } = row;
  const { image } = setting;
  const cosign = stage.cosign[tool.major];
  const layout = storage.place === 'saved' ? await saved(stage, cosign, image) : undefined;
  const repository = environmentOf(row, setting)['COSIGN_REPOSITORY'];
  const policy = writePolicy(stage, signer, proof, {
    ...(repository !== undefined && { signatureRepository: repository }),
  });
  const own = await (layout === undefined
    ? ownVerdict(policy, image)
    : ownVerdictOfSaved(policy, image, stage.folder, layout.root));
  const said = await cosignVerdict(cosign, image, {
    expected: expectedOf(stage, signer),
    proofs: proofsOf(row),
    flags: flagsOf(row),
    env: environmentOf(row, setting),
    ...(layout !== undefined && { layout: layout.folder }),
  });
  return { tool: said, own };
}

/** cosign signs with the hash of the curve's size, and verifies with SHA-256 unless it is told. */
const DIGESTS: Readonly<Partial<Record<SignerKind, string>>> = {
  'P-384': 'sha384',
  'P-521': 'sha512',
  ed25519: 'sha512',
};

function flagsOf({ signer, storage }: Row): readonly string[] {
  const digest = DIGESTS[signer];
  return [
    ...(storage.place === 'experimental' ? ['--experimental-oci11'] : []),
    ...(digest === undefined ? [] : ['--signature-digest-algorithm', digest]),
  ];
}

interface SavedImage {
  /** Of all saved images. */
  readonly root: string;
  readonly folder: string;
}

async function saved({ folder }: Stage, cosign: Cosign, image: PushedImage): Promise<SavedImage> {
  const root = join(folder, 'saved');
  const own = join(root, image.repository);
  mkdirSync(dirname(own), { recursive: true });
  await save(cosign, image, own);
  return { root, folder: own };
}
