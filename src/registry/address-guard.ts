import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import { buildConnector } from 'undici';
import { withoutBrackets, type Endpoint } from './endpoint.ts';

// Where no image name, redirect or token realm may lead. Private ranges are not among them: registries live there.
const FORBIDDEN_RANGES = [
  ['0.0.0.0', 8], // this host
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, with the metadata service of most clouds
  ['168.63.129.16', 32], // Azure's host services
  ['100.100.100.200', 32], // Alibaba's metadata
  ['192.0.0.192', 32], // Oracle's metadata
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
  ['::', 96], // unspecified, loopback, and IPv4 in an old disguise
  ['64:ff9b:1::', 48], // local translation to IPv4
  ['2002::', 16], // 6to4: IPv4 in disguise, out of use
  ['2001::', 32], // Teredo: likewise
  ['fe80::', 10], // link-local
  ['fec0::', 10], // site-local, out of use
  ['ff00::', 8], // multicast
  ['fd00:ec2::', 32], // AWS: metadata (::254), EKS Pod Identity (::23), DNS and time
  ['fd20:ce::254', 128], // Google's metadata
] as const;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** A connection that was not made, because of where it would have led. */
export class ForbiddenAddressError extends Error {
  constructor() {
    super('an address that image names must not lead to');
    this.name = 'ForbiddenAddressError';
  }
}

/**
 * The built-in list and what the installation adds (the API server's addresses).
 * @param extra addresses or CIDR ranges
 * @throws Error for what is neither
 */
export function forbiddenAddresses(extra: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of FORBIDDEN_RANGES) list.addSubnet(address, bits, family(address));
  for (const written of extra) {
    const [address = '', bits] = written.split('/');
    if (isIP(address) === 0) throw new Error(`"${written}" is not an address or a range of addresses`);
    list.addSubnet(
      address,
      bits === undefined ? (isIP(address) === 4 ? 32 : 128) : Number(bits),
      family(address),
    );
  }
  return list;
}

/** Whether an address, in whatever spelling, is in the list; also IPv4 inside an IPv6 address. */
export function isListed(list: BlockList, written: string): boolean {
  const address = withoutBrackets(written).split('%')[0] ?? '';
  const kind = isIP(address);
  // Not an address at all: nothing that a resolver may answer.
  if (kind === 0) return true;
  const embedded = kind === 6 ? embeddedIPv4(address) : undefined;
  return list.check(address, family(address)) || (embedded !== undefined && list.check(embedded, 'ipv4'));
}

/**
 * Opens connections for one registry, and refuses addresses of the list at the moment of connecting: a name that
 * resolves differently from one second to the next gains nothing.
 * @param options `milliseconds` for one connection to be made, TLS included
 */
export function guardedConnector(
  endpoint: Endpoint,
  forbidden: BlockList,
  options: { readonly lookup?: LookupFunction | undefined; readonly milliseconds: number },
): buildConnector.connector {
  const own = new URL(endpoint.origin);
  const realm = endpoint.tokenRealm === undefined ? undefined : new URL(endpoint.tokenRealm);
  const { lookup = systemLookup, milliseconds } = options;
  const common = { ...tlsOptions(endpoint.caPem), allowH2: false, timeout: milliseconds };
  const anywhere = { allows: () => true, connect: buildConnector({ ...common, lookup }) };
  const guarded = guardedBy((address) => !isListed(forbidden, address));
  const node = guardedBy(
    (address) => !isListed(forbidden, address) || LOOPBACK.check(address, family(address)),
  );

  function guardedBy(allows: (address: string) => boolean) {
    return { allows, connect: buildConnector({ ...common, lookup: guardedLookup(lookup, allows) }) };
  }
  function connectorFor(target: buildConnector.Options) {
    // The realm is an address only if the administrator wrote one.
    if (realm !== undefined && isIP(withoutBrackets(realm.hostname)) !== 0 && isTarget(realm, target))
      return anywhere;
    if (!isTarget(own, target) || endpoint.ownAddresses === 'none') return guarded;
    return endpoint.ownAddresses === 'any' ? anywhere : node;
  }
  return (target, callback) => {
    const { allows, connect } = connectorFor(target);
    const host = withoutBrackets(target.hostname);
    // An address is connected to without a look-up.
    if (isIP(host) !== 0 && !allows(host)) callback(new ForbiddenAddressError(), null);
    else connect(target, callback);
  };
}

function isTarget(url: URL, target: buildConnector.Options): boolean {
  return (
    withoutBrackets(url.hostname) === withoutBrackets(target.hostname) &&
    url.protocol === target.protocol &&
    portOf(url.protocol, url.port) === portOf(target.protocol, target.port)
  );
}

function portOf(protocol: string, port: string): number {
  return port === '' || port === undefined ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function guardedLookup(lookup: LookupFunction, allows: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address: string | LookupAddress[], addressFamily) => {
      const addresses = typeof address === 'string' ? [address] : (address ?? []).map((each) => each.address);
      // One bad address among good ones is refused too: which of them is taken is not ours to choose.
      if (error === null && !addresses.every(allows)) callback(new ForbiddenAddressError(), '', 0);
      else callback(error, address, addressFamily);
    });
  };
}

/** How a server is trusted. @param caPem authorities beside the system's */
export function tlsOptions(caPem: string | undefined) {
  const ca = caPem === undefined ? undefined : [...getCACertificates('default'), caPem];
  return {
    // Made once: parsing some 150 certificates for each connection would cost more than the connection.
    secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }),
    // Said aloud, so that no environment variable can switch it off.
    rejectUnauthorized: true,
  };
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** The IPv4 address in `::ffff:a.b.c.d` (mapped) and `64:ff9b::a.b.c.d` (NAT64, RFC 6052). */
function embeddedIPv4(address: string): string | undefined {
  // The URL parser writes any spelling as groups of hexadecimal digits.
  const canonical = URL.parse(`http://[${address}]`)?.hostname ?? '';
  const groups = /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(canonical);
  if (groups === null) return undefined;
  const value = Number.parseInt(groups[1] ?? '0', 16) * 65536 + Number.parseInt(groups[2] ?? '0', 16);
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}
