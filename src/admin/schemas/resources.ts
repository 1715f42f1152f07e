import * as z from 'zod';
import { fieldProblemSchema } from '../problem.ts';
import { timeSchema } from './common.ts';

/** Bodies of the resources: the custom resources themselves, with what this process knows of them beside. */

export const MAX_DOCUMENT_BYTES = 1024 * 1024;

const nameSchema = z.string().min(1).max(253);
const labelsSchema = z.record(z.string().max(317), z.string().max(63));

/** What a client sends. `apiVersion` and `kind` may stand there, as in a file, and must then be right. */
export function draftSchema<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  return z
    .strictObject({
      apiVersion: z.literal('countersign.dev/v1alpha1').optional(),
      kind: z.literal(kind).optional(),
      metadata: z.strictObject({ name: nameSchema, labels: labelsSchema.optional() }),
      spec,
    })
    .meta({ id: `${kind}Draft` });
}

/** The same of a kind that lives in namespaces: which one, the path says; a document that says it too must say the same. */
export function namespacedDraftSchema<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  return z
    .strictObject({
      apiVersion: z.literal('countersign.dev/v1alpha1').optional(),
      kind: z.literal(kind).optional(),
      metadata: z.strictObject({
        name: nameSchema,
        namespace: nameSchema.optional(),
        labels: labelsSchema.optional(),
      }),
      spec,
    })
    .meta({ id: `${kind}Draft` });
}

const metadataSchema = z.strictObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: labelsSchema.optional(),
  uid: z.string().optional(),
  resourceVersion: z.string(),
  generation: z.int().optional(),
  creationTimestamp: timeSchema.optional(),
  managedBy: z
    .string()
    .optional()
    .describe(
      'Who else keeps this document, such as `argocd`, `Helm` or a file that people wrote: it may undo changes made here.',
    ),
});

/** What is wrong with a document, and what is only worth a word. */
const findings = {
  problems: z
    .array(fieldProblemSchema)
    .describe('What is wrong with it; a policy with problems denies in its scope.'),
  warnings: z.array(z.string()),
};

const document = {
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadataSchema,
  spec: z.record(z.string(), z.unknown()),
  status: z.record(z.string(), z.unknown()).optional(),
  ...findings,
};

/** How a signer is now, in one word; the page shows each as a label. */
export const signerStateSchema = z.enum([
  'active',
  'disabled', // enabled: false
  'expired', // past expiresAt
  'expiring', // within 30 days of expiresAt
  'retired', // signedNotAfter has passed: what it signed before counts
  'unavailable', // its key or root cannot be had now
  'invalid', // its document cannot be used
]);

const policyReference = z.strictObject({
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

export const signerSchema = z
  .strictObject({
    ...document,
    facts: z.strictObject({
      state: signerStateSchema,
      stateDetail: z.string().optional(),
      type: z.enum(['keyless', 'public_key', 'kms', 'unknown']),
      /** `issuer subject`, a fingerprint, or the URI of a key. */
      identity: z.string(),
      keys: z
        .array(z.strictObject({ fingerprint: z.string(), algorithm: z.string() }))
        .describe('Public keys that are known now.'),
      usedBy: z.array(policyReference),
      lastUsedAt: timeSchema
        .optional()
        .describe('When it last vouched for an image, as far as this replica and the history tell.'),
    }),
  })
  .meta({ id: 'Signer' });

export const policySchema = z
  .strictObject({
    ...document,
    facts: z.strictObject({
      mode: z.enum(['Enforce', 'Warn', 'Audit']),
      usableEntries: z.int(),
      unusable: z.array(z.string()).describe('Entries that vouch for nobody now, each with the reason.'),
    }),
  })
  .meta({ id: 'Policy' });

export const trustRootSchema = z
  .strictObject({
    ...document,
    facts: z.strictObject({
      state: z.enum(['known', 'unavailable', 'invalid']),
      detail: z.string().optional(),
      fingerprint: z.string().optional(),
      refreshedAt: timeSchema.optional(),
      builtIn: z.boolean(),
      usedBy: z.array(policyReference),
    }),
  })
  .meta({ id: 'TrustRoot' });

export const exceptionSchema = z
  .strictObject({ ...document, facts: z.strictObject({ state: z.enum(['active', 'expired', 'invalid']) }) })
  .meta({ id: 'Exception' });

export function listSchema<S extends z.ZodType>(id: string, item: S) {
  return z
    .strictObject({
      items: z.array(item),
      isComplete: z.boolean().describe('false: there are more than can be told.'),
    })
    .meta({ id });
}

/** What a write comes back with. */
export function writtenSchema<S extends z.ZodType>(id: string, item: S) {
  return z
    .strictObject({
      document: item.optional().describe('As it is stored now; absent after a deletion.'),
      inForce: z
        .boolean()
        .describe(
          'Whether this replica decides by it already. false (with status 202): it is stored, and not read back yet.',
        ),
      dryRun: z.boolean(),
      warnings: z.array(z.string()),
    })
    .meta({ id });
}

export type Signer = z.output<typeof signerSchema>;
export type Policy = z.output<typeof policySchema>;
export type TrustRootDocument = z.output<typeof trustRootSchema>;
export type Exception = z.output<typeof exceptionSchema>;
export type SignerState = z.output<typeof signerStateSchema>;

/** Another mode for a policy. */
export const modeChangeSchema = z
  .strictObject({
    mode: z.enum(['Enforce', 'Warn', 'Audit']),
    confirm: z
      .boolean()
      .default(false)
      .describe('true: it may be a weaker one, under which images that fail are admitted.'),
  })
  .meta({ id: 'ModeChange' });
