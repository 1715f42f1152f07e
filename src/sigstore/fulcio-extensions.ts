import { Refusal } from '../errors.ts';
import type { SubjectName } from './verified-signature.ts';

/**
 * Fulcio's certificate extensions, each a DER UTF8String, by the names that policies use
 * (source: sigstore/fulcio, docs/oid-info.md). The issuer is not among them: it has a field of its own.
 */
export const FULCIO_EXTENSIONS = {
  buildSignerURI: '1.3.6.1.4.1.57264.1.9',
  buildSignerDigest: '1.3.6.1.4.1.57264.1.10',
  runnerEnvironment: '1.3.6.1.4.1.57264.1.11',
  sourceRepositoryURI: '1.3.6.1.4.1.57264.1.12',
  sourceRepositoryDigest: '1.3.6.1.4.1.57264.1.13',
  sourceRepositoryRef: '1.3.6.1.4.1.57264.1.14',
  sourceRepositoryID: '1.3.6.1.4.1.57264.1.15',
  sourceRepositoryOwnerURI: '1.3.6.1.4.1.57264.1.16',
  sourceRepositoryOwnerID: '1.3.6.1.4.1.57264.1.17',
  buildConfigURI: '1.3.6.1.4.1.57264.1.18',
  buildConfigDigest: '1.3.6.1.4.1.57264.1.19',
  buildTrigger: '1.3.6.1.4.1.57264.1.20',
  runInvocationURI: '1.3.6.1.4.1.57264.1.21',
  sourceRepositoryVisibility: '1.3.6.1.4.1.57264.1.22',
  deploymentEnvironment: '1.3.6.1.4.1.57264.1.23',
  tokenSubject: '1.3.6.1.4.1.57264.1.24',
} as const;

export type FulcioExtensionName = keyof typeof FULCIO_EXTENSIONS;

/** For the schema of policies: every name that `extensions` may have. */
export const FULCIO_EXTENSION_NAMES = Object.keys(FULCIO_EXTENSIONS) as readonly FulcioExtensionName[];

/** The OIDC issuer: raw text in .1.1 (old), a DER UTF8String in .1.8. */
export const OID_ISSUER_RAW = '1.3.6.1.4.1.57264.1.1';
export const OID_ISSUER = '1.3.6.1.4.1.57264.1.8';

/** The OIDC issuer of GitHub Actions on github.com. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';

/**
 * What Fulcio wrote for GitHub before 2023: raw text, no DER. Newer certificates repeat it. The workflow's title (.1.4) is not read:
 * anybody can choose it.
 */
const OLD_EXTENSIONS = {
  buildTrigger: '1.3.6.1.4.1.57264.1.2',
  sourceRepositoryDigest: '1.3.6.1.4.1.57264.1.3',
  sourceRepositoryURI: '1.3.6.1.4.1.57264.1.5', // owner/name
  sourceRepositoryRef: '1.3.6.1.4.1.57264.1.6',
} as const;

const GITHUB = 'https://github.com';
const OWNER_AND_NAME = /^([A-Za-z0-9._-]+)\/[A-Za-z0-9._-]+$/;
/** Everything that the old extensions and the subject say, by its new names. */
const OLD_NAMES: ReadonlySet<string> = new Set<FulcioExtensionName>([
  'buildSignerURI',
  'buildTrigger',
  'sourceRepositoryDigest',
  'sourceRepositoryURI',
  'sourceRepositoryOwnerURI',
  'sourceRepositoryRef',
]);

type Extensions = Readonly<Record<string, string>>;

/** What a certificate says, as far as it has been read. */
interface ReadCertificate {
  readonly issuer: string;
  /** Whether the issuer is in the new extension. */
  readonly isIssuerNew: boolean;
  readonly names: readonly SubjectName[];
  /** The new extensions. */
  readonly extensions: Extensions;
  /** The text of a raw extension; undefined when it is absent. @throws Refusal CERT_INVALID */
  readonly rawText: (oid: string) => string | undefined;
}

/**
 * The extensions by their new names, from certificates of both times. For GitHub the old ones say the same in other words: the subject
 * is the workflow that signed. Where a certificate has both, they must agree; one with any new extension is read by its new
 * extensions alone, so that nothing is made up from two halves.
 * @throws Refusal CERT_INVALID
 */
export function withOldExtensions(certificate: ReadCertificate): Extensions {
  const { issuer, isIssuerNew, names, extensions } = certificate;
  if (issuer !== GITHUB_ISSUER) return extensions;
  const old = oldExtensions(certificate);
  for (const [name, value] of Object.entries(old)) {
    const current = extensions[name]?.replace(/^sha(?:1|256):/, '');
    if (current !== undefined && current !== value) {
      throw new Refusal(
        'CERT_INVALID',
        `the old and the new extensions of the certificate differ in ${name}`,
      );
    }
  }
  if (isIssuerNew || Object.keys(extensions).length > 0 || Object.keys(old).length === 0) return extensions;
  const [signer, ...others] = names;
  return signer?.type === 'uri' && others.length === 0 ? { ...old, buildSignerURI: signer.value } : old;
}

/** Whether a certificate says no more than Fulcio's certificates of before 2023 do. */
export function hasOldExtensionsOnly(extensions: Extensions): boolean {
  return Object.keys(extensions).every((name) => OLD_NAMES.has(name));
}

function oldExtensions({ rawText }: ReadCertificate): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, oid] of Object.entries(OLD_EXTENSIONS)) {
    const value = rawText(oid);
    if (value !== undefined) values[name] = value;
  }
  const { sourceRepositoryURI: repository } = values;
  if (repository === undefined) return values;
  const [, owner] = OWNER_AND_NAME.exec(repository) ?? [];
  if (owner === undefined) {
    throw new Refusal('CERT_INVALID', 'the certificate names a repository that is not "owner/name"');
  }
  return {
    ...values,
    sourceRepositoryURI: `${GITHUB}/${repository}`,
    sourceRepositoryOwnerURI: `${GITHUB}/${owner}`,
  };
}
