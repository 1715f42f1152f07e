import { randomUUID } from 'node:crypto';
import type { DecisionObserver } from '../admission/ports.ts';
import type { Decision } from '../policy/decision.ts';
import { droppedText, formatDecision, type LiveEvent } from './live-event.ts';
import { Subscriber } from './live-subscriber.ts';

export interface LiveDecisionsOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds without an event after which something is sent all the same: proxies end what is silent. */
  readonly heartbeat?: number;
  /** Milliseconds for which events are remembered after the last reader has left: one that comes back finds them. */
  readonly linger?: number;
}

/** Who listens to what. */
export interface Subscription {
  /** Only decisions of this namespace; undefined = all. */
  readonly namespace: string | undefined;
  /** `Last-Event-ID`: of the last event that was read before. */
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
}

/** Events that are remembered for whoever comes back. */
const MAX_REMEMBERED = 1_000;
/** Their characters in all: a tenant's Pods may have hundreds of images with long names. */
const MAX_REMEMBERED_CHARS = 4 * 1024 * 1024;
/** Milliseconds between two looks at what was decided: each is one write for each reader, however many decisions there were. */
export const LIVE_BEAT = 100;
/**
 * Decisions that are told of in one beat; of more the newest. Nobody reads a thousand a second, and at some 20 µs each more of them
 * would take the time of admissions.
 */
const PER_BEAT = 100;

/**
 * Decisions as they are made, for pages that are open. Nothing is formatted, remembered or even looked at while nobody listens; and
 * then each decision once, behind the request, however many listen. Whoever reads too slowly loses events, and is told so.
 */
export class LiveDecisions implements DecisionObserver {
  readonly #options: Required<LiveDecisionsOptions>;
  /** Ids of another process are none that this one can go on from. */
  readonly #process = randomUUID().slice(0, 8);
  readonly #subscribers = new Set<Subscriber>();
  readonly #waiting: { readonly decision: Decision; readonly milliseconds: number; readonly time: number }[] =
    [];
  readonly #remembered: LiveEvent[] = [];
  #rememberedChars = 0;
  #isLingering = false;
  #number = 0;
  #dropped = 0;
  #scheduled: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(options: LiveDecisionsOptions = {}) {
    this.#options = { now: Date.now, heartbeat: 15_000, linger: 60_000, ...options };
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  decided(decision: Decision, milliseconds: number): void {
    if (this.#subscribers.size === 0 && !this.#isLingering) return;
    if (this.#waiting.length >= PER_BEAT) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.#waiting.push({ decision, milliseconds, time: this.#options.now() });
    this.#scheduled ??= setTimeout(() => this.#format(), LIVE_BEAT).unref();
  }

  /** A new snapshot decides from now on: pages ask anew for what they show. */
  changed(snapshot: number): void {
    if (this.#subscribers.size === 0) return;
    const text = `event: snapshot\ndata: ${snapshot}\n\n`;
    for (const subscriber of this.#subscribers) subscriber.add({ namespace: undefined, text });
  }

  /** Texts of server-sent events, until the signal aborts. Nothing is held before the first is asked for. */
  async *subscribe({ namespace, lastEventId, signal }: Subscription): AsyncGenerator<string, void> {
    const subscriber = new Subscriber(namespace);
    this.#arrived(subscriber);
    try {
      // Milliseconds until a browser comes back.
      yield `retry: 3000\n\n`;
      if (lastEventId !== undefined) this.#resume(subscriber, lastEventId);
      yield* subscriber.texts(signal);
    } finally {
      this.#left(subscriber);
    }
  }

  stop(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
    this.#forget();
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    clearTimeout(this.#scheduled);
  }

  #arrived(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    clearTimeout(this.#forgetting);
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#subscribers) each.beat();
    }, this.#options.heartbeat).unref();
  }

  #left(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.#isLingering = true;
    this.#forgetting = setTimeout(() => this.#forget(), this.#options.linger).unref();
  }

  #forget(): void {
    clearTimeout(this.#forgetting);
    this.#isLingering = false;
    this.#remembered.length = 0;
    this.#rememberedChars = 0;
  }

  #format(): void {
    this.#scheduled = undefined;
    if (this.#dropped > 0) {
      // Not as an event of its own: a reader that is slow as well would lose the very word of it.
      for (const subscriber of this.#subscribers) subscriber.lost(this.#dropped);
      this.#remember({ id: this.#nextId(), namespace: undefined, text: droppedText(this.#dropped) });
      this.#dropped = 0;
    }
    for (const { decision, milliseconds, time } of this.#waiting.splice(0)) {
      this.#publish(formatDecision(decision, { id: this.#nextId(), milliseconds, time }));
    }
  }

  #nextId(): string {
    this.#number += 1;
    return `${this.#process}-${this.#number}`;
  }

  #remember(event: LiveEvent): void {
    this.#remembered.push(event);
    this.#rememberedChars += event.text.length;
    while (this.#remembered.length > MAX_REMEMBERED || this.#rememberedChars > MAX_REMEMBERED_CHARS)
      this.#rememberedChars -= this.#remembered.shift()?.text.length ?? 0;
  }

  #publish(event: LiveEvent): void {
    this.#remember(event);
    for (const subscriber of this.#subscribers) subscriber.add(event);
  }

  /** What came after the event that was read last; or that nobody knows what did. */
  #resume(subscriber: Subscriber, lastEventId: string): void {
    const last = this.#remembered.findIndex(({ id }) => id === lastEventId);
    if (last === -1) subscriber.lost(undefined);
    else for (const event of this.#remembered.slice(last + 1)) subscriber.add(event);
  }
}
