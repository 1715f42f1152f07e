import { createHash } from 'node:crypto';
import type { Puller } from '../admission/ports.ts';
import { LIMITS } from '../limits.ts';
import type { CloudCredentials } from './cloud-credentials.ts';
import { fingerprint, type Credential } from './credentials.ts';
import type { DockerConfigFile } from './docker-config.ts';
import { credentialsFor } from './docker-entries.ts';
import { secretCredentials, type PullSecretSource } from './pull-secret.ts';
import { raced } from './single-flight.ts';

/**
 * Credentials of the installation itself that are tried at one registry. Its Docker configuration is no stranger's, but each one
 * costs requests while a review waits. The bound of pull secrets is `LIMITS.pullSecretMatches`; neither takes the other's part.
 */
const MAX_OWN = 32;

/** One way of signing in. */
export interface Candidate {
  /** Undefined: anonymously. */
  readonly credential: Credential | undefined;
  /** Only from a Secret of a namespace: what is learned with it is not for everybody's ears. */
  readonly isPullSecret: boolean;
}

/** The ways of signing in to one repository on somebody's behalf. */
export interface Keyring {
  /** In the order in which they are tried. The last one is anonymous, whatever was left out before it. */
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
    const cloud = await this.#options.cloud.find(name, installation?.helpers ?? new Map());
    const [workload, account] = [secrets?.workload ?? [], secrets?.serviceAccount ?? []].map((each) =>
      secretCredentials(each, name, repository),
    );
    const ofSecrets = [...(workload?.credentials ?? []), ...(account?.credentials ?? [])];
    const configured = credentialsFor(installation?.entries ?? [], name, repository);
    const ofInstallation = [...cloud.named, ...configured, ...cloud.configured];
    const found = [
      ...ofSecrets.slice(0, LIMITS.pullSecretMatches).map(secret),
      ...ofInstallation.slice(0, MAX_OWN).map(own),
    ];
    return keyringOf(found, [
      ...leftOut(ofSecrets.length, LIMITS.pullSecretMatches, 'in the pull secrets'),
      ...leftOut(ofInstallation.length, MAX_OWN, "of Countersign's own"),
      ...(secrets?.missing ?? []),
      ...(workload?.missing ?? []),
      ...(account?.missing ?? []),
      ...(installation?.missing(name, repository) ?? []),
      ...cloud.missing,
    ]);
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
  const [first, ...others] = [...byFingerprint.values(), nobody];
  const named = [...byFingerprint.keys(), ...missing];
  const access = createHash('sha256').update(JSON.stringify(named)).digest('hex');
  return {
    candidates: [first ?? nobody, ...others],
    access: named.length === 0 ? fingerprint(undefined) : access,
    missing,
  };
}

function leftOut(count: number, max: number, whose: string): readonly string[] {
  if (count <= max) return [];
  return [`of the ${count} credentials ${whose} for this repository only the first ${max} are tried`];
}

const nobody: Candidate = { credential: undefined, isPullSecret: false };

function secret(credential: Credential): Candidate {
  return { credential, isPullSecret: true };
}

function own(credential: Credential): Candidate {
  return { credential, isPullSecret: false };
}
