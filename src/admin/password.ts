import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LRUCache } from 'lru-cache';
import { ApiProblem } from './problem.ts';

/** RFC 7914. 128 MiB and about 0.3 s for each guess (OWASP's recommendation for scrypt). */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const MEMORY = 256 * 1024 * 1024;
const KEY_BYTES = 32;
/** Hashes at once, and guesses that may wait for them: each takes 128 MiB. */
const AT_ONCE = 2;
const MAX_WAITING = 32;
/** Milliseconds for which a right password is known without its hash: programs send it with each request. */
const REMEMBERED = 300_000;

/** Shorter ones are guessed. */
export const MIN_PASSWORD_CHARS = 12;

/** A hash as it is stored: `scrypt$<N>$<r>$<p>$<salt>$<key>`, both in base64url. */
interface StoredHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** The administrator's password, of which only the hash is kept. */
export class AdminPassword {
  readonly #stored: StoredHash;
  readonly #turns = new HashTurns();
  /** Keyed hashes of the right one, with a key that never leaves this process. */
  readonly #remembered = new LRUCache<string, true>({ max: 4, ttl: REMEMBERED });
  readonly #memoryKey = randomBytes(32);

  private constructor(stored: StoredHash, known?: string) {
    this.#stored = stored;
    if (known !== undefined) this.#remembered.set(this.#memoryOf(known), true);
  }

  /**
   * The one of the file; one that is given is stored there first, and at the first start one is made up.
   * @param announce called with one that was made up: it is told once, and nobody can tell it again
   * @throws Error for a file that cannot be read, written or understood, and for a password that is too short
   */
  static async load(options: {
    readonly file: string;
    readonly given: string | undefined;
    readonly announce: (password: string) => void;
  }): Promise<AdminPassword> {
    const { file, given, announce } = options;
    const stored = await readStored(file);
    if (given !== undefined) {
      if (given.length < MIN_PASSWORD_CHARS)
        throw new Error(`the administrator's password has to have at least ${MIN_PASSWORD_CHARS} characters`);
      if (stored !== undefined && (await isOf(stored, given))) return new AdminPassword(stored, given);
      return new AdminPassword(await store(file, given), given);
    }
    if (stored !== undefined) return new AdminPassword(stored);
    const made = randomBytes(18).toString('base64url');
    const hash = await store(file, made);
    announce(made);
    return new AdminPassword(hash, made);
  }

  /** @throws ApiProblem UNAVAILABLE when too many are being looked at */
  async isRight(password: string, signal: AbortSignal): Promise<boolean> {
    const memory = this.#memoryOf(password);
    if (this.#remembered.has(memory)) return true;
    const isRight = await this.#turns.take(signal, () => isOf(this.#stored, password));
    if (isRight) this.#remembered.set(memory, true);
    return isRight;
  }

  #memoryOf(password: string): string {
    return createHmac('sha256', this.#memoryKey).update(password.normalize('NFKC')).digest('base64');
  }
}

async function readStored(file: string): Promise<StoredHash | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { N, r, p } = COST;
  const [scheme, n, blocks, parallel, salt = '', key = '', ...rest] = text.trim().split('$');
  const stored = { salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') };
  const isOurs = scheme === 'scrypt' && n === `${N}` && blocks === `${r}` && parallel === `${p}`;
  if (!isOurs || rest.length > 0 || stored.salt.length < 16 || stored.key.length !== KEY_BYTES)
    throw new Error(
      `${file} holds no hash of a password: delete it, and the next start makes a new password`,
    );
  return stored;
}

/** Whole or not at all, and for nobody else's eyes. */
async function store(file: string, password: string): Promise<StoredHash> {
  const salt = randomBytes(16);
  const key = await derive(password, salt);
  const { N, r, p } = COST;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.${process.pid}.new`;
  const handle = await open(part, 'w', 0o600);
  try {
    await handle.writeFile(
      `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}\n`,
    );
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
  return { salt, key };
}

async function isOf({ salt, key }: StoredHash, password: string): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt), key);
}

/** On a thread of its own: the event loop goes on. */
function derive(password: string, salt: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...COST, maxmem: MEMORY }, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return promise;
}

/** A few at a time, in the order of their coming. */
class HashTurns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await this.#turn();
    else this.#running += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING)
      throw new ApiProblem('UNAVAILABLE', 'Too many sign-ins at once.', { retryAfter: 5 });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
