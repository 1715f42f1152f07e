import { Refusal } from '../errors.ts';
import { isAbsent, objectAt, own, type JsonObject } from '../image/pod.ts';
import { quote } from '../image/quote.ts';

/** `admission.k8s.io/v1` AdmissionReview, the part that decides. `object` and `oldObject` are still untrusted JSON. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** `ephemeralcontainers`, `scale`, …; empty for the object itself. */
  readonly subResource: string;
  /** What the client asked for, where the API server converted it (`matchPolicy: Equivalent`). */
  readonly requestKind: GroupVersionKind | undefined;
  readonly requestResource: GroupVersionResource | undefined;
  readonly requestSubResource: string;
  /** Empty on CREATE with `generateName`. */
  readonly name: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly operation: Operation;
  readonly userInfo: { readonly username: string; readonly groups: readonly string[] };
  /** An object on CREATE and UPDATE; null on DELETE. */
  readonly object: unknown;
  /** An object on UPDATE and DELETE; null on CREATE. */
  readonly oldObject: unknown;
  readonly dryRun: boolean;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What somebody sent is not an AdmissionReview v1: denied under its UID where that could be read, else a bad request. */
export class MalformedReview extends Refusal {
  readonly uid: string | undefined;

  constructor(uid: string | undefined, message: string, options: { cause?: unknown } = {}) {
    super('MALFORMED', message, options);
    this.name = 'MalformedReview';
    this.uid = uid;
  }
}

/**
 * @param json what a JSON parser returned, as anybody may have sent it
 * @throws MalformedReview
 */
export function parseAdmissionReview(json: unknown): AdmissionRequest {
  let uid: string | undefined;
  try {
    const review = objectAt(json, 'the body');
    const request = objectAt(own(review, 'request'), 'request');
    uid = uidOf(request);
    const type = `${textAt(review, 'apiVersion', 'review')} ${textAt(review, 'kind', 'review')}`;
    if (type !== 'admission.k8s.io/v1 AdmissionReview') {
      throw new Refusal('MALFORMED', `expected admission.k8s.io/v1 AdmissionReview, not ${quote(type)}`);
    }
    return requestOf(request, uid);
  } catch (error) {
    if (error instanceof Refusal) throw new MalformedReview(uid, error.message, { cause: error });
    throw error;
  }
}

function requestOf(request: JsonObject, uid: string): AdmissionRequest {
  const operation = operationOf(request);
  const parsed: AdmissionRequest = {
    uid,
    kind: kindAt(request, 'kind'),
    resource: resourceAt(request, 'resource'),
    subResource: optionalTextAt(request, 'subResource', 'request'),
    requestKind: isAbsent(own(request, 'requestKind')) ? undefined : kindAt(request, 'requestKind'),
    requestResource: isAbsent(own(request, 'requestResource'))
      ? undefined
      : resourceAt(request, 'requestResource'),
    requestSubResource: optionalTextAt(request, 'requestSubResource', 'request'),
    name: optionalTextAt(request, 'name', 'request'),
    namespace: optionalTextAt(request, 'namespace', 'request'),
    operation,
    userInfo: userInfoOf(request),
    object: own(request, 'object') ?? null,
    oldObject: own(request, 'oldObject') ?? null,
    dryRun: booleanAt(request, 'dryRun'),
  };
  checkObjects(parsed);
  return parsed;
}

/** The objects are there, and are what the request says that they are: nobody may decide about a Pod as if it were a ConfigMap. */
function checkObjects(request: AdmissionRequest): void {
  const { operation } = request;
  if (operation === 'CREATE' || operation === 'UPDATE')
    checkObject(request, request.object, 'request.object');
  if (operation === 'UPDATE' || operation === 'DELETE')
    checkObject(request, request.oldObject, 'request.oldObject');
}

function checkObject({ kind, namespace }: AdmissionRequest, json: unknown, field: string): void {
  const object = objectAt(json, field);
  const expected = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  const found = `${textAt(object, 'apiVersion', field)} ${textAt(object, 'kind', field)}`;
  if (found !== `${expected} ${kind.kind}`) {
    throw new Refusal(
      'MALFORMED',
      `request.kind is ${quote(`${expected} ${kind.kind}`)}, but ${field} is ${quote(found)}`,
    );
  }
  const metadata = objectAt(own(object, 'metadata') ?? {}, `${field}.metadata`);
  const stated = optionalTextAt(metadata, 'namespace', `${field}.metadata`);
  if (stated !== '' && stated !== namespace) {
    throw new Refusal(
      'MALFORMED',
      `request.namespace is ${quote(namespace)}, but ${field} is in ${quote(stated)}`,
    );
  }
}

/** The API server's are UUIDs; whatever comes back as `response.uid` must be what it sent, and nothing that needs care. */
const UID = /^[!-~]{1,128}$/;

function uidOf(request: JsonObject): string {
  const uid = own(request, 'uid');
  if (typeof uid === 'string' && UID.test(uid)) return uid;
  throw new Refusal('MALFORMED', 'request.uid must be 1 to 128 printable characters without spaces');
}

function operationOf(request: JsonObject): Operation {
  const text = textAt(request, 'operation', 'request');
  const operation = OPERATIONS.find((known) => known === text);
  if (operation !== undefined) return operation;
  throw new Refusal('MALFORMED', `request.operation ${quote(text)} is not one of ${OPERATIONS.join(', ')}`);
}

function userInfoOf(request: JsonObject): AdmissionRequest['userInfo'] {
  const userInfo = objectAt(own(request, 'userInfo') ?? {}, 'request.userInfo');
  const groups = own(userInfo, 'groups') ?? [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) {
    throw new Refusal('MALFORMED', 'request.userInfo.groups must be a list of strings');
  }
  return { username: optionalTextAt(userInfo, 'username', 'request.userInfo'), groups };
}

function kindAt(request: JsonObject, field: 'kind' | 'requestKind'): GroupVersionKind {
  const path = `request.${field}`;
  const value = objectAt(own(request, field), path);
  return { ...groupVersionOf(value, path), kind: textAt(value, 'kind', path) };
}

function resourceAt(request: JsonObject, field: 'resource' | 'requestResource'): GroupVersionResource {
  const path = `request.${field}`;
  const value = objectAt(own(request, field), path);
  return { ...groupVersionOf(value, path), resource: textAt(value, 'resource', path) };
}

function groupVersionOf(
  value: JsonObject,
  path: string,
): { readonly group: string; readonly version: string } {
  return { group: optionalTextAt(value, 'group', path), version: textAt(value, 'version', path) };
}

function textAt(object: JsonObject, key: string, path: string): string {
  const text = optionalTextAt(object, key, path);
  if (text !== '') return text;
  throw new Refusal('MALFORMED', `${path}.${key} is missing`);
}

function optionalTextAt(object: JsonObject, key: string, path: string): string {
  const value = own(object, key);
  if (isAbsent(value)) return '';
  if (typeof value === 'string') return value;
  throw new Refusal('MALFORMED', `${path}.${key} must be a string`);
}

function booleanAt(object: JsonObject, key: string): boolean {
  const value = own(object, key);
  if (isAbsent(value)) return false;
  if (typeof value === 'boolean') return value;
  throw new Refusal('MALFORMED', `request.${key} must be true or false`);
}
