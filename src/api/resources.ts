import type { VerificationKey } from '../sigstore/public-key.ts';
import type { ProofRequirements, TrustRoot } from '../sigstore/trust-root.ts';
import type { Glob } from '../image/glob.ts';
import type { ImageReference } from '../image/reference.ts';
import type { KeyReference } from './key-reference.ts';
import type { LabelSelector } from './label-selector.ts';
import type { SlsaPolicy } from '../slsa/slsa-policy.ts';
import type { Condition } from './condition.ts';
import type { TextMatcher } from './text-matcher.ts';

/**
 * What parsing the custom resources yields: readonly values that need no second look. Nothing here is untrusted text that
 * somebody still has to check; what was wrong with a document stands in `problems`, by field, and has no effect but to deny.
 */
export type Resource = SigningPolicy | TrustedSigner | TrustRootResource | SigningException;

/** One thing wrong with a document. */
export interface Problem {
  /** Path inside the document: `spec.trustedKeys[0].publicKey.pem`. */
  readonly field: string;
  /** One sentence: what is wrong and what is expected. Never holds key material. */
  readonly message: string;
}

export type Mode = 'Enforce' | 'Warn' | 'Audit';
/** `IndexAndPlatforms`: what the reference resolves to, and every platform's manifest in it. */
export type MultiArch = 'Index' | 'IndexAndPlatforms';
export type TagPolicy = 'Pin' | 'RequireDigest' | 'Resolve';
/** `Ignored` is for keys only. */
export type ProofDemand = 'Required' | 'Optional' | 'Ignored';

/** A `ClusterSigningPolicy` (no namespace) or a `SigningPolicy` (its own namespace only). */
export interface SigningPolicy {
  readonly kind: 'ClusterSigningPolicy' | 'SigningPolicy';
  readonly namespace: string | undefined;
  readonly name: string;
  readonly generation: number;
  readonly mode: Mode;
  readonly match: PolicyMatch;
  /** Whether it lists revoked digests, readable or not: an exception must not admit what may be one of them. */
  readonly revokes: boolean;
  /** Undefined when the document has problems: then the policy denies in its scope (`POLICY_INVALID`). */
  readonly rules: PolicyRules | undefined;
  readonly problems: readonly Problem[];
}

/** Which images of which workloads; an absent part does not restrict. A part that could not be read is absent: the scope can only grow. */
export interface PolicyMatch {
  readonly images: readonly Glob[] | undefined;
  readonly excludeImages: readonly Glob[];
  readonly namespaceSelector: LabelSelector | undefined;
  readonly workloadSelector: LabelSelector | undefined;
}

export interface PolicyRules {
  readonly requireSignature: boolean;
  readonly trustedKeys: readonly TrustedKey[];
  readonly threshold: number;
  /** `keyless` is never less than what the trust root asks, so it is Optional where the policy says nothing. */
  readonly transparency: {
    readonly keyless: { readonly log: ProofDemand; readonly timestamp: ProofDemand };
    readonly keys: { readonly log: ProofDemand; readonly timestamp: ProofDemand };
  };
  /** Name of the TrustRoot; `public-good` where the policy names none. */
  readonly trustRoot: string;
  readonly multiArch: MultiArch;
  /** `repo:tag@child` counts when the tag's index is signed and holds the child. */
  readonly acceptMembership: boolean;
  /** Canonical `registry/repository` where signatures lie as well; undefined = beside the image only. */
  readonly signatureRepository: ImageReference | undefined;
  readonly tagPolicy: TagPolicy;
  /** Undefined = no provenance is asked for. */
  readonly slsa: SlsaDemand | undefined;
  readonly attestations: readonly AttestationDemand[];
  /** `sha256:…`, refused whatever vouches for them. */
  readonly revokedDigests: ReadonlySet<string>;
}

/** Provenance that an image must have. */
export interface SlsaDemand {
  readonly policy: SlsaPolicy;
  /** Name of the TrustRoot for certificates of provenance; undefined = the policy's. */
  readonly trustRoot: string | undefined;
}

/** A statement about the image that must be there. */
export interface AttestationDemand {
  /** `spec.attestations[0]` */
  readonly field: string;
  readonly predicateType: string;
  readonly signers: readonly TrustedKey[];
  readonly conditions: readonly Condition[];
  /** Milliseconds since it was signed, by trusted time. */
  readonly maxAge: number | undefined;
}

/** One entry of `trustedKeys`. A broken one never matches; the others still count. */
export type TrustedKey =
  | KeylessIdentity
  | PublicKeyIdentity
  | KeyRefIdentity
  | { readonly kind: 'signerRef'; readonly field: string; readonly name: string }
  | { readonly kind: 'signerSelector'; readonly field: string; readonly selector: LabelSelector }
  | BrokenEntry;

export interface KeylessIdentity {
  readonly kind: 'keyless';
  readonly field: string;
  readonly issuer: TextMatcher;
  readonly subject: TextMatcher;
  /** Fulcio's extensions by name (`sigstore/fulcio-extensions.ts`), each equal byte for byte. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Name of the TrustRoot; undefined = the policy's. */
  readonly trustRoot: string | undefined;
}

export interface PublicKeyIdentity {
  readonly kind: 'publicKey';
  readonly field: string;
  readonly key: VerificationKey;
}

/** A key that is kept elsewhere: whoever holds the snapshot's trust material knows it. */
export interface KeyRefIdentity {
  readonly kind: 'keyRef';
  readonly field: string;
  readonly reference: KeyReference;
}

export interface BrokenEntry {
  readonly kind: 'broken';
  readonly field: string;
  readonly problem: Problem;
}

export interface TrustedSigner {
  readonly kind: 'TrustedSigner';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly generation: number;
  readonly description: string | undefined;
  readonly identity: KeylessIdentity | PublicKeyIdentity | KeyRefIdentity | BrokenEntry;
  readonly enabled: boolean;
  /** Milliseconds since the epoch, like the two below. From then on it vouches for nothing. */
  readonly expiresAt: number | undefined;
  /** Bounds on the trusted signing time, both inclusive. */
  readonly signedNotBefore: number | undefined;
  readonly signedNotAfter: number | undefined;
  readonly problems: readonly Problem[];
}

export interface TrustRootResource {
  readonly kind: 'TrustRoot';
  readonly name: string;
  readonly generation: number;
  /** Undefined when the document has problems. */
  readonly source: TrustRootSource | undefined;
  /** How many proofs of each kind its signatures come with, and therefore need. */
  readonly requires: ProofRequirements;
  readonly problems: readonly Problem[];
}

/** Where a trust root's content comes from. */
export type TrustRootSource =
  | { readonly kind: 'inline'; readonly root: TrustRoot }
  /** The public good instance: built in, and refreshed over TUF; `mirror` is an https URL, undefined = its own. */
  | { readonly kind: 'publicGood'; readonly mirror: string | undefined }
  | TufSource;

/** A TUF repository (theupdateframework.github.io/specification). */
export interface TufSource {
  readonly kind: 'tuf';
  /** Text of the `root.json` that trust begins with. */
  readonly root: string;
  readonly from:
    | { readonly kind: 'mirror'; readonly url: string }
    /** A gzipped tar of the repository: metadata and `targets/`. */
    | { readonly kind: 'archive'; readonly bytes: Uint8Array };
  /** Name of the target that is the trusted root. */
  readonly target: string;
}

/** The break-glass: for a time, what some policies say of some images in some namespaces denies nothing. */
export interface SigningException {
  readonly kind: 'SigningException';
  readonly name: string;
  readonly generation: number;
  /** Undefined when the document has problems: then it excepts nothing. */
  readonly grant: ExceptionGrant | undefined;
  readonly problems: readonly Problem[];
}

export interface ExceptionGrant {
  /** Exact names. */
  readonly namespaces: ReadonlySet<string>;
  readonly images: readonly Glob[];
  /** `name` of a ClusterSigningPolicy, `namespace/name` of a SigningPolicy; undefined = all, and the installation's `noMatch`. */
  readonly policies: ReadonlySet<string> | undefined;
  readonly reason: string;
  /** Milliseconds since the epoch: from then on it excepts nothing. */
  readonly expiresAt: number;
}
