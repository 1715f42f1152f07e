import { describe, expect, test } from '@jest/globals';
import type { PolicyRules, Resource } from '../../src/api/resources.ts';
import { decide, type Asked } from '../../src/policy/decide.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { VerifiedFact } from '../../src/policy/image-facts.ts';
import { headline, nextStep } from '../../src/policy/message.ts';
import { POLICY_VIOLATION_CODES, type Verdict, type Violation } from '../../src/policy/verdict.ts';
import { REFUSAL_CODES } from '../../src/errors.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import { SLSA_VIOLATION_CODES } from '../../src/slsa/slsa-policy.ts';
import { sources } from '../slsa/judgements.ts';
import {
  attestStatement,
  COMMIT,
  generatorStatement,
  githubSigner,
  GENERATOR,
  OWN_WORKFLOW,
  RELEASED,
  SOURCE,
} from '../slsa/statements.ts';
import {
  certificate,
  DIGEST,
  factsOf,
  HOUR,
  IMAGE,
  keyless,
  NOW,
  policy,
  ROOT_CONTEXT,
  signature,
  snapshotOf,
} from './builders.ts';
import {
  attestation,
  attestationDemand,
  attestationsOnly,
  condition,
  provenance,
  SBOM_TYPE,
  slsaOnly,
} from './statement-facts.ts';

/** What a denial, the audit log and whoever may not see the image are told of provenance and attestations. */

const ASKED: Asked = {
  uid: 'u-1',
  operation: 'CREATE',
  dryRun: false,
  object: { kind: 'Pod', namespace: 'mcp', name: 'server' },
  user: 'jane',
};

function decided(
  rules: Partial<PolicyRules>,
  facts: readonly (VerifiedFact | RefusedEvidence)[],
  { isPrivate = false, resources = [] as readonly Resource[] } = {},
): Decision {
  const snapshot = snapshotOf(policy({}, rules), ...resources);
  const [compiled] = snapshot.policies;
  if (compiled === undefined) throw new Error('no policy');
  const outcome = evaluate(compiled, factsOf({ [ROOT_CONTEXT]: facts }), { now: NOW, isPod: true });
  const { kind, namespace, name, mode } = compiled.policy;
  const image = {
    image: IMAGE,
    field: 'spec.containers[0].image',
    place: 'container "server"',
    digest: DIGEST,
    isPrivate,
  };
  return decide(
    ASKED,
    snapshot,
    [{ ...image, verdicts: [{ policy: { kind, namespace, name }, mode, outcome }] }],
    [],
  );
}

const lines = ({ message }: Decision, name: string): readonly string[] =>
  message.split('\n').flatMap((line) => (line.startsWith(`  ${name}:`) ? [line.slice(13)] : []));

describe('a denial for provenance', () => {
  test('B7: a level that is too low, word for word', () => {
    const source = 'referrer provenance';
    const low = provenance(attestStatement(), { source, signer: githubSigner(OWN_WORKFLOW) });
    const { message } = decided(slsaOnly(), [low]);
    expect(message).toBe(
      [
        `Image ghcr.io/org/server:v1 has SLSA build level 1; policy "mcp-servers" requires 3: builder ${OWN_WORKFLOW} is not among ${GENERATOR}.`,
        '  in:        container "server" (spec.containers[0].image)',
        '  policy:    ClusterSigningPolicy "mcp-servers"',
        `  digest:    ${DIGEST}`,
        `  found:     builder ${OWN_WORKFLOW} is not among ${GENERATOR}; expected one of these [SLSA_BUILDER]`,
        `  expected:  SLSA build level 3, builder ${GENERATOR} at refs/tags/v2.*, source https://github.com/acme/*`,
        '  next:      build it with a builder that ClusterSigningPolicy "mcp-servers" takes, or ask its owners to take this one',
      ].join('\n'),
    );
  });

  test.each<[string, Partial<PolicyRules>, readonly VerifiedFact[], string]>([
    [
      'none at all',
      slsaOnly(),
      [],
      'has SLSA build level 0; policy "mcp-servers" requires 3: no SLSA provenance was found for it, and no verification summary.',
    ],
    [
      'level 2 of 3, by the roster',
      slsaOnly({ builders: [], sources: [] }),
      [provenance(attestStatement(), { signer: githubSigner(OWN_WORKFLOW) })],
      `has SLSA build level 2; policy "mcp-servers" requires 3: builder ${OWN_WORKFLOW} gives level 2: a workflow of the source repository`,
    ],
    [
      'another source, at a level that would do',
      slsaOnly({ sources: sources('https://github.com/evil/*') }),
      [provenance()],
      `has SLSA build level 3, which is enough for policy "mcp-servers", but not what it asks for: source ${SOURCE} (owner 123456, repository 474793590); expected https://github.com/evil/*.`,
    ],
  ])('the headline of %s', (_, rules, facts, expected) => {
    const [first] = decided(rules, facts).message.split('\n');
    expect(first?.startsWith(`Image ghcr.io/org/server:v1 ${expected}`)).toBe(true);
  });

  test('an unsigned image is unsigned first, and its provenance is told as well', () => {
    const rules = { ...slsaOnly(), requireSignature: true, trustedKeys: [keyless()] };
    const { message } = decided(rules, []);
    expect(message.split('\n')[0]).toBe('Image ghcr.io/org/server:v1 is not signed. Signature required.');
    expect(message).toContain('[ATT_MISSING]');
    // And what is expected is what the first line is about.
    expect(lines(decided(rules, []), 'expected')[0]).toMatch(/^a signature by/);
    expect(lines(decided(rules, [signature()]), 'expected')[0]).toMatch(/^SLSA build level 3, builder/);
  });

  test('a reusable workflow at a branch: why, and the entry that its owners would write', () => {
    const shared = 'https://github.com/acme/shared/.github/workflows/build.yml';
    const at = (ref: string) => {
      const workflow = `${shared}@${ref}`;
      const fact = provenance(attestStatement(workflow), { signer: githubSigner(workflow) });
      return decided(slsaOnly({ builders: [] }), [fact]);
    };
    expect(at('refs/tags/v3.0.0').allowed).toBe(true);
    const denied = at('refs/heads/main');
    expect(denied.allowed).toBe(false);
    expect(denied.message.split('\n')[0]).toBe(
      `Image ghcr.io/org/server:v1 has SLSA build level 2; policy "mcp-servers" requires 3: builder ${shared}@refs/heads/main gives level 2: a reusable workflow, but refs/heads/main is a branch, not a released version such as refs/tags/v1.2.3.`,
    );
    expect(lines(denied, 'next')).toEqual([
      `build it with a builder that ClusterSigningPolicy "mcp-servers" takes, or ask its owners to write slsa.builders: [{id: "${shared}", refs: ["refs/heads/main"], level: 3}]`,
    ]);
  });

  test('a statement that forges lines cannot', () => {
    const id = `https://evil.example/\n  policy:    none\u001b[31m`;
    const evil = provenance(generatorStatement(undefined, id), { signer: certificate() });
    const { message } = decided(slsaOnly(), [evil]);
    expect(message.split('\n').filter((line) => line.startsWith('  policy:'))).toHaveLength(1);
    expect(message).not.toContain('\u001b');
  });
});

describe('a denial for an attestation', () => {
  const CLEAN = condition('size(predicate.critical) == 0', 'the scan has no critical finding');
  const demand = attestationDemand({ conditions: [CLEAN], maxAge: 48 * HOUR });

  test('that says otherwise, word for word', () => {
    const conditions = new Map([[CLEAN.source, { holds: false, why: 'it is false' } as const]]);
    const decision = decided(attestationsOnly(demand), [
      attestation({ source: 'referrer scan', conditions }),
    ]);
    expect(decision.message.split('\n')[0]).toBe(
      `Image ghcr.io/org/server:v1 has no attestation of type ${SBOM_TYPE} that policy "mcp-servers" takes: referrer scan: the scan has no critical finding (it is false).`,
    );
    expect(lines(decision, 'found')).toEqual([
      `attestations[0] (${SBOM_TYPE}): referrer scan: the scan has no critical finding (it is false) [ATT_CONDITION]`,
    ]);
    expect(lines(decision, 'expected')).toEqual([
      `an attestation of type ${SBOM_TYPE} by build@example.com (issuer https://accounts.google.com) [attestations[0].signers[0]]; the scan has no critical finding; not older than 48 h`,
    ]);
    expect(lines(decision, 'next')).toEqual([
      'mend what it tells of and attest again, or use another version of the image',
    ]);
  });

  test('that is not there, word for word', () => {
    const decision = decided(attestationsOnly(demand), []);
    expect(decision.message.split('\n')[0]).toBe(
      `Image ghcr.io/org/server:v1 has no attestation of type ${SBOM_TYPE}; policy "mcp-servers" requires one.`,
    );
    expect(lines(decision, 'next')).toEqual([
      'attach it to this digest, signed by a signer that ClusterSigningPolicy "mcp-servers" names; or use an image that has it',
    ]);
  });

  test('by a stranger: it is not the image that is "signed, but"', () => {
    const stranger = attestation({
      source: 'referrer s',
      signer: certificate({ names: [{ type: 'email', value: 'evil@example.com' }] }),
    });
    const decision = decided(attestationsOnly(attestationDemand()), [stranger]);
    expect(decision.codes).toEqual(['IDENTITY_MISMATCH']);
    expect(decision.message).not.toMatch(/is signed|a signature of/);
    expect(lines(decision, 'next')).toEqual([
      'have the attestation made again, by a signer that ClusterSigningPolicy "mcp-servers" names',
    ]);
  });
});

describe('every code', () => {
  const asked = { kind: 'ClusterSigningPolicy', namespace: undefined, name: 'p' } as const;
  const verdict = (violation: Violation): Verdict => ({
    policy: asked,
    mode: 'Enforce',
    outcome: { kind: 'violated', violations: [violation] },
  });
  const rows = [...REFUSAL_CODES, ...SLSA_VIOLATION_CODES, ...POLICY_VIOLATION_CODES].flatMap((code) =>
    ([undefined, 'provenance', 'attestation'] as const).map((about) => [code, about] as const),
  );
  test.each(rows)('%s (about %s) has a headline and a next step of its own matter', (code, about) => {
    const of = verdict({ code, detail: 'x', ...(about !== undefined && { about }) });
    const words = headline({ image: 'a' }, of);
    expect(words).toMatch(/^Image a .+\.$/);
    const next = nextStep({ image: 'a', digest: undefined }, of);
    expect(next).not.toBe('');
    if (about === undefined || code === 'SIGNATURE_MISSING') return;
    // What is wrong with a statement does not make the image unsigned, or signed by somebody else.
    expect(words).not.toMatch(/signed/);
    expect(next).not.toMatch(/^have it signed|^sign it/);
  });

  test('of provenance and attestations tells what to do about just that', () => {
    const steps = [...SLSA_VIOLATION_CODES, 'ATT_CONDITION' as const].map((code) =>
      nextStep({ image: 'a', digest: undefined }, verdict({ code, detail: 'x', about: 'provenance' })),
    );
    expect(new Set(steps).size).toBe(6);
  });
});

describe('who may not see the image', () => {
  const FOUND = [
    SOURCE,
    OWN_WORKFLOW,
    RELEASED,
    COMMIT,
    'refs/heads/main',
    '474793590',
    'build level 1',
    'build level 2',
  ];
  const answer = ({ message, warnings, auditAnnotations, codes }: Decision): string =>
    JSON.stringify({ message, warnings, auditAnnotations, codes });

  test.each<[string, readonly VerifiedFact[]]>([
    ['verified', [provenance()]],
    ['violated', [provenance(attestStatement(), { signer: githubSigner(OWN_WORKFLOW) })]],
  ])('D6: is told the code of what is %s, and nothing of its provenance', (_, facts) => {
    const [open, closed] = [decided(slsaOnly(), facts), decided(slsaOnly(), facts, { isPrivate: true })];
    expect(FOUND.some((text) => answer(open).includes(text))).toBe(true);
    for (const text of FOUND) expect(answer(closed)).not.toContain(text);
    expect(closed).toMatchObject({ allowed: open.allowed, codes: open.codes });
    // What the policy asks is the policy's.
    expect(lines(closed, 'expected')).toEqual(lines(open, 'expected'));
    expect(lines(closed, 'next')).toEqual(lines(open, 'next'));
  });

  test('D6: of an attestation by a stranger the headline still speaks of an attestation', () => {
    const stranger = attestation({
      signer: certificate({ names: [{ type: 'email', value: 'evil@example.com' }] }),
    });
    const { message } = decided(attestationsOnly(attestationDemand()), [stranger], { isPrivate: true });
    expect(message.split('\n')[0]).toBe('Image ghcr.io/org/server:v1 has no attestation that counts.');
    expect(message).not.toContain('evil@example.com');
  });
});

describe('the audit annotation', () => {
  const verdictsOf = ({ auditAnnotations }: Decision): unknown =>
    JSON.parse(auditAnnotations['verdicts'] ?? '');
  test('has level, builder, source and ref of what was verified', () => {
    expect(verdictsOf(decided(slsaOnly(), [provenance()]))).toMatchObject([
      {
        outcome: 'verified',
        provenance: { level: 3, builder: RELEASED, source: SOURCE, ref: 'refs/heads/main' },
      },
    ]);
    expect(verdictsOf(decided({}, [signature()]))).toEqual([
      expect.not.objectContaining({ provenance: expect.anything() }),
    ]);
  });

  test('with what a statement says escaped and bounded', () => {
    const builder = `https://tekton.example.com/\u202e${'x'.repeat(1500)}`;
    const rules = slsaOnly({ requiredLevel: 1, builders: [], sources: [] });
    const [verdict] = verdictsOf(decided(rules, [provenance(generatorStatement(undefined, builder))])) as {
      readonly provenance: { readonly builder: string };
    }[];
    expect(verdict?.provenance.builder).toMatch(/^https:\/\/tekton\.example\.com\/\\u\{202e\}x+…$/);
    expect(verdict?.provenance.builder.length).toBe(256);
  });
});
