import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../src/api/envelope.ts';
import { inspectResource, parseResource } from '../../src/api/resource.ts';
import { imageName } from '../../src/image/reference.ts';
import type { BrokenEntry, SigningPolicy, TrustedKey } from '../../src/api/resources.ts';
import {
  clusterPolicy,
  DIGEST,
  document,
  KEYLESS,
  KEYLESS_PATTERNS,
  policySpec,
  policyWith,
  PRIVATE_PEM,
  problemFields,
  PUBLIC_PEM,
  signer,
  TRUSTED_ROOT,
  trustRoot,
  type Json,
} from './documents.ts';
import { BAD_TRUST_SOURCES, GOOD_TRUST_SOURCES } from './trust-sources.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

/** The reason why the first entry is broken; the second, good one must still be there. */
function brokenEntry(entry: unknown): BrokenEntry {
  const { rules, problems } = policyWith(entry);
  expect(problems).toEqual([]);
  expect(rules?.trustedKeys[1]?.kind).toBe('keyless');
  const [first] = rules?.trustedKeys ?? [];
  if (first?.kind !== 'broken') throw new Error(`the entry is ${first?.kind}, not broken`);
  return first;
}

function soundEntry(entry: unknown): Exclude<TrustedKey, BrokenEntry> {
  const [first] = policyWith(entry).rules?.trustedKeys ?? [];
  if (first === undefined || first.kind === 'broken') throw new Error(first?.problem.message ?? 'no rules');
  return first;
}

describe('policies', () => {
  test('the policy of the design is read whole', () => {
    const policy = clusterPolicy({
      match: {
        images: ['ghcr.io/org/**'],
        excludeImages: ['ghcr.io/org/sandbox/*'],
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['mcp'] }],
        },
        workloadSelector: {},
      },
      requireSignature: true,
      trustedKeys: [
        KEYLESS,
        {
          ...KEYLESS_PATTERNS,
          extensions: { sourceRepositoryOwnerID: '123456' },
          trustRootRef: { name: 'acme' },
        },
        { publicKey: { pem: PUBLIC_PEM } },
        { signerRef: { name: 'release-ci' } },
        { signerSelector: { matchLabels: { team: 'platform' } } },
      ],
      threshold: 2,
      transparency: {
        keyless: { log: 'Required', timestamp: 'Optional' },
        keys: { log: 'Ignored', timestamp: 'Required' },
      },
      multiArch: 'Index',
      acceptMembership: false,
      trustRootRef: { name: 'private' },
      tagPolicy: 'RequireDigest',
      onFault: 'Deny',
      revokedDigests: [DIGEST],
    });
    expect(policy).toMatchObject({
      mode: 'Enforce',
      problems: [],
      name: 'good',
      namespace: undefined,
      generation: 0,
    });
    expect(policy.match.images?.map((glob) => glob.matches('ghcr.io/org/a/b'))).toEqual([true]);
    expect(policy.match.excludeImages.map((glob) => glob.matches('ghcr.io/org/sandbox/x'))).toEqual([true]);
    expect(policy.match.namespaceSelector?.matches({ 'kubernetes.io/metadata.name': 'mcp' })).toBe(true);
    expect(policy.match.namespaceSelector?.matches({ 'kubernetes.io/metadata.name': 'x' })).toBe(false);
    expect(policy.match.workloadSelector?.matches({})).toBe(true);
    expect(policy.rules).toMatchObject({
      requireSignature: true,
      threshold: 2,
      transparency: {
        keyless: { log: 'Required', timestamp: 'Optional' },
        keys: { log: 'Ignored', timestamp: 'Required' },
      },
      trustRoot: 'private',
      tagPolicy: 'RequireDigest',
      revokedDigests: new Set([DIGEST]),
    });
    const keys = policy.rules?.trustedKeys ?? [];
    expect(keys.map(({ kind }) => kind)).toEqual([
      'keyless',
      'keyless',
      'publicKey',
      'signerRef',
      'signerSelector',
    ]);
    expect(keys.map(({ field }) => field)).toEqual(keys.map((_, index) => `spec.trustedKeys[${index}]`));
    expect(keys[0]).toMatchObject({
      issuer: { kind: 'exact' },
      subject: { kind: 'exact' },
      trustRoot: undefined,
    });
    expect(keys[1]).toMatchObject({
      issuer: { kind: 'pattern' },
      subject: { kind: 'pattern' },
      extensions: { sourceRepositoryOwnerID: '123456' },
      trustRoot: 'acme',
    });
  });

  test('H16: what an older or shorter document does not say is strict', () => {
    const { match, rules } = clusterPolicy();
    expect(match).toEqual({
      images: undefined,
      excludeImages: [],
      namespaceSelector: undefined,
      workloadSelector: undefined,
    });
    expect(rules).toMatchObject({
      requireSignature: true,
      threshold: 1,
      transparency: {
        keyless: { log: 'Optional', timestamp: 'Optional' },
        keys: { log: 'Required', timestamp: 'Optional' },
      },
      trustRoot: 'public-good',
      tagPolicy: 'Pin',
    });
    expect(
      clusterPolicy({ transparency: { keys: { timestamp: 'Required' } } }).rules?.transparency.keys.log,
    ).toBe('Required');
    expect(signer().enabled).toBe(true);
    expect(trustRoot({ trustedRoot: TRUSTED_ROOT }).problems[0]?.message).toContain('scts');
  });

  test.each(['Enforced', 'warn ', 'enforce', 'ENFORCE', '', 'Off', null, 0, false, [], {}, undefined])(
    'H15: mode %j is refused, and denies as Enforce',
    (mode) => {
      for (const good of ['Enforce', 'Warn', 'Audit']) {
        expect(clusterPolicy({ mode: good })).toMatchObject({ mode: good, problems: [] });
      }
      const policy = clusterPolicy({ mode });
      expect(policy).toMatchObject({ mode: 'Enforce', rules: undefined });
      expect(policy.problems.map(({ field }) => field)).toEqual(['spec.mode']);
    },
  );

  test('H3: a mode that can be read is kept when something else cannot', () => {
    expect(clusterPolicy({ mode: 'Audit', threshold: 0 })).toMatchObject({ mode: 'Audit', rules: undefined });
  });
});

/** Each is one change to a policy that is accepted; the field is the one that the problem has to name. */
const BAD_POLICIES: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['unknown field', { requireSignatures: true }, 'spec.requireSignatures'],
  ['unknown field in match', { match: { image: ['ghcr.io/**'] } }, 'spec.match.image'],
  ['empty trustedKeys', { trustedKeys: [] }, 'spec.trustedKeys'],
  ['null trustedKeys', { trustedKeys: null }, 'spec.trustedKeys'],
  ['no trustedKeys', { trustedKeys: undefined }, 'spec.trustedKeys'],
  ['65 trustedKeys', { trustedKeys: Array(65).fill(KEYLESS) }, 'spec.trustedKeys'],
  ['trustedKeys as an object', { trustedKeys: { 0: KEYLESS } }, 'spec.trustedKeys'],
  ['requireSignature as a text', { requireSignature: 'false' }, 'spec.requireSignature'],
  ['requireSignature 0', { requireSignature: 0 }, 'spec.requireSignature'],
  ['requireSignature null', { requireSignature: null }, 'spec.requireSignature'],
  ['asks for nothing', { requireSignature: false, trustedKeys: undefined }, 'spec.requireSignature'],
  [
    'signers without requireSignature',
    { requireSignature: false, tagPolicy: 'RequireDigest' },
    'spec.requireSignature',
  ],
  ['threshold 0', { threshold: 0 }, 'spec.threshold'],
  ['threshold -1', { threshold: -1 }, 'spec.threshold'],
  ['threshold 1.5', { threshold: 1.5 }, 'spec.threshold'],
  ['threshold as a text', { threshold: '2' }, 'spec.threshold'],
  ['threshold out of reach', { threshold: 2 }, 'spec.threshold'],
  [
    'transparency ignored for keyless',
    { transparency: { keyless: { log: 'Ignored' } } },
    'spec.transparency.keyless.log',
  ],
  ['unknown demand', { transparency: { keys: { log: 'required' } } }, 'spec.transparency.keys.log'],
  ['unknown proof', { transparency: { keys: { rekor: 'Required' } } }, 'spec.transparency.keys.rekor'],
  ['tagPolicy', { tagPolicy: 'pin' }, 'spec.tagPolicy'],
  ['short digest', { revokedDigests: ['sha256:abc'] }, 'spec.revokedDigests[0]'],
  ['upper-case digest', { revokedDigests: [DIGEST, `sha256:${'A'.repeat(64)}`] }, 'spec.revokedDigests[1]'],
  ['digest with a line break', { revokedDigests: [`${DIGEST}\n`] }, 'spec.revokedDigests[0]'],
  ['trustRootRef as a text', { trustRootRef: 'public-good' }, 'spec.trustRootRef'],
  ['trustRootRef without a name', { trustRootRef: {} }, 'spec.trustRootRef.name'],
  ['trustRootRef with an odd name', { trustRootRef: { name: 'A/b' } }, 'spec.trustRootRef.name'],
  ['bad glob', { match: { images: ['ghcr.io/org/**', 'ghcr.io*'] } }, 'spec.match.images[1]'],
  ['empty images', { match: { images: [] } }, 'spec.match.images'],
  ['null images', { match: { images: null } }, 'spec.match.images'],
  ['bad exclusion', { match: { excludeImages: ['x'] } }, 'spec.match.excludeImages[0]'],
  ['match as a list', { match: [] }, 'spec.match'],
  [
    'bad selector',
    { match: { namespaceSelector: { matchLabels: { 'a b': 'c' } } } },
    'spec.match.namespaceSelector',
  ],
  [
    'selector of numbers',
    { match: { workloadSelector: { matchLabels: { a: 1 } } } },
    'spec.match.workloadSelector.matchLabels.a',
  ],
  [
    'misspelt selector',
    { match: { namespaceSelector: { matchlabels: { a: 'b' } } } },
    'spec.match.namespaceSelector.matchlabels',
  ],
];

describe('a policy with something wrong in it', () => {
  test.each(BAD_POLICIES)('H3: %s', (_, changes, field) => {
    expect(clusterPolicy()).toMatchObject({ problems: [], rules: {} });
    const policy = clusterPolicy(changes);
    expect(policy.rules).toBeUndefined();
    expect(policy.mode).toBe('Enforce');
    expect(policy.problems.map((problem) => problem.field)).toContain(field);
  });

  test('H3: what cannot be read does not narrow the scope', () => {
    const good = {
      images: ['ghcr.io/org/**'],
      excludeImages: ['ghcr.io/org/x'],
      namespaceSelector: { matchLabels: { a: 'b' } },
    };
    expect(clusterPolicy({ match: good }).match).toMatchObject({
      images: [{}],
      excludeImages: [{}],
      namespaceSelector: {},
    });
    expect(
      clusterPolicy({ match: { ...good, images: ['ghcr.io/org/**', 'ghcr.io/['] } }).match.images,
    ).toBeUndefined();
    expect(clusterPolicy({ match: { ...good, images: 'ghcr.io/org/**' } }).match.images).toBeUndefined();
    expect(
      clusterPolicy({ match: { ...good, excludeImages: ['ghcr.io/org/x', 'ghcr.io/['] } }).match
        .excludeImages,
    ).toEqual([]);
    const selector = { matchExpressions: [{ key: 'a', operator: 'Equals', values: ['b'] }] };
    expect(
      clusterPolicy({ match: { ...good, namespaceSelector: selector } }).match.namespaceSelector,
    ).toBeUndefined();
    expect(clusterPolicy({ match: 'ghcr.io' }).match.images).toBeUndefined();
    // One bad part leaves the others as they are.
    expect(clusterPolicy({ match: { ...good, images: [''] } }).match.excludeImages).toHaveLength(1);
  });

  test('every problem of a document is named at once', () => {
    const changes = {
      mode: 'x',
      threshold: 0,
      match: { images: [''] },
      odd: 1,
      trustedKeys: [{ keyless: true, issuer: 'x' }, 3],
    };
    expect(problemFields(document('ClusterSigningPolicy', policySpec(changes))).toSorted()).toEqual(
      [
        'spec.mode',
        'spec.odd',
        'spec.threshold',
        'spec.match.images[0]',
        'spec.trustedKeys[0].subject',
        'spec.trustedKeys[1]',
      ].toSorted(),
    );
  });

  test('F9: of many unknown fields the first twenty are named and the others counted, in time that does not block', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`trustedKeyz${at}`, 1]));
    const messages = (changes: Record<string, unknown>) =>
      clusterPolicy(changes).problems.map(({ message }) => message);
    expect(messages(many(20)).filter((message) => message.includes('known field'))).toHaveLength(20);
    for (const changes of [many(50_000), { match: many(50_000) }]) {
      let told: readonly string[] = [];
      const took = threadMilliseconds(() => (told = messages(changes)));
      told = told.filter((message) => message.includes('known field'));
      expect(told).toHaveLength(21);
      expect(told.at(-1)).toBe('and 49980 more that are not known fields');
      // Without the bound: 3 s. With it, 0.05 s.
      expect(took).toBeLessThan(1_500);
    }
  });

  test('an unknown field is named with the one that was probably meant', () => {
    const message = (changes: Record<string, unknown>) => clusterPolicy(changes).problems[0]?.message;
    expect(message({ require_signature: true })).toBe(
      'is not a known field; did you mean "requireSignature"?',
    );
    expect(message({ treshold: 1 })).toBe('is not a known field; did you mean "threshold"?');
    expect(message({ xyzzy: 1 })).toMatch(/^is not a known field; expected mode, match, /);
  });

  test('C2: an unknown field is named wherever it stands, also in lists inside one another', () => {
    const spec = policySpec({
      trustedKeys: [
        { ...KEYLESS, extensions: { sourceRepositoryOwnerID: '1' }, trustRootRef: { name: 'a' } },
      ],
      match: { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } },
      transparency: { keyless: { log: 'Required' } },
      slsa: {
        requiredLevel: 1,
        builders: [{ id: 'https://example.com/builder', signerRef: { name: 'a' } }],
        sources: [{ uri: 'https://github.com/acme/app' }],
        verifiers: [{ id: 'https://example.com/verifier', signerRef: { name: 'a' } }],
      },
      attestations: [
        {
          predicateType: 'https://spdx.dev/Document',
          signers: [{ ...KEYLESS, trustRootRef: { name: 'a' } }],
          conditions: [{ cel: 'predicate.ok', message: 'is ok' }],
        },
      ],
    });
    expect(problemFields(document('ClusterSigningPolicy', spec))).toEqual([]);
    const objects = (value: unknown, at: string): (readonly [string, Json])[] => {
      if (typeof value !== 'object' || value === null) return [];
      const inside = Object.entries(value).flatMap(([key, child]) =>
        objects(child, Array.isArray(value) ? `${at}[${key}]` : `${at}.${key}`),
      );
      return Array.isArray(value) ? inside : [[at, value as Json], ...inside];
    };
    const places = objects(spec, 'spec').map(([at]) => at);
    expect(places).toContain('spec.attestations[0].conditions[0]');
    for (const place of places) {
      const copy = structuredClone(spec);
      const [, object] = objects(copy, 'spec').find(([at]) => at === place) ?? [];
      if (object === undefined) throw new Error(`there is no ${place}`);
      object['xyzzy'] = 1;
      expect(problemFields(document('ClusterSigningPolicy', copy))).toEqual([`${place}.xyzzy`]);
    }
    const misspelt = { cel: 'predicate.ok', message: 'is ok', mesage: 'is ok' };
    const [problem] = clusterPolicy({
      attestations: [{ predicateType: 'a', signers: [KEYLESS], conditions: [misspelt] }],
    }).problems;
    expect(problem?.message).toBe('is not a known field; did you mean "message"?');
  });

  test.each(['LastKnownGood', 'Allow'])(
    'C2: onFault %s of a later version is refused, not ignored',
    (onFault) => {
      const policy = clusterPolicy({ onFault });
      expect(policy.rules).toBeUndefined();
      expect(policy.problems).toEqual([
        { field: 'spec.onFault', message: expect.stringContaining('not supported by this version') },
      ]);
    },
  );
});

describe('indexes and where signatures are kept', () => {
  test('they are off unless a policy asks for them', () => {
    expect(clusterPolicy().rules).toMatchObject({
      multiArch: 'Index',
      acceptMembership: false,
      signatureRepository: undefined,
    });
    expect(clusterPolicy({ multiArch: 'IndexAndPlatforms' }).rules?.multiArch).toBe('IndexAndPlatforms');
    expect(clusterPolicy({ acceptMembership: true }).rules?.acceptMembership).toBe(true);
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'D4: membership beside every platform',
      { acceptMembership: true, multiArch: 'IndexAndPlatforms' },
      'acceptMembership',
    ],
    ['an unknown multiArch', { multiArch: 'Platforms' }, 'multiArch'],
    ['multiArch in lower case', { multiArch: 'index' }, 'multiArch'],
    ['membership as a text', { acceptMembership: 'true' }, 'acceptMembership'],
    ...(
      [
        { multiArch: 'IndexAndPlatforms' },
        { acceptMembership: true },
        { signatureRepository: 'ghcr.io/org/signatures' },
      ] as const
    ).map((changes): [string, Record<string, unknown>, string] => [
      `C2: ${Object.keys(changes).join()} without requireSignature`,
      { ...changes, requireSignature: false, trustedKeys: undefined, tagPolicy: 'RequireDigest' },
      'requireSignature',
    ]),
  ])('%s is refused', (_, changes, field) => {
    const { rules, problems } = clusterPolicy(changes);
    expect(rules).toBeUndefined();
    expect(problems.map((problem) => problem.field)).toEqual([`spec.${field}`]);
  });

  test.each([
    'ghcr.io/org/signatures:v1',
    `ghcr.io/org/signatures@${DIGEST}`,
    'GHCR.io/org/signatures',
    'org/signatures',
    'signatures',
    'https://ghcr.io/org/signatures',
    'ghcr.io/org/Signatures',
    'ghcr.io/org/../signatures',
    'ghcr.io/org//signatures',
    'ghcr.io/org/signatures/',
    'ghcr.io/org/**',
    'ghcr.io/org/signatures\n',
    ' ghcr.io/org/signatures',
    'me@ghcr.io/org/signatures',
    'ghcr.io',
    '',
    7,
  ])('D17: %j is no place for signatures', (signatureRepository) => {
    for (const good of ['ghcr.io/org/signatures', 'registry.corp:5000/sig', 'docker.io/library/signatures']) {
      const read = clusterPolicy({ signatureRepository: good }).rules?.signatureRepository;
      expect(read && imageName(read)).toBe(good);
    }
    const { rules, problems } = clusterPolicy({ signatureRepository });
    expect(rules).toBeUndefined();
    expect(new Set(problems.map(({ field }) => field))).toEqual(new Set(['spec.signatureRepository']));
  });
});

describe('entries of trustedKeys', () => {
  test.each<[string, unknown, string]>([
    ['nobody', {}, ''],
    ['a text', 'build@example.com', ''],
    ['null', null, ''],
    ['keyless alone', { keyless: true }, '.issuer'],
    ['issuer only', { keyless: true, issuer: 'https://a' }, '.subject'],
    ['subject only', { keyless: true, subject: 'a@b' }, '.issuer'],
    ['an empty issuer', { ...KEYLESS, issuer: '' }, '.issuer'],
    ['an empty subject', { ...KEYLESS, subject: '' }, '.subject'],
    ['a null subject', { ...KEYLESS, subject: null }, '.subject'],
    ['a subject with a line break', { ...KEYLESS, subject: 'build@example.com\n' }, '.subject'],
    ['an empty pattern', { keyless: true, issuer: 'https://a', subjectRegExp: '' }, '.subjectRegExp'],
    ['anyone', { keyless: true, issuer: 'https://a', subjectRegExp: '.*' }, '.subjectRegExp'],
    [
      'anyone, otherwise',
      { keyless: true, issuer: 'https://a', subjectRegExp: '[\\s\\S]+' },
      '.subjectRegExp',
    ],
    ['any address', { keyless: true, issuer: 'https://a', subjectRegExp: '.+@.+' }, '.subjectRegExp'],
    ['any issuer', { keyless: true, issuerRegExp: 'https://.+', subject: 'a@b' }, '.issuerRegExp'],
    ['two issuers', { ...KEYLESS, issuerRegExp: 'https://a' }, '.issuer'],
    ['two subjects', { ...KEYLESS, subjectRegExp: 'a@b' }, '.subject'],
    ['keyless: false', { ...KEYLESS, keyless: false }, '.keyless'],
    ['no keyless', { issuer: 'https://a', subject: 'a@b' }, ''],
    [
      'an identity with a key',
      { publicKey: { pem: PUBLIC_PEM }, issuer: 'https://a', subject: 'a@b' },
      '.keyless',
    ],
    ['two kinds', { ...KEYLESS, publicKey: { pem: PUBLIC_PEM } }, ''],
    [
      'three kinds',
      { ...KEYLESS, signerRef: { name: 'a' }, signerSelector: { matchLabels: { a: 'b' } } },
      '',
    ],
    [
      'an extension that Fulcio does not have',
      { ...KEYLESS, extensions: { sourceRepositoryOwner: '1' } },
      '.extensions.sourceRepositoryOwner',
    ],
    [
      'an empty extension',
      { ...KEYLESS, extensions: { runnerEnvironment: '' } },
      '.extensions.runnerEnvironment',
    ],
    ['an empty selector', { signerSelector: {} }, '.signerSelector'],
    [
      'a selector of nothing',
      { signerSelector: { matchLabels: {}, matchExpressions: [] } },
      '.signerSelector',
    ],
    ['a reference without a name', { signerRef: {} }, '.signerRef.name'],
    ['a trust root of a key', { publicKey: { pem: PUBLIC_PEM }, trustRootRef: { name: 'a' } }, '.keyless'],
  ])('C3: %s is nobody', (_, entry, field) => {
    expect(soundEntry({ ...KEYLESS_PATTERNS }).kind).toBe('keyless');
    expect(brokenEntry(entry).problem.field).toBe(`spec.trustedKeys[0]${field}`);
  });

  test.each<[string, string, RegExp]>([
    ['an HTML page', '<html><body>404 not found</body></html>', /./],
    ['two keys', PUBLIC_PEM + PUBLIC_PEM, /2 PEM blocks/],
    ['a private key', PRIVATE_PEM, /private key/],
    [
      'what is no certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      /certificate/,
    ],
    ['white space', ' \n\t ', /./],
    ['nothing', '', /./],
    ['a cut-off key', PUBLIC_PEM.slice(0, 80), /./],
    ['text round the key', `key:\n${PUBLIC_PEM}`, /./],
  ])('C17: %s is not a public key, and is not repeated', (_, pem, message) => {
    expect(soundEntry({ publicKey: { pem: `\n${PUBLIC_PEM}\n` } }).kind).toBe('publicKey');
    const { field, message: said } = brokenEntry({ publicKey: { pem } }).problem;
    expect(field).toBe('spec.trustedKeys[0].publicKey.pem');
    expect(said).toMatch(message);
    for (const line of pem.split('\n').filter((text) => text.length > 20 && !text.startsWith('-----'))) {
      expect(said).not.toContain(line.slice(0, 20));
    }
  });

  test('a key that is kept elsewhere is a reference; a bad one breaks its entry only', () => {
    const secretRef = { namespace: 'keys', name: 'release' };
    expect(soundEntry({ keyRef: { uri: 'hashivault://release' } })).toEqual({
      kind: 'keyRef',
      field: 'spec.trustedKeys[0]',
      reference: { scheme: 'hashivault', uri: 'hashivault://release', name: 'release' },
    });
    expect(soundEntry({ publicKey: { secretRef } })).toMatchObject({
      kind: 'keyRef',
      reference: { uri: 'k8s://keys/release', key: 'cosign.pub' },
    });
    expect(soundEntry({ publicKey: { secretRef: { ...secretRef, key: 'a.pub' } } })).toMatchObject({
      reference: { namespace: 'keys', name: 'release', key: 'a.pub' },
    });
    expect(brokenEntry({ keyRef: { uri: 'hashivault://../sys/raw' } }).problem).toEqual({
      field: 'spec.trustedKeys[0].keyRef.uri',
      message: expect.stringContaining('hashivault://<key>'),
    });
    expect(brokenEntry({ keyRef: { uri: 'k8s://a/b', version: '1' } }).problem.field).toMatch(
      /keyRef.version$/,
    );
    expect(brokenEntry({ keyRef: { uri: 'k8s://a/b' }, trustRootRef: { name: 'a' } }).problem.field).toMatch(
      /keyless$/,
    );
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no namespace', { namespace: undefined }, 'namespace'],
    ['a namespace that steps up', { namespace: 'a/../b' }, 'namespace'],
    ['a namespace with a line break', { namespace: 'keys\n' }, 'namespace'],
    ['no name', { name: undefined }, 'name'],
    ['a name in upper case', { name: 'Release' }, 'name'],
    ['a name with two dots', { name: 'a..b' }, 'name'],
    ['a key with a slash', { key: 'a/b' }, 'key'],
    ['a key with a hash', { key: 'a#b' }, 'key'],
    ['an empty key', { key: '' }, 'key'],
    ['a key with a line break', { key: 'a\n' }, 'key'],
  ])('C17: %s is no Secret', (_, changes, part) => {
    const secretRef = { namespace: 'keys', name: 'release', key: 'cosign.pub', ...changes };
    expect(brokenEntry({ publicKey: { secretRef } }).problem.field).toBe(
      `spec.trustedKeys[0].publicKey.secretRef.${part}`,
    );
  });

  test('an authority without OIDC is named by its distinguished name, which may hold single spaces', () => {
    const issuer = 'CN=Corp Code Signing,O=Corp';
    expect(soundEntry({ ...KEYLESS, issuer })).toMatchObject({ issuer: { kind: 'exact', source: issuer } });
    for (const bad of [
      ` ${issuer}`,
      `${issuer} `,
      'CN=Corp  Code',
      'CN=Corp\tCode',
      'CN=Corp\nCode',
      'CN=Corp\u00a0Code',
    ]) {
      expect(brokenEntry({ ...KEYLESS, issuer: bad }).problem.field).toBe('spec.trustedKeys[0].issuer');
    }
    expect(brokenEntry({ ...KEYLESS, subject: 'a b' }).problem.field).toBe('spec.trustedKeys[0].subject');
  });

  test('C17: a key comes from one place, and never from a URL', () => {
    const secretRef = { namespace: 'kube-system', name: 'key', key: 'cosign.pub' };
    expect(soundEntry({ publicKey: { secretRef } }).kind).toBe('keyRef');
    expect(soundEntry({ publicKey: { pem: PUBLIC_PEM } }).kind).toBe('publicKey');
    for (const publicKey of [{}, { pem: PUBLIC_PEM, secretRef }]) {
      expect(brokenEntry({ publicKey }).problem.message).toContain('exactly one of pem and secretRef');
    }
    expect(brokenEntry({ publicKey: { url: 'https://evil.example/key.pub' } }).problem.field).toContain(
      'publicKey',
    );
  });

  test.each(['(a', 'a**', '(?=a)b', '(a)\\1', 'a{1000}{1000}', 'x'.repeat(1025)])(
    'F6: the pattern %s breaks its entry only',
    (source) => {
      expect(
        brokenEntry({ keyless: true, issuer: 'https://a', subjectRegExp: source }).problem.field,
      ).toMatch(/subjectRegExp$/);
    },
  );

  test('when every entry is broken, rules are still there and no entry is usable', () => {
    const { rules, problems } = clusterPolicy({ trustedKeys: [{}, { keyRef: {} }] });
    expect(problems).toEqual([]);
    expect(rules?.trustedKeys.map(({ kind }) => kind)).toEqual(['broken', 'broken']);
  });

  test('an entry says all that is wrong with it', () => {
    const entry = { keyless: true, isuer: 'https://a', subject: 3, issuerRegExp: '(' };
    expect(
      problemFields(document('ClusterSigningPolicy', policySpec({ trustedKeys: [entry] }))).toSorted(),
    ).toEqual(['spec.trustedKeys[0].isuer', 'spec.trustedKeys[0].subject']);
  });
});

describe('policies of a namespace', () => {
  const parse = (changes: Record<string, unknown>, metadata = {}) =>
    parseResource(document('SigningPolicy', policySpec(changes), metadata)) as SigningPolicy;

  test('C16: it takes signers by name, keyless and PEM, and nothing of anybody else', () => {
    const keys = [KEYLESS, { publicKey: { pem: PUBLIC_PEM } }, { signerRef: { name: 'a' } }];
    expect(parse({ trustedKeys: keys })).toMatchObject({ namespace: 'team', problems: [] });
    expect(parse({ trustedKeys: keys }).rules?.trustedKeys.map(({ kind }) => kind)).toEqual([
      'keyless',
      'publicKey',
      'signerRef',
    ]);
    const selector = { matchLabels: { team: 'platform' } };
    const secret = { secretRef: { namespace: 'kube-system', name: 'a', key: 'b' } };
    for (const [entry, field] of [
      [{ signerSelector: selector }, 'signerSelector'],
      [{ keyRef: { uri: 'k8s://kube-system/a' } }, 'keyRef'],
      [{ keyRef: { uri: 'k8s://team/a' } }, 'keyRef'],
      [{ publicKey: secret }, 'publicKey.secretRef'],
      [{ publicKey: { ...secret, pem: PUBLIC_PEM } }, 'publicKey.secretRef'],
    ] as const) {
      const [first] = parse({ trustedKeys: [entry, KEYLESS] }).rules?.trustedKeys ?? [];
      expect(first).toMatchObject({ kind: 'broken', problem: { field: `spec.trustedKeys[0].${field}` } });
      expect(clusterPolicy({ trustedKeys: [entry, KEYLESS] }).rules?.trustedKeys[0]?.kind).toBe(
        field === 'signerSelector'
          ? 'signerSelector'
          : 'pem' in (('publicKey' in entry && entry.publicKey) || {})
            ? 'broken'
            : 'keyRef',
      );
    }
    expect(clusterPolicy({ trustedKeys: [{ signerSelector: selector }] }).rules?.trustedKeys[0]?.kind).toBe(
      'signerSelector',
    );
  });

  test('C16: it is about its own namespace only', () => {
    const match = { namespaceSelector: { matchLabels: { a: 'b' } } };
    expect(clusterPolicy({ match }).problems).toEqual([]);
    const policy = parse({ match });
    expect(policy.rules).toBeUndefined();
    expect(policy.match.namespaceSelector).toBeUndefined();
    expect(policy.problems[0]).toMatchObject({
      field: 'spec.match.namespaceSelector',
      message: expect.stringContaining('ClusterSigningPolicy only'),
    });
  });

  test('C16: without a namespace it denies everywhere rather than nowhere', () => {
    expect(parse({}, { namespace: undefined })).toMatchObject({ namespace: undefined, rules: undefined });
    expect(parse({}, { namespace: 'a/b' })).toMatchObject({ namespace: undefined, rules: undefined });
  });
});

describe('trusted signers', () => {
  test('a signer is read whole', () => {
    const read = signer(
      {
        description: 'release pipeline',
        enabled: false,
        expiresAt: '2027-03-31T00:00:00Z',
        signedNotBefore: '2026-01-01T02:00:00+02:00',
        signedNotAfter: '2027-01-31T00:00:00.5Z',
      },
      { labels: { team: 'platform' }, generation: 7 },
    );
    expect(read).toMatchObject({
      name: 'good',
      generation: 7,
      description: 'release pipeline',
      enabled: false,
      expiresAt: Date.UTC(2027, 2, 31),
      signedNotBefore: Date.UTC(2026, 0, 1),
      signedNotAfter: Date.UTC(2027, 0, 31, 0, 0, 0, 500),
      identity: { kind: 'keyless', field: 'spec' },
      problems: [],
    });
    expect(read.labels['team']).toBe('platform');
    expect(read.labels['constructor']).toBeUndefined();
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['enabled as a text', { enabled: 'true' }, 'spec.enabled'],
    ['enabled null', { enabled: null }, 'spec.enabled'],
    ['a date without a time', { expiresAt: '2027-03-31' }, 'spec.expiresAt'],
    ['a time without an offset', { expiresAt: '2027-03-31T00:00:00' }, 'spec.expiresAt'],
    ['30 February', { expiresAt: '2027-02-30T00:00:00Z' }, 'spec.expiresAt'],
    ['29 February 2027', { expiresAt: '2027-02-29T00:00:00Z' }, 'spec.expiresAt'],
    ['25 o’clock', { expiresAt: '2027-03-31T25:00:00Z' }, 'spec.expiresAt'],
    ['a number', { expiresAt: 1_800_000_000 }, 'spec.expiresAt'],
    ['never', { expiresAt: 'never' }, 'spec.expiresAt'],
    ['null', { expiresAt: null }, 'spec.expiresAt'],
    [
      'bounds the wrong way round',
      { signedNotBefore: '2027-01-01T00:00:00Z', signedNotAfter: '2026-01-01T00:00:00Z' },
      'spec.signedNotAfter',
    ],
    ['an unknown field', { expireAt: '2027-03-31T00:00:00Z' }, 'spec.expireAt'],
    ['a reference to another signer', { signerRef: { name: 'a' } }, 'spec.signerRef'],
    ['nobody', { keyless: undefined, issuer: undefined, subject: undefined }, 'spec'],
  ])('H3: %s vouches for nothing', (_, changes, field) => {
    const good = signer({
      expiresAt: '2028-02-29T23:59:59Z',
      signedNotBefore: '2026-01-01T00:00:00Z',
      signedNotAfter: '2026-01-01T00:00:00Z',
    });
    expect(good).toMatchObject({ problems: [], enabled: true, identity: { kind: 'keyless' } });
    const bad = signer(changes);
    expect(bad.identity.kind).toBe('broken');
    expect(bad.problems.map((problem) => problem.field)).toContain(field);
  });

  test('H3: a signer whose labels or name cannot be read vouches for nothing', () => {
    expect(signer({}, { labels: { team: 'a' } }).identity.kind).toBe('keyless');
    expect(signer({}, { labels: { team: 1 } })).toMatchObject({ identity: { kind: 'broken' }, labels: {} });
    expect(signer({}, { name: 'Bad Name' }).identity.kind).toBe('broken');
  });

  test('a signer whose switch cannot be read is switched off', () => {
    expect(signer({ enabled: 'true' }).enabled).toBe(false);
  });

  test('C17: a signer with a key that is none vouches for nothing', () => {
    const key = (pem: string) => parseResource(document('TrustedSigner', { publicKey: { pem } }));
    expect(key(PUBLIC_PEM)).toMatchObject({ identity: { kind: 'publicKey' } });
    expect(key(PRIVATE_PEM)).toMatchObject({
      identity: { kind: 'broken', problem: { field: 'spec.publicKey.pem' } },
    });
  });
});

describe('trust roots', () => {
  test('a root is read with what it requires', () => {
    const requires = (proofs: unknown) => {
      const read = trustRoot({ trustedRoot: TRUSTED_ROOT, proofs });
      if (read.source?.kind !== 'inline') throw new Error(`the source is ${read.source?.kind}`);
      expect(read.requires).toEqual(read.source.root.requires);
      return read.requires;
    };
    expect(requires({ preset: 'Private' })).toEqual({ logEntries: 1, timestamps: 0, scts: 0 });
    expect(requires({ logEntries: 2, timestamps: 0, scts: 0 })).toEqual({
      logEntries: 2,
      timestamps: 0,
      scts: 0,
    });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['not JSON', { trustedRoot: 'trusted' }, 'spec.trustedRoot'],
    ['a key twice', { trustedRoot: TRUSTED_ROOT.replace('{', '{"tlogs":[],') }, 'spec.trustedRoot'],
    ['an object instead of its text', { trustedRoot: JSON.parse(TRUSTED_ROOT) }, 'spec.trustedRoot'],
    ['another document', { trustedRoot: '{"mediaType":"application/json"}' }, 'spec.trustedRoot'],
    [
      'proofs that nobody gives',
      { trustedRoot: TRUSTED_ROOT, proofs: { preset: 'PublicGood' } },
      'spec.trustedRoot',
    ],
    ['no time at all', { proofs: { logEntries: 0, timestamps: 0, scts: 0 } }, 'spec.proofs'],
    ['half of the numbers', { proofs: { logEntries: 1 } }, 'spec.proofs'],
    ['preset and numbers', { proofs: { preset: 'Private', scts: 0 } }, 'spec.proofs'],
    ['an unknown preset', { proofs: { preset: 'None' } }, 'spec.proofs.preset'],
    ['a negative number', { proofs: { logEntries: -1, timestamps: 1, scts: 0 } }, 'spec.proofs.logEntries'],
    ['an unknown proof', { proofs: { preset: 'Private', rekor: 1 } }, 'spec.proofs.rekor'],
  ])('H3: %s is no root', (_, changes, field) => {
    const spec = { trustedRoot: TRUSTED_ROOT, proofs: { preset: 'Private' } };
    expect(trustRoot(spec)).toMatchObject({ source: { kind: 'inline' }, problems: [] });
    const bad = trustRoot(field === 'spec.trustedRoot' ? changes : { ...spec, ...changes });
    expect(bad.source).toBeUndefined();
    expect(bad.problems.map((problem) => problem.field)).toContain(field);
  });
});

describe('where a trust root comes from', () => {
  test.each(GOOD_TRUST_SOURCES)('%s', (_, spec) => {
    expect(trustRoot(spec)).toMatchObject({ problems: [], source: {} });
  });

  test('each is read as what it is, with what its instance gives', () => {
    const archive = Buffer.from('an archive');
    expect(trustRoot({ publicGood: {} })).toMatchObject({
      source: { kind: 'publicGood', mirror: undefined },
      requires: { logEntries: 1, timestamps: 0, scts: 1 },
    });
    expect(trustRoot({ publicGood: { mirror: 'https://tuf.example.com' } }).source).toEqual({
      kind: 'publicGood',
      mirror: 'https://tuf.example.com',
    });
    const tuf = { root: '{}', mirror: 'https://tuf.example.com' };
    expect(trustRoot({ tuf, proofs: { preset: 'GitHub' } })).toMatchObject({
      source: {
        kind: 'tuf',
        root: '{}',
        from: { kind: 'mirror', url: tuf.mirror },
        target: 'trusted_root.json',
      },
      requires: { logEntries: 0, timestamps: 1, scts: 0 },
    });
    const inArchive = { root: '{}', archive: archive.toString('base64'), target: 'corp.json' };
    expect(trustRoot({ tuf: inArchive }).source).toEqual({
      kind: 'tuf',
      root: '{}',
      from: { kind: 'archive', bytes: archive },
      target: 'corp.json',
    });
  });

  test.each(BAD_TRUST_SOURCES)('H8: %s is no root', (_, spec, field) => {
    const bad = trustRoot(spec);
    expect(bad.source).toBeUndefined();
    expect(bad.problems.map((problem) => problem.field)).toContain(field);
  });

  test('H8: a root.json that is no JSON, or has a key twice, is told at once', () => {
    const mirror = 'https://tuf.example.com';
    for (const root of ['root', '{"a":1,"a":2}', '{} {}']) {
      expect(trustRoot({ tuf: { root, mirror } })).toMatchObject({
        source: undefined,
        problems: [{ field: 'spec.tuf.root' }],
      });
    }
    expect(trustRoot({ tuf: { root: '{"a":1,"b":2}', mirror } }).problems).toEqual([]);
  });
});

describe('any document', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['another group', { ...document('TrustedSigner', KEYLESS), apiVersion: 'evil.example/v1alpha1' }],
    ['another version', { ...document('TrustedSigner', KEYLESS), apiVersion: 'countersign.dev/v1' }],
    ['another kind', document('ValidatingWebhookConfiguration', {})],
    ['an inherited kind', document('constructor', {})],
    ['no metadata', { ...document('TrustedSigner', KEYLESS), metadata: undefined }],
    ['no name', document('TrustedSigner', KEYLESS, { name: undefined })],
    ['an empty name', document('TrustedSigner', KEYLESS, { name: '' })],
    ['a name that is a list', document('TrustedSigner', KEYLESS, { name: ['a'] })],
  ])('G10: %s is not one of ours', (_, json) => {
    expect(parseResource(document('TrustedSigner', KEYLESS)).name).toBe('good');
    expect(() => parseResource(json)).toThrow(
      expect.objectContaining({ code: 'MALFORMED' }) as unknown as Error,
    );
  });

  test.each([...KINDS])('a %s with no spec has problems', (kind) => {
    for (const spec of [undefined, null, 'x', [], 7]) {
      expect(problemFields(document(kind, spec))).toContain('spec');
    }
  });

  test.each<[string, string]>([
    ['at the top', '"__proto__": {"spec": {}},'],
    ['constructor at the top', '"constructor": {"prototype": {}},'],
  ])('G5: keys of prototypes %s are unknown fields', (_, insert) => {
    const text = JSON.stringify(document('ClusterSigningPolicy', policySpec()));
    expect(problemFields(JSON.parse(text))).toEqual([]);
    expect(problemFields(JSON.parse(text.replace('{', `{${insert}`)))).toHaveLength(1);
    expect(({} as Record<string, unknown>)['spec']).toBeUndefined();
  });

  test.each([
    ['the spec', 'spec.__proto__', (spec: string) => spec.replace('{', '{"__proto__": {"mode": "Audit"},')],
    [
      'match',
      'spec.match.__proto__',
      (spec: string) => spec.replace('{', '{"match": {"__proto__": {"images": []}},'),
    ],
    [
      'labels of a selector',
      'spec.match.namespaceSelector.matchLabels.__proto__',
      (spec: string) =>
        spec.replace('{', '{"match": {"namespaceSelector": {"matchLabels": {"__proto__": "x"}}},'),
    ],
  ] as const)('G5: __proto__ in %s is not skipped', (_, field, mutate) => {
    const spec = JSON.stringify(policySpec());
    const policy = parseResource(document('ClusterSigningPolicy', JSON.parse(mutate(spec)))) as SigningPolicy;
    expect(policy).toMatchObject({ mode: 'Enforce', rules: undefined });
    expect(policy.problems.map((problem) => problem.field)).toContain(field);
  });

  test('G5: a status, and what the API server keeps in metadata, have no effect', () => {
    const metadata = { ownerReferences: [], managedFields: [], generation: 3, annotations: {} };
    const json = {
      ...document('TrustedSigner', KEYLESS, metadata),
      status: { type: 'x', spec: { enabled: false } },
    };
    expect(parseResource(json)).toMatchObject({ generation: 3, enabled: true, problems: [] });
  });

  test('nesting without end is a problem and not a crash', () => {
    let slsa: unknown = {};
    for (let depth = 0; depth < 100_000; depth++) slsa = { a: slsa };
    expect(() => inspectResource(document('ClusterSigningPolicy', policySpec({ slsa })))).not.toThrow();
    expect(clusterPolicy({ slsa }).rules).toBeUndefined();
  });

  test('a name that Kubernetes would not take is a problem, and the policy still denies', () => {
    const policy = parseResource(
      document('ClusterSigningPolicy', policySpec(), { name: 'Bad Name' }),
    ) as SigningPolicy;
    expect(policy).toMatchObject({ name: 'Bad Name', rules: undefined });
  });
});
