import { generateKeyPairSync } from 'node:crypto';
import { TRUSTED_ROOT } from '../api/documents.ts';

/** A fresh public key. */
export const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();

const apiVersion = 'countersign.dev/v1alpha1';

export function policy(name: string, spec: object = {}, images: string[] = [`ghcr.io/${name}/**`]) {
  return {
    apiVersion,
    kind: 'ClusterSigningPolicy',
    metadata: { name },
    spec: {
      mode: 'Enforce',
      match: { images },
      requireSignature: true,
      trustedKeys: [{ publicKey: { pem: PEM } }],
      ...spec,
    },
  };
}

export function namespacedPolicy(name: string, namespace: string) {
  return { ...policy(name), kind: 'SigningPolicy', metadata: { name, namespace } };
}

export function signer(name: string, spec: object = {}) {
  return {
    apiVersion,
    kind: 'TrustedSigner',
    metadata: { name },
    spec: { publicKey: { pem: PEM }, enabled: true, ...spec },
  };
}

export function trustRoot(name: string) {
  const proofs = { logEntries: 1, timestamps: 0, scts: 0 };
  return { apiVersion, kind: 'TrustRoot', metadata: { name }, spec: { trustedRoot: TRUSTED_ROOT, proofs } };
}

export function exception(name: string, spec: object = {}) {
  return {
    apiVersion,
    kind: 'SigningException',
    metadata: { name },
    spec: {
      namespaces: ['mcp'],
      images: ['ghcr.io/org/*'],
      reason: 'INC-1',
      expiresAt: '2026-11-22T13:00:00Z',
      ...spec,
    },
  };
}

export const COLLECTIONS = {
  policies: '/apis/countersign.dev/v1alpha1/clustersigningpolicies',
  namespacedPolicies: '/apis/countersign.dev/v1alpha1/signingpolicies',
  signers: '/apis/countersign.dev/v1alpha1/trustedsigners',
  roots: '/apis/countersign.dev/v1alpha1/trustroots',
  exceptions: '/apis/countersign.dev/v1alpha1/signingexceptions',
  namespaces: '/api/v1/namespaces',
} as const;
