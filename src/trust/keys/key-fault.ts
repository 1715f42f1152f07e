import { Fault } from '../../errors.ts';

/** A key cannot be had now. @param message the end of "… could not be read: "; for people, nothing that a server wrote */
export function keyFault(message: string, cause?: unknown): Fault {
  return new Fault('KEY_UNAVAILABLE', message, { cause });
}

// Names of certificate failures come from OpenSSL through node:tls, without a common beginning.
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO$)/;
const DNS_CODE = /^(?:ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|EBADNAME)$/;

/** What a failed request means. @param signal the request's own */
export function transportFault(error: unknown, host: string, signal: AbortSignal): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(firstOfSeveral(error));
  if (signal.aborted || /TIMEOUT|ETIMEDOUT/.test(code)) {
    return keyFault(
      `${host} did not answer in time; check that it runs and that the network leads there`,
      error,
    );
  }
  if (DNS_CODE.test(code)) {
    return keyFault(
      `the name ${host} does not resolve (${code}); check its spelling and the cluster's DNS`,
      error,
    );
  }
  if (TLS_CODE.test(code)) {
    return keyFault(
      `${host} could not be trusted over TLS (${code}); check its certificate, or name its authority in a caFile`,
      error,
    );
  }
  return keyFault(
    `${host} could not be reached (${code || 'unknown error'}); check that it runs and that the network leads there`,
    error,
  );
}

/** The `code` of an error, where it is a bare word; empty otherwise. */
export function codeOf(error: unknown): string {
  return word(error, 'code');
}

/** The `name` of an error, where it is a bare word: AWS's and Azure's own names for what went wrong. */
export function nameOf(error: unknown): string {
  return word(error, 'name');
}

function word(error: unknown, field: 'code' | 'name'): string {
  const value =
    typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[field] : undefined;
  return typeof value === 'string' && /^\w{1,64}$/.test(value) ? value : '';
}

/** Several addresses were tried: the first failure speaks for all. */
function firstOfSeveral(error: unknown): unknown {
  const errors = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : undefined;
  return Array.isArray(errors) && errors.length > 0 ? (errors as unknown[])[0] : error;
}
