import type { NamespaceSource, SnapshotSource } from '../admission/ports.ts';
import { GROUP, KINDS, VERSION, type Kind } from '../api/envelope.ts';
import { inspectResource } from '../api/resource.ts';
import type { Problem, Resource } from '../api/resources.ts';
import { Fault } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { Reflector, type ReflectorOptions } from '../kube/reflector.ts';
import type { Logger } from '../log.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import { labelsOf, NamespaceLookup, NAMESPACES, type Labels } from './namespace-labels.ts';
import { readinessOf, type Readiness } from './readiness.ts';
import { collectionOf, RESOURCES } from './resource-kinds.ts';
import { SnapshotBuilder, type SnapshotListener } from './snapshot-builder.ts';
import type { TrustMaterialSource } from './trust-material-source.ts';

export interface KubernetesStoreOptions {
  readonly client: KubeClient;
  readonly trust: TrustMaterialSource;
  readonly logger: Logger;
  /** Milliseconds without a word from the API server after which the snapshot is too old to decide with. */
  readonly maxSnapshotAge?: number;
  readonly timing?: ReflectorOptions<never>['timing'];
  /** A monotonic clock, milliseconds. */
  readonly now?: () => number;
}

/** A custom resource as it was read, with what its status writer compares. */
export interface StoredResource {
  readonly object: KubeObject;
  readonly resource: Resource;
  /** All that is wrong with it, also what only breaks one entry. */
  readonly problems: readonly Problem[];
}

/** Which object. */
export interface StoredName {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface StoredVersion {
  readonly uid: string | undefined;
  /** Undefined = it was deleted. */
  readonly resourceVersion: string | undefined;
}

const defaultMaxSnapshotAge = 180_000;

/** Policies, signers, trust roots and namespaces of a cluster, followed by list and watch. */
export class KubernetesStore implements SnapshotSource, NamespaceSource {
  readonly #resources: readonly Reflector<StoredResource>[];
  readonly #namespaces: Reflector<Labels>;
  readonly #lookup: NamespaceLookup;
  readonly #builder: SnapshotBuilder;
  readonly #forgetTrust: () => void;
  readonly #maxAge: number;
  readonly #now: () => number;

  constructor(options: KubernetesStoreOptions) {
    const { client, logger, trust, maxSnapshotAge = defaultMaxSnapshotAge, timing = {} } = options;
    this.#now = options.now ?? (() => performance.now());
    this.#maxAge = maxSnapshotAge;
    const common = { client, logger, timing, now: this.#now };
    this.#resources = KINDS.map(
      (kind) =>
        new Reflector<StoredResource>({
          ...common,
          path: collectionOf(RESOURCES[kind]),
          read: (object) => readResource(kind, object),
          onChange: () => this.#changed(),
        }),
    );
    // Labels are asked for on each review, so that a change of a namespace needs no new snapshot.
    this.#namespaces = new Reflector<Labels>({
      ...common,
      path: NAMESPACES,
      read: labelsOf,
      onChange: () => undefined,
    });
    this.#lookup = new NamespaceLookup(client);
    this.#builder = new SnapshotBuilder({
      resources: () => [...this.stored()].map(({ resource }) => resource),
      trust,
      logger,
    });
    this.#forgetTrust = trust.onChange(() => this.#changed());
  }

  start(): void {
    for (const reflector of this.#reflectors()) reflector.start();
  }

  async stop(): Promise<void> {
    this.#forgetTrust();
    this.#builder.stop();
    await Promise.all([...this.#reflectors()].map((reflector) => reflector.stop()));
  }

  /** @throws Fault NOT_SYNCED until every kind was listed, and when one has been silent for too long; INTERNAL for a defect. */
  current(): Snapshot {
    // Without the API server's own words: those are for readiness, not for whoever applied a Pod.
    const [reason] = this.#reasons((reflector) => this.#silenceOf(reflector));
    if (reason !== undefined) throw new Fault('NOT_SYNCED', `The signing policies are not known: ${reason}.`);
    const snapshot = this.#builder.newest();
    if (snapshot === undefined) throw new Fault('NOT_SYNCED', 'The signing policies are not compiled yet.');
    return snapshot;
  }

  /** @throws Fault NAMESPACE_UNKNOWN. */
  async labels(namespace: string, signal: AbortSignal): Promise<Labels> {
    const known = this.#namespaces.get(namespace);
    // An old copy is no answer: a label that brings the namespace under a policy may have been set since.
    if (known !== undefined && this.#silenceOf(this.#namespaces) === undefined) return known;
    return this.#lookup.labels(namespace, signal);
  }

  readiness(): Readiness {
    const reasons = this.#reasons((reflector) => {
      const silence = this.#silenceOf(reflector);
      const { lastError } = reflector;
      return silence === undefined || lastError === undefined ? silence : `${silence} (${lastError})`;
    });
    if (this.#builder.broken) reasons.push('the policies could not be compiled');
    return readinessOf(reasons);
  }

  /** Seconds since something was heard of each kind; Infinity before the first list. */
  ages(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#reflectors()].map((reflector) => [reflector.name, this.#ageOf(reflector) / 1000]),
    );
  }

  /** Everything that the snapshot is compiled from. */
  *stored(): Generator<StoredResource> {
    for (const reflector of this.#resources) yield* reflector.values();
  }

  /**
   * Whether what is decided here from now on includes a version of an object, or a later one of it; without a version,
   * whether the object is gone. False also while nothing can be decided.
   */
  holds({ kind, namespace, name }: StoredName, version: StoredVersion): boolean {
    const reflector = this.#resources[KINDS.indexOf(kind)];
    const held = reflector?.get(name, namespace)?.object.metadata;
    const isHeld =
      version.resourceVersion === undefined
        ? held === undefined || held.uid !== version.uid
        : held !== undefined &&
          held.uid === version.uid &&
          isAtLeast(held.resourceVersion, version.resourceVersion);
    return isHeld && this.#decides();
  }

  #decides(): boolean {
    try {
      this.current();
      return true;
    } catch {
      return false;
    }
  }

  /** Called with each new snapshot, from the first on; returns how to stop that. */
  onChange(listener: SnapshotListener): () => void {
    return this.#builder.onChange(listener);
  }

  *#reflectors(): Generator<Reflector<unknown>> {
    yield* this.#resources;
    yield this.#namespaces;
  }

  // Half of the kinds make no snapshot: a policy without its signers would deny, signers without policies would admit.
  #changed(): void {
    if (this.#resources.every((reflector) => reflector.synced)) this.#builder.touch();
  }

  #reasons(reasonOf: (reflector: Reflector<unknown>) => string | undefined): string[] {
    return [...this.#reflectors()].map(reasonOf).filter((reason) => reason !== undefined);
  }

  #silenceOf(reflector: Reflector<unknown>): string | undefined {
    const age = this.#ageOf(reflector);
    if (age <= this.#maxAge) return undefined;
    return reflector.synced
      ? `nothing was heard of ${reflector.name} for ${Math.round(age / 1000)} s`
      : `${reflector.name} could not be listed yet`;
  }

  #ageOf(reflector: Reflector<unknown>): number {
    return reflector.lastHeard === undefined ? Infinity : this.#now() - reflector.lastHeard;
  }
}

function readResource(kind: string, object: KubeObject): StoredResource {
  // Objects in lists need not carry their type.
  const typed = { ...object, apiVersion: `${GROUP}/${VERSION}`, kind };
  const { resource, problems } = inspectResource(typed);
  return { object: { metadata: object.metadata, status: object['status'] }, resource, problems };
}

const DECIMAL = /^[1-9][0-9]{0,19}$/;

/** Resource versions are revisions of etcd: whole numbers that grow (KEP 5504). Any other text is only equal or not. */
function isAtLeast(held: string | undefined, wanted: string): boolean {
  if (held === undefined || held === wanted) return held === wanted;
  return DECIMAL.test(held) && DECIMAL.test(wanted) && BigInt(held) >= BigInt(wanted);
}
