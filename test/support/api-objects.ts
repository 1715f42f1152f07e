import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpResponse } from './http-client.ts';
import type { Cluster } from './kubernetes.ts';

/** Objects by the API itself, where a test is not about kubectl: the API server says the same, and no process is started for it. */

type Api = Pick<Cluster, 'request'>;

/** As kubectl asks: a field that there is not is an error. */
const STRICT = '?fieldValidation=Strict';

/** What the API server says to an object. */
export interface Said {
  readonly isTaken: boolean;
  /** Of a refusal, in the words that kubectl prints; empty otherwise. */
  readonly message: string;
  /** What kubectl prints as `Warning: …`, one line each. */
  readonly warnings: string;
  /** The API server's own text: the object as it was taken, or why not. */
  readonly body: string;
}

interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: object };
}

/** Creates an object, or asks what creating it would come to. */
export async function createObject(
  { request }: Api,
  object: object,
  options: { readonly dryRun?: boolean } = {},
): Promise<Said> {
  const query = `${STRICT}${options.dryRun === true ? '&dryRun=All' : ''}`;
  const path = `${collectionOf(object as ApiObject)}${query}`;
  return saidBy(await request(path, { method: 'POST', body: object }));
}

/**
 * Creates an object or puts it in the place of what is there, and must succeed. It has the annotation of `kubectl apply`,
 * so that kubectl can go on with it.
 */
export async function applyObject({ request }: Api, object: object): Promise<void> {
  const { metadata, ...rest } = object as ApiObject;
  const last = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(object)}\n` };
  const annotated = { ...metadata, annotations: { ...metadata.annotations, ...last } };
  const collection = collectionOf(object as ApiObject);
  const one = pathOf(object);
  for (const end = Date.now() + 30_000; ; await sleep(20)) {
    const before = await request(one);
    const { resourceVersion } = metadataIn(before);
    const answer = await (before.status === 404
      ? request(`${collection}${STRICT}`, { method: 'POST', body: { ...rest, metadata: annotated } })
      : request(`${one}${STRICT}`, {
          method: 'PUT',
          body: { ...rest, metadata: { ...annotated, resourceVersion } },
        }));
    if (answer.status < 300) return;
    // Its status was written meanwhile.
    if (answer.status === 409 && Date.now() < end) continue;
    throw new Error(`${one}: ${answer.status} ${saidBy(answer).message}`);
  }
}

/** The API's path of an object. */
export function pathOf(object: object): string {
  return `${collectionOf(object as ApiObject)}/${(object as ApiObject).metadata.name}`;
}

/** An object as it is there; undefined where there is none. */
export async function readObject<T>({ request }: Api, path: string): Promise<T | undefined> {
  const { status, body } = await request(path);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`${path}: ${status} ${body.toString()}`);
  return JSON.parse(body.toString()) as T;
}

export async function deleteObject({ request }: Api, path: string): Promise<void> {
  const { status, body } = await request(path, { method: 'DELETE' });
  if (status >= 300 && status !== 404) throw new Error(`${path}: ${status} ${body.toString()}`);
}

function saidBy({ status, headers, body }: HttpResponse): Said {
  const warnings = warningsIn(headers['warning'] ?? '');
  const text = body.toString();
  if (status < 300) return { isTaken: true, message: '', warnings, body: text };
  const { reason, message } = JSON.parse(text) as Readonly<Record<'reason' | 'message', string>>;
  return { isTaken: false, message: `Error from server (${reason}): ${message}`, warnings, body: text };
}

/** `299 - "text"`, in which quotes and backslashes are escaped (RFC 7234 §5.5). */
function warningsIn(header: string): string {
  const texts = [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text);
  return texts.map((text) => text.replaceAll(/\\(.)/g, '$1')).join('\n');
}

function metadataIn({ status, body }: HttpResponse): { readonly resourceVersion?: string } {
  if (status !== 200) return {};
  return (JSON.parse(body.toString()) as { readonly metadata: { readonly resourceVersion: string } })
    .metadata;
}

/** Of `kind` in the plural, as the API's paths have it. */
function collectionOf({ apiVersion, kind, metadata: { namespace } }: ApiObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, 'ie');
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}s`;
}
