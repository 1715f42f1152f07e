import { isIP } from 'node:net';
import { Fault } from '../errors.ts';
import { withoutBrackets, type Endpoint } from './endpoint.ts';
import { directOrigins } from './no-proxy.ts';
import type { ProxySettings } from './settings.ts';

/** Labels of a host name, with `*` for any one of them, and a port where it is not the scheme's own. */
export const HOST_GLOB = /^(?:\*|[a-z0-9-]+)(?:\.(?:\*|[a-z0-9-]+))*(?::\d{1,5})?$/;

/**
 * Which requests go through a proxy. It resolves names itself, where the guard of addresses cannot look: so only hosts
 * may be asked through it that the settings list, whatever an image name, a redirect or a token realm says.
 */
export class Proxies {
  readonly #https: URL | undefined;
  readonly #http: URL | undefined;
  readonly #isDirect: (origin: URL) => boolean;
  readonly #allowed: readonly RegExp[];

  /** @throws Error for settings that cannot be used; it does not repeat them, because a proxy's URL may hold a password */
  constructor({ https, http, no, allowedHosts }: ProxySettings) {
    this.#https = proxyUrl(https, 'proxy.https');
    this.#http = proxyUrl(http, 'proxy.http');
    this.#isDirect = directOrigins(no ?? '');
    this.#allowed = (allowedHosts ?? []).map(hostPattern);
  }

  /**
   * The proxy for a request on behalf of an endpoint; undefined = none.
   * @throws Fault REGISTRY_FORBIDDEN for a host that may not be asked through it
   */
  for(endpoint: Endpoint, origin: string): URL | undefined {
    const url = new URL(origin);
    const proxy = url.protocol === 'https:' ? this.#https : this.#http;
    if (proxy === undefined || this.#isDirect(url)) return undefined;
    if (!this.#allows(endpoint, url)) {
      throw new Fault(
        'REGISTRY_FORBIDDEN',
        `registry ${endpoint.host}, or a server that it leads to, may not be asked through the proxy, because a proxy resolves names itself; if it is meant to be, name it in the setting proxy.allowedHosts or among the registries`,
      );
    }
    return proxy;
  }

  #allows(endpoint: Endpoint, target: URL): boolean {
    const isOwn = target.origin === endpoint.origin || target.origin === endpoint.tokenRealm;
    if (isOwn && endpoint.isConfigured) return true;
    // The token server that a registry is known for comes with it.
    if (isOwn && target.origin !== endpoint.origin) return this.#isListed(new URL(endpoint.origin));
    return this.#isListed(target);
  }

  #isListed({ host, hostname }: URL): boolean {
    if (isIP(withoutBrackets(hostname)) !== 0) return false;
    return this.#allowed.some((pattern) => pattern.test(host));
  }
}

/** `http://[user:password@]host:port`, or https, where no scheme is http; undefined for anything else. */
export function parseProxyUrl(written: string): URL | undefined {
  const url = URL.parse(/^\w+:\/\//.test(written) ? written : `http://${written}`);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

function proxyUrl(written: string | undefined, key: string): URL | undefined {
  if (written === undefined) return undefined;
  const url = parseProxyUrl(written);
  if (url === undefined) throw new Error(`${key} is not the URL of a proxy`);
  return url;
}

function hostPattern(glob: string): RegExp {
  const written = glob.toLowerCase();
  if (!HOST_GLOB.test(written))
    throw new Error(
      `proxy.allowedHosts: ${JSON.stringify(glob)} is not a host name, in which * stands for one label`,
    );
  // Only letters, digits, dashes, dots, stars and a colon are left in it.
  const pattern = written.replaceAll('.', String.raw`\.`).replaceAll('*', '[a-z0-9-]+');
  return new RegExp(`^${pattern}$`);
}
