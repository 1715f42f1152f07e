import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ApiProblem } from './problem.ts';

/** Names of the machine itself: how a port-forward is opened. No resolver of an attacker's can lead them anywhere. */
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];
/** Addresses to listen on that are no address of a server. */
const UNSPECIFIED: readonly string[] = ['0.0.0.0', '::'];

const MAX_NAME_CHARS = 253;
const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
const NAME = new RegExp(`^${LABEL}(\\.${LABEL})*\\.?$`);
const HOST = /^(?:\[([0-9a-f:.]{2,45})\]|([^:[\]]{1,254}))(?::([1-9]\d{0,4}))?$/;
const MAX_PORT = 65_535;

/**
 * Which names the admin server answers to. A page on a name of an attacker's can have that name resolve to this server (DNS rebinding): the
 * browser then takes both for one site, and only `Host` still tells them apart. `X-Forwarded-Host` is never read: a browser can be made to
 * send it.
 */
export class AllowedHosts {
  readonly #configured: ReadonlySet<string>;
  #certificate: X509Certificate;

  /** @param configured names and addresses, beside those of the certificate @param cert PEM; the first certificate counts */
  constructor(configured: readonly string[], cert: string) {
    this.#configured = new Set([...LOOPBACK, ...configured.flatMap((host) => hostName(host) ?? [])]);
    this.#certificate = new X509Certificate(cert);
  }

  useCertificate(cert: string): void {
    this.#certificate = new X509Certificate(cert);
  }

  /** Why a request is not answered; undefined = it is. */
  refusal({
    url,
    headersDistinct,
  }: Pick<IncomingMessage, 'url' | 'headersDistinct'>): ApiProblem | undefined {
    // `GET https://name/ HTTP/1.1` names the host once more, for proxies (RFC 9112, 3.2.2): this is none.
    if (url?.startsWith('/') !== true)
      return new ApiProblem('BAD_REQUEST', 'The request target must be a path.');
    const [host = '', second] = headersDistinct.host ?? [];
    const name = second === undefined ? hostIn(host) : undefined;
    if (name === undefined)
      return new ApiProblem(
        'BAD_REQUEST',
        'The request must have one Host header: a name or address, and a port.',
      );
    return this.#isOurs(name) ? undefined : misdirected(name);
  }

  #isOurs(name: string): boolean {
    if (this.#configured.has(name)) return true;
    return isIP(name) === 0
      ? this.#certificate.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined
      : this.#certificate.checkIP(name) !== undefined;
  }
}

/** The settings' other names of the server: where it listens, and where an OIDC issuer sends people back to. */
export function configuredHosts({
  hosts,
  host,
  oidc,
}: {
  readonly hosts: readonly string[];
  readonly host?: string | undefined;
  readonly oidc?: { readonly redirectUri?: string | undefined } | undefined;
}): readonly string[] {
  return [
    ...hosts,
    ...(host === undefined || UNSPECIFIED.includes(host) ? [] : [host]),
    ...(oidc?.redirectUri === undefined ? [] : [new URL(oidc.redirectUri).hostname]),
  ];
}

/** A host name or an IP address in the one form that they are compared in; undefined for anything else. */
export function hostName(text: string): string | undefined {
  const plain = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (isIP(plain) === 4) return plain;
  if (isIP(plain) === 6)
    return plain.includes('%') ? undefined : new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const name = text.toLowerCase();
  if (!NAME.test(name)) return undefined;
  const absolute = name.endsWith('.') ? name.slice(0, -1) : name;
  return absolute.length > MAX_NAME_CHARS ? undefined : absolute;
}

/** The name in a `Host` header; undefined for what is none. */
function hostIn(header: string): string | undefined {
  const [, bracketed, plain, port] = HOST.exec(header.toLowerCase()) ?? [];
  if (Number(port ?? 1) > MAX_PORT) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? hostName(bracketed) : undefined;
  return plain === undefined ? undefined : hostName(plain);
}

function misdirected(name: string): ApiProblem {
  return new ApiProblem(
    'MISDIRECTED',
    `This server is not known as "${name}". Use localhost or a name of its certificate, or add this one to admin.hosts in the settings.`,
  );
}
