import { LRUCache } from 'lru-cache';
import type { AskOptions } from '../admission/ports.ts';
import { imageNotFound } from './discovery.ts';
import { timeoutFault } from './faults.ts';
import { parseManifest } from './manifest.ts';
import type { Place, Places } from './places.ts';
import { SingleFlight } from './single-flight.ts';

/** Manifests are remembered by their digest: they cannot change. */
const CACHE_BYTES = 16 * 1024 * 1024;
const MAX_FLIGHTS = 1024;

/** The manifests of images, each asked for once. */
export class Manifests {
  readonly #places: Places;
  readonly #flights: SingleFlight<Uint8Array>;
  readonly #isShared: boolean;
  readonly #held = new LRUCache<string, Uint8Array>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ length }) => length + 1,
  });

  /** @param options.isShared whether one that was read for one caller is told to another, who may not be able to see the image */
  constructor(options: {
    readonly isShared: boolean;
    readonly places: Places;
    readonly milliseconds: number;
    readonly stopped: AbortSignal;
  }) {
    this.#places = options.places;
    this.#isShared = options.isShared;
    this.#flights = new SingleFlight({ ...options, max: MAX_FLIGHTS });
  }

  /** What is remembered for whoever asks. */
  held(place: Place, digest: string): Uint8Array | undefined {
    return this.#isShared ? this.#held.get(`${place.key} ${digest}`) : undefined;
  }

  /**
   * The bytes of a manifest, hashed against its digest.
   * @throws Fault; Refusal, also for what is no manifest: Docker's schema 1, a document that is manifest and index at once
   */
  async read(place: Place, digest: string, options: AskOptions): Promise<Uint8Array> {
    const { host } = place.endpoints.origin;
    const opened = await this.#places.open(place, options);
    const own = `${place.key} ${digest} ${opened.access}`;
    const name = this.#isShared ? `${place.key} ${digest}` : own;
    const held = this.#isShared ? undefined : this.#held.get(name);
    if (held !== undefined) return held;
    const { signal, puller } = options;
    const late = () => timeoutFault(host);
    const caller = { signal, late, isProven: place.isProven, namespace: puller.namespace };
    return this.#flights.run(own, caller, async (shared) => {
      const bytes = await opened.manifest(digest, shared);
      if (bytes === undefined) throw imageNotFound(host);
      parseManifest(bytes, 'the manifest of the image');
      this.#held.set(name, bytes);
      return bytes;
    });
  }
}
