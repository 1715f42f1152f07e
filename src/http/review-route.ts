import type { Request, RequestHandler, Response } from 'express';
import { MalformedReview, parseAdmissionReview, type AdmissionRequest } from '../api/admission-review.ts';
import { asError, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Logger } from '../log.ts';
import { parseStrictJson } from '../strict-json.ts';
import { readBody, type BodyBudget } from './request-body.ts';
import { reviewMilliseconds } from './review-deadline.ts';
import { deniedResponse, type ReviewResponse } from './review-response.ts';

/** Answers one well-formed review before the signal says that time is over. */
export type ReviewAnswer = (request: AdmissionRequest, signal: AbortSignal) => Promise<ReviewResponse>;

export interface RouteDependencies {
  readonly budget: BodyBudget;
  /** Bytes of a body. */
  readonly limit: number;
  /** Asked when an answer is written: whether its connection has to end with it. */
  readonly draining: () => boolean;
  readonly logger: Logger;
}

/**
 * One review over HTTP. What is not a well-formed AdmissionReview v1 is answered with 400, or with a denial where its uid
 * could be read: never with an allow, because nothing but `answer` can make one.
 */
export function reviewRoute(answer: ReviewAnswer, dependencies: RouteDependencies): RequestHandler {
  const { budget, limit, logger, draining } = dependencies;
  return async (request, response) => {
    const arrived = performance.now();
    if (!isPlainJson(request)) {
      refuse(response, 415, 'The body has to be application/json without a content encoding.');
      return;
    }
    const body = await readBody(request, limit, budget);
    switch (body.kind) {
      case 'too-large':
        refuse(response, 413, `An AdmissionReview has at most ${limit} bytes here.`);
        return;
      case 'no-room':
        refuse(response, 503, 'Too many reviews are under way.');
        return;
      case 'cut-off':
        response.destroy();
        return;
      case 'read':
    }
    try {
      const signal = () => signalFor(request, response, arrived);
      const reviewed = await answerBody(body.bytes, request.path, signal, answer, logger);
      if (draining()) response.set('Connection', 'close');
      if (typeof reviewed === 'string') refuse(response, 400, reviewed);
      else response.json(reviewed);
    } finally {
      body.release();
    }
  };
}

/** The review's answer, or what to say where it has no uid to answer to. */
async function answerBody(
  bytes: Uint8Array,
  path: string,
  signal: () => AbortSignal,
  answer: ReviewAnswer,
  logger: Logger,
): Promise<ReviewResponse | string> {
  let review: AdmissionRequest;
  try {
    review = parseAdmissionReview(
      parseStrictJson(bytes, 'the body', { tokens: LIMITS.admissionReviewTokens }),
    );
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    logger.debug({ code: error.code, path }, 'a request that is not an AdmissionReview');
    return malformed(error);
  }
  try {
    return await answer(review, signal());
  } catch (error) {
    logger.error({ err: asError(error), uid: review.uid }, 'a review ended in a defect');
    return deniedResponse(
      review.uid,
      500,
      'Countersign failed: an internal error stopped the review [INTERNAL]',
    );
  }
}

function isPlainJson({ headers }: Request): boolean {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  // A compressed body could be a thousand times what its limit says, and the API server sends none.
  return type === 'application/json' && encoding === 'identity';
}

/**
 * Over at the deadline, and when nobody waits for the answer any more. The API server's clock runs while the body is read and
 * parsed. @param arrived when the request did, by the monotonic clock
 */
function signalFor(request: Request, response: Response, arrived: number): AbortSignal {
  const { timeout } = request.query;
  const controller = new AbortController();
  const expire = () =>
    controller.abort(new DOMException('the deadline of the review has passed', 'TimeoutError'));
  const allowed = reviewMilliseconds(typeof timeout === 'string' ? timeout : undefined);
  const left = allowed - (performance.now() - arrived);
  if (left <= 0) {
    expire();
    return controller.signal;
  }
  const deadline = setTimeout(expire, left);
  response.once('close', () => {
    clearTimeout(deadline);
    if (!response.writableFinished) controller.abort(new DOMException('the client went away', 'AbortError'));
  });
  return controller.signal;
}

function malformed(refusal: Refusal): ReviewResponse | string {
  const uid = refusal instanceof MalformedReview ? refusal.uid : undefined;
  const message = `This is not a well-formed AdmissionReview of admission.k8s.io/v1: ${refusal.message} [${refusal.code}]`;
  return uid === undefined ? message : deniedResponse(uid, 400, message);
}

/** For what has no uid to answer to: the API server takes any status but 200 as a failed call, and denies. */
function refuse(response: Response, status: number, message: string): void {
  // What is left of the body is not read, so the connection is of no more use.
  if (!response.req.complete) response.set('Connection', 'close');
  response.status(status).type('text/plain').send(`${message}\n`);
}
