import { expect, test } from '@jest/globals';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { validate } from '../../src/admission/validate.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { keyless, policy } from '../policy/builders.ts';
import { bundleEvidence, createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { largeEvidence } from '../support/large-evidence.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';

/** How long one review holds the event loop, by the CPU that this thread uses between two turns of it. */

const IMAGES = 100;
const FOREIGN = 20;
const MAX_MILLISECONDS = 100;

const sigstore = createSigstore();
const foreign = createSigstore({ name: 'foreign' });
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const digestOf = (index: number) => `sha256:${index.toString(16).padStart(64, '0')}`;

/** The CPU milliseconds of this thread in each turn of the loop, until the work is done. */
async function turnsOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const turns: number[] = [];
  const state = { isDone: false };
  const done = work().finally(() => (state.isDone = true));
  let last = process.threadCpuUsage();
  while (!state.isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    turns.push((user + system) / 1000);
  }
  await done;
  return turns;
}

function podOf(count: number): AdmissionRequest {
  const containers = Array.from({ length: count }, (_, index) => ({
    name: `c${index}`,
    image: `ghcr.io/org/app-${index}@${digestOf(index)}`,
  }));
  return {
    uid: 'u',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'p',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'alice', groups: [] },
    dryRun: false,
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: {} }, spec: { containers } },
    oldObject: undefined,
  } as unknown as AdmissionRequest;
}

test('F1: 100 images with 20 foreign signatures each hold the loop for no more than 100 ms at a time', async () => {
  // One signed text for each image and signature would take minutes to make: the same bytes in other places are other evidence.
  const signed = Array.from({ length: FOREIGN }, () => foreign.signStatement({ digests: [digestOf(0)] }));
  const evidence = new Map<string, readonly Evidence[]>();
  for (let index = 0; index < IMAGES; index += 1) {
    evidence.set(
      digestOf(index),
      signed.map((bundle, n) => bundleEvidence({ ...(bundle as object), index }, `referrer ${n}`)),
    );
  }
  evidence.set(digestOf(0), [bundleEvidence(sigstore.signStatement({ digests: [digestOf(0)] }))]);
  const trustedKeys = [keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(GOLD_SUBJECT) })];
  const material = staticTrust(new Map([['public-good', root]])).material();
  const snapshot = compileSnapshot({ number: 1, resources: [policy({}, { trustedKeys })], material });
  const defects: Error[] = [];
  const decide = (count: number) =>
    validate(
      podOf(count),
      {
        images: new ScriptedImages(new Map(), evidence),
        facts: new FactCache(),
        statements: new StatementCache(),
        large: largeEvidence(),
        snapshots: { current: () => snapshot },
        namespaces: { labels: async () => ({}) },
        noMatch: 'Deny',
        knowsWhoAsks: true,
        now: () => Date.parse('2026-11-22T12:00:00Z'),
        onDefect: (error) => void defects.push(error),
      },
      new AbortController().signal,
    );
  // The twin: a signature by the trusted root admits. It also compiles what the other one uses.
  expect(await decide(1)).toMatchObject({ allowed: true });
  let allowed: boolean | undefined;
  const turns = await turnsOf(async () => ({ allowed } = await decide(IMAGES)));
  expect(defects).toEqual([]);
  expect(allowed).toBe(false);
  const total = turns.reduce((sum, each) => sum + each, 0);
  expect(total).toBeGreaterThan(3 * MAX_MILLISECONDS);
  expect(Math.max(...turns)).toBeLessThan(MAX_MILLISECONDS);
});
