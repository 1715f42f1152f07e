import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { asError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { isRecord } from '../kube/object.ts';
import type { Logger } from '../log.ts';
import { ApiProblem } from './problem.ts';

/** Whose a token is, as the API server says. */
export interface TokenOwner {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface TokenReviewerOptions {
  /** With Countersign's own identity, which may create TokenReviews. */
  readonly client: Pick<KubeClient, 'review'>;
  readonly logger: Logger;
}

const PATH = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' };
/** Milliseconds for which a good token is taken for good: as long as one that was revoked still opens this door. */
const GOOD_FOR = 10_000;
const MAX_TOKENS = 1_000;

/** Asks the API server whose token it is. A wrong one is not remembered: it may be good in a moment. */
export class TokenReviewer {
  readonly #options: TokenReviewerOptions;
  /** By the token's hash: no token is kept here. */
  readonly #good = new LRUCache<string, TokenOwner>({ max: MAX_TOKENS, ttl: GOOD_FOR });
  readonly #asked = new Map<string, Promise<TokenOwner | undefined>>();

  constructor(options: TokenReviewerOptions) {
    this.#options = options;
  }

  /** @returns undefined for a token that is not good @throws ApiProblem UNAVAILABLE when the API server does not say */
  async owner(token: string): Promise<TokenOwner | undefined> {
    const hash = hashOfToken(token);
    const known = this.#good.get(hash);
    if (known !== undefined) return known;
    const asked = this.#asked.get(hash) ?? this.#ask(token, hash);
    this.#asked.set(hash, asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(hash);
    }
  }

  async #ask(token: string, hash: string): Promise<TokenOwner | undefined> {
    const owner = ownerIn(await this.#review(token));
    if (owner !== undefined) this.#good.set(hash, owner);
    return owner;
  }

  async #review(token: string): Promise<Readonly<Record<string, unknown>>> {
    const question = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    try {
      return await this.#options.client.review(PATH, question);
    } catch (error) {
      this.#options.logger.warn({ err: asError(error) }, 'a token could not be checked');
      throw new ApiProblem('UNAVAILABLE', 'The API server does not say whose token this is.', {
        cause: error,
        retryAfter: 5,
      });
    }
  }
}

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Nobody unless it says so in so many words. */
function ownerIn({ status }: Readonly<Record<string, unknown>>): TokenOwner | undefined {
  if (!isRecord(status) || status['authenticated'] !== true || !isRecord(status['user'])) return undefined;
  const { username, groups } = status['user'];
  if (typeof username !== 'string' || username === '') return undefined;
  const names = Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [];
  return { name: username, groups: names };
}
