import type { Resource } from '../api/resources.ts';
import { asError, Fault } from '../errors.ts';
import type { Logger } from '../log.ts';
import { compileSnapshot, type Snapshot } from '../policy/snapshot.ts';
import type { TrustMaterialSource } from './trust-material-source.ts';

export interface SnapshotBuilderOptions {
  /** Everything that the snapshot is to hold, as it is now. */
  readonly resources: () => readonly Resource[];
  /** Keys and roots that the resources refer to. */
  readonly trust: TrustMaterialSource;
  readonly logger: Logger;
}

export type SnapshotListener = (snapshot: Snapshot) => void;

/**
 * Compiles one numbered snapshot after another. Many changes in one turn of the event loop make one snapshot; a reader that
 * comes before that turn ends gets the newest all the same.
 */
export class SnapshotBuilder {
  readonly #options: SnapshotBuilderOptions;
  readonly #listeners = new Set<SnapshotListener>();
  #snapshot: Snapshot | undefined;
  #number = 0;
  #dirty = false;
  #failed = false;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(options: SnapshotBuilderOptions) {
    this.#options = options;
  }

  /** Something changed: a new snapshot is due. */
  touch(): void {
    this.#dirty = true;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      // A failure is logged in compile() and met again by whoever asks for the snapshot.
      if (this.#dirty) this.#compile();
    });
  }

  /** The newest snapshot; undefined before the first. @throws Fault INTERNAL when it could not be compiled. */
  newest(): Snapshot | undefined {
    if (this.#dirty) this.#compile();
    if (this.#dirty) throw new Fault('INTERNAL', 'the policies could not be compiled');
    return this.#snapshot;
  }

  /** True while the newest state could not be compiled. */
  get broken(): boolean {
    return this.#failed;
  }

  /** Called with each new snapshot; returns how to stop that. */
  onChange(listener: SnapshotListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#listeners.clear();
  }

  #compile(): void {
    const { trust, logger } = this.#options;
    try {
      const resources = this.#options.resources();
      trust.want(resources);
      const material = trust.material();
      this.#snapshot = compileSnapshot({ number: this.#number + 1, resources, material });
    } catch (error) {
      logger.error({ err: asError(error) }, 'the policies could not be compiled');
      this.#failed = true;
      return;
    }
    this.#number += 1;
    this.#dirty = false;
    this.#failed = false;
    for (const listener of this.#listeners) this.#call(listener, this.#snapshot);
  }

  #call(listener: SnapshotListener, snapshot: Snapshot): void {
    try {
      listener(snapshot);
    } catch (error) {
      this.#options.logger.error({ err: asError(error) }, 'a listener of the store failed');
    }
  }
}
