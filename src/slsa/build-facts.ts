import type { FulcioExtensionName } from '../sigstore/fulcio-extensions.ts';
import type { CertificateIdentity, KeyIdentity } from '../sigstore/verified-signature.ts';
import type { ClaimSubject } from './claim.ts';
import { githubServerOf, isPlatformCertificate } from './platform-issuer.ts';
import { firstClaim, type Provenance } from './provenance.ts';
import { sourceUriOf } from './source-uri.ts';

/** What is known of a build, by whoever may say so. What nobody may say is undefined. */
export interface BuildFacts {
  /** Canonical, see `source-uri.ts`. */
  readonly source: string | undefined;
  readonly repositoryID: string | undefined;
  readonly ownerID: string | undefined;
  readonly ref: string | undefined;
  readonly commit: string | undefined;
  readonly trigger: string | undefined;
  readonly runnerEnvironment: string | undefined;
}

/**
 * A certificate of a build platform (GitHub, GitLab) is the only source of these facts: the job that it was made for could have written
 * anything into the predicate. For other signers the predicate counts, if they may speak for the builder, and where their
 * certificate says something that counts more. From anybody else it is just a text.
 */
export function buildFactsOf(
  provenance: Provenance,
  signer: CertificateIdentity | KeyIdentity,
  by: { readonly isPlatform: boolean; readonly maySpeak: boolean; readonly githubIssuers: readonly string[] },
): BuildFacts {
  const { maySpeak } = by;
  const isPlatform = by.isPlatform && isPlatformCertificate(signer, by.githubIssuers);
  const certificate = isPlatform || maySpeak ? extensionsOf(signer) : {};
  const fact = (extension: FulcioExtensionName, about: ClaimSubject): string | undefined =>
    certificate[extension] ?? (maySpeak && !isPlatform ? firstClaim(provenance.claims, about) : undefined);
  const source = sourceUriOf(fact('sourceRepositoryURI', 'repository'))?.repository;
  // An issuer speaks for its own server: a Fulcio that does not know that server writes github.com for it.
  const server = isPlatform ? githubServerOf(signer.issuer) : undefined;
  return {
    source: server === undefined || source?.startsWith(`${server}/`) === true ? source : undefined,
    repositoryID: fact('sourceRepositoryID', 'repositoryID'),
    ownerID: fact('sourceRepositoryOwnerID', 'ownerID'),
    ref: fact('sourceRepositoryRef', 'ref'),
    commit: fact('sourceRepositoryDigest', 'commit'),
    trigger: fact('buildTrigger', 'trigger'),
    runnerEnvironment: fact('runnerEnvironment', 'runner'),
  };
}

function extensionsOf(signer: CertificateIdentity | KeyIdentity): Readonly<Record<string, string>> {
  return signer.kind === 'certificate' ? signer.extensions : {};
}
