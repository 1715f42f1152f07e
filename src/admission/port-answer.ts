import { Fault, Refusal } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { FaultReason, Violation } from '../policy/verdict.ts';

/** Whatever a port does, the review answers by its deadline. */
export function orAborted<T>(
  work: Promise<T>,
  { registry }: ImageReference,
  signal: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void =>
      reject(new Fault('TIMEOUT', `registry ${registry} did not answer before the deadline of the review`));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What a port's refusal or fault makes of a fact. */
export function unknownOf(
  error: unknown,
): { kind: 'refused'; violation: Violation } | { kind: 'fault'; fault: FaultReason } {
  if (error instanceof Refusal) {
    return { kind: 'refused', violation: { code: error.code, detail: error.message } };
  }
  return { kind: 'fault', fault: faultReason(faultOrThrow(error)) };
}

/** Anything else is a defect of ours, which stops the whole review: `validate.ts` denies it and tells the log. */
export function faultOrThrow(error: unknown): Fault {
  if (error instanceof Fault) return error;
  throw error;
}

export function faultReason({ code, message }: Fault): FaultReason {
  return { code, detail: message };
}
