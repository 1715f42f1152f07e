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
