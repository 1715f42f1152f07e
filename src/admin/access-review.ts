import { LRUCache } from 'lru-cache';
import { asError } from '../errors.ts';
import type { CallerClient } from '../kube/caller-client.ts';
import { KubeApiError } from '../kube/client.ts';
import { isRecord } from '../kube/object.ts';
import type { Logger } from '../log.ts';
import type { AccessQuestion } from './caller.ts';
import { ApiProblem } from './problem.ts';
import { hashOfToken } from './token-review.ts';

const PATH = { group: 'authorization.k8s.io', version: 'v1', resource: 'selfsubjectaccessreviews' };
/** Milliseconds for which an answer holds. */
const HOLDS_FOR = 5_000;
const MAX_ANSWERS = 10_000;

/** Asks the API server what somebody may do, as that somebody: with their token and no identity of Countersign's. */
export class AccessReviewer {
  readonly #callers: Pick<CallerClient, 'as'>;
  readonly #logger: Logger;
  readonly #answers = new LRUCache<string, boolean>({ max: MAX_ANSWERS, ttl: HOLDS_FOR });

  constructor(callers: Pick<CallerClient, 'as'>, logger: Logger) {
    this.#callers = callers;
    this.#logger = logger;
  }

  /** @throws ApiProblem UNAUTHENTICATED for a token that is not good any more, UNAVAILABLE when the API server does not say */
  async may(token: string, question: AccessQuestion, signal: AbortSignal): Promise<boolean> {
    const { verb, resource, namespace = '' } = question;
    const key = [hashOfToken(token), verb, resource, namespace].join(' ');
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const isAllowed = await this.#ask(token, question, signal);
    this.#answers.set(key, isAllowed);
    return isAllowed;
  }

  async #ask(
    token: string,
    { verb, resource, namespace }: AccessQuestion,
    signal: AbortSignal,
  ): Promise<boolean> {
    const group = resource === 'pods' ? '' : 'countersign.dev';
    const resourceAttributes = { group, resource, verb, ...(namespace !== undefined && { namespace }) };
    const kind = 'SelfSubjectAccessReview';
    const question = { apiVersion: 'authorization.k8s.io/v1', kind, spec: { resourceAttributes } };
    try {
      const { status } = await this.#callers.as(token).review(PATH, question, { signal });
      return isRecord(status) && status['allowed'] === true && status['denied'] !== true;
    } catch (error) {
      // Who may not even ask is allowed nothing that we could know of.
      if (error instanceof KubeApiError && error.status === 403) return false;
      if (error instanceof KubeApiError && error.status === 401)
        throw new ApiProblem('UNAUTHENTICATED', 'The token is not good any more.', { cause: error });
      if (!signal.aborted) this.#logger.warn({ err: asError(error) }, 'a right could not be checked');
      throw new ApiProblem('UNAVAILABLE', 'The API server does not say whether you may do this.', {
        cause: error,
        retryAfter: 5,
      });
    }
  }
}
