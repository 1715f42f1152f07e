import { generateKeyPairSync } from 'node:crypto';
import type {
  PolicyRules,
  Resource,
  SigningException,
  SigningPolicy,
  TrustedKey,
  TrustedSigner,
} from '../../src/api/resources.ts';
import { exactText, textPattern } from '../../src/api/text-matcher.ts';
import { parseGlob } from '../../src/image/glob.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import type { FoundFacts, ImageFacts } from '../../src/policy/image-facts.ts';
import {
  compileSnapshot,
  rootInHand,
  type CompiledPolicy,
  type Snapshot,
} from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { KeyState, RootState } from '../../src/policy/trust-material.ts';
import { parseKeyReference } from '../../src/api/key-reference.ts';
import { verificationKey, type VerificationKey } from '../../src/sigstore/public-key.ts';
import type { TrustRoot } from '../../src/sigstore/trust-root.ts';
import { staticTrust } from '../support/trust.ts';
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

export const THIRD_KEY = verificationKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);

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
    multiArch: 'Index',
    acceptMembership: false,
    signatureRepository: undefined,
    slsa: undefined,
    attestations: [],
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
    revokes: false,
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

/** Of every `ghcr.io/org/*` in `mcp`, for another hour. */
export function exception(
  name = 'incident-1',
  grant: Partial<SigningException['grant']> | undefined = {},
): SigningException {
  return {
    kind: 'SigningException',
    name,
    generation: 1,
    grant: {
      namespaces: new Set(['mcp']),
      images: [parseGlob('ghcr.io/org/*')],
      policies: undefined,
      reason: 'INC-1',
      expiresAt: NOW + HOUR,
      ...grant,
    },
    problems: [],
  };
}

export function snapshotOf(...resources: Resource[]): Snapshot {
  return snapshotWith({}, ...resources);
}

/** What is known of keys and roots that are kept elsewhere. */
export interface Elsewhere {
  /** By URI; what is missing here is not available. */
  readonly keys?: Readonly<Record<string, KeyState>>;
  /** By the name of the TrustRoot; `public-good` is in hand unless it is named here. */
  readonly roots?: Readonly<Record<string, RootState>>;
}

export const NOT_READ = { kind: 'unavailable', reason: 'it was not read yet' } as const;

export function snapshotWith({ keys = {}, roots = {} }: Elsewhere, ...resources: Resource[]): Snapshot {
  const { material } = staticTrust(
    new Map(Object.entries({ 'public-good': root(), ...roots })),
    new Map(Object.entries(keys)),
  );
  return compileSnapshot({ number: 7, resources, material: material() });
}

/** A TrustRoot whose content stands in it; undefined = its document has problems. */
export function trustRoot(name: string, of: TrustRoot | undefined): Resource {
  const source = of === undefined ? undefined : ({ kind: 'inline', root: of } as const);
  return { kind: 'TrustRoot', name, generation: 1, source, requires: root().requires, problems: [] };
}

export const KEY_URI = 'awskms:///alias/release';

export function keyRef(uri = KEY_URI, field = 'spec.trustedKeys[0]'): TrustedKey {
  return { kind: 'keyRef', field, reference: parseKeyReference(uri) };
}

/** A reference whose keys are known. */
export function keysKnown(
  keys: readonly [VerificationKey, ...VerificationKey[]] = [KEY],
  overrides: Partial<Extract<KeyState, { kind: 'known' }>> = {},
): KeyState {
  return {
    kind: 'known',
    keys,
    usableUntil: undefined,
    resolvedAt: NOW - HOUR,
    error: undefined,
    ...overrides,
  };
}

export function rootKnown(
  of = root(),
  overrides: Partial<Extract<RootState, { kind: 'known' }>> = {},
): RootState {
  return { ...(rootInHand(of) as Extract<RootState, { kind: 'known' }>), ...overrides };
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

/**
 * What verifying these signatures gives, in every context of the policies: each is good where it belongs, and nowhere else.
 * A key signs as itself, a text is the e-mail address of a keyless signer.
 */
export function foundBy(
  policies: readonly CompiledPolicy[],
  digest: string,
  ...signers: readonly (VerificationKey | string)[]
): FoundFacts {
  const contexts = policies.flatMap(({ entries }) => entries.usable.flatMap((entry) => entry.contexts));
  const byContext = contexts.map(({ id, context }) => {
    const facts = signers.map((by, index): VerifiedSignature | ImageFacts['refused'][number] => {
      const source = `referrer ${digest.slice(7, 9)} ${index}`;
      const isKey = typeof by !== 'string';
      const fits = isKey
        ? context.kind === 'key' && context.key.fingerprint === by.fingerprint
        : context.kind === 'root';
      if (!fits) return { source, code: 'SIG_INVALID', detail: 'made by another' };
      const identity = isKey ? keyIdentity(by) : certificate({ names: [{ type: 'email', value: by }] });
      return signature({ source, digests: [digest], signer: identity });
    });
    return [id, facts] as const;
  });
  return { byContext: new Map(byContext), refused: [], faults: [] };
}

/** `verified`, the code of a violation, or `fault` and its code. */
export function codeOf(outcome: Outcome): string {
  if (outcome.kind === 'violated') return outcome.violations[0].code;
  return outcome.kind === 'faulted' ? `fault ${outcome.faults[0].code}` : 'verified';
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
    digest: { kind: 'known', digest: DIGEST, withPullSecret: false },
    platforms: { kind: 'none' },
    parent: { kind: 'none' },
    byContext: new Map(Object.entries(byContext)),
    refused: [],
    faults: [],
    ...overrides,
  };
}
