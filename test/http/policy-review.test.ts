import { describe, expect, test } from '@jest/globals';
import { parseAdmissionReview, type AdmissionRequest } from '../../src/api/admission-review.ts';
import { reviewPolicyDocument, type CheckDocument } from '../../src/http/policy-review.ts';

const bad: CheckDocument = () => ({
  problems: [{ field: 'spec.trustedKeys[0].issuer', message: 'is missing' }],
  warnings: ['signer "x" does not exist yet'],
});
const fine: CheckDocument = () => ({ problems: [], warnings: ['signer "x" does not exist yet'] });

function document(spec: unknown, metadata: object = {}): unknown {
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ClusterSigningPolicy',
    metadata: { name: 'p', ...metadata },
    spec,
  };
}

function request(over: Record<string, unknown>): AdmissionRequest {
  return parseAdmissionReview({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: 'countersign.dev', version: 'v1alpha1', kind: 'ClusterSigningPolicy' },
      resource: { group: 'countersign.dev', version: 'v1alpha1', resource: 'clustersigningpolicies' },
      name: 'p',
      operation: 'CREATE',
      userInfo: { username: 'admin' },
      object: document({ mode: 'Enforce' }),
      ...over,
    },
  });
}

describe('a document of our own', () => {
  test('is allowed with its warnings', () => {
    expect(reviewPolicyDocument(request({}), fine).response).toEqual({
      uid: 'u-1',
      allowed: true,
      warnings: ['signer "x" does not exist yet'],
    });
  });

  test('is denied with every field and what is wrong with it', () => {
    const { response } = reviewPolicyDocument(request({}), bad);
    expect(response).toMatchObject({ uid: 'u-1', allowed: false, status: { code: 422, reason: 'Invalid' } });
    expect(response.status?.message).toBe(
      'ClusterSigningPolicy "p" is not valid:\n  spec.trustedKeys[0].issuer: is missing',
    );
  });

  test('names no more problems than a person reads', () => {
    const many: CheckDocument = () => ({
      problems: Array.from({ length: 1_000 }, (_, index) => ({
        field: `spec.x[${index}]`,
        message: 'is bad',
      })),
      warnings: [],
    });
    const message = reviewPolicyDocument(request({}), many).response.status?.message ?? '';
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toContain('and 980 more');
  });
});

describe('nobody is locked out of mending a bad one', () => {
  const spec = { mode: 'Enforce' };
  const passing: readonly (readonly [string, Record<string, unknown>])[] = [
    ['a DELETE', { operation: 'DELETE', object: null, oldObject: document(spec) }],
    [
      'a status',
      { operation: 'UPDATE', subResource: 'status', object: document(spec), oldObject: document({}) },
    ],
    [
      'a finalizer that goes',
      { operation: 'UPDATE', object: document(spec), oldObject: document(spec, { finalizers: ['x/y'] }) },
    ],
  ];
  test.each(passing)('%s passes', (_what, over) => {
    expect(reviewPolicyDocument(request(over), bad).response.allowed).toBe(true);
  });

  test('an UPDATE that leaves it bad in another way is denied', () => {
    const over = {
      operation: 'UPDATE',
      object: document({ mode: 'Enforce', threshold: 0 }),
      oldObject: document(spec),
    };
    expect(reviewPolicyDocument(request(over), bad).response.allowed).toBe(false);
    expect(reviewPolicyDocument(request(over), fine).response.allowed).toBe(true);
  });
});

test('a document of another group is denied: this door is not for it', () => {
  const over = {
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'p' } },
  };
  expect(reviewPolicyDocument(request(over), fine).response).toMatchObject({
    allowed: false,
    status: { code: 400 },
  });
});
