import { join } from 'node:path';
import type { Access } from '../admin/access.ts';
import { AccessReviewer } from '../admin/access-review.ts';
import { ClusterAccess } from '../admin/cluster-access.ts';
import { OidcIssuer } from '../admin/oidc.ts';
import { AdminPassword } from '../admin/password.ts';
import { StandaloneAccess } from '../admin/standalone-access.ts';
import { TokenReviewer } from '../admin/token-review.ts';
import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Who is let in, and how to end what that takes. */
export interface Entrance {
  readonly access: Access;
  readonly close: () => Promise<void>;
}

/** @throws SettingsError; Error for a kubeconfig that cannot be read */
export function entranceFor(settings: Settings, logger: Logger): Promise<Entrance> {
  return settings.policies === undefined ? ofCluster(settings, logger) : ofPassword(settings);
}

/** The client of the API server is half a second's loading. */
async function ofCluster({ kubeconfig, context }: Settings, logger: Logger): Promise<Entrance> {
  const [{ loadKubeConfig }, { KubeClient }, { CallerClient }] = await Promise.all([
    import('../kube/config.ts'),
    import('../kube/client.ts'),
    import('../kube/caller-client.ts'),
  ]);
  const config = loadKubeConfig({ kubeconfig, context });
  const client = new KubeClient(config);
  const callers = new CallerClient(config);
  return {
    access: new ClusterAccess(new TokenReviewer({ client, logger }), new AccessReviewer(callers, logger)),
    close: async () => void (await Promise.all([client.close(), callers.close()])),
  };
}

async function ofPassword({ admin, adminPassword: given, dataDirectory }: Settings): Promise<Entrance> {
  const file = admin.passwordFile ?? join(dataDirectory, 'admin-password');
  try {
    const password = await AdminPassword.load({ file, given, announce: announcePassword });
    return { access: new StandaloneAccess(password), close: () => Promise.resolve() };
  } catch (error) {
    throw new SettingsError(
      `admin: ${asError(error).message}\n  (dataDirectory or admin.passwordFile say where the password's hash is kept; admin.enabled: false does without the page)`,
      { cause: error },
    );
  }
}

/** Undefined where nobody signs in at an issuer. @throws SettingsError */
export function issuerFor(settings: Settings, logger: Logger): OidcIssuer | undefined {
  const { oidc } = settings.admin;
  if (oidc === undefined) return undefined;
  if (settings.policies !== undefined)
    throw new SettingsError('admin.oidc: without a cluster there is nobody to take its tokens');
  const redirectUri = oidc.redirectUri ?? 'https://localhost:9443/api/v1/session/oidc/callback';
  try {
    return new OidcIssuer({ ...oidc, redirectUri }, logger);
  } catch (error) {
    throw new SettingsError(`admin.oidc: ${asError(error).message}`, { cause: error });
  }
}

/** Where whoever started it looks, and not in the log, which is kept and shipped. */
function announcePassword(password: string): void {
  process.stderr.write(
    `\nThe admin page has a password from now on. It is told once:\n\n    user admin, password ${password}\n\n`,
  );
}
