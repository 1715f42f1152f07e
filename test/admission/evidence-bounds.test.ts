import { describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage } from '../../src/admission/judge-image.ts';
import type { Discovery, DiscoverOptions } from '../../src/admission/ports.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { askOf } from '../../src/admission/statement-questions.ts';
import type { SigningPolicy, TrustedKey } from '../../src/api/resources.ts';
import type { ImageReference } from '../../src/image/reference.ts';
import { LIMITS } from '../../src/limits.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { verificationKey } from '../../src/sigstore/public-key.ts';
import { SLSA_PREDICATES } from '../../src/slsa/slsa-statement.ts';
import { codeOf, policy } from '../policy/builders.ts';
import {
  attestationDemand,
  attestationsOnly,
  SBOM_TYPE,
  SCAN_TYPE,
  slsaOnly,
} from '../policy/statement-facts.ts';
import { bundleEvidence, createSigstore } from '../support/fixtures.ts';
import { newKeyPair } from '../support/fixtures-certificates.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** How much of what was found is verified, in which order, and what is asked for. */

const D = `sha256:${'a'.repeat(64)}`;
const IMAGE = `ghcr.io/org/server:v1@${D}`;
const NOW = Date.parse('2026-11-22T12:00:00Z');
const sigstore = createSigstore();
const key = newKeyPair();
const junk = (index: number): Evidence => ({
  kind: 'simple-signing',
  source: `junk ${index}`,
  payload: Buffer.from(String(index)),
  annotations: {},
});
const gold = (source = 'gold') =>
  bundleEvidence(sigstore.signStatement({ digests: [D], key, log: 'none', timestamp: false }), source);

function keys(count: number): readonly TrustedKey[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'publicKey',
    field: `spec.trustedKeys[${index}]`,
    key: verificationKey((index === 0 ? key : newKeyPair()).publicKey),
  }));
}

function compiled(...all: readonly SigningPolicy[]) {
  return compileSnapshot({ number: 1, resources: all, material: staticTrust(new Map()).material() }).policies;
}

const trusting = (count: number) =>
  policy(
    {},
    {
      trustedKeys: keys(count),
      transparency: {
        keyless: { log: 'Optional', timestamp: 'Optional' },
        keys: { log: 'Ignored', timestamp: 'Optional' },
      },
    },
  );

class AskedImages extends ScriptedImages {
  readonly asks: DiscoverOptions['ask'][] = [];

  override discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery> {
    this.asks.push(options.ask);
    return super.discover(image, digest, options);
  }
}

async function judge(
  asking: SigningPolicy,
  evidence: readonly Evidence[],
  more: { facts?: FactCache; signal?: AbortSignal } = {},
) {
  const images = new AskedImages(new Map(), new Map([[D, evidence]]));
  const { facts = new FactCache(), signal = new AbortController().signal } = more;
  const { examined } = await examineImage(IMAGE, compiled(asking), {
    sources: { images, facts, statements: new StatementCache(), large: largeEvidence() },
    circumstances: { now: NOW, isPod: true },
    puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
    signal,
  });
  const outcome = examined[0]?.verdict.outcome;
  if (outcome === undefined) throw new Error('no verdict');
  return { code: codeOf(outcome), outcome, asks: images.asks };
}

describe('F1: verifications of one image', () => {
  const most = Math.max(LIMITS.evidenceVerified, Math.floor(LIMITS.verifications / 64));

  test('are bounded, whatever there is of evidence and keys; the bound is the first reason', async () => {
    const many = Array.from({ length: most }, (_, index) => junk(index));
    let verified = 0;
    const facts = new FactCache((hit) => void (verified += hit ? 0 : 1));
    const { outcome } = await judge(trusting(64), [...many, gold()], { facts });
    expect(outcome).toMatchObject({ kind: 'violated' });
    const [first] = outcome.kind === 'violated' ? outcome.violations : [];
    expect(first).toMatchObject({ code: 'LIMIT', unverified: 'bound' });
    expect(first?.detail).toContain(`${most} of ${most + 1} pieces of evidence were verified`);
    expect(verified).toBe(most * 64);
    // The last that is verified, and with fewer keys the one behind it.
    expect((await judge(trusting(64), [...many.slice(1), gold()])).code).toBe('verified');
    expect((await judge(trusting(2), [...many, gold()])).code).toBe('verified');
  });

  test('are made piece by piece: what is most promising is verified with every key before the next one', async () => {
    const order: string[] = [];
    class Noting extends FactCache {
      override verify(...args: Parameters<FactCache['verify']>) {
        order.push(args[0].source);
        return super.verify(...args);
      }
    }
    await judge(trusting(2), [gold(), junk(1)], { facts: new Noting() });
    expect(order).toEqual(['gold', 'gold', 'junk 1', 'junk 1']);
  });

  test('end with the time, and what was verified by then counts', async () => {
    const deadline = new AbortController();
    class Slow extends FactCache {
      override verify(...args: Parameters<FactCache['verify']>) {
        const fact = super.verify(...args);
        if (args[0].source === 'junk 1') deadline.abort();
        return fact;
      }
    }
    const signal = deadline.signal;
    expect((await judge(trusting(1), [gold(), junk(1), junk(2)], { facts: new Slow(), signal })).code).toBe(
      'verified',
    );
  });
});

describe('what is asked for', () => {
  test('is what the policies of the review ask for, each type once, so many at most', async () => {
    const [signatures, sbom, scan] = [
      trusting(1),
      policy({ name: 'b' }, attestationsOnly(attestationDemand())),
      policy({ name: 'c' }, attestationsOnly(attestationDemand({ predicateType: SCAN_TYPE }))),
    ];
    expect((await judge(signatures, [])).asks).toEqual([{ signatures: true, predicateTypes: [] }]);
    const types = [SBOM_TYPE, SCAN_TYPE].sort();
    expect(askOf(compiled(sbom, scan, sbom))).toEqual({ signatures: false, predicateTypes: types });
    expect(askOf(compiled(policy({}, slsaOnly()))).predicateTypes).toEqual([...SLSA_PREDICATES].sort());
    const many = Array.from({ length: 100 }, (_, index) =>
      attestationDemand({ predicateType: `https://x/${index}` }),
    );
    expect(askOf(compiled(policy({}, attestationsOnly(...many)))).predicateTypes).toHaveLength(
      LIMITS.askedPredicateTypes,
    );
  });
});
