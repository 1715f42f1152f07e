import * as z from 'zod';
import { dateTime } from './schema.ts';

/** Statuses: written by Countersign, never read for a decision. */

const condition = z
  .strictObject({
    type: z.string().min(1).max(316).describe('What the condition is about: Ready.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    observedGeneration: z
      .int()
      .min(0)
      .meta({ description: 'Generation of the spec that it was found for.', format: 'int64' })
      .optional(),
    lastTransitionTime: dateTime('When the status changed last.'),
    reason: z.string().min(1).max(1024).describe('Why, in one word for programs.'),
    message: z.string().max(32_768).describe('Why, in a sentence for people.'),
  })
  .describe('One condition.');

const common = {
  observedGeneration: z
    .int()
    .min(0)
    .meta({ description: 'Generation of the spec that this status is about.', format: 'int64' })
    .optional(),
  conditions: z
    .array(condition)
    .max(16)
    .meta({
      description: 'Ready: whether it can be used, and what is wrong with it.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    })
    .optional(),
};

const DESCRIPTION = 'Written by Countersign.';

export const policyStatus = z.strictObject(common).describe(DESCRIPTION);

export const signingExceptionStatus = z.strictObject(common).describe(DESCRIPTION);

export const trustedSignerStatus = z
  .strictObject({
    ...common,
    type: z.enum(['Keyless', 'PublicKey', 'KeyReference']).describe('What kind of signer it is.').optional(),
    keyFingerprint: z.string().max(71).describe('sha256: of the DER of the public key.').optional(),
    lastResolvedTime: dateTime('When its key was read last.').optional(),
    lastUsedTime: dateTime(
      'When it vouched for an image last; written at most every few minutes.',
    ).optional(),
  })
  .describe(DESCRIPTION);

export const trustRootStatus = z
  .strictObject({
    ...common,
    fingerprint: z.string().max(71).describe('sha256: of its content.').optional(),
    lastRefreshedTime: dateTime('When its TUF repository was read last.').optional(),
    usableUntil: dateTime('When it expires, unless it is renewed before.').optional(),
  })
  .describe(DESCRIPTION);
