import * as z from 'zod';
import { LIMITS } from '../limits.ts';
import { attestationsSchema } from './attestation-schema.ts';
import type { ProofDemand } from './resources.ts';
import { exactTextField, nameReference, reserved, withRules, type Rule } from './schema.ts';
import { selectorSchema } from './selector-schema.ts';
import { slsaSchema } from './slsa-schema.ts';
import { clusterTrustedKey, namespacedTrustedKey } from './trusted-key-schema.ts';

/** Specs of `ClusterSigningPolicy` and of `SigningPolicy`. */

export const MAX_TRUSTED_KEYS = 64;
const MAX_GLOBS = 128;
const MAX_REVOKED_DIGESTS = 1024;
/** Host with port, and a repository. */
const MAX_REPOSITORY_CHARS = 515;

const globs = z.array(z.string().min(1).max(LIMITS.imageGlobChars)).max(MAX_GLOBS);

function matchSchema<S extends z.ZodType>(namespaceSelector: S) {
  return z
    .strictObject({
      images: globs
        .min(1)
        .describe(
          'Images that the policy is about, as globs over registry and repository of the canonical name: "*" inside one path segment, "**" across segments, such as "ghcr.io/org/**". Absent = every image.',
        )
        .optional(),
      excludeImages: globs.describe('Images among these that the policy is not about.').optional(),
      namespaceSelector,
      workloadSelector: selectorSchema(
        'Labels of the Pod, or of the Pod template. Whoever writes a workload writes its labels, and so can leave the policy.',
      ).optional(),
    })
    .describe('What the policy is about. Absent = every image of every workload.');
}

const proofs = <const L extends readonly [ProofDemand, ...ProofDemand[]]>(demands: L, note: string) =>
  z
    .strictObject({
      log: z.enum(demands).describe(`Entry in a transparency log. ${note}`).optional(),
      timestamp: z.enum(demands).describe(`RFC 3161 timestamp. ${note}`).optional(),
    })
    .describe('Required: must be there. Optional: may be absent; a bad one rejects the signature.');

const transparency = z
  .strictObject({
    keyless: proofs(['Required', 'Optional'], 'Never less than what the trust root asks.').optional(),
    keys: proofs(
      ['Required', 'Optional', 'Ignored'],
      'Absent = the log is Required, a timestamp Optional; Ignored = not looked at.',
    ).optional(),
  })
  .describe('Which proofs of when a signature was made it must come with.');

const demands = {
  requireSignature: z.boolean().default(true).describe('Whether each image must be signed by trustedKeys.'),
  threshold: z
    .int()
    .min(1)
    .max(MAX_TRUSTED_KEYS)
    .default(1)
    .describe('How many distinct signers must have signed.'),
  transparency: transparency.optional(),
  slsa: slsaSchema.optional(),
  multiArch: z
    .enum(['Index', 'IndexAndPlatforms'])
    .default('Index')
    .describe(
      "Index: what the reference resolves to must be signed. IndexAndPlatforms: and every platform's manifest in it.",
    ),
  acceptMembership: z
    .boolean()
    .default(false)
    .describe(
      "true: an image pinned to one platform (repo:tag@digest) counts as signed when its tag's index is signed and holds it.",
    ),
  signatureRepository: exactTextField(MAX_REPOSITORY_CHARS)
    .describe(
      'Registry and repository where signatures are kept as well, such as "ghcr.io/org/signatures" (cosign: COSIGN_REPOSITORY). Absent = beside the image only.',
    )
    .optional(),
  trustRootRef: nameReference(
    'TrustRoot that certificates and proofs are verified with; absent = public-good.',
  ).optional(),
  tagPolicy: z
    .enum(['Pin', 'RequireDigest', 'Resolve'])
    .default('Pin')
    .describe(
      'Pin: Pods are pinned to the digest that was verified. RequireDigest: templates need digests too. Resolve: a tag is verified as it resolves now.',
    ),
  onFault: z
    .enum(['Deny'], {
      error: 'must be Deny: LastKnownGood and Allow are not supported by this version of Countersign',
    })
    .default('Deny')
    .describe('What happens when nobody can tell. Only Deny in this version.'),
  revokedDigests: z
    .array(
      z
        .string()
        .max(71)
        .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hexadecimal digits'),
    )
    .max(MAX_REVOKED_DIGESTS)
    .describe('Digests that are refused whatever vouches for them.')
    .optional(),
};

const mode = z
  .enum(['Enforce', 'Warn', 'Audit'])
  .describe('Enforce: refused. Warn: admitted with an API warning. Audit: admitted, and recorded.');

interface Demands {
  readonly requireSignature: boolean;
  readonly threshold: number;
  readonly trustedKeys?: readonly { readonly signerSelector?: unknown }[] | undefined;
  readonly transparency?: unknown;
  readonly trustRootRef?: unknown;
  readonly multiArch: string;
  readonly acceptMembership: boolean;
  readonly signatureRepository?: unknown;
  readonly tagPolicy: string;
  readonly revokedDigests?: readonly string[] | undefined;
  readonly slsa?: unknown;
  readonly attestations?: unknown;
}

/** Conditions over a whole spec; entries that could not be read count as entries. */
export const policyRules: readonly Rule<Demands>[] = [
  {
    cel: '!self.requireSignature || has(self.trustedKeys)',
    holds: ({ requireSignature, trustedKeys }) => !requireSignature || trustedKeys !== undefined,
    message: 'trustedKeys is missing: a policy that requires a signature names at least one signer',
    field: 'trustedKeys',
  },
  {
    cel: '!has(self.trustedKeys) || self.threshold <= size(self.trustedKeys) || self.trustedKeys.exists(key, has(key.signerSelector))',
    holds: ({ threshold, trustedKeys }) =>
      trustedKeys === undefined ||
      threshold <= trustedKeys.length ||
      trustedKeys.some((key) => key.signerSelector !== undefined),
    message: 'threshold is more than the entries of trustedKeys can reach',
    field: 'threshold',
  },
  {
    cel: 'self.requireSignature || !(has(self.trustedKeys) || self.threshold > 1)',
    holds: ({ requireSignature, trustedKeys, threshold }) =>
      requireSignature || (trustedKeys === undefined && threshold === 1),
    message: 'trustedKeys and threshold have no effect without requireSignature: true',
    field: 'requireSignature',
  },
  {
    cel: "self.requireSignature || has(self.slsa) || has(self.attestations) || !(has(self.transparency) || has(self.trustRootRef) || has(self.signatureRepository) || self.multiArch != 'Index' || self.acceptMembership)",
    holds: (spec) =>
      spec.requireSignature ||
      spec.slsa !== undefined ||
      spec.attestations !== undefined ||
      (spec.transparency === undefined &&
        spec.trustRootRef === undefined &&
        spec.signatureRepository === undefined &&
        spec.multiArch === 'Index' &&
        !spec.acceptMembership),
    message:
      'transparency, trustRootRef, signatureRepository, multiArch and acceptMembership have no effect without requireSignature: true, slsa or attestations',
    field: 'requireSignature',
  },
  {
    cel: "!(self.acceptMembership && self.multiArch == 'IndexAndPlatforms')",
    holds: ({ acceptMembership, multiArch }) => !(acceptMembership && multiArch === 'IndexAndPlatforms'),
    message:
      "acceptMembership has no effect with multiArch: IndexAndPlatforms, which asks for every platform's own signature",
    field: 'acceptMembership',
  },
  {
    cel: "self.requireSignature || has(self.slsa) || has(self.attestations) || self.tagPolicy == 'RequireDigest' || (has(self.revokedDigests) && size(self.revokedDigests) > 0)",
    holds: ({ requireSignature, slsa, attestations, tagPolicy, revokedDigests = [] }) =>
      requireSignature ||
      slsa !== undefined ||
      attestations !== undefined ||
      tagPolicy === 'RequireDigest' ||
      revokedDigests.length > 0,
    message:
      'the policy asks for nothing: requireSignature, slsa, attestations, tagPolicy RequireDigest or revokedDigests',
    field: 'requireSignature',
  },
];

const trustedKeys = <S extends z.ZodType>(entry: S) =>
  z
    .array(entry)
    .min(1)
    .max(MAX_TRUSTED_KEYS)
    .describe(`Who may sign: 1 to ${MAX_TRUSTED_KEYS} entries. Required when requireSignature is true.`)
    .optional();

export const clusterMatch = matchSchema(
  selectorSchema('Labels of the namespace that the workload is created in.').optional(),
);
export const namespacedMatch = matchSchema(
  reserved('namespaceSelector is for ClusterSigningPolicy only; a SigningPolicy is about its own namespace'),
);

export const clusterPolicySpec = withRules(
  z
    .strictObject({
      mode,
      match: clusterMatch.optional(),
      trustedKeys: trustedKeys(clusterTrustedKey),
      attestations: attestationsSchema(clusterTrustedKey),
      ...demands,
    })
    .describe('What images must fulfil, in the whole cluster.'),
  policyRules,
);
export const namespacedPolicySpec = withRules(
  z
    .strictObject({
      mode,
      match: namespacedMatch.optional(),
      trustedKeys: trustedKeys(namespacedTrustedKey),
      attestations: attestationsSchema(namespacedTrustedKey),
      ...demands,
    })
    .describe('What images must fulfil in this namespace, in addition to what the cluster asks.'),
  policyRules,
);

/** A spec whose entries and match are read one by one, so that one bad part does not hide the others. */
const inParts = {
  trustedKeys: z.array(z.unknown()).min(1).max(MAX_TRUSTED_KEYS).optional(),
  attestations: attestationsSchema(z.unknown()),
  match: z.unknown().optional(),
};

/** What `read-policy.ts` needs of each kind. */
export const POLICY_PARTS = {
  ClusterSigningPolicy: {
    spec: z.strictObject({ ...clusterPolicySpec.shape, ...inParts }),
    match: clusterMatch,
    trustedKey: clusterTrustedKey,
  },
  SigningPolicy: {
    spec: z.strictObject({ ...namespacedPolicySpec.shape, ...inParts }),
    match: namespacedMatch,
    trustedKey: namespacedTrustedKey,
  },
} as const;
