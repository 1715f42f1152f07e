import { LRUCache } from 'lru-cache';
import { asError, Fault } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isHostOf, regionOf, type CloudProvider } from './cloud/hosts.ts';
import type { CloudToken, SignIn, SignInOptions } from './cloud/sign-in.ts';
import type { Credential } from './credentials.ts';
import { isHostMatch } from './docker-entries.ts';
import { codeOf } from './faults.ts';
import type { CredentialHelperSettings } from './settings.ts';
import { raced, SingleFlight } from './single-flight.ts';

/** Milliseconds for one sign-in: metadata servers and token services answer in far less. */
const DEADLINE_MS = 5000;
/** How long a sign-in that failed is not tried again (milliseconds). */
const RETRY_MS = 10_000;
/** Of a token's life: after this much a new one is fetched behind the answer; after that much the old one is not used. */
const REFRESH_AT = 0.75;
const UNUSED_FROM = 0.95;
/** More than there are regions and registries of one company. */
const MAX_TOKENS = 256;
/** Sign-ins under way at once: image names decide for which hosts, and each is a request or two. */
const MAX_FLIGHTS = 32;
/** Of work that nobody gives up. */
const UNENDING = new AbortController().signal;

/** The SDKs weigh tens of megabytes: each is loaded when its cloud is first asked. */
const SIGN_INS: Readonly<Record<CloudProvider, () => Promise<SignIn>>> = {
  ecr: async () => (await import('./cloud/ecr.ts')).ecrSignIn(),
  gcr: async () => (await import('./cloud/google.ts')).googleSignIn(),
  acr: async () => (await import('./cloud/azure.ts')).azureSignIn(),
};

const NAMES: Readonly<Record<CloudProvider, string>> = { ecr: 'AWS', gcr: 'Google Cloud', acr: 'Azure' };

interface Held {
  readonly token: CloudToken;
  readonly refreshAt: number;
  readonly unusedFrom: number;
}

export interface CloudOptions {
  readonly helpers: readonly CredentialHelperSettings[];
  readonly post: (
    host: string,
    path: string,
    form: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  readonly log: Logger;
  readonly now: () => number;
  readonly stopped: AbortSignal;
}

/** What a cloud's identity gives for a host. */
export interface CloudFound {
  /** Because the installation's Docker configuration names a helper for the host. */
  readonly named: readonly Credential[];
  /** Because the settings switch the cloud on. */
  readonly configured: readonly Credential[];
  /** What could not be had, as sentences. */
  readonly missing: readonly string[];
}

/** The installation's own identity in clouds, as credentials of their registries and of no other host. */
export class CloudCredentials {
  readonly #options: CloudOptions;
  readonly #held = new LRUCache<string, Held>({ max: MAX_TOKENS });
  readonly #failures = new LRUCache<string, { readonly sentence: string; readonly until: number }>({
    max: MAX_TOKENS,
  });
  readonly #signIns = new Map<CloudProvider, SignIn>();
  readonly #flights: SingleFlight<CloudToken>;

  constructor(options: CloudOptions) {
    this.#options = options;
    this.#flights = new SingleFlight({
      max: MAX_FLIGHTS,
      milliseconds: DEADLINE_MS,
      stopped: options.stopped,
    });
  }

  /** Never throws. @param helpers of the Docker configuration: provider by host, `*` for every host of the provider */
  async find(host: string, helpers: ReadonlyMap<string, CloudProvider>): Promise<CloudFound> {
    const helper = helpers.get(host) ?? helpers.get('*');
    const named = helper !== undefined && isHostOf(helper, host) ? helper : undefined;
    const provider = named ?? this.#configured(host);
    if (provider === undefined) return { named: [], configured: [], missing: [] };
    try {
      const { credential } = await this.#token(provider, host);
      return named === undefined
        ? { named: [], configured: [credential], missing: [] }
        : { named: [credential], configured: [], missing: [] };
    } catch (error) {
      return { named: [], configured: [], missing: [asError(error).message] };
    }
  }

  #configured(host: string): CloudProvider | undefined {
    return this.#options.helpers.find(({ provider, host: pattern }) =>
      pattern === undefined ? isHostOf(provider, host) : isHostMatch(pattern.toLowerCase(), host),
    )?.provider;
  }

  async #token(provider: CloudProvider, host: string): Promise<CloudToken> {
    const key = `${provider} ${scopeOf(provider, host)}`;
    const held = this.#held.get(key);
    const now = this.#options.now();
    if (held !== undefined && now < held.refreshAt) return held.token;
    const failure = this.#failures.get(key);
    const fetching =
      failure !== undefined && now < failure.until ? undefined : this.#fetch(key, provider, host);
    if (held !== undefined && now < held.unusedFrom) {
      fetching?.catch(() => {});
      return held.token;
    }
    if (fetching === undefined) throw new Error(failure?.sentence);
    return fetching;
  }

  async #fetch(key: string, provider: CloudProvider, host: string): Promise<CloudToken> {
    const { log, now } = this.#options;
    try {
      const caller = { signal: UNENDING, late, isProven: true, namespace: '' };
      return await this.#flights.run(key, caller, async (signal) => {
        // The SDKs do not all obey a signal.
        const token = await raced(this.#signIn(provider, host, signal), signal, late);
        const [begun, lifetime] = [now(), token.expiresAt - now()];
        const at = (part: number) => begun + lifetime * part;
        this.#held.set(key, { token, refreshAt: at(REFRESH_AT), unusedFrom: at(UNUSED_FROM) });
        return token;
      });
    } catch (thrown) {
      // No failure of the cloud's: too much else was under way.
      if (thrown instanceof Fault && thrown.code === 'OVERLOADED') throw thrown;
      const error = asError(thrown);
      const code = nameOf(error);
      const sentence = `${NAMES[provider]} gave Countersign's own identity no credentials for ${host}${code === '' ? '' : ` (${code})`}`;
      log.warn(
        { host, provider, error: error.message.slice(0, 256) },
        'signing in to a cloud registry failed',
      );
      this.#failures.set(key, { sentence, until: now() + RETRY_MS });
      throw new Error(sentence, { cause: thrown });
    }
  }

  async #signIn(provider: CloudProvider, host: string, signal: AbortSignal): Promise<CloudToken> {
    const { now, post } = this.#options;
    const options: SignInOptions = {
      signal,
      now: now(),
      post: (target, path, form) => post(target, path, form, signal),
    };
    let signIn = this.#signIns.get(provider);
    if (signIn === undefined) {
      signIn = await SIGN_INS[provider]();
      this.#signIns.set(provider, signIn);
    }
    return signIn(host, options);
  }
}

/** `AccessDeniedException`, `REGISTRY_AUTH`, `ENOTFOUND`: what is known of a failure in one word; empty when nothing is. */
function nameOf(error: Error): string {
  if (error instanceof Fault) return error.code;
  return error.name !== 'Error' && /^\w{1,64}$/.test(error.name) ? error.name : codeOf(error);
}

function late(): Error {
  return Object.assign(new Error('it did not answer in time'), { name: 'TimeoutError' });
}

/** What one token is good for: a region, everything of Google's, one registry of Azure's. */
function scopeOf(provider: CloudProvider, host: string): string {
  if (provider === 'gcr') return '';
  return (provider === 'ecr' ? regionOf(host) : undefined) ?? host;
}
