import { createHash } from 'node:crypto';
import type { Puller } from '../admission/ports.ts';
import { LIMITS } from '../limits.ts';
import type { CloudCredentials } from './cloud-credentials.ts';
import { fingerprint, type Credential } from './credentials.ts';
import type { DockerConfigFile } from './docker-config.ts';
import { credentialsFor, type Entry } from './docker-entries.ts';
import { secretEntries, type PullSecretSource } from './pull-secret.ts';
import { raced } from './single-flight.ts';

/** Times that a question is asked anew with another credential: as often as a kubelet with a few secrets would, and bounded. */
export const MAX_TRIES = 3;

/** One way of signing in. */
export interface Candidate {
  /** Undefined: anonymously. */
  readonly credential: Credential | undefined;
  /** Only from a Secret of a namespace: what is learned with it is not for everybody's ears. */
  readonly isPullSecret: boolean;
}

/** The ways of signing in to one repository on somebody's behalf. */
export interface Keyring {
  /** In the order in which they are tried: 1 to `MAX_TRIES`. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** Names all of it and gives nothing away: what was not found with one keyring is no answer for another. */
  readonly access: string;
  /** Credentials that could not be had, as sentences: told where the registry then refuses. */
  readonly missing: readonly string[];
}

export interface KeyringOptions {
  readonly pullSecrets: PullSecretSource | undefined;
  readonly installation: DockerConfigFile | undefined;
  readonly cloud: CloudCredentials;
}

/** Works out who to be for a repository. Nothing here is asked before a look-up has to be made. */
export class Keyrings {
  readonly #options: KeyringOptions;

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  /**
   * Most specific first: the workload's pull secrets, its ServiceAccount's, the installation's Docker configuration, its
   * cloud's identity, nobody. Every credential is one that was made for this very host.
   * @param host as in image names, or of a mirror
   */
  async of(host: string, repository: string, puller: Puller): Promise<Keyring> {
    const name = host.toLowerCase();
    const [secrets, installation] = await Promise.all([
      this.#options.pullSecrets?.read(puller, { renew: false }),
      this.#options.installation?.read(),
    ]);
    const matching = (entries: readonly Entry[]) => credentialsFor(entries, name, repository);
    const cloud = await this.#options.cloud.find(name, installation?.helpers ?? new Map());
    const [workload, account] = [secrets?.workload ?? [], secrets?.serviceAccount ?? []].map(secretEntries);
    const ofSecrets = [...matching(workload?.entries ?? []), ...matching(account?.entries ?? [])];
    const found: Candidate[] = [
      ...ofSecrets.slice(0, LIMITS.pullSecretMatches).map(secret),
      ...cloud.named.map(own),
      ...matching(installation?.entries ?? []).map(own),
      ...cloud.configured.map(own),
    ];
    const unused = [...(workload?.missing ?? []), ...(account?.missing ?? [])];
    return keyringOf(found, [...(secrets?.missing ?? []), ...unused, ...cloud.missing]);
  }

  /** Reads the pull secrets once more, those that were not read just now. @returns whether one of them has changed; false as well when the signal comes first */
  async renew(puller: Puller, signal: AbortSignal): Promise<boolean> {
    const { pullSecrets } = this.#options;
    if (pullSecrets === undefined || signal.aborted) return false;
    const late = new Error('the signal came first');
    try {
      return (await raced(pullSecrets.read(puller, { renew: true }), signal, () => late)).hasChanged;
    } catch (error) {
      if (error === late) return false;
      throw error;
    }
  }
}

function keyringOf(found: readonly Candidate[], missing: readonly string[]): Keyring {
  const byFingerprint = new Map<string, Candidate>();
  // In the place of the first, but as the last: what the installation has as well is no secret of the namespace.
  for (const candidate of found) byFingerprint.set(fingerprint(candidate.credential), candidate);
  const [first, ...others] = [...byFingerprint.values(), nobody].slice(0, MAX_TRIES);
  const named = [...byFingerprint.keys(), ...missing];
  const access = createHash('sha256').update(JSON.stringify(named)).digest('hex');
  return {
    candidates: [first ?? nobody, ...others],
    access: named.length === 0 ? fingerprint(undefined) : access,
    missing,
  };
}

const nobody: Candidate = { credential: undefined, isPullSecret: false };

function secret(credential: Credential): Candidate {
  return { credential, isPullSecret: true };
}

function own(credential: Credential): Candidate {
  return { credential, isPullSecret: false };
}
