import type { KeyObject } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import { startKeyStore, type AskedRequest, type KeyStoreServer, type StoreAnswer } from './key-store.ts';

export interface AzureVersion {
  readonly version: string;
  readonly key: KeyObject;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly enabled?: boolean;
  readonly exp?: number;
  readonly nbf?: number;
  readonly ops?: readonly string[];
}

export interface AzureVault {
  /** Its host, for which its certificate is made. */
  readonly host: string;
  readonly name: string;
  versions: readonly AzureVersion[];
  /** Overrides an answer; undefined leaves it. */
  tamper?: (request: AskedRequest) => StoreAnswer | undefined;
}

export interface AzureKms {
  readonly server: KeyStoreServer;
  readonly vault: AzureVault;
  /** What the real client library asks for tokens: a fixed one, and which scopes it was asked for. */
  readonly credential: TokenCredential;
  readonly scopes: readonly string[];
}

const accessToken = 'azure-tests';

/** Replays Key Vault's documented answers (learn.microsoft.com/rest/api/keyvault/keys), with its challenge, one version to a page. */
export async function startAzureKms(vault: AzureVault): Promise<AzureKms> {
  const scopes: string[] = [];
  const credential: TokenCredential = {
    getToken: (asked) => {
      scopes.push(...[asked].flat());
      return Promise.resolve({ token: accessToken, expiresOnTimestamp: Date.now() + 3_600_000 });
    },
  };
  const server = await startKeyStore(
    (request) => vault.tamper?.(request) ?? answer(vault, request),
    [vault.host],
  );
  return { server, vault, credential, scopes };
}

function answer({ host, name, versions }: AzureVault, { path, headers }: AskedRequest): StoreAnswer {
  if (headers.authorization !== `Bearer ${accessToken}`) {
    const challenge = `Bearer authorization="https://login.microsoftonline.com/tests", resource="https://vault.azure.net"`;
    return { status: 401, headers: { 'www-authenticate': challenge }, body: failure('Unauthorized') };
  }
  const url = new URL(path, `https://${host}`);
  const kid = (version: string) => `https://${host}/keys/${name}/${version}`;
  if (url.pathname === `/keys/${name}/versions`) {
    const at = Number(url.searchParams.get('page') ?? 0);
    const next = `https://${host}/keys/${name}/versions?api-version=7.6&page=${at + 1}`;
    const value = versions
      .slice(at, at + 1)
      .map((each) => ({ kid: kid(each.version), attributes: attributes(each) }));
    return { body: { value, nextLink: at + 1 < versions.length ? next : null } };
  }
  const version = versions.find((each) => url.pathname === `/keys/${name}/${each.version}`);
  if (version === undefined) return { status: 404, body: failure('KeyNotFound') };
  const { kty, ...numbers } = version.key.export({ format: 'jwk' });
  const key_ops = version.ops ?? ['sign', 'verify'];
  const key = { kid: kid(version.version), kty: `${kty}-HSM`, key_ops, ...numbers };
  return { body: { key, attributes: attributes(version) } };
}

function attributes({ created, enabled = true, exp, nbf }: AzureVersion) {
  return { enabled, created, updated: created, exp, nbf, recoveryLevel: 'Recoverable' };
}

function failure(code: string) {
  return { error: { code, message: 'secret detail of the server' } };
}
