import { existsSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoggedRequest {
  /** Milliseconds, of `performance.now()`. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  status: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A registry with the referrers API over a folder of OCI layouts, as slow as it is told to be, which logs what it is asked. */
export async function startLayoutRegistry(
  folder: string,
  delayMilliseconds: number,
): Promise<{ readonly port: number; readonly requests: readonly LoggedRequest[]; stop(): Promise<void> }> {
  const requests: LoggedRequest[] = [];
  const server = createServer(async (request, response) => {
    const logged = {
      at: performance.now(),
      method: request.method ?? '',
      path: request.url ?? '',
      status: 0,
    };
    requests.push(logged);
    await sleep(delayMilliseconds);
    answer(folder, logged.path, response);
    logged.status = response.statusCode;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    stop: () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

function answer(folder: string, path: string, response: ServerResponse): void {
  const match = /^\/v2\/([a-z/]+)\/(manifests|blobs|referrers)\/([\w:.-]+)$/.exec(path);
  const [, repository = '', kind = '', reference = ''] = match ?? [];
  const layout = join(folder, repository);
  if (match === null || !existsSync(layout)) return end(response, 404);
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: Descriptor[];
  };
  if (kind === 'referrers') return end(response, 200, INDEX, referrers(layout, manifests, reference));
  const descriptor = manifests.find(
    ({ digest, annotations }) =>
      digest === reference || annotations?.['org.opencontainers.image.ref.name'] === reference,
  );
  const digest = kind === 'blobs' ? reference : descriptor?.digest;
  const file = digest === undefined ? '' : blobPath(layout, digest);
  if (digest === undefined || !existsSync(file)) return end(response, 404);
  response.setHeader('docker-content-digest', digest);
  return end(response, 200, descriptor?.mediaType ?? 'application/octet-stream', readFileSync(file));
}

const INDEX = 'application/vnd.oci.image.index.v1+json';

function referrers(layout: string, manifests: readonly Descriptor[], digest: string): Buffer {
  const found = manifests.flatMap((descriptor) => {
    const bytes = readFileSync(blobPath(layout, descriptor.digest));
    const manifest = JSON.parse(bytes.toString()) as { subject?: { digest: string }; artifactType?: string };
    return manifest.subject?.digest === digest
      ? [{ ...descriptor, size: bytes.length, artifactType: manifest.artifactType }]
      : [];
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: found }));
}

function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

function end(
  response: ServerResponse,
  status: number,
  type = 'application/json',
  body: Buffer | string = '{}',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
