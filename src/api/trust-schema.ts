import * as z from 'zod';
import { LIMITS } from '../limits.ts';
import { exactlyOneOf, identityFields, identityRules } from './identity-schema.ts';
import { dateTime, withRules } from './schema.ts';

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

/** A root.json with a dozen keys has some 6 KB. */
const MAX_TUF_ROOT_CHARS = 256 * 1024;
const MAX_TARGET_CHARS = 253;
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

const MAX_URL_CHARS = 2048;
/** Without userinfo, query and fragment: a URL that metadata names are appended to. */
const HTTP_URL = /^https?:\/\/[-a-zA-Z0-9.:[\]]{1,260}(?:\/[-._~a-zA-Z0-9/%]*)?$/;
const httpUrl = (description: string) =>
  withRules(
    z
      .string()
      .max(MAX_URL_CHARS)
      .regex(HTTP_URL, 'must be an https URL without user, query and fragment')
      .describe(description),
    [{ cel: 'isURL(self)', holds: (url) => URL.canParse(url), message: 'must be a URL' }],
  );

const tuf = withRules(
  z
    .strictObject({
      root: z
        .string()
        .min(2)
        .max(MAX_TUF_ROOT_CHARS)
        .describe('Text of the root.json that trust in the repository begins with.'),
      mirror: httpUrl('Where the repository is served (https).').optional(),
      archive: z
        .string()
        .min(4)
        .max(LIMITS.trustRootBytes)
        .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be base64 without line breaks')
        .describe('The repository itself, for clusters without a network: a gzipped tar, base64.')
        .optional(),
      target: z
        .string()
        .max(MAX_TARGET_CHARS)
        .regex(/^[-_a-zA-Z0-9][-._a-zA-Z0-9]*$/, 'must be the name of a target, without "/"')
        .default('trusted_root.json')
        .describe('Name of the target that is the trusted root.'),
    })
    .describe('A TUF repository that gives the trusted root and renews it.'),
  [
    exactlyOneOf(['mirror', 'archive']),
    {
      // What a lenient decoder would make of the rest is nobody's guess.
      cel: '!has(self.archive) || size(self.archive) % 4 == 0',
      holds: ({ archive = '' }) => archive.length % 4 === 0,
      message: 'must be whole base64, padded',
      field: 'archive',
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
      publicGood: z
        .strictObject({
          mirror: httpUrl('TUF mirror of the public good instance; absent = its own.').optional(),
        })
        .describe(
          "Sigstore's public good instance: built in, and refreshed over TUF when the network allows.",
        )
        .optional(),
      tuf: tuf.optional(),
      proofs: proofs.default({ preset: 'PublicGood' }),
    })
    .describe('An instance of Sigstore that certificates and proofs are verified with.'),
  [exactlyOneOf(['trustedRoot', 'publicGood', 'tuf'])],
);
