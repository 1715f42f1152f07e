import { createHash, randomBytes } from 'node:crypto';

/** Who signed in, and until when at most. */
export interface SignedIn {
  readonly name: string;
  readonly groups: readonly string[];
  /** The Kubernetes token that calls are made with; undefined standalone. */
  readonly token: string | undefined;
  /** Of the token, milliseconds since the epoch; undefined = it does not say. */
  readonly tokenExpiresAt: number | undefined;
}

export interface Session {
  readonly user: SignedIn;
  /** Comes back in `X-CSRF-Token` with everything that changes something. */
  readonly csrfToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Aborts when the session ends: what is streamed to it ends too. */
  readonly ended: AbortSignal;
}

/** A session that a request came with. */
export interface SessionUse {
  readonly session: Session;
  /** It has another id from now on, which the answer has to bring. */
  readonly renewedId: string | undefined;
}

export interface SessionLimits {
  /** Milliseconds without a request. */
  readonly idle: number;
  /** Milliseconds from sign-in. */
  readonly absolute: number;
  /** Milliseconds after which an id is replaced. */
  readonly renewal: number;
  /** Milliseconds for which the id before is still good: requests that were under way have it. */
  readonly grace: number;
  /** Of all people. */
  readonly total: number;
  readonly perUser: number;
}

const LIMITS: SessionLimits = {
  idle: 30 * 60_000,
  absolute: 8 * 60 * 60_000,
  renewal: 15 * 60_000,
  grace: 60_000,
  total: 1_000,
  perUser: 20,
};

/** Milliseconds between two looks for sessions that are over: their tokens are not kept for longer. */
const SWEEP = 30_000;

interface Entry extends Session {
  readonly controller: AbortController;
  idHash: string;
  renewedAt: number;
  usedAt: number;
  /** The id before, and until when it is good. */
  previous: { readonly idHash: string; readonly until: number } | undefined;
}

/**
 * Sessions of this process, kept here and nowhere else: what is signed out is gone, which a sealed cookie could not promise.
 * Ids are kept as hashes, so that neither a heap dump nor the time of a look-up tells one.
 */
export class Sessions {
  readonly #limits: SessionLimits;
  readonly #now: () => number;
  /** Least recently used first. */
  readonly #entries = new Set<Entry>();
  readonly #byHash = new Map<string, Entry>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: { readonly now?: () => number; readonly limits?: Partial<SessionLimits> } = {}) {
    this.#now = options.now ?? Date.now;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP);
    this.#sweeper.unref();
  }

  /** Begins one. @returns its id, which nobody else knows, and the session */
  begin(user: SignedIn): { readonly id: string; readonly session: Session } {
    const now = this.#now();
    this.#sweep();
    this.#makeRoom(user.name);
    const id = secret();
    const controller = new AbortController();
    const entry: Entry = {
      user,
      csrfToken: secret(),
      expiresAt: Math.min(now + this.#limits.absolute, user.tokenExpiresAt ?? Infinity),
      ended: controller.signal,
      controller,
      idHash: hashOf(id),
      renewedAt: now,
      usedAt: now,
      previous: undefined,
    };
    this.#entries.add(entry);
    this.#byHash.set(entry.idHash, entry);
    return { id, session: entry };
  }

  /** @param isActive false for what a page does by itself: it keeps no session alive */
  use(id: string, isActive = true): SessionUse | undefined {
    const now = this.#now();
    const idHash = hashOf(id);
    const entry = this.#byHash.get(idHash);
    if (entry === undefined) return undefined;
    if (this.#isOver(entry, now)) {
      this.#end(entry);
      return undefined;
    }
    const isPrevious = entry.idHash !== idHash;
    if (isPrevious && now >= (entry.previous?.until ?? 0)) return undefined;
    if (isActive) {
      entry.usedAt = now;
      this.#entries.delete(entry);
      this.#entries.add(entry);
    }
    const isDue = !isPrevious && now - entry.renewedAt >= this.#limits.renewal;
    return { session: entry, renewedId: isDue ? this.#renew(entry, now) : undefined };
  }

  /** Signs out: none of its ids is good any more. */
  end(id: string): void {
    const entry = this.#byHash.get(hashOf(id));
    if (entry !== undefined) this.#end(entry);
  }

  /** Ends all of them. */
  stop(): void {
    clearInterval(this.#sweeper);
    for (const entry of this.#entries) this.#end(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  #renew(entry: Entry, now: number): string {
    const id = secret();
    if (entry.previous !== undefined) this.#byHash.delete(entry.previous.idHash);
    entry.previous = { idHash: entry.idHash, until: now + this.#limits.grace };
    entry.idHash = hashOf(id);
    entry.renewedAt = now;
    this.#byHash.set(entry.idHash, entry);
    return id;
  }

  #isOver({ expiresAt, usedAt }: Entry, now: number): boolean {
    return now >= expiresAt || now - usedAt >= this.#limits.idle;
  }

  #end(entry: Entry): void {
    this.#entries.delete(entry);
    this.#byHash.delete(entry.idHash);
    if (entry.previous !== undefined) this.#byHash.delete(entry.previous.idHash);
    entry.controller.abort(new DOMException('the session has ended', 'AbortError'));
  }

  #sweep(): void {
    const now = this.#now();
    for (const entry of this.#entries) if (this.#isOver(entry, now)) this.#end(entry);
  }

  /** One person's many sessions push out that person's own before anybody else's. */
  #makeRoom(name: string): void {
    const own = [...this.#entries].filter(({ user }) => user.name === name);
    const crowded =
      own.length >= this.#limits.perUser
        ? own
        : this.#entries.size >= this.#limits.total
          ? [...this.#entries]
          : [];
    if (crowded[0] !== undefined) this.#end(crowded[0]);
  }
}

/** 256 bits. */
function secret(): string {
  return randomBytes(32).toString('base64url');
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
