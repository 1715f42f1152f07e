import type { Puller } from '../admission/ports.ts';
import { parseDockerCfg, parseDockerConfig, type Entry } from './docker-entries.ts';

/** A Secret of one of the two types that hold registry credentials. */
export interface PullSecret {
  readonly name: string;
  readonly type: 'kubernetes.io/dockerconfigjson' | 'kubernetes.io/dockercfg';
  /** What it holds under the key of its type. */
  readonly text: string;
}

export interface PullSecretsRead {
  /** Those that the workload names itself. */
  readonly workload: readonly PullSecret[];
  /** Those that its ServiceAccount names. */
  readonly serviceAccount: readonly PullSecret[];
  /** What could not be read and why, as sentences. No fault by itself: a kubelet goes on without it as well. */
  readonly missing: readonly string[];
  /** Whether this time something else was read than before. */
  readonly hasChanged: boolean;
}

/** The pull secrets of a namespace. Implemented over the API server's client by `kube/pull-secrets.ts`. */
export interface PullSecretSource {
  /** Never throws and never takes long: it has a deadline of its own. @param options.renew read again what was not read just now */
  read(puller: Puller, options: { readonly renew: boolean }): Promise<PullSecretsRead>;
}

/** A Secret is parsed once for as long as it is held. */
const parsed = new WeakMap<PullSecret, readonly Entry[]>();

/**
 * The credentials in all of these, in order. Helpers that a Secret names are left out: a tenant does not get to use the
 * installation's cloud identity.
 */
export function secretEntries(secrets: readonly PullSecret[]): readonly Entry[] {
  return secrets.flatMap((secret) => {
    const entries = parsed.get(secret) ?? entriesOf(secret);
    parsed.set(secret, entries);
    return entries;
  });
}

function entriesOf({ type, text }: PullSecret): readonly Entry[] {
  try {
    return (type === 'kubernetes.io/dockercfg' ? parseDockerCfg(text) : parseDockerConfig(text)).entries;
  } catch {
    // The API server checks both types; what is broken all the same holds no credentials.
    return [];
  }
}
