import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { knownTokenRealm } from './token-realm.ts';
import type { RegistrySettings } from './settings.ts';

/** Where a registry host of image names is really asked. Made here and nowhere else. */
export interface Endpoint {
  /** As it stands in image references: what users are told. */
  readonly host: string;
  /** `https://registry-1.docker.io`, without a path. */
  readonly origin: string;
  readonly plainHttp: boolean;
  readonly caPem: string | undefined;
  /** `none`: the guard's list holds. `loopback`: this name may resolve there. `any`: the host is an address itself. */
  readonly ownAddresses: 'none' | 'loopback' | 'any';
  /** Origin of the one other server that may see this registry's credentials. */
  readonly tokenRealm: string | undefined;
  /** Directory of OCI layouts that stands for this host. */
  readonly layout: string | undefined;
  /** Listed in the settings, not just written in an image name. */
  readonly isConfigured: boolean;
  /** Under which everything that is remembered of this endpoint is kept. */
  readonly key: string;
}

// Docker Hub's API does not live under the name that image references use.
const apiHosts: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Reads the settings of all registries once. @throws Error for a file that cannot be read or a realm that is no origin */
export function endpointsOf(registries: readonly RegistrySettings[]): (host: string) => Endpoint {
  const configured = new Map(
    registries.map((settings) => [settings.host.toLowerCase(), configuredEndpoint(settings)]),
  );
  return (host) => configured.get(host.toLowerCase()) ?? endpointOf({ host });
}

function configuredEndpoint(settings: RegistrySettings): Endpoint {
  const endpoint = endpointOf(settings);
  const { hostname } = new URL(endpoint.origin);
  const isAddress = hostname === 'localhost' || isIP(withoutBrackets(hostname)) !== 0;
  return { ...endpoint, isConfigured: true, ...(isAddress && { ownAddresses: 'any' as const }) };
}

function endpointOf(settings: RegistrySettings): Endpoint {
  const host = settings.host.toLowerCase();
  const plainHttp = settings.plainHttp === true;
  const { origin } = new URL(`${plainHttp ? 'http' : 'https'}://${apiHosts.get(host) ?? host}`);
  return {
    host,
    origin,
    plainHttp,
    caPem:
      settings.caPem ?? (settings.caFile === undefined ? undefined : readFileSync(settings.caFile, 'utf8')),
    ownAddresses: settings.allowLoopback === true ? 'loopback' : 'none',
    tokenRealm:
      settings.tokenRealm === undefined ? knownTokenRealm(origin) : new URL(settings.tokenRealm).origin,
    layout: settings.layout,
    isConfigured: false,
    key: settings.layout === undefined ? origin : `layout:${settings.layout}`,
  };
}

/** The address in a URL's host name: IPv6 stands in brackets there. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
