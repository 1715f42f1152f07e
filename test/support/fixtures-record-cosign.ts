/**
 * Records what real cosign 2 and 3, Fulcio, Rekor v1 and v2 and a timestamp authority make, so that the unit suite verifies it
 * without any of them: `node test/support/fixtures-record-cosign.ts` after `make tools`, then the formatter, rewrites
 * `test/sigstore/cosign.json`.
 */
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryFlags, serviceFlags, signerFlags } from './cosign-flags.ts';
import {
  createCosign,
  generateKeyPair,
  importKeyPair,
  invoke,
  type Cosign,
  type KeyFiles,
  type Proofs,
  type Signer,
} from './cosign.ts';
import {
  distinguishedName,
  EKU_CODE_SIGNING,
  emailName,
  extendedKeyUsage,
  keyUsage,
  makeCertificate,
  makeAuthority,
  newKeyPair,
  subjectAltName,
  subjectKeyId,
  type KeyKind,
} from './fixtures-certificates.ts';
import type { CosignRecord, RecordedCase } from './fixtures-cosign.ts';
import { pem } from './fixtures-logs.ts';
import { pushImage } from './images.ts';
import { evidenceTag, getBlob, getManifest, referrersOf, type PushedImage } from './manifests.ts';
import { startRegistry } from './registry.ts';
import { startSigstore } from './sigstore.ts';
import { createWorkDirectory } from './work-dir.ts';

interface LayerJson {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Recording {
  readonly name: string;
  readonly cosign: Cosign;
  readonly signer: Signer;
  readonly proofs?: Proofs;
  /** An attestation of this predicate type instead of a signature. */
  readonly attested?: string;
  readonly flags?: readonly string[];
  /** PEM of what is trusted, where it is not the signer's public key. */
  readonly trusted?: string;
}

const PROVENANCE = 'https://slsa.dev/provenance/v1';
const work = createWorkDirectory('record');
const sigstore = await startSigstore({ workDir: work.path });
const registry = await startRegistry({ mode: 'referrers', workDir: work.path });
try {
  const cosign = createCosign({ workDir: work.path, sigstore });
  const cosign2 = createCosign({ workDir: work.path, sigstore, major: 2 });
  const keys = await allKeys(cosign);
  const email = { token: await sigstore.emailToken('build@example.com') };
  const workflow = {
    token: await sigstore.workflowToken({
      repository: 'org/app',
      workflow: 'release.yml',
      ref: 'refs/tags/v1.0.0',
    }),
  };
  const p256: Signer = { key: keys['P-256'] };
  const legacy = { legacy: true } as const;
  const noLog = { log: 'none' } as const;
  const recordings: readonly Recording[] = [
    { name: 'keyless, e-mail', cosign, signer: email },
    { name: 'keyless, workflow', cosign, signer: workflow },
    { name: 'keyless, Rekor v1', cosign, signer: email, proofs: { log: 'v1' } },
    { name: 'keyless, timestamp only', cosign, signer: email, proofs: { ...noLog, timestamp: true } },
    { name: 'P-256 key', cosign, signer: p256 },
    { name: 'P-256 key, Rekor v1', cosign, signer: p256, proofs: { log: 'v1' } },
    { name: 'P-256 key, no log', cosign, signer: p256, proofs: noLog },
    { name: 'legacy keyless', cosign, signer: email, proofs: legacy },
    {
      name: 'legacy keyless, timestamp only',
      cosign,
      signer: email,
      proofs: { ...legacy, ...noLog, timestamp: true },
    },
    { name: 'legacy P-256 key', cosign, signer: p256, proofs: legacy },
    { name: 'cosign 2 keyless', cosign: cosign2, signer: email },
    { name: 'cosign 2 P-256 key', cosign: cosign2, signer: p256 },
    ...otherKeys(cosign, cosign2, keys),
    ...withCertificate(cosign, cosign2, keys['P-256']),
    { name: 'keyless attestation', cosign, signer: workflow, attested: PROVENANCE },
    { name: 'legacy keyless attestation', cosign, signer: workflow, attested: PROVENANCE, proofs: legacy },
    {
      name: 'legacy keyless attestation, timestamp only',
      cosign,
      signer: email,
      attested: PROVENANCE,
      proofs: { ...legacy, ...noLog, timestamp: true },
    },
    { name: 'cosign 2 keyless attestation', cosign: cosign2, signer: workflow, attested: PROVENANCE },
    {
      name: 'cosign 2 keyless attestation, timestamp only',
      cosign: cosign2,
      signer: email,
      attested: PROVENANCE,
      proofs: { ...noLog, timestamp: true },
    },
    {
      name: 'cosign 2 keyless attestation, intoto entry',
      cosign: cosign2,
      signer: email,
      attested: PROVENANCE,
      flags: ['--rekor-entry-type', 'intoto'],
    },
    { name: 'cosign 2 P-256 key attestation', cosign: cosign2, signer: p256, attested: PROVENANCE },
    {
      name: 'cosign 2 P-256 key attestation, intoto entry',
      cosign: cosign2,
      signer: p256,
      attested: PROVENANCE,
      flags: ['--rekor-entry-type', 'intoto'],
    },
  ];
  const recorded: RecordedCase[] = [];
  for (const recording of recordings) recorded.push(await record(recording));
  const result: CosignRecord = { trustedRoot: sigstore.trustedRoot, cases: recorded };
  writeFileSync(new URL('../sigstore/cosign.json', import.meta.url), `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await registry.stop();
  await sigstore.stop();
  work.remove();
}

async function allKeys(cosign: Cosign): Promise<Readonly<Record<KeyKind, KeyFiles>>> {
  const imported = (kind: KeyKind) =>
    importKeyPair(cosign, newKeyPair(kind).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  return {
    'P-256': await generateKeyPair(cosign),
    'P-384': await imported('P-384'),
    'P-521': await imported('P-521'),
    'rsa-2048': await imported('rsa-2048'),
    'rsa-4096': await imported('rsa-4096'),
    ed25519: await imported('ed25519'),
  };
}

/**
 * Every other kind of key, as far as cosign writes evidence with it. It refuses its own bundles by Ed25519 keys, and its own `dsse`
 * entries of Rekor v1 by keys on larger curves and by Ed25519 keys: it signs with one hash and checks with another. Rekor v1 refuses
 * what cosign 2 uploads of these for the same reason.
 */
function otherKeys(
  cosign: Cosign,
  cosign2: Cosign,
  keys: Readonly<Record<KeyKind, KeyFiles>>,
): readonly Recording[] {
  return (['P-384', 'P-521', 'rsa-2048', 'rsa-4096', 'ed25519'] as const).flatMap((kind) => {
    const signer = { key: keys[kind] };
    const noLog = { log: 'none' } as const;
    const legacy: readonly Recording[] = [
      { name: `legacy ${kind} key`, cosign, signer, proofs: { legacy: true } },
      { name: `legacy ${kind} key, no log`, cosign, signer, proofs: { ...noLog, legacy: true } },
      { name: `cosign 2 ${kind} key, no log`, cosign: cosign2, signer, proofs: noLog },
      {
        name: `cosign 2 ${kind} key attestation, no log`,
        cosign: cosign2,
        signer,
        attested: PROVENANCE,
        proofs: noLog,
      },
    ];
    const bundles: readonly Recording[] = [
      { name: `${kind} key`, cosign, signer },
      { name: `${kind} key, no log`, cosign, signer, proofs: noLog },
    ];
    const ofRekorV1: readonly Recording[] = [
      { name: `cosign 2 ${kind} key`, cosign: cosign2, signer },
      { name: `${kind} key, Rekor v1`, cosign, signer, proofs: { log: 'v1' } },
      { name: `cosign 2 ${kind} key attestation`, cosign: cosign2, signer, attested: PROVENANCE },
    ];
    return [...legacy, ...(kind === 'ed25519' ? [] : bundles), ...(kind.startsWith('rsa') ? ofRekorV1 : [])];
  });
}

/** A key beside a certificate of a private authority, which cosign uploads with the signature; not in bundles, where it knows Fulcio's only. */
function withCertificate(cosign: Cosign, cosign2: Cosign, key: KeyFiles): readonly Recording[] {
  const period = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2100-01-01T00:00:00Z') };
  const root = makeAuthority({ name: 'Corp Root', ...period });
  const publicKey = createPublicKey(key.publicKeyPem);
  const certificate = makeCertificate({
    subject: distinguishedName('Release'),
    issuer: root,
    publicKey,
    ...period,
    extensions: [
      keyUsage(0x80),
      extendedKeyUsage(EKU_CODE_SIGNING),
      subjectKeyId(publicKey),
      subjectAltName(emailName('release@corp.example')),
    ],
  });
  const trusted = pem('CERTIFICATE', certificate);
  const [certificatePath, chainPath] = [join(work.path, 'corp.crt'), join(work.path, 'corp-chain.crt')];
  writeFileSync(certificatePath, trusted);
  writeFileSync(chainPath, pem('CERTIFICATE', root.der));
  const flags = ['--certificate', certificatePath, '--certificate-chain', chainPath];
  const signer = { key };
  return [
    { name: 'legacy certificate', cosign, signer, flags, trusted, proofs: { legacy: true } },
    { name: 'cosign 2 certificate', cosign: cosign2, signer, flags, trusted },
    {
      name: 'cosign 2 certificate attestation',
      cosign: cosign2,
      signer,
      flags,
      trusted,
      attested: PROVENANCE,
    },
  ];
}

async function record(recording: Recording): Promise<RecordedCase> {
  const { name, cosign, signer, proofs = {}, attested, trusted } = recording;
  const image = await pushImage(registry, 'org/app', { tag: 'v1', content: name });
  const predicatePath = join(work.path, 'predicate.json');
  writeFileSync(predicatePath, '{}');
  await invoke(cosign, [
    ...(attested === undefined ? ['sign'] : ['attest', '--type', attested, '--predicate', predicatePath]),
    ...signerFlags(cosign, signer),
    ...(await serviceFlags(cosign, signer, proofs)),
    ...registryFlags(registry),
    ...(recording.flags ?? []),
    '--yes',
    image.pinned,
  ]);
  const key = 'key' in signer ? signer.key : undefined;
  const publicKey = trusted ?? key?.publicKeyPem;
  return {
    name,
    digest: image.digest,
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(await evidenceOf(name, image, attested === undefined ? '.sig' : '.att')),
  };
}

async function evidenceOf(
  name: string,
  image: PushedImage,
  suffix: '.sig' | '.att',
): Promise<Partial<RecordedCase>> {
  const [referrer] = await referrersOf(image);
  const manifest = await getManifest(
    registry,
    image.repository,
    referrer?.digest ?? evidenceTag(image.digest, suffix),
  );
  const { layers } = JSON.parse(manifest?.bytes.toString() ?? '{"layers":[]}') as { layers: LayerJson[] };
  const [layer] = layers;
  if (layer === undefined) throw new Error(`cosign left nothing to record: ${name}`);
  const blob = (await getBlob(registry, image.repository, layer.digest)).toString('base64');
  if (referrer !== undefined) return { bundle: blob };
  return { [suffix === '.sig' ? 'payload' : 'envelope']: blob, annotations: layer.annotations ?? {} };
}
