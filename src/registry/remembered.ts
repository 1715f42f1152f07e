import { LRUCache } from 'lru-cache';
import type { Discovery } from '../admission/ports.ts';
import { Fault } from '../errors.ts';
import { atMost } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { FoundEvidence } from '../sigstore/evidence.ts';
import { problemOf } from './content.ts';
import { Findings, snapshotOf, withFault } from './findings.ts';
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
  /**
   * The order of reading, where a bound left some evidence unread; undefined = all was read, so that the order made no difference.
   * What was read for one order is no answer for who asks for another: what they ask for may be what was left.
   */
  readonly cutFor: string | undefined;
}

/** One thing to look for. */
export interface Lookup {
  /** Endpoint, repository and digest. Evidence that was found is enough for whoever asks. */
  readonly key: string;
  /** What is read first. */
  readonly ask: string;
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
  readonly #flights: SingleFlight<Remembered>;
  readonly #isShared: boolean;
  readonly #underWay = new Map<string, { readonly findings: Findings; readonly ask: string }>();
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
    const latest = this.#latestFor(key, fresh) ?? this.#latestFor(nameOf(key, lookup.ask), fresh);
    if (latest !== undefined) return { ...latest.discovery, remembered: true };
    let byNow: Discovery | undefined;
    const late = () => {
      const fault = this.#late(lookup);
      // A caller who cannot wait gets what is there by now: if it was the last one, the look is broken off next.
      const underWay = this.#underWay.get(nameOf(key, lookup.ask)) ?? this.#underWay.get(key);
      byNow = withFault(underWay?.findings ?? new Findings(), fault);
      return fault;
    };
    const join = (flight: string): Promise<Remembered> =>
      Promise.race([this.#start(lookup, flight, { fresh, signal, late }), this.#readByThen(lookup, flight)]);
    try {
      const { discovery, cutFor } = await join(key);
      if (cutFor === undefined || cutFor === lookup.ask) return discovery;
      // It was under way for who asks for something else, and did not read all.
      return (await join(nameOf(key, lookup.ask))).discovery;
    } catch (error) {
      return byNow ?? withFault(new Findings(), problemOf(error));
    }
  }

  /**
   * What a look has read when its time for reading is over. It goes on until its last caller has no more time, so that who tries
   * again finds more.
   */
  async #readByThen({ host }: Opened, flight: string): Promise<Remembered> {
    const { findings, ask } = this.#underWay.get(flight) ?? { findings: new Findings(), ask: '' };
    await findings.checkpoint;
    const read = findings.evidence.length + findings.refused.length;
    const detail = `registry ${host} is slow: ${read} pieces of evidence were read in time, the most promising first, and there are more`;
    return { discovery: withFault(findings, new Fault('TIMEOUT', detail)), at: this.#now(), cutFor: ask };
  }

  /** Where it is for whoever asks, no credential is worked out for it. */
  #foundFor(lookup: Lookup, key: string): Discovery | undefined {
    const found = [key, nameOf(key, lookup.ask)]
      .map((name) => this.#found.get(name))
      .find((each) => this.#isWithin(each, LIFETIMES.found));
    if (found === undefined) return undefined;
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
    const refresh = async () => {
      const opened = { ...lookup, ...(await lookup.open(UNENDING)) };
      const waiting = { fresh: true, signal: UNENDING, late: () => this.#late(lookup) };
      await this.#start(opened, `${opened.key} ${opened.access}`, waiting);
    };
    refresh().catch((error: unknown) => {
      this.#log.debug({ host: lookup.host, error: problemOf(error).code }, 'evidence was not refreshed');
    });
  }

  #start(
    lookup: Opened,
    flight: string,
    { fresh, ...caller }: { fresh: boolean; signal: AbortSignal; late: () => Error },
  ): Promise<Remembered> {
    const { isProven, namespace } = lookup;
    const waiting = { ...caller, isProven, namespace };
    return this.#flights.run(flight, waiting, async (signal) => {
      const findings = new Findings();
      const underWay = { findings, ask: lookup.ask };
      this.#underWay.set(flight, underWay);
      try {
        // A look must end even if one of its parts does not obey the signal.
        await raced(lookup.run(findings, fresh, signal), signal, () => this.#late(lookup));
      } catch (error) {
        findings.problem({ source: 'look-up' }, error);
      } finally {
        if (this.#underWay.get(flight) === underWay) this.#underWay.delete(flight);
      }
      const cutFor = findings.isCut ? lookup.ask : undefined;
      const looked = { discovery: snapshotOf(findings), at: this.#now(), cutFor };
      // Broken off because its callers left, not because of the registry: that is no answer for the next one.
      if (signal.reason !== ABANDONED) this.#remember(lookup, looked);
      return looked;
    });
  }

  #remember(lookup: Opened, looked: Remembered): void {
    const { discovery, cutFor } = looked;
    const key = `${lookup.key} ${lookup.access}`;
    this.#latest.set(nameOf(key, cutFor), looked);
    // With a fault it may be less than there is: it must not take the place of something whole.
    if (discovery.evidence.length > 0 && discovery.faults.length === 0)
      this.#found.set(nameOf(this.#isShared ? lookup.key : key, cutFor), looked);
  }

  #late(lookup: Pick<Lookup, 'host'>): Fault {
    return new Fault(
      'TIMEOUT',
      `registry ${lookup.host} did not answer in time (a look-up takes at most ${this.#milliseconds / 1000} s)`,
    );
  }
}

/** Under which a look is remembered: what was read whole answers whoever asks. */
function nameOf(key: string, cutFor: string | undefined): string {
  return cutFor === undefined ? key : `${key} ${cutFor}`;
}

function sizeOf({ discovery }: Remembered): number {
  return discovery.evidence.reduce((total, evidence) => total + bytesOf(evidence), ENTRY_BYTES);
}

function bytesOf(evidence: FoundEvidence): number {
  if (evidence.kind === 'bundle') return evidence.bytes.length + ENTRY_BYTES;
  const annotations = Object.entries(evidence.annotations).reduce(
    (total, [key, text]) => total + key.length + text.length,
    0,
  );
  if (evidence.kind === 'large') return annotations + ENTRY_BYTES;
  const content = evidence.kind === 'simple-signing' ? evidence.payload : evidence.envelope;
  return content.length + annotations + ENTRY_BYTES;
}
