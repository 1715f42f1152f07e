import {
  ChainedTokenCredential,
  EnvironmentCredential,
  ManagedIdentityCredential,
  WorkloadIdentityCredential,
  type TokenCredential,
} from '@azure/identity';
import { LIMITS } from '../../limits.ts';
import { parseJsonObject } from '../json.ts';
import type { CloudToken, SignIn, SignInOptions } from './sign-in.ts';

/** What an Entra ID token must be for so that a registry of each cloud takes it. */
const AUDIENCES: readonly (readonly [suffix: string, scope: string])[] = [
  ['.azurecr.cn', 'https://management.chinacloudapi.cn/.default'],
  ['.azurecr.us', 'https://management.usgovcloudapi.net/.default'],
];
const PUBLIC_AUDIENCE = 'https://containerregistry.azure.net/.default';
/** Refresh tokens of a registry live three hours. */
const LIFETIME_MS = 2 * 3600_000;

/**
 * Azure Container Registry: an Entra ID token of this process's identity, changed at the registry itself for a refresh
 * token that is good for that registry only.
 */
export function azureSignIn(): SignIn {
  const identity = ownIdentity();
  return (host, options) => refreshToken(identity, host, options);
}

async function refreshToken(
  identity: TokenCredential,
  host: string,
  options: SignInOptions,
): Promise<CloudToken> {
  const scope = AUDIENCES.find(([suffix]) => host.endsWith(suffix))?.[1] ?? PUBLIC_AUDIENCE;
  const token = await identity.getToken(scope, { abortSignal: options.signal });
  if (token === null) throw new Error('Entra ID gave no token');
  const form = { grant_type: 'access_token', service: host, access_token: token.token };
  const answer = parseJsonObject(await options.post(host, '/oauth2/exchange', form), 'the token');
  const text = answer['refresh_token'];
  if (typeof text !== 'string' || text === '' || text.length > LIMITS.tokenResponseBytes)
    throw new Error('the registry answered without a token');
  return {
    credential: { kind: 'identity', token: text },
    expiresAt: Math.min(token.expiresOnTimestamp, options.now + LIFETIME_MS),
  };
}

/** Of a service: never the tools of a developer's machine, which the SDK's default would start as processes. */
function ownIdentity(): TokenCredential {
  const clientId = process.env['AZURE_CLIENT_ID'];
  const managed =
    clientId === undefined ? new ManagedIdentityCredential() : new ManagedIdentityCredential({ clientId });
  // Its constructor insists on what the workload identity webhook of AKS sets.
  const hasWorkloadIdentity = process.env['AZURE_FEDERATED_TOKEN_FILE'] !== undefined;
  const workload = hasWorkloadIdentity ? [new WorkloadIdentityCredential()] : [];
  return new ChainedTokenCredential(new EnvironmentCredential(), ...workload, managed);
}
