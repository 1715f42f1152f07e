import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Access } from '../admin/access.ts';
import { AccessReviewer } from '../admin/access-review.ts';
import { AdminServer } from '../admin/admin-server.ts';
import { Authenticator } from '../admin/authentication.ts';
import { ClusterAccess } from '../admin/cluster-access.ts';
import { AdminPassword } from '../admin/password.ts';
import { OidcIssuer } from '../admin/oidc.ts';
import { FAILURE_RATES, FailureGuard } from '../admin/rate-limits.ts';
import { Sessions } from '../admin/sessions.ts';
import { StandaloneAccess } from '../admin/standalone-access.ts';
import { TokenReviewer } from '../admin/token-review.ts';
import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import type { ServingCertificate } from '../tls/serving-certificate.ts';
import { adminRoutes, type AdminContext } from './admin-routes.ts';

/** A running admin page. */
export interface AdminDoor {
  readonly port: number;
  useCertificate(certificate: ServingCertificate): void;
  drain(): void;
  /** @param milliseconds for what is under way */
  stop(milliseconds: number): Promise<void>;
}

/** Puts the admin page and its API together and opens it. @throws SettingsError; Error when its port cannot be had */
export async function openAdmin(context: AdminContext, certificate: ServingCertificate): Promise<AdminDoor> {
  const { settings, logger } = context;
  const access = await accessFor(context);
  const sessions = new Sessions();
  const failures = new FailureGuard(FAILURE_RATES[access.mode]);
  const authenticator = new Authenticator({ access, sessions, failures, logger });
  const issuer = issuerFor(context);
  const people = { access, authenticator, sessions, issuer, version: VERSION };
  const { routes, stop } = adminRoutes(context, people);
  const server = new AdminServer({
    host: settings.admin.host,
    port: settings.admin.port,
    keyPair: keyPairOf(certificate),
    mode: access.mode,
    version: VERSION,
    routes,
    authenticator,
    logger,
  });
  try {
    await server.start();
  } catch (error) {
    sessions.stop();
    stop();
    throw portProblem(settings, error);
  }
  return {
    port: server.port,
    useCertificate: (newer) => server.useKeyPair(keyPairOf(newer)),
    drain: () => server.drain(),
    stop: async (milliseconds) => {
      stop();
      await server.stop(milliseconds);
      sessions.stop();
      await issuer?.close();
    },
  };
}

async function accessFor({ settings, surroundings, logger }: AdminContext): Promise<Access> {
  const { cluster } = surroundings;
  if (cluster !== undefined) {
    const tokens = new TokenReviewer({ client: cluster.client, logger });
    return new ClusterAccess(tokens, new AccessReviewer(cluster.callers, logger));
  }
  const file = settings.admin.passwordFile ?? join(settings.dataDirectory, 'admin-password');
  try {
    const given = settings.adminPassword;
    return new StandaloneAccess(await AdminPassword.load({ file, given, announce: announcePassword }));
  } catch (error) {
    throw new SettingsError(
      `admin: ${asError(error).message}\n  (dataDirectory or admin.passwordFile say where the password's hash is kept; admin.enabled: false does without the page)`,
      { cause: error },
    );
  }
}

function issuerFor({ settings, surroundings, logger }: AdminContext): OidcIssuer | undefined {
  const { oidc } = settings.admin;
  if (oidc === undefined) return undefined;
  if (surroundings.cluster === undefined)
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

function portProblem({ admin }: Settings, error: unknown): Error {
  const { code, message } = asError(error) as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE')
    return new Error(`the admin page cannot be served: ${message}`, { cause: error });
  return new Error(
    `port ${admin.port} of the admin page is taken (EADDRINUSE): choose another with --admin-port, or none with admin.enabled: false`,
    { cause: error },
  );
}

function keyPairOf({ certPem, keyPem }: ServingCertificate) {
  return { cert: certPem, key: keyPem };
}

/** The same from src/ and from dist/. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  }
).version;
