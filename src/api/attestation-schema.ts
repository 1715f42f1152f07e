import * as z from 'zod';
import { durationField, exactTextField } from './schema.ts';

/** `attestations` of a policy: statements about the image, of any type, that must be there. */

const MAX_ATTESTATIONS = 8;
const MAX_SIGNERS = 8;
const MAX_CONDITIONS = 8;
const MAX_TYPE_CHARS = 512;
/** An expression that a person can review; what it costs is bounded when it is evaluated. */
const MAX_EXPRESSION_CHARS = 1024;
const MAX_MESSAGE_CHARS = 256;

const condition = z
  .strictObject({
    cel: z
      .string()
      .min(1)
      .max(MAX_EXPRESSION_CHARS)
      .describe(
        'Expression (CEL) over the statement that must be true: "predicate" is its predicate, "subject" the list of its subjects. A field that is not there makes it a "no".',
      ),
    message: z
      .string()
      .min(1)
      .max(MAX_MESSAGE_CHARS)
      .describe('What is expected, in a sentence: shown when the expression is not true.'),
  })
  .describe('Something that the statement must say.');

export function attestationsSchema<S extends z.ZodType>(signer: S) {
  const attestation = z
    .strictObject({
      predicateType: exactTextField(MAX_TYPE_CHARS).describe(
        'Type of the statement, equal byte for byte, such as "https://spdx.dev/Document".',
      ),
      signers: z
        .array(signer)
        .min(1)
        .max(MAX_SIGNERS)
        .describe('Who may sign it: any of them. Entries are those of trustedKeys.'),
      conditions: z
        .array(condition)
        .min(1)
        .max(MAX_CONDITIONS)
        .describe('What it must say: all of them.')
        .optional(),
      maxAge: durationField('How long ago, by trusted time, it may have been signed.').optional(),
    })
    .describe('A statement about the image that must be there. Any one that fulfils all of it suffices.');
  return z
    .array(attestation)
    .min(1)
    .max(MAX_ATTESTATIONS)
    .describe('Statements about the image (SBOM, scan, VEX or any other) that must be there: all of them.')
    .optional();
}
