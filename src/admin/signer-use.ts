import { LRUCache } from 'lru-cache';
import type { DecisionObserver } from '../admission/ports.ts';
import type { Decision } from '../policy/decision.ts';

/** More signers than an installation has. */
const MAX_SIGNERS = 10_000;
const ENTRY = /^TrustedSigner "([^"]{1,253})"$/;

/** What a policy's entry that refers to a TrustedSigner is called. */
export function entryOf(signer: string): string {
  return `TrustedSigner "${signer}"`;
}

/** When each TrustedSigner last vouched for an image here, since this process began. */
export class SignerUse implements DecisionObserver {
  readonly #last = new LRUCache<string, number>({ max: MAX_SIGNERS });
  readonly #now: () => number;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  decided({ images, dryRun }: Decision): void {
    if (dryRun) return;
    const at = this.#now();
    for (const { outcome } of images.flatMap(({ verdicts }) => verdicts)) {
      if (outcome.kind !== 'verified') continue;
      for (const { entry } of outcome.signers) {
        const [, name] = ENTRY.exec(entry) ?? [];
        if (name !== undefined) this.#last.set(name, at);
      }
    }
  }

  /** Milliseconds since the epoch; undefined = not since this process began. */
  lastUsed(name: string): number | undefined {
    return this.#last.get(name);
  }
}
