import { describe, expect, test } from '@jest/globals';
import { crdOf } from '../../src/api/crd.ts';
import { DEFINITIONS } from '../../src/api/definitions.ts';
import { inspectResource } from '../../src/api/resource.ts';
import {
  DIGEST,
  document,
  exceptionSpec,
  KEYLESS,
  KEYLESS_PATTERNS,
  OTHER_PEM,
  policySpec,
  PUBLIC_PEM,
  TRUSTED_ROOT,
  trustedRootJson,
  type Json,
} from './documents.ts';

/**
 * C2: a declared constraint that is silently ignored. Every field that a CRD has stands in this table with a valid document
 * in which that field, and nothing else, takes another value; the parsed resource must differ. A field that is missing here,
 * or that has no effect, fails.
 */
interface Effect {
  readonly spec: Json;
  /** Another valid spec that differs in this field only. */
  readonly changed: Json;
}

const SELECTOR = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] };
const withKey = (entry: Json): Json => policySpec({ trustedKeys: [entry] });

function selectorEffects(at: string, spec: (selector: Json) => Json): Record<string, Effect> {
  const effect = (changed: Json): Effect => ({
    spec: spec(SELECTOR),
    changed: spec({ ...SELECTOR, ...changed }),
  });
  const expression = (changes: Json) => ({
    matchExpressions: [{ ...SELECTOR.matchExpressions[0], ...changes }],
  });
  return {
    [`${at}.matchLabels.*`]: effect({ matchLabels: { a: 'x' } }),
    [`${at}.matchExpressions[].key`]: effect(expression({ key: 'x' })),
    [`${at}.matchExpressions[].operator`]: effect(expression({ operator: 'NotIn' })),
    [`${at}.matchExpressions[].values[]`]: effect(expression({ values: ['x'] })),
  };
}

function identityEffects(at: string, spec: (identity: Json) => Json): Record<string, Effect> {
  const exact = (changes: Json): Effect => ({
    spec: spec(KEYLESS),
    changed: spec({ ...KEYLESS, ...changes }),
  });
  const pattern = (changes: Json): Effect => ({
    spec: spec(KEYLESS_PATTERNS),
    changed: spec({ ...KEYLESS_PATTERNS, ...changes }),
  });
  const extension = (name: string): [string, Effect] => [
    `${at}.extensions.${name}`,
    exact({ extensions: { [name]: 'x' } }),
  ];
  return {
    [`${at}.keyless`]: { spec: spec({ publicKey: { pem: PUBLIC_PEM } }), changed: spec(KEYLESS) },
    [`${at}.issuer`]: exact({ issuer: 'https://other.example.com' }),
    [`${at}.subject`]: exact({ subject: 'other@example.com' }),
    [`${at}.issuerRegExp`]: pattern({ issuerRegExp: 'https://other\\.example\\.com' }),
    [`${at}.subjectRegExp`]: pattern({ subjectRegExp: 'other@example\\.com' }),
    [`${at}.trustRootRef.name`]: exact({ trustRootRef: { name: 'other' } }),
    [`${at}.publicKey.pem`]: {
      spec: spec({ publicKey: { pem: PUBLIC_PEM } }),
      changed: spec({ publicKey: { pem: OTHER_PEM } }),
    },
    ...Object.fromEntries(EXTENSIONS.map(extension)),
  };
}

/** Keys that are kept elsewhere: not a tenant's to refer to. */
function referenceEffects(at: string, spec: (identity: Json) => Json): Record<string, Effect> {
  const secretRef = { namespace: 'keys', name: 'release', key: 'release.pub' };
  const secret = (changes: Json): Effect => ({
    spec: spec({ publicKey: { secretRef } }),
    changed: spec({ publicKey: { secretRef: { ...secretRef, ...changes } } }),
  });
  return {
    [`${at}.keyRef.uri`]: {
      spec: spec({ keyRef: { uri: 'awskms:///alias/release' } }),
      changed: spec({ keyRef: { uri: 'awskms:///alias/other' } }),
    },
    [`${at}.publicKey.secretRef.namespace`]: secret({ namespace: 'other' }),
    [`${at}.publicKey.secretRef.name`]: secret({ name: 'other' }),
    [`${at}.publicKey.secretRef.key`]: secret({ key: 'other.pub' }),
  };
}

// Written out: a name that disappears from the schema must be missed.
const EXTENSIONS = [
  'buildSignerURI',
  'buildSignerDigest',
  'runnerEnvironment',
  'sourceRepositoryURI',
  'sourceRepositoryDigest',
  'sourceRepositoryRef',
  'sourceRepositoryID',
  'sourceRepositoryOwnerURI',
  'sourceRepositoryOwnerID',
  'buildConfigURI',
  'buildConfigDigest',
  'buildTrigger',
  'runInvocationURI',
  'sourceRepositoryVisibility',
  'deploymentEnvironment',
  'tokenSubject',
];

const BUILDER = { id: 'https://tekton.example.com/chains', signerRef: { name: 'a' } };
const SOURCE = { uri: 'https://github.com/acme/*' };
const VERIFIER = { id: 'https://verifier.example.com', signerRef: { name: 'a' } };

function slsaEffects(): Record<string, Effect> {
  const to = (changes: Json, base: Json = {}): Effect => ({
    spec: policySpec({ slsa: { requiredLevel: 2, ...base } }),
    changed: policySpec({ slsa: { requiredLevel: 2, ...base, ...changes } }),
  });
  const one = (list: string, base: Json, changes: Json): Effect =>
    to({ [list]: [{ ...base, ...changes }] }, { [list]: [base] });
  return {
    'slsa.requiredLevel': to({ requiredLevel: 3 }),
    'slsa.builders[].id': one('builders', BUILDER, { id: 'https://other.example.com' }),
    'slsa.builders[].refs[]': one('builders', BUILDER, { refs: ['refs/tags/v2.*'] }),
    'slsa.builders[].level': one('builders', BUILDER, { level: 1 }),
    'slsa.builders[].signerRef.name': one('builders', BUILDER, { signerRef: { name: 'b' } }),
    'slsa.sources[].uri': one('sources', SOURCE, { uri: 'https://github.com/other/*' }),
    'slsa.sources[].ownerID': one('sources', SOURCE, { ownerID: '1' }),
    'slsa.sources[].repositoryID': one('sources', SOURCE, { repositoryID: '1' }),
    'slsa.refs[]': to({ refs: ['refs/heads/main'] }),
    'slsa.buildTypes[]': to({ buildTypes: ['https://tekton.dev/chains/v2/slsa'] }),
    'slsa.triggers[]': to({ triggers: ['push'] }),
    'slsa.runnerEnvironment': to({ runnerEnvironment: 'github-hosted' }),
    'slsa.githubIssuers[]': to({ githubIssuers: ['https://token.actions.githubusercontent.com/acme'] }),
    'slsa.verifiers[].id': one('verifiers', VERIFIER, { id: 'https://other.example.com' }),
    'slsa.verifiers[].signerRef.name': one('verifiers', VERIFIER, { signerRef: { name: 'b' } }),
    'slsa.verifiers[].policyURI': one('verifiers', VERIFIER, { policyURI: 'https://verifier.example.com/p' }),
    'slsa.maxAge': to({ maxAge: '30d' }),
    'slsa.trustRootRef.name': to({ trustRootRef: { name: 'other' } }),
  };
}

const SBOM = { predicateType: 'https://spdx.dev/Document', signers: [KEYLESS] };
const withSigner = (signer: Json): Json => policySpec({ attestations: [{ ...SBOM, signers: [signer] }] });

function attestationEffects(): Record<string, Effect> {
  const to = (changes: Json, base: Json = {}): Effect => ({
    spec: policySpec({ attestations: [{ ...SBOM, ...base }] }),
    changed: policySpec({ attestations: [{ ...SBOM, ...base, ...changes }] }),
  });
  const conditions = [{ cel: 'predicate.a == 1', message: 'a is one' }];
  const condition = (changes: Json): Effect =>
    to({ conditions: [{ ...conditions[0], ...changes }] }, { conditions });
  return {
    'attestations[].predicateType': to({ predicateType: 'https://cyclonedx.org/bom' }),
    'attestations[].conditions[].cel': condition({ cel: 'predicate.a == 2' }),
    'attestations[].conditions[].message': condition({ message: 'a is two' }),
    'attestations[].maxAge': to({ maxAge: '30d' }),
    ...identityEffects('attestations[].signers[]', withSigner),
    'attestations[].signers[].signerRef.name': {
      spec: withSigner({ signerRef: { name: 'a' } }),
      changed: withSigner({ signerRef: { name: 'b' } }),
    },
  };
}

function policyEffects(): Record<string, Effect> {
  const to = (changes: Json): Effect => ({ spec: policySpec(), changed: policySpec(changes) });
  const twoKeys = { trustedKeys: [KEYLESS, KEYLESS_PATTERNS] };
  return {
    mode: to({ mode: 'Audit' }),
    'match.images[]': to({ match: { images: ['ghcr.io/x/**'] } }),
    'match.excludeImages[]': to({ match: { excludeImages: ['ghcr.io/x/**'] } }),
    ...selectorEffects('match.workloadSelector', (workloadSelector) =>
      policySpec({ match: { workloadSelector } }),
    ),
    ...identityEffects('trustedKeys[]', withKey),
    'trustedKeys[].signerRef.name': {
      spec: withKey({ signerRef: { name: 'a' } }),
      changed: withKey({ signerRef: { name: 'b' } }),
    },
    requireSignature: {
      spec: policySpec({ trustedKeys: undefined, requireSignature: false, tagPolicy: 'RequireDigest' }),
      changed: policySpec({ requireSignature: true, tagPolicy: 'RequireDigest' }),
    },
    threshold: { spec: policySpec(twoKeys), changed: policySpec({ ...twoKeys, threshold: 2 }) },
    'transparency.keyless.log': to({ transparency: { keyless: { log: 'Required' } } }),
    'transparency.keyless.timestamp': to({ transparency: { keyless: { timestamp: 'Required' } } }),
    'transparency.keys.log': to({ transparency: { keys: { log: 'Ignored' } } }),
    'transparency.keys.timestamp': to({ transparency: { keys: { timestamp: 'Required' } } }),
    multiArch: to({ multiArch: 'IndexAndPlatforms' }),
    acceptMembership: to({ acceptMembership: true }),
    signatureRepository: to({ signatureRepository: 'ghcr.io/org/signatures' }),
    'trustRootRef.name': to({ trustRootRef: { name: 'other' } }),
    tagPolicy: to({ tagPolicy: 'Resolve' }),
    'revokedDigests[]': to({ revokedDigests: [DIGEST] }),
    ...slsaEffects(),
    ...attestationEffects(),
  };
}

const PROOFS = { logEntries: 1, timestamps: 0, scts: 0 };
const root = (proofs: Json): Json => ({ trustedRoot: TRUSTED_ROOT, proofs });
const publicGood = (proofs: Json, instance: Json = {}): Json => ({ publicGood: instance, proofs });
const TUF_MIRROR = { root: '{}', mirror: 'https://tuf.example.com', target: 'trusted_root.json' };
const TUF_ARCHIVE = { root: '{}', archive: 'H4sIAAAA' };
const tuf = (repository: Json, changes: Json): Effect => ({
  spec: { tuf: repository },
  changed: { tuf: { ...repository, ...changes } },
});

const EFFECTS: Readonly<Record<string, Readonly<Record<string, Effect>>>> = {
  ClusterSigningPolicy: {
    ...policyEffects(),
    ...selectorEffects('match.namespaceSelector', (namespaceSelector) =>
      policySpec({ match: { namespaceSelector } }),
    ),
    ...selectorEffects('trustedKeys[].signerSelector', (signerSelector) => withKey({ signerSelector })),
    ...referenceEffects('trustedKeys[]', withKey),
    ...selectorEffects('attestations[].signers[].signerSelector', (signerSelector) =>
      withSigner({ signerSelector }),
    ),
    ...referenceEffects('attestations[].signers[]', withSigner),
  },
  SigningPolicy: policyEffects(),
  TrustedSigner: {
    ...identityEffects('', (identity) => identity),
    ...referenceEffects('', (identity) => identity),
    description: { spec: KEYLESS, changed: { ...KEYLESS, description: 'x' } },
    enabled: { spec: KEYLESS, changed: { ...KEYLESS, enabled: false } },
    expiresAt: { spec: KEYLESS, changed: { ...KEYLESS, expiresAt: '2027-01-01T00:00:00Z' } },
    signedNotBefore: { spec: KEYLESS, changed: { ...KEYLESS, signedNotBefore: '2027-01-01T00:00:00Z' } },
    signedNotAfter: { spec: KEYLESS, changed: { ...KEYLESS, signedNotAfter: '2027-01-01T00:00:00Z' } },
  },
  TrustRoot: {
    trustedRoot: {
      spec: root({ preset: 'Private' }),
      changed: { ...root({ preset: 'Private' }), trustedRoot: trustedRootJson('https://other.example.com') },
    },
    'proofs.preset': {
      spec: root({ logEntries: 2, timestamps: 0, scts: 0 }),
      changed: root({ preset: 'Private' }),
    },
    'proofs.logEntries': { spec: root(PROOFS), changed: root({ ...PROOFS, logEntries: 2 }) },
    'proofs.timestamps': { spec: publicGood(PROOFS), changed: publicGood({ ...PROOFS, timestamps: 1 }) },
    'proofs.scts': { spec: publicGood(PROOFS), changed: publicGood({ ...PROOFS, scts: 1 }) },
    'publicGood.mirror': {
      spec: publicGood(PROOFS),
      changed: publicGood(PROOFS, { mirror: 'https://tuf.example.com' }),
    },
    'tuf.root': tuf(TUF_MIRROR, { root: '{"signed":{}}' }),
    'tuf.mirror': tuf(TUF_MIRROR, { mirror: 'https://other.example.com' }),
    'tuf.archive': tuf(TUF_ARCHIVE, { archive: 'H4sIBBBB' }),
    'tuf.target': tuf(TUF_MIRROR, { target: 'other.json' }),
  },
  SigningException: Object.fromEntries(
    Object.entries({
      'namespaces[]': { namespaces: ['other'] },
      'images[]': { images: ['quay.io/**'] },
      'policies[]': { policies: ['mcp-servers'] },
      reason: { reason: 'another' },
      expiresAt: { expiresAt: '2027-01-01T00:00:00Z' },
    }).map(([path, changes]) => [path, { spec: exceptionSpec(), changed: exceptionSpec(changes) }]),
  ),
};

/** Fields that only ever take one value, and those of later versions: any other value has to be refused, by name. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  ClusterSigningPolicy: ['onFault'],
  SigningPolicy: [
    'onFault',
    'match.namespaceSelector',
    ...['trustedKeys[]', 'attestations[].signers[]'].flatMap((at) => [
      `${at}.keyRef`,
      `${at}.publicKey.secretRef`,
      `${at}.signerSelector`,
    ]),
  ],
};

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

function leaves(schema: Schema, at: string): string[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, child]) =>
      leaves(child, at === '' ? name : `${at}.${name}`),
    );
  }
  if (schema.items !== undefined) return leaves(schema.items, `${at}[]`);
  if (schema.additionalProperties !== undefined) return leaves(schema.additionalProperties, `${at}.*`);
  return [at];
}

function specSchema(kind: string): Schema {
  const definition = DEFINITIONS.find((candidate) => candidate.kind === kind);
  if (definition === undefined) throw new Error(kind);
  const { spec } = crdOf(definition) as {
    spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: Schema } } } }] };
  };
  return spec.versions[0].schema.openAPIV3Schema.properties.spec;
}

/** Everything that a resource holds, as text. */
function dump(kind: string, spec: Json): string {
  const { resource, problems } = inspectResource(document(kind, spec));
  expect(problems).toEqual([]);
  return JSON.stringify(resource, (key, value: unknown) => {
    if (value instanceof Set) return [...value];
    return key === 'key' && typeof value === 'object'
      ? (value as { fingerprint: string }).fingerprint
      : value;
  });
}

/** A spec that has just one field, of a type that nothing has. */
function impossible(path: string, kind: string): Json {
  const value = (steps: readonly string[]): unknown => {
    const [step, ...rest] = steps;
    if (step === undefined) return Symbol.for('impossible');
    return step === '[]' ? [value(rest)] : { [step === '*' ? 'a' : step]: value(rest) };
  };
  const steps = path.split(/\.|(?=\[\])/).filter((step) => step !== '');
  const base: Json = kind.endsWith('Policy')
    ? policySpec()
    : kind === 'TrustRoot'
      ? root({ preset: 'Private' })
      : kind === 'SigningException'
        ? exceptionSpec()
        : KEYLESS;
  const changed = value(steps) as { readonly attestations?: readonly Json[] };
  // Signers are read one by one, of an attestation whose other fields are right.
  const attestations = changed.attestations?.map((of) => ({ ...SBOM, ...of }));
  return { ...base, ...changed, ...(attestations !== undefined && { attestations }) };
}

/** `trustedKeys[]` of the table is the first entry of a document. */
function fieldOf(path: string): string {
  return `spec.${path.replaceAll('[]', '[0]').replace('.*', '.a')}`;
}

describe.each(DEFINITIONS.map(({ kind }) => kind))('%s', (kind) => {
  const normal = (path: string) => path.replace(/^\./, '');
  const effects = Object.entries(EFFECTS[kind] ?? {}).map(
    ([path, effect]) => [normal(path), effect] as const,
  );
  const refused = REFUSED[kind] ?? [];

  test('C2: every field of the schema stands in the table, and no other', () => {
    expect([...effects.map(([path]) => path), ...refused].toSorted()).toEqual(
      leaves(specSchema(kind), '').toSorted(),
    );
  });

  test.each(effects)('C2: %s reaches the parsed resource', (_, { spec, changed }) => {
    expect(dump(kind, changed)).not.toBe(dump(kind, spec));
  });

  test.each([...effects.map(([path]) => path), ...refused])(
    'C2: a value of another type in %s is a problem there',
    (path) => {
      const fields = inspectResource(document(kind, impossible(path, kind))).problems.map(
        ({ field }) => field,
      );
      expect(fields.some((field) => field === fieldOf(path) || field.startsWith(`${fieldOf(path)}.`))).toBe(
        true,
      );
    },
  );

  if (refused.length === 0) return;
  test.each(refused)('C2: %s is refused by name, whatever it holds', (path) => {
    for (const value of [{ a: 1 }, true, 'x', 3, []]) {
      const text = JSON.stringify(impossible(path, kind), (_, held: unknown) =>
        typeof held === 'symbol' ? value : held,
      );
      const fields = inspectResource(document(kind, JSON.parse(text))).problems.map(({ field }) => field);
      expect(fields).toContain(fieldOf(path));
    }
  });
});
