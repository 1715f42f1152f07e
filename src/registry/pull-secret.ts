import type { Puller } from '../admission/ports.ts';
import { quote } from '../image/quote.ts';
import { LIMITS } from '../limits.ts';
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
const parsed = new WeakMap<PullSecret, SecretEntries>();

/** What pull secrets hold. */
export interface SecretEntries {
  readonly entries: readonly Entry[];
  /** What of it is not used, as sentences. */
  readonly missing: readonly string[];
}

/**
 * The credentials in all of these, in order. Helpers that a Secret names are left out: a tenant does not get to use the
 * installation's cloud identity.
 */
export function secretEntries(secrets: readonly PullSecret[]): SecretEntries {
  const all = secrets.map((secret) => {
    const read = parsed.get(secret) ?? entriesOf(secret);
    parsed.set(secret, read);
    return read;
  });
  return {
    entries: all.flatMap(({ entries }) => entries),
    missing: all.flatMap(({ missing }) => missing),
  };
}

function entriesOf({ name, type, text }: PullSecret): SecretEntries {
  const max = LIMITS.pullSecretEntries;
  try {
    const { entries } = type === 'kubernetes.io/dockercfg' ? parseDockerCfg(text) : parseDockerConfig(text);
    if (entries.length <= max) return { entries, missing: [] };
    const why = `of the credentials in the Secret ${quote(name)} only the first ${max} are used`;
    return { entries: entries.slice(0, max), missing: [why] };
  } catch {
    // The API server checks both types; what is broken all the same holds no credentials.
    return { entries: [], missing: [] };
  }
}
