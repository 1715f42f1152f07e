import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly ca?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Takes any server certificate: for "does it listen yet" only. */
  readonly anyCertificate?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on a connection of its own, so that nothing stays open when a server is stopped. */
export function http(url: string, options: HttpOptions = {}): Promise<HttpResponse> {
  const body = options.body === undefined ? undefined : Buffer.from(options.body);
  const settings = {
    method: options.method ?? 'GET',
    headers: { ...options.headers, ...(body && { 'content-length': String(body.length) }) },
    agent: false,
    timeout: 60_000,
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.cert !== undefined && { cert: options.cert }),
    ...(options.key !== undefined && { key: options.key }),
    ...(options.anyCertificate === true && { rejectUnauthorized: false }),
  } as const;
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(url, settings, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within a minute`)));
    request.end(body);
  });
}

/** A probe for `startProcess`: ready once the address answers with one of these statuses. */
export function answers(url: string, statuses: readonly number[] = [200]): () => Promise<boolean> {
  return async () => statuses.includes((await http(url, { anyCertificate: true })).status);
}
