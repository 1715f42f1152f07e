import { createPublicKey, type JsonWebKey as NodeJsonWebKey } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import { KeyClient, type JsonWebKey, type KeyProperties, type KeyVaultKey } from '@azure/keyvault-keys';
import { asError, Fault, Refusal } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import { verificationKey, type VerificationKey } from '../../sigstore/public-key.ts';
import { azureHttp } from './azure-http.ts';
import type { KeyConnections } from './connections.ts';
import { keyFault, nameOf } from './key-fault.ts';
import type { KeyPorts, ReadKeys } from './key-ports.ts';
import type { AzureSettings } from './settings.ts';

/** One label below the domains of Key Vault and Managed HSM in Azure's clouds. */
const AZURE_HOST =
  /^[a-z0-9](?:[-a-z0-9]{0,22}[a-z0-9])?\.(?:vault|managedhsm)\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)$/;

/** Keys of Azure Key Vault and Managed HSM. */
export function azureKeys(
  { vaultHosts = [] }: AzureSettings,
  ports: KeyPorts,
  connections: KeyConnections,
): ReadKeys<'azurekms'> {
  let credential: Promise<TokenCredential> | undefined;

  return async ({ vault, name, version }, signal) => {
    if (!AZURE_HOST.test(vault) && !vaultHosts.includes(vault)) {
      throw keyFault(`${vault} is not a vault of Azure's; list it in keys.azure.vaultHosts if it is meant`);
    }
    credential ??= credentialOf(ports);
    const url = new URL(`https://${vault}`);
    const client = new KeyClient(url.origin, await credential, {
      httpClient: azureHttp(vault, connections.trusting(url), signal),
      // The key ring has its own; and a token goes to the vault alone.
      retryOptions: { maxRetries: 0 },
      redirectOptions: { maxRetries: 0 },
    });
    try {
      if (version !== undefined) return [await keyOf(client, vault, name, version, ports.now(), signal)];
      const versions = await usableVersions(client, name, ports.now(), signal);
      return await Promise.all(versions.map((each) => keyOf(client, vault, name, each, ports.now(), signal)));
    } catch (error) {
      throw error instanceof Refusal ? error : azureFault(error);
    }
  };
}

/** What is given explicitly first, then what the Pod or the machine is. */
async function credentialOf({ env, azureCredential }: KeyPorts): Promise<TokenCredential> {
  if (azureCredential !== undefined) return azureCredential;
  const { EnvironmentCredential, ManagedIdentityCredential, WorkloadIdentityCredential } =
    await import('@azure/identity');
  if (env['AZURE_CLIENT_SECRET'] || env['AZURE_CLIENT_CERTIFICATE_PATH']) return new EnvironmentCredential();
  if (env['AZURE_FEDERATED_TOKEN_FILE']) return new WorkloadIdentityCredential();
  const clientId = env['AZURE_CLIENT_ID'];
  return clientId ? new ManagedIdentityCredential({ clientId }) : new ManagedIdentityCredential();
}

/** The newest first. @throws Fault KEY_UNAVAILABLE when there is none */
async function usableVersions(
  client: KeyClient,
  name: string,
  now: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const usable: { readonly version: string; readonly created: number }[] = [];
  let seen = 0;
  for await (const properties of client.listPropertiesOfKeyVersions(name, { abortSignal: signal })) {
    seen += 1;
    if (seen > LIMITS.keyVersionsListed) break;
    const { version, createdOn } = properties;
    if (version !== undefined && isUsable(properties, now)) {
      usable.push({ version, created: createdOn?.getTime() ?? 0 });
    }
  }
  if (usable.length === 0) throw keyFault('it has no version that is enabled and valid now; enable one');
  return usable
    .sort((a, b) => b.created - a.created)
    .slice(0, LIMITS.keyVersions)
    .map(({ version }) => version);
}

function isUsable({ enabled, expiresOn, notBefore }: KeyProperties, now: number): boolean {
  return (
    enabled !== false &&
    (expiresOn === undefined || now < expiresOn.getTime()) &&
    (notBefore === undefined || notBefore.getTime() <= now)
  );
}

async function keyOf(
  client: KeyClient,
  vault: string,
  name: string,
  version: string,
  now: number,
  signal: AbortSignal,
): Promise<VerificationKey> {
  const found = await client.getKey(name, { version, abortSignal: signal });
  // Names of keys have no case in Azure.
  if (found.id?.toLowerCase() !== `https://${vault}/keys/${name}/${version}`.toLowerCase()) {
    throw keyFault(`${vault} answered with another key than the one that was asked for`);
  }
  if (!isUsable(found.properties, now)) throw keyFault('the version is disabled, expired or not valid yet');
  return publicKey(found);
}

function publicKey({ key: jwk, keyOperations = [] }: KeyVaultKey): VerificationKey {
  if (!keyOperations.some((operation) => operation === 'sign' || operation === 'verify')) {
    throw keyFault('its operations are neither "sign" nor "verify"; name a signing key');
  }
  const numbers = jwk === undefined ? undefined : jwkOf(jwk);
  if (numbers === undefined) throw keyFault('it is neither an EC nor an RSA key; name a signing key');
  let key;
  try {
    key = createPublicKey({ key: numbers, format: 'jwk' });
  } catch {
    throw keyFault('Azure answered with a public key that cannot be read: its kind is not supported');
  }
  return verificationKey(key);
}

function jwkOf({ kty, crv, x, y, n, e }: JsonWebKey): NodeJsonWebKey | undefined {
  if ((kty === 'EC' || kty === 'EC-HSM') && crv && x && y) return { kty: 'EC', crv, x: text(x), y: text(y) };
  if ((kty === 'RSA' || kty === 'RSA-HSM') && n && e) return { kty: 'RSA', n: text(n), e: text(e) };
  return undefined;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function azureFault(thrown: unknown): Fault {
  const error = asError(thrown);
  if (error instanceof Fault) return error;
  if (error.cause instanceof Fault) return error.cause;
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
  const name = nameOf(error) || 'unknown';
  switch (status) {
    case 401:
      return keyFault('Azure refused the credentials (401); check the identity and its tenant', error);
    case 403:
      return keyFault(
        'access denied (403); grant the identity the actions keys/read (role "Key Vault Crypto User", or an access policy with Get and List)',
        error,
      );
    case 404:
      return keyFault('there is no such key or version (404); check the vault and the name', error);
    case 429:
      return keyFault('Azure limits the rate of requests (429); it will be asked again', error);
    case undefined:
      return /Credential|Authentication/.test(name)
        ? keyFault(
            `no Azure credentials were found or they were refused (${name}); give the ServiceAccount workload identity`,
            error,
          )
        : keyFault(`the client for Azure Key Vault failed (${name})`, error);
    default:
      return keyFault(`Azure answered with the status ${status}`, error);
  }
}
