import type {
  AskOptions,
  Discovery,
  DiscoverOptions,
  ImageSource,
  PlatformManifest,
  Resolved,
} from '../admission/ports.ts';
import { Fault } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import { forbiddenAddresses } from './address-guard.ts';
import { CloudCredentials } from './cloud-credentials.ts';
import { Connections } from './connections.ts';
import { discover, imageNotFound } from './discovery.ts';
import { DockerConfigFile } from './docker-config.ts';
import { endpointsOf, ownEndpoint } from './endpoint.ts';
import { timeoutFault } from './faults.ts';
import { Gate, MemoryBudget } from './gate.ts';
import { Keyrings } from './keyring.ts';
import { Manifests } from './manifests.ts';
import { Places, type Place } from './places.ts';
import { platformsOf } from './platforms.ts';
import { Proxies } from './proxies.ts';
import { formPost } from './form-post.ts';
import { RememberedDiscoveries, type Lookup, type OpenedLookup } from './remembered.ts';
import { Respites } from './respites.ts';
import type { Subject } from './search.ts';
import type { ImageSourceSettings } from './settings.ts';
import { SingleFlight } from './single-flight.ts';
import { Tokens } from './tokens.ts';

const DEFAULTS = {
  requestMilliseconds: 5000,
  lookupMilliseconds: 20_000,
  concurrency: { total: 64, perHost: 16 },
};
/** Evidence in the making, all look-ups together. */
const MEMORY_BYTES = 256 * 1024 * 1024;

/** Images and their evidence from registries and OCI layouts. Started by its constructor, ended by `stop`. */
export class RegistryImageSource implements ImageSource {
  readonly #keyrings: Keyrings;
  readonly #connections: Connections;
  readonly #places: Places;
  readonly #discoveries: RememberedDiscoveries;
  readonly #digests: SingleFlight<Resolved>;
  readonly #manifests: Manifests;
  readonly #memory = new MemoryBudget(MEMORY_BYTES);
  readonly #stopped = new AbortController();

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
    this.#keyrings = new Keyrings({
      pullSecrets: settings.pullSecrets,
      installation:
        dockerConfigFile === undefined ? undefined : new DockerConfigFile(dockerConfigFile, log, now),
      cloud: new CloudCredentials({ helpers, post, log, now, stopped }),
    });
    const respites = new Respites(now);
    const tokens = new Tokens({ send, now, respites, milliseconds: requestMilliseconds * 2, stopped });
    const keyrings = this.#keyrings;
    this.#places = new Places({ endpointsOf: endpoints, keyrings, tokens, respites, send, gate, now });
    this.#discoveries = new RememberedDiscoveries({ now, log, milliseconds: lookupMilliseconds, stopped });
    this.#digests = new SingleFlight({ max: 1024, milliseconds: lookupMilliseconds, stopped });
    this.#manifests = new Manifests({ places: this.#places, milliseconds: lookupMilliseconds, stopped });
  }

  /** Asked anew for every call; only calls at the same time share an answer. */
  async resolve(image: ImageReference, options: AskOptions): Promise<Resolved> {
    if (image.digest !== undefined) return { digest: image.digest, withPullSecret: false };
    const tag = image.tag ?? 'latest';
    const { signal } = options;
    const place = this.#places.of(image);
    const caller = { signal, late: () => timeoutFault(image.registry), isProven: place.isProven };
    return this.#renewed(options, async () => {
      const opened = await this.#places.open(place, options);
      return this.#digests.run(`${place.key} ${tag} ${opened.access}`, caller, async (shared) => {
        const digest = await opened.resolve(tag, shared);
        if (digest === undefined) throw imageNotFound(image.registry);
        return { digest, withPullSecret: opened.withPullSecret() };
      });
    });
  }

  async discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery> {
    const place = this.#places.of(image);
    const { signatureRepository, attestations = true } = options;
    const evidence = signatureRepository === undefined ? place : this.#places.of(signatureRepository);
    const where = evidence === place ? '' : ` signed in ${evidence.key}`;
    const what = attestations ? '' : ' signatures only';
    const lookup: Lookup = {
      key: `${place.key} ${digest}${where}${what}`,
      host: evidence.endpoints.origin.host,
      isProven: place.isProven && evidence.isProven,
      open: (signal) =>
        this.#openedLookup({ place, evidence, digest, attestations }, { puller: options.puller, signal }),
    };
    const first = await this.#discoveries.look(lookup, options);
    const isRefused = first.faults.some(({ code }) => code === 'REGISTRY_AUTH');
    if (!isRefused || !(await this.#keyrings.renew(options.puller, options.signal))) return first;
    return this.#discoveries.look(lookup, options);
  }

  async #openedLookup(
    { place, evidence, ...subject }: Subject & { readonly place: Place; readonly evidence: Place },
    options: AskOptions,
  ): Promise<OpenedLookup> {
    const image = await this.#places.open(place, options);
    const found = evidence === place ? image : await this.#places.open(evidence, options);
    const opened = [...new Set([image, found])];
    return {
      access: opened.map(({ access }) => access).join(' '),
      run: (findings, fresh, signal) => {
        findings.withPullSecret = () => opened.some(({ withPullSecret }) => withPullSecret());
        const where = { mirrors: found.mirrors, origin: found.repository };
        const { host } = place.endpoints.origin;
        const exists = () => image.exists(subject.digest, signal);
        const memory = this.#memory;
        return discover({ ...subject, ...where, host, exists, fresh, signal, findings, memory });
      },
    };
  }

  async manifest(image: ImageReference, digest: string, options: AskOptions): Promise<Uint8Array> {
    const place = this.#places.of(image);
    const held = this.#manifests.held(place, digest);
    return held ?? this.#renewed(options, () => this.#manifests.read(place, digest, options));
  }

  async platforms(
    image: ImageReference,
    digest: string,
    options: AskOptions,
  ): Promise<readonly PlatformManifest[] | undefined> {
    return platformsOf(digest, (each) => this.manifest(image, each, options));
  }

  /** Ends every request under way; nothing can be asked afterwards. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#connections.stop();
  }

  /** Asks, and once more when a registry refused and a pull secret has changed since it was read. */
  async #renewed<T>({ puller, signal }: AskOptions, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'REGISTRY_AUTH') throw error;
      if (!(await this.#keyrings.renew(puller, signal))) throw error;
      return ask();
    }
  }
}
