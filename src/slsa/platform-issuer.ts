import { GITHUB_ISSUER } from '../sigstore/fulcio-extensions.ts';
import type { CertificateIdentity, KeyIdentity } from '../sigstore/verified-signature.ts';

/** The OIDC issuer of GitLab CI on gitlab.com, whole and exact. */
export const GITLAB_ISSUER = 'https://gitlab.com';

const GITHUB = 'https://github.com';
/** `…/<enterprise>`: GitHub Enterprise Cloud with an issuer of its own. The workflows are those of github.com. */
const ENTERPRISE = /^https:\/\/token\.actions\.githubusercontent\.com\/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
/** GitHub Enterprise Cloud with data residency: the enterprise has a server of its own. */
const DATA_RESIDENCY = /^https:\/\/token\.actions\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.ghe\.com)$/;
/** GitHub Enterprise Server. */
const OWN_SERVER = /^(https:\/\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9]\d{0,4})?)\/_services\/token$/;
/** Hosts that are no GitHub Enterprise Server: an issuer below them must not speak for what others keep there. */
const PUBLIC_SERVER = /^https:\/\/(?:github\.com|[^/]*\.githubusercontent\.com|gitlab\.com)(?::\d+)?$/;

/**
 * The server whose workflows an issuer of GitHub Actions speaks for, `https://host[:port]`; undefined for any other issuer.
 * https://docs.github.com/en/enterprise-cloud@latest/actions/reference/security/oidc
 */
export function githubServerOf(issuer: string): string | undefined {
  if (issuer === GITHUB_ISSUER || ENTERPRISE.test(issuer)) return GITHUB;
  const [, residence] = DATA_RESIDENCY.exec(issuer) ?? [];
  if (residence !== undefined) return `https://${residence}`;
  const [, server] = OWN_SERVER.exec(issuer) ?? [];
  return server === undefined || PUBLIC_SERVER.test(server) ? undefined : server;
}

/**
 * Whether a build platform's token stands behind a certificate: then its extensions tell what ran, whatever a job writes.
 * @param githubIssuers those that the policy takes for GitHub Actions, each compared whole
 */
export function isPlatformCertificate(
  signer: CertificateIdentity | KeyIdentity,
  githubIssuers: readonly string[],
): signer is CertificateIdentity {
  return (
    signer.kind === 'certificate' &&
    (signer.issuer === GITLAB_ISSUER || githubIssuers.includes(signer.issuer))
  );
}
