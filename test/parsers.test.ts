import { sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseAdmissionReview } from '../src/api/admission-review.ts';
import { parseDocuments } from '../src/api/policy-file.ts';
import { validatePolicyDocument } from '../src/api/policy-findings.ts';
import { Fault, Refusal } from '../src/errors.ts';
import { WORKLOAD_KINDS } from '../src/image/pod.ts';
import { pullAccessOf } from '../src/image/pull-access.ts';
import { changedImages, imagesOf, podLabelsOf } from '../src/image/workload.ts';
import { parseDockerCfg, parseDockerConfig } from '../src/registry/docker-entries.ts';
import { parseDescriptor, parseManifest } from '../src/registry/manifest.ts';
import { ReferrerPages } from '../src/registry/referrer-pages.ts';
import { readSimpleSigning } from '../src/sigstore/simple-signing.ts';
import { readStatement } from '../src/sigstore/statement.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../src/sigstore/trust-root.ts';
import { verifyEvidence, type TrustContext } from '../src/sigstore/verify.ts';
import { evaluateSlsa } from '../src/slsa/evaluate-slsa.ts';
import { shippedTufRoot } from '../src/trust/public-good.ts';
import { checkMetadata, readHeader } from '../src/trust/roots/metadata-header.ts';
import { RepositoryProblem } from '../src/trust/roots/repository-files.ts';
import type { JsonValue } from '../src/strict-json.ts';
import { document, exceptionSpec, KEYLESS_PATTERNS, policySpec, PUBLIC_PEM } from './api/documents.ts';
import { D, E, FS, keyContext, newKey, ROOT } from './sigstore/support.ts';
import * as slsa from './slsa/statements.ts';
import { sha256 } from './support/fixtures-certificates.ts';
import type { EntryKind, LogEntryJson, TestLog } from './support/fixtures-logs.ts';
import { bundleEvidence } from './support/fixtures.ts';
import { wrecksOf } from './support/json-walk.ts';

/** What V8 and Node say of a value that is not what the code expects. */
const ENGINE =
  /Cannot (read|set|destructure|convert|mix)|is not (a function|iterable|defined|a constructor|valid JSON)|undefined|\[object |NaN|Unexpected (token|end|number|string|non-whitespace)|Invalid (array length|string length|count|time value|Date)|BigInt|must be (of type|an instance of|one of type)|Received (an instance|type|null)|Maximum call stack|TypeError|RangeError|SyntaxError|ASN1|error:[0-9A-F]{8}/;

/** Reads a document; returns all that a person could read. Refusals and faults are thrown. */
type Read = (value: unknown) => unknown;

/** What it says; fails for an error that is no answer of ours. */
function saidBy(read: Read, value: unknown): string {
  try {
    return JSON.stringify(read(value)) ?? '';
  } catch (thrown) {
    const isOurs =
      thrown instanceof Refusal ||
      thrown instanceof RepositoryProblem ||
      (thrown instanceof Fault && thrown.code !== 'INTERNAL') ||
      // A Docker configuration is no content of an artifact: its reader has a class of no code.
      (thrown instanceof Error && thrown.constructor === Error);
    if (!isOurs) throw thrown;
    return (thrown as Error).message;
  }
}

/** What is said of each wreck of a document that is read as it is, where it is not in our words. */
function foreignWords(good: unknown, read: Read): readonly string[] {
  expect(read(good)).toBeDefined();
  let count = 0;
  const bad: string[] = [];
  for (const { name, value } of wrecksOf(good)) {
    count++;
    let said: string;
    try {
      said = saidBy(read, value);
    } catch (thrown) {
      said = `${String((thrown as Error).stack).slice(0, 400)} TypeError`;
    }
    if (ENGINE.test(said)) bad.push(`${name}: ${said.slice(0, 300)}`);
  }
  expect(count).toBeGreaterThan(10);
  return bad;
}

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');
const key = newKey();
const KEY = keyContext(key);

/** The good document has to verify with all its proofs. */
const verified = (context: TrustContext, evidence: Parameters<typeof verifyEvidence>[0]) =>
  verifyEvidence(evidence, context, { digest: D, manifest: Buffer.from('manifest') });

describe('no text of the JavaScript engine reaches an answer', () => {
  const PREDICATE = 'https://slsa.dev/provenance/v1';
  const V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
  const V02 = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  const v1 = { digests: [D], log: 'v1', timestamp: true } as const;

  test.each([
    ['0.3, Rekor v2, certificate', FS.signStatement({ digests: [D] }), ROOT],
    ['0.2, Rekor v1, chain', FS.signStatement({ ...v1, entryKind: 'dsse', chain: [FS.authority.der] }), ROOT],
    ['0.1, Rekor v1, key', { ...FS.signStatement({ ...v1, key }), mediaType: V01 }, KEY],
    [
      '0.2, manifest',
      { ...FS.signManifest({ manifest: Buffer.from('manifest'), log: 'v1' }), mediaType: V02 },
      ROOT,
    ],
  ] as const)('bundle %s', (_name, bundle, context) => {
    const digest = `sha256:${sha256(Buffer.from('manifest')).toString('hex')}`;
    expect(
      foreignWords(bundle, (value) =>
        verifyEvidence(bundleEvidence(bytesOf(value)), context, {
          digest,
          manifest: Buffer.from('manifest'),
        }),
      ),
    ).toEqual([]);
  });

  test.each(['dev.sigstore.cosign/bundle', 'dev.sigstore.cosign/rfc3161timestamp'])(
    'annotation %s',
    (name) => {
      const good = FS.signSimple({ digest: D, key, timestamp: true });
      expect(
        foreignWords(JSON.parse(good.annotations[name] ?? ''), (value) =>
          verified(KEY, { ...good, annotations: { ...good.annotations, [name]: JSON.stringify(value) } }),
        ),
      ).toEqual([]);
    },
  );

  test('annotations of a layer', () => {
    const good = FS.signSimple({ digest: D, timestamp: true, chain: [FS.authority.der] });
    expect(
      foreignWords(good.annotations, (value) =>
        // Values that are no text do not come out of a descriptor.
        verified(ROOT, { ...good, annotations: textsOf(value) }),
      ),
    ).toEqual([]);
  });

  test('DSSE envelope', () => {
    const good = FS.signEnvelope({ digests: [D], key, predicateType: PREDICATE });
    expect(
      foreignWords(JSON.parse(Buffer.from(good.envelope).toString()), (value) =>
        verified(KEY, { ...good, envelope: bytesOf(value) }),
      ),
    ).toEqual([]);
  });

  /** An entry with another body, which its log promises and proves all the same. */
  function entryOf(log: TestLog, good: LogEntryJson, body: Buffer): LogEntryJson {
    const root = sha256(Buffer.of(0), body).toString('base64');
    const host = log.baseUrl.slice('https://'.length);
    const note = `${host}\n1\n${root}\n`;
    const signature = sign(log.version === 1 ? 'sha256' : null, Buffer.from(note), log.keys.privateKey);
    const line = Buffer.concat([log.logId.subarray(0, 4), signature]).toString('base64');
    const entry = {
      ...good,
      inclusionProof: {
        logIndex: '0',
        rootHash: root,
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: `${note}\n\u2014 ${host} ${line}\n` },
      },
      canonicalizedBody: body.toString('base64'),
    };
    return log.version === 2
      ? entry
      : { ...entry, inclusionPromise: { signedEntryTimestamp: log.promise(entry) } };
  }

  test.each<[1 | 2, EntryKind]>([
    [1, 'hashedrekord'],
    [1, 'dsse'],
    [1, 'intoto'],
    [1, 'intoto/0.0.1'],
    [2, 'hashedrekord'],
    [2, 'dsse'],
  ])('entry of Rekor v%i, %s', (version, entryKind) => {
    const log = version === 1 ? FS.logV1 : FS.logV2;
    const good = FS.signStatement({ digests: [D], key, log: `v${version}`, entryKind, timestamp: false });
    const [entry] = good.verificationMaterial.tlogEntries;
    if (entry === undefined) throw new Error('the fixture has no entry');
    const read = (value: unknown) => {
      const tlogEntries = [entryOf(log, entry, bytesOf(value))];
      const material = { ...good.verificationMaterial, tlogEntries };
      return verified(KEY, bundleEvidence({ ...good, verificationMaterial: material }));
    };
    const body: unknown = JSON.parse(Buffer.from(entry.canonicalizedBody, 'base64').toString());
    expect(read(body)).toMatchObject({ log: { state: 'valid' } });
    expect(foreignWords(body, read)).toEqual([]);
  });

  test('checkpoint, line by line', () => {
    const good = FS.signStatement({ digests: [D], key });
    const lines = good.verificationMaterial.tlogEntries[0]?.inclusionProof?.checkpoint.envelope.split('\n');
    expect(
      foreignWords(lines, (value) => {
        const copy = structuredClone(good);
        const proof = copy.verificationMaterial.tlogEntries[0]?.inclusionProof;
        if (proof !== undefined)
          proof.checkpoint.envelope = Array.isArray(value) ? value.join('\n') : String(value);
        return verified(KEY, bundleEvidence(copy));
      }),
    ).toEqual([]);
  });

  test('certificate and timestamp, byte by byte', () => {
    const good = FS.signStatement({ digests: [D] });
    const { certificate, timestampVerificationData } = good.verificationMaterial;
    const [stamp] = timestampVerificationData?.rfc3161Timestamps ?? [];
    for (const [der, put] of [
      [
        certificate?.rawBytes,
        (copy: typeof good, text: string) => (copy.verificationMaterial.certificate = { rawBytes: text }),
      ],
      [
        stamp?.signedTimestamp,
        (copy: typeof good, text: string) =>
          (copy.verificationMaterial.timestampVerificationData = {
            rfc3161Timestamps: [{ signedTimestamp: text }],
          }),
      ],
    ] as const) {
      const bytes = Buffer.from(der ?? '', 'base64');
      // Tags and lengths are everywhere in the first bytes, and everywhere else in some.
      for (let at = 0; at < bytes.length; at += at < 120 ? 1 : 7) {
        for (const wrong of [0, 0xff, (bytes[at] ?? 0) ^ 0x20]) {
          const copy = structuredClone(good);
          put(copy, Buffer.from(bytes.with(at, wrong)).toString('base64'));
          const said = saidBy((value) => verified(ROOT, bundleEvidence(value)), copy);
          expect(said).not.toMatch(ENGINE);
        }
      }
    }
  });

  test.each([
    ['statement', { ...slsa.attestStatement(), predicateType: 'https://example.com/x' }, readStatement],
    [
      'simple signing payload',
      {
        critical: {
          identity: {},
          image: { 'docker-manifest-digest': D },
          type: 'cosign container image signature',
        },
        optional: null,
      },
      readSimpleSigning,
    ],
    [
      'payload of Tekton Chains, 2021',
      {
        Critical: {
          Identity: {},
          Image: { 'Docker-manifest-digest': D },
          Type: 'Tekton container signature',
        },
        Optional: {},
      },
      readSimpleSigning,
    ],
  ] as const)('%s', (_name, good, read) => {
    expect(foreignWords(good, (value) => read(bytesOf(value)))).toEqual([]);
  });

  test('trusted_root.json', () => {
    expect(foreignWords(FS.trustedRoot(), (value) => parseTrustRoot(value, PUBLIC_GOOD).fingerprint)).toEqual(
      [],
    );
  });

  const descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: D,
    size: 7,
    artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    data: 'e30=',
    urls: ['https://example.com'],
    annotations: { a: 'b' },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/x',
    config: descriptor,
    layers: [descriptor, descriptor],
    subject: descriptor,
    annotations: { a: 'b' },
  };
  const index = {
    schemaVersion: 2,
    mediaType: 'x',
    manifests: [descriptor, descriptor],
    subject: descriptor,
  };
  const describeAll = (value: unknown): unknown => {
    const parsed = parseManifest(bytesOf(value), 'manifest');
    const links = parsed.kind === 'image' ? parsed.layers : parsed.manifests;
    return [parsed, links.map((link) => saidBy((each) => parseDescriptor(each as JsonValue, 'link'), link))];
  };

  test.each([
    ['descriptor', descriptor, (value: unknown) => parseDescriptor(value as JsonValue, 'it')],
    ['manifest', manifest, describeAll],
    ['index', index, describeAll],
    [
      'referrers',
      index,
      (value: unknown) => {
        const pages = new ReferrerPages('referrers');
        pages.add(bytesOf(value));
        return pages.all();
      },
    ],
    [
      'Docker configuration',
      {
        auths: {
          'ghcr.io': { auth: 'YTpi', username: 'a', password: 'b' },
          'a.example': { identitytoken: 't', registrytoken: 't' },
        },
        credHelpers: { 'gcr.io': 'gcr' },
        credsStore: 'x',
      },
      (value: unknown) => {
        const { notes, entries } = parseDockerConfig(JSON.stringify(value) ?? '');
        return { notes, entries };
      },
    ],
    [
      '.dockercfg',
      { 'ghcr.io': { auth: 'YTpi', email: 'a@b.c' } },
      (value: unknown) => parseDockerCfg(JSON.stringify(value) ?? ''),
    ],
  ] as const)('%s', (_name, good, read: Read) => {
    expect(foreignWords(good, read)).toEqual([]);
  });

  const statements = Object.entries(slsa).flatMap(([name, make]) =>
    name.endsWith('Statement') && name !== 'unknownStatement'
      ? [[name, make as () => slsa.Json] as const]
      : [],
  );
  test.each(statements)('%s', (_name, make) => {
    const signers = [slsa.githubSigner(), slsa.gitlabSigner(), slsa.KEY];
    expect(
      foreignWords(make(), (value) => {
        const json = value as slsa.Json;
        const candidates = signers.map((signer) =>
          slsa.candidate(json, { signer, isPlatform: signer !== slsa.KEY }),
        );
        return [candidates[0]?.statement, evaluateSlsa(slsa.policy(), slsa.IMAGE, candidates, slsa.NOW)];
      }),
    ).toEqual([]);
  });

  const RULES = {
    mode: 'Enforce',
    match: {
      images: ['ghcr.io/org/**'],
      excludeImages: ['ghcr.io/org/sandbox/*'],
      namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      workloadSelector: { matchLabels: { a: 'b' } },
    },
    requireSignature: true,
    trustedKeys: [
      {
        ...KEYLESS_PATTERNS,
        extensions: { runnerEnvironment: 'github-hosted' },
        trustRootRef: { name: 'r' },
      },
      { publicKey: { pem: PUBLIC_PEM } },
      { keyRef: { uri: 'awskms:///alias/release' } },
      { signerRef: { name: 'ci' } },
      { signerSelector: { matchLabels: { team: 'a' } } },
    ],
    threshold: 2,
    transparency: {
      keyless: { log: 'Required', timestamp: 'Optional' },
      keys: { log: 'Ignored', timestamp: 'Optional' },
    },
    slsa: {
      requiredLevel: 3,
      builders: [{ id: slsa.GENERATOR, refs: ['refs/tags/v2.*'], level: 3 }],
      sources: [{ uri: 'https://github.com/org/*', ownerID: '1' }],
    },
    attestations: [
      {
        predicateType: 'https://example.com/x',
        conditions: [{ expression: 'predicate.a == 1', message: 'm' }],
      },
    ],
    multiArch: 'Index',
    trustRootRef: { name: 'r' },
    tagPolicy: 'Pin',
    onFault: 'Allow',
    onFaultRegistries: ['ghcr.io'],
    revokedDigests: [E],
  };
  const documents: readonly (readonly [string, unknown])[] = [
    ['ClusterSigningPolicy', document('ClusterSigningPolicy', policySpec(RULES))],
    ['SigningPolicy', document('SigningPolicy', policySpec())],
    [
      'TrustedSigner',
      document('TrustedSigner', { ...KEYLESS_PATTERNS, enabled: true, expiresAt: '2027-01-01T00:00:00Z' }),
    ],
    [
      'TrustRoot',
      document('TrustRoot', { trustedRoot: { json: FS.trustedRootJson }, requires: { logEntries: 1 } }),
    ],
    ['SigningException', document('SigningException', exceptionSpec())],
    [
      'the original form',
      { signing_policy: { require_signature: true, trusted_keys: [{ public_key: PUBLIC_PEM }] } },
    ],
  ];

  test.each(documents)('%s', (_name, good) => {
    expect(
      foreignWords(good, (value) => [
        parseDocuments(JSON.stringify(value) ?? '', 'policy.yaml').problems,
        validatePolicyDocument(value, { now: 0, policies: undefined }),
      ]),
    ).toEqual([]);
  });

  test('AdmissionReview', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'server', namespace: 'mcp' }, spec: {} };
    const type = { group: '', version: 'v1' };
    const request = {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { ...type, kind: 'Pod' },
      resource: { ...type, resource: 'pods' },
      requestKind: { ...type, kind: 'Pod' },
      requestResource: { ...type, resource: 'pods' },
      subResource: '',
      name: 'server',
      namespace: 'mcp',
      operation: 'UPDATE',
      userInfo: { username: 'alice', groups: ['system:authenticated'] },
      object: pod,
      oldObject: pod,
      dryRun: false,
    };
    expect(
      foreignWords(
        { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request },
        parseAdmissionReview,
      ),
    ).toEqual([]);
  });

  test.each([...WORKLOAD_KINDS])('images of a %s', (kind) => {
    const labels = { app: 'server' };
    const container = { name: 'a', image: 'ghcr.io/org/a:v1' };
    const spec = {
      initContainers: [container],
      containers: [container, { ...container, name: 'b' }],
      ephemeralContainers: [container],
      volumes: [{ name: 'm', image: { reference: 'ghcr.io/org/m' } }],
      imagePullSecrets: [{ name: 's' }],
      serviceAccountName: 'a',
    };
    const pod = { metadata: { labels }, spec };
    const good =
      kind === 'Pod'
        ? { kind, ...pod }
        : kind === 'PodTemplate'
          ? { kind, metadata: {}, template: pod }
          : kind === 'CronJob'
            ? { kind, metadata: {}, spec: { jobTemplate: { spec: { template: pod } } } }
            : { kind, metadata: {}, spec: { template: pod } };
    expect(
      foreignWords(good, (value) =>
        [
          imagesOf,
          pullAccessOf,
          podLabelsOf,
          (k: string, object: unknown) => changedImages(k, good, object),
        ].map((read) => saidBy((object) => read(kind, object), value)),
      ),
    ).toEqual([]);
  });

  test('TUF metadata', () => {
    const good = JSON.parse(shippedTufRoot()) as { signed: { keys: object } };
    // One key is like another.
    const [[id, first] = []] = Object.entries(good.signed.keys);
    const small = { ...good, signed: { ...good.signed, keys: { [id ?? '']: first } } };
    expect(
      foreignWords(small, (value) => [
        checkMetadata(bytesOf(value), 'root.json')['version'],
        readHeader(bytesOf(value), 'root.json'),
      ]),
    ).toEqual([]);
  });
});

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
