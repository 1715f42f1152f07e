import * as z from 'zod';
import { LIMITS } from '../limits.ts';
import { FULCIO_EXTENSION_NAMES, type FulcioExtensionName } from '../sigstore/fulcio-extensions.ts';
import { COSIGN_SECRET_KEY, KEY_REFERENCE_FORMS, MAX_KEY_REFERENCE_CHARS } from './key-reference.ts';
import {
  exactTextField,
  nameReference,
  objectName,
  reserved,
  spacedTextField,
  withRules,
  type Rule,
} from './schema.ts';

/** The flat union of design §2: an entry of `trustedKeys`, and the spec of a `TrustedSigner`. */

const MAX_IDENTITY_CHARS = 1024;
const MAX_PEM_CHARS = 16 * 1024;
/** What anybody thinks of first; the rest is found by trying (`matchesAnyone`). */
const PLAIN_ANYONE = ['.*', '.+', '^.*$', '^.+$', '(.*)', '(.+)'];

const pattern = (what: string) =>
  withRules(
    z
      .string()
      .min(1)
      .max(LIMITS.patternChars)
      .regex(/^\S(.*\S)?$/, 'must be one line without white space round it')
      .describe(
        `Regular expression (RE2) that must match the certificate's whole ${what}: "." is any character, so write "\\." for a dot.`,
      ),
    [
      {
        cel: `!(self in [${PLAIN_ANYONE.map((text) => `'${text}'`).join(', ')}])`,
        holds: (text) => !PLAIN_ANYONE.includes(text),
        message: 'must not match anyone',
      },
      // RE2 on both sides: an evaluation error, which a bad pattern is, refuses the document. What matters is that it compiles.
      {
        cel: "''.matches(self) in [true, false]",
        holds: () => true,
        message: 'must be a regular expression that RE2 takes',
      },
    ],
  );

const extensions = z.strictObject(
  Object.fromEntries(
    FULCIO_EXTENSION_NAMES.map((name) => [
      name,
      exactTextField(MAX_IDENTITY_CHARS)
        .describe(`The certificate's ${name}, equal byte for byte.`)
        .optional(),
    ]),
  ) as Record<FulcioExtensionName, z.ZodOptional<z.ZodString>>,
);

const MAX_DATA_KEY_CHARS = 253;

const secretRef = z
  .strictObject({
    namespace: objectName().describe(
      'Namespace of the Secret: one that the installation lets keys be read from.',
    ),
    name: objectName().describe('Name of the Secret.'),
    key: z
      .string()
      .min(1)
      .max(MAX_DATA_KEY_CHARS)
      .regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret: letters, digits, "-", "_" and "."')
      .default(COSIGN_SECRET_KEY)
      .describe("Key of the Secret's data that holds the PEM."),
  })
  .describe('A Secret that holds the key.');

const pem = z
  .string()
  .min(1)
  .max(MAX_PEM_CHARS)
  .describe(
    'One PEM block PUBLIC KEY (ECDSA P-256, P-384 or P-521, RSA or Ed25519), or one CERTIFICATE whose key signs.',
  )
  .optional();

const PUBLIC_KEY = 'A public key that signs images.';

const neverPrivate = {
  // A rule of the text itself would repeat the text, and with it a private key (attack C17).
  cel: "!has(self.pem) || (self.pem.contains('-----BEGIN ') && !self.pem.contains('PRIVATE KEY'))",
  // The reader has better words for each case (`parsePublicKey`).
  holds: () => true,
  message: 'must be the PEM block of a public key, never of a private one',
  field: 'pem',
};

const publicKey = withRules(z.strictObject({ pem, secretRef: secretRef.optional() }).describe(PUBLIC_KEY), [
  {
    cel: 'has(self.pem) != has(self.secretRef)',
    holds: ({ pem: text, secretRef: reference }) => (text === undefined) !== (reference === undefined),
    message: 'publicKey needs exactly one of pem and secretRef',
    field: 'pem',
  },
  neverPrivate,
]);

/** A tenant's: what is kept elsewhere would be read with rights that the tenant has not (attack C16). */
const publicKeyInline = withRules(
  z
    .strictObject({
      pem,
      secretRef: reserved(
        'publicKey.secretRef is for ClusterSigningPolicy and TrustedSigner only; put the key into publicKey.pem',
      ),
    })
    .describe(PUBLIC_KEY),
  [
    {
      cel: 'has(self.pem)',
      holds: ({ pem: text }) => text !== undefined,
      message: 'publicKey needs pem',
      field: 'pem',
    },
    neverPrivate,
  ],
);

const keyForms = Object.values(KEY_REFERENCE_FORMS);

const keyRef = z
  .strictObject({
    uri: withRules(
      z
        .string()
        .min(1)
        .max(MAX_KEY_REFERENCE_CHARS)
        .describe(
          `Where the key is kept, as cosign writes it: ${keyForms.map(({ form }) => form).join(', ')}.`,
        ),
      [
        {
          cel: `!self.contains('..') && (${keyForms.map((each) => `self.matches(r'${each.pattern}')`).join(' || ')})`,
          // The reader says which form was meant (`parseKeyReference`).
          holds: () => true,
          message: `must be a key reference: ${keyForms.map(({ form }) => form).join(', ')}`,
        },
      ],
    ),
  })
  .describe('A key that is kept elsewhere. Its public part is read there, and read again now and then.');

/** Fields of an identity that a signature can be made by. */
export const identityFields = {
  keyless: z
    .literal(true)
    .describe(
      'The signer is an OIDC identity in a certificate: issuer or issuerRegExp, and subject or subjectRegExp.',
    )
    .optional(),
  issuer: spacedTextField(MAX_IDENTITY_CHARS)
    .describe(
      'The OIDC issuer, equal byte for byte, such as "https://accounts.google.com"; of a certificate without one the name of the authority, such as "CN=Corp Code Signing,O=Corp".',
    )
    .optional(),
  issuerRegExp: pattern('issuer').optional(),
  subject: exactTextField(MAX_IDENTITY_CHARS)
    .describe(
      'The subject, equal byte for byte: an e-mail address, a URI such as that of a workflow, or a username such as alice!example.com.',
    )
    .optional(),
  subjectRegExp: pattern('subject').optional(),
  extensions: extensions.describe("Fulcio's extensions that the certificate must have as well.").optional(),
  trustRootRef: nameReference(
    "TrustRoot whose certificate authority issues the identity's certificates; absent = the policy's.",
  ).optional(),
  publicKey: publicKey.optional(),
  keyRef: keyRef.optional(),
};

/** The same for a tenant's policy: no reference that Countersign would follow with its own credentials (design §2). */
export const inlineIdentityFields = {
  ...identityFields,
  publicKey: publicKeyInline.optional(),
  keyRef: reserved(
    'keyRef is for ClusterSigningPolicy and TrustedSigner only; name a TrustedSigner with signerRef, or put the public key into publicKey.pem',
  ),
};

interface Identity {
  readonly keyless?: unknown;
  readonly issuer?: unknown;
  readonly issuerRegExp?: unknown;
  readonly subject?: unknown;
  readonly subjectRegExp?: unknown;
  readonly extensions?: unknown;
  readonly trustRootRef?: unknown;
}

/** Conditions of a keyless identity, the same wherever one is written. */
export const identityRules: readonly Rule<Identity>[] = [
  {
    cel: '!has(self.keyless) || has(self.issuer) != has(self.issuerRegExp)',
    holds: ({ keyless, issuer, issuerRegExp }) =>
      keyless === undefined || (issuer === undefined) !== (issuerRegExp === undefined),
    message: 'a keyless identity needs exactly one of issuer and issuerRegExp',
    field: 'issuer',
  },
  {
    cel: '!has(self.keyless) || has(self.subject) != has(self.subjectRegExp)',
    holds: ({ keyless, subject, subjectRegExp }) =>
      keyless === undefined || (subject === undefined) !== (subjectRegExp === undefined),
    message: 'a keyless identity needs exactly one of subject and subjectRegExp',
    field: 'subject',
  },
  {
    cel: `has(self.keyless) || !(${['issuer', 'issuerRegExp', 'subject', 'subjectRegExp', 'extensions', 'trustRootRef'].map((field) => `has(self.${field})`).join(' || ')})`,
    holds: ({ keyless, ...identity }) =>
      keyless !== undefined ||
      [
        identity.issuer,
        identity.issuerRegExp,
        identity.subject,
        identity.subjectRegExp,
        identity.extensions,
        identity.trustRootRef,
      ].every((value) => value === undefined),
    message: 'issuer, subject, extensions and trustRootRef belong to a keyless identity: set keyless: true',
    field: 'keyless',
  },
];

/** Exactly one of these must be there. */
export function exactlyOneOf<K extends string>(
  fields: readonly K[],
): Rule<{ readonly [field in K]?: unknown }> {
  return {
    cel: `[${fields.map((field) => `has(self.${field})`).join(', ')}].exists_one(there, there)`,
    holds: (value) => fields.filter((field) => value[field] !== undefined).length === 1,
    message: `must have exactly one of ${fields.slice(0, -1).join(', ')} and ${fields.at(-1)}`,
  };
}
