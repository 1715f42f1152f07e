import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Fact } from '../admission/fact-cache.ts';
import type { EvidenceReader } from '../admission/ports.ts';
import type { StatementAnswer } from '../admission/statement-answer.ts';
import type { StatementQuestion } from '../admission/statement-questions.ts';
import { asError, Fault } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { AnswerResult, AnswerTask, Failed, Task, VerifyResult, VerifyTask } from './messages.ts';
import { sentContext } from './sent-context.ts';

/** In the folder of this file, in the language that this file is in. */
const THREAD = fileURLToPath(new URL(`./evidence-thread${extname(import.meta.filename)}`, import.meta.url));

const DEFAULTS = {
  thread: THREAD,
  /** Of one task. The largest statement takes 1.5 s of CPU, 4 s if made to; the machine may be busy. */
  milliseconds: 60_000,
  /** Without work for so long, the thread ends and gives its memory back. */
  idleMilliseconds: 10_000,
  /**
   * Memory of the thread's JavaScript, MiB. What `LIMITS` lets in takes 300 at most. It must not be reached: V8 then ends the whole
   * process where it allocates in JSON.parse, and only elsewhere the thread alone.
   */
  heap: 512,
  /** Of it for what is young: each MiB is resident up to three times. */
  youngHeap: 16,
};

export interface EvidencePoolOptions extends Partial<typeof DEFAULTS> {
  readonly log: Logger;
}

/**
 * Reads large evidence in a thread that is started by its first use, and again after its end. One task at a time: one thread leaves the
 * other core, and bounds the memory.
 */
export class EvidencePool implements EvidenceReader {
  readonly #log: Logger;
  readonly #milliseconds: number;
  readonly #pool: Piscina<Task, VerifyResult | AnswerResult>;

  constructor({ log, ...options }: EvidencePoolOptions) {
    const { thread, milliseconds, idleMilliseconds, heap, youngHeap } = { ...DEFAULTS, ...options };
    this.#log = log;
    this.#milliseconds = milliseconds;
    this.#pool = new Piscina({
      filename: thread,
      name: 'run',
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: idleMilliseconds,
      resourceLimits: { maxOldGenerationSizeMb: heap, maxYoungGenerationSizeMb: youngHeap },
      // It waits for messages by the event loop: a thread that blocks in Atomics.wait would never be seen as idle.
      atomics: 'disabled',
      // None of it is for this thread.
      env: {},
      recordTiming: false,
    });
    // What ends a thread without a task.
    this.#pool.on('error', (error: unknown) => this.#log.error({ err: error }, ENDED));
  }

  async verify(
    evidence: LargeEvidence,
    bytes: Uint8Array,
    contexts: readonly TrustContext[],
  ): Promise<readonly Fact[]> {
    const moved = whole(bytes);
    const task: VerifyTask = {
      kind: 'verify',
      evidence,
      bytes: moved,
      contexts: contexts.map(sentContext),
    };
    const result = await this.#run<VerifyResult>(task, [moved.buffer]);
    return result.facts;
  }

  async answer(evidence: LargeEvidence, { slsa, conditions }: StatementQuestion): Promise<StatementAnswer> {
    const texts = conditions.map(({ source, message }) => ({ source, message }));
    const task: AnswerTask = { kind: 'answer', evidence, slsa, conditions: texts };
    const result = await this.#run<AnswerResult>(task, []);
    return result.answer;
  }

  /** Ends the thread, whatever it does. */
  async stop(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run<R extends VerifyResult | AnswerResult>(
    task: Task,
    transferList: ArrayBuffer[],
  ): Promise<Exclude<R, Failed>> {
    const { source, digest, size } = task.evidence;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.#milliseconds);
    let result: VerifyResult | AnswerResult;
    try {
      result = await this.#pool.run(task, { signal: limit.signal, transferList });
    } catch (cause) {
      this.#log.error({ err: asError(cause), source, digest, size }, ENDED);
      const why = limit.signal.aborted
        ? `reading it takes more than ${this.#milliseconds / 1000} s`
        : 'the thread that reads large evidence ended';
      throw new Fault('INTERNAL', `${source} cannot be read: ${why}`, { cause });
    } finally {
      clearTimeout(timer);
    }
    if ('failure' in result) {
      this.#log.error({ source, digest, size, failure: result.failure }, 'large evidence could not be read');
      throw new Fault('INTERNAL', `${source} cannot be read: a defect of Countersign`);
    }
    return result as Exclude<R, Failed>;
  }
}

/** The bytes in a buffer of their own, which can be moved. A Buffer may be a part of one that others use. */
function whole(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength;
  return isOwn ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

const ENDED = 'the thread that reads large evidence ended';
