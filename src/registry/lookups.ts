import type {
  AskOptions,
  ContentOptions,
  Discovery,
  DiscoverOptions,
  ImageSource,
  PlatformManifest,
  Resolved,
} from '../admission/ports.ts';
import { Fault } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Logger } from '../log.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import { discover, imageNotFound } from './discovery.ts';
import { evidenceGone, timeoutFault } from './faults.ts';
import { MemoryBudget } from './gate.ts';
import { Manifests } from './manifests.ts';
import { Places, type Place, type PlaceOptions } from './places.ts';
import { platformsOf } from './platforms.ts';
import { RememberedDiscoveries, type Lookup, type OpenedLookup } from './remembered.ts';
import type { Subject } from './search.ts';
import { SingleFlight } from './single-flight.ts';
import { Tokens } from './tokens.ts';

export interface LookupsOptions extends Omit<PlaceOptions, 'tokens'> {
  readonly log: Logger;
  /** Of one answer of a registry. */
  readonly requestMilliseconds: number;
  /** Of one shared look-up, however long its callers wait. */
  readonly lookupMilliseconds: number;
  /** Of one look-up until its callers are given what was read by then: they need time to verify it. */
  readonly readingMilliseconds: number;
  /** Bytes of evidence in the making, all look-ups together. */
  readonly memoryBytes: number;
  /** Bytes of evidence that is remembered. */
  readonly rememberedBytes: number;
  /** Whether what was found for one caller is told to another, who may not be able to see the image. */
  readonly isShared: boolean;
  readonly stopped: AbortSignal;
}

const SIGNATURES = { signatures: true, predicateTypes: [] };

/** What is looked up on behalf of one kind of caller, and what is remembered of it. */
export class Lookups implements ImageSource {
  readonly #keyrings: PlaceOptions['keyrings'];
  readonly #places: Places;
  readonly #discoveries: RememberedDiscoveries;
  readonly #digests: SingleFlight<Resolved>;
  readonly #manifests: Manifests;
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  readonly #readingMilliseconds: number;

  constructor(options: LookupsOptions) {
    const { send, now, respites, keyrings, stopped, log, isShared, rememberedBytes: bytes } = options;
    const milliseconds = options.lookupMilliseconds;
    const tokens = new Tokens({
      send,
      now,
      respites,
      milliseconds: options.requestMilliseconds * 2,
      stopped,
    });
    this.#now = now;
    this.#readingMilliseconds = options.readingMilliseconds;
    this.#keyrings = keyrings;
    this.#places = new Places({ ...options, tokens });
    this.#discoveries = new RememberedDiscoveries({ now, log, milliseconds, stopped, bytes, isShared });
    this.#digests = new SingleFlight({ max: 1024, milliseconds, stopped });
    this.#manifests = new Manifests({ places: this.#places, milliseconds, stopped, isShared });
    this.#memory = new MemoryBudget(options.memoryBytes);
  }

  /** Asked anew for every call; only calls at the same time share an answer. */
  async resolve(image: ImageReference, options: AskOptions): Promise<Resolved> {
    if (image.digest !== undefined) return { digest: image.digest, withPullSecret: false };
    const tag = image.tag ?? 'latest';
    const { signal, puller } = options;
    const place = this.#places.of(image);
    const late = () => timeoutFault(image.registry);
    const caller = { signal, late, isProven: place.isProven, namespace: puller.namespace };
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
    const { signatureRepository, attestations = true, ask = SIGNATURES } = options;
    const evidence = signatureRepository === undefined ? place : this.#places.of(signatureRepository);
    const where = evidence === place ? '' : ` signed in ${evidence.key}`;
    const what = attestations ? '' : ' signatures only';
    const lookup: Lookup = {
      key: `${place.key} ${digest}${where}${what}`,
      ask: JSON.stringify([ask.signatures, ...ask.predicateTypes]),
      host: evidence.endpoints.origin.host,
      isProven: place.isProven && evidence.isProven,
      namespace: options.puller.namespace,
      open: (signal) =>
        this.#openedLookup(
          { place, evidence, digest, attestations, ask },
          { puller: options.puller, signal },
        ),
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
        const began = this.#now();
        const isLate = () => Math.abs(this.#now() - began) >= this.#readingMilliseconds;
        return discover({ ...subject, ...where, host, exists, fresh, signal, isLate, findings, memory });
      },
    };
  }

  async manifest(image: ImageReference, digest: string, options: AskOptions): Promise<Uint8Array> {
    const place = this.#places.of(image);
    const held = this.#manifests.held(place, digest);
    return held ?? this.#renewed(options, () => this.#manifests.read(place, digest, options));
  }

  async content(
    image: ImageReference,
    evidence: LargeEvidence,
    options: ContentOptions,
  ): Promise<Uint8Array> {
    const place = this.#places.of(options.signatureRepository ?? image);
    return this.#renewed(options, async () => {
      const opened = await this.#places.open(place, options);
      const bytes = await opened.blob(evidence, options.signal);
      if (bytes === undefined)
        throw evidenceGone(place.endpoints.origin.host, evidence.digest, evidence.source);
      return bytes;
    });
  }

  async platforms(
    image: ImageReference,
    digest: string,
    options: AskOptions,
  ): Promise<readonly PlatformManifest[] | undefined> {
    return platformsOf(digest, (each) => this.manifest(image, each, options));
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
