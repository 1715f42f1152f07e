import * as z from 'zod';
import {
  modeSchema,
  namespaceSchema,
  pageQuery,
  timeSchema,
  verdictSchema,
  wholeNumberQuery,
} from './common.ts';

const text = z.string().min(1).max(780);

export const verificationFilterQuery = {
  image: text.optional(),
  imageMatch: z
    .enum(['whole', 'beginning', 'part'])
    .default('part')
    .describe('Whether `image` is the whole name, its beginning, or a part of it.'),
  digest: text
    .regex(
      /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]{32,128}$/,
      'must be a digest, such as "sha256:" and 64 digits',
    )
    .optional(),
  policy: text
    .regex(
      /^(?:installation|ClusterSigningPolicy\/[^/]+|SigningPolicy\/[^/]+\/[^/]+)$/,
      'must be ClusterSigningPolicy/name, SigningPolicy/namespace/name or installation',
    )
    .optional()
    .describe('`ClusterSigningPolicy/name`, `SigningPolicy/namespace/name` or `installation`.'),
  signer: text.optional().describe('Name of the trusted signer, or identity.'),
  verdict: verdictSchema.optional(),
  namespace: namespaceSchema.optional(),
  assessmentId: text.optional().describe('Of the review, or of the call of /verify.'),
  from: timeSchema.optional(),
  until: timeSchema.optional().describe('Left out itself.'),
};

export const verificationsQuery = z.strictObject({ ...verificationFilterQuery, ...pageQuery });
export const exportQuery = z.strictObject({
  ...verificationFilterQuery,
  format: z.enum(['csv', 'json']).default('csv'),
  rows: wholeNumberQuery(1, 1_000_000).default(100_000),
});

/** A whole export as JSON; its rows have the columns of the CSV form. */
export const exportedSchema = z
  .array(z.record(z.string(), z.unknown()))
  .describe(
    'One object for each row, with the columns of the CSV form; absent where there is nothing to say.',
  );

/** One image under one policy, as it was decided. */
export const verificationSchema = z
  .strictObject({
    id: z.int(),
    time: timeSchema,
    assessmentId: z.string().describe('Of the review, or of the call of /verify.'),
    image: z.string(),
    digest: z.string().optional(),
    private: z.boolean(),
    signatureFound: z.boolean().optional(),
    signatureValid: z.boolean().optional(),
    signerEntry: z.string().optional(),
    signerIdentity: z.string().optional(),
    signerIssuer: z.string().optional(),
    signedAt: timeSchema.optional(),
    slsaLevel: z.int().optional(),
    slsaBuilder: z.string().optional(),
    code: z.string().optional(),
    codes: z.array(z.string()),
    error: z.string().optional().describe('The first reason, in words.'),
    exception: z.string().optional(),
    policy: z.string(),
    mode: modeSchema,
    verdict: verdictSchema,
    decision: z.enum(['admitted', 'denied']),
    namespace: z.string(),
    kind: z.string(),
    name: z.string(),
    user: z.string(),
    operation: z.string().describe('CREATE and UPDATE of a review; VERIFY of a call of /verify.'),
    snapshot: z.int().optional(),
    replica: z.string(),
    latencyMilliseconds: z.number(),
  })
  .meta({ id: 'Verification' });

export const verificationPageSchema = z
  .strictObject({
    items: z
      .array(verificationSchema)
      .describe('Newest first. May be fewer than asked for while there is a `next`.'),
    next: z.string().optional(),
  })
  .meta({ id: 'VerificationPage' });

export const statsQuery = z.strictObject({
  from: timeSchema.optional().describe('24 hours before `until` unless told.'),
  until: timeSchema.optional().describe('Now unless told.'),
  bucketSeconds: wholeNumberQuery(300, 31_536_000).default(3600).describe('A multiple of 300.'),
});

export const statsSchema = z
  .strictObject({
    from: timeSchema,
    until: timeSchema,
    bucketSeconds: z.int(),
    isComplete: z.boolean(),
    buckets: z.array(
      z.strictObject({
        start: timeSchema,
        verified: z.int(),
        violated: z.int(),
        faulted: z.int(),
        denied: z.int().describe('Verifications whose review was denied.'),
      }),
    ),
    codes: z.array(z.strictObject({ code: z.string(), verdict: verdictSchema, verifications: z.int() })),
    slsaLevels: z.array(
      z.strictObject({
        level: z.int().describe('0: none was asked for, or none was found.'),
        verifications: z.int(),
      }),
    ),
    faultsByRegistry: z.array(z.strictObject({ registry: z.string(), faults: z.int() })),
  })
  .meta({ id: 'Stats' });

export const changesQuery = z.strictObject({
  actor: text.optional(),
  name: text.optional(),
  ...pageQuery,
});

/** Who changed what. */
export const changeSchema = z
  .strictObject({
    id: z.int(),
    time: timeSchema,
    actor: z.string(),
    action: z.string().describe('create, update, delete, enable, disable, retire.'),
    kind: z.string(),
    namespace: z.string().optional(),
    name: z.string(),
    before: z.string().optional().describe('JSON, without secrets.'),
    after: z.string().optional(),
    replica: z.string(),
  })
  .meta({ id: 'Change' });

export const changePageSchema = z
  .strictObject({ items: z.array(changeSchema), next: z.string().optional() })
  .meta({ id: 'ChangePage' });

export const decisionsQuery = z.strictObject({
  namespace: namespaceSchema.optional().describe('Only decisions of this namespace.'),
});

/** One event of `GET /decisions`: `event: decision`, `data:` this as JSON. */
export const liveDecisionSchema = z
  .strictObject({
    time: timeSchema,
    uid: z.string(),
    allowed: z.boolean(),
    dryRun: z.boolean(),
    namespace: z.string(),
    kind: z.string(),
    name: z.string(),
    user: z.string(),
    operation: z.string(),
    latencyMilliseconds: z.number(),
    images: z.array(
      z.strictObject({
        image: z.string(),
        verdict: verdictSchema,
        code: z.string().optional(),
        policy: z.string().optional(),
        signer: z.string().optional(),
        slsaLevel: z.int().optional(),
      }),
    ),
    message: z.string().optional().describe('First line of the denial.'),
  })
  .meta({ id: 'LiveDecision' });

export type VerificationEntry = z.output<typeof verificationSchema>;
export type VerificationPage = z.output<typeof verificationPageSchema>;
export type Stats = z.output<typeof statsSchema>;
export type ChangeEntry = z.output<typeof changeSchema>;
export type ChangePage = z.output<typeof changePageSchema>;
export type LiveDecision = z.output<typeof liveDecisionSchema>;
