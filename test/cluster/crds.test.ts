import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { DEFINITIONS } from '../../src/api/definitions.ts';
import { parseResource } from '../../src/api/resource.ts';
import {
  DIGEST,
  document,
  exceptionSpec,
  KEYLESS,
  KEYLESS_PATTERNS,
  policySpec,
  PRIVATE_PEM,
  PUBLIC_PEM,
  times,
  TRUSTED_ROOT,
  type Json,
} from '../api/documents.ts';
import { EVIL_MUTATIONS, EVIL_REFERENCES, GOOD_REFERENCES, ONE_OF_EACH } from '../api/key-references.ts';
import { BAD_TRUST_SOURCES, GOOD_TRUST_SOURCES } from '../api/trust-sources.ts';
import { createObject } from '../support/api-objects.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** The CRDs in a real API server: they are accepted, within the cost that it allows for CEL, and refuse what they should. */

const work = createWorkDirectory('crds');
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ workDir: work.path, controllers: false });
  const applied = await cluster.kubectl(['apply', '-f', join(import.meta.dirname, '../../manifests/crds')]);
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  const names = DEFINITIONS.map(({ plural }) => `crd/${plural}.countersign.dev`);
  const established = await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    ...names,
  ]);
  expect(established.code).toBe(0);
  await cluster.createNamespace('team');
  // Discovery follows a moment after the condition.
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
    const served = await cluster.request('/apis/countersign.dev/v1alpha1/trustroots');
    if (served.status === 200) return;
  }
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
  work.remove();
});

/** Server-side dry run: everything but storing it. */
async function apply(json: Json): Promise<string> {
  const { isTaken, message, body } = await createObject(cluster, json, { dryRun: true });
  return isTaken ? `accepted ${body}` : message;
}

const CLUSTER = 'ClusterSigningPolicy';
const EXCEPTION = 'SigningException';
const keys = (...trustedKeys: unknown[]): Json => policySpec({ trustedKeys });

const BUILDER = {
  id: 'https://tekton.example.com/chains',
  refs: ['v1.*'],
  level: 2,
  signerRef: { name: 'tekton' },
};
const SOURCE = { uri: 'https://github.com/acme/*', ownerID: '123456', repositoryID: '7' };
const VERIFIER = {
  id: 'https://verifier.example.com',
  signerRef: { name: 'verifier' },
  policyURI: 'https://p.example',
};
const ATTESTATION = {
  predicateType: 'https://spdx.dev/Document',
  signers: [KEYLESS, { signerRef: { name: 'a' } }],
  conditions: [{ cel: 'size(predicate.packages) > 0', message: 'the SBOM lists packages' }],
  maxAge: '30d',
};
const slsa = (changes: Json): Json => policySpec({ slsa: { requiredLevel: 3, ...changes } });
const attesting = (changes: Json): Json => policySpec({ attestations: [{ ...ATTESTATION, ...changes }] });

const GOOD: readonly (readonly [string, Json])[] = [
  ['a short policy', document(CLUSTER, policySpec())],
  [
    'a policy with everything',
    document(CLUSTER, {
      mode: 'Warn',
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
        { ...KEYLESS_PATTERNS, extensions: { sourceRepositoryOwnerID: '1' }, trustRootRef: { name: 'acme' } },
        { publicKey: { pem: PUBLIC_PEM } },
        { signerRef: { name: 'release-ci' } },
        { signerSelector: { matchLabels: { team: 'platform' } } },
        { keyRef: { uri: 'awskms:///alias/release' } },
        { publicKey: { secretRef: { namespace: 'keys', name: 'release' } } },
      ],
      threshold: 9,
      transparency: { keyless: { log: 'Required' }, keys: { log: 'Ignored', timestamp: 'Required' } },
      multiArch: 'IndexAndPlatforms',
      acceptMembership: false,
      signatureRepository: 'ghcr.io/org/signatures',
      trustRootRef: { name: 'public-good' },
      tagPolicy: 'Pin',
      onFault: 'Deny',
      revokedDigests: [DIGEST],
      slsa: {
        requiredLevel: 3,
        builders: [BUILDER, { id: `${BUILDER.id}@v1` }],
        sources: [SOURCE],
        refs: ['refs/heads/main', '>=2.0.0 <3'],
        buildTypes: ['https://tekton.dev/chains/v2/slsa'],
        triggers: ['push'],
        runnerEnvironment: 'github-hosted',
        githubIssuers: [
          'https://token.actions.githubusercontent.com',
          'https://token.actions.githubusercontent.com/acme',
          'https://github.corp.example:8443/_services/token',
        ],
        verifiers: [VERIFIER],
        maxAge: '30d',
        trustRootRef: { name: 'acme' },
      },
      attestations: [
        ATTESTATION,
        { predicateType: 'x', signers: [{ signerSelector: { matchLabels: { a: 'b' } } }] },
      ],
    }),
  ],
  [
    'provenance and nothing else',
    document(CLUSTER, { mode: 'Enforce', requireSignature: false, slsa: { requiredLevel: 1 } }),
  ],
  ["a tenant's provenance and attestations", document('SigningPolicy', { ...slsa({}), ...attesting({}) })],
  [
    'a policy that takes membership for a signature',
    document(CLUSTER, policySpec({ acceptMembership: true })),
  ],
  [
    'as many of everything as is allowed',
    document(CLUSTER, {
      mode: 'Audit',
      trustedKeys: times(64, KEYLESS),
      threshold: 64,
      slsa: {
        requiredLevel: 3,
        builders: times(32, {
          ...BUILDER,
          id: `https://b.example/${'x'.repeat(1000)}`,
          refs: times(32, 'v1.*'),
        }),
        sources: times(64, SOURCE),
        githubIssuers: times(8, `https://token.actions.githubusercontent.com/${'x'.repeat(100)}`),
        verifiers: times(8, VERIFIER),
      },
      attestations: times(8, {
        ...ATTESTATION,
        signers: times(8, KEYLESS),
        conditions: times(8, ATTESTATION.conditions[0]),
      }),
    }),
  ],
  [
    'a policy of digests only',
    document(CLUSTER, { mode: 'Enforce', requireSignature: false, tagPolicy: 'RequireDigest' }),
  ],
  [
    'a policy of a namespace',
    document(
      'SigningPolicy',
      keys(KEYLESS, { publicKey: { pem: PUBLIC_PEM } }, { signerRef: { name: 'a' } }),
    ),
  ],
  ['a keyless signer', document('TrustedSigner', { ...KEYLESS, expiresAt: '2027-03-31T00:00:00Z' })],
  [
    'a signer with a key and bounds',
    document('TrustedSigner', {
      publicKey: { pem: PUBLIC_PEM },
      signedNotBefore: '2026-01-01T00:00:00Z',
      signedNotAfter: '2026-01-01T02:00:00.5+01:00',
    }),
  ],
  ['a trust root', document('TrustRoot', { trustedRoot: TRUSTED_ROOT, proofs: { preset: 'Private' } })],
  [
    'a trust root with numbers',
    document('TrustRoot', { trustedRoot: TRUSTED_ROOT, proofs: { logEntries: 1, timestamps: 0, scts: 0 } }),
  ],
  ...GOOD_TRUST_SOURCES.map(([name, spec]): [string, Json] => [name, document('TrustRoot', spec)]),
  ['an exception', document(EXCEPTION, exceptionSpec({ policies: ['mcp-servers', 'mcp/own.images'] }))],
  [
    'an exception of as much as is allowed',
    document(
      EXCEPTION,
      exceptionSpec({
        namespaces: times(64, 'n'.repeat(63)),
        images: times(64, `ghcr.io/${'x'.repeat(500)}`),
        policies: times(64, `${'n'.repeat(63)}/${'p'.repeat(253)}`),
        reason: 'r'.repeat(1024),
      }),
    ),
  ],
  [
    'a signer of a corporate authority',
    document('TrustedSigner', { ...KEYLESS, issuer: 'CN=Corp Code Signing,O=Corp' }),
  ],
];

/** Each is refused by the API server with these words, without any webhook. */
const BAD: readonly (readonly [string, Json, RegExp])[] = [
  [
    'C2: an unknown field',
    document(CLUSTER, policySpec({ requireSignatures: true })),
    /unknown field "spec\.requireSignatures"/,
  ],
  [
    'C2: an unknown field of slsa',
    document(CLUSTER, slsa({ levels: 3 })),
    /unknown field "spec\.slsa\.levels"/,
  ],
  [
    'C2: slsa of level 4',
    document(CLUSTER, slsa({ requiredLevel: 4 })),
    /requiredLevel.*less than or equal to 3/,
  ],
  [
    'C2: slsa of level 0',
    document(CLUSTER, slsa({ requiredLevel: 0 })),
    /requiredLevel.*greater than or equal to 1/,
  ],
  [
    'C2: refs of a builder that names its version',
    document(CLUSTER, slsa({ builders: [{ id: `${BUILDER.id}@v1`, refs: ['v1'] }] })),
    /refs has no effect where id names a version behind "@"/,
  ],
  ['C2: a branch by its name', document(CLUSTER, slsa({ refs: ['main'] })), /spec\.slsa\.refs\[0\]/],
  [
    'C2: an enterprise by its slug',
    document(CLUSTER, slsa({ githubIssuers: ['acme'] })),
    /spec\.slsa\.githubIssuers\[0\]/,
  ],
  ['C2: an owner by name', document(CLUSTER, slsa({ sources: [{ ...SOURCE, ownerID: 'acme' }] })), /ownerID/],
  ['C2: an empty list of builders', document(CLUSTER, slsa({ builders: [] })), /spec\.slsa\.builders/],
  [
    'C2: an attestation without signers',
    document(CLUSTER, attesting({ signers: [] })),
    /spec\.attestations\[0\]\.signers/,
  ],
  [
    'C2: an attestation whose signer is two',
    document(CLUSTER, attesting({ signers: [{ ...KEYLESS, signerRef: { name: 'a' } }] })),
    /exactly one of/,
  ],
  [
    'C2: a condition without a message',
    document(CLUSTER, attesting({ conditions: [{ cel: 'true' }] })),
    /conditions\[0\]\.message: Required value/,
  ],
  [
    "C16: a key reference among a tenant's signers",
    document('SigningPolicy', attesting({ signers: [{ keyRef: { uri: 'awskms:///alias/release' } }] })),
    /spec\.attestations\[0\]\.signers\[0\]\.keyRef/,
  ],
  [
    'C2: acceptMembership beside IndexAndPlatforms',
    document(CLUSTER, policySpec({ multiArch: 'IndexAndPlatforms', acceptMembership: true })),
    /acceptMembership has no effect with multiArch: IndexAndPlatforms/,
  ],
  [
    'C2: acceptMembership without requireSignature',
    document(CLUSTER, {
      mode: 'Enforce',
      requireSignature: false,
      tagPolicy: 'RequireDigest',
      acceptMembership: true,
    }),
    /have no effect without requireSignature/,
  ],
  [
    'a signature repository with a line break',
    document(CLUSTER, policySpec({ signatureRepository: 'ghcr.io/org/signatures\n' })),
    /spec\.signatureRepository/,
  ],
  ['C2: LastKnownGood', document(CLUSTER, policySpec({ onFault: 'LastKnownGood' })), /spec\.onFault/],
  [
    'C16: keyRef in a namespace',
    document('SigningPolicy', keys({ keyRef: { uri: 'k8s://keys/cosign' } })),
    /spec\.trustedKeys\[0\]\.keyRef.*ClusterSigningPolicy and TrustedSigner only/,
  ],
  [
    'C16: secretRef in a namespace',
    document('SigningPolicy', keys({ publicKey: { secretRef: { namespace: 'kube-system', name: 'a' } } })),
    /publicKey\.secretRef is for ClusterSigningPolicy and TrustedSigner only/,
  ],
  [
    'C17: a key in two places',
    document(CLUSTER, keys({ publicKey: { pem: PUBLIC_PEM, secretRef: { namespace: 'keys', name: 'a' } } })),
    /publicKey needs exactly one of pem and secretRef/,
  ],
  [
    'C17: a key nowhere',
    document('TrustedSigner', { publicKey: {} }),
    /publicKey needs exactly one of pem and secretRef/,
  ],
  [
    'C17: a Secret without a namespace',
    document(CLUSTER, keys({ publicKey: { secretRef: { name: 'a' } } })),
    /secretRef\.namespace: Required value/,
  ],
  [
    'C17: a Secret whose namespace steps up',
    document(CLUSTER, keys({ publicKey: { secretRef: { namespace: 'a/../b', name: 'a' } } })),
    /secretRef\.namespace/,
  ],
  [
    'C17: the key of a Secret with a slash',
    document(CLUSTER, keys({ publicKey: { secretRef: { namespace: 'a', name: 'a', key: '../x' } } })),
    /secretRef\.key/,
  ],
  [
    'H15: mode Enforced',
    document(CLUSTER, policySpec({ mode: 'Enforced' })),
    /spec\.mode: Unsupported value: "Enforced"/,
  ],
  ['H15: mode "warn "', document(CLUSTER, policySpec({ mode: 'warn ' })), /spec\.mode: Unsupported value/],
  ['H15: no mode', document(CLUSTER, policySpec({ mode: undefined })), /spec\.mode: Required value/],
  ['C3: empty trustedKeys', document(CLUSTER, keys()), /spec\.trustedKeys.*at least 1 items/],
  ['C3: no trustedKeys', document(CLUSTER, policySpec({ trustedKeys: undefined })), /trustedKeys is missing/],
  [
    'C3: asks for nothing',
    document(CLUSTER, { mode: 'Enforce', requireSignature: false }),
    /asks for nothing/,
  ],
  [
    'C2: signers without requireSignature',
    document(CLUSTER, policySpec({ requireSignature: false, tagPolicy: 'RequireDigest' })),
    /no effect/,
  ],
  ['C3: nobody', document(CLUSTER, keys({})), /must have exactly one of keyless/],
  [
    'C3: two kinds',
    document(CLUSTER, keys({ ...KEYLESS, signerRef: { name: 'a' } })),
    /must have exactly one of keyless/,
  ],
  [
    'C3: an issuer without a subject',
    document(CLUSTER, keys({ keyless: true, issuer: 'https://a' })),
    /exactly one of subject and subjectRegExp/,
  ],
  [
    'C3: a subject without an issuer',
    document(CLUSTER, keys({ keyless: true, subject: 'a@b' })),
    /exactly one of issuer and issuerRegExp/,
  ],
  ['C3: an empty subject', document(CLUSTER, keys({ ...KEYLESS, subject: '' })), /subject.*at least 1 chars/],
  [
    'C3: anyone',
    document(CLUSTER, keys({ keyless: true, issuer: 'https://a', subjectRegExp: '.*' })),
    /must not match anyone/,
  ],
  [
    'F6: a pattern that does not compile',
    document(CLUSTER, keys({ keyless: true, issuer: 'https://a', subjectRegExp: '(a' })),
    /subjectRegExp.*missing closing \)/,
  ],
  [
    'F6: lookahead',
    document(CLUSTER, keys({ keyless: true, issuer: 'https://a', subjectRegExp: '(?=a)b' })),
    /subjectRegExp.*invalid/,
  ],
  [
    'C3: keyless: false',
    document(CLUSTER, keys({ ...KEYLESS, keyless: false })),
    /keyless: Unsupported value: false/,
  ],
  [
    'C3: identity without keyless',
    document(CLUSTER, keys({ signerRef: { name: 'a' }, issuer: 'https://a' })),
    /belong to a keyless identity/,
  ],
  ['C3: an empty selector', document(CLUSTER, keys({ signerSelector: {} })), /must not be empty/],
  [
    'C3: a selector of nothing',
    document(CLUSTER, keys({ signerSelector: { matchLabels: {} } })),
    /must not be empty/,
  ],
  [
    'a selector without values',
    document(
      CLUSTER,
      policySpec({ match: { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }),
    ),
    /In and NotIn need values/,
  ],
  [
    'a threshold out of reach',
    document(CLUSTER, policySpec({ threshold: 2 })),
    /more than the entries of trustedKeys can reach/,
  ],
  [
    'threshold 0',
    document(CLUSTER, policySpec({ threshold: 0 })),
    /spec\.threshold.*greater than or equal to 1/,
  ],
  [
    'Ignored for keyless',
    document(CLUSTER, policySpec({ transparency: { keyless: { log: 'Ignored' } } })),
    /spec\.transparency\.keyless\.log: Unsupported value/,
  ],
  [
    'a short digest',
    document(CLUSTER, policySpec({ revokedDigests: ['sha256:abc'] })),
    /spec\.revokedDigests\[0\]/,
  ],
  [
    '65 entries',
    document(CLUSTER, policySpec({ trustedKeys: times(65, KEYLESS) })),
    /Too many: 65: must have at most 64/,
  ],
  [
    'C16: signerSelector in a namespace',
    document('SigningPolicy', keys({ signerSelector: { matchLabels: { a: 'b' } } })),
    /ClusterSigningPolicy only/,
  ],
  [
    'C16: namespaceSelector in a namespace',
    document('SigningPolicy', policySpec({ match: { namespaceSelector: {} } })),
    /ClusterSigningPolicy only/,
  ],
  [
    'C17: a private key',
    document('TrustedSigner', { publicKey: { pem: PRIVATE_PEM } }),
    /never of a private one/,
  ],
  [
    'C17: an HTML page',
    document('TrustedSigner', { publicKey: { pem: '<html>' } }),
    /PEM block of a public key/,
  ],
  [
    'a signer of two kinds',
    document('TrustedSigner', { ...KEYLESS, publicKey: { pem: PUBLIC_PEM } }),
    /must have exactly one of keyless, publicKey and keyRef/,
  ],
  [
    'a date without a time',
    document('TrustedSigner', { ...KEYLESS, expiresAt: '2027-03-31' }),
    /spec\.expiresAt/,
  ],
  [
    'a date that does not exist',
    document('TrustedSigner', { ...KEYLESS, expiresAt: '2027-02-30T00:00:00Z' }),
    /spec\.expiresAt/,
  ],
  [
    'bounds the wrong way round',
    document('TrustedSigner', {
      ...KEYLESS,
      signedNotBefore: '2027-01-01T00:00:00Z',
      signedNotAfter: '2026-01-01T00:00:00Z',
    }),
    /must not be before signedNotBefore/,
  ],
  [
    'no trust root',
    document('TrustRoot', { proofs: { preset: 'Private' } }),
    /must have exactly one of trustedRoot, publicGood and tuf/,
  ],
  [
    'two trust roots',
    document('TrustRoot', { trustedRoot: TRUSTED_ROOT, publicGood: {}, proofs: { preset: 'Private' } }),
    /must have exactly one of trustedRoot, publicGood and tuf/,
  ],
  [
    'no time',
    document('TrustRoot', { trustedRoot: TRUSTED_ROOT, proofs: { logEntries: 0, timestamps: 0, scts: 1 } }),
    /must not both be 0/,
  ],
  [
    'half of the numbers',
    document('TrustRoot', { trustedRoot: TRUSTED_ROOT, proofs: { scts: 1 } }),
    /either preset, or/,
  ],
  [
    'an exception without an end',
    document(EXCEPTION, exceptionSpec({ expiresAt: undefined })),
    /spec\.expiresAt: Required value/,
  ],
  ['an exception without a reason', document(EXCEPTION, exceptionSpec({ reason: ' ' })), /spec\.reason/],
  [
    'an exception for a pattern of namespaces',
    document(EXCEPTION, exceptionSpec({ namespaces: ['*'] })),
    /spec\.namespaces\[0\]/,
  ],
  ['an exception from no policy', document(EXCEPTION, exceptionSpec({ policies: [] })), /spec\.policies/],
  ...BAD_TRUST_SOURCES.map(([name, spec, , said]): [string, Json, RegExp] => [
    `H8: ${name}`,
    document('TrustRoot', spec),
    said,
  ]),
];

describe('CRDs in a real API server', () => {
  test.each(GOOD)(
    '%s is accepted, and says the same to this program once the defaults are in',
    async (_, json) => {
      const answer = await apply(json);
      expect(answer).toMatch(/^accepted /);
      const stored = JSON.parse(answer.slice('accepted '.length)) as Json;
      // Generation aside, which a file has not.
      const plain = (resource: object) =>
        JSON.parse(JSON.stringify({ ...resource, generation: 0 })) as unknown;
      expect(plain(parseResource(stored))).toEqual(plain(parseResource(json)));
      expect(parseResource(stored).problems).toEqual(
        (json['kind'] as string) === 'TrustRoot' ? parseResource(json).problems : [],
      );
    },
  );

  test.each(BAD)('%s', async (_, json, expected) => {
    const answer = await apply(json);
    expect(answer).toMatch(expected);
    expect(answer).not.toContain(PRIVATE_PEM.split('\n')[1]);
  });

  test('A35: every key reference is accepted or refused as this program reads it', async () => {
    const path = '/apis/countersign.dev/v1alpha1/trustedsigners?dryRun=All';
    const statusOf = async (uri: string): Promise<number> =>
      (await cluster.request(path, { method: 'POST', body: document('TrustedSigner', { keyRef: { uri } }) }))
        .status;
    const evil = [
      ...EVIL_REFERENCES.map(([, uri]) => uri),
      ...ONE_OF_EACH.flatMap((uri) => EVIL_MUTATIONS.map(([, mutate]) => mutate(uri))),
    ];
    for (const [uri] of GOOD_REFERENCES) expect([uri, await statusOf(uri)]).toEqual([uri, 201]);
    for (const uri of evil)
      expect([uri.slice(0, 200), await statusOf(uri)]).toEqual([uri.slice(0, 200), 422]);
  }, 60_000);

  test('64 entries with the longest references are within the cost of the rules', async () => {
    const uri = `awskms:///alias/${'x'.repeat(600)}`;
    expect(await apply(document(CLUSTER, keys(...times(64, { keyRef: { uri } }))))).toMatch(/^accepted /);
  });

  test('C2: for a client without strict validation an unknown field is pruned and a later field is still refused', async () => {
    const path = '/apis/countersign.dev/v1alpha1/clustersigningpolicies?dryRun=All&fieldValidation=Ignore';
    const post = (changes: Json) =>
      cluster.request(path, { method: 'POST', body: document(CLUSTER, policySpec(changes)) });
    expect((await post({ requireSignatures: false })).status).toBe(201);
    expect((await post({ onFault: 'Allow' })).status).toBe(422);
  });

  test('H16: a stored object gets the strict defaults', async () => {
    const answer = await apply(document(CLUSTER, policySpec()));
    const { spec } = JSON.parse(answer.slice('accepted '.length)) as { spec: Json };
    expect(spec).toMatchObject({
      requireSignature: true,
      threshold: 1,
      tagPolicy: 'Pin',
      onFault: 'Deny',
      multiArch: 'Index',
    });
  });

  test('status is a subresource, with conditions by type; kubectl shows the columns under short names', async () => {
    const created = await cluster.kubectl(['create', '-f', '-'], {
      input: stringify(document('TrustedSigner', { ...KEYLESS, expiresAt: '2027-03-31T00:00:00Z' })),
    });
    expect(created.code).toBe(0);
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Usable',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    };
    const body = {
      status: {
        observedGeneration: 1,
        type: 'Keyless',
        conditions: [condition],
        lastUsedTime: '2026-01-01T00:00:00Z',
      },
    };
    const patched = await cluster.request('/apis/countersign.dev/v1alpha1/trustedsigners/good/status', {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body,
    });
    expect(patched.status).toBe(200);
    const table = await cluster.kubectl(['get', 'tsigner']);
    expect(table.stdout).toMatch(
      /^NAME +TYPE +ENABLED +EXPIRES +READY +AGE\ngood +Keyless +true +2027-03-31T00:00:00Z +True +\d/,
    );
    expect((await cluster.kubectl(['get', 'countersign', '-A'])).stdout).toContain(
      'trustedsigner.countersign.dev/good',
    );
    const twice = await cluster.request('/apis/countersign.dev/v1alpha1/trustedsigners/good/status', {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { status: { conditions: [condition, condition] } },
    });
    expect(twice.status).toBe(422);
  });

  test('the API server has nothing to say against any of the schemas', async () => {
    for (const definition of DEFINITIONS) {
      const answer = await cluster.request(
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.plural}.countersign.dev`,
      );
      const { status } = JSON.parse(answer.body.toString()) as {
        status: { conditions: { type: string; status: string; message: string }[] };
      };
      const conditions = new Map(status.conditions.map(({ type, status: holds }) => [type, holds]));
      expect([
        definition.kind,
        conditions.get('NonStructuralSchema'),
        conditions.get('NamesAccepted'),
      ]).toEqual([definition.kind, undefined, 'True']);
    }
  });
});
