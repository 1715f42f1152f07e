import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { KeyConnections } from './connections.ts';
import { exchange, type KeyAnswer } from './exchange.ts';
import { keyFault } from './key-fault.ts';
import type { KeyPorts } from './key-ports.ts';
import type { VaultSettings } from './settings.ts';
import { VaultTokens } from './vault-tokens.ts';

/** Parts of a path; neither `.` nor `..` nor anything that a URL gives a meaning to. */
const PATH = /^[\w-][\w.-]{0,127}(?:\/[\w-][\w.-]{0,127}){0,7}$/;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** The one Vault of the installation: which address, which token. */
export class VaultClient {
  readonly #settings: VaultSettings;
  readonly #ports: KeyPorts;
  readonly #connections: KeyConnections;
  readonly #tokens: VaultTokens;

  constructor(settings: VaultSettings, ports: KeyPorts, connections: KeyConnections) {
    this.#settings = settings;
    this.#ports = ports;
    this.#connections = connections;
    this.#tokens = new VaultTokens(settings, ports, (mount, body, signal) =>
      this.#send('POST', `auth/${mount}/login`, {}, signal, body),
    );
  }

  /** Where the transit engine is. @throws Fault KEY_UNAVAILABLE */
  mount(): string {
    const written = this.#settings.mount ?? this.#ports.env['TRANSIT_SECRET_ENGINE_PATH'] ?? 'transit';
    return checkedPath(written.replace(/^\/|\/$/g, ''), 'the mount of the transit engine');
  }

  host(): string {
    return this.#address().host;
  }

  /** @param path of the API, below `/v1/` @throws Fault KEY_UNAVAILABLE */
  async get(path: string, signal: AbortSignal): Promise<KeyAnswer> {
    const token = await this.#tokens.token(signal);
    const answer = await this.#send('GET', path, { 'x-vault-token': token }, signal);
    // A login that was revoked is made once more; any other token is what it is.
    if (answer.status !== 403 || !this.#tokens.forget(token)) return answer;
    return this.#send('GET', path, { 'x-vault-token': await this.#tokens.token(signal) }, signal);
  }

  #send(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    body?: string,
  ): Promise<KeyAnswer> {
    const address = this.#address();
    const namespace = this.#settings.namespace ?? this.#ports.env['VAULT_NAMESPACE'];
    const request = {
      method,
      url: new URL(`${address.origin}${address.pathname.replace(/\/$/, '')}/v1/${path}`),
      headers: {
        ...headers,
        // Without it an agent in between may add a token of its own to what a tricked browser sends.
        'x-vault-request': 'true',
        ...(namespace && { 'x-vault-namespace': checkedPath(namespace.replace(/\/$/, ''), 'the namespace') }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body,
    };
    return exchange(this.#connections.trusting(request.url, this.#settings.caFile), request, signal);
  }

  /** @throws Fault KEY_UNAVAILABLE */
  #address(): URL {
    const written = this.#settings.address ?? this.#ports.env['VAULT_ADDR'];
    if (!written) throw keyFault('no Vault is known; set keys.vault.address or VAULT_ADDR');
    const url = URL.parse(written);
    if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw keyFault(
        'the address of Vault is not of the form https://host[:port]; correct keys.vault.address',
      );
    }
    const isPlain =
      url.protocol === 'http:' && (this.#settings.plainHttp === true || isLoopback(url.hostname));
    if (url.protocol === 'https:' || isPlain) return url;
    throw keyFault(
      `${url.host} would be asked without TLS; use https, or set keys.vault.plainHttp if nobody else is on the way`,
    );
  }
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIPv4(host)) return LOOPBACK.check(host, 'ipv4');
  return isIPv6(host) ? LOOPBACK.check(host, 'ipv6') : host === 'localhost';
}

function checkedPath(path: string, what: string): string {
  if (!PATH.test(path) || path.includes('..')) {
    throw keyFault(`${what} is not a path of letters, digits, "-", "_" and "."; correct it in the settings`);
  }
  return path;
}
