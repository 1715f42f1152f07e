import * as z from 'zod';
import { objectName } from '../../api/schema.ts';
import { namespaceSchema, timeSchema, verdictSchema } from './common.ts';

const kind = z.enum([
  'TrustedSigner',
  'ClusterSigningPolicy',
  'SigningPolicy',
  'TrustRoot',
  'SigningException',
]);

/** A change that is only thought of: what would the images that run now be told after it? */
export const impactQuestionSchema = z
  .strictObject({
    change: z.union([
      z
        .strictObject({ put: z.record(z.string(), z.unknown()) })
        .describe('A whole document, new or in the place of one of its name.'),
      z
        .strictObject({
          remove: z.strictObject({
            kind,
            namespace: namespaceSchema.optional(),
            name: objectName(),
          }),
        })
        .describe('As if it were deleted; for a signer the same as switching it off.'),
      z.strictObject({}).describe('None: what do the policies say of what runs now?'),
    ]),
    namespace: namespaceSchema.optional().describe('Only workloads of this namespace.'),
  })
  .meta({ id: 'ImpactQuestion' });

export const impactAnswerSchema = z
  .strictObject({
    asOf: timeSchema,
    /** Where the list of what runs comes from. */
    source: z.enum(['cluster', 'history', 'none']),
    workloads: z.int().describe('Workloads that were looked at.'),
    images: z.int().describe('Distinct images that were judged.'),
    isComplete: z.boolean().describe('false: there was more than could be looked at in time.'),
    affected: z
      .array(
        z.strictObject({
          namespace: z.string(),
          kind: z.string(),
          name: z.string(),
          image: z.string(),
          before: z.enum(['admitted', 'denied', 'unknown']),
          after: z.enum(['admitted', 'denied', 'unknown']),
          verdict: verdictSchema.describe('After the change.'),
          code: z.string().optional(),
          detail: z.string().optional(),
          policy: z.string().optional(),
        }),
      )
      .describe(
        'Those that are told something else after the change; without a change, those that would be denied now. At most 500.',
      ),
  })
  .meta({ id: 'ImpactAnswer' });

export type ImpactQuestion = z.output<typeof impactQuestionSchema>;
export type ImpactAnswer = z.output<typeof impactAnswerSchema>;
