import type { Puller } from '../admission/ports.ts';
import { asError } from '../errors.ts';
import { quote } from '../image/quote.ts';
import { LIMITS } from '../limits.ts';
import type { Credential } from './credentials.ts';
import {
  credentialsFor,
  parseDockerCfg,
  parseDockerConfigJson,
  problemsFor,
  type Entry,
} from './docker-entries.ts';

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

/** Of one Secret: more entries for one repository that cannot be used are not named. */
const MAX_PROBLEMS = 4;

interface SecretEntries {
  readonly entries: readonly Entry[];
  /** What of it is not used, as sentences. */
  readonly missing: readonly string[];
}

/** A Secret is parsed once for as long as it is held. */
const parsed = new WeakMap<PullSecret, SecretEntries>();

/**
 * The credentials in all of these that are for a repository, best first, and what of the Secrets cannot be used, as sentences.
 * Helpers that a Secret names are left out: a tenant does not get to use the installation's cloud identity.
 * @param host of image names, in lower case
 */
export function secretCredentials(
  secrets: readonly PullSecret[],
  host: string,
  repository: string,
): { readonly credentials: readonly Credential[]; readonly missing: readonly string[] } {
  const all = secrets.map((secret) => {
    const read = parsed.get(secret) ?? entriesOf(secret);
    parsed.set(secret, read);
    const problems = problemsFor(read.entries, host, repository).slice(0, MAX_PROBLEMS);
    const sentences = problems.map((problem) => `in the Secret ${quote(secret.name)} ${problem}`);
    return { entries: read.entries, missing: [...read.missing, ...sentences] };
  });
  return {
    credentials: credentialsFor(
      all.flatMap(({ entries }) => entries),
      host,
      repository,
    ),
    missing: all.flatMap(({ missing }) => missing),
  };
}

function entriesOf({ name, type, text }: PullSecret): SecretEntries {
  const max = LIMITS.pullSecretEntries;
  try {
    const parse = type === 'kubernetes.io/dockercfg' ? parseDockerCfg : parseDockerConfigJson;
    const { entries } = parse(text);
    if (entries.length <= max) return { entries, missing: [] };
    const why = `of the credentials in the Secret ${quote(name)} only the first ${max} are used`;
    return { entries: entries.slice(0, max), missing: [why] };
  } catch (error) {
    // The API server only checks that both types hold a JSON object.
    const why = asError(error).message;
    return {
      entries: [],
      missing: [`the Secret ${quote(name)} holds no credentials that can be read (${why})`],
    };
  }
}
