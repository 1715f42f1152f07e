import { GoogleAuth } from 'google-auth-library';
import type { CloudToken, SignIn } from './sign-in.ts';

/** Reading is all that a registry is asked for. Where an identity's own rights decide, this narrows nothing. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform.read-only';
/** Should a token not say how long it lives: well under the hour that they do. */
const LIFETIME_MS = 5 * 60_000;

/** Google Container and Artifact Registry: an access token of the application default credentials (workload identity, key file, node). */
export function googleSignIn(): SignIn {
  const auth = new GoogleAuth({ scopes: SCOPE });
  return (_host, { now }) => accessToken(auth, now);
}

async function accessToken(auth: GoogleAuth, now: number): Promise<CloudToken> {
  const client = await auth.getClient();
  const { token } = await client.getAccessToken();
  if (typeof token !== 'string' || token === '') throw new Error('Google answered without a token');
  return {
    credential: { kind: 'basic', username: 'oauth2accesstoken', password: token },
    expiresAt: client.credentials.expiry_date ?? now + LIFETIME_MS,
  };
}
