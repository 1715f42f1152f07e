import { quote } from './quote.ts';

/** RFC 1035 §2.3.4: a longer name cannot be looked up. */
const MAX_HOST_CHARS = 253;

/** The grammar of `distribution/reference`: labels of letters, digits and inner dashes, or IPv6 in brackets; then a port. */
const HOST = /^([a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*|\[[a-f0-9:]+\])(?::[0-9]+)?$/i;

/** Other names of Docker Hub's registry. Only `index.docker.io` is one that nodes know, see `reference.ts`. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['index.docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['registry.hub.docker.com', 'docker.io'],
]);

/** Why a registry host is not accepted. */
export interface HostProblem {
  readonly reason: string;
  /** Whether a node would accept it: then we are stricter, on purpose. */
  readonly nodeAccepts: boolean;
}

/**
 * What is wrong with `host[:port]`; undefined when nothing is. Policies match registries as text, so each registry must
 * have one spelling: a second one (upper case, `:443`, `0x7f.1`, `[0::1]`) would get past a glob and still reach it.
 * What only DNS or a registry knows to be the same (a mirror, `:80` of a plain-http one) stays another name.
 */
export function registryHostProblem(host: string): HostProblem | undefined {
  const name = HOST.exec(host)?.[1];
  if (name === undefined) {
    return { reason: `the registry host ${quote(host)} is not a host name or address`, nodeAccepts: false };
  }
  if (name.length > MAX_HOST_CHARS) {
    return { reason: `the registry host is longer than ${MAX_HOST_CHARS} characters`, nodeAccepts: true };
  }
  const canonical = canonicalHost(host);
  if (canonical === undefined) {
    return { reason: `the registry host ${quote(host)} is not a valid address or port`, nodeAccepts: true };
  }
  const wanted = ALIASES.get(canonical) ?? canonical;
  if (wanted === host) return undefined;
  return { reason: `the registry ${quote(host)} must be written ${quote(wanted)}`, nodeAccepts: true };
}

/** As the URL standard writes it: lower case, no default port, one spelling of each address. */
function canonicalHost(host: string): string | undefined {
  const url = URL.parse(`https://${host}`);
  return url === null ? undefined : url.host;
}
