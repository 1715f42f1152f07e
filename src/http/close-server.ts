import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';

/** Takes no new connection, ends the idle ones, and after `milliseconds` also those that are not done. */
export async function closeServer(server: HttpServer | HttpsServer, milliseconds: number): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const impatient = setTimeout(() => server.closeAllConnections(), milliseconds);
  server.close(() => resolve());
  await promise;
  clearTimeout(impatient);
}
