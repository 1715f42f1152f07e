import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { describeApi } from '../../src/admin/openapi.ts';
import { route, type Route } from '../../src/admin/route.ts';
import { Service } from '../../src/cli/serve.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { askPort, basic, PASSWORD } from './door.ts';

/** The description of what `serve` serves. */
const work = createWorkDirectory('admin-openapi');
let service: Service;
let document: OpenApi;

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}
interface OpenApi {
  readonly openapi: string;
  readonly info: object;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

beforeAll(async () => {
  mkdirSync(join(work.path, 'policies'));
  const file = join(work.path, 'settings.yaml');
  writeFileSync(
    file,
    `policies: policies
webhook: {host: 127.0.0.1, port: 0}
operations: {host: 127.0.0.1, port: 0}
admin: {host: 127.0.0.1, port: 0}
dataDirectory: data
certificate: {directory: certs}
trustRoots: {publicGood: {refresh: false}}
`,
  );
  const env = { COUNTERSIGN_ADMIN_PASSWORD: PASSWORD };
  service = await Service.start(loadSettings({ file, flags: {}, env, cwd: '/' }), silentLogger);
  document = (await askPort(service.ports.admin, '/api/v1/openapi.json')).json() as OpenApi;
});
afterAll(async () => {
  await service.stop();
  work.remove();
});

function operations(): readonly (readonly [string, string, Operation])[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [path, method, operation] as const),
  );
}

describe('the description of the API', () => {
  test('is OpenAPI 3.1, and each operation of it is whole', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.stringMatching(/^\d/) });
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(ids.length).toBeGreaterThan(30);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const [path, method, operation] of operations()) {
      const at = `${method} ${path}`;
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = operation.parameters.filter((each) => each.in === 'path');
      expect([at, inPath.map(({ name }) => name)]).toEqual([at, named]);
      expect([at, inPath.every(({ required }) => required)]).toEqual([at, true]);
      expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
      for (const scheme of operation.security.flatMap((each) => Object.keys(each)))
        expect(Object.keys(document.components.securitySchemes)).toContain(scheme);
      expect(
        Object.keys(operation.responses).some((status) => status.startsWith('2') || status === '303'),
      ).toBe(true);
      for (const [status, answer] of Object.entries(operation.responses)) {
        expect([at, status]).toEqual([at, expect.stringMatching(/^[2345]\d\d$/)]);
        expect(answer.description).not.toBe('');
      }
    }
  });

  test('every reference leads somewhere, and every schema is one', () => {
    const text = JSON.stringify(document);
    const names = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to = '']) => to));
    expect(names.size).toBeGreaterThan(20);
    for (const name of names) {
      expect(name).toMatch(/^#\/components\/schemas\/[A-Za-z0-9._-]+$/);
      expect(Object.keys(document.components.schemas)).toContain(name.split('/').at(-1));
    }
    expect(text).not.toContain('$defs');
    for (const schema of Object.values(document.components.schemas)) expectSchema(schema);
  });

  test('names what each operation may end in', async () => {
    for (const [path, method, { responses }] of operations()) {
      for (const status of ['400', '401', '403', '404', '405', '429', '500', '503', '504'])
        expect([method, path, Object.keys(responses)]).toEqual([
          method,
          path,
          expect.arrayContaining([status]),
        ]);
    }
    for (const [, , { requestBody, responses }] of operations())
      if (requestBody !== undefined)
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['413', '415', '422']));
  });

  test('G2: what it names is what there is: strangers are refused everywhere but where it says so', async () => {
    const open: string[] = [];
    for (const [path, method, { security }] of operations()) {
      const at = `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const { status } = await askPort(service.ports.admin, at, { method: method.toUpperCase() });
      if (security.some((each) => Object.keys(each).length === 0)) open.push(`${method} ${path}`);
      else expect([401, 403].includes(status) ? '' : `${method} ${at}: ${status}`).toBe('');
    }
    expect(open.toSorted()).toEqual(['get /openapi.json', 'get /session', 'post /session']);
  });

  test('each GET answers with what it describes', async () => {
    for (const [path, method, { responses }] of operations()) {
      if (method !== 'get' || path === '/decisions') continue;
      const at = `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const answer = await askPort(service.ports.admin, at, { headers: basic() });
      expect([at, Object.keys(responses)]).toEqual([at, expect.arrayContaining([`${answer.status}`])]);
      expect([200, 404].includes(answer.status) ? '' : `${at}: ${answer.status}`).toBe('');
    }
  });
});

/** As far as a reader of it can go wrong: keywords of JSON Schema 2020-12, in their shapes. */
function expectSchema(schema: unknown): void {
  const shape = z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
    required: z.array(z.string()).optional(),
    enum: z.array(z.unknown()).min(1).optional(),
    pattern: z
      .string()
      .refine((pattern) => new RegExp(pattern, 'u') instanceof RegExp)
      .optional(),
  });
  const read = shape.parse(schema);
  for (const each of Object.values(read.properties ?? {})) expectSchema(each);
  for (const name of read.required ?? []) expect(Object.keys(read.properties ?? {})).toContain(name);
}

describe('schemas with a name', () => {
  const thing = z.strictObject({ size: z.int().default(1) }).meta({ id: 'TestThing' });
  const describing = (schema: z.ZodType): Route =>
    route({
      method: 'post',
      path: '/x',
      operationId: 'x',
      tag: 'status',
      summary: 'x',
      access: 'anyone',
      body: { schema, types: ['application/json'], limit: 1 },
      answers: { 200: { description: 'x', schema } },
      problems: [],
      handle: () => Promise.resolve({ status: 200 }),
    });

  test('have two where what is sent and what comes back differ', () => {
    const { components } = describeApi([describing(thing)], { mode: 'cluster', version: '1' }) as OpenApi;
    expect(components.schemas).toMatchObject({
      TestThing: { additionalProperties: false },
      TestThingOutput: { required: ['size'] },
    });
    expect(components.schemas['TestThing']).not.toHaveProperty('required');
  });
});
