import { createRequire } from 'node:module';
import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { parseTrustRoot, PUBLIC_GOOD, type TrustRoot } from '../sigstore/trust-root.ts';

/** Where the instance itself serves its TUF repository. */
export const PUBLIC_GOOD_REPOSITORY = 'https://tuf-repo-cdn.sigstore.dev';

/**
 * The trust root of Sigstore's public good instance as it is shipped inside `@sigstore/tuf`, where npm's own verification starts
 * from: good without any network, and as new as the dependency. It is checked by npm's lockfile hash.
 * @throws Fault TRUSTROOT_UNAVAILABLE when the package holds none; Refusal when what it holds is bad.
 */
export function publicGoodTrustRoot(): TrustRoot {
  return parseTrustRoot(JSON.parse(shippedTrustRoot()), PUBLIC_GOOD);
}

/** The text of its trusted_root.json. @throws Fault TRUSTROOT_UNAVAILABLE */
export function shippedTrustRoot(): string {
  return decoded(seed()?.targets?.['trusted_root.json']);
}

/** The text of the TUF root.json that the package trusts the instance's repository by. @throws Fault TRUSTROOT_UNAVAILABLE */
export function shippedTufRoot(): string {
  return decoded(seed()?.['root.json']);
}

function seed(): Seed | undefined {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json') as Readonly<Record<string, Seed>>;
  return seeds[PUBLIC_GOOD_REPOSITORY];
}

function decoded(base64: string | undefined): string {
  if (base64 === undefined || base64.length > LIMITS.trustRootBytes) {
    throw new Fault(
      'TRUSTROOT_UNAVAILABLE',
      'The trust root of the public good instance is not in this installation.',
    );
  }
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** What the package ships of a repository, in base64. */
interface Seed {
  readonly 'root.json'?: string;
  readonly targets?: Readonly<Record<string, string>>;
}
