import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

export interface KubeConfigOptions {
  /** File name of a kubeconfig; undefined = the Pod's own ServiceAccount. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig; undefined = its current one. */
  readonly context?: string | undefined;
}

/**
 * How to reach the API server, and as whom: from a kubeconfig file, else from inside the cluster.
 * @throws Error when neither can be read, or the context is not in the file.
 */
export function loadKubeConfig({ kubeconfig, context }: KubeConfigOptions = {}): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig === undefined) {
    // KubeConfig would take missing variables for the text "undefined".
    if ((process.env['KUBERNETES_SERVICE_HOST'] ?? '') === '') {
      throw new Error('no kubeconfig is given and this process does not run inside a Kubernetes cluster');
    }
    config.loadFromCluster();
  } else {
    config.loadFromFile(kubeconfig);
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) {
    throw new Error(`the kubeconfig has no cluster for the context "${config.getCurrentContext()}"`);
  }
  return config;
}

/** The namespace that the Pod runs in; undefined outside a cluster. */
export function ownNamespace(
  file = '/var/run/secrets/kubernetes.io/serviceaccount/namespace',
): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
