import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

export interface StoredObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

interface Event {
  readonly collection: string;
  readonly version: number;
  readonly line: string;
}

interface Watch {
  readonly collection: string;
  readonly response: ServerResponse;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Speaks the API server's list, watch, get, create, replace, patch and delete over plain HTTP, with resource versions that conflict
 * and expire, and can be told to misbehave. Collections are paths: `/apis/countersign.dev/v1alpha1/trustedsigners`; namespaced
 * objects are also listed by the path without the namespace.
 */
export class ScriptedApiServer {
  readonly requests: string[] = [];
  /** Called first; true = it has answered. */
  intercept: Answer = () => false;
  /** Watches get their headers and never a line. */
  mute = false;
  /** Watch from before this version: 410. */
  #compacted = 0;
  #version = 100;
  #objects = new Map<string, StoredObject>();
  #collections = new Set<string>();
  #events: Event[] = [];
  #watches = new Set<Watch>();
  #server: Server;
  port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#watches.clear();
  }

  /** Comes back on the same port, with what was stored. */
  async restart(): Promise<void> {
    const intercept = this.intercept;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.intercept = intercept;
    await this.start();
  }

  config(): KubeConfig {
    const config = new KubeConfig();
    // client-node refuses plain http otherwise.
    const cluster = { name: 'test', server: `http://127.0.0.1:${this.port}`, skipTLSVerify: true };
    config.loadFromClusterAndUser(cluster, { name: 'test', token: 'token-of-the-test' });
    return config;
  }

  /** A collection that is not served answers 404, as a CRD that is not installed. */
  serve(...collections: string[]): void {
    for (const collection of collections) this.#collections.add(collection);
  }

  put(collection: string, object: StoredObject): StoredObject {
    const key = keyOf(collection, object.metadata.namespace, object.metadata.name);
    const before = this.#objects.get(key);
    const version = ++this.#version;
    const metadata = {
      ...object.metadata,
      uid: before?.metadata.uid ?? `uid-${version}`,
      resourceVersion: String(version),
      generation: object.metadata.generation ?? before?.metadata.generation ?? 1,
    };
    const stored: StoredObject = { ...object, metadata };
    this.#objects.set(key, stored);
    this.#emit(collection, version, before === undefined ? 'ADDED' : 'MODIFIED', stored);
    return stored;
  }

  delete(collection: string, name: string, namespace?: string): void {
    const key = keyOf(collection, namespace, name);
    const before = this.#objects.get(key);
    if (before === undefined) throw new Error(`${key} is not stored`);
    this.#objects.delete(key);
    const version = ++this.#version;
    this.#emit(collection, version, 'DELETED', {
      ...before,
      metadata: { ...before.metadata, resourceVersion: String(version) },
    });
  }

  get(collection: string, name: string, namespace?: string): StoredObject | undefined {
    return this.#objects.get(keyOf(collection, namespace, name));
  }

  all(collection: string): readonly StoredObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${collection} `)).map(([, object]) => object);
  }

  bookmark(collection: string): void {
    const object = {
      kind: 'X',
      metadata: { resourceVersion: String(this.#version), creationTimestamp: null },
    };
    this.line(collection, JSON.stringify({ type: 'BOOKMARK', object }));
  }

  /** One raw line to whoever watches. */
  line(collection: string, text: string): void {
    if (this.mute) return;
    for (const watch of this.#watchesOf(collection)) watch.response.write(`${text}\n`);
  }

  /** Forgets history: a watch from an older version is answered with 410. */
  compact(): void {
    this.#compacted = ++this.#version;
    this.#events = [];
  }

  /** Cuts every watch; `rudely` in the middle of the chunked body. */
  dropWatches(rudely = false): void {
    for (const watch of this.#watches) {
      if (rudely) watch.response.destroy();
      else watch.response.end();
    }
    this.#watches.clear();
  }

  watchers(collection: string): number {
    return [...this.#watchesOf(collection)].length;
  }

  count(prefix: string): number {
    return this.requests.filter((request) => request.startsWith(prefix)).length;
  }

  *#watchesOf(collection: string): Generator<Watch> {
    for (const watch of this.#watches) if (watch.collection === collection) yield watch;
  }

  #emit(collection: string, version: number, type: string, object: StoredObject): void {
    const line = JSON.stringify({ type, object });
    this.#events.push({ collection, version, line });
    this.line(collection, line);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    this.requests.push(`${request.method} ${url.pathname}${url.searchParams.has('watch') ? '?watch' : ''}`);
    if (this.intercept(request, response)) return;
    if (request.headers.authorization !== 'Bearer token-of-the-test')
      return status(response, 401, 'Unauthorized');
    const place = this.#place(url.pathname);
    if (place === undefined) return status(response, 404, 'NotFound');
    if (request.method !== 'GET')
      return this.#write(request, response, { ...place, dryRun: url.searchParams.has('dryRun') });
    if (place.name !== undefined) {
      const object = this.#objects.get(keyOf(place.collection, place.namespace, place.name));
      return object === undefined ? status(response, 404, 'NotFound') : json(response, 200, object);
    }
    if (url.searchParams.has('watch')) return this.#watch(url, response, place.collection);
    this.#list(url, response, place.collection);
  }

  #place(
    path: string,
  ): { collection: string; namespace?: string; name?: string; status: boolean } | undefined {
    const match =
      /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(\/status)?$/.exec(
        path,
      );
    if (match === null) return undefined;
    const [, base, namespace, resource, name, subresource] = match;
    const collection = `${base}/${resource}`;
    if (!this.#collections.has(collection)) return undefined;
    return {
      collection,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      status: subresource !== undefined,
    };
  }

  #list(url: URL, response: ServerResponse, collection: string): void {
    const all = this.all(collection);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? all.length);
    const next = from + limit < all.length ? String(from + limit) : undefined;
    const metadata = {
      resourceVersion: String(this.#version),
      ...(next === undefined ? {} : { continue: next }),
    };
    json(response, 200, { kind: 'List', metadata, items: all.slice(from, from + limit) });
  }

  #watch(url: URL, response: ServerResponse, collection: string): void {
    const since = Number(url.searchParams.get('resourceVersion'));
    if (since < this.#compacted) return status(response, 410, 'Expired');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watch = { collection, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    if (this.mute) return;
    for (const event of this.#events) {
      if (event.collection === collection && event.version > since) response.write(`${event.line}\n`);
    }
  }

  async #write(
    request: IncomingMessage,
    response: ServerResponse,
    place: { collection: string; namespace?: string; name?: string; status: boolean; dryRun: boolean },
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const store = (object: StoredObject): StoredObject =>
      place.dryRun ? object : this.put(place.collection, object);
    const name: string = place.name ?? body.metadata.name;
    const before = this.#objects.get(keyOf(place.collection, place.namespace, name));
    if (request.method === 'POST') {
      if (before !== undefined) return status(response, 409, 'AlreadyExists');
      const metadata = {
        ...body.metadata,
        ...(place.namespace === undefined ? {} : { namespace: place.namespace }),
      };
      return json(response, 201, store({ ...body, metadata }));
    }
    if (before === undefined) return status(response, 404, 'NotFound');
    if (request.method === 'DELETE') {
      const { uid = before.metadata.uid, resourceVersion = before.metadata.resourceVersion } =
        body.preconditions ?? {};
      if (uid !== before.metadata.uid || resourceVersion !== before.metadata.resourceVersion)
        return status(response, 409, 'Conflict');
      if (!place.dryRun) this.delete(place.collection, name, place.namespace);
      return json(response, 200, { kind: 'Status', status: 'Success' });
    }
    const after = changed(request, structuredClone(before), body);
    if (after === undefined) return status(response, 422, 'Invalid');
    const claimed = after.metadata.resourceVersion;
    if (claimed !== undefined && claimed !== before.metadata.resourceVersion)
      return status(response, 409, 'Conflict');
    // The two halves of an object are written by different doors, as in the API server.
    const kept = place.status
      ? { ...before, status: after['status'] }
      : {
          ...after,
          status: before['status'],
          metadata: { ...after.metadata, generation: nextGeneration(before, after) },
        };
    json(response, 200, store(kept as StoredObject));
  }
}

/** Grows with each change of the spec, and of nothing else. */
function nextGeneration(before: StoredObject, after: StoredObject): number {
  const isSame = JSON.stringify(before['spec']) === JSON.stringify(after['spec']);
  return (before.metadata.generation ?? 1) + (isSame ? 0 : 1);
}

/** JSON patch (`test`, `add`, `replace`), merge patch, or the whole object. */
function changed(request: IncomingMessage, before: StoredObject, body: unknown): StoredObject | undefined {
  if (request.method === 'PUT') return body as StoredObject;
  if (request.headers['content-type'] === 'application/merge-patch+json')
    return merge(before, body) as StoredObject;
  for (const { op, path, value } of body as { op: string; path: string; value: unknown }[]) {
    const keys = path.slice(1).split('/');
    const last = keys.pop() ?? '';
    let target = before as Record<string, unknown>;
    for (const key of keys) target = target[key] as Record<string, unknown>;
    if (op === 'test' && JSON.stringify(target[last]) !== JSON.stringify(value)) return undefined;
    if (op !== 'test') target[last] = value;
  }
  return before;
}

function merge(before: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const after: Record<string, unknown> = { ...(before as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete after[key];
    else after[key] = merge(after[key], value);
  }
  return after;
}

function keyOf(collection: string, namespace: string | undefined, name: string): string {
  return `${collection} ${namespace ?? ''}/${name}`;
}

function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function status(response: ServerResponse, code: number, reason: string): void {
  json(response, code, {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    code,
    message: `${reason} (test)`,
  });
}
