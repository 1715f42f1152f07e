import { beforeEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { validate } from '../../src/admission/validate.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import type { Resource } from '../../src/api/resources.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { bundleEvidence, createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { keyless, policy } from '../policy/builders.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** Rows of the attack corpus that one review shows; each beside a twin that is admitted. */
const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;
const GOOD = `ghcr.io/org/server:v1@${D}`;
const BAD = `ghcr.io/org/evil:v1@${E}`;
const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const gold = bundleEvidence(sigstore.signStatement({ digests: [D] }), 'referrer gold');
const goldKey = keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(GOLD_SUBJECT) });

let images: ScriptedImages;
let resources: Resource[];
let facts: FactCache;

beforeEach(() => {
  images = new ScriptedImages(new Map([['ghcr.io/org/server:v1', D]]), new Map([[D, [gold]]]));
  resources = [policy({}, { trustedKeys: [goldKey] })];
  facts = new FactCache();
});

type Spec = Readonly<Record<string, readonly object[]>>;
const podOf = (spec: Spec): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });
const deploymentOf = (spec: Spec): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'p' },
  spec: { template: { metadata: {}, spec } },
});
const POD = { group: '', version: 'v1', kind: 'Pod' };
const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment' };

function judge(request: Partial<AdmissionRequest>): ReturnType<typeof validate> {
  const review = {
    uid: 'u-1',
    kind: POD,
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'p',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'jane', groups: [] },
    oldObject: undefined,
    dryRun: false,
    ...request,
  } as AdmissionRequest;
  const material = staticTrust(new Map([['public-good', root]])).material();
  const snapshot = compileSnapshot({ number: 1, resources, material });
  return validate(
    review,
    {
      images,
      facts,
      statements: new StatementCache(),
      large: largeEvidence(),
      snapshots: { current: () => snapshot },
      namespaces: { labels: async () => ({ 'kubernetes.io/metadata.name': 'mcp' }) },
      noMatch: 'DenyInGovernedNamespaces',
      knowsWhoAsks: true,
      now: () => Date.parse('2026-11-22T12:00:00Z'),
      onDefect: (error) => {
        throw error;
      },
    },
    new AbortController().signal,
  );
}

describe('E3: an image that moves within an object', () => {
  const container = (name: string, image: string): object => ({ name, image });
  const LISTS: Readonly<Record<string, (name: string, image: string) => object>> = {
    initContainers: container,
    containers: container,
    ephemeralContainers: container,
    volumes: (name, reference) => ({ name, image: { reference } }),
  };
  const BASE = { name: 'base', image: GOOD };
  /** A spec with one image in one list, beside a container that stays. */
  const specOf = (list: string, name: string, image: string): Spec => {
    const entry = LISTS[list]?.(name, image) ?? {};
    return { containers: [BASE], [list]: list === 'containers' ? [BASE, entry] : [entry] };
  };
  const update = (before: Spec, after: Spec, kind: 'Pod' | 'Deployment', subResource = '') => {
    const made = kind === 'Pod' ? podOf : deploymentOf;
    const asked = { kind: kind === 'Pod' ? POD : DEPLOYMENT, subResource, operation: 'UPDATE' as const };
    return judge({ ...asked, object: made(after), oldObject: made(before) });
  };

  const names = Object.keys(LISTS);
  const moves = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
  test.each(moves)('E3: from %s to %s is verified', async (from, to) => {
    const before = (image: string) => specOf(from, 'x', image);
    const after = (image: string) => specOf(to, 'x', image);
    const isEphemeral = [from, to].includes('ephemeralContainers');
    for (const kind of isEphemeral ? (['Pod'] as const) : (['Pod', 'Deployment'] as const)) {
      const subResource = to === 'ephemeralContainers' ? 'ephemeralcontainers' : '';
      const moved = await update(before(BAD), after(BAD), kind, subResource);
      expect(moved).toMatchObject({ allowed: false, code: 403, codes: ['SIGNATURE_MISSING'] });
      // The twins: a signed image that moves, and the unsigned one where it was.
      expect((await update(before(GOOD), after(GOOD), kind, subResource)).allowed).toBe(true);
      expect((await update(before(BAD), before(BAD), kind, subResource)).allowed).toBe(true);
    }
  });

  test.each(names)('E3: an entry of %s that is renamed is verified', async (list) => {
    const before = specOf(list, 'x', BAD);
    const renamed = await update(before, specOf(list, 'y', BAD), 'Pod');
    expect(renamed).toMatchObject({ allowed: false, codes: ['SIGNATURE_MISSING'] });
    expect((await update(specOf(list, 'x', GOOD), specOf(list, 'y', GOOD), 'Pod')).allowed).toBe(true);
    expect((await update(before, before, 'Pod')).allowed).toBe(true);
  });

  test('E3: another position in its list is no change, unless another entry takes its name', async () => {
    const [bad, good] = [container('bad', BAD), container('good', GOOD)];
    const before = { containers: [bad, good] };
    expect((await update(before, { containers: [good, bad] }, 'Deployment')).allowed).toBe(true);
    const swapped = { containers: [container('bad', GOOD), container('good', BAD)] };
    expect(await update(before, swapped, 'Deployment')).toMatchObject({
      allowed: false,
      codes: ['SIGNATURE_MISSING'],
    });
  });
});

describe('E23: who asks changes nothing', () => {
  test.each([
    ['system:admin', ['system:masters', 'system:authenticated']],
    ['system:node:node-1', ['system:nodes', 'system:authenticated']],
    ['system:serviceaccount:kube-system:replicaset-controller', ['system:serviceaccounts:kube-system']],
    ['system:serviceaccount:countersign-system:countersign', ['system:serviceaccounts']],
    ['system:kube-controller-manager', []],
    ['system:apiserver', ['system:masters']],
    ['oidc:system:serviceaccount:kube-system:replicaset-controller', []],
    ['', []],
  ])('E23: %s of %j', async (username, groups) => {
    const by = (image: string, request: Partial<AdmissionRequest> = {}) =>
      judge({
        userInfo: { username, groups },
        object: podOf({ containers: [{ name: 'a', image }] }),
        ...request,
      });
    expect((await by(GOOD)).allowed).toBe(true);
    expect(await by(BAD)).toMatchObject({ allowed: false, code: 403, codes: ['SIGNATURE_MISSING'] });
    const update = {
      operation: 'UPDATE' as const,
      oldObject: podOf({ containers: [{ name: 'a', image: GOOD }] }),
    };
    expect(await by(BAD, update)).toMatchObject({ allowed: false, codes: ['SIGNATURE_MISSING'] });
  });
});

describe('E27: a node that runs what it has under a name', () => {
  const pulled = (image: string, imagePullPolicy: string): Partial<AdmissionRequest> => ({
    object: podOf({ containers: [{ name: 'a', image, imagePullPolicy } as object] }),
  });

  test.each(['Never', 'IfNotPresent', 'Always'])('E27: %s: a tag is denied by Pin', async (pullPolicy) => {
    expect((await judge(pulled(GOOD, pullPolicy))).allowed).toBe(true);
    expect(await judge(pulled('ghcr.io/org/server:v1', pullPolicy))).toMatchObject({
      allowed: false,
      code: 403,
      codes: ['TAG_NOT_PINNED'],
    });
  });

  test.each(['Never', 'IfNotPresent', 'Always'])(
    'E27: %s: a tag is warned of by Resolve',
    async (pullPolicy) => {
      resources = [policy({}, { trustedKeys: [goldKey], tagPolicy: 'Resolve' })];
      expect(await judge(pulled(GOOD, pullPolicy))).toMatchObject({ allowed: true, warnings: [] });
      const { allowed, warnings } = await judge(pulled('ghcr.io/org/server:v1', pullPolicy));
      expect([allowed, warnings]).toEqual([true, [expect.stringContaining('ghcr.io/org/server:v1')]]);
    },
  );
});

describe('F10: fan-out in one object', () => {
  const PIECES = 40;
  const containers = (of: (index: number) => string) =>
    Array.from({ length: 100 }, (_, index) => ({ name: `c${index}`, image: of(index) }));

  test('F10: an image that 100 containers name is looked up once, and each signature verified once, for 50 policies', async () => {
    resources = Array.from({ length: 50 }, (_, index) =>
      policy({ name: `p${index}` }, { trustedKeys: [goldKey] }),
    );
    const stranger = (index: number) =>
      bundleEvidence(sigstore.signStatement({ digests: [E] }), `referrer ${index}`);
    images.evidence.set(D, [...Array.from({ length: PIECES - 1 }, (_, index) => stranger(index)), gold]);
    let verified = 0;
    const verify = facts.verify.bind(facts);
    facts.verify = (...args) => {
      verified += 1;
      return verify(...args);
    };
    const object = podOf({ containers: containers(() => GOOD) });
    expect((await judge({ object })).allowed).toBe(true);
    expect(images.calls).toEqual(['discover org/server aa']);
    expect(verified).toBeLessThanOrEqual(PIECES);

    // The same 100 times, and one among them that is not signed.
    const one = podOf({ containers: containers((index) => (index === 99 ? BAD : GOOD)) });
    expect(await judge({ object: one })).toMatchObject({ allowed: false, codes: ['SIGNATURE_MISSING'] });
  });
});
