import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { createAuthority } from './certificates.ts';
import { freePort } from './ports.ts';

/** How Fulcio turns an issuer's token into a certificate: an e-mail SAN, or a workflow URI and the CI extensions. */
export type IssuerKind = 'email' | 'github-workflow';

export const googleIssuer = 'https://accounts.google.com';
export const githubIssuer = 'https://token.actions.githubusercontent.com';

export interface OidcIssuers {
  /** Issuer URL → kind; the loopback URL of this server is one of them, of kind `email`. */
  readonly kinds: Readonly<Record<string, IssuerKind>>;
  readonly loopbackIssuer: string;
  /** What makes a program reach these issuers, and nothing else, under their real names. */
  readonly proxyUrl: string;
  readonly caPem: string;
  sign(issuer: string, claims: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Stands in for the OIDC issuers of the world, under their real names, so that certificates and policies in
 * tests look as they do in production. It is a forward proxy that ends TLS itself for exactly these hosts.
 */
export async function startOidcIssuers(kinds: Readonly<Record<string, IssuerKind>>): Promise<OidcIssuers> {
  const port = await freePort();
  const loopbackIssuer = `http://127.0.0.1:${port}`;
  const all: Record<string, IssuerKind> = { ...kinds, [loopbackIssuer]: 'email' };
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'tests', alg: 'RS256', use: 'sig' }] };

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const issuer = issuerOfHost(Object.keys(all), request.headers.host ?? '');
    const document = request.url === '/keys' ? keys : discovery(issuer ?? loopbackIssuer);
    response.writeHead(issuer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document));
  };
  const authority = createAuthority('countersign test issuers');
  const hosts = Object.keys(kinds).map((issuer) => new URL(issuer).hostname);
  const leaf = authority.issue({ commonName: 'issuers', names: hosts });
  const secure = createHttpsServer({ key: leaf.keyPem, cert: leaf.certPem }, answer);
  const server = createServer(answer);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (!hosts.includes((request.url ?? '').split(':')[0] ?? '')) {
      socket.end('HTTP/1.1 502 Not an issuer of these tests\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 200 Connected\r\n\r\n');
    socket.unshift(head);
    secure.emit('connection', socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    kinds: all,
    loopbackIssuer,
    proxyUrl: loopbackIssuer,
    caPem: authority.certPem,
    sign: (issuer, claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'tests' })
        .setIssuer(issuer)
        .setAudience('sigstore')
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function issuerOfHost(issuers: readonly string[], host: string): string | undefined {
  return issuers.find((issuer) => new URL(issuer).host === host);
}

function discovery(issuer: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${issuer}/keys`,
    authorization_endpoint: `${issuer}/authorize`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}
