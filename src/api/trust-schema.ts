import * as z from 'zod';
import { LIMITS } from '../limits.ts';
import { exactlyOneOf, identityFields, identityRules } from './identity-schema.ts';
import { dateTime, reserved, withRules } from './schema.ts';

/** Specs of `TrustedSigner` and of `TrustRoot`. */

const MAX_DESCRIPTION_CHARS = 1024;

export const trustedSignerSpec = withRules(
  z
    .strictObject({
      description: z
        .string()
        .max(MAX_DESCRIPTION_CHARS)
        .describe('What this signer is, for people.')
        .optional(),
      ...identityFields,
      enabled: z
        .boolean()
        .default(true)
        .describe('false: from now on it vouches for nothing, whenever a signature was made.'),
      expiresAt: dateTime('From then on it vouches for nothing, whenever a signature was made.').optional(),
      signedNotBefore: dateTime('Signatures that were made earlier do not count.').optional(),
      signedNotAfter: dateTime(
        'Signatures that were made later do not count: retires a key, and keeps what it signed before.',
      ).optional(),
    })
    .describe('Somebody whose signatures policies may rely on.'),
  [
    exactlyOneOf(['keyless', 'publicKey', 'keyRef']),
    ...identityRules,
    {
      cel: '!has(self.signedNotBefore) || !has(self.signedNotAfter) || self.signedNotBefore <= self.signedNotAfter',
      holds: ({ signedNotBefore, signedNotAfter }) =>
        signedNotBefore === undefined ||
        signedNotAfter === undefined ||
        Date.parse(signedNotBefore) <= Date.parse(signedNotAfter),
      message: 'signedNotAfter must not be before signedNotBefore',
      field: 'signedNotAfter',
    },
  ],
);

/** `parseTrustRoot` takes as many. */
const MAX_PROOFS = 8;
const count = (what: string) =>
  z.int().min(0).max(MAX_PROOFS).describe(`How many ${what} a signature must have.`).optional();

const proofs = withRules(
  z
    .strictObject({
      preset: z
        .enum(['PublicGood', 'GitHub', 'Private'])
        .describe(
          'PublicGood: 1 log entry and 1 SCT. GitHub: 1 timestamp. Private: 1 log entry. Or give the three numbers instead.',
        )
        .optional(),
      logEntries: count('entries of distinct transparency logs'),
      timestamps: count('timestamps of distinct authorities'),
      scts: count('signed certificate timestamps of distinct logs'),
    })
    .describe('Which proofs this instance of Sigstore gives, and which are therefore required.'),
  [
    {
      cel: 'has(self.preset) ? !(has(self.logEntries) || has(self.timestamps) || has(self.scts)) : (has(self.logEntries) && has(self.timestamps) && has(self.scts))',
      holds: ({ preset, logEntries, timestamps, scts }) =>
        [logEntries, timestamps, scts].every((number) => (number === undefined) === (preset !== undefined)),
      message: 'must have either preset, or logEntries, timestamps and scts',
    },
    {
      cel: 'has(self.preset) || !has(self.logEntries) || !has(self.timestamps) || self.logEntries + self.timestamps > 0',
      holds: ({ preset, logEntries, timestamps }) =>
        preset !== undefined ||
        logEntries === undefined ||
        timestamps === undefined ||
        logEntries + timestamps > 0,
      message: 'logEntries and timestamps must not both be 0: a certificate needs a trusted time',
    },
  ],
);

export const trustRootSpec = withRules(
  z
    .strictObject({
      trustedRoot: z
        .string()
        .min(2)
        .max(LIMITS.trustRootBytes)
        .describe(
          'Content of a trusted_root.json, whole: certificate authorities, logs and timestamp authorities.',
        )
        .optional(),
      publicGood: reserved(
        'the public good instance is built in: use trustRootRef: {name: public-good} without a TrustRoot',
      ),
      tuf: reserved(
        'tuf is not supported by this version of Countersign; put the trusted_root.json into trustedRoot',
      ),
      proofs: proofs.default({ preset: 'PublicGood' }),
    })
    .describe('An instance of Sigstore that certificates and proofs are verified with.'),
  [
    {
      cel: 'has(self.trustedRoot)',
      holds: ({ trustedRoot }) => trustedRoot !== undefined,
      message: 'trustedRoot is missing',
      field: 'trustedRoot',
    },
  ],
);
