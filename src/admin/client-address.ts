import type { Request } from 'express';
import { BlockList, isIP } from 'node:net';

/** Proxies that one request may have come through. */
const MAX_HOPS = 16;

/**
 * Whose address a request comes from: the other end of the connection, or, where that is a trusted proxy, whom the proxy says it asks for.
 * Of `X-Forwarded-For` everybody can write the beginning; only the end, which trusted proxies wrote, is believed.
 */
export class ClientAddresses {
  readonly #proxies: BlockList;

  /** @param proxies ranges of addresses, `10.0.0.0/8`; none = no header is believed */
  constructor(proxies: readonly string[]) {
    this.#proxies = rangesOf(proxies);
  }

  of({ socket, headers }: Pick<Request, 'socket' | 'headers'>): string {
    let address = plain(socket.remoteAddress ?? '');
    const header = headers['x-forwarded-for'];
    if (header === undefined || !this.#isProxy(address)) return address;
    const hops = (Array.isArray(header) ? header.join(',') : header).split(',').slice(-MAX_HOPS);
    for (const written of hops.toReversed()) {
      const hop = addressIn(written);
      // Whatever stands before what cannot be read was written by nobody knows whom.
      if (hop === undefined) return address;
      address = hop;
      if (!this.#isProxy(address)) return address;
    }
    return address;
  }

  #isProxy(address: string): boolean {
    const kind = isIP(address);
    return kind !== 0 && this.#proxies.check(address, kind === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Whether a text is a range of addresses, `10.0.0.0/8` or `fd00::/8`, or one address. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const kind = isIP(address);
  if (kind === 0 || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (kind === 4 ? 32 : 128));
}

function rangesOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits] = text.split('/');
    const isIPv4 = isIP(address) === 4;
    list.addSubnet(address, Number(bits ?? (isIPv4 ? 32 : 128)), isIPv4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`; undefined = no address. */
function addressIn(written: string): string | undefined {
  const text = written.trim();
  if (text.length > 64) return undefined;
  const [, bracketed, dotted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(text) ?? [];
  const address = plain(bracketed ?? dotted ?? text);
  return isIP(address) === 0 ? undefined : address;
}

/** Without a zone; IPv4 as such, and not inside an IPv6 address. */
function plain(address: string): string {
  return (address.split('%', 1)[0] ?? '').toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
