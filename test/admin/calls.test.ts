import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import * as z from 'zod';
import { CallClient } from '../../src/admin/calls/call-client.ts';
import { CallServer } from '../../src/admin/calls/call-server.ts';
import type { CallAuthor, FromDecider, ToDecider } from '../../src/admin/calls/messages.ts';
import { describedDecidingRoutes } from '../../src/admin/deciding-routes.ts';
import { ApiProblem } from '../../src/admin/problem.ts';
import { requireRight } from '../../src/admin/rights.ts';
import { route, type ApiAnswer, type ApiRequest, type Route } from '../../src/admin/route.ts';
import { silentLogger, type Logger } from '../../src/log.ts';
import { DeskError } from '../../src/store/resource-desk.ts';
import { eventually } from '../kube/eventually.ts';

/** Two ends, joined as two threads are: everything that passes is copied. */
function joined(
  handle: Route['handle'],
  may: (author: CallAuthor, verb: string) => boolean = () => true,
  logger: Logger = silentLogger,
) {
  const { port1, port2 } = new MessageChannel();
  const told: ToDecider['kind'][] = [];
  const definition = route({
    method: 'post',
    path: '/things/{name}',
    operationId: 'doThing',
    tag: 'resources',
    summary: 'Does it',
    access: 'signed-in',
    params: z.strictObject({ name: z.string() }),
    answers: { 200: { description: 'Done.' } },
    problems: [],
    handle,
  });
  const server = new CallServer({
    routes: [definition],
    may: (author, { verb }) => Promise.resolve(may(author, verb)),
    post: (message) => port1.postMessage(message),
    logger,
  });
  const client = new CallClient((message) => port2.postMessage(message));
  port1.on('message', (message: ToDecider) => {
    told.push(message.kind);
    server.take(message);
  });
  port2.on('message', (message: FromDecider) => client.take(message));
  const asking = new AbortController();
  const remote = client.remote(definition);
  const ask = (more: Partial<ApiRequest> = {}): Promise<ApiAnswer> =>
    remote.handle({
      params: { name: 'one' },
      query: {},
      headers: {},
      body: undefined,
      caller: {
        name: 'eve',
        token: 'eve-token',
        groups: ['g'],
        may: () => Promise.reject(new Error('here')),
      },
      address: '192.0.2.1',
      signal: asking.signal,
      session: 'session-id',
      ...more,
    });
  const end = async (): Promise<void> => {
    port1.close();
    await once(port2, 'close');
  };
  return { ask, asking, server, told, end };
}

async function problemOf(asked: Promise<ApiAnswer>): Promise<ApiProblem> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiProblem)) throw new Error(`no problem: ${String(error)}`);
  return error;
}

async function all(answer: ApiAnswer): Promise<string[]> {
  if (!('stream' in answer)) throw new Error('no stream');
  return piecesOf(answer.stream);
}

async function piecesOf(stream: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('a call to the deciding thread', () => {
  test('hands over what was asked, and by whom, but neither the session nor its rights', async () => {
    const seen: ApiRequest[] = [];
    const { ask, end } = joined((request) => {
      seen.push(request);
      return Promise.resolve({ status: 200, body: { ok: [1, 'two'] }, headers: { etag: '"7"' } });
    });
    const answer = await ask({ query: { dryRun: 'true' }, body: { spec: { enabled: false } } });
    expect(answer).toEqual({ status: 200, body: { ok: [1, 'two'] }, headers: { etag: '"7"' } });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      params: { name: 'one' },
      query: { dryRun: 'true' },
      body: { spec: { enabled: false } },
      address: '192.0.2.1',
      session: undefined,
      caller: { name: 'eve', token: 'eve-token', groups: ['g'] },
    });
    await end();
  });

  test('asks for rights where it decides, of the author that came with it', async () => {
    const asked: [CallAuthor, string][] = [];
    const { ask, end } = joined(
      async ({ caller }) => {
        if (caller === undefined) throw new Error('nobody');
        await requireRight(caller, { verb: 'create', resource: 'keys' });
        return { status: 200 };
      },
      (author, verb) => {
        asked.push([author, verb]);
        return author.name === 'root';
      },
    );
    expect(await problemOf(ask())).toMatchObject({ code: 'FORBIDDEN' });
    const root = { name: 'root', token: undefined, may: () => Promise.resolve(false) };
    expect(await ask({ caller: root })).toEqual({ status: 200 });
    expect(asked).toEqual([
      [{ name: 'eve', token: 'eve-token', groups: ['g'] }, 'create'],
      [{ name: 'root', token: undefined, groups: undefined }, 'create'],
    ]);
    await end();
  });

  test('ends in the same problem, with its fields and its time', async () => {
    const { ask, end } = joined(() =>
      Promise.reject(
        new ApiProblem('RATE_LIMITED', 'Not now.', {
          errors: [{ field: 'a', message: 'b' }],
          retryAfter: 7,
        }),
      ),
    );
    expect(await problemOf(ask())).toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Not now.',
      errors: [{ field: 'a', message: 'b' }],
      retryAfter: 7,
    });
    await end();
  });

  test('a refusal of the store is the problem that it is without threads', async () => {
    const { ask, end } = joined(() => Promise.reject(new DeskError('CHANGED_MEANWHILE', 'Somebody did.')));
    expect(await problemOf(ask())).toMatchObject({ code: 'CHANGED_MEANWHILE', message: 'Somebody did.' });
    await end();
  });

  test.each([
    ['that is thrown', () => Promise.reject(new TypeError('secret detail'))],
    ['in an answer that cannot be copied', () => Promise.resolve({ status: 200, body: { no: () => 1 } })],
  ])('a defect %s is logged here and tells nothing there', async (_what, handle) => {
    const logged: object[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) };
    const { ask, end } = joined(handle as Route['handle'], undefined, logger);
    const problem = await problemOf(ask());
    expect(problem.code).toBe('INTERNAL');
    expect(problem.message).not.toContain('secret');
    expect(logged).toMatchObject([{ operation: 'doThing', err: expect.any(Error) }]);
    await end();
  });

  test('whoever stops waiting ends the work, and no answer comes any more', async () => {
    const signals: AbortSignal[] = [];
    const { ask, asking, told, end } = joined(({ signal }) => {
      signals.push(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    const asked = ask();
    await eventually('it is under way', () => signals.length === 1);
    asking.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await eventually('it is ended', () => signals[0]?.aborted === true);
    expect(told).toEqual(['call', 'abort']);
    await expect(ask()).rejects.toThrow('gone');
    expect(told).toEqual(['call', 'abort']);
    await end();
  });
});

describe('a stream of the deciding thread', () => {
  test('comes piece by piece, none before it is asked for', async () => {
    let made = 0;
    const { ask, told, end } = joined(() => {
      async function* stream(): AsyncGenerator<string, void> {
        for (const text of ['a', 'b', 'c']) {
          made += 1;
          yield await Promise.resolve(text);
        }
      }
      return Promise.resolve({ status: 200, type: 'text/event-stream', stream: stream() });
    });
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, type: 'text/event-stream' });
    expect(made).toBe(0);
    if (!('stream' in answer)) throw new Error('no stream');
    const pieces = answer.stream[Symbol.asyncIterator]();
    expect(await pieces.next()).toEqual({ done: false, value: 'a' });
    expect(made).toBe(1);
    expect(await piecesOf({ [Symbol.asyncIterator]: () => pieces })).toEqual(['b', 'c']);
    expect(told).toEqual(['call', 'next', 'next', 'next', 'next']);
    await end();
  });

  /** One that only its signal or its reader ends. */
  function endless(ended: string[]): Route['handle'] {
    return ({ signal }) => {
      async function* stream(): AsyncGenerator<string, void> {
        try {
          yield 'first';
          while (!signal.aborted) await new Promise((later) => setTimeout(later, 5));
        } finally {
          ended.push(signal.aborted ? 'aborted' : 'left');
        }
      }
      return Promise.resolve({ status: 200, type: 'text/event-stream', stream: stream() });
    };
  }

  test('ends on both sides with its signal, without an error', async () => {
    const ended: string[] = [];
    const { ask, asking, end } = joined(endless(ended));
    const pieces = all(await ask());
    setTimeout(() => asking.abort(new Error('the session has ended')), 50);
    expect((await pieces).slice(0, 1)).toEqual(['first']);
    await eventually('it has ended there', () => ended.length === 1);
    expect(ended).toEqual(['aborted']);
    await end();
  });

  test('ends there when nobody reads on here', async () => {
    const ended: string[] = [];
    const { ask, end } = joined(endless(ended));
    const answer = await ask();
    if (!('stream' in answer)) throw new Error('no stream');
    for await (const piece of answer.stream) {
      expect(piece).toBe('first');
      break;
    }
    await eventually('it has ended there', () => ended.length === 1);
    await end();
  });

  test('ends when the other thread is gone', async () => {
    const ended: string[] = [];
    const { ask, server, end } = joined(endless(ended));
    const answer = await ask();
    if (!('stream' in answer)) throw new Error('no stream');
    const pieces = answer.stream[Symbol.asyncIterator]();
    await pieces.next();
    void pieces.next();
    await eventually('it is read', () => true);
    server.abandon();
    await eventually('it has ended there', () => ended.length === 1);
    expect(ended).toEqual(['aborted']);
    await end();
  });

  test('that breaks off is a problem, and not an end', async () => {
    const { ask, end } = joined(() => {
      async function* stream(): AsyncGenerator<string, void> {
        yield await Promise.resolve('a');
        throw new DeskError('UNAVAILABLE', 'No more.');
      }
      return Promise.resolve({ status: 200, type: 'text/csv', stream: stream() });
    });
    await expect(ask().then(all)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'No more.' });
    await end();
  });
});

test('what the deciding thread does is described without it, and done by nobody else', async () => {
  const described = describedDecidingRoutes();
  const ids = described.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(
    expect.arrayContaining(['listPolicies', 'verifyImages', 'followDecisions', 'getStatus']),
  );
  const list = described.find(({ operationId }) => operationId === 'listPolicies');
  const caller = { name: 'eve', token: undefined, may: () => Promise.resolve(true) };
  const asked = {
    params: {},
    query: {},
    headers: {},
    body: undefined,
    caller,
    address: '',
    session: undefined,
    signal: AbortSignal.timeout(60_000),
  };
  await expect(list?.handle(asked)).rejects.toThrow('is in the deciding thread');
});
