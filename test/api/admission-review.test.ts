import { describe, expect, test } from '@jest/globals';
import { MalformedReview, parseAdmissionReview } from '../../src/api/admission-review.ts';

type Json = Record<string, unknown>;

const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'server', namespace: 'mcp' }, spec: {} };

function request(changes: Json = {}): Json {
  return {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    name: 'server',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'alice', groups: ['system:authenticated'], extra: { scopes: ['a'] } },
    object: POD,
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions' },
    ...changes,
  };
}

function review(changes: Json = {}, envelope: Json = {}): Json {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: request(changes),
    ...envelope,
  };
}

function refusalOf(json: unknown): MalformedReview {
  try {
    parseAdmissionReview(json);
  } catch (error) {
    if (error instanceof MalformedReview) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('AdmissionReview v1', () => {
  test('a review of the API server is read', () => {
    const parsed = parseAdmissionReview(
      review({
        subResource: 'ephemeralcontainers',
        requestKind: { group: 'x', version: 'v2', kind: 'Pod' },
        requestResource: { group: 'x', version: 'v2', resource: 'pods' },
        requestSubResource: 'ephemeralcontainers',
        operation: 'UPDATE',
        oldObject: POD,
        dryRun: true,
      }),
    );
    expect(parsed).toEqual({
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'ephemeralcontainers',
      requestKind: { group: 'x', version: 'v2', kind: 'Pod' },
      requestResource: { group: 'x', version: 'v2', resource: 'pods' },
      requestSubResource: 'ephemeralcontainers',
      name: 'server',
      namespace: 'mcp',
      operation: 'UPDATE',
      userInfo: { username: 'alice', groups: ['system:authenticated'] },
      object: POD,
      oldObject: POD,
      dryRun: true,
    });
  });

  test('what the API server leaves out is empty', () => {
    const { subResource, requestKind, name, dryRun, userInfo, oldObject } = parseAdmissionReview(
      review({ name: undefined, dryRun: undefined, userInfo: {}, oldObject: undefined }),
    );
    expect({ subResource, requestKind, name, dryRun, userInfo, oldObject }).toEqual({
      subResource: '',
      requestKind: undefined,
      name: '',
      dryRun: false,
      userInfo: { username: '', groups: [] },
      oldObject: null,
    });
  });

  test('DELETE has an old object, CONNECT whatever the API server sends', () => {
    expect(
      parseAdmissionReview(review({ operation: 'DELETE', object: null, oldObject: POD })).operation,
    ).toBe('DELETE');
    const options = { apiVersion: 'v1', kind: 'PodExecOptions' };
    expect(parseAdmissionReview(review({ operation: 'CONNECT', object: options })).object).toEqual(options);
  });
});

/** Each is one mutation of the review that the first test admits. */
const UNREADABLE: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a text', 'AdmissionReview'],
  ['a list', [review()]],
  ['a number', 1],
  ['no request', review({}, { request: undefined })],
  ['a null request', review({}, { request: null })],
  ['a list as request', review({}, { request: [request()] })],
  ['no uid', review({ uid: undefined })],
  ['an empty uid', review({ uid: '' })],
  ['a uid that is a number', review({ uid: 7 })],
  ['a uid that is too long', review({ uid: 'a'.repeat(129) })],
  ['a uid with a line break', review({ uid: 'a\nb' })],
  ['a request under __proto__', JSON.parse(`{"__proto__": ${JSON.stringify(review())}}`)],
  ['a uid under __proto__', review({}, { request: JSON.parse('{"__proto__": {"uid": "a"}}') })],
];

const MALFORMED: readonly (readonly [string, unknown])[] = [
  ['v1beta1', review({}, { apiVersion: 'admission.k8s.io/v1beta1' })],
  ['no apiVersion', review({}, { apiVersion: undefined })],
  ['another kind', review({}, { kind: 'SubjectAccessReview' })],
  ['no kind of the object', review({ kind: undefined })],
  ['a kind that is a text', review({ kind: 'Pod' })],
  ['a kind without a version', review({ kind: { group: '', kind: 'Pod' } })],
  ['no resource', review({ resource: null })],
  ['a null object on CREATE', review({ object: null })],
  ['no object on CREATE', review({ object: undefined })],
  ['a list as object', review({ object: [POD] })],
  ['a text as object', review({ object: '{}' })],
  ['no old object on UPDATE', review({ operation: 'UPDATE' })],
  ['no old object on DELETE', review({ operation: 'DELETE', object: null })],
  ['an object of another kind', review({ object: { ...POD, kind: 'ConfigMap' } })],
  ['an object of another version', review({ object: { ...POD, apiVersion: 'v2' } })],
  ['an object without a kind', review({ object: { metadata: {} } })],
  [
    'an old object of another kind',
    review({ operation: 'UPDATE', oldObject: { ...POD, kind: 'ConfigMap' } }),
  ],
  [
    'a request for a ConfigMap with a Pod in it',
    review({ kind: { group: '', version: 'v1', kind: 'ConfigMap' } }),
  ],
  ['an object of another namespace', review({ object: { ...POD, metadata: { namespace: 'kube-system' } } })],
  ['metadata that is a list', review({ object: { ...POD, metadata: [] } })],
  ['an operation in lower case', review({ operation: 'create' })],
  ['an unknown operation', review({ operation: 'PATCH' })],
  ['no operation', review({ operation: undefined })],
  ['a name that is an object', review({ name: {} })],
  ['a namespace that is a list', review({ namespace: ['mcp'] })],
  ['groups that are a text', review({ userInfo: { username: 'a', groups: 'system:masters' } })],
  ['a user name that is an object', review({ userInfo: { username: {} } })],
  ['dryRun that is a text', review({ dryRun: 'false' })],
  [
    'an object whose kind is under __proto__',
    review({ object: JSON.parse(`{"__proto__": ${JSON.stringify(POD)}}`) }),
  ],
];

describe('anything else', () => {
  test.each(UNREADABLE)('E20: %s has no uid to answer to', (_, json) => {
    expect(parseAdmissionReview(review()).uid).toBe(request()['uid']);
    expect(refusalOf(json)).toMatchObject({ code: 'MALFORMED', uid: undefined });
  });

  test.each(MALFORMED)('E20: %s is refused under its uid', (_, json) => {
    expect(parseAdmissionReview(review()).uid).toBe(request()['uid']);
    expect(refusalOf(json)).toMatchObject({ code: 'MALFORMED', uid: request()['uid'] });
  });

  test('E20: duplicate keys: the one object that was parsed is the one that is judged', () => {
    const text = JSON.stringify(review()).replace(
      '"operation":"CREATE"',
      '"operation":"DELETE","operation":"CREATE"',
    );
    expect(parseAdmissionReview(JSON.parse(text)).operation).toBe('CREATE');
  });

  test('E20: values hung on the prototype of every object are not part of a review', () => {
    const prototype = Object.prototype as unknown as Json;
    prototype['request'] = request();
    try {
      expect(refusalOf({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }).uid).toBeUndefined();
    } finally {
      delete prototype['request'];
    }
  });
});
