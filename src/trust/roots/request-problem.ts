import { RepositoryProblem } from './repository-files.ts';

// Names of certificate failures come from OpenSSL through node:tls, without a common beginning.
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO$)/;
const DNS_CODE = /^(?:ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|EBADNAME)$/;

/** What a failed request means, without anything that the other side sent. @param signal the request's own */
export function requestProblem(error: unknown, path: string, signal: AbortSignal): RepositoryProblem {
  const code = codeOf(firstOfSeveral(error));
  const options = { cause: error };
  if (signal.aborted || /TIMEOUT|ETIMEDOUT/.test(code)) {
    return new RepositoryProblem(`its server did not deliver ${path} in time`, options);
  }
  if (DNS_CODE.test(code)) {
    return new RepositoryProblem(
      `its host name does not resolve (${code}); check its spelling and the cluster's DNS`,
      options,
    );
  }
  if (TLS_CODE.test(code)) {
    return new RepositoryProblem(
      `its server could not be trusted over TLS (${code}); check its certificate, or add its CA to trustRoots.caFile`,
      options,
    );
  }
  return new RepositoryProblem(
    `its server could not be reached (${code || 'unknown error'}); check that it runs and that the network lets Countersign reach it`,
    options,
  );
}

/** Several addresses were tried: the first failure speaks for all. */
function firstOfSeveral(error: unknown): unknown {
  const errors = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : undefined;
  return Array.isArray(errors) && errors.length > 0 ? (errors as unknown[])[0] : error;
}

/** The `code` of an error of Node's, whatever realm it is from; empty when there is none. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : '';
}
