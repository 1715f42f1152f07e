import type * as z from 'zod';
import type { VerificationFilter } from '../history/filter.ts';
import { parseRfc3339 } from '../rfc3339.ts';
import { ApiProblem } from './problem.ts';
import type { verificationsQuery } from './schemas/history.ts';

type FilterQuery = Omit<z.output<typeof verificationsQuery>, 'cursor' | 'limit'>;

/** What is asked for in the words of the history. @throws ApiProblem BAD_REQUEST for a time that is none */
export function filterOf(query: FilterQuery): VerificationFilter {
  const { image, imageMatch, digest, policy, signer, verdict, namespace, assessmentId } = query;
  const [from, until] = [timeOf('from', query.from), timeOf('until', query.until)];
  checkOrder(from, until);
  return {
    ...(image !== undefined && { image: { match: imageMatch, text: image } }),
    ...(digest !== undefined && { digest }),
    ...(policy !== undefined && { policy }),
    ...(signer !== undefined && signerFilter(signer)),
    ...(verdict !== undefined && { verdict }),
    ...(namespace !== undefined && { namespace }),
    ...(assessmentId !== undefined && { uid: assessmentId }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
  };
}

/** Every identity has a colon (`subject (issuer https://…)`, `sha256:…`), and no name of a TrustedSigner has one. */
function signerFilter(signer: string): VerificationFilter {
  return signer.includes(':') ? { signer } : { signerEntry: `TrustedSigner "${signer}"` };
}

/** Turned round, the two would ask for nothing, which reads as "nothing happened". @throws ApiProblem BAD_REQUEST */
export function checkOrder(from: number | undefined, until: number | undefined): void {
  if (from === undefined || until === undefined || from < until) return;
  throw new ApiProblem('BAD_REQUEST', 'The query is not right. See errors.', {
    errors: [{ field: 'until', message: 'must be later than from' }],
  });
}

/** Milliseconds since the epoch. @throws ApiProblem BAD_REQUEST */
export function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = parseRfc3339(text);
  if (time === undefined || time < 0) {
    const message = 'must be a time since 1970 as RFC 3339 has it: 2026-11-29T12:00:00Z';
    throw new ApiProblem('BAD_REQUEST', 'The query is not right. See errors.', {
      errors: [{ field: name, message }],
    });
  }
  return time;
}
