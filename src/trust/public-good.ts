import { createRequire } from 'node:module';
import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { parseTrustRoot, PUBLIC_GOOD, type TrustRoot } from '../sigstore/trust-root.ts';

const repository = 'https://tuf-repo-cdn.sigstore.dev';

/**
 * The trust root of Sigstore's public good instance as it is shipped inside `@sigstore/tuf`, where npm's own verification starts
 * from: good without any network, and as new as the dependency. It is checked by npm's lockfile hash.
 * @throws Fault TRUSTROOT_UNAVAILABLE when the package holds none; Refusal when what it holds is bad.
 */
export function publicGoodTrustRoot(): TrustRoot {
  return parseTrustRoot(JSON.parse(shippedTrustRoot()), PUBLIC_GOOD);
}

/** The text of its trusted_root.json. */
export function shippedTrustRoot(): string {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json') as Seeds;
  const encoded = seeds[repository]?.targets?.['trusted_root.json'];
  if (encoded === undefined || encoded.length > LIMITS.trustRootBytes) {
    throw new Fault(
      'TRUSTROOT_UNAVAILABLE',
      'The trust root of the public good instance is not in this installation.',
    );
  }
  return Buffer.from(encoded, 'base64').toString('utf8');
}

/** What the package ships: a base64 text per target of each repository. */
type Seeds = Readonly<Record<string, { readonly targets?: Readonly<Record<string, string>> }>>;
