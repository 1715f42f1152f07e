import { describe, expect, test } from '@jest/globals';
import type { PolicyRules } from '../../src/api/resources.ts';
import { decide } from '../../src/policy/decide.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { explain } from '../../src/policy/explain.ts';
import type { FoundFacts, VerifiedFact } from '../../src/policy/image-facts.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import { attestStatement, githubSigner, OWN_WORKFLOW } from '../slsa/statements.ts';
import {
  codeOf,
  DIGEST,
  factsOf,
  IMAGE,
  KEY_URI,
  keyRef,
  NOW,
  policy,
  publicKey,
  ROOT_CONTEXT,
  signature,
  snapshotWith,
} from './builders.ts';
import {
  attestation,
  attestationDemand,
  attestationsOnly,
  provenance,
  refused,
  SBOM_TYPE,
  SCAN_TYPE,
  slsaOnly,
} from './statement-facts.ts';

/** Evidence that was found and not verified: what a denial and an explanation say of it. */

type Fact = VerifiedFact | RefusedEvidence;

interface Found {
  /** What the registry could not read. */
  readonly unread?: readonly RefusedEvidence[];
  /** What came out of verifying. */
  readonly facts?: readonly Fact[];
}

function judge(rules: Partial<PolicyRules>, { unread = [], facts = [] }: Found) {
  const snapshot = snapshotWith({}, policy({}, rules));
  const [compiled] = snapshot.policies;
  if (compiled === undefined) throw new Error('no policy');
  const found = factsOf({ [ROOT_CONTEXT]: facts }, { refused: unread } satisfies Partial<FoundFacts>);
  const outcome = evaluate(compiled, found, { now: NOW, isPod: true });
  const { kind, namespace, name, mode } = compiled.policy;
  const verdict = { policy: { kind, namespace, name }, mode, outcome };
  const image = {
    image: IMAGE,
    field: 'spec.containers[0].image',
    place: 'container "server"',
    digest: DIGEST,
    isPrivate: false,
    verdicts: [verdict],
  };
  const asked = {
    uid: 'u-1',
    operation: 'CREATE',
    dryRun: false,
    object: { kind: 'Pod', namespace: 'mcp', name: 'server' },
    user: 'jane',
  } as const;
  const { message } = decide(asked, snapshot, [image], []);
  const lines = message.split('\n');
  const told = (label: string) =>
    lines.flatMap((line) => (line.startsWith(`  ${label}:`) ? [line.slice(13)] : []));
  const explanation = explain(
    { image: IMAGE, digest: DIGEST, examined: [{ compiled, facts: found, verdict }] },
    NOW,
  );
  return {
    code: codeOf(outcome),
    codes: outcome.kind === 'violated' ? outcome.violations.map(({ code }) => code) : [],
    first: lines[0],
    message,
    found: told('found'),
    next: told('next')[0],
    evidence: explanation.policies.flatMap(({ subjects }) => subjects.flatMap(({ evidence }) => evidence)),
  };
}

const SBOM = attestationsOnly(attestationDemand());
const LARGE: RefusedEvidence = {
  source: 'referrer large',
  code: 'LIMIT',
  detail: 'it has 28000000 bytes, and 8388608 are accepted',
};
const CUT: RefusedEvidence = {
  source: 'the referrers',
  code: 'LIMIT',
  detail: '1000 of 1300 pieces of evidence were looked at',
  isBound: true,
};

describe('an attestation that cannot be read', () => {
  test('is told with its code before what is missing; beside a good one it does no harm', () => {
    const { codes, first, found, next } = judge(SBOM, { unread: [LARGE] });
    expect(codes).toEqual(['LIMIT', 'ATT_MISSING']);
    expect(first).toBe(
      `Image ghcr.io/org/server:v1 has no attestation of type ${SBOM_TYPE} that policy "mcp-servers" takes: one that was found is above a limit and was not read.`,
    );
    expect(found).toEqual([
      `attestations[0] (${SBOM_TYPE}): not verified: referrer large: it has 28000000 bytes, and 8388608 are accepted [LIMIT]`,
      `attestations[0] (${SBOM_TYPE}): no attestation of type ${SBOM_TYPE} was found for it [ATT_MISSING]`,
    ]);
    expect(next).toBe(
      'attach a smaller one, signed by a signer that ClusterSigningPolicy "mcp-servers" names; or use another version of the image',
    );
    expect(judge(SBOM, { unread: [LARGE], facts: [attestation()] }).code).toBe('verified');
  });

  test.each<[RefusedEvidence['code'], RegExp, RegExp]>([
    [
      'MALFORMED',
      /one that was found cannot be read\.$/,
      /^attach the attestation again with a current tool/,
    ],
    [
      'UNSUPPORTED',
      /is of a form that is not supported\.$/,
      /^attach the attestation again with a current tool/,
    ],
  ])('%s, found by the registry or by a parser', (code, first, next) => {
    const bad = refused({ code, source: 'tag x.att, layer 0' });
    for (const found of [{ unread: [bad] }, { facts: [bad] }]) {
      const told = judge(SBOM, found);
      expect(told.codes).toEqual([code, 'ATT_MISSING']);
      expect(told.first).toMatch(first);
      expect(told.next).toMatch(next);
    }
    expect(judge(SBOM, { facts: [bad, attestation()] }).code).toBe('verified');
  });

  test('what says that it is of another type comes after what is missing; a signature is not told of', () => {
    const other = { ...LARGE, claims: 'attestation', claimedType: SCAN_TYPE } as const;
    expect(judge(SBOM, { unread: [other] }).codes).toEqual(['ATT_MISSING', 'LIMIT']);
    expect(judge(SBOM, { unread: [{ ...other, claimedType: SBOM_TYPE }] }).codes[0]).toBe('LIMIT');
    expect(judge(SBOM, { unread: [{ ...LARGE, claims: 'signature' }] }).codes).toEqual(['ATT_MISSING']);
  });

  test('comes after one that was read and is nearer', () => {
    const stranger = attestation({
      log: { state: 'absent' },
      signer: { ...signature().signer, issuer: 'x' } as never,
    });
    expect(judge(SBOM, { unread: [LARGE], facts: [stranger] }).codes).toEqual(['IDENTITY_MISMATCH', 'LIMIT']);
  });

  test('of provenance: the level stays told, and what to do fits', () => {
    const told = judge(slsaOnly(), { unread: [LARGE] });
    expect(told.codes).toEqual(['LIMIT', 'ATT_MISSING']);
    expect(told.first).toBe(
      'Image ghcr.io/org/server:v1 has no SLSA provenance that counts; policy "mcp-servers" requires level 3: one that was found is above a limit and was not read.',
    );
    expect(told.next).toMatch(/^attach smaller provenance, signed by/);
    expect(judge(slsaOnly(), { unread: [LARGE], facts: [provenance()] }).code).toBe('verified');
    // What was read and falls short is nearer.
    const low = provenance(attestStatement(), { signer: githubSigner(OWN_WORKFLOW) });
    expect(judge(slsaOnly(), { unread: [LARGE], facts: [low] }).codes).toEqual(['SLSA_BUILDER', 'LIMIT']);
  });

  test('of signatures: sign it again, and not by whom', () => {
    const bad: RefusedEvidence = {
      source: 'tag x.sig, layer 0',
      code: 'MALFORMED',
      detail: 'it is not JSON',
    };
    const told = judge({}, { unread: [{ ...bad, claims: 'signature' }] });
    expect(told.codes).toEqual(['MALFORMED']);
    expect(told.found).toEqual(['not verified: tag x.sig, layer 0: it is not JSON [MALFORMED]']);
    expect(told.next).toMatch(/^sign it again with a current tool/);
    expect(judge({}, { unread: [bad], facts: [signature()] }).code).toBe('verified');
  });

  test('remote text is escaped and bounded', () => {
    const detail = `\u001b[31m\n  policy: none ${'x'.repeat(1000)}`;
    const told = judge(SBOM, { unread: [{ ...LARGE, source: 'a\nb', detail, claimedType: '\u001bevil' }] });
    for (const text of ['\u001b', '\n  policy: none', 'evil']) expect(told.message).not.toContain(text);
    expect(told.found.every((line) => line.length < 300)).toBe(true);
  });
});

describe('a bound that was reached', () => {
  const bad = (source: string): RefusedEvidence => ({
    source,
    code: 'SIG_INVALID',
    detail: 'it does not verify',
  });
  const sixty = Array.from({ length: 60 }, (_, index) => bad(`tag x.sig, layer ${index}`));

  test.each<[string, Partial<PolicyRules>, readonly Fact[], RegExp]>([
    ['signatures', {}, sixty, /has no signature that counts: the referrers: 1000 of 1300 pieces/],
    [
      'an attestation',
      SBOM,
      [attestation({ signer: { ...signature().signer, issuer: 'x' } as never })],
      /takes: the referrers: 1000 of 1300/,
    ],
    ['provenance', slsaOnly(), [], /requires level 3: the referrers: 1000 of 1300/],
  ])('F1: is the first line and the first reason of a denial for %s', (_, rules, facts, first) => {
    const told = judge(rules, { unread: [CUT], facts });
    expect(told.first).toMatch(first);
    expect(told.found[0]).toMatch(/the referrers: 1000 of 1300 pieces of evidence were looked at \[LIMIT\]$/);
    expect(told.next).toMatch(/^delete signatures and attestations of this digest that are not needed, or /);
    // Without it the denial is about what was found.
    expect(judge(rules, { facts }).codes).not.toContain('LIMIT');
  });

  test('harms nothing beside evidence that counts, and is not told where it is of another kind', () => {
    expect(judge({}, { unread: [CUT], facts: [signature()] }).code).toBe('verified');
    expect(judge(SBOM, { unread: [CUT], facts: [attestation()] }).code).toBe('verified');
    expect(judge({}, { unread: [{ ...CUT, claims: 'attestation' }] }).codes).toEqual(['SIGNATURE_MISSING']);
    expect(judge(SBOM, { unread: [{ ...CUT, claims: 'signature' }] }).codes).toEqual(['ATT_MISSING']);
  });

  test('a key that cannot be had might have made what was not looked at count', () => {
    const demand = attestationDemand({
      signers: [publicKey(), keyRef(KEY_URI, 'spec.attestations[0].signers[1]')],
    });
    const rules = attestationsOnly(demand);
    expect(judge(rules, {}).code).toBe('ATT_MISSING');
    expect(judge(rules, { unread: [CUT] }).code).toBe('fault KEY_UNAVAILABLE');
    // What cannot be read can be read with no key.
    expect(judge(rules, { unread: [{ ...LARGE, claims: 'attestation' }] }).code).toBe('LIMIT');
  });

  test('F1: what sixty pieces have in common is said once', () => {
    const told = judge(
      {},
      { facts: [...sixty, bad('referrer y'), signature({ digests: [`sha256:${'e'.repeat(64)}`] })] },
    );
    expect(told.codes).toEqual(['DIGEST_MISMATCH', 'SIG_INVALID']);
    expect(told.found[1]).toBe('tag x.sig, layer 0 and 60 more: it does not verify [SIG_INVALID]');
    const strangers = Array.from({ length: 3 }, () =>
      signature({ signer: { kind: 'key', fingerprint: 'sha256:k' } }),
    );
    expect(judge({}, { facts: strangers }).found[0]).toMatch(
      /^3 pieces of evidence: .*\[IDENTITY_MISMATCH\]$/,
    );
    // Different reasons stay apart.
    const { codes } = judge({}, { facts: [bad('a'), { ...bad('b'), detail: 'another reason' }] });
    expect(codes).toEqual(['SIG_INVALID', 'SIG_INVALID']);
  });
});

describe('an explanation', () => {
  const unsigned = refused({
    code: 'MALFORMED',
    source: 'tag x.att, layer 0',
    detail: 'it has no signature',
  });
  const line = { source: 'tag x.att, layer 0', content: undefined, proof: undefined, countsFor: [] };

  test.each<[string, Partial<PolicyRules>]>([
    ['of attestations', SBOM],
    ['of provenance', slsaOnly()],
    [
      'of provenance and signatures',
      { ...slsaOnly(), requireSignature: true, trustedKeys: undefined as never },
    ],
  ])('%s has a line for what cannot be read', (_, given) => {
    const { trustedKeys: keys, ...rules } = given;
    const asked = keys === undefined ? rules : given;
    for (const found of [{ unread: [unsigned] }, { facts: [unsigned] }]) {
      const { evidence } = judge(asked, found);
      expect(evidence).toEqual([
        {
          ...line,
          refusals: [expect.objectContaining({ code: 'MALFORMED', detail: 'it has no signature' })],
        },
      ]);
    }
  });

  test('of attestations has those that were asked for, too; and nothing of other types', () => {
    const { evidence } = judge(SBOM, { facts: [attestation({ source: 'a' }), attestation({}, SCAN_TYPE)] });
    expect(evidence).toMatchObject([
      { source: 'a', content: { kind: 'attestation', predicateType: SBOM_TYPE }, refusals: [] },
    ]);
    expect(judge(slsaOnly(), { facts: [provenance()] }).evidence).toEqual([]);
  });
});
