import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request as it arrived, byte for byte. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /**
   * 1 for what was asked before anything was answered, and one more for what could know an answer: round trips. What counts is
   * when undici was given the request, not when it arrived: connections take a busy machine long.
   */
  readonly wave: number;
}

/** True = it has answered (or never will); anything else leaves the request to the contents. */
export type Script = (request: IncomingMessage, response: ServerResponse, seen: Seen) => unknown;

/** Where undici tells of each request that it is given. */
const CREATED = 'undici:request:create';

interface Sent {
  readonly origin: string | URL;
  readonly method: string;
  readonly path: string;
}

interface Stored {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A registry that does what a test says, and writes down all that it is asked. */
export class EvilRegistry {
  readonly seen: Seen[] = [];
  readonly #contents = new Map<string, Stored>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #script: Script = () => false;
  #wave = 0;
  /** Waves of requests that are on their way, by method and path. */
  readonly #sent = new Map<string, number[]>();
  /** Milliseconds before each answer: so that what is asked at once also overlaps. */
  delay = 0;
  port = 0;
  /** TCP connections that were accepted. */
  connections = 0;

  private constructor(tls: { key: string; cert: string } | undefined) {
    const listener: RequestListener = (request, response) => void this.#handle(request, response);
    this.#server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    });
    this.#server.on('tlsClientError', () => {});
    subscribe(CREATED, this.#note);
  }

  static async start(tls?: { key: string; cert: string }): Promise<EvilRegistry> {
    const registry = new EvilRegistry(tls);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    registry.port = (registry.#server.address() as AddressInfo).port;
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** `GET /v2/…` of everything that was asked, in order. */
  get asked(): readonly string[] {
    return this.seen.map(({ method, url }) => `${method} ${url}`);
  }

  get trips(): number {
    return Math.max(0, ...this.seen.map(({ wave }) => wave));
  }

  script(script: Script): void {
    this.#script = script;
  }

  put(path: string, type: string, bytes: Uint8Array | string): void {
    this.#contents.set(path, { type, bytes: Buffer.from(bytes) });
  }

  remove(path: string): void {
    this.#contents.delete(path);
  }

  forget(): void {
    this.seen.length = 0;
    this.#sent.clear();
    this.#wave = 0;
  }

  async stop(): Promise<void> {
    unsubscribe(CREATED, this.#note);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A field, so that it can be unsubscribed. */
  readonly #note = (message: unknown): void => {
    const { origin, method, path } = (message as { request: Sent }).request;
    if (new URL(origin).host !== this.host) return;
    const key = `${method} ${path}`;
    this.#sent.set(key, [...(this.#sent.get(key) ?? []), this.#wave + 1]);
  };

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    const { method = '', url = '', headers } = request;
    const wave = this.#sent.get(`${method} ${url}`)?.shift() ?? this.#wave + 1;
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen = { method, url, headers, body: Buffer.concat(chunks).toString(), wave };
    this.seen.push(seen);
    response.on('error', () => {});
    if (this.delay > 0) await sleep(this.delay);
    this.#wave = Math.max(this.#wave, wave);
    if ((await this.#script(request, response, seen)) === true) return;
    const stored = this.#contents.get(decodeURIComponent(url.split('?')[0] ?? ''));
    if (stored === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[]}');
      return;
    }
    const length = { 'content-type': stored.type, 'content-length': stored.bytes.length };
    response.writeHead(200, length).end(method === 'HEAD' ? undefined : stored.bytes);
  }
}
