import { BlockList, isIP } from 'node:net';
import { withoutBrackets } from './endpoint.ts';

type Rule = (host: string, port: string) => boolean;

/**
 * Reads NO_PROXY as Go's programs do, containerd and kubelet among them (golang.org/x/net/http/httpproxy): entries by
 * commas; `*`; addresses and ranges; `name` for a name and all below it, `.name` and `*.name` only for those below; each but
 * a range with a `:port` where only that is meant. This machine itself is never reached through a proxy.
 * @returns whether an origin is reached directly
 */
export function directOrigins(noProxy: string): (origin: URL) => boolean {
  const rules = noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => ruleOf(entry.toLowerCase()));
  return ({ protocol, hostname, port }) => {
    const host = withoutBrackets(hostname).replace(/\.$/, '');
    const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
    return isLoopback(host) || rules.some((rule) => rule(host, actual));
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function ruleOf(entry: string): Rule {
  if (entry === '*') return () => true;
  const range = rangeOf(entry);
  if (range !== undefined) return (host) => isIP(host) !== 0 && range.check(host, family(host));
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|(.*?))(?::(\d+))?$/.exec(entry) ?? [];
  // `::1` without brackets: what looks like its port is a part of it.
  const isAddress = isIP(entry) !== 0;
  const name = isAddress ? entry : (bracketed ?? plain);
  const isPort = (actual: string) => isAddress || port === undefined || port === actual;
  if (isIP(name) !== 0) {
    const address = listOf(name);
    return (host, actual) => isPort(actual) && isIP(host) !== 0 && address.check(host, family(host));
  }
  const below = name.replace(/^\*?\./, '');
  const isBelowOnly = below !== name;
  return (host, actual) =>
    below !== '' && isPort(actual) && (host.endsWith(`.${below}`) || (!isBelowOnly && host === below));
}

function rangeOf(entry: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(address) === 0 || Number(bits) > (isIP(address) === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family(address));
  return list;
}

function listOf(address: string): BlockList {
  const list = new BlockList();
  list.addAddress(address, family(address));
  return list;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
