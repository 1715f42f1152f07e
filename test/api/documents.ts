import { createHash, generateKeyPairSync } from 'node:crypto';
import { inspectResource, parseResource } from '../../src/api/resource.ts';
import type {
  SigningException,
  SigningPolicy,
  TrustedSigner,
  TrustRootResource,
} from '../../src/api/resources.ts';

export type Json = Record<string, unknown>;

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const PUBLIC_PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
export const PRIVATE_PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const OTHER_PEM = generateKeyPairSync('ed25519')
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();

export const KEYLESS = { keyless: true, issuer: 'https://accounts.google.com', subject: 'build@example.com' };
export const KEYLESS_PATTERNS = {
  keyless: true,
  issuerRegExp: 'https://issuer-[0-9]+\\.example\\.com',
  subjectRegExp: 'https://github\\.com/org/[^/@]+/\\.github/workflows/release\\.yml@refs/tags/v[0-9]+',
};
/** A list of one value. */
export const times = <T>(length: number, value: T): readonly T[] => Array.from({ length }, () => value);

export const DIGEST = `sha256:${'a'.repeat(64)}`;

export function document(kind: string, spec: unknown, metadata: Json = {}): Json {
  const place = kind === 'SigningPolicy' ? { namespace: 'team' } : {};
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind,
    metadata: { name: 'good', ...place, ...metadata },
    spec,
  };
}

/** The good twin: a valid spec with some fields replaced; `undefined` takes one away. */
export function policySpec(changes: Json = {}): Json {
  const spec: Json = { mode: 'Enforce', trustedKeys: [KEYLESS], ...changes };
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

export function clusterPolicy(changes: Json = {}): SigningPolicy {
  return parseResource(document('ClusterSigningPolicy', policySpec(changes))) as SigningPolicy;
}

export function policyWith(entry: unknown): SigningPolicy {
  return clusterPolicy({ trustedKeys: [entry, KEYLESS] });
}

export function signer(changes: Json = {}, metadata: Json = {}): TrustedSigner {
  return parseResource(document('TrustedSigner', { ...KEYLESS, ...changes }, metadata)) as TrustedSigner;
}

export function trustRoot(spec: Json): TrustRootResource {
  return parseResource(document('TrustRoot', spec)) as TrustRootResource;
}

export function exceptionSpec(changes: Json = {}): Json {
  const spec: Json = {
    namespaces: ['mcp'],
    images: ['ghcr.io/org/*'],
    reason: 'INC-1: the signer is down',
    expiresAt: '2026-12-01T00:00:00Z',
    ...changes,
  };
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

export function exception(changes: Json = {}, name = 'good'): SigningException {
  return parseResource(document('SigningException', exceptionSpec(changes), { name })) as SigningException;
}

/** Fields of all problems, also those inside entries. */
export function problemFields(json: unknown): readonly string[] {
  return inspectResource(json).problems.map(({ field }) => field);
}

/** A trusted_root.json of one log and nothing else. */
export const TRUSTED_ROOT = trustedRootJson('https://rekor.example.com');

export function trustedRootJson(baseUrl: string): string {
  const rawBytes = publicKey.export({ type: 'spki', format: 'der' });
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl,
        hashAlgorithm: 'SHA2_256',
        publicKey: {
          rawBytes: rawBytes.toString('base64'),
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          validFor: { start: '2026-01-01T00:00:00Z' },
        },
        logId: { keyId: createHash('sha256').update(rawBytes).digest('base64') },
      },
    ],
    certificateAuthorities: [],
    timestampAuthorities: [],
    ctlogs: [],
  });
}
