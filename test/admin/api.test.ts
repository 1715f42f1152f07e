import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { ApiProblem } from '../../src/admin/problem.ts';
import { route, type Route } from '../../src/admin/route.ts';
import { HistoryError } from '../../src/history/database.ts';
import { DeskError } from '../../src/store/resource-desk.ts';
import type { Logger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';
import { cpuMillisecondsSince } from '../support/cpu-time.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { basic, openDoor, PASSWORD, type Door, type SignedInBrowser } from './door.ts';

/** The mount of the API, with routes whose effects can be counted. */
const work = createWorkDirectory('admin-api');
const JSON_TYPE = { 'content-type': 'application/json' };

let door: Door;
let browser: SignedInBrowser;
/** What handlers were called with. */
let handled: unknown[] = [];
const logged: { readonly fields: object; readonly message: string }[] = [];

const thingSchema = z.strictObject({
  name: z.string().max(20),
  labels: z.record(z.string(), z.string()).optional(),
});
const common = { tag: 'status', summary: 'x', access: 'signed-in', problems: [] } as const;
const answers = { 200: { description: 'ok', schema: z.unknown() }, 204: { description: 'nothing' } };

function testRoutes(): readonly Route[] {
  const echo = (request: object) => {
    handled.push(request);
    return Promise.resolve({ status: 200, body: { ok: true } });
  };
  const fails = (path: string, error: () => unknown): Route =>
    route({
      ...common,
      method: 'get',
      path: `/fails/${path}`,
      operationId: `fails-${path}`,
      answers,
      handle: () => Promise.reject(error() as Error),
    });
  return [
    route({ ...common, method: 'get', path: '/things', operationId: 'list', answers, handle: echo }),
    route({
      ...common,
      method: 'post',
      path: '/things',
      operationId: 'create',
      query: z.strictObject({ dryRun: z.enum(['true', 'false']).default('false') }),
      body: { schema: thingSchema, types: ['application/json', 'application/yaml'], limit: 4096 },
      answers,
      handle: echo,
    }),
    route({
      ...common,
      method: 'get',
      path: '/things/{name}',
      operationId: 'get',
      params: z.strictObject({ name: z.string().max(63) }),
      answers,
      handle: echo,
    }),
    route({
      ...common,
      method: 'put',
      path: '/things/{name}',
      operationId: 'replace',
      params: z.strictObject({ name: z.string().max(63) }),
      headers: z.strictObject({ 'if-match': z.string().max(20).optional() }),
      body: { schema: thingSchema, types: ['application/json'], limit: 4096 },
      answers,
      handle: echo,
    }),
    route({
      ...common,
      method: 'delete',
      path: '/things/{name}',
      operationId: 'delete',
      params: z.strictObject({ name: z.string().max(63) }),
      answers,
      handle: echo,
    }),
    route({
      ...common,
      method: 'post',
      path: '/things/{name}/enable',
      operationId: 'enable',
      answers,
      handle: echo,
    }),
    fails('problem', () => new ApiProblem('CONFLICT', 'no', { errors: [{ field: 'a', message: 'b' }] })),
    fails('desk', () => new DeskError('INVALID', 'bad', { problems: [{ field: 'spec.x', message: 'y' }] })),
    fails('read-only', () => new DeskError('READ_ONLY', 'files')),
    fails('history', () => new HistoryError('BUSY', 'busy')),
    fails('defect', () => new Error('postgres://user:hunter2@db/x')),
    fails('slow', () => new ApiProblem('UNAVAILABLE', 'later', { retryAfter: 7 })),
    route({
      ...common,
      method: 'get',
      path: '/hangs',
      operationId: 'hangs',
      answers,
      handle: ({ signal }) => {
        const { promise } = Promise.withResolvers<never>();
        handled.push('begun');
        signal.addEventListener('abort', () => handled.push('aborted'));
        return promise;
      },
    }),
    route({
      ...common,
      method: 'get',
      path: '/undescribed',
      operationId: 'undescribed',
      answers,
      handle: () => Promise.resolve({ status: 201, body: {} }),
    }),
  ];
}

beforeAll(async () => {
  const keep = (fields: object, message: string): void => void logged.push({ fields, message });
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  door = await openDoor(work.path, { routes: testRoutes, logger });
  browser = await door.signIn();
});
afterAll(async () => {
  await door.stop();
  work.remove();
});

const create = (headers: Record<string, string> = {}, body = '{"name":"a"}') => ({
  method: 'POST',
  headers: { ...JSON_TYPE, ...headers },
  body,
});

describe('cross-site requests', () => {
  const bad: readonly (readonly [string, Record<string, string>])[] = [
    ['another origin', { origin: 'https://evil.example' }],
    ['the same host by http', { origin: 'http://127.0.0.1' }],
    ['another port', { origin: 'https://127.0.0.1:1' }],
    ['an opaque origin', { origin: 'null' }],
    ['an origin that only begins alike', { origin: 'https://127.0.0.1.evil.example' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the site', { 'sec-fetch-site': 'same-site' }],
    ['no CSRF token', { 'x-csrf-token': '' }],
    ['a wrong CSRF token', { 'x-csrf-token': 'x'.repeat(43) }],
    ['a method override', { 'x-http-method-override': 'DELETE' }],
    ['another word for it', { 'x-method-override': 'PUT' }],
  ];
  test.each(bad)('G1: %s changes nothing', async (_what, headers) => {
    handled = [];
    const good = await browser.ask('/api/v1/things', create());
    expect([good.status, handled.length]).toEqual([200, 1]);
    const answer = await browser.ask('/api/v1/things', create(headers));
    expect(answer.json()).toMatchObject({ status: 403, code: 'CROSS_SITE' });
    expect(handled).toHaveLength(1);
  });

  test('G1: a request without an Origin changes nothing, whatever its token', async () => {
    handled = [];
    const { cookie, csrfToken } = browser;
    const headers = { cookie, 'x-csrf-token': csrfToken };
    expect((await door.ask('/api/v1/things', create(headers))).status).toBe(403);
    expect(handled).toEqual([]);
    expect((await door.ask('/api/v1/things', create({ ...headers, origin: door.origin }))).status).toBe(200);
  });

  test("G1: another session's token changes nothing", async () => {
    handled = [];
    const other = await door.signIn();
    const answer = await browser.ask('/api/v1/things', create({ 'x-csrf-token': other.csrfToken }));
    expect([answer.status, handled.length]).toEqual([403, 0]);
  });

  test('G1: what a form of another page can send is refused twice over', async () => {
    handled = [];
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await browser.ask('/api/v1/things', create({ 'content-type': type }));
      expect(answer.status).toBe(415);
      const foreign = { 'content-type': type, origin: 'https://evil.example' };
      expect((await browser.ask('/api/v1/things', create(foreign))).status).toBe(403);
    }
    const noType = await door.ask('/api/v1/things', {
      ...create(),
      headers: { cookie: browser.cookie, origin: door.origin, 'x-csrf-token': browser.csrfToken },
    });
    expect([noType.status, handled.length]).toEqual([415, 0]);
  });

  test('G1: a password that a browser adds by itself does not open the door to other pages', async () => {
    handled = [];
    const foreign = { ...basic(), 'sec-fetch-site': 'cross-site' };
    expect((await door.ask('/api/v1/things', create(foreign))).status).toBe(403);
    const origin = { ...basic(), origin: 'https://evil.example' };
    expect((await door.ask('/api/v1/things', create(origin))).status).toBe(403);
    expect(handled).toEqual([]);
    expect((await door.ask('/api/v1/things', create(basic()))).status).toBe(200);
  });

  test('G1: another page cannot sign somebody in', async () => {
    const body = JSON.stringify({ method: 'password', password: PASSWORD });
    for (const headers of [{}, { origin: 'https://evil.example' }]) {
      const answer = await door.ask('/api/v1/session', create(headers, body));
      expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined]);
    }
  });

  test('G1: a GET from another site is not answered to a session', async () => {
    const answer = await browser.ask('/api/v1/things', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(answer.status).toBe(403);
    expect((await browser.ask('/api/v1/things', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
  });
});

describe('access', () => {
  test('G2: each route, by each method, in each way of writing its path, is closed to strangers', async () => {
    handled = [];
    const opened: string[] = [];
    const crashed: string[] = [];
    for (const { path } of testRoutes()) {
      const plain = `/api/v1${path.replace('{name}', 'a')}`;
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE']) {
        for (const written of waysToWrite(plain)) {
          const answer = await door.ask(written, { method, headers: JSON_TYPE });
          if (answer.status < 400) opened.push(`${method} ${written}: ${answer.status}`);
          if (answer.status >= 500) crashed.push(`${method} ${written}: ${answer.status}`);
        }
      }
    }
    expect({ opened, crashed, handled }).toEqual({ opened: [], crashed: [], handled: [] });
  });

  test('G2: only the way of writing a path that is its own leads anywhere, also for who is signed in', async () => {
    handled = [];
    expect((await browser.ask('/api/v1/things/a')).status).toBe(200);
    for (const written of waysToWrite('/api/v1/things/a').slice(1)) {
      const { status } = await browser.ask(written);
      expect([written, status === 404 || status === 400]).toEqual([written, true]);
    }
    expect(handled).toHaveLength(1);
  });

  test('G2: a method that is not there is told as such, and HEAD is none', async () => {
    for (const method of ['PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']) {
      const answer = await browser.ask('/api/v1/things', { method });
      expect([method, answer.status, answer.headers.allow]).toEqual([method, 405, 'GET, POST']);
    }
  });

  test('a name may hold what is escaped, but no separator', async () => {
    handled = [];
    expect((await browser.ask('/api/v1/things/a%20b%3Fc')).status).toBe(200);
    expect(handled).toMatchObject([{ params: { name: 'a b?c' } }]);
    for (const name of ['a%2fb', 'a%5cb', '%00', '%2e%2e', '%ff', 'a%', '..']) {
      expect([name, (await browser.ask(`/api/v1/things/${name}`)).status]).toEqual([name, 404]);
    }
  });

  test('who is not signed in is told how', async () => {
    const program = await door.ask('/api/v1/things');
    expect(program.json()).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
    expect(program.headers['www-authenticate']).toBe('Basic realm="countersign", charset="UTF-8"');
    const page = await door.ask('/api/v1/things', { headers: { 'sec-fetch-mode': 'cors' } });
    expect(page.headers['www-authenticate']).not.toContain('Basic');
  });
});

/** The way that is right first. */
function waysToWrite(path: string): readonly string[] {
  return [
    path,
    `/${path}`,
    `${path}/`,
    path.replace('/api/', '/api//'),
    path.replace('/v1/', '/v1/./'),
    path.replace('/v1/', '/x/../v1/'),
    path.replace('/v1/', '/v1/..;/v1/'),
    path.replace('/v1/', '/v1/%2e%2e/v1/'),
    path.replace('/v1/', '/v1%2f'),
    path.replace('/api/', '/API/'),
    path.replace('/things', '/Things').replace('/fails', '/FAILS').replace('/hangs', '/Hangs'),
    path.replace('/v1/', '/v1;a=b/'),
    path.replace('/v1/', '\\v1/'),
    `${path}%00`,
    `${path}?_method=DELETE&x=1`,
    `https://127.0.0.1${path}`,
  ].filter((each, index, all) => all.indexOf(each) === index);
}

describe('what is sent', () => {
  const good = '{"name":"a","labels":{"x":"y"}}';
  const refused: readonly (readonly [string, string, number, string])[] = [
    ['__proto__ at the top', '{"name":"a","__proto__":{"admin":true}}', 400, '__proto__'],
    ['__proto__ further down', '{"name":"a","labels":{"__proto__":"x"}}', 400, 'labels.__proto__'],
    ['an escaped __proto__', '{"name":"a","\\u005f_proto__":{}}', 400, '__proto__'],
    ['constructor.prototype', '{"name":"a","constructor":{"prototype":{"x":1}}}', 422, 'constructor'],
    ['a field that is not known', '{"name":"a","status":{}}', 422, 'status'],
    ['a field of another type', '{"name":["a"]}', 422, 'name'],
    ['a field that is too long', `{"name":"${'a'.repeat(21)}"}`, 422, 'name'],
    ['a key twice', '{"name":"a","name":"b"}', 400, ''],
    ['no JSON', '{"name":', 400, ''],
    ['nothing', '', 400, ''],
    ['bytes that are no UTF-8', '\ufffd"', 400, ''],
    ['brackets without end', '['.repeat(4000), 413, ''],
    ['more than its limit', `{"name":"a"${' '.repeat(5000)}}`, 413, ''],
  ];
  test.each(refused)('G5: %s is refused', async (_what, body, status, field) => {
    handled = [];
    expect((await browser.ask('/api/v1/things', create({}, good))).status).toBe(200);
    const answer = await browser.ask('/api/v1/things', create({}, body));
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status });
    if (field !== '') expect(answer.json()).toMatchObject({ errors: [{ field }] });
    expect(handled).toHaveLength(1);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  const yaml = (body: string) => create({ 'content-type': 'application/yaml' }, body);
  const bomb = `a: &a [x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nname: *b\n`;
  const hostile: readonly (readonly [string, string, number])[] = [
    ['aliases', bomb, 400],
    ['tags', 'name: !!js/function "x"', 400],
    ['a key twice', 'name: a\nname: b', 400],
    ['two documents', 'name: a\n---\nname: b', 400],
    ['a merge key', 'name: a\n<<: {labels: {x: y}}', 422],
    ['YAML 1.1', '%YAML 1.1\n---\nname: a', 400],
    ['no document', '# nothing', 400],
    ['deep nesting', `name: ${'['.repeat(200)}`, 400],
    ['__proto__', 'name: a\n__proto__: {x: y}', 400],
    ['more than its limit', `name: a\n#${'x'.repeat(5000)}`, 413],
  ];
  test.each(hostile)('G10: YAML with %s is refused whole', async (_what, body, status) => {
    handled = [];
    expect((await browser.ask('/api/v1/things', yaml('name: a\nlabels: {x: "y"}'))).status).toBe(200);
    expect((await browser.ask('/api/v1/things', yaml(body))).json()).toMatchObject({ status });
    expect(handled).toHaveLength(1);
  });

  test('a compressed body is not taken', async () => {
    const answer = await browser.ask('/api/v1/things', create({ 'content-encoding': 'gzip' }));
    expect(answer.status).toBe(415);
  });

  test('a body where none belongs is refused', async () => {
    const answer = await browser.ask('/api/v1/things/a/enable', create());
    expect(answer.status).toBe(400);
    expect((await browser.ask('/api/v1/things/a/enable', { method: 'POST' })).status).toBe(200);
  });

  test('a parameter that is not known, or there twice, is refused by its name', async () => {
    const unknown = await browser.ask('/api/v1/things?x=1');
    expect(unknown.json()).toMatchObject({ status: 400, errors: [{ field: 'x' }] });
    const twice = await browser.ask('/api/v1/things?dryRun=true&dryRun=false', create());
    expect(twice.json()).toMatchObject({ status: 400, errors: [{ field: 'dryRun' }] });
    expect((await browser.ask('/api/v1/things?dryRun=%74rue', create())).status).toBeLessThan(300);
    for (const value of ['tr%75', 'true%ff', 'true%', 'true%zz', 'true%20', '+true', 'TRUE', ''])
      expect([value, (await browser.ask(`/api/v1/things?dryRun=${value}`, create())).json()]).toMatchObject([
        value,
        { status: 400, errors: [{ field: 'dryRun' }] },
      ]);
    // Left as it is, or with U+FFFD in its place, it would be another text.
    for (const value of ['true%ff', 'true%', 'true%zz', '%c3%28'])
      expect((await browser.ask(`/api/v1/things?dryRun=${value}`, create())).json()).toMatchObject({
        errors: [{ field: 'dryRun', message: 'must be percent-encoded UTF-8' }],
      });
    const wrong = await browser.ask('/api/v1/things?dryRun=maybe', create());
    expect(wrong.json()).toMatchObject({ status: 400, errors: [{ field: 'dryRun' }] });
    handled = [];
    expect((await browser.ask('/api/v1/things?dryRun=true', create())).status).toBe(200);
    expect(handled).toMatchObject([{ query: { dryRun: 'true' } }]);
  });

  test('thousands of parameters take no time', async () => {
    const many = Array.from({ length: 3_500 }, (_, index) => `p${index}=1`).join('&');
    const started = process.cpuUsage();
    expect((await browser.ask(`/api/v1/things?${many}`)).status).toBe(400);
    expect(cpuMillisecondsSince(started)).toBeLessThan(2_000);
  });

  test('a header is handed on when the route names it, once', async () => {
    handled = [];
    const put = { method: 'PUT', body: '{"name":"a"}' };
    const once = { ...put, headers: { ...JSON_TYPE, 'if-match': '"1"', 'x-other': 'x' } };
    expect((await browser.ask('/api/v1/things/a', once)).status).toBe(200);
    expect(handled).toMatchObject([{ headers: { 'if-match': '"1"' } }]);
    const twice = { ...put, headers: { ...JSON_TYPE, 'if-match': ['"1"', '"2"'] } };
    expect((await browser.ask('/api/v1/things/a', twice)).status).toBe(400);
  });
});

describe('what comes back', () => {
  test('problems are those of RFC 9457, each with its status', async () => {
    const ask = async (path: string) => {
      const { status, headers, ...rest } = await browser.ask(`/api/v1/fails/${path}`);
      return { status, headers, body: rest.json() };
    };
    expect(await ask('problem')).toMatchObject({
      status: 409,
      body: {
        type: 'urn:countersign:problem:conflict',
        title: expect.any(String),
        status: 409,
        code: 'CONFLICT',
        detail: 'no',
        errors: [{ field: 'a', message: 'b' }],
      },
    });
    expect(await ask('desk')).toMatchObject({ status: 422, body: { errors: [{ field: 'spec.x' }] } });
    expect(await ask('read-only')).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect(await ask('history')).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(await ask('slow')).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
  });

  test('G7: of a defect nobody is told more than that it was one; the log knows', async () => {
    const answer = await browser.ask('/api/v1/fails/defect');
    expect(answer.json()).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(answer.text).not.toContain('hunter2');
    expect(logged.some(({ message }) => message === 'a request of the admin API ended in a defect')).toBe(
      true,
    );
  });

  test('an answer that is not described is a defect', async () => {
    expect((await browser.ask('/api/v1/undescribed')).status).toBe(500);
  });

  test('a handler that hangs is given up, and told', async () => {
    handled = [];
    const impatient = await openDoor(work.path, { routes: testRoutes, server: { deadline: 3_000 } });
    try {
      // A password is hashed once, which takes a part of the time.
      await eventually(
        'signed in',
        async () => (await impatient.ask('/api/v1/session', { headers: basic() })).status === 200,
      );
      const answer = await impatient.ask('/api/v1/hangs', { headers: basic() });
      expect(answer.json()).toMatchObject({ status: 504, code: 'TIMEOUT' });
      expect(handled).toEqual(['begun', 'aborted']);
    } finally {
      await impatient.stop();
    }
  });

  test('a handler is told when its client is gone', async () => {
    handled = [];
    const gone = new AbortController();
    const asked = browser.ask('/api/v1/hangs', { signal: gone.signal }).catch(() => undefined);
    await eventually('it has begun', () => handled.length === 1);
    gone.abort();
    await asked;
    await eventually('it is told', () => handled.length === 2);
    expect(handled).toEqual(['begun', 'aborted']);
  });

  test('G11: every answer is closed to other sites, and none is kept', async () => {
    const foreign = { origin: 'https://evil.example' };
    for (const path of ['/api/v1/things', '/api/v1/nothing', '/api/v1/session', '/api/v1/fails/defect']) {
      const { headers } = await browser.ask(path, { headers: foreign });
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
        'strict-transport-security': expect.stringContaining('max-age='),
      });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

test('a caller who asks too much is told to wait', async () => {
  const limited = await openDoor(work.path, {
    routes: testRoutes,
    server: { rates: { caller: { limit: 3, window: 900_000 } } },
  });
  try {
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++)
      statuses.push((await limited.ask('/api/v1/things', { headers: basic() })).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const answer = await limited.ask('/api/v1/things', { headers: basic() });
    expect([answer.json(), answer.headers['retry-after']]).toMatchObject([{ code: 'RATE_LIMITED' }, '10']);
    // Others are not held up.
    expect((await limited.ask('/api/v1/session')).status).toBe(200);
  } finally {
    await limited.stop();
  }
});
