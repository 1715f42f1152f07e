import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage } from '../../src/admission/judge-image.ts';
import { LargeEvidenceDesk } from '../../src/admission/large-evidence.ts';
import type { EvidenceReader } from '../../src/admission/ports.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { parseCondition } from '../../src/api/condition.ts';
import type { AttestationDemand } from '../../src/api/resources.ts';
import { Fault } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { silentLogger } from '../../src/log.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { EvidencePool } from '../../src/reading/evidence-pool.ts';
import type { LargeEvidence } from '../../src/sigstore/evidence.ts';
import { verificationKey } from '../../src/sigstore/public-key.ts';
import { codeOf, policy } from '../policy/builders.ts';
import { attestationDemand, SBOM_TYPE } from '../policy/statement-facts.ts';
import { createSigstore, type BundleJson } from '../support/fixtures.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';

/** Evidence that another thread reads: from what a look found to the verdict. */

const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;
const sigstore = createSigstore();
const key = newKeyPair();
const packages = Array.from({ length: 5000 }, (_, index) => ({ name: `package-${index}`, license: 'MIT' }));

function sbom(digest = D, signer = key, list: readonly object[] = packages): Buffer {
  const bundle: BundleJson = sigstore.signStatement({
    digests: [digest],
    predicateType: SBOM_TYPE,
    predicate: { packages: list },
    key: signer,
    log: 'none',
    timestamp: false,
  });
  return Buffer.from(JSON.stringify(bundle));
}

const good = sbom();
const signers = [
  {
    kind: 'publicKey',
    field: 'spec.attestations[0].signers[0]',
    key: verificationKey(key.publicKey),
  } as const,
];

let images: ScriptedImages;
let facts: FactCache;
let statements: StatementCache;
const pool = new EvidencePool({ log: silentLogger });
let desk: LargeEvidenceDesk;

beforeEach(() => {
  images = new ScriptedImages();
  facts = new FactCache();
  statements = new StatementCache();
  desk = new LargeEvidenceDesk(pool);
});
afterAll(() => pool.stop());

/** What a look finds of these bytes: their digest. */
function found(bytes: Uint8Array, source = 'referrer 1'): LargeEvidence {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  images.contents.set(digest, bytes);
  return { kind: 'large', form: 'bundle', source, digest, size: bytes.length, annotations: {} };
}

async function judge(
  changes: Partial<AttestationDemand> = {},
  { digest = D, signal = new AbortController().signal } = {},
) {
  const asking = policy(
    {},
    {
      requireSignature: false,
      trustedKeys: [],
      attestations: [attestationDemand({ signers, ...changes })],
      transparency: {
        keyless: { log: 'Optional', timestamp: 'Optional' },
        keys: { log: 'Ignored', timestamp: 'Optional' },
      },
    },
  );
  const material = staticTrust(new Map()).material();
  const { policies } = compileSnapshot({ number: 1, resources: [asking], material });
  const { examined } = await examineImage(`ghcr.io/org/server@${digest}`, policies, {
    sources: { images, facts, statements, large: desk },
    circumstances: { now: Date.parse('2026-11-22T12:00:00Z'), isPod: true },
    puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
    signal,
  });
  const outcome = examined[0]?.verdict.outcome;
  if (outcome === undefined) throw new Error('no verdict');
  return codeOf(outcome);
}

const saying = (cel: string) => ({ conditions: [parseCondition(cel, cel)] });
const fetches = () => images.calls.filter((call) => call.startsWith('content ')).length;

describe('a large SBOM', () => {
  test('by the trusted key is admitted; by another, about another image, or with one byte changed it is refused', async () => {
    expect(good.length).toBeGreaterThan(LIMITS.evidenceHereBytes);
    images.evidence.set(D, [found(good)]);
    expect(await judge()).toBe('verified');
    const changed = Buffer.from(good);
    const at = good.indexOf('"payload":"') + 2000;
    changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
    const stranger = newKeyPair();
    for (const [bad, small] of [
      [sbom(D, stranger), sbom(D, stranger, [])],
      [sbom(E), sbom(E, key, [])],
      [changed, sbom(D, stranger, [])],
    ] as const) {
      images.evidence.set(D, [found(bad)]);
      const code = await judge();
      expect(code).not.toBe('verified');
      images.evidence.set(D, [{ kind: 'bundle', source: 'small', bytes: small }]);
      expect(await judge()).toBe(code);
    }
  });

  test('is held against the conditions, and once for each', async () => {
    images.evidence.set(D, [found(good)]);
    expect(await judge(saying('predicate.packages.all(p, p.license == "MIT")'))).toBe('verified');
    expect(await judge(saying('predicate.packages.size() > 5000'))).toBe('ATT_CONDITION');
    expect(fetches()).toBe(2);
    expect(await judge(saying('predicate.packages.size() > 5000'))).toBe('ATT_CONDITION');
    expect(await judge(saying('predicate.packages.all(p, p.license == "MIT")'))).toBe('verified');
    expect(fetches()).toBe(2);
  });

  test('is fetched and read once, however many ask at the same time, and not again while it is remembered', async () => {
    images.evidence.set(D, [found(good)]);
    expect(await Promise.all(Array.from({ length: 20 }, () => judge()))).toEqual(Array(20).fill('verified'));
    expect(fetches()).toBe(1);
    images.contents.clear();
    expect(await judge()).toBe('verified');
    expect(fetches()).toBe(1);
  });

  test('that is gone is a fault, and evidence next to it counts', async () => {
    const evidence = found(good);
    images.contents.clear();
    images.evidence.set(D, [evidence]);
    expect(await judge()).toBe('fault EVIDENCE_GONE');
    images.evidence.set(D, [evidence, found(sbom(D, key, [...packages, {}]))]);
    expect(await judge()).toBe('verified');
  });
});

/** A reader that is told what to do. */
class ScriptedReader implements EvidenceReader {
  readonly began: string[] = [];
  work: () => Promise<void> = async () => {};

  async verify(...[evidence, bytes, contexts]: Parameters<EvidenceReader['verify']>) {
    this.began.push(evidence.source);
    await this.work();
    return pool.verify(evidence, bytes, contexts);
  }

  answer(...parameters: Parameters<EvidenceReader['answer']>) {
    return pool.answer(...parameters);
  }
}

describe('one piece at a time', () => {
  test('what ends the thread is a fault, and is tried again after a minute and not before', async () => {
    const reader = new ScriptedReader();
    let now = 0;
    desk = new LargeEvidenceDesk(reader, () => now);
    images.evidence.set(D, [found(good)]);
    reader.work = async () => {
      throw new Fault('INTERNAL', 'the thread ended');
    };
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await judge()).toBe('fault INTERNAL');
    expect([reader.began.length, fetches()]).toEqual([1, 1]);
    // Other evidence is not held up.
    reader.work = async () => {};
    images.evidence.set(E, [found(sbom(E))]);
    expect(await judge({}, { digest: E })).toBe('verified');
    now = 60_000;
    expect(await judge()).toBe('verified');
  });

  test('a review with many pieces does not hold up another, and no two are in memory', async () => {
    const reader = new ScriptedReader();
    desk = new LargeEvidenceDesk(reader);
    let open = 0;
    let most = 0;
    reader.work = async () => {
      most = Math.max(most, (open += 1));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
    };
    const junk = Array.from({ length: 5 }, (_, n) =>
      found(sbom(D, newKeyPair(), [...packages, { n }]), `many ${n}`),
    );
    images.evidence.set(D, junk);
    images.evidence.set(E, [found(sbom(E), 'one')]);
    const [many, one] = await Promise.all([judge(), judge({}, { digest: E })]);
    expect([many, one]).toEqual(['ATT_MISSING', 'verified']);
    expect(reader.began.indexOf('one')).toBeLessThanOrEqual(2);
    expect(most).toBe(1);
  });

  test('the deadline is a fault; what was under way is remembered, and what waited is not begun', async () => {
    const reader = new ScriptedReader();
    desk = new LargeEvidenceDesk(reader);
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    reader.work = () => {
      begun.resolve();
      return gate.promise;
    };
    images.evidence.set(D, [found(good, 'under way'), found(sbom(D, key, [...packages, {}]), 'waits')]);
    const deadline = new AbortController();
    const late = judge({}, { signal: deadline.signal });
    await begun.promise;
    deadline.abort();
    expect(await late).toBe('fault TIMEOUT');
    gate.resolve();
    images.evidence.set(D, [found(good, 'under way')]);
    expect(await judge()).toBe('verified');
    expect(reader.began).toEqual(['under way']);
    expect(fetches()).toBe(1);
  });
});
