import { droppedText, type LiveEvent } from './live-event.ts';

/** Events that wait for one reader; of more the oldest are dropped. */
const MAX_WAITING = 256;
/** Written in one go. What waits is shared by all readers, and what is written is a copy for one of them, who may not read it. */
const MAX_CHARS = 128 * 1024;

/** One reader of live events, who may be slower than they come. */
export class Subscriber {
  readonly #namespace: string | undefined;
  readonly #waiting: string[] = [];
  /** Events that this reader did not get; undefined = nobody knows how many. */
  #lost: number | undefined = 0;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(namespace: string | undefined) {
    this.#namespace = namespace;
  }

  add({ namespace, text }: Omit<LiveEvent, 'id'>): void {
    if (this.#namespace !== undefined && namespace !== undefined && namespace !== this.#namespace) return;
    this.#waiting.push(text);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.lost(1);
    }
    this.#wake?.();
  }

  /** @param events undefined = nobody knows how many */
  lost(events: number | undefined): void {
    this.#lost = this.#lost === undefined || events === undefined ? undefined : this.#lost + events;
    this.#wake?.();
  }

  /** A comment, which readers skip: only that the connection lives. */
  beat(): void {
    if (this.#waiting.length > 0) return;
    this.#waiting.push(': still here\n\n');
    this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** What there is each time, until it ends or the signal aborts. */
  async *texts(signal: AbortSignal): AsyncGenerator<string, void> {
    const end = (): void => this.end();
    signal.addEventListener('abort', end, { once: true });
    try {
      if (signal.aborted) return;
      while (!this.#isOver) {
        const texts = this.#taken();
        if (texts === '') await this.#more();
        else yield texts;
      }
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  #taken(): string {
    const lost = this.#lost === 0 ? '' : droppedText(this.#lost);
    this.#lost = 0;
    let chars = 0;
    const end = this.#waiting.findIndex((text) => (chars += text.length) > MAX_CHARS);
    return lost + this.#waiting.splice(0, end === -1 ? Infinity : Math.max(end, 1)).join('');
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}
