import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { regionOf } from './hosts.ts';
import type { CloudToken, SignIn, SignInOptions } from './sign-in.ts';

/** The gallery's API lives in one region. */
const PUBLIC_REGION = 'us-east-1';
/** What AWS says that tokens live, should an answer not say it. */
const LIFETIME_MS = 12 * 3600_000;

interface AuthorizationData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

/**
 * Amazon ECR: GetAuthorizationToken with the identity that AWS's SDK finds (web identity of a ServiceAccount, Pod identity,
 * environment, node). The token is for every registry of the region that the identity may read.
 */
export function ecrSignIn(): SignIn {
  return authorizationToken;
}

async function authorizationToken(host: string, { signal, now }: SignInOptions): Promise<CloudToken> {
  const data = host === 'public.ecr.aws' ? await publicToken(signal) : await privateToken(host, signal);
  const decoded = Buffer.from(data?.authorizationToken ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon <= 0) throw new Error('Amazon ECR answered without a token');
  return {
    credential: { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) },
    expiresAt: data?.expiresAt?.getTime() ?? now + LIFETIME_MS,
  };
}

async function privateToken(host: string, signal: AbortSignal): Promise<AuthorizationData | undefined> {
  const region = regionOf(host);
  const client = new ECRClient({
    ...(region !== undefined && { region }),
    ...(host.includes('ecr-fips.') && { useFipsEndpoint: true }),
    maxAttempts: 2,
  });
  try {
    const answer = await client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
    return answer.authorizationData?.[0];
  } finally {
    client.destroy();
  }
}

async function publicToken(signal: AbortSignal): Promise<AuthorizationData | undefined> {
  const { ECRPUBLICClient, GetAuthorizationTokenCommand: Command } =
    await import('@aws-sdk/client-ecr-public');
  const client = new ECRPUBLICClient({ region: PUBLIC_REGION, maxAttempts: 2 });
  try {
    return (await client.send(new Command({}), { abortSignal: signal })).authorizationData;
  } finally {
    client.destroy();
  }
}
