import { beforeEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { mutate } from '../../src/admission/mutate.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { validate, type ValidateDependencies } from '../../src/admission/validate.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { labelSelector } from '../../src/api/label-selector.ts';
import type { Resource } from '../../src/api/resources.ts';
import { Fault, Refusal } from '../../src/errors.ts';
import { parseGlob } from '../../src/image/glob.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { bundleEvidence, createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { staticTrust } from '../support/trust.ts';
import { keyless, policy, signer, signerRef } from '../policy/builders.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** The decision path over real signatures; only the registry is scripted, to say when it answers and with what. */
const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;
const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const gold = bundleEvidence(sigstore.signStatement({ digests: [D] }), 'referrer gold');
const NOW = Date.parse('2026-11-22T12:00:00Z');
const goldKey = keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(GOLD_SUBJECT) });

const TAGS = new Map([
  ['ghcr.io/org/server:v1', D],
  ['ghcr.io/org/evil:v1', E],
]);

let images: ScriptedImages;
let resources: Resource[];
let defects: Error[];
let snapshotFault: Fault | undefined;
let knowsWhoAsks: boolean;
let labels: () => Promise<Readonly<Record<string, string>>>;

beforeEach(() => {
  images = new ScriptedImages(TAGS, new Map([[D, [gold]]]));
  resources = [policy({}, { trustedKeys: [goldKey] })];
  defects = [];
  snapshotFault = undefined;
  knowsWhoAsks = true;
  labels = async () => ({ 'kubernetes.io/metadata.name': 'mcp' });
});

function dependencies(): ValidateDependencies {
  const material = staticTrust(new Map([['public-good', root]])).material();
  const snapshot = compileSnapshot({ number: 3, resources, material });
  return {
    images,
    facts: new FactCache(),
    statements: new StatementCache(),
    large: largeEvidence(),
    snapshots: {
      current: () => {
        if (snapshotFault !== undefined) throw snapshotFault;
        return snapshot;
      },
    },
    namespaces: { labels: () => labels() },
    noMatch: 'DenyInGovernedNamespaces',
    knowsWhoAsks,
    now: () => NOW,
    onDefect: (error) => defects.push(error),
  };
}

const pinnedTo = (digest: string, name = 'server'): string => `ghcr.io/org/${name}:v1@${digest}`;

function pod(...containers: string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'server', labels: {} },
    spec: { containers: containers.map((image, index) => ({ name: `c${index}`, image })) },
  };
}

function review(overrides: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'server',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'jane', groups: [] },
    object: pod(pinnedTo(D)),
    oldObject: undefined,
    dryRun: false,
    ...overrides,
  } as AdmissionRequest;
}

const never = new AbortController().signal;
const judge = (overrides: Partial<AdmissionRequest> = {}, signal = never): ReturnType<typeof validate> =>
  validate(review(overrides), dependencies(), signal);

describe('one review', () => {
  test('a signed image is admitted, an unsigned one denied in the words that were asked for', async () => {
    expect(await judge()).toMatchObject({ uid: 'u-1', allowed: true, snapshot: 3 });
    const { allowed, code, message } = await judge({ object: pod(pinnedTo(E, 'evil')) });
    expect({ allowed, code }).toEqual({ allowed: false, code: 403 });
    expect(message.split('\n')[0]).toBe('Image ghcr.io/org/evil:v1 is not signed. Signature required.');
  });

  test('C9: one bad image denies, wherever it stands; equal images are judged once', async () => {
    const good = pinnedTo(D);
    const bad = pinnedTo(E, 'evil');
    for (const order of [
      [good, good, bad],
      [good, bad, good],
      [bad, good, good],
    ]) {
      expect((await judge({ object: pod(...order) })).allowed).toBe(false);
    }
    images.calls.length = 0;
    expect((await judge({ object: pod(good, good, good) })).allowed).toBe(true);
    expect(images.calls).toEqual(['discover org/server aa']);
  });

  test('C15: a signer that is switched off vouches for nothing from the next snapshot on', async () => {
    const by = (enabled: boolean): Resource[] => [
      policy({}, { trustedKeys: [signerRef('release-ci')] }),
      signer({ enabled, identity: { ...goldKey, field: 'spec' } as never }),
    ];
    const facts = new FactCache();
    const answers: boolean[] = [];
    for (const enabled of [true, false, true]) {
      resources = by(enabled);
      answers.push((await validate(review(), { ...dependencies(), facts }, never)).allowed);
    }
    expect(answers).toEqual([true, false, true]);
  });

  test('D1: a tag is resolved once, and that digest is what is verified', async () => {
    resources = [policy({}, { trustedKeys: [goldKey], tagPolicy: 'Resolve' })];
    const { allowed, warnings } = await judge({
      object: pod('ghcr.io/org/server:v1', 'ghcr.io/org/server:v1'),
    });
    expect(allowed).toBe(true);
    expect(warnings).toHaveLength(1);
    expect(images.calls).toEqual(['resolve ghcr.io/org/server:v1', 'discover org/server aa']);
    resources = [policy({}, { trustedKeys: [goldKey] })];
    expect((await judge({ object: pod('ghcr.io/org/server:v1') })).codes).toEqual(['TAG_NOT_PINNED']);
  });

  test('evidence that is remembered admits, and is looked up once more before it denies', async () => {
    images.remembered = new Map([[D, [gold]]]);
    expect((await judge()).allowed).toBe(true);
    expect(images.calls).toEqual(['discover org/server aa']);
    images.remembered = new Map([[D, []]]);
    images.calls.length = 0;
    expect((await judge()).allowed).toBe(true);
    expect(images.calls).toEqual(['discover org/server aa', 'discover org/server aa fresh']);
    images.evidence.clear();
    expect((await judge()).codes).toEqual(['SIGNATURE_MISSING']);
  });
});

describe('what passes without a look', () => {
  test('DELETE, other subresources, and updates that bring in no image, even while nothing is synchronised', async () => {
    snapshotFault = new Fault('NOT_SYNCED', 'not yet');
    const evil = pod(pinnedTo(E, 'evil'));
    expect((await judge({ operation: 'DELETE', object: undefined, oldObject: evil })).allowed).toBe(true);
    expect((await judge({ operation: 'UPDATE', object: evil, oldObject: evil })).allowed).toBe(true);
    expect(
      (await judge({ subResource: 'status', operation: 'UPDATE', object: evil, oldObject: evil })).allowed,
    ).toBe(true);
    const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    expect(
      (
        await judge({
          subResource: 'scale',
          kind: scale,
          operation: 'UPDATE',
          object: { spec: { replicas: 3 } },
        })
      ).allowed,
    ).toBe(true);
    expect(await judge()).toMatchObject({ allowed: false, code: 503, codes: ['NOT_SYNCED'] });
  });

  test('E3, E21: a changed, moved or swapped image is verified, also in an object that is being deleted', async () => {
    const withTwo = (a: string, b: string): object => pod(a, b);
    const good = pinnedTo(D);
    const bad = pinnedTo(E, 'evil');
    const update = { operation: 'UPDATE' as const, oldObject: withTwo(good, bad) };
    expect((await judge({ ...update, object: withTwo(good, bad) })).allowed).toBe(true);
    expect((await judge({ ...update, object: withTwo(bad, good) })).allowed).toBe(false);
    const deleting = {
      ...(withTwo(bad, bad) as Record<string, unknown>),
      metadata: { deletionTimestamp: 'now' },
    };
    expect((await judge({ ...update, object: deleting })).allowed).toBe(false);
  });
});

describe('nobody can tell: denied, with the reason', () => {
  test('E24: the namespace is unknown where a policy selects by namespace', async () => {
    const inMcp = labelSelector({ matchLabels: { 'kubernetes.io/metadata.name': 'mcp' } });
    const match = {
      images: undefined,
      excludeImages: [],
      namespaceSelector: inMcp,
      workloadSelector: undefined,
    };
    resources = [policy({ match }, { trustedKeys: [goldKey] })];
    expect((await judge()).allowed).toBe(true);
    labels = async () => {
      throw new Fault('NAMESPACE_UNKNOWN', 'no answer');
    };
    // The policy counts as matching, and a good image still meets it.
    expect((await judge()).allowed).toBe(true);
    expect((await judge({ object: pod(pinnedTo(E, 'evil')) })).allowed).toBe(false);
    const elsewhere = { ...match, images: [parseGlob('quay.io/**')] };
    resources = [policy({ match: elsewhere }, { trustedKeys: [goldKey] })];
    expect(await judge()).toMatchObject({ allowed: false, code: 503, codes: ['NAMESPACE_UNKNOWN'] });
  });

  test('a registry that fails, and one that never answers: the review answers by its deadline', async () => {
    images.failing = new Fault('REGISTRY_RATE_LIMITED', 'registry ghcr.io asks to be left alone');
    expect(await judge()).toMatchObject({ allowed: false, code: 503, codes: ['REGISTRY_RATE_LIMITED'] });
    images.failing = undefined;
    images.silent = true;
    const decision = await judge({}, AbortSignal.timeout(50));
    expect(decision).toMatchObject({ allowed: false, code: 503, codes: ['TIMEOUT'] });
    expect(decision.message).toContain('registry ghcr.io did not answer');
  });

  test('F16: verification stops at the deadline, with what it has', async () => {
    const controller = new AbortController();
    const facts = new FactCache();
    let verified = 0;
    const verify = facts.verify.bind(facts);
    facts.verify = (...args) => {
      verified += 1;
      controller.abort();
      return verify(...args);
    };
    const stranger = bundleEvidence(sigstore.signStatement({ digests: [E] }), 'referrer other');
    images.evidence.set(D, [stranger, gold]);
    const decision = await validate(review(), { ...dependencies(), facts }, controller.signal);
    expect(decision).toMatchObject({ allowed: false, code: 503, codes: ['TIMEOUT'] });
    expect(verified).toBe(1);
    expect((await judge()).allowed).toBe(true);
  });

  test('a defect of our own denies, and is told to the log', async () => {
    images.failing = new TypeError('boom');
    expect(await judge()).toMatchObject({ allowed: false, codes: ['INTERNAL'] });
    images.failing = undefined;
    labels = () => Promise.reject(new TypeError('boom'));
    const selecting = labelSelector({ matchLabels: { a: 'b' } });
    const match = {
      images: undefined,
      excludeImages: [],
      namespaceSelector: selecting,
      workloadSelector: undefined,
    };
    resources = [policy({ match }, { trustedKeys: [goldKey] })];
    const decision = await judge();
    expect(decision).toMatchObject({ allowed: false, codes: ['INTERNAL'] });
    expect(decision.message).not.toContain('boom');
    expect(defects).toHaveLength(2);
  });

  test('E20: an unknown kind and an object of another shape are denied', async () => {
    for (const bad of [
      { kind: { group: 'example.com', version: 'v1', kind: 'Pod' } },
      { kind: { group: '', version: 'v1', kind: 'Widget' } },
      { object: { kind: 'Pod', spec: { containers: 'none' } } },
      { object: null },
    ]) {
      expect(await judge(bad as Partial<AdmissionRequest>)).toMatchObject({
        allowed: false,
        codes: ['REVIEW_INVALID'],
      });
    }
    expect((await judge()).allowed).toBe(true);
  });
});

describe('no policy covers the image', () => {
  test('C10: denied where an Enforce policy governs the namespace, warned elsewhere, silent with no policy at all', async () => {
    const inMcp = labelSelector({ matchLabels: { 'kubernetes.io/metadata.name': 'mcp' } });
    const match = {
      images: [parseGlob('ghcr.io/other/**')],
      excludeImages: [],
      namespaceSelector: inMcp,
      workloadSelector: undefined,
    };
    resources = [policy({ match }, { trustedKeys: [goldKey] })];
    expect(await judge()).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
    resources = [policy({ match: { ...match, namespaceSelector: undefined } }, { trustedKeys: [goldKey] })];
    expect(await judge()).toMatchObject({
      allowed: true,
      warnings: ['Image ghcr.io/org/server:v1 is covered by no signing policy'],
    });
    resources = [];
    expect(await judge()).toMatchObject({ allowed: true, warnings: [] });
  });

  test('E24: a policy that only counts because the labels of the namespace are unknown covers nothing', async () => {
    const selecting = (team: string, glob: string) =>
      policy(
        {
          name: team,
          match: {
            images: [parseGlob(glob)],
            excludeImages: [],
            namespaceSelector: labelSelector({ matchLabels: { team } }),
            workloadSelector: undefined,
          },
        },
        { trustedKeys: [goldKey] },
      );
    const [own, other] = [selecting('a', 'ghcr.io/other/**'), selecting('b', 'ghcr.io/org/**')];
    resources = [own, other];
    labels = async () => ({ team: 'a' });
    expect(await judge()).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
    labels = async () => ({ team: 'b' });
    expect((await judge()).allowed).toBe(true);
    labels = async () => {
      throw new Fault('NAMESPACE_UNKNOWN', 'no answer');
    };
    expect(await judge()).toMatchObject({ allowed: false, code: 503, codes: ['NAMESPACE_UNKNOWN'] });
    const everywhere = { ...other, match: { ...other.match, namespaceSelector: undefined } };
    resources = [own, everywhere];
    expect((await judge()).allowed).toBe(true);
  });

  test('E24: noMatch Deny cannot tell either whether the image is covered', async () => {
    const match = { images: undefined, excludeImages: [], workloadSelector: undefined };
    const namespaceSelector = labelSelector({ matchLabels: { team: 'a' } });
    resources = [policy({ match: { ...match, namespaceSelector } }, { trustedKeys: [goldKey] })];
    const denying = (): ReturnType<typeof validate> =>
      validate(review(), { ...dependencies(), noMatch: 'Deny' }, never);
    labels = async () => ({ team: 'a' });
    expect((await denying()).allowed).toBe(true);
    labels = async () => ({ team: 'b' });
    expect(await denying()).toMatchObject({ allowed: false, code: 403, codes: ['NO_POLICY'] });
    labels = async () => {
      throw new Fault('NAMESPACE_UNKNOWN', 'no answer');
    };
    expect(await denying()).toMatchObject({ allowed: false, code: 503, codes: ['NAMESPACE_UNKNOWN'] });
  });
});

describe('what a tenant or a softer policy adds takes no denial away', () => {
  const inMcp = labelSelector({ matchLabels: { 'kubernetes.io/metadata.name': 'mcp' } });
  const match = {
    images: undefined,
    excludeImages: [],
    namespaceSelector: undefined,
    workloadSelector: undefined,
  };
  const governing = policy(
    { match: { ...match, images: [parseGlob('quay.io/**')], namespaceSelector: inMcp } },
    { trustedKeys: [goldKey] },
  );
  const asksLittle = { requireSignature: false, trustedKeys: [], tagPolicy: 'RequireDigest' } as const;
  const tenant = { kind: 'SigningPolicy', namespace: 'mcp', name: 'mine' } as const;

  test.each([
    ['alone', []],
    ['and a namespaced Enforce policy that asks for little', [policy(tenant, asksLittle)]],
    ['and a namespaced Audit policy', [policy({ ...tenant, mode: 'Audit' }, { trustedKeys: [goldKey] })]],
    ['and a cluster Audit policy', [policy({ name: 'soft', mode: 'Audit' }, { trustedKeys: [goldKey] })]],
    ['and a cluster Warn policy', [policy({ name: 'soft', mode: 'Warn' }, { trustedKeys: [goldKey] })]],
  ])('C10, C16: the governing policy %s', async (_name, more) => {
    resources = [governing, ...more];
    expect(await judge()).toMatchObject({ allowed: false, codes: expect.arrayContaining(['NO_POLICY']) });
    expect((await judge({ object: pod('foo_bar.io/x') })).allowed).toBe(false);
    // The twin: an enforcing cluster policy that covers the image, and is met.
    resources = [governing, ...more, policy({ name: 'strict' }, { trustedKeys: [goldKey] })];
    expect((await judge()).allowed).toBe(true);
  });

  test('H3: a namespace selector that cannot be read governs every namespace', async () => {
    const broken = policy({
      match,
      rules: undefined,
      problems: [{ field: 'spec.match.namespaceSelector.matchExpressions[0].operator', message: 'bad' }],
    });
    const narrow = { ...broken, match: { ...match, images: [parseGlob('quay.io/**')] } };
    resources = [narrow];
    expect(await judge()).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
    resources = [{ ...narrow, mode: 'Warn' }];
    expect((await judge()).allowed).toBe(true);
  });

  test('an Audit policy that is not met does not make an Enforce policy depend on the registry', async () => {
    images.remembered = new Map([[D, [gold]]]);
    const unmet = policy(
      { name: 'soft', mode: 'Audit' },
      { trustedKeys: [keyless({ subject: exactText('nobody@example.com') })] },
    );
    resources = [policy({}, { trustedKeys: [goldKey] }), unmet];
    const original = images.discover.bind(images);
    images.discover = (image, digest, options) =>
      options.fresh
        ? Promise.reject(new Fault('REGISTRY_UNREACHABLE', 'down'))
        : original(image, digest, options);
    expect((await judge()).allowed).toBe(true);
  });
});

describe('a manifest that cannot be read', () => {
  const overManifest = bundleEvidence(
    sigstore.signManifest({ manifest: Buffer.from('{}') }),
    'referrer message',
  );

  test('spoils the signatures over it, and nothing else', async () => {
    images.manifest = () => Promise.reject(new Refusal('MALFORMED', 'the manifest has a key twice'));
    images.evidence.set(D, [overManifest, gold]);
    expect((await judge()).allowed).toBe(true);
    images.evidence.set(D, [overManifest]);
    const decision = await judge();
    expect(decision).toMatchObject({ allowed: false, code: 403, codes: ['MALFORMED'] });
    expect(decision.message).toContain('the manifest has a key twice');
    resources = [policy({ mode: 'Audit' }, { trustedKeys: [goldKey] })];
    expect((await judge()).allowed).toBe(true);
  });
});

describe('with whose credentials, and for whose eyes', () => {
  const withAccess = (spec: object): object => {
    const object = pod(pinnedTo(D)) as { spec: object };
    return { ...object, spec: { ...object.spec, ...spec } };
  };

  test('D6: the registry is asked on behalf of the namespace, with the secrets and the account of the Pod', async () => {
    resources = [
      policy({}, { trustedKeys: [goldKey], tagPolicy: 'Resolve', multiArch: 'IndexAndPlatforms' }),
    ];
    const access = { serviceAccountName: 'runner', imagePullSecrets: [{ name: 'a' }, { name: 'b' }] };
    const object = { ...withAccess(access) } as { spec: { containers: { image: string }[] } };
    object.spec.containers[0] = { ...object.spec.containers[0], image: 'ghcr.io/org/server:v1' };
    expect((await judge({ object })).allowed).toBe(true);
    const puller = { namespace: 'mcp', pullSecrets: ['a', 'b'], serviceAccount: 'runner' };
    expect(images.calls).toHaveLength(3);
    expect(images.pullers).toEqual([puller, puller, puller]);
    images.pullers.length = 0;
    await judge();
    expect(images.pullers[0]).toEqual({ namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' });
    images.pullers.length = 0;
    await mutate(review({ object }), dependencies(), never);
    expect(images.pullers).toEqual([puller]);
  });

  test('a Pod with too many secrets is refused; without a new image it can still be let go', async () => {
    const many = (count: number): object =>
      withAccess({ imagePullSecrets: Array.from({ length: count }, (_, n) => ({ name: `s${n}` })) });
    expect((await judge({ object: many(16) })).allowed).toBe(true);
    expect(await judge({ object: many(17) })).toMatchObject({ allowed: false, codes: ['REVIEW_INVALID'] });
    const update = { operation: 'UPDATE' as const, object: many(17), oldObject: many(17) };
    expect((await judge(update)).allowed).toBe(true);
  });

  test('what a pull secret was needed for is told to nobody while anybody can ask, and is in the log', async () => {
    resources = [policy({}, { trustedKeys: [keyless({ subject: exactText('nobody@example.com') })] })];
    const object = pod('ghcr.io/org/server:v1');
    const told = async (): Promise<string> => {
      const { message, warnings, auditAnnotations } = await judge({ object });
      return JSON.stringify({ message, warnings, auditAnnotations });
    };
    for (const mode of ['Enforce', 'Warn'] as const) {
      resources = [{ ...(resources[0] as ReturnType<typeof policy>), mode }];
      images.withPullSecret = false;
      knowsWhoAsks = false;
      expect(await told()).toContain(D);
      images.withPullSecret = true;
      const hidden = await told();
      for (const secret of [D, GOLD_SUBJECT, GOLD_ISSUER]) expect(hidden).not.toContain(secret);
      expect(hidden).toContain('IDENTITY_MISMATCH');
      const decision = await judge({ object });
      expect(decision.images[0]?.digest).toBe(D);
      expect(JSON.stringify(decision.images)).toContain(GOLD_ISSUER);
      knowsWhoAsks = true;
      expect(await told()).toContain(D);
    }
  });
});

describe('pinning', () => {
  const pin = (overrides: Partial<AdmissionRequest> = {}): ReturnType<typeof mutate> =>
    mutate(review(overrides), dependencies(), never);

  beforeEach(() => {
    for (const digest of [D, E]) images.manifests.add(digest);
  });

  test('D1: a digest whose manifest could not be read is never written', async () => {
    const object = pod('ghcr.io/org/server:v1', 'ghcr.io/org/evil:v1');
    expect((await pin({ object })).patch).toHaveLength(2);
    images.manifests.delete(E);
    expect((await pin({ object })).patch).toEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: pinnedTo(D) },
    ]);
  });

  test('pins the tags of a Pod that an Enforce policy covers, and nothing else', async () => {
    const object = pod('ghcr.io/org/server:v1', pinnedTo(D), 'ghcr.io/org/evil:v1');
    expect((await pin({ object })).patch).toEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: pinnedTo(D) },
      { op: 'replace', path: '/spec/containers/2/image', value: pinnedTo(E, 'evil') },
    ]);
    resources = [policy({ mode: 'Warn' }, { trustedKeys: [goldKey] })];
    expect((await pin({ object })).patch).toEqual([]);
  });

  test('leaves the tag on a fault, leaves owners alone, and pins only changed images on UPDATE', async () => {
    const object = pod('ghcr.io/org/server:v1', 'ghcr.io/org/missing:v1');
    expect((await pin({ object })).patch.map(({ path }) => path)).toEqual(['/spec/containers/0/image']);
    const deployment = {
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      object: { kind: 'Deployment', spec: { template: object } },
    };
    expect((await pin(deployment as Partial<AdmissionRequest>)).patch).toEqual([]);
    expect((await pin({ operation: 'UPDATE', object, oldObject: object })).patch).toEqual([]);
  });
});
