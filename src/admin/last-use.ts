import { setTimeout as sleep } from 'node:timers/promises';
import type { Reader } from '../history/reader.ts';
import { entryOf, type SignerUse } from './signer-use.ts';

/** Milliseconds that an answer waits for the history: it is about something else. */
const PATIENCE = 1_000;

export interface LastUseOptions {
  /** What this process has seen. */
  readonly use: Pick<SignerUse, 'lastUsed'>;
  /** What it saw before it was started again, and what other replicas saw that write to the same; undefined = none is kept. */
  readonly history: Pick<Reader, 'lastUses'> | undefined;
}

/** When TrustedSigners last vouched for an image, as far as anybody remembers. */
export class LastUse {
  readonly #options: LastUseOptions;

  constructor(options: LastUseOptions) {
    this.#options = options;
  }

  /**
   * One question for all of them. Never throws.
   * @returns milliseconds since the epoch, by the name of a signer that was asked for; undefined = nobody remembers
   */
  async of(signers: readonly string[]): Promise<(signer: string) => number | undefined> {
    const { use } = this.#options;
    const kept = await this.#kept(signers);
    return (signer) => {
      const times = [use.lastUsed(signer), kept.get(entryOf(signer))].filter((time) => time !== undefined);
      return times.length === 0 ? undefined : Math.max(...times);
    };
  }

  async #kept(signers: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { history } = this.#options;
    if (history === undefined || signers.length === 0) return NOTHING;
    const enough = new AbortController();
    try {
      const late = sleep(PATIENCE, NOTHING, { signal: enough.signal });
      late.catch(() => undefined);
      return await Promise.race([history.lastUses(signers.map(entryOf)), late]);
    } catch {
      // That the history cannot be read is told where it is kept; a signer can be switched off without it.
      return NOTHING;
    } finally {
      enough.abort();
    }
  }
}

const NOTHING: ReadonlyMap<string, number> = new Map();
