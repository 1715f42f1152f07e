import { LRUCache } from 'lru-cache';
import type { Discovery } from '../admission/ports.ts';
import { Fault } from '../errors.ts';
import { atMost } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import { problemOf } from './content.ts';
import { Findings } from './findings.ts';
import { ABANDONED, raced, SingleFlight } from './single-flight.ts';

/** Milliseconds for which an answer stands. */
const LIFETIMES = {
  /** Evidence: to remove a signature is not to revoke it. */
  found: 3600_000,
  /** Nothing found: a signature that was just made counts this soon. Also the least time between two fresh looks. */
  nothing: 2000,
  /** Could not tell: only those who ask at about the same time share it. */
  fault: 1000,
};
/** Found evidence older than this is looked up again, behind the answer. */
const REFRESH_MS = 300_000;
/** After a look that did not work: milliseconds before the next one behind an answer. */
const REFRESH_RETRY_MS = 30_000;
/** Four times the images of one review: what they hold is bounded by bytes elsewhere. */
const MAX_LOOKUPS = 1024;
/** Of these only the time is kept. */
const MAX_REFRESHED = 10_000;
/** Of a look that nobody waits for from the start. */
const UNENDING = new AbortController().signal;
/** What an entry takes beside its evidence: keys, sources, objects. */
const ENTRY_BYTES = 1024;

interface Remembered {
  readonly discovery: Discovery;
  readonly at: number;
}

/** One thing to look for. */
export interface Lookup {
  /** Endpoint, repository and digest. Evidence that was found is enough for whoever asks. */
  readonly key: string;
  readonly host: string;
  /** Whether the host has ever answered. */
  readonly isProven: boolean;
  /** On whose behalf; empty = the installation's own. */
  readonly namespace: string;
  /** Works out as whom to look: only where found evidence does not answer already. @throws Fault */
  open(signal: AbortSignal): Promise<OpenedLookup>;
}

/** The same, as somebody. */
export interface OpenedLookup {
  /** The credentials: what was *not* found with one is no answer for another. */
  readonly access: string;
  run(findings: Findings, fresh: boolean, signal: AbortSignal): Promise<void>;
}

type Opened = Omit<Lookup, 'open'> & OpenedLookup;

/** Remembers what was found for a digest, and shares look-ups that are under way. */
export class RememberedDiscoveries {
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #milliseconds: number;
  readonly #flights: SingleFlight<Discovery>;
  readonly #isShared: boolean;
  readonly #underWay = new Map<string, Findings>();
  readonly #found: LRUCache<string, Remembered>;
  /** When found evidence was last looked up again behind an answer, by key of the look-up. */
  readonly #refreshed = new LRUCache<string, number>(atMost(MAX_REFRESHED));
  /** The last look of each access, whatever it gave. */
  readonly #latest: LRUCache<string, Remembered>;

  /**
   * @param options.bytes of evidence, in each of the two memories, which share what both hold
   * @param options.isShared whether evidence that was found for one caller is told to another, who may not be able to see the image
   */
  constructor(options: {
    now: () => number;
    log: Logger;
    milliseconds: number;
    stopped: AbortSignal;
    bytes: number;
    isShared: boolean;
  }) {
    this.#isShared = options.isShared;
    this.#found = new LRUCache({ maxSize: options.bytes, sizeCalculation: sizeOf });
    this.#latest = new LRUCache({ maxSize: options.bytes, sizeCalculation: sizeOf });
    this.#now = options.now;
    this.#log = options.log;
    this.#milliseconds = options.milliseconds;
    this.#flights = new SingleFlight({
      max: MAX_LOOKUPS,
      milliseconds: options.milliseconds,
      stopped: options.stopped,
    });
  }

  /** What a look could not do is in the answer's faults. @throws Refusal for a repository that cannot be asked for */
  async look(asked: Lookup, { fresh, signal }: { fresh: boolean; signal: AbortSignal }): Promise<Discovery> {
    const shared = fresh || !this.#isShared ? undefined : this.#foundFor(asked, asked.key);
    if (shared !== undefined) return shared;
    let lookup: Opened;
    try {
      lookup = { ...asked, ...(await asked.open(signal)) };
    } catch (error) {
      const problem = problemOf(error);
      if (problem instanceof Fault) return withFault(new Findings(), problem);
      throw problem;
    }
    const key = `${lookup.key} ${lookup.access}`;
    const own = fresh || this.#isShared ? undefined : this.#foundFor(asked, key);
    if (own !== undefined) return own;
    const latest = this.#latestFor(key, fresh);
    if (latest !== undefined) return { ...latest.discovery, remembered: true };
    let byNow: Discovery | undefined;
    const late = () => {
      const fault = this.#late(lookup);
      // A caller who cannot wait gets what is there by now: if it was the last one, the look is broken off next.
      byNow = withFault(this.#underWay.get(key) ?? new Findings(), fault);
      return fault;
    };
    try {
      return await this.#start(lookup, fresh, signal, late);
    } catch (error) {
      return byNow ?? withFault(new Findings(), problemOf(error));
    }
  }

  /** Where it is for whoever asks, no credential is worked out for it. */
  #foundFor(lookup: Lookup, key: string): Discovery | undefined {
    const found = this.#found.get(key);
    if (found === undefined || !this.#isWithin(found, LIFETIMES.found)) return undefined;
    this.#refreshBehind(lookup, key, found);
    return { ...found.discovery, remembered: true };
  }

  #latestFor(key: string, fresh: boolean): Remembered | undefined {
    const latest = this.#latest.get(key);
    const isFaulted = latest !== undefined && latest.discovery.faults.length > 0;
    const lifetime = isFaulted && !fresh ? LIFETIMES.fault : LIFETIMES.nothing;
    return this.#isWithin(latest, lifetime) ? latest : undefined;
  }

  #isWithin(remembered: Remembered | undefined, milliseconds: number): boolean {
    return remembered !== undefined && Math.abs(this.#now() - remembered.at) < milliseconds;
  }

  #refreshBehind(lookup: Lookup, key: string, found: Remembered): void {
    const at = this.#refreshed.get(key) ?? -Infinity;
    if (this.#isWithin(found, REFRESH_MS) || Math.abs(this.#now() - at) < REFRESH_RETRY_MS) return;
    this.#refreshed.set(key, this.#now());
    const refresh = async () =>
      this.#start({ ...lookup, ...(await lookup.open(UNENDING)) }, true, UNENDING, () => this.#late(lookup));
    refresh().catch((error: unknown) => {
      this.#log.debug({ host: lookup.host, error: problemOf(error).code }, 'evidence was not refreshed');
    });
  }

  #start(lookup: Opened, fresh: boolean, caller: AbortSignal, late: () => Error): Promise<Discovery> {
    const key = `${lookup.key} ${lookup.access}`;
    const { isProven, namespace } = lookup;
    const waiting = { signal: caller, late, isProven, namespace };
    return this.#flights.run(key, waiting, async (signal) => {
      const findings = new Findings();
      this.#underWay.set(key, findings);
      try {
        // A look must end even if one of its parts does not obey the signal.
        await raced(lookup.run(findings, fresh, signal), signal, () => this.#late(lookup));
      } catch (error) {
        findings.problem('look-up', error);
      } finally {
        if (this.#underWay.get(key) === findings) this.#underWay.delete(key);
      }
      // Broken off because its callers left, not because of the registry: that is no answer for the next one.
      if (signal.reason === ABANDONED) return snapshotOf(findings);
      return this.#remember(lookup, key, findings);
    });
  }

  #remember(lookup: Opened, key: string, findings: Findings): Discovery {
    const discovery = snapshotOf(findings);
    const remembered = { discovery, at: this.#now() };
    this.#latest.set(key, remembered);
    // With a fault it may be less than there is: it must not take the place of something whole.
    if (discovery.evidence.length > 0 && discovery.faults.length === 0)
      this.#found.set(this.#isShared ? lookup.key : key, remembered);
    return discovery;
  }

  #late(lookup: Pick<Lookup, 'host'>): Fault {
    return new Fault(
      'TIMEOUT',
      `registry ${lookup.host} did not answer in time (a look-up takes at most ${this.#milliseconds / 1000} s)`,
    );
  }
}

function snapshotOf({ evidence, refused, faults, withPullSecret }: Findings): Discovery {
  return {
    evidence: [...evidence],
    refused: [...refused],
    faults: [...faults],
    withPullSecret: withPullSecret(),
    remembered: false,
  };
}

function withFault(findings: Findings, problem: Error): Discovery {
  const snapshot = snapshotOf(findings);
  return problem instanceof Fault ? { ...snapshot, faults: [...snapshot.faults, problem] } : snapshot;
}

function sizeOf({ discovery }: Remembered): number {
  return discovery.evidence.reduce((total, evidence) => total + bytesOf(evidence), ENTRY_BYTES);
}

function bytesOf(evidence: Evidence): number {
  if (evidence.kind === 'bundle') return evidence.bytes.length + ENTRY_BYTES;
  const annotations = Object.entries(evidence.annotations).reduce(
    (total, [key, text]) => total + key.length + text.length,
    0,
  );
  const content = evidence.kind === 'simple-signing' ? evidence.payload : evidence.envelope;
  return content.length + annotations + ENTRY_BYTES;
}
