import { afterEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseCondition } from '../../src/api/condition.ts';
import type { Logger } from '../../src/log.ts';
import { readAnswer } from '../../src/admission/statement-answer.ts';
import { EvidencePool, type EvidencePoolOptions } from '../../src/reading/evidence-pool.ts';
import { heldEvidence, type LargeEvidence } from '../../src/sigstore/evidence.ts';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { verifyEvidence, type TrustContext } from '../../src/sigstore/verify.ts';
import { changed, generatorStatement } from '../slsa/statements.ts';
import { createSigstore, publicKeyPem } from '../support/fixtures.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';

/** The thread that reads large evidence: the same facts as in this one, and an end of it is a fault and no more. */

const D = `sha256:${'a'.repeat(64)}`;
const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const pair = newKeyPair();
const key = parsePublicKey(publicKeyPem(pair));
const byRoot: TrustContext = { kind: 'root', root };
const byKey: TrustContext = { kind: 'key', key, root: undefined };
const byKeyWithRoot: TrustContext = { kind: 'key', key, root };

const statement = changed(generatorStatement(), 'predicate.buildConfig', { noise: 'x'.repeat(300_000) });
const keyless = bytesOf(sigstore.signStatement({ digests: [], statement }));
const keyed = bytesOf(sigstore.signStatement({ digests: [D], predicate: 'x'.repeat(300_000), key: pair }));

function bytesOf(bundle: unknown): Buffer {
  return Buffer.from(JSON.stringify(bundle));
}

function large(bytes: Uint8Array, source = 'referrer 1'): LargeEvidence {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { kind: 'large', form: 'bundle', source, digest, size: bytes.length, annotations: {} };
}

const errors: string[] = [];
const log: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (_fields, message) => void errors.push(message),
};
let pool: EvidencePool | undefined;
function started(options: Omit<EvidencePoolOptions, 'log'> = {}): EvidencePool {
  return (pool = new EvidencePool({ log, ...options }));
}
afterEach(async () => {
  await pool?.stop();
  errors.length = 0;
});

/** A copy is moved, so that the test keeps its own. */
const verified = (by: EvidencePool, bytes: Uint8Array, contexts: readonly TrustContext[], source?: string) =>
  by.verify(large(bytes, source), new Uint8Array(bytes), contexts);

describe('the same code', () => {
  test('gives the same facts, admitted and refused, for a root, a key and a key with a root', async () => {
    const reader = started();
    for (const [bytes, accepted] of [
      [keyless, [true, false, false]],
      [keyed, [false, true, true]],
    ] as const) {
      const contexts = [byRoot, byKey, byKeyWithRoot];
      const facts = await verified(reader, bytes, contexts);
      const held = heldEvidence(large(bytes), bytes);
      expect(facts).toEqual(contexts.map((context) => verifyEvidence(held, context)));
      expect(facts.map((fact) => !('code' in fact))).toEqual(accepted);
    }
  });

  test('gives the same answers about the statement', async () => {
    const reader = started();
    const evidence = large(keyless);
    await verified(reader, keyless, [byRoot]);
    const conditions = ['size(predicate.buildConfig.noise) == 300000', 'predicate.none == 1'].map((text) =>
      parseCondition(text, text),
    );
    const question = { slsa: true, conditions };
    const answer = await reader.answer(evidence, question);
    expect(answer).toEqual(readAnswer(heldEvidence(evidence, keyless), question));
    expect(answer.slsa?.statement).toMatchObject({ kind: 'provenance' });
    expect([...answer.results.values()].map(({ holds }) => holds)).toEqual([true, false]);
  });

  test('refuses one changed byte, in the signed text and in the signature', async () => {
    const reader = started();
    const text = keyed.toString();
    const payload = text.indexOf('"payload":"') + 5000;
    const signature = text.indexOf('"sig":"') + 20;
    expect(await verified(reader, keyed, [byKey])).toMatchObject([{ signer: { kind: 'key' } }]);
    for (const index of [payload, signature]) {
      const bad = Buffer.from(keyed);
      bad[index] = bad[index] === 0x41 ? 0x42 : 0x41;
      expect(await verified(reader, bad, [byKey])).toMatchObject([{ code: 'SIG_INVALID' }]);
    }
  });

  test('takes bytes that are a part of others, and leaves those', async () => {
    const reader = started();
    const all = Buffer.concat([Buffer.from('before'), keyed, Buffer.from('after')]);
    const facts = await reader.verify(large(keyed), all.subarray(6, 6 + keyed.length), [byKey]);
    expect(facts).toMatchObject([{ signer: { kind: 'key' } }]);
    expect(all.subarray(0, 6).toString()).toBe('before');
  });

  test('answers about nothing but what was verified last', async () => {
    const reader = started();
    await verified(reader, keyless, [byRoot]);
    await verified(reader, keyed, [byKey]);
    await expect(reader.answer(large(keyless), { slsa: true, conditions: [] })).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await expect(reader.answer(large(keyed), { slsa: true, conditions: [] })).resolves.toMatchObject({});
  });
});

describe('bounds', () => {
  const many = (count: number, text: string) => `[${Array.from({ length: count }, () => text).join(',')}]`;
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const names = (count: number) =>
    `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
  const signed = (predicate: string): Buffer =>
    bytesOf(sigstore.signStatement({ digests: [D], predicate: JSON.parse(predicate) as unknown, key: pair }));

  test.each([
    ['tokens', many(2_000_000, '""'), many(2_300_000, '""')],
    ['objects and lists', many(900_000, '{}'), many(1_000_001, '{}')],
    ['different keys', names(190_000), names(200_001)],
  ])('F8: too many %s are LIMIT, and fewer are verified', async (_what, good, bad) => {
    const reader = started();
    expect(await verified(reader, signed(good), [byKey])).toMatchObject([{ signer: { kind: 'key' } }]);
    expect(await verified(reader, signed(bad), [byKey])).toMatchObject([{ code: 'LIMIT' }]);
    expect(errors).toEqual([]);
  });

  test('F8: nesting', async () => {
    const reader = started();
    const noise = JSON.stringify('x'.repeat(300_000));
    const facts = [];
    for (const levels of [60, 65]) {
      facts.push(await verified(reader, signed(`[${noise},${deep(levels)}]`), [byKey]));
    }
    expect(facts).toMatchObject([[{ signer: { kind: 'key' } }], [{ code: 'LIMIT' }]]);
  });
});

describe('the end of the thread', () => {
  const thread = join(import.meta.dirname, 'failing-thread.ts');

  test.each(['exit', 'loop', 'throw'])(
    'by %s is a fault with a line in the log, and the next works',
    async (how) => {
      const reader = started({ thread, ...(how === 'loop' && { milliseconds: 3000 }) });
      await expect(verified(reader, keyed, [byKey], how)).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(errors).toHaveLength(1);
      const again = new EvidencePool({ log, thread });
      try {
        // Not by the short time of the one that is ended by it.
        const next = how === 'loop' ? again : reader;
        expect(await verified(next, keyed, [byKey])).toMatchObject([{ signer: { kind: 'key' } }]);
      } finally {
        await again.stop();
      }
    },
  );
});
