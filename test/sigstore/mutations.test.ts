import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { REFUSAL_CODES } from '../../src/errors.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import type { VerifiedSignature } from '../../src/sigstore/verified-signature.ts';
import { isRefused, verifyEvidence, type TrustContext } from '../../src/sigstore/verify.ts';
import { bundleEvidence } from '../support/fixtures.ts';
import { D, E, FS, keyContext, mustVerify, newKey, ROOT } from './support.ts';

/** mulberry32: small, and the same numbers on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomNumbers(20261122);
const below = (limit: number) => Math.floor(random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

/** Changes, removes, repeats or inserts a few bytes. */
function mutateBytes(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  const at = below(copy.length);
  switch (below(4)) {
    case 0:
      copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
      return copy;
    case 1:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + below(8))]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.max(0, at - below(40)))]);
    default:
      return Buffer.concat([copy.subarray(0, at), Buffer.of(below(256)), copy.subarray(at)]);
  }
}

const JUNK = [null, 0, -1, 1e300, '', 'x', '0', [], {}, true, [null], '__proto__', 'constructor'];

/** Changes one leaf or branch of a JSON value: base64 as bytes, anything else by junk or another part of a donor. */
function mutateJson(value: unknown, donor: unknown): unknown {
  const [copy, other] = [structuredClone(value), structuredClone(donor)];
  const places = [...placesOf(copy)];
  const { holder, key } = pick(places);
  const current = holder[key];
  const base64 = typeof current === 'string' && /^[A-Za-z0-9+/]{8,}={0,2}$/.test(current);
  switch (below(base64 ? 6 : 4)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      holder[key] = pick(JUNK);
      break;
    case 2: {
      const from = pick([...placesOf(other)]);
      holder[key] = from.holder[from.key];
      break;
    }
    case 3: {
      const twin = [...placesOf(other)].find(
        (place) => place.path === places.find((p) => p.holder === holder && p.key === key)?.path,
      );
      if (twin !== undefined) holder[key] = twin.holder[twin.key];
      break;
    }
    default:
      holder[key] = mutateBytes(Buffer.from(current as string, 'base64')).toString('base64');
  }
  return copy;
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly path: string;
}

function* placesOf(value: unknown, path = ''): Generator<Place> {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    yield { holder, key, path: `${path}/${key}` };
    yield* placesOf(holder[key], `${path}/${key}`);
  }
}

/**
 * Verified again is no harm, if it says the very same as one of the good ones: white space, unknown fields, an envelope
 * that was swapped whole.
 */
function checkOutcome(
  evidence: Evidence,
  context: TrustContext,
  ...golds: readonly VerifiedSignature[]
): boolean {
  const fact = verifyEvidence(evidence, context);
  if (isRefused(fact)) {
    expect(REFUSAL_CODES).toContain(fact.code);
    return false;
  }
  const gold = golds.find(({ digests }) => isDeepStrictEqual(digests, fact.digests)) ?? golds[0];
  const { content, digests, signer } = fact;
  expect({ content, digests, signer }).toEqual({
    content: gold?.content,
    digests: gold?.digests,
    signer: gold?.signer,
  });
  // Nor with proofs that the good one does not have.
  for (const kind of ['log', 'timestamps'] as const) {
    const now = fact[kind];
    const then = gold?.[kind];
    if (now.state !== 'valid') continue;
    expect(then?.state === 'valid' ? then.proofs : []).toEqual(expect.arrayContaining([...now.proofs]));
  }
  return true;
}

const key = newKey();
const CASES = [
  { name: 'keyless, Rekor v2 and timestamp', options: {}, context: ROOT },
  { name: 'keyless, Rekor v1', options: { log: 'v1', entryKind: 'dsse' }, context: ROOT },
  { name: 'key', options: { key }, context: keyContext(key) },
] as const;

describe('F15: mutations of good evidence', () => {
  test.each(CASES)('F15: $name, as bytes', ({ options, context }) => {
    const good = bundleEvidence(FS.signStatement({ digests: [D], ...options }));
    const gold = mustVerify(good, context);
    let verified = 0;
    for (let i = 0; i < 500; i++) {
      if (checkOutcome({ ...good, bytes: mutateBytes(good.bytes) }, context, gold)) verified++;
    }
    // Most must be refused: a mutation that nobody notices hits a field that is not read.
    expect(verified).toBeLessThan(250);
  });

  test.each(CASES)('F15: $name, as JSON', ({ options, context }) => {
    const bundle = FS.signStatement({ digests: [D], ...options });
    const donor = FS.signStatement({ digests: [E], ...options });
    const golds = [bundle, donor].map((json) => mustVerify(bundleEvidence(json), context));
    let verified = 0;
    for (let i = 0; i < 600; i++) {
      if (checkOutcome(bundleEvidence(mutateJson(bundle, donor)), context, ...golds)) verified++;
    }
    expect(verified).toBeLessThan(300);
  });

  test('F15: legacy signatures, payload and annotations', () => {
    const good = FS.signSimple({ digest: D, timestamp: true });
    const gold = mustVerify(good);
    const names = Object.keys(good.annotations);
    let verified = 0;
    for (let i = 0; i < 600; i++) {
      const name = pick(names);
      const annotation = mutateBytes(Buffer.from(good.annotations[name] ?? '')).toString('latin1');
      const evidence =
        below(4) === 0
          ? { ...good, payload: mutateBytes(good.payload) }
          : { ...good, annotations: { ...good.annotations, [name]: annotation } };
      if (checkOutcome(evidence, ROOT, gold)) verified++;
    }
    expect(verified).toBeLessThan(200);
  });

  test('F15: legacy attestations, envelope and annotations', () => {
    for (const entryKind of ['dsse', 'intoto/0.0.1'] as const) {
      const good = FS.signEnvelope({ digests: [D], entryKind, timestamp: true });
      const gold = mustVerify(good);
      const names = Object.keys(good.annotations).filter((name) => name.startsWith('dev.sigstore'));
      let verified = 0;
      for (let i = 0; i < 300; i++) {
        const name = pick(names);
        const annotation = mutateBytes(Buffer.from(good.annotations[name] ?? '')).toString('latin1');
        const evidence =
          below(2) === 0
            ? { ...good, envelope: mutateBytes(good.envelope) }
            : { ...good, annotations: { ...good.annotations, [name]: annotation } };
        if (checkOutcome(evidence, ROOT, gold)) verified++;
      }
      expect(verified).toBeLessThan(100);
    }
  });

  test('F15: the certificate’s DER', () => {
    const leaf = FS.issue({ extensions: { sourceRepositoryOwnerID: '123456' } });
    const gold = mustVerify(FS.signStatement({ digests: [D], leaf }));
    let verified = 0;
    for (let i = 0; i < 500; i++) {
      const der = mutateBytes(leaf.der);
      if (der.equals(leaf.der)) continue;
      // Logged as it is, so that nothing but the certificate itself can be wrong.
      if (
        checkOutcome(bundleEvidence(FS.signStatement({ digests: [D], leaf: { ...leaf, der } })), ROOT, gold)
      )
        verified++;
    }
    expect(verified).toBe(0);
  });
});
