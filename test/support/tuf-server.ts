import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyPairPem } from './certificates.ts';

export interface TufServer {
  readonly url: string;
  /** What is served, by path; may be replaced. */
  files: ReadonlyMap<string, Buffer>;
  /** Paths that are answered in another way. */
  readonly instead: Map<string, (response: ServerResponse) => void>;
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Ends all connections and listens no more; may be called twice. */
  stop(): Promise<void>;
}

/** A mirror under `/repository/`, as real HTTP or HTTPS. @param at the port; a free one unless told */
export async function startTufServer(
  files: ReadonlyMap<string, Buffer>,
  tls?: KeyPairPem,
  at = 0,
): Promise<TufServer> {
  const answer = (path: string, response: ServerResponse): void => {
    const name = path.replace(/^\/repository\//, '');
    const instead = server.instead.get(name);
    const bytes = server.files.get(name);
    if (instead !== undefined) instead(response);
    else if (bytes === undefined || name === path) response.writeHead(404).end('no such file');
    else response.writeHead(200).end(bytes);
  };
  const listener: RequestListener = (request, response) => {
    const path = request.url ?? '';
    server.requests.push({ path, headers: request.headers });
    answer(path, response);
  };
  const http =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.certPem, key: tls.keyPem }, listener);
  await new Promise<void>((resolve) => http.listen(at, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: TufServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/repository`,
    files,
    instead: new Map(),
    requests: [],
    stop: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
