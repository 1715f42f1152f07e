import type { TrustRootResource } from '../../api/resources.ts';
import { asError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { rootInHand } from '../../policy/snapshot.ts';
import type { RootState } from '../../policy/trust-material.ts';
import { PUBLIC_GOOD, type ProofRequirements, type TrustRoot } from '../../sigstore/trust-root.ts';
import { shippedTrustRoot } from '../public-good.ts';
import { closeConnections, mirrorConnections, type MirrorConnections } from './mirror.ts';
import { identityOf, labelOf, repositorySource, type RemoteSource } from './remote-source.ts';
import type { TrustRootObserver, TrustRootSettings } from './settings.ts';
import { DEFAULT_TIMING, type RootTiming } from './timing.ts';
import { readTrustRoot, TrackedRepository } from './tracked-repository.ts';
import { workParents } from './work-directory.ts';

export interface RootKeeperOptions {
  readonly settings: TrustRootSettings;
  readonly logger: Logger;
  readonly observer?: TrustRootObserver;
  /** Milliseconds since the epoch. The TUF client itself goes by the clock of the process. */
  readonly now?: () => number;
  readonly timing?: Partial<RootTiming>;
}

const BUILTIN = 'public-good';

/**
 * Trust roots that are kept elsewhere: each repository is read when it is first wanted and refreshed in the background, never on a
 * request's path. TrustRoots of one source share one repository, and ask of its root what each of them requires.
 */
export class RootKeeper {
  readonly #options: RootKeeperOptions;
  readonly #timing: RootTiming;
  readonly #now: () => number;
  readonly #connections: MirrorConnections;
  readonly #tracked = new Map<string, TrackedRepository>();
  /** Names of the TrustRoots that a repository is read for. */
  #names: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  readonly #identities = new WeakMap<RemoteSource, string>();
  /** What was made of a repository's bytes, by requirements. */
  readonly #roots = new WeakMap<Uint8Array, Map<string, TrustRoot | Error>>();
  readonly #shipped = Buffer.from(shippedTrustRoot());
  readonly #listeners = new Set<() => void>();
  readonly #builtinSource: RemoteSource;
  #wanted: readonly TrustRootResource[] = [];
  #isRunning = false;

  /** @throws Error for a setting that cannot be used: a file that cannot be read */
  constructor(options: RootKeeperOptions) {
    const { settings, timing, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#connections = mirrorConnections(settings);
    this.#timing = {
      ...DEFAULT_TIMING,
      ...(settings.refreshSeconds !== undefined && { refresh: settings.refreshSeconds * 1000 }),
      ...(settings.timeoutSeconds !== undefined && { timeout: settings.timeoutSeconds * 1000 }),
      ...timing,
    };
    this.#builtinSource = { kind: 'publicGood', mirror: settings.publicGood?.mirror };
  }

  /** Begins to follow what is wanted. Waits for nothing: a server that does not answer delays no start. */
  start(): void {
    this.#isRunning = true;
    this.#follow();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all([...this.#tracked.values()].map((repository) => repository.stop()));
    this.#tracked.clear();
    await closeConnections(this.#connections);
  }

  /** Told at each change of the resources: begins with new ones at once, and forgets those that are gone. */
  want(resources: readonly TrustRootResource[]): void {
    this.#wanted = resources;
    if (this.#isRunning) this.#follow();
  }

  state(resource: TrustRootResource): RootState {
    const { source, requires, name } = resource;
    if (source === undefined) return unavailable(`TrustRoot ${name} has problems in its document`);
    if (source.kind === 'inline') return rootInHand(source.root);
    return this.#stateOf(source, requires);
  }

  /** Roots that exist without a resource. */
  builtin(): ReadonlyMap<string, RootState> {
    return new Map([[BUILTIN, this.#stateOf(this.#builtinSource, PUBLIC_GOOD)]]);
  }

  /** Told when `state` or `builtin` would answer anew. Returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #follow(): void {
    const { names, sources } = this.#followed();
    const before = this.#names;
    this.#names = names;
    for (const [identity, repository] of this.#tracked) {
      if (sources.has(identity)) continue;
      this.#tracked.delete(identity);
      void repository.stop();
    }
    for (const [identity, source] of sources) {
      if (!this.#tracked.has(identity)) this.#track(identity, source);
    }
    const known = new Set([...names.values()].flatMap((set) => [...set]));
    for (const name of new Set([...before.values()].flatMap((set) => [...set]))) {
      if (!known.has(name)) this.#options.observer?.expiry(name, undefined);
    }
    for (const identity of names.keys()) this.#tellExpiry(identity);
  }

  /** The sources to follow, and the names of the TrustRoots that they are followed for. */
  #followed(): { names: Map<string, Set<string>>; sources: Map<string, RemoteSource> } {
    const names = new Map<string, Set<string>>();
    const sources = new Map<string, RemoteSource>();
    const add = (name: string, source: RemoteSource): void => {
      if (!this.#isFollowed(source)) return;
      const identity = this.#identity(source);
      sources.set(identity, source);
      names.set(identity, (names.get(identity) ?? new Set()).add(name));
    };
    for (const { name, source } of this.#wanted) {
      if (source !== undefined && source.kind !== 'inline') add(name, source);
    }
    // A TrustRoot of that name replaces the built-in root: nobody uses it then.
    if (!this.#wanted.some(({ name }) => name === BUILTIN)) add(BUILTIN, this.#builtinSource);
    return { names, sources };
  }

  /** The setting is about the instance's own repository; whoever names a mirror in a TrustRoot wants it asked. */
  #isFollowed(source: RemoteSource): boolean {
    if (source.kind === 'tuf') return true;
    const isOwn = source.mirror === undefined || source === this.#builtinSource;
    return !isOwn || this.#options.settings.publicGood?.refresh !== false;
  }

  #track(identity: string, source: RemoteSource): void {
    const { settings, logger, observer } = this.#options;
    const repository = new TrackedRepository({
      source: repositorySource(source, settings, this.#connections),
      timing: this.#timing,
      workParents: workParents(settings.cacheDirectory),
      logger,
      now: this.#now,
      refreshed: (outcome) => {
        for (const name of this.#names.get(identity) ?? []) observer?.refreshed(name, outcome);
      },
      changed: () => {
        if (this.#tracked.get(identity) !== repository) return;
        this.#tellExpiry(identity);
        this.#changed();
      },
    });
    this.#tracked.set(identity, repository);
    repository.start();
  }

  #stateOf(source: RemoteSource, requires: ProofRequirements): RootState {
    const repository = this.#tracked.get(this.#identity(source));
    const known = repository?.known;
    const error =
      repository?.problem === undefined
        ? undefined
        : `${repository.label} could not be read: ${repository.problem}`;
    if (known === undefined) {
      if (source.kind === 'tuf') return error === undefined ? pending(labelOf(source)) : unavailable(error);
      return this.#rootIn(this.#shipped, requires, { usableUntil: undefined, refreshedAt: undefined, error });
    }
    if (known.usableUntil <= this.#now()) {
      const ended = `what ${labelOf(source)} said last was good until ${new Date(known.usableUntil).toISOString()}`;
      return unavailable(`${ended}${error === undefined ? '' : `; since then ${error}`}`);
    }
    const { usableUntil, refreshedAt } = known;
    return this.#rootIn(known.target, requires, { usableUntil, refreshedAt, error });
  }

  #rootIn(
    bytes: Uint8Array,
    requires: ProofRequirements,
    times: Omit<Extract<RootState, { kind: 'known' }>, 'kind' | 'root'>,
  ): RootState {
    const made = this.#roots.get(bytes) ?? new Map<string, TrustRoot | Error>();
    this.#roots.set(bytes, made);
    const key = `${requires.logEntries} ${requires.timestamps} ${requires.scts}`;
    const root = made.get(key) ?? attempt(() => readTrustRoot(bytes, requires));
    made.set(key, root);
    return root instanceof Error ? unavailable(root.message) : { kind: 'known', root, ...times };
  }

  #identity(source: RemoteSource): string {
    const identity = this.#identities.get(source) ?? identityOf(source);
    this.#identities.set(source, identity);
    return identity;
  }

  #tellExpiry(identity: string): void {
    const known = this.#tracked.get(identity)?.known;
    if (known === undefined) return;
    for (const name of this.#names.get(identity) ?? [])
      this.#options.observer?.expiry(name, known.usableUntil);
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error({ err: asError(error) }, 'a change of a trust root could not be taken on');
      }
    }
  }
}

function unavailable(reason: string): RootState {
  return { kind: 'unavailable', reason };
}

function pending(label: string): RootState {
  return { kind: 'unavailable', reason: `${label} has not been read yet`, isPending: true };
}

function attempt<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (error) {
    return asError(error);
  }
}
