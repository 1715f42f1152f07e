import { asError, Fault } from '../errors.ts';
import { KubeApiError, type KubeClient } from '../kube/client.ts';
import type { KubeObject, ResourcePath } from '../kube/object.ts';

export type Labels = Readonly<Record<string, string>>;

export const NAMESPACES: ResourcePath = { group: '', version: 'v1', resource: 'namespaces' };

/** The labels of a Namespace object. The API server itself sets `kubernetes.io/metadata.name` on every one. */
export function labelsOf(namespace: KubeObject): Labels {
  return namespace.metadata.labels ?? {};
}

/**
 * Asks the API server for the labels of a namespace that the informer has not seen yet (its first Pod may come before
 * the watch's event). Callers that ask for the same namespace at once share one request.
 */
export class NamespaceLookup {
  readonly #client: KubeClient;
  readonly #underWay = new Map<string, Promise<Labels>>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** @throws Fault NAMESPACE_UNKNOWN, also when the signal is aborted first. */
  labels(namespace: string, signal: AbortSignal): Promise<Labels> {
    let asked = this.#underWay.get(namespace);
    if (asked === undefined) {
      // No caller's signal: one that gives up must not fail the others. The client has a deadline of its own.
      asked = this.#ask(namespace).finally(() => this.#underWay.delete(namespace));
      this.#underWay.set(namespace, asked);
    }
    return orAborted(asked, namespace, signal);
  }

  async #ask(namespace: string): Promise<Labels> {
    try {
      return labelsOf(await this.#client.get({ ...NAMESPACES, name: namespace }));
    } catch (error) {
      throw unknown(namespace, error);
    }
  }
}

function orAborted(labels: Promise<Labels>, namespace: string, signal: AbortSignal): Promise<Labels> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(unknown(namespace, signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    labels.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function unknown(namespace: string, cause: unknown): Fault {
  const why =
    cause instanceof KubeApiError
      ? `the API server answered ${cause.status}`
      : 'the API server did not answer';
  return new Fault('NAMESPACE_UNKNOWN', `The labels of namespace ${namespace} could not be read: ${why}.`, {
    cause: asError(cause),
  });
}
