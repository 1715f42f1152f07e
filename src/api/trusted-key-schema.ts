import * as z from 'zod';
import { exactlyOneOf, identityFields, identityRules, inlineIdentityFields } from './identity-schema.ts';
import { nameReference, reserved, withRules } from './schema.ts';
import { nonEmptySelectorSchema } from './selector-schema.ts';

/** Entries that name signers: of `trustedKeys`, and of an attestation's `signers`. */

const SOURCES = ['keyless', 'publicKey', 'keyRef', 'signerRef', 'signerSelector'] as const;

const signerRef = nameReference('A TrustedSigner by its name.').optional();

function trustedKeySchema<I extends typeof identityFields | typeof inlineIdentityFields, S extends z.ZodType>(
  identity: I,
  signerSelector: S,
) {
  const entry = z
    .strictObject({ ...identity, signerRef, signerSelector })
    .describe(`A signer whose signatures count: exactly one of ${SOURCES.join(', ')}.`);
  return withRules(entry, [exactlyOneOf(SOURCES), ...identityRules]);
}

/** Of a ClusterSigningPolicy. */
export const clusterTrustedKey = trustedKeySchema(
  identityFields,
  nonEmptySelectorSchema('Every TrustedSigner that has these labels. Not empty.').optional(),
);

/** Of a SigningPolicy: tenants name their signers one by one. */
export const namespacedTrustedKey = trustedKeySchema(
  inlineIdentityFields,
  reserved('signerSelector is for ClusterSigningPolicy only; name the signers with signerRef'),
);
