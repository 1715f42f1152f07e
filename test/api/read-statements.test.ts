import { describe, expect, test } from '@jest/globals';
import { inspectResource } from '../../src/api/resource.ts';
import type { SigningPolicy } from '../../src/api/resources.ts';
import {
  clusterPolicy,
  document,
  KEYLESS,
  policySpec,
  problemFields,
  PUBLIC_PEM,
  times,
  type Json,
} from './documents.ts';

/** `slsa` and `attestations` of a policy: read whole, or refused by the field that is wrong. */

const GENERATOR =
  'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml';
const TEKTON = { id: 'https://tekton.example.com/chains', level: 2, signerRef: { name: 'tekton-chains' } };
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
const VERIFIER = { id: 'https://verifier.example.com', signerRef: { name: 'verifier' } };
const SLSA: Json = {
  requiredLevel: 3,
  builders: [{ id: GENERATOR, refs: ['refs/tags/v2.*', '>=2.0.0 <3'], level: 3 }, TEKTON],
  sources: [{ uri: 'https://github.com/acme/*', ownerID: '123456', repositoryID: '7' }],
  refs: ['refs/heads/main', 'refs/tags/v*', '>=1.0.0'],
  buildTypes: ['https://tekton.dev/chains/v2/slsa'],
  triggers: ['push', 'release'],
  runnerEnvironment: 'github-hosted',
  githubIssuers: [
    'https://token.actions.githubusercontent.com/acme',
    'https://github.corp.example/_services/token',
    'https://token.actions.acme.ghe.com',
  ],
  verifiers: [{ ...VERIFIER, policyURI: 'https://verifier.example.com/policy' }],
  maxAge: '30d',
  trustRootRef: { name: 'private' },
};
const CONDITION = { cel: 'size(predicate.findings) == 0', message: 'the scan found nothing' };
const SBOM: Json = { predicateType: 'https://spdx.dev/Document', signers: [KEYLESS] };

const slsaOf = (changes: Json): Json => policySpec({ slsa: { requiredLevel: 3, ...changes } });
const attesting = (...attestations: unknown[]): Json => policySpec({ attestations });
const problemsOf = (spec: Json, kind = 'ClusterSigningPolicy') => problemFields(document(kind, spec));

describe('slsa', () => {
  test('is read whole, with its patterns compiled', () => {
    const { rules, problems } = clusterPolicy({ slsa: SLSA });
    expect(problems).toEqual([]);
    const { policy, trustRoot } = rules?.slsa ?? {};
    expect(trustRoot).toBe('private');
    expect(policy).toMatchObject({
      requiredLevel: 3,
      builders: [
        { id: GENERATOR, level: 3, signerRef: undefined },
        { id: TEKTON.id, refs: [], level: 2, signerRef: 'tekton-chains' },
      ],
      sources: [{ ownerID: '123456', repositoryID: '7' }],
      buildTypes: ['https://tekton.dev/chains/v2/slsa'],
      triggers: ['push', 'release'],
      runnerEnvironment: 'github-hosted',
      githubIssuers: SLSA['githubIssuers'],
      verifiers: [
        { id: VERIFIER.id, signerRef: 'verifier', policyUri: 'https://verifier.example.com/policy' },
      ],
      maxAge: 30 * 24 * 3_600_000,
    });
    const [generator] = policy?.builders ?? [];
    expect(generator?.refs.map((ref) => ref.matches('refs/tags/v2.1.0'))).toEqual([true, true]);
    expect(policy?.sources.map(({ uri }) => uri.matches('https://github.com/acme/app'))).toEqual([true]);
    expect(policy?.refs.map((ref) => ref.matches('refs/tags/v1.2.3'))).toEqual([false, true, true]);
  });

  test("what is absent asks for nothing, and takes no root but the policy's", () => {
    expect(clusterPolicy({ slsa: { requiredLevel: 1 } }).rules?.slsa).toEqual({
      policy: {
        requiredLevel: 1,
        builders: [],
        sources: [],
        refs: [],
        buildTypes: [],
        triggers: [],
        runnerEnvironment: undefined,
        githubIssuers: ['https://token.actions.githubusercontent.com'],
        verifiers: [],
        maxAge: undefined,
      },
      trustRoot: undefined,
    });
    expect(clusterPolicy().rules?.slsa).toBeUndefined();
  });

  const builder = (changes: Json): Json => ({ builders: [{ id: GENERATOR, ...changes }] });
  const source = (uri: unknown, changes: Json = {}): Json => ({ sources: [{ uri, ...changes }] });
  const verifier = (changes: Json): Json => ({ verifiers: [{ ...VERIFIER, ...changes }] });

  test.each<[string, Json, string]>([
    ['level 0', { requiredLevel: 0 }, 'requiredLevel'],
    ['level 4', { requiredLevel: 4 }, 'requiredLevel'],
    ['level 2.5', { requiredLevel: 2.5 }, 'requiredLevel'],
    ['a level in words', { requiredLevel: '3' }, 'requiredLevel'],
    ['no level', { requiredLevel: undefined }, 'requiredLevel'],
    ['an unknown field', { levels: 3 }, 'levels'],
    ['no builders', { builders: [] }, 'builders'],
    ['too many builders', { builders: times(33, TEKTON) }, 'builders'],
    ['a builder without id', { builders: [{ level: 3 }] }, 'builders[0].id'],
    ['an id with white space', builder({ id: `${GENERATOR} ` }), 'builders[0].id'],
    ['an id with a line break', builder({ id: `${GENERATOR}\n` }), 'builders[0].id'],
    ['an empty id', builder({ id: '' }), 'builders[0].id'],
    ['a builder of level 0', builder({ level: 0 }), 'builders[0].level'],
    ['a builder of level 4', builder({ level: 4 }), 'builders[0].level'],
    ['an unknown field of a builder', builder({ version: 'v2' }), 'builders[0].version'],
    ['no refs', builder({ refs: [] }), 'builders[0].refs'],
    ['an empty ref', builder({ refs: [''] }), 'builders[0].refs[0]'],
    ['a ref with white space', builder({ refs: ['refs/tags/v2.* '] }), 'builders[0].refs[0]'],
    ['a bad range', builder({ refs: ['refs/tags/v2.*', '>=x'] }), 'builders[0].refs[1]'],
    ['two stars at once', builder({ refs: ['refs/tags/**'] }), 'builders[0].refs[0]'],
    [
      'refs beside a version',
      builder({ id: `${GENERATOR}@refs/tags/v2.1.0`, refs: ['refs/tags/v2.*'] }),
      'builders[0].refs',
    ],
    ['a signer without a name', builder({ signerRef: {} }), 'builders[0].signerRef.name'],
    ['a signer of a bad name', builder({ signerRef: { name: 'A_B' } }), 'builders[0].signerRef.name'],
    ['no sources', { sources: [] }, 'sources'],
    ['a source over http', source('http://github.com/acme/app'), 'sources[0]'],
    ['a source over ssh', source('git@github.com:acme/app.git'), 'sources[0]'],
    ['a host alone', source('https://github.com'), 'sources[0]'],
    ['a source with a user', source('https://github.com@evil.example/acme/app'), 'sources[0]'],
    ['a source with a ref', source('https://github.com/acme/app@refs/heads/main'), 'sources[0]'],
    ['a star in a part', source('https://github.com/acme-*/app'), 'sources[0]'],
    ['a star for a host', source('https://*/acme/app'), 'sources[0]'],
    ['two stars in a row', source('https://github.com/**'), 'sources[0]'],
    ['dots', source('https://github.com/acme/../evil'), 'sources[0]'],
    ['a source with white space', source('https://github.com/acme/app '), 'sources[0].uri'],
    ['an owner by name', source('https://github.com/acme/*', { ownerID: 'acme' }), 'sources[0].ownerID'],
    ['an owner as a number', source('https://github.com/acme/*', { ownerID: 1 }), 'sources[0].ownerID'],
    [
      'a repository by name',
      source('https://github.com/acme/*', { repositoryID: '-1' }),
      'sources[0].repositoryID',
    ],
    ['no refs of the source', { refs: [] }, 'refs'],
    ['a branch by its name', { refs: ['main'] }, 'refs[0]'],
    ['a tag by its name', { refs: ['refs/heads/main', 'v1.*'] }, 'refs[1]'],
    ['a ref with a space', { refs: ['refs/heads/main x'] }, 'refs[0]'],
    ['a bad range of tags', { refs: ['>=1 <'] }, 'refs[0]'],
    ['too many stars', { refs: [`refs/tags/${'a*'.repeat(9)}`] }, 'refs[0]'],
    ['no build types', { buildTypes: [] }, 'buildTypes'],
    ['a build type with white space', { buildTypes: ['https://x y'] }, 'buildTypes[0]'],
    ['no triggers', { triggers: [] }, 'triggers'],
    ['an empty trigger', { triggers: [''] }, 'triggers[0]'],
    ['an empty runner', { runnerEnvironment: '' }, 'runnerEnvironment'],
    ['no issuers', { githubIssuers: [] }, 'githubIssuers'],
    ['too many issuers', { githubIssuers: times(9, `${GITHUB_ISSUER}/a`) }, 'githubIssuers'],
    ['an enterprise by its slug', { githubIssuers: ['acme'] }, 'githubIssuers[0]'],
    ['an issuer with a slash behind', { githubIssuers: [`${GITHUB_ISSUER}/`] }, 'githubIssuers[0]'],
    ['an issuer with two slugs', { githubIssuers: [`${GITHUB_ISSUER}/a/b`] }, 'githubIssuers[0]'],
    ['any slug', { githubIssuers: [GITHUB_ISSUER, `${GITHUB_ISSUER}/*`] }, 'githubIssuers[1]'],
    ['an issuer over http', { githubIssuers: [GITHUB_ISSUER.replace('https', 'http')] }, 'githubIssuers[0]'],
    ['another issuer', { githubIssuers: ['https://gitlab.com'] }, 'githubIssuers[0]'],
    ['a server without its path', { githubIssuers: ['https://github.corp.example'] }, 'githubIssuers[0]'],
    ['github.com as a server', { githubIssuers: ['https://github.com/_services/token'] }, 'githubIssuers[0]'],
    ['an issuer with a line break', { githubIssuers: [`${GITHUB_ISSUER}/a\n`] }, 'githubIssuers[0]'],
    ['no verifiers', { verifiers: [] }, 'verifiers'],
    ['a verifier without a signer', { verifiers: [{ id: VERIFIER.id }] }, 'verifiers[0].signerRef'],
    ['a verifier without an id', { verifiers: [{ signerRef: { name: 'a' } }] }, 'verifiers[0].id'],
    ['a verifier with white space', verifier({ id: ' x' }), 'verifiers[0].id'],
    ['a policy with white space', verifier({ policyURI: 'x ' }), 'verifiers[0].policyURI'],
    ['an age without unit', { maxAge: '30' }, 'maxAge'],
    ['an age of nothing', { maxAge: '0d' }, 'maxAge'],
    ['an age in weeks', { maxAge: '4w' }, 'maxAge'],
    ['an age in two units', { maxAge: '1d12h' }, 'maxAge'],
    ['an age as a number', { maxAge: 30 }, 'maxAge'],
    ['a root without a name', { trustRootRef: {} }, 'trustRootRef.name'],
  ])('C2: %s is refused there, and the policy denies', (_, changes, field) => {
    expect(problemsOf(slsaOf(SLSA))).toEqual([]);
    const spec = slsaOf({ ...SLSA, ...changes });
    expect(problemsOf(spec)).toContain(`spec.slsa.${field}`);
    expect(clusterPolicy({ slsa: spec['slsa'] }).rules).toBeUndefined();
  });

  test.each([null, [], 'x', 3, true])('C2: slsa: %j is refused', (slsa) => {
    expect(problemsOf(policySpec({ slsa }))).toEqual(['spec.slsa']);
  });

  test('does without a signature, and is then all that the policy asks', () => {
    const alone = {
      slsa: SLSA,
      requireSignature: false,
      trustedKeys: undefined,
      trustRootRef: { name: 'x' },
    };
    const { rules, problems } = clusterPolicy(alone);
    expect(problems).toEqual([]);
    expect(rules).toMatchObject({ requireSignature: false, trustedKeys: [], trustRoot: 'x' });
    expect(problemsOf(policySpec({ ...alone, slsa: undefined }))).toContain('spec.requireSignature');
    // Without a word about signatures, they are required as well.
    expect(problemsOf(policySpec({ slsa: SLSA, trustedKeys: undefined }))).toEqual(['spec.trustedKeys']);
  });

  test('an impossible level never becomes none (C2, H15)', () => {
    const { mode, rules } = clusterPolicy({ slsa: { requiredLevel: 4 } });
    expect({ mode, rules }).toEqual({ mode: 'Enforce', rules: undefined });
  });

  test("is a tenant's as well", () => {
    expect(problemsOf(slsaOf(SLSA), 'SigningPolicy')).toEqual([]);
  });
});

describe('attestations', () => {
  const full = {
    ...SBOM,
    signers: [KEYLESS, { publicKey: { pem: PUBLIC_PEM } }, { signerRef: { name: 'a' } }],
    conditions: [CONDITION],
    maxAge: '12h',
  };

  test('are read whole, with conditions compiled', () => {
    const { rules, problems } = clusterPolicy({ attestations: [full, SBOM] });
    expect(problems).toEqual([]);
    const [first, second] = rules?.attestations ?? [];
    expect(first).toMatchObject({
      field: 'spec.attestations[0]',
      predicateType: SBOM['predicateType'],
      signers: [
        { kind: 'keyless', field: 'spec.attestations[0].signers[0]' },
        { kind: 'publicKey', field: 'spec.attestations[0].signers[1]' },
        { kind: 'signerRef', name: 'a' },
      ],
      conditions: [{ source: CONDITION.cel, message: CONDITION.message }],
      maxAge: 12 * 3_600_000,
    });
    expect(second).toMatchObject({ field: 'spec.attestations[1]', conditions: [], maxAge: undefined });
    const [condition] = first?.conditions ?? [];
    expect(condition?.evaluate({ predicate: { findings: [] } }).holds).toBe(true);
    expect(condition?.evaluate({ predicate: { findings: [1] } }).holds).toBe(false);
    expect(condition?.evaluate({ predicate: {} }).holds).toBe(false);
    expect(clusterPolicy().rules?.attestations).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['an empty list', [], 'attestations'],
    ['too many', times(9, SBOM), 'attestations'],
    ['not a list', SBOM, 'attestations'],
    ['an unknown field', [{ ...SBOM, condition: CONDITION }], 'attestations[0].condition'],
    ['no type', [{ signers: [KEYLESS] }], 'attestations[0].predicateType'],
    ['an empty type', [{ ...SBOM, predicateType: '' }], 'attestations[0].predicateType'],
    [
      'a type with white space',
      [{ ...SBOM, predicateType: 'https://spdx.dev/Document\n' }],
      'attestations[0].predicateType',
    ],
    ['no signers', [{ predicateType: 'x' }], 'attestations[0].signers'],
    ['an empty list of signers', [{ ...SBOM, signers: [] }], 'attestations[0].signers'],
    ['too many signers', [{ ...SBOM, signers: times(9, KEYLESS) }], 'attestations[0].signers'],
    ['no conditions', [{ ...SBOM, conditions: [] }], 'attestations[0].conditions'],
    ['too many conditions', [{ ...SBOM, conditions: times(9, CONDITION) }], 'attestations[0].conditions'],
    [
      'a condition without a message',
      [{ ...SBOM, conditions: [{ cel: 'true' }] }],
      'attestations[0].conditions[0].message',
    ],
    [
      'a message without a condition',
      [{ ...SBOM, conditions: [{ message: 'x' }] }],
      'attestations[0].conditions[0].cel',
    ],
    [
      'a condition that is no CEL',
      [SBOM, { ...SBOM, conditions: [CONDITION, { cel: 'predicate.', message: 'x' }] }],
      'attestations[1].conditions[1].cel',
    ],
    [
      'a condition over what is not there',
      [{ ...SBOM, conditions: [{ cel: 'secret == 1', message: 'x' }] }],
      'attestations[0].conditions[0].cel',
    ],
    [
      'F17: a condition that is too long',
      [{ ...SBOM, conditions: [{ cel: `true${' '.repeat(1021)}`, message: 'x' }] }],
      'attestations[0].conditions[0].cel',
    ],
    ['a bad age', [{ ...SBOM, maxAge: 'a month' }], 'attestations[0].maxAge'],
  ])('C2: %s is refused there, and the policy denies', (_, attestations, field) => {
    expect(problemsOf(attesting(full, SBOM))).toEqual([]);
    expect(problemsOf(policySpec({ attestations }))).toContain(`spec.${field}`);
    expect(clusterPolicy({ attestations }).rules).toBeUndefined();
  });

  test('a broken signer never matches, and the others still count', () => {
    const bad = { publicKey: { pem: 'x' } };
    const { resource, problems } = inspectResource(
      document('ClusterSigningPolicy', attesting({ ...SBOM, signers: [bad, KEYLESS] })),
    );
    const { rules, problems: own } = resource as SigningPolicy;
    expect(own).toEqual([]);
    expect(rules?.attestations[0]?.signers.map(({ kind }) => kind)).toEqual(['broken', 'keyless']);
    // Whoever applies it is told.
    expect(problems.map(({ field }) => field)).toEqual(['spec.attestations[0].signers[0].publicKey.pem']);
  });

  test.each<[string, Json]>([
    ['a selector', { signerSelector: { matchLabels: { a: 'b' } } }],
    ['a key reference', { keyRef: { uri: 'awskms:///alias/release' } }],
    ['a Secret', { publicKey: { secretRef: { namespace: 'keys', name: 'release' } } }],
  ])("C16: %s among a tenant's signers is broken, and among the cluster's is not", (_, signer) => {
    const kinds = (kind: string) => {
      const { resource } = inspectResource(
        document(kind, attesting({ ...SBOM, signers: [signer, KEYLESS] })),
      );
      return (resource as SigningPolicy).rules?.attestations[0]?.signers.map((entry) => entry.kind);
    };
    expect(kinds('SigningPolicy')).toEqual(['broken', 'keyless']);
    expect(kinds('ClusterSigningPolicy')?.[0]).not.toBe('broken');
  });

  test('do without a signature', () => {
    expect(
      problemsOf(policySpec({ attestations: [SBOM], requireSignature: false, trustedKeys: undefined })),
    ).toEqual([]);
  });
});
