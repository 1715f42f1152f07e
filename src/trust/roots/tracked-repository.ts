import { asError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { parseTrustRoot, type ProofRequirements, type TrustRoot } from '../../sigstore/trust-root.ts';
import { parseStrictJson } from '../../strict-json.ts';
import { RepositoryProblem, type RepositoryFiles } from './repository-files.ts';
import { savedFiles, type RepositoryCache } from './repository-cache.ts';
import { nextRefresh, type RootTiming } from './timing.ts';
import { NOTHING_SEEN, updateRepository, type Anchor, type Seen, type Verified } from './tuf-client.ts';

/** Where a repository is, and what trust in it begins with. */
export interface RepositorySource {
  /** For people: `the TUF repository https://…`. */
  readonly label: string;
  readonly anchor: Anchor;
  /** @throws RepositoryProblem */
  open(): RepositoryFiles | Promise<RepositoryFiles>;
  /** Undefined = nothing is kept over a restart. */
  readonly cache: RepositoryCache | undefined;
  /** Until it was read once there is nothing in its place, and another try may find it. */
  readonly isMissed: boolean;
}

export interface TrackingOptions {
  readonly source: RepositorySource;
  readonly timing: RootTiming;
  readonly workParents: readonly string[];
  readonly logger: Logger;
  readonly now: () => number;
  /** Told after each refresh. */
  readonly refreshed: (outcome: 'ok' | 'error') => void;
  /** Told when what is known changed, or ended. */
  readonly changed: () => void;
}

/** The last good content of a repository. */
export interface Known {
  readonly target: Uint8Array;
  /** Milliseconds since the epoch, both. */
  readonly usableUntil: number;
  readonly refreshedAt: number;
}

/** Only whether it can be read counts when it arrives: each TrustRoot asks for its own proofs. */
const NO_PROOFS: ProofRequirements = { logEntries: 0, timestamps: 0, scts: 0 };
/** The longest that a timer of Node's can wait. */
const MAX_TIMER = 2 ** 31 - 1;

/** One repository, followed in the background. Whatever it answers, what was good before stays until its own end. */
export class TrackedRepository {
  readonly #options: TrackingOptions;
  readonly #stopping = new AbortController();
  #seen: Seen = NOTHING_SEEN;
  #known: Known | undefined;
  #problem: string | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #ending: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;

  constructor(options: TrackingOptions) {
    this.#options = options;
  }

  get label(): string {
    return this.#options.source.label;
  }

  /** The last good content, also when it has ended. */
  get known(): Known | undefined {
    return this.#known;
  }

  /** Why the last refresh failed, as a clause; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#work(async () => {
      await this.#restore();
      await this.#refresh();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#ending);
    await this.#working;
  }

  #work(work: () => Promise<void>): void {
    this.#working = work()
      .catch((error: unknown) => {
        this.#options.logger.error({ err: asError(error) }, 'refreshing a trust root ended in a defect');
        this.#failures += 1;
      })
      .finally(() => this.#schedule());
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    const { source, timing, now } = this.#options;
    // What was never there is as urgent as what has ended.
    const nothing = source.isMissed ? 0 : undefined;
    const left = this.#known === undefined ? nothing : this.#known.usableUntil - now();
    const delay = nextRefresh({ failures: this.#failures, left, random: Math.random() }, timing);
    this.#timer = setTimeout(() => this.#work(() => this.#refresh()), Math.min(delay, MAX_TIMER));
    this.#timer.unref();
  }

  /** What an earlier process verified, verified again. */
  async #restore(): Promise<void> {
    const { source, logger, workParents, timing } = this.#options;
    try {
      const saved = await source.cache?.load();
      if (saved === undefined) return;
      const { seen, outcome } = await updateRepository({
        anchor: source.anchor,
        files: savedFiles(saved),
        seen: saved.seen,
        workParents,
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timing.timeout)]),
      });
      this.#seen = seen;
      if (outcome instanceof RepositoryProblem) throw outcome;
      checkTarget(outcome);
      this.#use(outcome, Math.min(saved.refreshedAt, this.#options.now()), false);
    } catch (error) {
      logger.warn(
        { repository: source.label, err: asError(error).message },
        'what was kept of a trust root cannot be used; it is read anew',
      );
    }
  }

  async #refresh(): Promise<void> {
    const { source, workParents, timing, now } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timing.timeout)]);
    try {
      const files = await source.open();
      const { anchor } = source;
      const { seen, outcome } = await updateRepository({
        anchor,
        files,
        seen: this.#seen,
        workParents,
        signal,
      });
      if (this.#stopping.signal.aborted) return;
      this.#seen = seen;
      if (outcome instanceof RepositoryProblem) throw outcome;
      checkTarget(outcome);
      const isMended = this.#problem !== undefined;
      this.#problem = undefined;
      this.#failures = 0;
      this.#use(outcome, now(), isMended);
      this.#options.refreshed('ok');
    } catch (error) {
      this.#failed(error);
      return;
    }
    await this.#keep();
  }

  #use({ target, expires }: Verified, refreshedAt: number, isMended: boolean): void {
    const before = this.#known;
    const isSame = before !== undefined && Buffer.compare(before.target, target) === 0;
    // The same bytes stay the same object: what was made of them is kept by it.
    this.#known = { target: isSame ? before.target : target, usableUntil: expires, refreshedAt };
    this.#watchEnd(expires);
    if (!isSame) this.#options.logger.info({ repository: this.label }, 'a trust root was read');
    if (!isSame || isMended || before.usableUntil !== expires) this.#options.changed();
  }

  #failed(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const { source, logger, refreshed, changed } = this.#options;
    const { message } = asError(error);
    const isNews = message !== this.#problem;
    this.#failures += 1;
    this.#problem = message;
    refreshed('error');
    if (!isNews) return;
    logger.warn({ repository: source.label, err: message }, 'a trust root could not be refreshed');
    changed();
  }

  async #keep(): Promise<void> {
    const { source, logger } = this.#options;
    if (source.cache === undefined || this.#known === undefined) return;
    const { target, refreshedAt } = this.#known;
    try {
      await source.cache.save({ seen: this.#seen, target, refreshedAt });
    } catch (error) {
      logger.warn(
        { repository: source.label, err: asError(error).message },
        'a trust root cannot be kept over a restart',
      );
    }
  }

  #watchEnd(usableUntil: number): void {
    clearTimeout(this.#ending);
    const left = usableUntil - this.#options.now();
    if (left > MAX_TIMER) return;
    this.#ending = setTimeout(() => this.#options.changed(), Math.max(0, left));
    this.#ending.unref();
  }
}

/** @throws RepositoryProblem for a target that is signed and is no trust root all the same */
function checkTarget({ target }: Verified): void {
  try {
    readTrustRoot(target, NO_PROOFS);
  } catch (error) {
    throw new RepositoryProblem(`its target is not a trust root: ${asError(error).message}`, {
      cause: error,
    });
  }
}

/** @throws Refusal */
export function readTrustRoot(bytes: Uint8Array, requires: ProofRequirements): TrustRoot {
  return parseTrustRoot(parseStrictJson(bytes, 'the trust root'), requires);
}
