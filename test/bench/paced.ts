/**
 * Asks for admissions at an even pace, far below what the server could do, and prints how long each took: what somebody waits for, where
 * the pace of `autocannon` would only tell who gets the processor. A process of its own, with nothing else to do.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

const [url = '', caFile = '', bodyFile = '', perSecond = '100', seconds = '4'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 4, ca: readFileSync(caFile) });
const body = readFileSync(bodyFile);
const options = {
  agent,
  method: 'POST',
  headers: { 'content-type': 'application/json', 'content-length': body.length },
};

/** @returns milliseconds */
function admission(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const started = performance.now();
  request(`${url}/validate?timeout=10s`, options, (response) => {
    if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
    response.resume().on('end', () => resolve(performance.now() - started));
  })
    .on('error', reject)
    .end(body);
  return promise;
}

const pause = 1000 / Number(perSecond);
const begun = performance.now();
const waits: Promise<number>[] = [];
for (let turn = 0; turn < Number(perSecond) * Number(seconds); turn += 1) {
  await sleep(Math.max(0, begun + turn * pause - performance.now()));
  waits.push(admission());
}
const sorted = (await Promise.all(waits)).toSorted((a, b) => a - b);
const at = (share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99) }));
agent.destroy();
