import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { LargeEvidenceDesk } from '../../src/admission/large-evidence.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import type { AskStatement } from '../../src/admission/statement-questions.ts';
import { LIMITS } from '../../src/limits.ts';
import { silentLogger } from '../../src/log.ts';
import { EvidencePool, type EvidencePoolOptions } from '../../src/reading/evidence-pool.ts';
import { heldEvidence, type LargeEvidence } from '../../src/sigstore/evidence.ts';
import { verificationKey } from '../../src/sigstore/public-key.ts';
import { verifyEvidence, type TrustContext } from '../../src/sigstore/verify.ts';
import { createSigstore } from '../support/fixtures.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';

/** Large evidence is read in a thread of its own, with the same result as on this one. */

const D = `sha256:${'a'.repeat(64)}`;
const SBOM = 'https://spdx.dev/Document';
const sigstore = createSigstore();
const key = newKeyPair();
const context: TrustContext = { kind: 'key', key: verificationKey(key.publicKey), root: undefined };
const NOTHING: AskStatement = () => ({ slsa: false, conditions: [] });

const pools: EvidencePool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

function pool(options: Partial<EvidencePoolOptions> = {}): EvidencePool {
  const made = new EvidencePool({ log: silentLogger, ...options });
  pools.push(made);
  return made;
}

/** A signed SBOM of some 600 KB: above what is read on the deciding thread. */
function sbom(
  predicate: unknown = { packages: Array.from({ length: 10_000 }, (_, n) => ({ name: `p${n}`, v: '1' })) },
) {
  const bundle = sigstore.signStatement({
    digests: [D],
    key,
    log: 'none',
    timestamp: false,
    predicateType: SBOM,
    predicate,
  });
  return Buffer.from(JSON.stringify(bundle));
}

function large(bytes: Uint8Array): LargeEvidence {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const source = 'referrer sha256:large';
  return { kind: 'large', form: 'bundle', source, digest, size: bytes.length, annotations: {} };
}

const read = async (reader: EvidencePool, bytes: Buffer) =>
  (await reader.verify(large(bytes), Uint8Array.from(bytes), [context]))[0];

describe('the thread that reads large evidence', () => {
  test('says what this thread would say: verified, and refused with one byte changed', async () => {
    const reader = pool();
    const good = sbom();
    expect(good.length).toBeGreaterThan(LIMITS.evidenceHereBytes);
    const here = verifyEvidence(heldEvidence(large(good), good), context);
    expect(here).toMatchObject({ content: { kind: 'attestation', predicateType: SBOM }, digests: [D] });
    expect(await read(reader, good)).toEqual(here);
    const text = good.toString();
    const at = text.indexOf('"payload":"') + 2_000;
    const bad = Buffer.from(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`);
    const refused = verifyEvidence(heldEvidence(large(bad), bad), context);
    expect(refused).toMatchObject({ code: 'SIG_INVALID' });
    expect(await read(reader, bad)).toEqual(refused);
  });

  test('bounds nesting, as this thread does', async () => {
    let deep: unknown = { padding: 'x'.repeat(300_000) };
    for (let depth = 0; depth < LIMITS.jsonDepth; depth += 1) deep = [deep];
    expect(await read(pool(), sbom(deep))).toMatchObject({ code: 'LIMIT' });
  });

  test('that ends is a fault, and the next evidence is read', async () => {
    const reader = pool({ heap: 24 });
    const bytes = sbom(Array.from({ length: 300_000 }, (_, n) => [n]));
    await expect(read(reader, bytes)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await read(reader, sbom())).toMatchObject({ digests: [D] });
  });

  test('that takes too long is a fault that says so', async () => {
    const reader = pool({ milliseconds: 1 });
    await expect(read(reader, sbom())).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('takes more than'),
    });
  });
});

describe('large evidence of all reviews', () => {
  const asked = (bytes: Uint8Array, fetched: string[], facts = new FactCache()) => ({
    contexts: new Map([['key', context]]),
    ask: NOTHING,
    facts,
    statements: new StatementCache(),
    content: async () => {
      fetched.push('fetched');
      return Uint8Array.from(bytes);
    },
    signal: new AbortController().signal,
  });

  test('is fetched and read once, however many ask, and never again', async () => {
    const desk = new LargeEvidenceDesk(pool());
    const [bytes, fetched, facts] = [sbom(), [] as string[], new FactCache()];
    const all = await Promise.all(
      Array.from({ length: 5 }, () => desk.facts(large(bytes), asked(bytes, fetched, facts))),
    );
    for (const each of all) expect(each?.get('key')).toMatchObject({ digests: [D] });
    expect((await desk.facts(large(bytes), asked(bytes, fetched, facts)))?.get('key')).toMatchObject({
      digests: [D],
    });
    expect(fetched).toEqual(['fetched']);
  });

  test('that ends the thread is not tried again for a minute; other evidence is', async () => {
    let now = 0;
    const desk = new LargeEvidenceDesk(pool({ heap: 24 }), () => now);
    const [bytes, fetched] = [sbom(Array.from({ length: 300_000 }, (_, n) => [n])), [] as string[]];
    const ask = () => desk.facts(large(bytes), asked(bytes, fetched));
    await expect(ask()).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(ask()).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(fetched).toHaveLength(1);
    const good = sbom();
    expect((await desk.facts(large(good), asked(good, fetched)))?.get('key')).toMatchObject({ digests: [D] });
    now = 61_000;
    await expect(ask()).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(fetched).toHaveLength(3);
  });

  test('a review that is over does not begin to read', async () => {
    const fetched: string[] = [];
    const bytes = sbom();
    const over = { ...asked(bytes, fetched), signal: AbortSignal.abort() };
    expect(await new LargeEvidenceDesk(pool()).facts(large(bytes), over)).toBeUndefined();
    expect(fetched).toEqual([]);
  });
});
