import type { TrustRoot } from '../sigstore/trust-root.ts';
import { publicGoodTrustRoot } from './public-good.ts';

/** The trust roots that exist without a resource, by name; a TrustRoot of the same name replaces one. */
export function builtinRoots(): ReadonlyMap<string, TrustRoot> {
  return new Map([['public-good', publicGoodTrustRoot()]]);
}
