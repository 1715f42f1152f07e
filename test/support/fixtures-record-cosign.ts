/**
 * Records what real cosign 2 and 3, Fulcio, Rekor v2 and a timestamp authority make, so that the unit suite verifies it
 * without any of them: `node test/support/fixtures-record-cosign.ts` after `make tools`, then the formatter, rewrites
 * `test/sigstore/cosign.json`.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import {
  attest,
  createCosign,
  generateKeyPair,
  importKeyPair,
  sign,
  type Cosign,
  type KeyFiles,
  type Proofs,
  type Signer,
} from './cosign.ts';
import type { CosignRecord, RecordedCase } from './fixtures-cosign.ts';
import { pushImage } from './images.ts';
import { evidenceTag, getBlob, getManifest, referrersOf, type PushedImage } from './manifests.ts';
import { startRegistry } from './registry.ts';
import { startSigstore } from './sigstore.ts';
import { createWorkDirectory } from './work-dir.ts';

interface LayerJson {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const work = createWorkDirectory('record');
const sigstore = await startSigstore({ workDir: work.path });
const registry = await startRegistry({ mode: 'referrers', workDir: work.path });
try {
  const cosign = createCosign({ workDir: work.path, sigstore });
  const cosign2 = createCosign({ workDir: work.path, sigstore, major: 2 });
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const p256 = await generateKeyPair(cosign);
  const p384 = await importKeyPair(
    cosign,
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pkcs8) as string,
  );
  const rsa = await importKeyPair(
    cosign,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pkcs8) as string,
  );
  const email = { token: await sigstore.emailToken('build@example.com') };
  const workflow = {
    token: await sigstore.workflowToken({
      repository: 'org/app',
      workflow: 'release.yml',
      ref: 'refs/tags/v1.0.0',
    }),
  };
  const legacy = { legacy: true } as const;
  const cases: readonly [string, Cosign, Signer, Proofs][] = [
    ['keyless, e-mail', cosign, email, {}],
    ['keyless, workflow', cosign, workflow, {}],
    ['keyless, Rekor v1', cosign, email, { log: 'v1' }],
    ['keyless, timestamp only', cosign, email, { log: 'none', timestamp: true }],
    ['P-256 key', cosign, { key: p256 }, {}],
    ['P-256 key, Rekor v1', cosign, { key: p256 }, { log: 'v1' }],
    ['P-256 key, no log', cosign, { key: p256 }, { log: 'none' }],
    ['P-384 key, no log', cosign, { key: p384 }, { log: 'none' }],
    ['RSA key', cosign, { key: rsa }, {}],
    ['legacy keyless', cosign, email, legacy],
    ['legacy keyless, timestamp only', cosign, email, { ...legacy, log: 'none', timestamp: true }],
    ['legacy P-256 key', cosign, { key: p256 }, legacy],
    ['legacy P-384 key, no log', cosign, { key: p384 }, { ...legacy, log: 'none' }],
    ['legacy RSA key, no log', cosign, { key: rsa }, { ...legacy, log: 'none' }],
    ['cosign 2 keyless', cosign2, email, {}],
    ['cosign 2 P-256 key', cosign2, { key: p256 }, {}],
  ];
  const recorded: RecordedCase[] = [];
  for (const [name, signing, signer, proofs] of cases) {
    const image = await pushImage(registry, 'org/app', { tag: 'v1', content: name });
    await sign(signing, image, signer, proofs);
    recorded.push(await record(name, image, 'key' in signer ? signer.key : undefined));
  }
  const image = await pushImage(registry, 'org/app', { tag: 'v1', content: 'attested' });
  await attest(cosign, image, workflow, { type: 'https://slsa.dev/provenance/v1', predicate: {} });
  recorded.push(await record('keyless attestation', image, undefined));
  const result: CosignRecord = { trustedRoot: sigstore.trustedRoot, cases: recorded };
  writeFileSync(new URL('../sigstore/cosign.json', import.meta.url), `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await registry.stop();
  await sigstore.stop();
  work.remove();
}

async function record(name: string, image: PushedImage, key: KeyFiles | undefined): Promise<RecordedCase> {
  const [referrer] = await referrersOf(image);
  const manifest = await getManifest(
    registry,
    image.repository,
    referrer?.digest ?? evidenceTag(image.digest, '.sig'),
  );
  const { layers } = JSON.parse(manifest?.bytes.toString() ?? '{"layers":[]}') as { layers: LayerJson[] };
  const [layer] = layers;
  if (layer === undefined) throw new Error(`cosign left nothing to record: ${name}`);
  const blob = await getBlob(registry, image.repository, layer.digest);
  return {
    name,
    digest: image.digest,
    ...(key === undefined ? {} : { publicKey: key.publicKeyPem }),
    ...(referrer === undefined
      ? { payload: blob.toString('base64'), annotations: layer.annotations ?? {} }
      : { bundle: blob.toString('base64') }),
  };
}
