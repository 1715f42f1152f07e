import { expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { LIMITS } from '../../src/limits.ts';
import { Artifacts, type Json } from '../registry/artifacts.ts';
import { evilRegistry } from '../registry/sources.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';
import { createSigstore, publicKeyPem } from '../support/fixtures.ts';
import { homeFolder, verifyHere } from './countersign.ts';

/** Attestations that are found and cannot be read, from the registry to the terminal. */

const SBOM = 'https://spdx.dev/Document';
const sigstore = createSigstore();
const key = newKeyPair();
const bare = { key, log: 'none', timestamp: false } as const;

async function stored() {
  const registry = await evilRegistry();
  const artifacts = new Artifacts(registry);
  const digest = artifacts.image();
  const signer = { publicKey: { pem: publicKeyPem(key) } };
  const policy = join(homeFolder(), 'sbom.yaml');
  writeFileSync(
    policy,
    stringify({
      apiVersion: 'countersign.dev/v1alpha1',
      kind: 'ClusterSigningPolicy',
      metadata: { name: 'sbom' },
      spec: {
        mode: 'Enforce',
        requireSignature: false,
        transparency: { keys: { log: 'Ignored' } },
        attestations: [{ predicateType: SBOM, signers: [signer] }],
      },
    }),
  );
  const verify = () =>
    verifyHere(['--plain-http', registry.host, '--policy', policy, `${registry.host}/org/app@${digest}`]);
  return { artifacts, digest, verify };
}

test('a bundle above the limit: its size and the limit are named; with a good one beside it the image is verified', async () => {
  const { artifacts, digest, verify } = await stored();
  const bundle = JSON.stringify(sigstore.signStatement({ digests: [digest], predicateType: SBOM, ...bare }));
  const size = 1_000_000_000;
  const large = artifacts.bundle(digest, bundle, { layer: { size } });
  artifacts.referrers(digest, [large]);
  const refused = await verify();
  expect(refused.code).toBe(4);
  expect(refused.stdout).toMatch(/referrer sha256:[0-9a-f]{64}: not verified/);
  expect(refused.stdout).toMatch(/✘ it has 1000000000 bytes, and \d+ are accepted .*\[LIMIT\]/);
  expect(refused.stdout).toContain('one that was found is above a limit and was not read. [LIMIT]');
  expect(refused.stdout).toContain('next: attach a smaller one');
  expect(refused.stdout).not.toContain('next: attach it');
  artifacts.referrers(digest, [large, artifacts.bundle(digest, bundle)]);
  const admitted = await verify();
  expect(admitted.code).toBe(0);
  expect(admitted.stdout).toContain(`attestation of type ${SBOM}`);
});

test('an SBOM of 20 MB is verified; one changed byte, and a statement above 32 MiB, are refused', async () => {
  const { artifacts, digest, verify } = await stored();
  const predicate = { noise: 'x'.repeat(20 << 20) };
  const statement = { digests: [digest], predicateType: SBOM, predicate, ...bare };
  const bundle = JSON.stringify(sigstore.signStatement(statement));
  artifacts.referrers(digest, [artifacts.bundle(digest, bundle)]);
  expect((await verify()).code).toBe(0);
  const at = 10_000_000;
  const changed = `${bundle.slice(0, at)}${bundle[at] === 'e' ? 'f' : 'e'}${bundle.slice(at + 1)}`;
  artifacts.referrers(digest, [artifacts.bundle(digest, changed)]);
  const refused = await verify();
  expect(refused.code).toBe(4);
  expect(refused.stdout).toContain('[SIG_INVALID]');
  const layer = { size: LIMITS.attestationBytes + 1 };
  artifacts.referrers(digest, [artifacts.bundle(digest, bundle, { layer })]);
  const above = await verify();
  expect(above.code).toBe(4);
  expect(above.stdout).toContain(`and ${LIMITS.attestationBytes} are accepted`);
  expect(above.stdout).toContain('[LIMIT]');
});

test('an unsigned layer of .att has a line of its own; with a good one after it the image is verified', async () => {
  const { artifacts, digest, verify } = await stored();
  const { envelope, annotations } = sigstore.signEnvelope({
    digests: [digest],
    predicateType: SBOM,
    ...bare,
  });
  const good = artifacts.envelopeLayer(envelope.toString(), { annotations });
  const text = JSON.stringify({ ...(JSON.parse(envelope.toString()) as Json), signatures: [] });
  const unsigned = artifacts.envelopeLayer(text, { annotations });
  artifacts.tagged(digest, 'att', [unsigned]);
  const refused = await verify();
  expect(refused.code).toBe(4);
  expect(refused.stdout).toMatch(/\.att, layer 0: not verified\n.*✘ .*signature/);
  expect(refused.stdout).toContain('one that was found cannot be read');
  artifacts.tagged(digest, 'att', [unsigned, good]);
  expect((await verify()).code).toBe(0);
});
