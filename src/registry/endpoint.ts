import { isIP } from 'node:net';
import { Fault } from '../errors.ts';
import { isPathComponent } from '../image/reference.ts';
import { readAuthorities } from './authorities.ts';
import { readContainerdHosts, type ContainerdHosts } from './containerd-hosts.ts';
import { knownTokenRealm } from './token-realm.ts';
import type { MirrorSettings, RegistrySettings } from './settings.ts';

/** Where a registry host of image names, or a mirror of it, is really asked. Made here and nowhere else. */
export interface Endpoint {
  /** As it stands in image references, or a mirror's own: what users are told, and what credentials are chosen by. */
  readonly host: string;
  /** `https://registry-1.docker.io`, without a path. */
  readonly origin: string;
  /** Before every path: `/v2`, unless a mirror keeps its API elsewhere. */
  readonly apiPath: string;
  /** Before every repository: a mirror may keep those of one registry in a project of its own (`dockerhub/`). */
  readonly repositoryPrefix: string;
  /** For which registry a mirror is asked, in the query `ns` as containerd sends it. */
  readonly namespace: string | undefined;
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

/** A host that answers in the place of a registry. It can hide what the registry has, and forge nothing. */
export interface Mirror {
  readonly endpoint: Endpoint;
  /** Whether it may say what a tag means. */
  readonly canResolve: boolean;
}

/** Who is asked for the images of one host. */
export interface Endpoints {
  readonly origin: Endpoint;
  /** In the order in which nodes ask them. */
  readonly mirrors: readonly Mirror[];
}

// Docker Hub's API does not live under the name that image references use.
const apiHosts: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

export interface EndpointSettings {
  readonly registries: readonly RegistrySettings[];
  /** Directory of containerd's `hosts.toml` files. */
  readonly containerdHosts?: string | undefined;
  /** Told of what is in such a file and is not obeyed. */
  readonly note: (text: string) => void;
}

/**
 * Reads the settings of all registries once.
 * @throws Error for a file that cannot be read, and for what should be an address and is none
 */
export function endpointsOf({
  registries,
  containerdHosts,
  note,
}: EndpointSettings): (host: string) => Endpoints {
  const configured = new Map(registries.map((each) => [each.host.toLowerCase(), each]));
  const files = containerdHosts === undefined ? undefined : readContainerdHosts(containerdHosts, note);
  const endpoints = (host: string): Endpoints => {
    const own = configured.get(host);
    const file = own?.mirrors === undefined && own?.layout === undefined ? files?.of(host) : undefined;
    const mirrors = (own?.mirrors ?? file?.mirrors ?? []).map((each) => mirrorOf(each, host, configured));
    return { origin: originOf(host, own, file, configured), mirrors };
  };
  const known = new Map([...configured.keys()].map((host) => [host, endpoints(host)]));
  // So that what is wrong in a file of a host that nobody listed is told at the start as well.
  for (const host of files?.names ?? []) known.set(host, known.get(host) ?? endpoints(host));
  return (host) => known.get(host.toLowerCase()) ?? endpoints(host.toLowerCase());
}

function originOf(
  host: string,
  own: RegistrySettings | undefined,
  file: ContainerdHosts | undefined,
  configured: ReadonlyMap<string, RegistrySettings>,
): Endpoint {
  const standard = own === undefined ? endpointOf({ host }) : configuredEndpoint(own);
  if (file?.server === undefined) return standard;
  const { endpoint } = mirrorOf(file.server, host, configured);
  // The registry by its own name, perhaps with a CA; else another server altogether, with credentials of its own.
  if (endpoint.origin !== standard.origin && endpoint.origin !== `https://${host}`) return endpoint;
  return { ...standard, caPem: joined(standard.caPem, endpoint.caPem), isConfigured: true };
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
    apiPath: '/v2',
    repositoryPrefix: '',
    namespace: undefined,
    plainHttp,
    caPem: settings.caPem ?? (settings.caFile === undefined ? undefined : readAuthorities(settings.caFile)),
    ownAddresses: settings.allowLoopback === true ? 'loopback' : 'none',
    tokenRealm:
      settings.tokenRealm === undefined ? knownTokenRealm(origin) : new URL(settings.tokenRealm).origin,
    layout: settings.layout,
    isConfigured: false,
    key: settings.layout === undefined ? origin : `layout:${settings.layout}`,
  };
}

/** A mirror as its URL says, with what the settings know of its host. */
function mirrorOf(
  mirror: MirrorSettings,
  namespace: string,
  configured: ReadonlyMap<string, RegistrySettings>,
): Mirror {
  const url = mirrorUrl(mirror.url);
  const plainHttp = url.protocol === 'http:';
  const host = url.host === apiHosts.get('docker.io') ? 'docker.io' : url.host;
  const own = configured.get(host);
  const base = configuredEndpoint({
    host,
    plainHttp,
    ...(own?.tokenRealm !== undefined && { tokenRealm: own.tokenRealm }),
    ...(own?.allowLoopback !== undefined && { allowLoopback: own.allowLoopback }),
    ...(own?.caPem !== undefined && { caPem: own.caPem }),
    ...(own?.caFile !== undefined && { caFile: own.caFile }),
  });
  const ca = mirror.caFile === undefined ? mirror.caPem : readAuthorities(mirror.caFile);
  const path = url.pathname.replace(/\/+$/, '');
  const whole = mirror.overridePath === true || path.endsWith('/v2') ? path : `${path}/v2`;
  // `/v2/dockerhub`: tokens are for repositories, and this one's begin there.
  const [, root = whole, project = ''] = /^(.*?\/v2)\/(.+)$/.exec(whole) ?? [];
  const isProject = project.split('/').every(isPathComponent);
  return {
    endpoint: {
      ...base,
      apiPath: isProject ? root : whole,
      repositoryPrefix: isProject ? `${project}/` : '',
      namespace: host === namespace ? undefined : namespace,
      caPem: joined(base.caPem, ca),
      key: `mirror:${url.origin}${whole} ${namespace}`,
    },
    canResolve: mirror.capabilities?.includes('resolve') ?? true,
  };
}

function mirrorUrl(written: string): URL {
  const url = URL.parse(/^https?:\/\//.test(written) ? written : `https://${written}`);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error('the URL of a mirror is not https://host[:port][/path], or http:// instead');
  }
  return url;
}

function joined(...pems: readonly (string | undefined)[]): string | undefined {
  const given = pems.filter((pem) => pem !== undefined);
  return given.length === 0 ? undefined : given.join('\n');
}

/** Where a host's credentials may be exchanged: at that host, and not at what is asked in its place. @throws Fault */
export function ownEndpoint(endpoints: (host: string) => Endpoints, host: string): Endpoint {
  const { origin } = endpoints(host);
  if (origin.host !== host.toLowerCase())
    throw new Fault(
      'REGISTRY_ERROR',
      `registry ${host} is replaced by another server, which must not see its credentials`,
    );
  return origin;
}

/** The path and query of a request, from a path below the API's own: `/org/app/manifests/v1`. */
export function pathOf({ apiPath, namespace }: Endpoint, path: string, query = ''): string {
  const whole = `${apiPath}${path}${query}`;
  if (namespace === undefined || new URLSearchParams(query).has('ns')) return whole;
  return `${whole}${query === '' ? '?' : '&'}ns=${encodeURIComponent(namespace)}`;
}

/** The address in a URL's host name: IPv6 stands in brackets there. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
