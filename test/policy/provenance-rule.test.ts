import { describe, expect, test } from '@jest/globals';
import type { PolicyRules, Resource } from '../../src/api/resources.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { ImageFacts, VerifiedFact } from '../../src/policy/image-facts.ts';
import type { CompiledPolicy } from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import { CHAINS, sources } from '../slsa/judgements.ts';
import {
  attestStatement,
  builder,
  DAY,
  generatorStatement,
  githubSigner,
  OWN_WORKFLOW,
  RELEASED,
  SOURCE,
  TEKTON_BUILDER,
  tektonV1Statement,
} from '../slsa/statements.ts';
import {
  rules as policyRules,
  certificate,
  codeOf,
  DIGEST,
  factsOf,
  HOUR,
  KEY,
  KEY_CONTEXT,
  KEY_URI,
  keyIdentity,
  keyless,
  keyRef,
  keysKnown,
  NOT_READ,
  NOW,
  OTHER_DIGEST,
  OTHER_KEY,
  policy,
  publicKey,
  root,
  ROOT_CONTEXT,
  rootKnown,
  signature,
  signer,
  snapshotWith,
  trustRoot,
  type Elsewhere,
} from './builders.ts';
import { attestation, provenance, refused, slsaOnly, summary } from './statement-facts.ts';

/** What a policy's `slsa` makes of facts: who may sign, proofs, roots and keys that cannot be had. */

type Fact = VerifiedFact | RefusedEvidence;
type Contexts = Readonly<Record<string, readonly Fact[]>>;

interface World {
  readonly rules?: Partial<PolicyRules>;
  readonly resources?: readonly Resource[];
  readonly elsewhere?: Elsewhere;
  readonly facts?: Partial<ImageFacts>;
  readonly now?: number;
}

function compiled({ rules = slsaOnly(), resources = [], elsewhere = {} }: World): CompiledPolicy {
  const [only] = snapshotWith(elsewhere, policy({}, rules), ...resources).policies;
  if (only === undefined) throw new Error('no policy');
  return only;
}

function judge(contexts: Contexts | readonly Fact[], world: World = {}): Outcome {
  const byContext = Array.isArray(contexts)
    ? { [ROOT_CONTEXT]: contexts as readonly Fact[] }
    : (contexts as Contexts);
  return evaluate(compiled(world), factsOf(byContext, world.facts ?? {}), {
    now: world.now ?? NOW,
    isPod: true,
  });
}

const codes = (outcome: Outcome): readonly string[] =>
  outcome.kind === 'violated' ? outcome.violations.map(({ code }) => code) : [codeOf(outcome)];

const TRANSPARENCY = policyRules().transparency;

/** A Tekton installation that signs with a key. */
const TEKTON = signer({
  name: 'tekton-chains',
  identity: { ...publicKey(KEY, 'spec'), field: 'spec' } as never,
});
const BY_TEKTON = slsaOnly({ requiredLevel: 2, builders: [CHAINS], sources: sources(SOURCE) });
const tekton = (overrides: Partial<VerifiedFact> = {}): VerifiedFact =>
  provenance(tektonV1Statement(), { signer: keyIdentity(KEY), ...overrides });

describe('who may sign provenance', () => {
  test('B7: the builder itself; never a signer of trustedKeys as such', () => {
    const rules: Partial<PolicyRules> = {
      ...slsaOnly(),
      requireSignature: true,
      trustedKeys: [keyless(), publicKey(KEY, 'spec.trustedKeys[1]')],
    };
    const signed = signature();
    expect(codeOf(judge([signed, provenance()], { rules }))).toBe('verified');
    // The one whom trustedKeys names signs both.
    expect(codes(judge([signed, provenance(undefined, { signer: certificate() })], { rules }))).toEqual([
      'SLSA_BUILDER',
      'SLSA_SOURCE',
    ]);
    const byKey = provenance(undefined, { signer: keyIdentity() });
    const both = { [ROOT_CONTEXT]: [signed], [KEY_CONTEXT]: [byKey] };
    expect(codes(judge(both, { rules }))).toEqual(['ATT_MISSING']);
  });

  test("B7: a builder's signerRef: that signer, and no other", () => {
    const world = { rules: BY_TEKTON, resources: [TEKTON] };
    expect(codeOf(judge({ [KEY_CONTEXT]: [tekton()] }, world))).toBe('verified');
    const other = signer({ name: 'other', identity: publicKey(KEY, 'spec') as never });
    const rules = {
      ...BY_TEKTON,
      trustedKeys: [keyless(), publicKey(KEY, 'spec.trustedKeys[1]')],
      requireSignature: true,
    };
    const facts = { [ROOT_CONTEXT]: [signature()], [KEY_CONTEXT]: [tekton()] };
    expect(codeOf(judge(facts, { rules, resources: [TEKTON] }))).toBe('verified');
    // The same key under another name, and in trustedKeys, is not the builder's.
    expect(codes(judge(facts, { rules, resources: [other] }))).toEqual(['POLICY_INVALID']);
  });

  test.each<[string, Parameters<typeof signer>[0], string]>([
    ['disabled', { enabled: false }, 'SIGNER_DISABLED'],
    ['expired', { expiresAt: NOW }, 'SIGNER_EXPIRED'],
    ['retired before', { signedNotAfter: NOW - 2 * HOUR }, 'SIGNER_EXPIRED'],
  ])("a builder's signer that is %s speaks for nobody, and the denial says so", (_, changes, code) => {
    const good = { rules: BY_TEKTON, resources: [TEKTON] };
    expect(codeOf(judge({ [KEY_CONTEXT]: [tekton()] }, good))).toBe('verified');
    const bad = { rules: BY_TEKTON, resources: [{ ...TEKTON, ...changes }] };
    expect(codes(judge({ [KEY_CONTEXT]: [tekton()] }, bad))).toEqual(['ATT_MISSING', code]);
  });

  test('B7: a signer whom the policy names for one builder speaks neither for another nor for a verifier', () => {
    const other = signer({ name: 'other', identity: publicKey(OTHER_KEY, 'spec') as never });
    const byOther = { signer: keyIdentity(OTHER_KEY) };
    const otherContext = `key ${OTHER_KEY.fingerprint} root-1`;
    const rules = slsaOnly({
      requiredLevel: 2,
      builders: [CHAINS, builder('https://ci.example.com', { signerRef: 'other' })],
      sources: [],
      verifiers: [{ id: 'https://verifier.example.com', signerRef: 'tekton-chains', policyUri: undefined }],
    });
    const world = { rules, resources: [TEKTON, other] };
    expect(codeOf(judge({ [KEY_CONTEXT]: [tekton()] }, world))).toBe('verified');
    expect(codes(judge({ [otherContext]: [tekton(byOther)] }, world))).toEqual(['SLSA_BUILDER']);
    expect(codeOf(judge({ [KEY_CONTEXT]: [summary()] }, world))).toBe('verified');
    expect(codes(judge({ [otherContext]: [summary(byOther)] }, world))).toEqual(['VSA_INVALID']);
  });

  test('of a statement that counts for one signer, only what it lacks is told, and not whom else it is not by', () => {
    const chains = signer({ name: 'tekton-chains', identity: keyless({ field: 'spec' }) as never });
    const builders = [CHAINS, ...(slsaOnly().slsa?.policy.builders ?? [])];
    const world = { rules: slsaOnly({ builders }), resources: [chains] };
    expect(codeOf(judge([provenance()], world))).toBe('verified');
    const foreign = slsaOnly({ builders, sources: sources('https://github.com/evil/*') });
    expect(codes(judge([provenance()], { ...world, rules: foreign }))).toEqual(['SLSA_SOURCE']);
  });

  test("A20, B7: another root's certificates speak for no platform, whatever their issuer says", () => {
    const world = { resources: [trustRoot('corp', root('root-2'))] };
    expect(codeOf(judge({ [ROOT_CONTEXT]: [provenance()] }, world))).toBe('verified');
    expect(codes(judge({ 'root root-2': [provenance()] }, world))).toEqual(['ATT_MISSING']);
    const named = { ...world, rules: slsaOnly({}, 'corp') };
    expect(codeOf(judge({ 'root root-2': [provenance()] }, named))).toBe('verified');
    expect(codes(judge({ [ROOT_CONTEXT]: [provenance()] }, named))).toEqual(['ATT_MISSING']);
    // Trusted for one signer, it may write any platform's name into a certificate: that is not the platform's own.
    const asCorp = signer({
      name: 'corp-ci',
      identity: keyless({
        field: 'spec',
        trustRoot: 'corp',
        issuer: { ...keylessIssuer(), source: githubSigner().issuer },
        subject: { ...keylessIssuer(), source: RELEASED, kind: 'pattern' },
      }) as never,
    });
    const rules = slsaOnly({
      builders: [
        builder(TEKTON_BUILDER, { signerRef: 'corp-ci' }),
        ...(slsaOnly().slsa?.policy.builders ?? []),
      ],
    });
    const facts = { 'root root-2': [provenance()] };
    expect(codes(judge(facts, { rules, resources: [...world.resources, asCorp] }))).toContain('SLSA_BUILDER');
    expect(
      codeOf(judge({ [ROOT_CONTEXT]: [provenance()] }, { rules, resources: [...world.resources, asCorp] })),
    ).toBe('verified');
  });
});

function keylessIssuer() {
  return { kind: 'pattern' as const, source: '', matches: () => true };
}

describe('B3, B4: what it is about', () => {
  test.each([[[OTHER_DIGEST]], [[]], [[DIGEST.toUpperCase()]], [[DIGEST.slice(7)]], [[DIGEST.slice(0, -1)]]])(
    '%j',
    (digests) => {
      expect(codeOf(judge([provenance(undefined, { digests: [OTHER_DIGEST, DIGEST] })]))).toBe('verified');
      expect(codes(judge([provenance(undefined, { digests })]))).toEqual(['DIGEST_MISMATCH']);
    },
  );
});

describe('proofs of when', () => {
  const stamped = (at: number): Partial<VerifiedFact> => ({
    timestamps: { state: 'valid', proofs: [{ authority: 'tsa', signedAt: at }] },
  });
  const unlogged = { log: { state: 'absent' } } as const;
  const invalid = { log: { state: 'invalid', code: 'TLOG_MISMATCH', detail: 'of another' } } as const;
  const LOGGED = {
    transparency: {
      ...TRANSPARENCY,
      keyless: { log: 'Required', timestamp: 'Optional' },
    },
  } as Partial<PolicyRules>;

  test('transparency.keyless is for the certificates of provenance too', () => {
    const lax = { elsewhere: { roots: { 'public-good': rootKnown(root('root-1', { logEntries: 0 })) } } };
    const fact = provenance(undefined, { ...unlogged, ...stamped(NOW - HOUR) });
    expect(codeOf(judge([fact], lax))).toBe('verified');
    const strict = { ...lax, rules: { ...slsaOnly(), ...LOGGED } };
    expect(codes(judge([fact], strict))).toEqual(['ATT_MISSING', 'TLOG_MISSING']);
    expect(codeOf(judge([provenance()], strict))).toBe('verified');
    // What the root asks is never asked less.
    expect(codes(judge([fact]))).toEqual(['ATT_MISSING', 'TLOG_MISSING']);
    expect(codes(judge([provenance(undefined, invalid)]))).toEqual(['ATT_MISSING', 'TLOG_MISMATCH']);
  });

  test("transparency.keys is for the keys of builders' signers", () => {
    const facts = { [KEY_CONTEXT]: [tekton(unlogged)] };
    expect(codes(judge(facts, { rules: BY_TEKTON, resources: [TEKTON] }))).toEqual([
      'ATT_MISSING',
      'TLOG_MISSING',
    ]);
    const keys = { log: 'Ignored', timestamp: 'Optional' } as const;
    const rules = { ...BY_TEKTON, transparency: { ...TRANSPARENCY, keys } };
    expect(codeOf(judge(facts, { rules, resources: [TEKTON] }))).toBe('verified');
    // A time that comes from an ignored log is none.
    const young = { ...rules, slsa: slsaOnly({ ...BY_TEKTON.slsa?.policy, maxAge: DAY }).slsa };
    const logged = { [KEY_CONTEXT]: [tekton()] };
    expect(codes(judge(logged, { rules: young, resources: [TEKTON] }))).toEqual(['ATT_STALE']);
  });

  test('B16: too old, of no trusted time, and from the future', () => {
    const rules = slsaOnly({ maxAge: DAY });
    const at = (time: number) =>
      provenance(undefined, {
        log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: time }] },
      });
    expect(codeOf(judge([at(NOW - DAY)], { rules }))).toBe('verified');
    expect(codes(judge([at(NOW - DAY - 1)], { rules }))).toEqual(['ATT_STALE']);
    // An old statement with a new timestamp is old.
    const restamped = { ...at(NOW - 400 * DAY), ...stamped(NOW - HOUR) };
    expect(codes(judge([restamped], { rules }))).toEqual(['ATT_STALE']);
    expect(codeOf(judge([at(NOW + 4 * 60_000)], { rules }))).toBe('verified');
    expect(codes(judge([at(NOW + HOUR)], { rules }))).toEqual(['ATT_MISSING', 'TIME_UNTRUSTED']);
    const timeless = provenance(undefined, {
      log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: undefined }] },
    });
    expect(codes(judge([timeless], { rules }))).toEqual(['ATT_STALE']);
    expect(codeOf(judge([timeless]))).toBe('verified');
  });
});

describe('B15: one good statement suffices, whatever stands beside it', () => {
  const others: readonly Fact[] = [
    provenance(attestStatement(), { signer: githubSigner(OWN_WORKFLOW) }),
    provenance(generatorStatement(), { signer: certificate() }),
    provenance(undefined, { digests: [OTHER_DIGEST] }),
    provenance(undefined, { log: { state: 'absent' } }),
    attestation(),
    refused(),
  ];
  test('in any order', () => {
    const good = provenance();
    for (let place = 0; place <= others.length; place++) {
      const facts = others.toSpliced(place, 0, good);
      expect(judge(facts)).toMatchObject({
        kind: 'verified',
        provenance: { level: 3, evidence: good.source },
      });
    }
  });

  test('and without it the reasons are the same, in whatever order they are found', () => {
    const wanted = [...codes(judge(others))].toSorted();
    const rotated = others.map((_, index) => [...others.slice(index), ...others.slice(0, index)]);
    for (const facts of rotated) {
      expect([...codes(judge(facts))].toSorted()).toEqual(wanted);
      expect(codeOf(judge(facts))).toBe('SLSA_BUILDER');
    }
    expect(wanted).toEqual(expect.arrayContaining(['DIGEST_MISMATCH', 'TLOG_MISSING', 'CERT_INVALID']));
  });

  test('two halves make no whole', () => {
    const foreign = sources('https://github.com/evil/*');
    const rules = slsaOnly({ sources: foreign });
    expect(codeOf(judge([provenance()], { rules }))).toBe('SLSA_SOURCE');
    expect(codes(judge([provenance(), provenance(attestStatement())], { rules }))).toContain('SLSA_SOURCE');
  });
});

describe('B1, B2: what is no provenance', () => {
  test('another attestation, and what only says that it is one', () => {
    expect(codeOf(judge([attestation(), provenance()]))).toBe('verified');
    expect(codes(judge([attestation(), signature()]))).toEqual(['ATT_MISSING']);
    // Refused evidence is told, and counts for nothing.
    expect(codes(judge([refused()]))).toEqual(['ATT_MISSING', 'CERT_INVALID']);
    expect(codes(judge([], { facts: { refused: [refused({ code: 'LIMIT' })] } }))).toEqual([
      'LIMIT',
      'ATT_MISSING',
    ]);
    // A bad signature is not the provenance's matter.
    const { claims: _, ...bad } = refused();
    expect(codes(judge([bad]))).toEqual(['ATT_MISSING']);
  });

  test('a fact of another context is refused in this one: its reason is not told twice', () => {
    const world = { rules: BY_TEKTON, resources: [TEKTON] };
    const inRoot = refused({ source: 'referrer t' });
    const good = { [ROOT_CONTEXT]: [inRoot], [KEY_CONTEXT]: [tekton({ source: 'referrer t' })] };
    expect(codeOf(judge(good, world))).toBe('verified');
    const stale = { ...good, [KEY_CONTEXT]: [tekton({ source: 'referrer t', digests: [OTHER_DIGEST] })] };
    expect(codes(judge(stale, world))).toEqual(['DIGEST_MISMATCH']);
  });
});

describe('verification summaries', () => {
  const VERIFIER = { id: 'https://verifier.example.com', signerRef: 'verifier', policyUri: undefined };
  const rules = slsaOnly({ sources: [], verifiers: [VERIFIER] });
  const verifier = signer({ name: 'verifier', identity: publicKey(KEY, 'spec') as never });

  test('B14: count by the signer that the policy names for the verifier', () => {
    const outcome = judge({ [KEY_CONTEXT]: [summary()] }, { rules, resources: [verifier] });
    expect(outcome).toMatchObject({ kind: 'verified', provenance: { level: 3, builder: VERIFIER.id } });
    const byOther = judge(
      { [ROOT_CONTEXT]: [summary({ signer: certificate() })] },
      { rules, resources: [verifier] },
    );
    expect(codes(byOther)).toEqual(['VSA_INVALID']);
    const ofOther = evaluate(
      compiled({ rules, resources: [verifier] }),
      {
        ...factsOf({ [KEY_CONTEXT]: [summary()] }),
        reference: { ...(factsOf({}).reference as object), repository: 'org/other' } as never,
      },
      { now: NOW, isPod: true },
    );
    expect(codes(ofOther)).toEqual(['VSA_INVALID']);
  });
});

describe('faults and violations', () => {
  const down = { code: 'REGISTRY_UNREACHABLE', detail: 'down' } as const;
  const noRoot: World = { elsewhere: { roots: { 'public-good': NOT_READ } } };
  const keyed = signer({ name: 'tekton-chains', identity: keyRef(KEY_URI, 'spec') as never });
  const noKey: World = { rules: BY_TEKTON, resources: [keyed] };
  const withKey: World = { ...noKey, elsewhere: { keys: { [KEY_URI]: keysKnown() } } };
  const aside = { [KEY_CONTEXT]: [refused()] };
  const asideBare = { [KEY_CONTEXT]: [] };

  test.each<[string, Contexts, World, string]>([
    ['all is there', { [ROOT_CONTEXT]: [provenance()] }, {}, 'verified'],
    ['good beside a fault', { [ROOT_CONTEXT]: [provenance()] }, { facts: { faults: [down] } }, 'verified'],
    [
      'nothing beside a fault',
      { [ROOT_CONTEXT]: [] },
      { facts: { faults: [down] } },
      'fault REGISTRY_UNREACHABLE',
    ],
    [
      'bad beside a fault',
      { [ROOT_CONTEXT]: [refused()] },
      { facts: { faults: [down] } },
      'fault REGISTRY_UNREACHABLE',
    ],
    ['no root, and nobody could look', {}, noRoot, 'fault TRUSTROOT_UNAVAILABLE'],
    ['no root, and an attestation was found', aside, noRoot, 'fault TRUSTROOT_UNAVAILABLE'],
    ['no root, and none was found', asideBare, noRoot, 'ATT_MISSING'],
    ['no root, and a signature was found', { [KEY_CONTEXT]: [signature()] }, noRoot, 'ATT_MISSING'],
    ['key known', { [KEY_CONTEXT]: [tekton()] }, withKey, 'verified'],
    ['no key, and an attestation was found', { [ROOT_CONTEXT]: [refused()] }, noKey, 'fault KEY_UNAVAILABLE'],
    ['no key, and none was found', { [ROOT_CONTEXT]: [] }, noKey, 'ATT_MISSING'],
    [
      'a key that has become too old',
      { [KEY_CONTEXT]: [tekton()] },
      { ...noKey, elsewhere: { keys: { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW }) } } },
      'fault KEY_UNAVAILABLE',
    ],
    [
      'a key that just has not',
      { [KEY_CONTEXT]: [tekton()] },
      { ...noKey, elsewhere: { keys: { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW + 1 }) } } },
      'verified',
    ],
    [
      'a root that has become too old',
      { [ROOT_CONTEXT]: [provenance()] },
      { elsewhere: { roots: { 'public-good': rootKnown(root(), { usableUntil: NOW }) } } },
      'fault TRUSTROOT_UNAVAILABLE',
    ],
    [
      'a root that just has not',
      { [ROOT_CONTEXT]: [provenance()] },
      { elsewhere: { roots: { 'public-good': rootKnown(root(), { usableUntil: NOW + 1 }) } } },
      'verified',
    ],
    ['no root in the cluster', {}, { rules: slsaOnly({}, 'gone') }, 'POLICY_INVALID'],
  ])('%s', (_, contexts, world, expected) => {
    expect(codeOf(judge(contexts, world))).toBe(expected);
  });

  test("a root that cannot be had is no matter where each builder's own signer signs", () => {
    const rules = {
      ...BY_TEKTON,
      transparency: {
        ...TRANSPARENCY,
        keys: { log: 'Ignored', timestamp: 'Ignored' },
      },
    } as Partial<PolicyRules>;
    const world: World = { ...noRoot, rules, resources: [TEKTON] };
    const context = `key ${KEY.fingerprint} `;
    expect(codeOf(judge({ [context]: [tekton()] }, world))).toBe('verified');
    expect(codeOf(judge({ [context]: [tekton({ digests: [OTHER_DIGEST] })] }, world))).toBe(
      'DIGEST_MISMATCH',
    );
    const mixed = {
      ...world,
      rules: {
        ...rules,
        slsa: slsaOnly({ ...rules.slsa?.policy, builders: [CHAINS, builder(RELEASED)] }).slsa,
      },
    };
    expect(codeOf(judge({ [context]: [tekton({ digests: [OTHER_DIGEST] })] }, mixed))).toBe(
      'fault TRUSTROOT_UNAVAILABLE',
    );
  });

  test('nobody at all could sign: the policy is told, by what it names', () => {
    const outcome = judge({ [KEY_CONTEXT]: [tekton()] }, { rules: BY_TEKTON });
    expect(outcome).toMatchObject({
      violations: [
        {
          code: 'POLICY_INVALID',
          detail: expect.stringContaining('TrustedSigner "tekton-chains": it does not exist'),
        },
      ],
    });
  });
});
