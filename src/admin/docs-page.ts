import type { Request, Response } from 'express';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StaticFiles } from './static-files.ts';

const DOCS_PATH = '/api/v1/docs';

const HTML = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Countersign API</title>
    <link rel="stylesheet" href="${DOCS_PATH}/swagger-ui.css" />
    <link rel="icon" href="data:," />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${DOCS_PATH}/swagger-ui-bundle.js"></script>
    <script src="${DOCS_PATH}/start.js"></script>
  </body>
</html>
`;

/** A session's token is put into what is tried out, as the page does. */
const START = `window.ui = SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: async (request) => {
    if (request.method !== undefined && request.method !== 'GET') {
      const session = await fetch('/api/v1/session').then((answer) => answer.json());
      if (session.csrfToken !== undefined) request.headers['X-CSRF-Token'] = session.csrfToken;
    }
    return request;
  },
});
`;

const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** The description of the API for people: Swagger UI, from this server's own files. */
export class DocsPage {
  readonly #files = new StaticFiles(
    dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json'))),
  );

  /** @returns false where there is no such path */
  async handle(request: Request, response: Response, path: string): Promise<boolean> {
    if (path === DOCS_PATH) {
      response.set('Cache-Control', 'no-cache');
      response.type('text/html').send(HTML);
      return true;
    }
    const name = path.startsWith(`${DOCS_PATH}/`) ? path.slice(DOCS_PATH.length + 1) : '';
    if (name === 'start.js') {
      response.set('Cache-Control', 'no-cache').type('text/javascript').send(START);
      return true;
    }
    if (!FILES.includes(name)) return false;
    return this.#files.serve(request, response, name, {
      caching: 'public, max-age=86400',
      isImmutable: true,
    });
  }
}
