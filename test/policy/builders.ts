import { generateKeyPairSync } from 'node:crypto';
import type {
  PolicyRules,
  Resource,
  SigningPolicy,
  TrustedKey,
  TrustedSigner,
} from '../../src/api/resources.ts';
import { exactText, textPattern } from '../../src/api/text-matcher.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import type { ImageFacts } from '../../src/policy/image-facts.ts';
import { compileSnapshot, type Snapshot } from '../../src/policy/snapshot.ts';
import { verificationKey } from '../../src/sigstore/public-key.ts';
import type { TrustRoot } from '../../src/sigstore/trust-root.ts';
import type {
  CertificateIdentity,
  KeyIdentity,
  VerifiedSignature,
} from '../../src/sigstore/verified-signature.ts';

/** A good policy, a good signature, and ways to change one thing of each. */
export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const HOUR = 3_600_000;
export const DIGEST = `sha256:${'d'.repeat(64)}`;
export const OTHER_DIGEST = `sha256:${'e'.repeat(64)}`;
export const IMAGE = `ghcr.io/org/server:v1@${DIGEST}`;
export const ISSUER = 'https://accounts.google.com';
export const SUBJECT = 'build@example.com';

/** The policy ring reads only a root's fingerprint and requirements: the rest belongs to `sigstore/`. */
export function root(fingerprint = 'root-1', requires: Partial<TrustRoot['requires']> = {}): TrustRoot {
  return { fingerprint, requires: { logEntries: 1, timestamps: 0, scts: 0, ...requires } } as TrustRoot;
}

export const KEY = verificationKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
export const OTHER_KEY = verificationKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);

export function keyless(overrides: Partial<Extract<TrustedKey, { kind: 'keyless' }>> = {}): TrustedKey {
  return {
    kind: 'keyless',
    field: 'spec.trustedKeys[0]',
    issuer: exactText(ISSUER),
    subject: exactText(SUBJECT),
    extensions: {},
    trustRoot: undefined,
    ...overrides,
  };
}

export function publicKey(key = KEY, field = 'spec.trustedKeys[0]'): TrustedKey {
  return { kind: 'publicKey', field, key };
}

export function signerRef(name: string): TrustedKey {
  return { kind: 'signerRef', field: 'spec.trustedKeys[0]', name };
}

export { exactText, textPattern };

export function rules(overrides: Partial<PolicyRules> = {}): PolicyRules {
  return {
    requireSignature: true,
    trustedKeys: [keyless()],
    threshold: 1,
    transparency: {
      keyless: { log: 'Optional', timestamp: 'Optional' },
      keys: { log: 'Required', timestamp: 'Optional' },
    },
    trustRoot: 'public-good',
    tagPolicy: 'Pin',
    revokedDigests: new Set(),
    ...overrides,
  };
}

export function policy(
  overrides: Partial<SigningPolicy> = {},
  ofRules: Partial<PolicyRules> = {},
): SigningPolicy {
  return {
    kind: 'ClusterSigningPolicy',
    namespace: undefined,
    name: 'mcp-servers',
    generation: 1,
    mode: 'Enforce',
    match: {
      images: undefined,
      excludeImages: [],
      namespaceSelector: undefined,
      workloadSelector: undefined,
    },
    rules: rules(ofRules),
    problems: [],
    ...overrides,
  };
}

export function signer(overrides: Partial<TrustedSigner> = {}): TrustedSigner {
  return {
    kind: 'TrustedSigner',
    name: 'release-ci',
    labels: { team: 'platform' },
    generation: 1,
    description: undefined,
    identity: keyless({ field: 'spec' }) as TrustedSigner['identity'],
    enabled: true,
    expiresAt: undefined,
    signedNotBefore: undefined,
    signedNotAfter: undefined,
    problems: [],
    ...overrides,
  };
}

export function snapshotOf(...resources: Resource[]): Snapshot {
  return compileSnapshot({ number: 7, resources, builtinRoots: new Map([['public-good', root()]]) });
}

export function certificate(overrides: Partial<CertificateIdentity> = {}): CertificateIdentity {
  return {
    kind: 'certificate',
    trustRoot: 'root-1',
    issuer: ISSUER,
    names: [{ type: 'email', value: SUBJECT }],
    extensions: {},
    ...overrides,
  };
}

export function keyIdentity(key = KEY): KeyIdentity {
  return { kind: 'key', fingerprint: key.fingerprint };
}

let sources = 0;

export function signature(overrides: Partial<VerifiedSignature> = {}): VerifiedSignature {
  sources += 1;
  return {
    source: `referrer ${sources}`,
    content: { kind: 'signature', form: 'statement' },
    digests: [DIGEST],
    signer: certificate(),
    log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: NOW - HOUR }] },
    timestamps: { state: 'absent' },
    ...overrides,
  };
}

/** The context in which the entries of `rules()` verify. */
export const ROOT_CONTEXT = 'root root-1';
export const KEY_CONTEXT = `key ${KEY.fingerprint} root-1`;

export function factsOf(
  byContext: Readonly<Record<string, readonly (VerifiedSignature | ImageFacts['refused'][number])[]>>,
  overrides: Partial<ImageFacts> = {},
): ImageFacts {
  return {
    image: IMAGE,
    reference: parseImageReference(IMAGE),
    digest: { kind: 'known', digest: DIGEST },
    byContext: new Map(Object.entries(byContext)),
    refused: [],
    faults: [],
    ...overrides,
  };
}
