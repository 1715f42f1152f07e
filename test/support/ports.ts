import { createServer, type Server } from 'node:net';

/**
 * Ports are handed out from blocks. A process owns a block for as long as it lives, because it listens on
 * the block's first port: the kernel then refuses that block to every other run on this machine. All blocks
 * lie below the range from which the kernel takes ports for outgoing connections.
 */
const firstBlock = 20_000;
const blockSize = 40;
const blockCount = 300;

let next = 0;
let end = 0;
let queue: Promise<number> = Promise.resolve(0);

/** A loopback port that is free, and that no other test run on this machine is given. */
export function freePort(): Promise<number> {
  queue = queue.then(takePort, takePort);
  return queue;
}

async function takePort(): Promise<number> {
  for (;;) {
    if (next >= end) await claimBlock();
    const port = next++;
    const probe = await listen(port);
    if (probe === undefined) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

async function claimBlock(): Promise<void> {
  const start = Math.floor(Math.random() * blockCount);
  for (let step = 0; step < blockCount; step++) {
    const port = firstBlock + ((start + step) % blockCount) * blockSize;
    const server = await listen(port);
    if (server === undefined) continue;
    server.unref();
    next = port + 1;
    end = port + blockSize;
    return;
  }
  throw new Error(`No block of ${blockSize} free loopback ports was found from port ${firstBlock} on.`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
