import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { secureContextOptions, type ServingCertificate } from '../../src/tls/serving-certificate.ts';

/** A real TLS server with this certificate. */
export async function startTlsServer(
  certificate: ServingCertificate,
): Promise<{ server: Server; port: number; stop(): Promise<void> }> {
  const server = createServer(secureContextOptions(certificate), (_request, response) =>
    response.end('hello'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, port: (server.address() as AddressInfo).port, stop };
}

/** Handshakes as a client that trusts only these authorities. Returns the fingerprint of the server's certificate. @throws Error of TLS. */
export function handshake(port: number, ca: string | string[], servername = 'localhost'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca, servername }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

export function scratchDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
