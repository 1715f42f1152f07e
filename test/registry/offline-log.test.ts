import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { validate } from '../../src/admission/validate.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { keyless, policy } from '../policy/builders.ts';
import {
  createSigstore,
  GOLD_ISSUER,
  GOLD_SUBJECT,
  publicKeyPem,
  type BundleJson,
} from '../support/fixtures.ts';
import { FS2, mutated } from '../sigstore/support.ts';
import { staticTrust } from '../support/trust.ts';
import { setup } from './sources.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/**
 * CVE-2023-47122, CVE-2024-51746: a verifier that asks the log for its key, or searches it for an entry, believes whoever runs the
 * log. Here a server at every address of the trusted root answers with the attacker's key and entries.
 */
const FS = createSigstore({ name: 'asked', logHost: '127.0.0.1' });
const asked: string[] = [];
const evilLog = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  const entry = { body: '', integratedTime: 1, logID: FS2.logV1.logId.toString('hex'), logIndex: 1 };
  response.setHeader('content-type', 'application/json');
  response.end(
    request.url?.endsWith('/publicKey') === true
      ? publicKeyPem(FS2.logV1.keys)
      : JSON.stringify([{ one: entry }, { two: entry }]),
  );
});
let connections = 0;
evilLog.on('connection', () => (connections += 1));
let url: string;

beforeAll(async () => {
  await new Promise<void>((done) => evilLog.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(evilLog.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => evilLog.close(done)));
beforeEach(() => {
  asked.length = 0;
  connections = 0;
});

/** One review of an image with this bundle; what it comes to. */
async function verdict(bundle: (digest: string) => BundleJson) {
  const { registry, artifacts, source } = await setup();
  const digest = artifacts.image();
  artifacts.referrers(digest, [artifacts.bundle(digest, JSON.stringify(bundle(digest)))]);
  const json = FS.trustedRoot();
  for (const log of [...json.tlogs, ...json.ctlogs]) log.baseUrl = url;
  for (const authority of [...json.certificateAuthorities, ...json.timestampAuthorities]) authority.uri = url;
  const material = staticTrust(new Map([['public-good', parseTrustRoot(json, PUBLIC_GOOD)]])).material();
  const trustedKeys = [keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(GOLD_SUBJECT) })];
  const covered = policy({ match: ANY }, { trustedKeys });
  const snapshot = compileSnapshot({ number: 1, resources: [covered], material });
  const image = `${registry.host}/org/app:v1@${digest}`;
  const request = {
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'p',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'jane', groups: [] },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'a', image }] },
    },
    oldObject: undefined,
    dryRun: false,
  } as unknown as AdmissionRequest;
  const { allowed, codes } = await validate(
    request,
    {
      images: source,
      facts: new FactCache(),
      statements: new StatementCache(),
      large: largeEvidence(),
      snapshots: { current: () => snapshot },
      namespaces: { labels: async () => ({}) },
      noMatch: 'Deny',
      knowsWhoAsks: true,
      now: () => Date.parse('2026-11-22T12:00:00Z'),
      onDefect: (error) => {
        throw error;
      },
    },
    AbortSignal.timeout(60_000),
  );
  expect(registry.seen.length).toBeGreaterThan(0);
  return { allowed, codes };
}

const ANY = {
  images: undefined,
  excludeImages: [],
  namespaceSelector: undefined,
  workloadSelector: undefined,
};
const good = (digest: string) => FS.signStatement({ digests: [digest], log: 'v1', timestamp: true });
/** The time of the entry, promised by whoever has that key. */
const promisedBy = (log: typeof FS.logV1) => (digest: string) =>
  mutated(good(digest), ({ verificationMaterial: { tlogEntries } }) => {
    const [entry] = tlogEntries;
    if (entry === undefined) throw new Error('no entry');
    entry.integratedTime = String(Number(entry.integratedTime) + 1);
    entry.inclusionPromise = { signedEntryTimestamp: log.promise(entry) };
  });

test('A34: the key that the log itself shows is not asked for; only the pinned one counts', async () => {
  expect(await verdict(promisedBy(FS.logV1))).toEqual({ allowed: true, codes: [] });
  expect(await verdict(promisedBy(FS2.logV1))).toEqual({ allowed: false, codes: ['TLOG_INVALID'] });
  expect([connections, asked]).toEqual([0, []]);
});

test('A34: an entry that is missing is not searched for in the log', async () => {
  expect(await verdict(good)).toEqual({ allowed: true, codes: [] });
  const without = (digest: string) =>
    mutated(good(digest), ({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = [];
    });
  expect(await verdict(without)).toEqual({ allowed: false, codes: ['TLOG_MISSING'] });
  const unproven = (digest: string) =>
    mutated(good(digest), ({ verificationMaterial: { tlogEntries } }) => {
      for (const entry of tlogEntries as Partial<(typeof tlogEntries)[number]>[]) {
        delete entry.inclusionPromise;
        delete entry.inclusionProof;
      }
    });
  const { allowed, codes } = await verdict(unproven);
  expect([allowed, codes]).toEqual([false, [expect.stringMatching(/^(TLOG_|MALFORMED)/)]]);
  expect([connections, asked]).toEqual([0, []]);
});
