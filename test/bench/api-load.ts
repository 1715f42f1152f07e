/**
 * Asks the API for as long as it runs, as fast as it is let: pages of the history, statistics, an image that is warm, and one stream of
 * live decisions. A process of its own: the load generator of the bench must not wait for it.
 */
import { readFileSync } from 'node:fs';
import { Agent, get, request, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

const [url = '', caFile = '', image = '', perSecond = '20'] = process.argv.slice(2);
const ca = readFileSync(caFile);
const agent = new Agent({ keepAlive: true, ca });
const authorization = `Basic ${Buffer.from(`admin:${process.env['COUNTERSIGN_ADMIN_PASSWORD'] ?? ''}`).toString('base64')}`;

/** How often each status was answered. */
const answers = new Map<number, number>();
let events = 0;

function ask(path: string, body?: object): Promise<void> {
  const options: RequestOptions = {
    agent,
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization, 'content-type': 'application/json' },
  };
  return new Promise((done) => {
    const call = request(`${url}/api/v1${path}`, options, (response) => {
      answers.set(response.statusCode ?? 0, (answers.get(response.statusCode ?? 0) ?? 0) + 1);
      response
        .resume()
        .on('end', () => done())
        .on('error', () => done());
    });
    call.on('error', () => done());
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function listen(): void {
  get(`${url}/api/v1/decisions`, { ca, headers: { authorization } }, (response) => {
    response.on('data', (chunk: Buffer) => (events += chunk.toString().split('event: decision').length - 1));
  }).on('error', () => undefined);
}

const QUESTIONS: readonly (() => Promise<void>)[] = [
  () => ask('/verifications?limit=50'),
  () => ask('/stats'),
  () => ask('/verify', { image }),
  () => ask('/verifications?namespace=mcp&limit=50'),
];

async function worker(index: number, workers: number): Promise<void> {
  const pause = (1000 * workers) / Number(perSecond);
  for (let turn = index; ; turn += 1) {
    const started = performance.now();
    await QUESTIONS[turn % QUESTIONS.length]?.();
    await sleep(Math.max(0, pause - (performance.now() - started)));
  }
}

process.on('SIGTERM', () => {
  console.log(JSON.stringify({ answers: Object.fromEntries(answers), events }));
  process.exit(0);
});
listen();
const WORKERS = 8;
await Promise.all(Array.from({ length: WORKERS }, (_, index) => worker(index, WORKERS)));
