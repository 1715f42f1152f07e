import type {
  AskOptions,
  ContentOptions,
  Discovery,
  DiscoverOptions,
  ImageSource,
  PlatformManifest,
  Resolved,
} from '../admission/ports.ts';
import type { ImageReference } from '../image/reference.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import { forbiddenAddresses } from './address-guard.ts';
import { CloudCredentials } from './cloud-credentials.ts';
import { Connections } from './connections.ts';
import { DockerConfigFile } from './docker-config.ts';
import { endpointsOf, ownEndpoint } from './endpoint.ts';
import { formPost } from './form-post.ts';
import { Gate } from './gate.ts';
import { Keyrings } from './keyring.ts';
import { Lookups } from './lookups.ts';
import { Proxies } from './proxies.ts';
import { Respites } from './respites.ts';
import type { ImageSourceSettings } from './settings.ts';
import type { Send } from './tokens.ts';

const DEFAULTS = {
  requestMilliseconds: 5000,
  lookupMilliseconds: 20_000,
  concurrency: { total: 64, perHost: 16 },
};

/**
 * Evidence in the making, and in each of the two memories of it; what is remembered fits the largest evidence of one image. An
 * admission has some 9 s, of which reading evidence takes less than half.
 */
const HURRIED = {
  isShared: true,
  memoryBytes: 256 * 1024 * 1024,
  rememberedBytes: 64 * 1024 * 1024,
  readingMilliseconds: 4000,
};
const UNHURRIED = {
  isShared: false,
  memoryBytes: 64 * 1024 * 1024,
  rememberedBytes: 32 * 1024 * 1024,
  readingMilliseconds: 8000,
};

/** One in so many places of a registry, and of all together, are for what no admission waits for. */
const UNHURRIED_SHARE = 4;

/** Images and their evidence from registries and OCI layouts. Started by its constructor, ended by `stop`. */
export class RegistryImageSource implements ImageSource {
  readonly #connections: Connections;
  readonly #lookups: Lookups;
  readonly #stopped = new AbortController();
  readonly #installation: DockerConfigFile | undefined;
  /**
   * The same for questions of people, which no admission waits for. It has a quarter of the places and a memory of its own, and no
   * admission joins a look-up of it: however much is asked here, admissions find their places and what they remembered (attack G14).
   * What was found with somebody's credentials is told to nobody else: who asks here is shown the answer in full.
   */
  readonly unhurried: ImageSource;

  /** @throws Error for settings that cannot be used */
  constructor(settings: ImageSourceSettings) {
    const { log, now = Date.now, dockerConfigFile } = settings;
    const { requestMilliseconds, lookupMilliseconds, concurrency } = { ...DEFAULTS, ...settings };
    const stopped = this.#stopped.signal;
    const endpoints = endpointsOf({
      registries: settings.registries ?? [],
      containerdHosts: settings.containerdHosts,
      note: (text) => log.warn({}, text),
    });
    const gate = new Gate(concurrency);
    this.#connections = new Connections({
      gate,
      proxies: new Proxies(settings.proxy ?? {}),
      milliseconds: requestMilliseconds,
      observer: settings.observer,
      forbidden: forbiddenAddresses(settings.forbiddenAddresses ?? []),
      lookup: settings.lookup,
      connectionsPerHost: concurrency.perHost,
    });
    const send = this.#connections.send.bind(this.#connections);
    const helpers = settings.credentialHelpers ?? [];
    const post = formPost((host) => ownEndpoint(endpoints, host), send);
    this.#installation =
      dockerConfigFile === undefined ? undefined : new DockerConfigFile(dockerConfigFile, log, now);
    const keyrings = new Keyrings({
      pullSecrets: settings.pullSecrets,
      installation: this.#installation,
      cloud: new CloudCredentials({ helpers, post, log, now, stopped }),
    });
    const respites = new Respites(now);
    const common = {
      endpointsOf: endpoints,
      keyrings,
      respites,
      gate,
      now,
      log,
      requestMilliseconds,
      lookupMilliseconds,
      stopped,
    };
    this.#lookups = new Lookups({ ...common, ...HURRIED, send });
    this.unhurried = new Lookups({ ...common, ...UNHURRIED, send: narrowed(send, concurrency) });
  }

  /**
   * Reads the Docker configuration, which is otherwise read when a registry is first asked.
   * @param options.mustExist whether a file that does not exist is an error too, and not only logged
   * @throws Error that names the file and why it cannot be used
   */
  async checkCredentials(options: { readonly mustExist: boolean }): Promise<void> {
    await this.#installation?.start(options);
  }

  resolve(image: ImageReference, options: AskOptions): Promise<Resolved> {
    return this.#lookups.resolve(image, options);
  }

  discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery> {
    return this.#lookups.discover(image, digest, options);
  }

  manifest(image: ImageReference, digest: string, options: AskOptions): Promise<Uint8Array> {
    return this.#lookups.manifest(image, digest, options);
  }

  content(image: ImageReference, evidence: LargeEvidence, options: ContentOptions): Promise<Uint8Array> {
    return this.#lookups.content(image, evidence, options);
  }

  platforms(
    image: ImageReference,
    digest: string,
    options: AskOptions,
  ): Promise<readonly PlatformManifest[] | undefined> {
    return this.#lookups.platforms(image, digest, options);
  }

  /** Ends every request under way; nothing can be asked afterwards. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#connections.stop();
  }
}

/** The same requests through a narrower gate before the common one: few of them are in it at once. */
function narrowed(send: Send, { total, perHost }: typeof DEFAULTS.concurrency): Send {
  const gate = new Gate({ total: share(total), perHost: share(perHost) });
  return (endpoint, request, signal) => {
    if (endpoint.isConfigured) gate.introduce(endpoint.host);
    return gate.run(request, signal, () => send(endpoint, request, signal));
  };
}

function share(places: number): number {
  return Math.max(1, Math.floor(places / UNHURRIED_SHARE));
}
