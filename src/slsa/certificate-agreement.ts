import type { FulcioExtensionName } from '../sigstore/fulcio-extensions.ts';
import type { CertificateIdentity } from '../sigstore/verified-signature.ts';
import { splitBuilderId } from './builder-id.ts';
import type { Claim, ClaimSubject } from './claim.ts';
import { githubServerOf } from './platform-issuer.ts';
import { sourceUriOf } from './source-uri.ts';

/** A claim that the certificate says otherwise about. */
export interface Contradiction {
  readonly claim: Claim;
  readonly extension: FulcioExtensionName;
  readonly certified: string;
}

interface Counterpart {
  readonly extension: FulcioExtensionName;
  readonly agrees: (claimed: string, certified: string, signer: CertificateIdentity) => boolean;
}

const same = (claimed: string, certified: string): boolean => claimed === certified;

/** What each claim is held against (sigstore/fulcio, docs/oid-info.md). */
const COUNTERPARTS: Readonly<Record<Exclude<ClaimSubject, 'entryPoint'>, Counterpart>> = {
  repository: {
    extension: 'sourceRepositoryURI',
    agrees: (claimed, certified) => sourceUriOf(certified)?.repository === claimed,
  },
  repositoryID: { extension: 'sourceRepositoryID', agrees: same },
  owner: {
    extension: 'sourceRepositoryOwnerURI',
    agrees: (claimed, certified, { issuer }) =>
      certified.toLowerCase() ===
      `${githubServerOf(issuer) ?? 'https://github.com'}/${claimed}`.toLowerCase(),
  },
  ownerID: { extension: 'sourceRepositoryOwnerID', agrees: same },
  ref: { extension: 'sourceRepositoryRef', agrees: same },
  commit: { extension: 'sourceRepositoryDigest', agrees: isCertifiedCommit },
  config: { extension: 'buildConfigURI', agrees: isConfigPath },
  configRef: {
    extension: 'buildConfigURI',
    agrees: (claimed, certified) => splitBuilderId(certified).ref === claimed,
  },
  configURI: { extension: 'buildConfigURI', agrees: same },
  configCommit: { extension: 'buildConfigDigest', agrees: isCertifiedCommit },
  trigger: { extension: 'buildTrigger', agrees: same },
  runner: { extension: 'runnerEnvironment', agrees: same },
  run: { extension: 'runInvocationURI', agrees: isRun },
};

/**
 * The first claim that the certificate contradicts (attacks B8 and B12). What the certificate does not say contradicts
 * nothing; it also confirms nothing, see `build-facts.ts`.
 */
export function contradictionOf(
  claims: readonly Claim[],
  signer: CertificateIdentity,
): Contradiction | undefined {
  for (const claim of claims) {
    if (claim.about === 'entryPoint') continue;
    const { extension, agrees } = COUNTERPARTS[claim.about];
    const certified = signer.extensions[extension];
    if (certified !== undefined && !agrees(claim.value, certified, signer))
      return { claim, extension, certified };
  }
  return undefined;
}

/** Providers may write the algorithm before the digest. */
function isCertifiedCommit(claimed: string, certified: string): boolean {
  return certified.replace(/^sha(?:1|256):/, '') === claimed;
}

/** Two claims of one statement about the same thing that differ. A run has several spellings, and an entry point several kinds. */
export function selfContradictionOf(claims: readonly Claim[]): readonly [Claim, Claim] | undefined {
  const first = new Map<string, Claim>();
  for (const claim of claims) {
    const { about, value } = claim;
    if (about === 'run' || about === 'entryPoint') continue;
    // A commit has one name in each of git's hashes.
    const key = about === 'commit' ? `${about} of ${value.length}` : about;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, claim);
    else if (earlier.value !== value) return [earlier, claim];
  }
  return undefined;
}

/** A path in the source repository. */
function isConfigPath(path: string, certified: string, { extensions }: CertificateIdentity): boolean {
  return splitBuilderId(certified).name === `${extensions['sourceRepositoryURI']}/${path}`;
}

const GITHUB_RUN = /\/actions\/runs\/(\d{1,20})\/attempts\/(\d{1,10})$/;

/** The run's URI, or `<run>-<attempt>` as slsa-github-generator writes it. */
function isRun(claimed: string, certified: string): boolean {
  const [, run, attempt] = GITHUB_RUN.exec(certified) ?? [];
  return claimed === certified || (run !== undefined && claimed === `${run}-${attempt}`);
}
