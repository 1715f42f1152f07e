import * as z from 'zod';
import { namespaceSchema, timeSchema } from './common.ts';

/** The assessment service's door. */

export const MAX_BATCH = 50;
export const assessmentIdSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[-_.:a-zA-Z0-9]+$/);
const imageSchema = z.string().min(1).max(780).describe('Image reference, as a Pod would have it.');

export const verifyRequestSchema = z
  .strictObject({
    image: imageSchema.optional(),
    images: z.array(imageSchema).min(1).max(MAX_BATCH).optional(),
    namespace: namespaceSchema
      .optional()
      .describe(
        'As in a Pod of this namespace, with its policies and pull secrets; needs the right to create Pods there. Absent: under every policy.',
      ),
    policy: z
      .string()
      .min(1)
      .max(520)
      .optional()
      .describe('Only this one: `name` of a ClusterSigningPolicy, `namespace/name` of a SigningPolicy.'),
    assessmentId: assessmentIdSchema
      .optional()
      .describe('Of the caller; kept with the result. Made up where it is absent.'),
    async: z.boolean().default(false).describe('true: 202 at once, with the place of the answer.'),
    explain: z.boolean().default(false).describe('true: with the whole tree of why.'),
  })
  .refine(({ image, images }) => (image === undefined) !== (images === undefined), {
    message: 'give exactly one of image and images',
    path: ['image'],
  })
  .meta({ id: 'VerifyRequest' });

const reason = z.strictObject({ code: z.string(), detail: z.string(), policy: z.string().optional() });

export const verifyResultSchema = z
  .strictObject({
    image: z.string(),
    digest: z.string().optional(),
    /** `error` = nobody can tell: ask again. */
    status: z.enum(['verified', 'failed', 'error']),
    signatureFound: z.boolean().optional(),
    signatureValid: z.boolean().optional(),
    signers: z.array(
      z.strictObject({
        entry: z.string().describe('Which trusted signer, or entry of a policy.'),
        identity: z.string(),
        issuer: z.string().optional(),
        signedAt: timeSchema.optional(),
      }),
    ),
    signedAt: timeSchema.optional().describe('Earliest trusted time of the first signer.'),
    slsaLevel: z.int().optional(),
    slsaBuilder: z.string().optional(),
    source: z.string().optional(),
    sourceRef: z.string().optional(),
    reasons: z.array(reason).describe('Why not; empty when verified.'),
    policies: z.array(z.string()).describe('Policies that it was held against.'),
    exceptions: z.array(z.string()).describe('Exceptions that would admit it all the same.'),
    explanation: z.unknown().optional().describe('The tree of why: image, evidence, proof, signer, check.'),
  })
  .meta({ id: 'VerifyResult' });

export const assessmentSchema = z
  .strictObject({
    assessmentId: z.string(),
    state: z.enum(['running', 'done']),
    status: z
      .enum(['verified', 'failed', 'error'])
      .optional()
      .describe('Of all images together; absent while it runs.'),
    createdAt: timeSchema,
    results: z.array(verifyResultSchema),
  })
  .meta({ id: 'Assessment' });

export type VerifyRequest = z.output<typeof verifyRequestSchema>;
export type VerifyResult = z.output<typeof verifyResultSchema>;
export type Assessment = z.output<typeof assessmentSchema>;
