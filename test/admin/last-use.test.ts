import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { LastUse } from '../../src/admin/last-use.ts';
import { SignerUse } from '../../src/admin/signer-use.ts';
import { HistoryError } from '../../src/history/database.ts';
import { History } from '../../src/history/history.ts';
import { silentLogger } from '../../src/log.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { eventually } from '../kube/eventually.ts';
import { decision, image, verified } from '../observe/decision.ts';
import { policy, signer } from '../store/documents.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { ResourceServer } from './resource-server.ts';

const noKeys = { readKey: () => Promise.reject(new Error('nobody asks here')) };
const meter = new Proxy({}, { get: () => () => undefined }) as never;
const EARLIER = Date.parse('2026-11-01T08:00:00Z');
const LATER = Date.parse('2026-11-02T08:00:00Z');

let scratch: ReturnType<typeof scratchDirectory>;
let history: History;
let now: number;

/** As after a start of the process, on the same database. */
function begun(): History {
  const begins = new History({
    settings: {
      place: { path: join(scratch.path, 'history.sqlite'), maxMegabytes: 100 },
      retention: { days: 30, rows: 10_000 } as never,
      bufferRows: 1_000,
    },
    replica: 'here',
    logger: silentLogger,
    meter,
    timing: { gather: 5 },
    now: () => now,
  });
  begins.start();
  return begins;
}

beforeEach(() => {
  scratch = scratchDirectory();
  now = EARLIER;
  history = begun();
});

afterEach(async () => {
  await history.stop(2_000);
  scratch.remove();
});

/** An image that this signer vouched for. */
function vouchedBy(name: string): Decision {
  const outcome = verified().outcome;
  if (outcome.kind !== 'verified') throw new Error('it is verified');
  const [first] = outcome.signers;
  const signers = [{ ...first, entry: `TrustedSigner "${name}"` }] as typeof outcome.signers;
  return decision({ images: [image([{ ...verified(), outcome: { ...outcome, signers } }])] });
}

async function untilKept(name: string): Promise<void> {
  const nowhere = new LastUse({ use: { lastUsed: () => undefined }, history: history.reader });
  await eventually('written', async () => (await nowhere.of([name]))(name) !== undefined);
}

/** The answer waits for the history for a second only, and a busy machine may take longer. */
async function expectTold(
  lastUse: LastUse,
  times: Readonly<Record<string, number | undefined>>,
): Promise<void> {
  const names = Object.keys(times);
  let told: (number | undefined)[] = [];
  const isTold = async () => {
    told = names.map(await lastUse.of(names));
    return isDeepStrictEqual(told, Object.values(times));
  };
  await eventually('it is told', isTold).catch(() => undefined);
  expect(told).toEqual(Object.values(times));
}

test('is known after a restart; what this process saw wins where it is newer', async () => {
  const longest = 'n'.repeat(253);
  for (const name of ['ci', 'both', longest]) history.decided(vouchedBy(name), 1);
  for (const name of ['ci', 'both', longest]) await untilKept(name);
  await history.stop(2_000);
  history = begun();
  const use = new SignerUse(() => now);
  const lastUse = new LastUse({ use, history: history.reader });
  await expectTold(lastUse, { ci: EARLIER, both: EARLIER, [longest]: EARLIER, never: undefined });
  now = LATER;
  use.decided(vouchedBy('both'));
  use.decided(vouchedBy('new'));
  await expectTold(lastUse, { ci: EARLIER, both: LATER, new: LATER });
  // Another replica's is newer than what this one remembers.
  now = LATER + 1_000;
  history.decided(vouchedBy('both'), 1);
  await expectTold(lastUse, { both: LATER + 1_000 });
});

test('a list of signers and a single one show it, by one question each', async () => {
  history.decided(vouchedBy('ci'), 1);
  await untilKept('ci');
  const questions: (readonly string[])[] = [];
  const { reader } = history;
  const { lastUses } = reader;
  reader.lastUses = (entries) => {
    questions.push(entries);
    return lastUses.call(reader, entries);
  };
  const folder = scratchDirectory();
  const server = new ResourceServer(folder.path);
  for (const name of ['ci', 'other', 'third']) server.write(`${name}.yaml`, JSON.stringify(signer(name)));
  server.write('policy.yaml', JSON.stringify(policy('base')));
  await server.start(history, noKeys);
  try {
    const { json } = await server.ask('GET', '/signers');
    const shown = json.items.map(({ metadata, facts }) => [metadata.name, facts.lastUsedAt]);
    expect(shown).toEqual([
      ['ci', '2026-11-01T08:00:00Z'],
      ['other', undefined],
      ['third', undefined],
    ]);
    expect(questions).toEqual([['ci', 'other', 'third'].map((name) => `TrustedSigner "${name}"`)]);
    const one = await server.ask('POST', '/signers/ci/disable');
    expect(one.json.document.facts.lastUsedAt).toBe('2026-11-01T08:00:00Z');
    expect(questions).toHaveLength(2);
    expect((await server.ask('GET', '/policies')).status).toBe(200);
    expect(questions).toHaveLength(2);
  } finally {
    await server.stop();
    folder.remove();
  }
});

test.each([
  ['fails', () => Promise.reject(new HistoryError('UNAVAILABLE', 'the history cannot be read now'))],
  ['does not answer', () => new Promise<never>(() => undefined)],
])('a history that %s is not waited for: what this process saw is told', async (_what, lastUses) => {
  const use = new SignerUse(() => now);
  use.decided(vouchedBy('ci'));
  const started = performance.now();
  const last = await new LastUse({ use, history: { lastUses } }).of(['ci', 'other']);
  expect([last('ci'), last('other')]).toEqual([EARLIER, undefined]);
  expect(performance.now() - started).toBeLessThan(5_000);
});
