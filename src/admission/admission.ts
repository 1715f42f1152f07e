import type { AdmissionRequest } from '../api/admission-review.ts';
import { asError } from '../errors.ts';
import type { Decision } from '../policy/decision.ts';
import { mutate, type Mutation } from './mutate.ts';
import type { DecisionObserver } from './ports.ts';
import { validate, type ValidateDependencies } from './validate.ts';

export interface AdmissionDependencies extends ValidateDependencies {
  readonly observer: DecisionObserver;
  /** Milliseconds of a clock that nobody sets, for durations only. */
  readonly monotonic: () => number;
}

/** The decision path, as the doors (webhook, API, command line) see it. */
export class Admission {
  readonly #dependencies: AdmissionDependencies;

  constructor(dependencies: AdmissionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Decides one review. Never rejects. */
  async validate(request: AdmissionRequest, signal: AbortSignal): Promise<Decision> {
    const started = this.#dependencies.monotonic();
    const decision = await validate(request, this.#dependencies, signal);
    this.#tell(decision, this.#dependencies.monotonic() - started);
    return decision;
  }

  /** What is said of a decision must not change it. */
  #tell(decision: Decision, milliseconds: number): void {
    try {
      this.#dependencies.observer.decided(decision, milliseconds);
    } catch (error) {
      this.#dependencies.onDefect(asError(error), decision);
    }
  }

  /** Pins a Pod's tags. Rejects where it cannot: the caller leaves the object as it is. */
  mutate(request: AdmissionRequest, signal: AbortSignal): Promise<Mutation> {
    return mutate(request, this.#dependencies, signal);
  }
}
