import { describe, expect, test } from '@jest/globals';
import type { PolicyRules } from '../../src/api/resources.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { ImageFacts, VerifiedFact } from '../../src/policy/image-facts.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import {
  codeOf,
  factsOf,
  keyless,
  NOW,
  OTHER_DIGEST,
  policy,
  ROOT_CONTEXT,
  signature,
  snapshotOf,
  DIGEST,
  exactText,
  certificate,
} from './builders.ts';
import {
  attestation,
  attestationDemand,
  attestationsOnly,
  provenance,
  SCAN_TYPE,
  slsaDemand,
  slsaOnly,
} from './statement-facts.ts';

/** Signatures, provenance and attestations are requirements of their own: all that a policy asks must hold. */

type Fact = VerifiedFact | RefusedEvidence;

function judge(
  rules: Partial<PolicyRules>,
  facts: readonly Fact[],
  overrides: Partial<ImageFacts> = {},
): Outcome {
  const [compiled] = snapshotOf(policy({}, rules)).policies;
  if (compiled === undefined) throw new Error('no policy');
  return evaluate(compiled, factsOf({ [ROOT_CONTEXT]: facts }, overrides), { now: NOW, isPod: true });
}

const PIECES = ['signature', 'provenance', 'attestation'] as const;
type Piece = (typeof PIECES)[number];

const EVIDENCE: Readonly<Record<Piece, () => VerifiedFact>> = {
  signature: () => signature(),
  provenance: () => provenance(),
  attestation: () => attestation(),
};

const DEMANDS: Readonly<Record<Piece, Partial<PolicyRules>>> = {
  signature: { requireSignature: true, trustedKeys: [keyless()] },
  provenance: { slsa: slsaDemand() },
  attestation: { attestations: [attestationDemand()] },
};

const MISSING: Readonly<Record<Piece, string>> = {
  signature: 'SIGNATURE_MISSING',
  provenance: 'ATT_MISSING',
  attestation: 'ATT_MISSING',
};

const SUBSETS: readonly (readonly Piece[])[] = Array.from({ length: 8 }, (_, bits) =>
  PIECES.filter((__, index) => (bits & (1 << index)) !== 0),
);

function asking(pieces: readonly Piece[]): Partial<PolicyRules> {
  const nothing: Partial<PolicyRules> = { requireSignature: false, trustedKeys: [] };
  return pieces.reduce((rules, piece) => ({ ...rules, ...DEMANDS[piece] }), nothing);
}

describe('one piece of evidence never stands in for another kind', () => {
  const rows = SUBSETS.filter((asked) => asked.length > 0).flatMap((asked) =>
    SUBSETS.map((found) => [asked.join(' and '), found.join(' and ') || 'nothing', asked, found] as const),
  );
  test.each(rows)('A24, B1, B2: %s asked, %s found', (_, __, asked, found) => {
    const facts = found.map((piece) => EVIDENCE[piece]());
    const lacking = asked.filter((piece) => !found.includes(piece));
    for (const order of [facts, facts.toReversed()]) {
      const outcome = judge(asking(asked), order);
      const codes = outcome.kind === 'violated' ? outcome.violations.map(({ code }) => code) : [];
      expect([...new Set(codes)]).toEqual([...new Set(lacking.map((piece) => MISSING[piece]))]);
      expect(outcome.kind).toBe(lacking.length === 0 ? 'verified' : 'violated');
    }
  });

  test('what is verified tells who signed, and how it was built', () => {
    const outcome = judge(asking(PIECES), [signature(), provenance(), attestation()]);
    expect(outcome).toMatchObject({
      kind: 'verified',
      signers: [{ entry: 'trustedKeys[0]' }, { entry: 'attestations[0].signers[0]' }],
      provenance: { level: 3, source: 'https://github.com/acme/app', ref: 'refs/heads/main' },
    });
    expect(judge(asking(['signature']), [signature(), provenance()])).not.toHaveProperty('provenance');
  });

  test('B2: an SBOM is no scan, by type, byte for byte', () => {
    const rules = attestationsOnly(attestationDemand({ predicateType: SCAN_TYPE }));
    expect(codeOf(judge(rules, [attestation({}, SCAN_TYPE)]))).toBe('verified');
    for (const type of [`${SCAN_TYPE}/`, SCAN_TYPE.toUpperCase(), SCAN_TYPE.slice(0, -1), `${SCAN_TYPE} `]) {
      expect(codeOf(judge(rules, [attestation({}, type)]))).toBe('ATT_MISSING');
    }
  });

  test('several attestations: each must be there', () => {
    const scan = attestationDemand({ field: 'spec.attestations[1]', predicateType: SCAN_TYPE });
    const rules = attestationsOnly(attestationDemand(), scan);
    const [sbom, found] = [attestation(), attestation({}, SCAN_TYPE)];
    for (const order of [
      [sbom, found],
      [found, sbom],
    ])
      expect(codeOf(judge(rules, order))).toBe('verified');
    const lacking = judge(rules, [sbom]);
    expect(lacking).toMatchObject({
      violations: [{ code: 'ATT_MISSING', detail: expect.stringContaining('attestations[1] (') }],
    });
  });

  test('attestations and provenance never make up a threshold', () => {
    const two = {
      trustedKeys: [
        keyless(),
        keyless({ field: 'spec.trustedKeys[1]', subject: exactText('second@example.com') }),
      ],
      threshold: 2,
    };
    const second = certificate({ names: [{ type: 'email', value: 'second@example.com' }] });
    expect(codeOf(judge(two, [signature(), signature({ signer: second })]))).toBe('verified');
    const without = judge(two, [signature(), attestation({ signer: second }), provenance()]);
    expect(codeOf(without)).toBe('THRESHOLD');
    // And one attestation is enough, whatever the threshold.
    const both = { ...two, attestations: [attestationDemand()] };
    expect(codeOf(judge(both, [signature(), signature({ signer: second }), attestation()]))).toBe('verified');
  });
});

describe('violated > faulted > verified, across what a policy asks', () => {
  const down = { code: 'REGISTRY_UNREACHABLE', detail: 'down' } as const;
  const fault: Partial<ImageFacts> = { faults: [down] };
  test.each<[string, readonly Piece[], string, string]>([
    ['all found', PIECES, 'verified', 'verified'],
    ['no signature', ['provenance', 'attestation'], 'SIGNATURE_MISSING', 'fault REGISTRY_UNREACHABLE'],
    ['no provenance', ['signature', 'attestation'], 'ATT_MISSING', 'fault REGISTRY_UNREACHABLE'],
    ['no attestation', ['signature', 'provenance'], 'ATT_MISSING', 'fault REGISTRY_UNREACHABLE'],
    ['nothing', [], 'SIGNATURE_MISSING', 'fault REGISTRY_UNREACHABLE'],
  ])('%s: with an answer, and with a registry that gives half of one', (_, found, whole, half) => {
    const facts = found.map((piece) => EVIDENCE[piece]());
    expect(codeOf(judge(asking(PIECES), facts))).toBe(whole);
    expect(codeOf(judge(asking(PIECES), facts, fault))).toBe(half);
  });

  test('what no evidence can mend is a no, whatever else nobody can tell', () => {
    const broken = attestationDemand({ signers: [{ kind: 'signerRef', field: 'x', name: 'nobody' }] });
    const rules = { ...asking(['signature']), attestations: [broken] };
    expect(codeOf(judge(rules, [], fault))).toBe('POLICY_INVALID');
    expect(codeOf(judge({ ...rules, attestations: [attestationDemand()] }, [], fault))).toBe(
      'fault REGISTRY_UNREACHABLE',
    );
  });
});

describe('several platforms', () => {
  const INDEX: Partial<PolicyRules> = { ...slsaOnly(), multiArch: 'IndexAndPlatforms' };
  const of = (digest: string, ...facts: Fact[]) => ({
    digest,
    platform: 'linux/arm64',
    byContext: new Map([[ROOT_CONTEXT, facts]]),
    refused: [],
    faults: [],
  });
  const platforms = (...each: ReturnType<typeof of>[]): Partial<ImageFacts> => ({
    platforms: { kind: 'known', platforms: each },
  });
  const ofChild = { digests: [OTHER_DIGEST] };

  test('IndexAndPlatforms asks provenance of each platform as well', () => {
    const child = of(OTHER_DIGEST, provenance(undefined, ofChild));
    expect(codeOf(judge(INDEX, [provenance()], platforms(child)))).toBe('verified');
    const bare = judge(INDEX, [provenance()], platforms(of(OTHER_DIGEST)));
    expect(codeOf(bare)).toBe('ATT_MISSING');
    expect(bare).toMatchObject({
      violations: [{ detail: expect.stringContaining(`platform linux/arm64 (${OTHER_DIGEST})`) }],
    });
    // Provenance of the index is none of the platform's, though it is found beside it.
    expect(codeOf(judge(INDEX, [provenance()], platforms(of(OTHER_DIGEST, provenance()))))).toBe(
      'DIGEST_MISMATCH',
    );
    expect(codeOf(judge({ ...INDEX, multiArch: 'Index' }, [provenance()], platforms(of(OTHER_DIGEST))))).toBe(
      'verified',
    );
  });

  test('IndexAndPlatforms asks attestations of each platform as well', () => {
    const rules = { ...attestationsOnly(attestationDemand()), multiArch: 'IndexAndPlatforms' as const };
    const child = of(OTHER_DIGEST, attestation(ofChild));
    expect(codeOf(judge(rules, [attestation()], platforms(child)))).toBe('verified');
    expect(codeOf(judge(rules, [attestation()], platforms(of(OTHER_DIGEST))))).toBe('ATT_MISSING');
    expect(codeOf(judge(rules, [], platforms(child)))).toBe('ATT_MISSING');
  });

  test('acceptMembership: provenance of the index that holds the image counts, and of no other digest', () => {
    const rules: Partial<PolicyRules> = { ...slsaOnly(), acceptMembership: true };
    const parent = (...facts: Fact[]): Partial<ImageFacts> => ({
      parent: {
        kind: 'known',
        digest: OTHER_DIGEST,
        byContext: new Map([[ROOT_CONTEXT, facts]]),
        refused: [],
        faults: [],
      },
    });
    const ofIndex = provenance(undefined, ofChild);
    expect(codeOf(judge(rules, [], parent(ofIndex)))).toBe('verified');
    expect(codeOf(judge({ ...rules, acceptMembership: false }, [], parent(ofIndex)))).toBe('ATT_MISSING');
    expect(
      codeOf(judge(rules, [], parent(provenance(undefined, { digests: [`sha256:${'f'.repeat(64)}`] })))),
    ).toBe('ATT_MISSING');
    // Beside the child, the index's provenance is about another image.
    expect(codeOf(judge(rules, [ofIndex], parent()))).toBe('DIGEST_MISMATCH');
    // Each requirement for itself: the signature of the child, the provenance of its index.
    const both = { ...rules, requireSignature: true, trustedKeys: [keyless()] };
    expect(codeOf(judge(both, [signature()], parent(ofIndex)))).toBe('verified');
    expect(codeOf(judge(both, [], parent(ofIndex)))).toBe('SIGNATURE_MISSING');
  });

  test('a revoked digest is refused whatever its provenance', () => {
    expect(codeOf(judge(slsaOnly(), [provenance()]))).toBe('verified');
    expect(codeOf(judge({ ...slsaOnly(), revokedDigests: new Set([DIGEST]) }, [provenance()]))).toBe(
      'DIGEST_REVOKED',
    );
  });
});
