import { Fault, Refusal } from '../errors.ts';
import { ForbiddenAddressError } from './address-guard.ts';

// Names of certificate failures come from OpenSSL through node:tls, without a common beginning.
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_|EPROTO$)/;
const DNS_CODE = /^(?:ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|EBADNAME)$/;
const BROKEN_CODE =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EPIPE|ETIMEDOUT|EADDRNOTAVAIL|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

/** A proxy that does not connect: undici's codes for its own failure, and for an answer other than 200 or a 407. */
const PROXY_CODE = /^(?:UND_ERR_PRX_\w+|UND_ERR_ABORTED|UND_ERR_INVALID_ARG)$/;

/** The fault in whatever a request threw. Its message names the host and what to do, and nothing that the other side sent. */
export function faultOf(error: unknown, host: string, isProxied: boolean): Fault | Refusal {
  if (error instanceof Fault || error instanceof Refusal) return error;
  // Several addresses were tried: the first failure speaks for all.
  const cause = firstOfSeveral(error) ?? error;
  if (cause instanceof ForbiddenAddressError) {
    return new Fault(
      'REGISTRY_FORBIDDEN',
      `registry ${host} leads to an address that an image name must not lead to (loopback, link-local, cloud metadata or the API server); a registry that is meant to live there must be listed in the settings`,
      { cause },
    );
  }
  const code = codeOf(cause);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return timeoutFault(host);
  if (DNS_CODE.test(code)) {
    return new Fault(
      'REGISTRY_DNS',
      `the name of registry ${host} does not resolve (${code}); check its spelling and the cluster's DNS`,
      { cause },
    );
  }
  if (TLS_CODE.test(code)) {
    return new Fault(
      'REGISTRY_TLS',
      `registry ${host} could not be trusted over TLS (${code}); check its certificate, or add its CA to the registry's settings`,
      { cause },
    );
  }
  if (isProxied && (PROXY_CODE.test(code) || BROKEN_CODE.test(code))) {
    return new Fault(
      'REGISTRY_UNREACHABLE',
      `registry ${host} could not be reached through the proxy (${code}); check that the proxy runs, knows Countersign's credentials and lets it reach the registry`,
      { cause },
    );
  }
  if (BROKEN_CODE.test(code)) {
    return new Fault(
      'REGISTRY_UNREACHABLE',
      `registry ${host} could not be reached (${code}); check that it runs and that the network lets Countersign reach it`,
      { cause },
    );
  }
  return new Fault(
    'REGISTRY_ERROR',
    `registry ${host} gave an answer that is not one of a registry (${code || 'unknown'})`,
    { cause },
  );
}

function firstOfSeveral(error: unknown): unknown {
  const errors = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : undefined;
  return Array.isArray(errors) ? (errors as unknown[])[0] : undefined;
}

/** The `code` of an error of Node's, whatever realm it is from; empty when there is none. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : '';
}

/** The fault for a status that is neither success nor "not found". @param what `org/app` */
export function statusFault(status: number, host: string, what: string, retryAfterSeconds?: number): Fault {
  if (status === 401 || status === 403) {
    return new Fault(
      'REGISTRY_AUTH',
      `registry ${host} refused to show ${what} (${status}): it does not exist, or Countersign's credentials for it are missing or wrong`,
    );
  }
  if (status === 429) {
    const wait = retryAfterSeconds === undefined ? 'later' : `in ${retryAfterSeconds} s`;
    return new Fault(
      'REGISTRY_RATE_LIMITED',
      `registry ${host} limits how often it may be asked (429); try again ${wait}`,
      {
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      },
    );
  }
  const whose = status >= 500 ? 'has a problem of its own' : 'answered outside the protocol';
  return new Fault('REGISTRY_ERROR', `registry ${host} ${whose} (${status}) for ${what}`, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

/**
 * A body that is not what was asked for, with a status that says it is: a sign-in page, or the error page of a proxy. The type is not
 * repeated: it is a header of the other side.
 */
export function contentFault(host: string, what: string): Fault {
  return new Fault(
    'REGISTRY_ERROR',
    `registry ${host} answered with something that is not ${what}; check that no sign-in page and no proxy's error page is in its place`,
  );
}

/** @param holder what names it: `tag sha256-….sig` */
export function evidenceGone(host: string, digest: string, holder: string): Fault {
  return new Fault(
    'EVIDENCE_GONE',
    `${digest}, which ${holder} names, is not in registry ${host}: deleted, or not replicated yet`,
  );
}

export function timeoutFault(host: string): Fault {
  return new Fault('TIMEOUT', `registry ${host} did not answer in time`);
}
