import { Fault } from '../errors.ts';
import type { Credential } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';

// Token servers that live beside their registry, from what these registries answer.
const realms: ReadonlyMap<string, string> = new Map([
  ['https://registry-1.docker.io', 'https://auth.docker.io'],
  ['https://registry.gitlab.com', 'https://gitlab.com'],
  ['https://registry.digitalocean.com', 'https://api.digitalocean.com'],
  ['https://registry.connect.redhat.com', 'https://sso.redhat.com'],
]);

export function knownTokenRealm(origin: string): string | undefined {
  return realms.get(origin);
}

/**
 * Judges the realm that a registry named in its challenge.
 *
 * The rule: a credential goes to the registry's own origin (scheme, host and port), or to the one origin that this
 * registry is known for or that its setting `tokenRealm` names. There is no guessing by parent domain:
 * tenants of one provider share parents, and without the public suffix list `co.uk` looks like one.
 * Without a credential nothing can leak, so any https realm may be asked for an anonymous token.
 * Plain http only where the registry itself was declared so, and only to its own origin or the named one.
 * @throws Fault REGISTRY_ERROR for a realm that must not be asked; REGISTRY_TLS for one without TLS
 */
export function acceptedRealm(realm: string, endpoint: Endpoint, credential: Credential | undefined): URL {
  const url = URL.parse(realm);
  if (
    url === null ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new Fault(
      'REGISTRY_ERROR',
      `registry ${endpoint.host} asks for a token from something that is no https address`,
    );
  }
  const isOwn = url.origin === endpoint.origin || url.origin === endpoint.tokenRealm;
  if (url.protocol === 'http:' && !(endpoint.plainHttp && isOwn)) {
    throw new Fault(
      'REGISTRY_TLS',
      `registry ${endpoint.host} asks for a token over plain http, which is not allowed for it`,
    );
  }
  if (credential !== undefined && !isOwn) {
    throw new Fault(
      'REGISTRY_ERROR',
      `registry ${endpoint.host} asks for its credentials to be sent to another server; if that is its token server, name it in the registry's setting tokenRealm`,
    );
  }
  return url;
}
