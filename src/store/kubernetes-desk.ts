import { GROUP, VERSION, type Kind } from '../api/envelope.ts';
import type { AsCaller, CallerClient } from '../kube/caller-client.ts';
import { KubeApiError, TooLargeError, type RequestOptions } from '../kube/client.ts';
import type { KubeObject, ResourcePath } from '../kube/object.ts';
import { documentOf, versionOf, withoutManagers } from './custom-resource.ts';
import { deskErrorOf, describeName } from './desk-errors.ts';
import { isInForce } from './in-force.ts';
import type { KubernetesStore } from './kubernetes-store.ts';
import {
  DeskError,
  type Author,
  type DocumentName,
  type DraftDocument,
  type ResourceDesk,
  type StoredDocument,
  type WriteOptions,
  type Written,
} from './resource-desk.ts';
import { collectionOf, RESOURCES } from './resource-kinds.ts';

export interface KubernetesDeskOptions {
  readonly client: Pick<CallerClient, 'as'>;
  readonly store: Pick<KubernetesStore, 'holds' | 'onChange'>;
  /** Milliseconds that a write waits until this process decides by it. */
  readonly patience?: number;
}

/** A watch delivers in milliseconds; what takes longer is answered with "stored, and not in force yet". */
const PATIENCE = 5_000;
/** Somebody who writes as often as we try is stopped by no number. */
const ATTEMPTS = 4;
/** As `kubectl get -o yaml --show-managed-fields` and the API server's audit log name whoever wrote through this page. */
const FIELD_MANAGER = 'countersign-admin';

type ReadOptions = Omit<WriteOptions, 'dryRun'>;

/** What one attempt at a write made of the object that it found; undefined `after` = it is gone. */
type Attempt = (
  found: KubeObject,
  isLast: boolean,
  options: RequestOptions,
) => Promise<KubeObject | undefined>;

/** The custom resources, read and changed with the token of whoever asks: what may be done is for the cluster's RBAC to say. */
export class KubernetesDesk implements ResourceDesk {
  readonly #client: Pick<CallerClient, 'as'>;
  readonly #store: Pick<KubernetesStore, 'holds' | 'onChange'>;
  readonly #patience: number;

  constructor({ client, store, patience = PATIENCE }: KubernetesDeskOptions) {
    this.#client = client;
    this.#store = store;
    this.#patience = patience;
  }

  async list(
    kind: Kind,
    {
      namespace,
      limit,
      author,
      signal,
    }: ReadOptions & { readonly namespace?: string | undefined; readonly limit: number },
  ): Promise<{ readonly documents: readonly StoredDocument[]; readonly isComplete: boolean }> {
    const path = { ...collectionOf(RESOURCES[kind]), namespace };
    const documents: StoredDocument[] = [];
    let page: string | undefined;
    let size = limit;
    try {
      do {
        const query = { limit: Math.min(size, limit - documents.length), continue: page };
        const list = await smaller(() => this.#as(author).list(path, { query, signal }), size);
        if (typeof list === 'number') {
          size = list;
          continue;
        }
        documents.push(...list.items.map((object) => documentOf(kind, object)));
        page = list.continueToken;
        if (page === undefined)
          return { documents: documents.slice(0, limit), isComplete: documents.length <= limit };
      } while (documents.length < limit);
    } catch (error) {
      throw deskErrorOf(error, undefined);
    }
    return { documents: documents.slice(0, limit), isComplete: false };
  }

  async get(name: DocumentName, options: ReadOptions): Promise<StoredDocument> {
    return documentOf(name.kind, await this.#get(name, options));
  }

  async create(document: DraftDocument, options: WriteOptions): Promise<Written> {
    const { author } = options;
    const { path, warnings, request } = requestFor(document, options);
    const { name: _, ...collection } = path;
    const object = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: document.kind,
      metadata: {
        name: document.name,
        ...(document.namespace !== undefined && { namespace: document.namespace }),
        ...(document.labels !== undefined && { labels: document.labels }),
      },
      spec: document.spec,
    };
    const created = await mapped(document, () => this.#as(author).create(collection, object, request));
    return this.#written(document, { before: undefined, after: created, warnings }, options);
  }

  async replace(document: DraftDocument, version: string, options: WriteOptions): Promise<Written> {
    const { path, labels } = { path: pathOf(document), labels: document.labels };
    return this.#change(document, version, options, (found, _isLast, request) => {
      const metadata = { ...found.metadata, ...(labels !== undefined && { labels }) };
      // The rest of what is stored (annotations, owners, status) stays as it is: the author has not seen it.
      const object = { ...found, metadata: withoutManagers(metadata), spec: document.spec };
      return this.#as(options.author).replace(path, object, request);
    });
  }

  async patch(
    name: DocumentName,
    spec: Readonly<Record<string, unknown>>,
    version: string | undefined,
    options: WriteOptions,
  ): Promise<Written> {
    return this.#change(name, version, options, (found, isLast, request) => {
      // With the version, so that what the audit log calls "before" was what this changed.
      const { resourceVersion } = found.metadata;
      const patch = { ...(!isLast && { metadata: { resourceVersion } }), spec };
      return this.#as(options.author).mergePatch(pathOf(name), patch, request);
    });
  }

  async delete(name: DocumentName, version: string | undefined, options: WriteOptions): Promise<Written> {
    return this.#change(name, version, options, async (found, isLast, request) => {
      const { uid, resourceVersion } = found.metadata;
      const preconditions = {
        ...(uid !== undefined && { uid }),
        ...(!isLast && resourceVersion !== undefined && { resourceVersion }),
      };
      await this.#as(options.author).delete(pathOf(name), preconditions, request);
      return undefined;
    });
  }

  /**
   * Finds the object, compares what the author has seen, and writes with the API server's own version of what was found. That version
   * also changes with each status, which is nobody's change of the document: then it is tried again.
   */
  async #change(
    name: DocumentName,
    version: string | undefined,
    options: WriteOptions,
    attempt: Attempt,
  ): Promise<Written> {
    for (let left = ATTEMPTS; ; left -= 1) {
      const found = await this.#get(name, options);
      if (version !== undefined && version !== versionOf(found)) throw changedMeanwhile(name);
      const { warnings, request } = requestFor(name, options);
      // Whoever names a version is never told that it was written when another one was there.
      const isLast = left === 1 && version === undefined;
      try {
        const after = await attempt(found, isLast, request);
        return await this.#written(name, { before: found, after, warnings }, options);
      } catch (error) {
        if (left > 1 && error instanceof KubeApiError && error.status === 409) continue;
        throw deskErrorOf(error, name);
      }
    }
  }

  #get(name: DocumentName, { author, signal }: ReadOptions): Promise<KubeObject> {
    return mapped(name, () => this.#as(author).get(pathOf(name), { signal }));
  }

  async #written(
    name: DocumentName,
    {
      before,
      after,
      warnings,
    }: {
      readonly before: KubeObject | undefined;
      readonly after: KubeObject | undefined;
      readonly warnings: readonly string[];
    },
    { dryRun, signal }: WriteOptions,
  ): Promise<Written> {
    const version = {
      uid: (after ?? before)?.metadata.uid,
      resourceVersion: after?.metadata.resourceVersion,
    };
    return {
      before: before && documentOf(name.kind, before),
      after: after && documentOf(name.kind, after),
      warnings,
      inForce: dryRun || (await isInForce(this.#store, { name, version, signal, patience: this.#patience })),
    };
  }

  #as({ token }: Author): AsCaller {
    if (token === undefined) throw new DeskError('UNAUTHENTICATED', 'sign in with a Kubernetes token');
    return this.#client.as(token);
  }
}

async function mapped<T>(name: DocumentName, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw deskErrorOf(error, name);
  }
}

/** The page, or how many to ask for instead: whoever may write documents can make them big. */
async function smaller<T extends object>(ask: () => Promise<T>, size: number): Promise<T | number> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TooLargeError && size > 1) return Math.ceil(size / 4);
    throw error;
  }
}

function pathOf({ kind, namespace, name }: DocumentName): ResourcePath & { readonly name: string } {
  return { ...collectionOf(RESOURCES[kind]), namespace, name };
}

function requestFor(name: DocumentName, { dryRun, signal }: WriteOptions) {
  const warnings: string[] = [];
  const request: RequestOptions = {
    query: { dryRun: dryRun ? 'All' : undefined, fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
    signal,
    onWarning: (text) => void warnings.push(text),
  };
  return { path: pathOf(name), warnings, request };
}

function changedMeanwhile(name: DocumentName): DeskError {
  return new DeskError('CHANGED_MEANWHILE', `${describeName(name)} was changed meanwhile: read it again`);
}
