/**
 * Runs in a thread of its own: TLS, sign-in, checking what comes, reading the history and writing answers take some milliseconds for
 * each request, and no admission may wait for them. What needs the policies that decide is asked of the thread that decides.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { AdminServer } from '../admin/admin-server.ts';
import { configuredHosts } from '../admin/allowed-hosts.ts';
import { Authenticator } from '../admin/authentication.ts';
import { CallClient } from '../admin/calls/call-client.ts';
import { describedDecidingRoutes } from '../admin/deciding-routes.ts';
import { FAILURE_RATES, FailureGuard } from '../admin/rate-limits.ts';
import type { Route } from '../admin/route.ts';
import { changeRoutes } from '../admin/routes/changes.ts';
import { historyRoutes } from '../admin/routes/history.ts';
import { oidcRoutes } from '../admin/routes/oidc.ts';
import { sessionRoutes } from '../admin/routes/session.ts';
import { Sessions } from '../admin/sessions.ts';
import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AdminThreadData, FromAdminThread, ToAdminThread } from './admin-messages.ts';
import { entranceFor, issuerFor } from './admin-people.ts';
import { historyReader } from './history.ts';

const post = (message: FromAdminThread): void => {
  parentPort?.postMessage(message);
};

const at = (level: keyof Logger) => (fields: object, message: string) =>
  post({ kind: 'log', level, fields, message });
/** One log for the whole process. */
const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };

const calls = new CallClient((message) => post({ kind: 'to-decider', message }));

/** A running server, and how to end it with what it stands on. */
interface Door {
  readonly server: AdminServer;
  readonly stop: (milliseconds: number) => Promise<void>;
}

async function open({ settings, keyPair, version }: AdminThreadData): Promise<Door> {
  const { access, close } = await entranceFor(settings, logger);
  const sessions = new Sessions();
  const failures = new FailureGuard(FAILURE_RATES[access.mode]);
  const authenticator = new Authenticator({ access, sessions, failures, logger });
  const issuer = issuerFor(settings, logger);
  const history = historyReader(settings);
  const signIn = [...access.methods, ...(issuer === undefined ? [] : (['oidc'] as const))];
  const routes: readonly Route[] = [
    ...sessionRoutes({ access, authenticator, sessions, version, signIn, logger }),
    ...(issuer === undefined ? [] : oidcRoutes({ issuer, authenticator, sessions, logger })),
    ...historyRoutes({ history: history?.reader, now: Date.now }),
    ...changeRoutes(history?.reader),
    ...describedDecidingRoutes().map((route) => calls.remote(route)),
  ];
  const { host, port, trustedProxies } = settings.admin;
  const server = new AdminServer({
    host,
    port,
    keyPair,
    mode: access.mode,
    version,
    routes,
    authenticator,
    logger,
    trustedProxies,
    hosts: configuredHosts(settings.admin),
  });
  await server.start().catch((error: unknown) => {
    throw portProblem(settings, error);
  });
  const stop = async (milliseconds: number): Promise<void> => {
    await server.stop(milliseconds);
    sessions.stop();
    await Promise.all([close(), issuer?.close(), history?.close()]);
  };
  return { server, stop };
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

async function obey(door: Door, message: Exclude<ToAdminThread, { kind: 'from-decider' }>): Promise<void> {
  switch (message.kind) {
    case 'certificate':
      door.server.useKeyPair(message.keyPair);
      return;
    case 'drain':
      door.server.drain();
      return;
    case 'stop':
      await door.stop(message.milliseconds);
      parentPort?.close();
  }
}

try {
  const door = await open(workerData as AdminThreadData);
  parentPort?.on('message', (message: ToAdminThread) => {
    if (message.kind === 'from-decider') calls.take(message.message);
    else void obey(door, message);
  });
  post({ kind: 'listening', port: door.server.port });
} catch (error) {
  const { message } = asError(error);
  post({ kind: 'failed', problem: { isOfSettings: error instanceof SettingsError, message } });
}
