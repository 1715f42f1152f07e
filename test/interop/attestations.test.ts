import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { sign } from '../support/cosign.ts';
import { cosignVerdict } from '../support/cosign-verify.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import {
  ATTESTERS,
  attestBy,
  changesOf,
  isRefusedByMaker,
  proofsOf,
  PROVENANCE,
  signerFor,
  signerOf,
  titleOf,
  type Attester,
} from './attestations.ts';
import { changed } from './changes.ts';
import { PROOFS, type Proof } from './dimensions.ts';
import { ownVerdict } from './own-verdict.ts';
import { table, withTables } from './page.ts';
import { CODES } from './result.ts';
import { BUILDER, expectedOf, startStage, writePolicy, type Stage } from './stage.ts';
import { readEvidence, storeEvidence } from './stored-evidence.ts';

/** Attestations of real tools: facts that a policy may ask for, and never signatures. */
const PAGE = resolve(import.meta.dirname, '../../docs/compatibility.md');
const work = createWorkDirectory('interop-attestations');
let stage: Stage;
const rows: string[][] = [];

beforeAll(async () => {
  stage = await startStage(work.path);
}, 120_000);
afterAll(async () => {
  await stage.stop();
  work.remove();
});

const slugOf = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');

function imageOf(name: string, kind: string): Promise<PushedImage> {
  return pushImage(stage.registries.referrers, `${slugOf(name)}/${kind}`, { content: slugOf(name) });
}

/** Whether cosign accepts it as the attestation, or as a signature. */
async function cosignAccepts(attester: Attester, image: PushedImage, as: 'attestation' | 'signature') {
  const { accepted } = await cosignVerdict(stage.cosign[attester.major], image, {
    expected: expectedOf(stage, attester.who),
    proofs: proofsOf(attester),
    ...(as === 'attestation' && { attestationType: PROVENANCE }),
  });
  return accepted;
}

async function ownSays({ who, proof }: Attester, image: PushedImage, requireSignature: boolean) {
  const policy = writePolicy(stage, who, proof, { attestationType: PROVENANCE, requireSignature });
  return ownVerdict(policy, image);
}

describe('attestations', () => {
  test.each(ATTESTERS.map((attester) => [titleOf(attester), attester] as const))(
    'B2: %s: verified as an attestation, and no signature',
    async (title, attester) => {
      const image = await imageOf(title, 'attested');
      await attestBy(stage, attester, image);
      const accepts = await cosignAccepts(attester, image, 'attestation');
      expect(accepts).toBe(!isRefusedByMaker(attester));
      const alone = await ownSays(attester, image, false);
      expect([alone.verdict, alone.code]).toEqual(['verified', undefined]);
      const signed = await ownSays(attester, image, true);
      expect([signed.verdict, signed.code]).toEqual(['violated', 'SIGNATURE_MISSING']);
      const [found, ...others] = signed.explanation.policies[0]?.subjects[0]?.evidence ?? [];
      expect(others).toEqual([]);
      expect(found?.content).toEqual({ kind: 'attestation', predicateType: PROVENANCE });
      rows.push([
        attester.name,
        attester.proof.name,
        signerOf(attester.who),
        '✔',
        accepts ? 'accepts' : 'refuses',
        '`SIGNATURE_MISSING`',
        (await cosignAccepts(attester, image, 'signature')) ? 'accepts' : 'refuses',
      ]);

      for (const change of changesOf(attester)) {
        const other = changed(await readEvidence(image, image, '.att'), change);
        if (other === undefined) throw new Error(`${title} has no ${change}`);
        const bad = await imageOf(title, slugOf(change));
        await storeEvidence(bad, bad, other, '.att');
        if (accepts)
          expect([change, await cosignAccepts(attester, bad, 'attestation')]).toEqual([change, false]);
        const own = await ownSays(attester, bad, false);
        // Before it, "attestation missing" where nobody is proven to have signed.
        const code = own.explanation.policies[0]?.reasons.at(-1)?.code;
        expect([change, own.verdict, code]).toEqual([change, 'violated', CODES[change]]);
      }

      const signer = await signerFor(stage, attester.who);
      await sign(stage.cosign[attester.major], image, signer, proofsOf(attester));
      const both = await ownSays(attester, image, true);
      expect([both.verdict, both.code]).toEqual(['verified', undefined]);
    },
  );

  test('docs/compatibility.md shows what was seen (make compatibility rewrites it)', () => {
    const page = readFileSync(PAGE, 'utf8');
    const head = [
      'attested with',
      'proof',
      'signer',
      'attestation',
      '`cosign verify-attestation`',
      'as a signature',
      '`cosign verify` of the same',
    ];
    const seen = withTables(page, { attestations: table(head, rows) });
    if (process.env['WRITE_COMPATIBILITY'] === '1') writeFileSync(PAGE, seen);
    else expect(page).toBe(seen);
  });
});

const kinds: readonly (readonly [string, 2 | 3, boolean, Proof])[] = [
  ['a tag .sig', 2, true, PROOFS.v1],
  ['a bundle', 3, false, PROOFS.v2Stamped],
];

describe('signatures that are moved', () => {
  test.each(kinds)('A24: %s of another image is refused by both', async (name, major, legacy, proof) => {
    const signed = await imageOf(name, 'signed');
    const other = await pushImage(stage.registries.referrers, `${slugOf(name)}/other`, {
      content: 'another',
    });
    const token = await stage.sigstore.emailToken(BUILDER);
    const proofs = { legacy, log: proof.log, timestamp: proof.timestamp };
    await sign(stage.cosign[major], signed, { token }, proofs);
    await storeEvidence(other, other, await readEvidence(signed, signed));
    const policy = writePolicy(stage, 'keyless', proof);
    const own = await Promise.all([ownVerdict(policy, signed), ownVerdict(policy, other)]);
    expect(own.map(({ verdict, code }) => [verdict, code])).toEqual([
      ['verified', undefined],
      ['violated', 'DIGEST_MISMATCH'],
    ]);
    const demand = { expected: expectedOf(stage, 'keyless'), proofs };
    expect((await cosignVerdict(stage.cosign[major], signed, demand)).accepted).toBe(true);
    expect((await cosignVerdict(stage.cosign[major], other, demand)).accepted).toBe(false);
  });
});

test('a certificate of a private authority that nobody dated counts where the policy names the certificate itself', async () => {
  const { keys, corporation } = stage;
  const image = await imageOf('pinned certificate', 'signed');
  await sign(
    stage.cosign[2],
    image,
    { key: keys['P-256'] },
    {
      log: 'none',
      timestamp: false,
      flags: ['--certificate', corporation.certificatePath, '--certificate-chain', corporation.chainPath],
    },
  );
  const named = { publicKey: { pem: readFileSync(corporation.certificatePath, 'utf8') } };
  const verdicts = [
    await ownVerdict(writePolicy(stage, 'certificate', PROOFS.none), image),
    await ownVerdict(writePolicy(stage, 'certificate', PROOFS.none, { trusted: named }), image),
  ];
  expect(verdicts.map(({ verdict, code }) => [verdict, code])).toEqual([
    ['violated', 'TIME_UNTRUSTED'],
    ['verified', undefined],
  ]);
});
