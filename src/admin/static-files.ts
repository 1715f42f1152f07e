import type { Request, Response } from 'express';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LRUCache } from 'lru-cache';

/** Only these are ever served: a type that a browser would have to guess is none. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

/** Names of files and folders below the one that is served: none begins with a dot. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,4}$/;

/** Bytes of files that are kept. */
const CACHE_BYTES = 32 * 1024 * 1024;

const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

export interface ServeOptions {
  /** `Cache-Control` */
  readonly caching: string;
  /** Names hold a hash of their content: what was read once is right for ever. */
  readonly isImmutable: boolean;
}

/** Files of one folder, each with its compressed forms beside it (`.br`, `.gz`). */
export class StaticFiles {
  readonly #folder: string;
  readonly #kept = new LRUCache<string, Buffer>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ length }) => Math.max(1, length),
  });

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param name below the folder @returns false where there is no such file: nothing was answered */
  async serve(request: Request, response: Response, name: string, options: ServeOptions): Promise<boolean> {
    const type = TYPES[extname(name)];
    if (type === undefined || !NAME.test(name)) return false;
    const found = await this.#find(name, acceptedEncodings(request.headers['accept-encoding']), options);
    if (found === undefined) return false;
    response.status(200).set({ 'Cache-Control': options.caching, Vary: 'Accept-Encoding' });
    if (found.encoding !== undefined) response.set('Content-Encoding', found.encoding);
    response.set({ 'Content-Type': type, 'Content-Length': String(found.bytes.length) });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
    return true;
  }

  async #find(name: string, accepted: ReadonlySet<string>, { isImmutable }: ServeOptions) {
    for (const [encoding, suffix] of ENCODINGS) {
      if (!accepted.has(encoding)) continue;
      const bytes = await this.#read(name + suffix, isImmutable);
      if (bytes !== undefined) return { bytes, encoding };
    }
    const bytes = await this.#read(name, isImmutable);
    return bytes === undefined ? undefined : { bytes, encoding: undefined };
  }

  async #read(file: string, isImmutable: boolean): Promise<Buffer | undefined> {
    const kept = this.#kept.get(file);
    if (kept !== undefined) return kept;
    try {
      const bytes = await readFile(join(this.#folder, file));
      if (isImmutable) this.#kept.set(file, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  }
}

/** RFC 9110, 12.5.3, as far as browsers use it. */
function acceptedEncodings(header: string | string[] | undefined): ReadonlySet<string> {
  const entries = String(header ?? '')
    .split(',', 16)
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/, 2),
    );
  return new Set(
    entries.filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? '')).map(([name = '']) => name),
  );
}
