import { asError } from '../errors.ts';
import { KubeApiError, TooLargeError } from '../kube/client.ts';
import { DeskError, type DocumentName } from './resource-desk.ts';

/** `TrustedSigner "release-ci"`, `SigningPolicy "team/images"`. */
export function describeName({ kind, namespace, name }: DocumentName): string {
  return `${kind} "${namespace === undefined ? '' : `${namespace}/`}${name}"`;
}

/** How the API server's webhooks say no; their own status varies. */
const WEBHOOK_DENIAL = /^admission webhook "[^"]{1,253}" denied the request/;

/** What a failed call to the API server means for the one who asked. */
export function deskErrorOf(thrown: unknown, name: DocumentName | undefined): DeskError {
  if (thrown instanceof DeskError) return thrown;
  const what = name === undefined ? 'the list' : describeName(name);
  if (thrown instanceof TooLargeError)
    return new DeskError('UNAVAILABLE', `${what} is too large to be read`, { cause: thrown });
  if (thrown instanceof KubeApiError) return ofAnswer(thrown, what);
  // A token that no header can hold.
  if (thrown instanceof TypeError && /bearer token/.test(thrown.message))
    return new DeskError('UNAUTHENTICATED', 'this is no bearer token', { cause: thrown });
  const message = 'the API server did not answer; try again, and look whether the change was made';
  return new DeskError('UNAVAILABLE', message, { cause: asError(thrown) });
}

function ofAnswer(error: KubeApiError, what: string): DeskError {
  const { status, reason, causes } = error;
  const said = error.said ?? `the API server answered ${status}`;
  const problems = causes.map(({ field, message }) => ({ field, message }));
  const as = (code: DeskError['code'], message = said) =>
    new DeskError(code, message, { problems, cause: error });
  if (status === 401) return as('UNAUTHENTICATED', 'the API server does not accept the token any more');
  if (WEBHOOK_DENIAL.test(said)) return as('INVALID');
  if (status === 403) return as('FORBIDDEN');
  if (status === 404) return as('NOT_FOUND', error.said ?? `${what} does not exist`);
  if (status === 409 && reason === 'AlreadyExists') return as('ALREADY_EXISTS', `${what} exists already`);
  if (status === 409) return as('CHANGED_MEANWHILE', `${what} was changed meanwhile: read it again`);
  if (status === 400 || status === 422) return as('INVALID');
  if (status === 413) return as('INVALID', `${what} is larger than the API server accepts`);
  return as('UNAVAILABLE', `the API server cannot do it now (${status}); try again`);
}
