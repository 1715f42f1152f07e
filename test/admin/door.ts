import { request as send } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import * as z from 'zod';
import type { Access } from '../../src/admin/access.ts';
import { AdminServer, type AdminServerOptions } from '../../src/admin/admin-server.ts';
import { Authenticator } from '../../src/admin/authentication.ts';
import { problemsOf } from '../../src/admin/openapi.ts';
import { AdminPassword } from '../../src/admin/password.ts';
import { PROBLEMS } from '../../src/admin/problem.ts';
import { FAILURE_RATES, FailureGuard } from '../../src/admin/rate-limits.ts';
import type { ApiAnswer, Route } from '../../src/admin/route.ts';
import { sessionRoutes } from '../../src/admin/routes/session.ts';
import { Sessions } from '../../src/admin/sessions.ts';
import { StandaloneAccess } from '../../src/admin/standalone-access.ts';
import { silentLogger, type Logger } from '../../src/log.ts';
import { createSelfSigned } from '../../src/tls/self-signed.ts';

export const PASSWORD = 'correct horse battery staple';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): unknown;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Host header, where it is not the server's own. */
  readonly signal?: AbortSignal;
}

export interface SignedInBrowser {
  readonly cookie: string;
  readonly csrfToken: string;
  /** As a browser would, from the server's own page. */
  ask(path: string, question?: Question): Promise<Answer>;
}

export interface Door {
  readonly port: number;
  readonly origin: string;
  readonly server: AdminServer;
  readonly sessions: Sessions;
  /** Every answer that a handler gave. */
  readonly answered: { readonly route: Route; readonly answer: ApiAnswer }[];
  ask(path: string, question?: Question): Promise<Answer>;
  signIn(): Promise<SignedInBrowser>;
  stop(): Promise<void>;
}

export interface DoorOptions {
  readonly access?: Access;
  readonly routes?: (access: Access) => readonly Route[];
  readonly sessions?: Sessions;
  readonly failures?: FailureGuard;
  readonly logger?: Logger;
  readonly server?: Partial<AdminServerOptions>;
}

let password: Promise<AdminPassword> | undefined;

/** Hashed once for a file of tests: each takes a third of a second and 128 MiB. */
export function standalone(folder: string): Promise<AdminPassword> {
  return (password ??= AdminPassword.load({
    file: join(folder, 'admin-password'),
    given: PASSWORD,
    announce: () => undefined,
  }));
}

/** A suite asks faster than any person, on a quick machine above what one caller is let; the limits have tests that set their own. */
export const UNHURRIED = {
  address: { limit: 100_000, window: 10_000 },
  caller: { limit: 100_000, window: 10_000 },
} as const;

/** The real server over TLS, with the routes of the session and those that are given. */
export async function openDoor(folder: string, options: DoorOptions = {}): Promise<Door> {
  const access = options.access ?? new StandaloneAccess(await standalone(folder));
  const sessions = options.sessions ?? new Sessions();
  const failures = options.failures ?? new FailureGuard(FAILURE_RATES[access.mode]);
  const logger = options.logger ?? silentLogger;
  const authenticator = new Authenticator({ access, sessions, failures, logger });
  const answered: Door['answered'] = [];
  const { certPem, keyPem } = certificate();
  const server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    keyPair: { cert: certPem, key: keyPem },
    mode: access.mode,
    version: '0.0.0',
    routes: [
      ...sessionRoutes({
        access,
        authenticator,
        sessions,
        version: '0.0.0',
        signIn: [...access.methods],
        logger,
      }),
      ...(options.routes?.(access) ?? []),
    ],
    authenticator,
    logger,
    checkAnswer: (route, answer) => {
      answered.push({ route, answer });
      checkAnswer(route, answer);
    },
    rates: UNHURRIED,
    ...options.server,
  });
  await server.start();
  const origin = `https://127.0.0.1:${server.port}`;
  const ask = (path: string, question: Question = {}) => askPort(server.port, path, question);
  return {
    port: server.port,
    origin,
    server,
    sessions,
    answered,
    ask,
    signIn: () => signIn(ask, origin, { method: 'password', password: PASSWORD }),
    stop: async () => {
      await server.stop(1_000);
      sessions.stop();
    },
  };
}

/** As the sign-in form does. */
export async function signIn(
  ask: Door['ask'],
  origin: string,
  credentials: object,
): Promise<SignedInBrowser> {
  const answer = await ask('/api/v1/session', {
    method: 'POST',
    headers: { origin, 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  if (answer.status !== 200) throw new Error(`sign-in: ${answer.status} ${answer.text}`);
  const { csrfToken } = answer.json() as { readonly csrfToken: string };
  const cookie = cookieIn(answer);
  const own = { cookie, origin, 'x-csrf-token': csrfToken };
  return {
    cookie,
    csrfToken,
    ask: (path, question = {}) => ask(path, { ...question, headers: { ...own, ...question.headers } }),
  };
}

/** `name=value` of the first cookie that is set. */
export function cookieIn({ headers }: Answer): string {
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
}

export function basic(given = PASSWORD, name = 'admin'): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${given}`).toString('base64')}` };
}

/** One request, its path as it stands here. */
export function askPort(port: number, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, signal } = question;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const request = send({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers: { ...length, ...headers } as Record<string, string | string[]>,
    rejectUnauthorized: false,
    agent: false,
    ...(signal !== undefined && { signal }),
  });
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { statusCode: status = 0, headers: got } = response;
      resolve({ status, headers: got, text, json: () => JSON.parse(text) as unknown });
    });
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** What a handler answers has to be what its description says, to the last field. @throws Error */
export function checkAnswer(route: Route, answer: ApiAnswer): void {
  const described = route.answers[answer.status];
  if (described === undefined) throw new Error(`${route.operationId}: ${answer.status} is not described`);
  if ('stream' in answer) {
    if (described.types?.includes(answer.type) !== true)
      throw new Error(`${route.operationId}: ${answer.type} is not described`);
    return;
  }
  if (described.schema === undefined) {
    if (answer.body !== undefined) throw new Error(`${route.operationId}: a body is not described`);
    return;
  }
  // As it goes over the wire.
  const wire: unknown = JSON.parse(JSON.stringify(answer.body));
  const { success, error } = described.schema.safeParse(wire);
  if (!success) throw new Error(`${route.operationId}: ${z.prettifyError(error)}`);
}

/** Statuses that an operation may end in when it does not succeed. */
export function problemStatuses(route: Route): readonly number[] {
  return [...new Set(problemsOf(route).map((code) => PROBLEMS[code][0]))];
}

let made: ReturnType<typeof createSelfSigned> | undefined;
function certificate() {
  const hour = 3_600_000;
  return (made ??= createSelfSigned({
    names: ['127.0.0.1', 'localhost'],
    notBefore: Date.now() - hour,
    notAfter: Date.now() + hour,
  }));
}
