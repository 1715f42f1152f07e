import type { Server, Socket } from 'node:net';

/** How many connections may be open at once. */
export interface ConnectionLimits {
  readonly total: number;
  /** From one remote address: the others are served while one floods. */
  readonly perAddress: number;
}

/**
 * Where a limit is reached, the oldest connection that has sent nothing yet makes room, and only without one is the newest
 * closed: to open sockets and stay silent costs a stranger nothing, and must not keep out who has something to ask.
 */
export function limitConnections(server: Server, { total, perAddress }: ConnectionLimits): void {
  /** In the order of their arrival. */
  const open = new Map<Socket, string>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const ofAddress = [...open].filter(([, other]) => other === address).map(([each]) => each);
    const full = ofAddress.length >= perAddress ? ofAddress : open.size >= total ? [...open.keys()] : [];
    if (full.length > 0) {
      const silent = full.find(({ bytesRead }) => bytesRead === 0);
      (silent ?? socket).destroy();
      if (silent === undefined) return;
      open.delete(silent);
    }
    open.set(socket, address);
    socket.once('close', () => open.delete(socket));
  });
}
