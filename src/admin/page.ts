import type { Request, Response } from 'express';
import { extname, resolve } from 'node:path';
import { StaticFiles } from './static-files.ts';

export const PAGE_PATH = '/admin/security/signing';
const ASSETS_PATH = '/admin/assets/';

/** Where the built page lies: beside this module's folder when that is built too, else where the build puts it. */
export const BUILT_PAGE = resolve(
  import.meta.dirname,
  extname(import.meta.filename) === '.ts' ? '../../dist/ui' : '../ui',
);

const NOT_BUILT =
  'The admin page is not part of this build: `make build` makes it. The API at /api/v1 is there all the same.\n';

/** The admin page: one document for all of its own paths, and the files that it loads. */
export class AdminPage {
  readonly #files: StaticFiles;

  /** @param folder with `index.html` and `assets/` */
  constructor(folder = BUILT_PAGE) {
    this.#files = new StaticFiles(folder);
  }

  /** @param path as it stands in the request, without the query @returns false where there is no such path */
  async handle(request: Request, response: Response, path: string): Promise<boolean> {
    if (path === '/' || path === '/admin') {
      response.redirect(307, PAGE_PATH);
      return true;
    }
    if (path.startsWith(ASSETS_PATH)) {
      const name = `assets/${path.slice(ASSETS_PATH.length)}`;
      return this.#files.serve(request, response, name, {
        caching: 'public, max-age=31536000, immutable',
        isImmutable: true,
      });
    }
    if (!isOfPage(path)) return false;
    const index = { caching: 'no-cache', isImmutable: false };
    if (await this.#files.serve(request, response, 'index.html', index)) return true;
    response.status(503).set('Retry-After', '60').type('text/plain').send(NOT_BUILT);
    return true;
  }
}

/** Separators and dots that another reader would see once it has decoded them. */
const DISGUISED = /%(?:2e|2f|5c|00)/i;

/** Paths that the page itself makes sense of; plain names, so that no other reader sees another path in them. */
function isOfPage(path: string): boolean {
  if (path === PAGE_PATH) return true;
  const below = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~%:@+-]{1,512}){1,8}$/;
  return path.startsWith(PAGE_PATH) && below.test(path.slice(PAGE_PATH.length)) && !DISGUISED.test(path);
}
