import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { FactCache } from '../../src/admission/fact-cache.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { bundleEvidence, createSigstore } from '../support/fixtures.ts';

const sigstore = createSigstore();
const context = {
  kind: 'root',
  root: parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD),
} as const;

/** A statement about so many images. */
function about(images: number, name: string): Evidence {
  const digests = Array.from({ length: images }, (_, index) => {
    return `sha256:${createHash('sha256').update(`${name} ${index}`).digest('hex')}`;
  });
  return bundleEvidence(sigstore.signStatement({ digests, predicateType: 'https://example.com/v1' }));
}

test('F12: facts are remembered as long as there is room for them, and a large one takes more', () => {
  const [first, ...others] = ['a', 'b', 'c', 'd'].map((name) => about(1, name));
  if (first === undefined) throw new Error('there is no evidence');
  const remembers = (more: readonly Evidence[]): boolean => {
    const cache = new FactCache(undefined, 256 * 1024);
    for (const evidence of [first, ...more]) {
      expect(cache.verify(evidence, context, undefined)).not.toHaveProperty('code');
    }
    return cache.known(first, context, undefined) !== undefined;
  };
  expect(remembers(others)).toBe(true);
  expect(remembers([about(1024, 'e')])).toBe(true);
  expect(remembers([about(1024, 'e'), about(1024, 'f')])).toBe(false);
});
