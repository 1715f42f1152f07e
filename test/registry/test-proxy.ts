import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A forward proxy that does what proxies do: CONNECT for https, whole URLs for http. It knows hosts that DNS does not. */
export class TestProxy {
  /** `CONNECT registry.example:443`, `GET http://registry.example/v2/…`, in order. */
  readonly asked: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  /** Ports of this machine, by `host:port` as it is asked for. */
  readonly hosts = new Map<string, number>();
  /** What it answers instead of connecting. */
  refuses: number | undefined;
  port = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#note(request);
      const url = new URL(request.url ?? '');
      const port = this.hosts.get(`${url.hostname}:${url.port === '' ? 80 : url.port}`);
      if (this.refuses !== undefined || port === undefined) {
        response.writeHead(this.refuses ?? 502).end();
        return;
      }
      const { 'proxy-authorization': _, ...headers } = request.headers;
      const onward = httpRequest(
        { host: '127.0.0.1', port, method: request.method, path: `${url.pathname}${url.search}`, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    });
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#note(request);
      const port = this.hosts.get(request.url ?? '');
      if (this.refuses !== undefined || port === undefined) {
        socket.end(`HTTP/1.1 ${this.refuses ?? 502} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      this.#keep(onward);
      onward.on('close', () => socket.destroy());
    });
  }

  static async start(): Promise<TestProxy> {
    const proxy = new TestProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #note({ method, url, headers }: IncomingMessage): void {
    this.asked.push(`${method} ${url}`);
    this.headers.push(headers);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
  }
}
