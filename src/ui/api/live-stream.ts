import type { LiveDecision } from '../../admin/schemas/history.ts';
import { EventParser, type ServerEvent } from './event-stream.ts';
import { urlOf } from './http.ts';

export type LiveState = 'connecting' | 'live' | 'broken' | 'paused';

/** Decisions that are kept for showing. */
const KEPT = 50;
/** Milliseconds between attempts: the first, and the most. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

export interface LiveView {
  readonly state: LiveState;
  /** Newest first. */
  readonly decisions: readonly LiveDecision[];
}

/**
 * `GET /decisions` as a store. By `fetch`, not `EventSource`, because that cannot say `Last-Event-ID` again after an answer that is an
 * error. While nobody looks at the page the connection is closed: a browser has few of them for one server.
 */
export class LiveStream {
  readonly #onSnapshot: () => void;
  readonly #onDecision: () => void;
  readonly #listeners = new Set<() => void>();
  #view: LiveView = { state: 'connecting', decisions: [] };
  #stop = new AbortController();
  #lastId: string | undefined;
  #wait = FIRST_WAIT;

  constructor({ onSnapshot, onDecision }: { onSnapshot: () => void; onDecision: () => void }) {
    this.#onSnapshot = onSnapshot;
    this.#onDecision = onDecision;
  }

  readonly view = (): LiveView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#resume();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#stop.abort();
  }

  readonly #onVisibility = () => {
    if (document.hidden) {
      this.#stop.abort();
      this.#show({ state: 'paused' });
    } else if (this.#stop.signal.aborted) {
      this.#resume();
      // What changed while nobody looked.
      this.#onSnapshot();
    }
  };

  #resume(): void {
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch {
        // Shown as the state, and tried again.
      }
      if (signal.aborted) return;
      this.#show({ state: 'broken' });
      await pause(this.#wait, signal);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const response = await fetch(urlOf('/decisions'), {
      headers: {
        accept: 'text/event-stream',
        ...(this.#lastId !== undefined && { 'last-event-id': this.#lastId }),
      },
      signal,
    });
    if (!response.ok || response.body === null)
      throw new Error(`the live stream answered ${response.status}`);
    this.#show({ state: 'live' });
    this.#wait = FIRST_WAIT;
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) this.#take(event);
    }
  }

  #take({ event, data, id }: ServerEvent): void {
    if (id !== undefined) this.#lastId = id;
    if (event === 'snapshot') this.#onSnapshot();
    if (event !== 'decision') return;
    const decision = JSON.parse(data) as LiveDecision;
    this.#show({ decisions: [decision, ...this.#view.decisions].slice(0, KEPT) });
    this.#onDecision();
  }

  #show(change: Partial<LiveView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
