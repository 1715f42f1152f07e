import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { GROUP, VERSION, type Inspection } from '../api/envelope.ts';
import { inspectResource } from '../api/resource.ts';
import type { Problem, Resource } from '../api/resources.ts';
import { Refusal } from '../errors.ts';
import type { StoredDocument } from '../store/resource-desk.ts';
import { SlowWork } from './slow-work.ts';

/** A stored document as this process reads it. */
export interface Inspected {
  readonly document: StoredDocument;
  /** Undefined for what is not read as anything. */
  readonly resource: Resource | undefined;
  readonly problems: readonly Problem[];
}

/** Bytes of documents whose reading is remembered: what comes of them is some times as large. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Milliseconds of plain documents that are read in one go. */
const STRETCH = 10;

/**
 * Reads documents for answers, each once. A policy of 12 KB can have 128 patterns to compile, which takes 0.1 s: whoever may keep hundreds
 * in a namespace of their own must not stop admissions by listing them (attack G14).
 */
export class Inspections {
  readonly #slowly = new SlowWork();
  readonly #known = new LRUCache<string, Inspection | Refusal>({
    maxSize: MAX_BYTES,
    sizeCalculation: (_, key) => Number(key.slice(key.indexOf(' '))),
  });

  /** A whole document that somebody sends. @throws Refusal; ApiProblem UNAVAILABLE; the signal's reason */
  async read(document: unknown, signal: AbortSignal): Promise<Inspection> {
    const text = JSON.stringify(document) ?? '';
    return this.#found(text) ?? this.#slowly.run(signal, () => this.#inspect(document, text));
  }

  /** Stored documents, in their order. @throws ApiProblem UNAVAILABLE; the signal's reason */
  async all(documents: readonly StoredDocument[], signal: AbortSignal): Promise<readonly Inspected[]> {
    const inspected: Inspected[] = [];
    const readSome = (): void => {
      const end = performance.now() + STRETCH;
      do {
        const next = documents[inspected.length];
        if (next === undefined) return;
        inspected.push(this.now(next));
      } while (performance.now() < end);
    };
    while (inspected.length < documents.length) await this.#slowly.run(signal, readSome);
    return inspected;
  }

  /** What is made of many documents that were read. @throws ApiProblem UNAVAILABLE; the signal's reason; whatever the work throws */
  within<T>(signal: AbortSignal, work: () => T): Promise<T> {
    return this.#slowly.run(signal, work);
  }

  /** One stored document at once: for answers that nothing may come in the way of. */
  now(document: StoredDocument): Inspected {
    const whole = wholeOf(document);
    const text = JSON.stringify(whole);
    try {
      const { resource, problems } = this.#found(text) ?? this.#inspect(whole, text);
      return { document, resource, problems };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { document, resource: undefined, problems: [{ field: 'metadata', message: error.message }] };
    }
  }

  /** Undefined = it was not read yet. @throws Refusal */
  #found(text: string): Inspection | undefined {
    const known = this.#known.get(keyOf(text));
    if (known instanceof Refusal) throw known;
    return known;
  }

  #inspect(document: unknown, text: string): Inspection {
    try {
      const inspection = inspectResource(document);
      this.#known.set(keyOf(text), inspection);
      return inspection;
    } catch (error) {
      if (error instanceof Refusal) this.#known.set(keyOf(text), error);
      throw error;
    }
  }
}

/** With the size that it is remembered by. */
function keyOf(text: string): string {
  return `${createHash('sha256').update(text).digest('base64')} ${text.length + 1024}`;
}

function wholeOf({ kind, metadata, spec }: StoredDocument): object {
  const { name, namespace, labels, generation } = metadata;
  const named = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(generation !== undefined && { generation }),
  };
  return { apiVersion: `${GROUP}/${VERSION}`, kind, metadata: named, spec };
}
