import type { CertificateIdentity, KeyIdentity } from '../sigstore/verified-signature.ts';

/** The OIDC issuer of GitHub Actions on github.com, whole and exact; GitHub Enterprise has others, which nothing here trusts. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
/** The same of GitLab CI on gitlab.com. */
export const GITLAB_ISSUER = 'https://gitlab.com';

/** Whether a build platform's token stands behind a certificate: then its extensions tell what ran, whatever a job writes. */
export function isPlatformCertificate(
  signer: CertificateIdentity | KeyIdentity,
): signer is CertificateIdentity {
  return (
    signer.kind === 'certificate' && (signer.issuer === GITHUB_ISSUER || signer.issuer === GITLAB_ISSUER)
  );
}
