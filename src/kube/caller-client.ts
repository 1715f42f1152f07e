import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient, type Preconditions, type RequestOptions } from './client.ts';
import type { KubeList, KubeObject, ResourcePath } from './object.ts';

/** The API server as one caller sees it. */
export interface AsCaller {
  get(path: ResourcePath, options?: RequestOptions): Promise<KubeObject>;
  list(path: ResourcePath, options?: RequestOptions): Promise<KubeList>;
  create(path: ResourcePath, object: object, options?: RequestOptions): Promise<KubeObject>;
  replace(path: ResourcePath, object: object, options?: RequestOptions): Promise<KubeObject>;
  mergePatch(path: ResourcePath, patch: object, options?: RequestOptions): Promise<KubeObject>;
  delete(path: ResourcePath, preconditions?: Preconditions, options?: RequestOptions): Promise<void>;
  review(
    path: ResourcePath,
    question: object,
    options?: RequestOptions,
  ): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * Twice the largest object of etcd. An answer is parsed in one go, and the callers decide what stands in it: 16 MB of Pods made for that
 * take more than a second, in which no admission is answered. A longer page of a list is asked for in smaller ones.
 */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024;

/**
 * Calls to the API server on behalf of other people, each with that person's own token, over connections that carry no identity:
 * an API server believes a client certificate before it reads a header, and would take everybody for Countersign.
 */
export class CallerClient {
  readonly #client: KubeClient;

  /** @param config of the cluster; whatever user it names is left behind */
  constructor(config: KubeConfig, options: { timeout?: number; maxBodyBytes?: number } = {}) {
    this.#client = new KubeClient(withoutIdentity(config), { maxBodyBytes: MAX_ANSWER_BYTES, ...options });
  }

  /** @param token a bearer token; one that is empty or no token makes each call throw TypeError */
  as(token: string): AsCaller {
    const client = this.#client;
    return {
      get: (path, options) => client.get(path, { ...options, token }),
      list: (path, options) => client.list(path, { ...options, token }),
      create: (path, object, options) => client.create(path, object, { ...options, token }),
      replace: (path, object, options) => client.replace(path, object, { ...options, token }),
      mergePatch: (path, patch, options) => client.mergePatch(path, patch, { ...options, token }),
      delete: (path, preconditions, options) => client.delete(path, preconditions, { ...options, token }),
      review: (path, question, options) => client.review(path, question, { ...options, token }),
    };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

function withoutIdentity(config: KubeConfig): KubeConfig {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  // A user there must be: client-node takes the authorities and the server's name from the cluster only where it finds one.
  const user = { name: 'caller' };
  const bare = new KubeConfig();
  bare.loadFromOptions({
    clusters: [cluster],
    users: [user],
    contexts: [{ name: 'caller', cluster: cluster.name, user: user.name }],
    currentContext: 'caller',
  });
  return bare;
}
