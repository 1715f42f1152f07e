import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';

/** Listens; port 0 lets the system choose. @throws Error when the port cannot be had */
export async function listen(
  server: HttpServer | HttpsServer,
  { host, port }: { readonly host: string | undefined; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ port, ...(host !== undefined && { host }) }, resolve);
  await promise;
  server.off('error', reject);
}

/** Takes no new connection, ends the idle ones, and after `milliseconds` also those that are not done. */
export async function closeServer(server: HttpServer | HttpsServer, milliseconds: number): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const impatient = setTimeout(() => server.closeAllConnections(), milliseconds);
  server.close(() => resolve());
  await promise;
  clearTimeout(impatient);
}
