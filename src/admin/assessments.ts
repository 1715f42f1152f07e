import { LRUCache } from 'lru-cache';
import {
  decisionOn,
  openAssessment,
  type Assess,
  type AssessDependencies,
  type AssessedImage,
  type AssessmentScope,
} from '../admission/assess.ts';
import type { DecisionObserver } from '../admission/ports.ts';
import { asError, Fault } from '../errors.ts';
import { ASKED } from '../history/verification.ts';
import { deadlineOf } from './deadline.ts';
import { ApiProblem } from './problem.ts';
import type { Assessment, VerifyResult } from './schemas/verify.ts';
import { mapSome, type Turnstile } from './turnstile.ts';
import { statusOf, verifyResult } from './verify-result.ts';

export interface AssessmentsOptions extends AssessDependencies {
  /** Told of each image: what is kept and shown of admissions is kept and shown of these as well. */
  readonly observer: DecisionObserver;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Where images are judged, here and for others: few at once, so that admissions have the machine. */
  readonly places: Turnstile;
}

/** Images that somebody wants to know about. */
export interface AssessmentRequest {
  readonly id: string;
  readonly images: readonly string[];
  readonly scope: AssessmentScope;
  readonly explain: boolean;
  /** Name of whoever asks. */
  readonly user: string;
}

/** Images judged at once for the whole API: an admission has 64 requests to registries, eight images rarely have so many. */
export const ASSESSMENT_PLACES = 8;
/** Images judged at once for one request. */
const PLACES_PER_REQUEST = 4;
/** Requests under way: of one caller, and in all. */
const MAX_OF_CALLER = 4;
const MAX_RUNNING = 32;
/** Milliseconds for a request that is waited for, and for one that is not. */
const DEADLINE = 25_000;
const ASYNC_DEADLINE = 120_000;

/** How long an answer that nobody waited for is kept (milliseconds), how many are, and their characters in all. */
const KEPT_FOR = 15 * 60_000;
const MAX_KEPT = 256;
const MAX_KEPT_CHARS = 32 * 1024 * 1024;
/** Of one that still runs. */
const LEAST_CHARS = 1024;

/** What is asked of `/verify`: within its bounds, and told to whoever keeps the history. */
export class Assessments {
  readonly #options: AssessmentsOptions;
  readonly #stopped = new AbortController();
  readonly #running = new Map<string, number>();
  readonly #kept = new LRUCache<string, Assessment>({
    max: MAX_KEPT,
    maxSize: MAX_KEPT_CHARS,
    sizeCalculation: (assessment) => LEAST_CHARS + JSON.stringify(assessment).length,
    ttl: KEPT_FOR,
  });

  constructor(options: AssessmentsOptions) {
    this.#options = options;
  }

  /** Judges now. @throws ApiProblem RATE_LIMITED */
  async run(request: AssessmentRequest, signal: AbortSignal): Promise<Assessment> {
    const leave = this.#enter(request.user);
    try {
      return await this.#judged(request, DEADLINE, signal);
    } finally {
      leave();
    }
  }

  /** Judges on its own; `find` has the answer when it is there. @throws ApiProblem RATE_LIMITED, ALREADY_EXISTS */
  begin(request: AssessmentRequest): Assessment {
    const key = keyOf(request.user, request.id);
    if (this.#kept.get(key)?.state === 'running') {
      throw new ApiProblem('ALREADY_EXISTS', 'An assessment of this assessmentId is under way.');
    }
    const leave = this.#enter(request.user);
    const running: Assessment = { ...this.#head(request), state: 'running', results: [] };
    this.#kept.set(key, running);
    this.#judged(request, ASYNC_DEADLINE, this.#stopped.signal)
      .then((done) => this.#kept.set(key, { ...done, createdAt: running.createdAt }))
      .catch((error: unknown) => {
        this.#kept.delete(key);
        this.#options.onDefect(asError(error), request.images[0] ?? '');
      })
      .finally(leave);
    return running;
  }

  /** Of this caller only; undefined = there is none, or no more. */
  find(id: string, user: string): Assessment | undefined {
    return this.#kept.get(keyOf(user, id));
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped.abort();
  }

  #enter(user: string): () => void {
    const own = this.#running.get(user) ?? 0;
    const all = [...this.#running.values()].reduce((sum, each) => sum + each, 0);
    if (own >= MAX_OF_CALLER || all >= MAX_RUNNING) {
      const whose = own >= MAX_OF_CALLER ? 'of yours ' : '';
      const detail = `Too many assessments ${whose}are under way: wait for one, or ask for several images at once.`;
      throw new ApiProblem('RATE_LIMITED', detail, { retryAfter: 2 });
    }
    this.#running.set(user, own + 1);
    return () => {
      const left = (this.#running.get(user) ?? 1) - 1;
      if (left === 0) this.#running.delete(user);
      else this.#running.set(user, left);
    };
  }

  #head({ id }: AssessmentRequest): Pick<Assessment, 'assessmentId' | 'createdAt'> {
    return { assessmentId: id, createdAt: new Date(this.#options.now()).toISOString() };
  }

  async #judged(request: AssessmentRequest, limit: number, caller: AbortSignal): Promise<Assessment> {
    const { signal, release } = deadlineOf(limit, caller);
    const head = this.#head(request);
    try {
      const assess = await openAssessment(request.scope, this.#options, signal);
      const results = await mapSome(request.images, PLACES_PER_REQUEST, (image) =>
        this.#one(image, request, assess, signal),
      );
      const status = statusOf(results);
      return { ...head, state: 'done', ...(status !== undefined && { status }), results: [...results] };
    } finally {
      release();
    }
  }

  async #one(
    image: string,
    request: AssessmentRequest,
    assess: Assess,
    signal: AbortSignal,
  ): Promise<VerifyResult> {
    const { places, monotonic } = this.#options;
    try {
      return await places.within(signal, async () => {
        const started = monotonic();
        const assessed = await assess(image, signal);
        this.#tell(request, assessed, monotonic() - started);
        return verifyResult(assessed, request.explain);
      });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { ...NOTHING, image, reasons: [{ code: error.code, detail: error.message }] };
    }
  }

  /** What is kept of an answer must not change it. */
  #tell({ id, user, scope }: AssessmentRequest, assessed: AssessedImage, milliseconds: number): void {
    const { observer, onDefect } = this.#options;
    const { image } = assessed;
    const object = { kind: 'Image', namespace: scope.namespace ?? '', name: image };
    try {
      const asked = { uid: id, operation: ASKED, dryRun: false, object, user };
      observer.decided(decisionOn(asked, assessed), milliseconds);
    } catch (error) {
      onDefect(asError(error), image);
    }
  }
}

/** Of an image that was not looked at. */
const NOTHING: Omit<VerifyResult, 'image' | 'reasons'> = {
  status: 'error',
  signers: [],
  policies: [],
  exceptions: [],
};

/** No name of a user has a line break. */
function keyOf(user: string, id: string): string {
  return `${id}\n${user}`;
}
