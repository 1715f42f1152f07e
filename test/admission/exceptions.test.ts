import { beforeEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { validate, type ValidateDependencies } from '../../src/admission/validate.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import type { Resource } from '../../src/api/resources.ts';
import { labelSelector } from '../../src/api/label-selector.ts';
import { Fault } from '../../src/errors.ts';
import { parseGlob } from '../../src/image/glob.ts';
import { DIGEST, exception, HOUR, NOW, OTHER_DIGEST, policy, snapshotOf } from '../policy/builders.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** Whole reviews of an image that nobody signed, with an exception and without. */
const UNSIGNED = `ghcr.io/org/server:v1@${DIGEST}`;
const TAGGED = 'ghcr.io/org/server:v1';
let images: ScriptedImages;
let resources: Resource[];
let over: Partial<ValidateDependencies>;

beforeEach(() => {
  images = new ScriptedImages(new Map([[TAGGED, DIGEST]]), new Map());
  resources = [policy(), exception()];
  over = {};
});

async function judge(image = UNSIGNED, namespace = 'mcp') {
  const snapshot = snapshotOf(...resources);
  const request = {
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'server',
    namespace,
    operation: 'CREATE',
    userInfo: { username: 'jane', groups: [] },
    object: { kind: 'Pod', metadata: {}, spec: { containers: [{ name: 'c', image }] } },
    oldObject: undefined,
    dryRun: false,
  } as unknown as AdmissionRequest;
  const dependencies: ValidateDependencies = {
    images,
    facts: new FactCache(),
    statements: new StatementCache(),
    large: largeEvidence(),
    snapshots: { current: () => snapshot },
    namespaces: { labels: async () => ({ 'kubernetes.io/metadata.name': namespace }) },
    noMatch: 'DenyInGovernedNamespaces',
    knowsWhoAsks: true,
    now: () => NOW,
    onDefect: (error) => {
      throw error;
    },
    ...over,
  };
  return validate(request, dependencies, new AbortController().signal);
}

const ADMITTED = {
  allowed: true,
  warnings: [
    expect.stringMatching(/^Excepted by SigningException "incident-1" until 2026-11-22T13:00:00Z: Image /),
  ],
};

describe('an exception in a review', () => {
  test('admits, with a warning; and without it, after its end, elsewhere, for another image, from another policy: denied', async () => {
    expect(await judge()).toMatchObject({
      ...ADMITTED,
      codes: ['SIGNATURE_MISSING'],
      images: [{ verdicts: [{ outcome: { kind: 'violated' }, exception: { name: 'incident-1' } }] }],
    });
    const denied = { allowed: false, code: 403, codes: ['SIGNATURE_MISSING'], warnings: [] };
    expect(await judge(UNSIGNED, 'other')).toMatchObject(denied);
    expect(await judge(UNSIGNED.replace('org', 'else'))).toMatchObject(denied);
    over = { now: () => NOW + HOUR };
    expect(await judge()).toMatchObject(denied);
    over = {};
    resources = [policy(), exception('incident-1', { policies: new Set(['another']) })];
    expect(await judge()).toMatchObject(denied);
    resources = [policy(), { ...exception(), grant: undefined }];
    expect(await judge()).toMatchObject(denied);
    resources = [policy()];
    expect(await judge()).toMatchObject(denied);
  });

  test('a registry that is down is no reason to deny either', async () => {
    images.failing = new Fault('REGISTRY_UNREACHABLE', 'down');
    expect(await judge(TAGGED)).toMatchObject(ADMITTED);
    resources = [policy()];
    expect(await judge(TAGGED)).toMatchObject({ allowed: false, code: 503 });
  });

  test('another policy, which it does not name, still denies', async () => {
    const named = exception('incident-1', { policies: new Set(['mcp-servers']) });
    resources = [policy(), named];
    expect(await judge()).toMatchObject(ADMITTED);
    resources = [policy(), policy({ name: 'strict' }), named];
    const { allowed, message } = await judge();
    expect(allowed).toBe(false);
    expect(message).toContain('ClusterSigningPolicy "strict"');
    expect(message).not.toContain('ClusterSigningPolicy "mcp-servers"');
  });

  test('a revoked digest stays revoked, also behind a registry that will not say', async () => {
    const revoking = (digest: string) => policy({}, { revokedDigests: new Set([digest]) });
    resources = [revoking(OTHER_DIGEST), exception()];
    expect(await judge()).toMatchObject(ADMITTED);
    resources = [revoking(DIGEST), exception()];
    expect(await judge()).toMatchObject({ allowed: false, codes: ['DIGEST_REVOKED'] });
    images.failing = new Fault('REGISTRY_AUTH', 'no');
    expect(await judge(TAGGED)).toMatchObject({ allowed: false, code: 503, codes: ['REGISTRY_AUTH'] });
  });

  test('a reference that no node accepts is no image that an exception could be for', async () => {
    resources = [policy(), exception('incident-1', { images: [parseGlob('**')] })];
    expect(await judge()).toMatchObject(ADMITTED);
    expect(await judge('ghcr.io/org/SERVER')).toMatchObject({ allowed: false, codes: ['REF_INVALID'] });
    // Nor where no policy is about it.
    over = { noMatch: 'Deny' };
    resources = [exception('incident-1', { images: [parseGlob('**')] })];
    expect(await judge()).toMatchObject(ADMITTED);
    expect(await judge('ghcr.io/org/SERVER')).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
  });

  test('policies that are not known deny, whatever an exception says', async () => {
    over = {
      snapshots: {
        current: () => {
          throw new Fault('NOT_SYNCED', 'not yet');
        },
      },
    };
    expect(await judge()).toMatchObject({ allowed: false, code: 503, codes: ['NOT_SYNCED'] });
  });
});

describe("the installation's own rule", () => {
  const governing = policy({
    match: {
      images: [parseGlob('quay.io/**')],
      excludeImages: [],
      namespaceSelector: labelSelector({ matchLabels: { 'kubernetes.io/metadata.name': 'mcp' } }),
      workloadSelector: undefined,
    },
  });

  test('is lifted by an exception from every policy, and by none that names some', async () => {
    resources = [governing, exception()];
    expect(await judge()).toMatchObject({ ...ADMITTED, codes: ['NO_POLICY'] });
    resources = [governing, exception('incident-1', { policies: new Set(['mcp-servers']) })];
    expect(await judge()).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
    resources = [governing];
    expect(await judge()).toMatchObject({ allowed: false, codes: ['NO_POLICY'] });
  });

  test('also where the labels of the namespace cannot be read: its name is known', async () => {
    over = {
      namespaces: {
        labels: async () => {
          throw new Fault('NAMESPACE_UNKNOWN', 'no answer');
        },
      },
    };
    resources = [governing, exception()];
    expect(await judge()).toMatchObject({ allowed: true, codes: ['NAMESPACE_UNKNOWN'] });
    resources = [governing];
    expect(await judge()).toMatchObject({ allowed: false, code: 503 });
  });
});

test.each(['Warn', 'Audit'] as const)('a policy in %s says what it said before', async (mode) => {
  resources = [policy({ mode })];
  const before = await judge();
  resources = [policy({ mode }), exception()];
  expect(await judge()).toEqual(before);
});
