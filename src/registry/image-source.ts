import { LRUCache } from 'lru-cache';
import type { Discovery, DiscoverOptions, ImageSource } from '../admission/ports.ts';
import { Fault } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import { forbiddenAddresses } from './address-guard.ts';
import { Connections } from './connections.ts';
import { problemOf, verifiedManifest } from './content.ts';
import { anonymous, fingerprint, type CredentialSource } from './credentials.ts';
import { discover, imageNotFound } from './discovery.ts';
import { DockerConfigFile } from './docker-config.ts';
import { endpointsOf, type Endpoint } from './endpoint.ts';
import { timeoutFault } from './faults.ts';
import { Gate, MemoryBudget } from './gate.ts';
import { HttpRepository } from './http-repository.ts';
import { LayoutRepository } from './layout-repository.ts';
import { parseManifest } from './manifest.ts';
import { ReferrersMemory } from './referrers-support.ts';
import { RegistryClient } from './registry-client.ts';
import { faulted, RememberedDiscoveries } from './remembered.ts';
import type { Repository } from './repository.ts';
import type { ImageSourceSettings } from './settings.ts';
import { raced, SingleFlight } from './single-flight.ts';
import { Tokens } from './tokens.ts';

const DEFAULTS = {
  requestMilliseconds: 5000,
  lookupMilliseconds: 20_000,
  concurrency: { total: 64, perHost: 16 },
};
/** Evidence in the making, all look-ups together. */
const MEMORY_BYTES = 256 * 1024 * 1024;
/** Manifests are remembered by their digest: they cannot change. */
const MANIFEST_CACHE_BYTES = 16 * 1024 * 1024;

/** A repository, and under which name and as whom it is asked. */
interface Place {
  readonly repository: Repository;
  readonly key: string;
  readonly access: string;
  /** Whether its host has ever answered, or is listed in the settings. */
  readonly isProven: boolean;
}

/** Images and their evidence from registries and OCI layouts. Started by its constructor, ended by `stop`. */
export class RegistryImageSource implements ImageSource {
  readonly #endpointOf: (host: string) => Endpoint;
  readonly #credentials: CredentialSource;
  readonly #gate: Gate;
  readonly #connections: Connections;
  readonly #tokens: Tokens;
  readonly #support: ReferrersMemory;
  readonly #discoveries: RememberedDiscoveries;
  readonly #digests: SingleFlight<string>;
  readonly #manifestFlights: SingleFlight<Uint8Array>;
  readonly #manifests = new LRUCache<string, Uint8Array>({
    maxSize: MANIFEST_CACHE_BYTES,
    sizeCalculation: ({ length }) => length + 1,
  });
  readonly #memory = new MemoryBudget(MEMORY_BYTES);
  readonly #stopped = new AbortController();

  /** @throws Error for settings that cannot be used */
  constructor(settings: ImageSourceSettings) {
    const { log, now = Date.now, dockerConfigFile } = settings;
    const { requestMilliseconds, lookupMilliseconds, concurrency } = { ...DEFAULTS, ...settings };
    const stopped = this.#stopped.signal;
    this.#endpointOf = endpointsOf(settings.registries ?? []);
    this.#credentials =
      dockerConfigFile === undefined ? anonymous : new DockerConfigFile(dockerConfigFile, log, now);
    this.#gate = new Gate(concurrency);
    this.#connections = new Connections({
      gate: this.#gate,
      milliseconds: requestMilliseconds,
      observer: settings.observer,
      forbidden: forbiddenAddresses(settings.forbiddenAddresses ?? []),
      lookup: settings.lookup,
      connectionsPerHost: concurrency.perHost,
    });
    const send = this.#connections.send.bind(this.#connections);
    this.#tokens = new Tokens({ send, now, milliseconds: requestMilliseconds * 2, stopped });
    this.#support = new ReferrersMemory(now);
    this.#discoveries = new RememberedDiscoveries({ now, log, milliseconds: lookupMilliseconds, stopped });
    this.#digests = new SingleFlight({ max: 1024, milliseconds: lookupMilliseconds, stopped });
    this.#manifestFlights = new SingleFlight({ max: 1024, milliseconds: lookupMilliseconds, stopped });
  }

  /** Asked anew for every call; only calls at the same time share an answer. */
  async resolve(image: ImageReference, signal: AbortSignal): Promise<string> {
    if (image.digest !== undefined) return image.digest;
    const tag = image.tag ?? 'latest';
    const { repository, key, access, isProven } = await this.#place(image, signal);
    const late = () => timeoutFault(image.registry);
    return this.#digests.run(`${key} ${tag} ${access}`, { signal, late, isProven }, async (shared) => {
      const digest = await repository.resolve(tag, shared);
      if (digest === undefined) throw imageNotFound(image.registry);
      return digest;
    });
  }

  async discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery> {
    let place: Place;
    try {
      place = await this.#place(image, options.signal);
    } catch (error) {
      const problem = problemOf(error);
      if (problem instanceof Fault) return faulted(problem);
      throw problem;
    }
    const { repository, key, access, isProven } = place;
    return this.#discoveries.look(
      {
        key: `${key} ${digest}`,
        access,
        host: image.registry,
        isProven,
        run: (findings, fresh, signal) =>
          discover({ repository, digest, fresh, signal, findings, memory: this.#memory }),
      },
      options,
    );
  }

  /** Also refuses what is no manifest: Docker's schema 1, a document that is manifest and index at once. */
  async manifest(image: ImageReference, digest: string, signal: AbortSignal): Promise<Uint8Array> {
    const { repository, key, access, isProven } = await this.#place(image, signal);
    const name = `${key} ${digest}`;
    const held = this.#manifests.get(name);
    if (held !== undefined) return held;
    const late = () => timeoutFault(image.registry);
    return this.#manifestFlights.run(`${name} ${access}`, { signal, late, isProven }, async (shared) => {
      const bytes = await verifiedManifest(repository, digest, shared);
      if (bytes === undefined) throw imageNotFound(image.registry);
      parseManifest(bytes, 'the manifest of the image');
      this.#manifests.set(name, bytes);
      return bytes;
    });
  }

  /** Ends every request under way; nothing can be asked afterwards. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#connections.stop();
  }

  async #place({ registry, repository: name }: ImageReference, signal: AbortSignal): Promise<Place> {
    const endpoint = this.#endpointOf(registry);
    const key = `${endpoint.key} ${name}`;
    if (endpoint.layout !== undefined) {
      const repository = new LayoutRepository(registry, endpoint.layout, name);
      return { repository, key, access: 'layout', isProven: true };
    }
    const finding = this.#credentials.find(endpoint.host, name);
    // Reading a file waits behind name resolution, which strangers can make slow.
    const credential = await raced(finding, signal, () => timeoutFault(registry));
    const client = new RegistryClient(
      { endpoint, repository: name, credential },
      this.#tokens,
      this.#connections.send.bind(this.#connections),
    );
    return {
      repository: new HttpRepository(client, name, this.#support.of(key)),
      key,
      access: fingerprint(credential),
      isProven: endpoint.isConfigured || this.#gate.isProven(endpoint.host),
    };
  }
}
