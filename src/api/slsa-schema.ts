import * as z from 'zod';
import { durationField, exactTextField, nameReference, withRules } from './schema.ts';

/** `slsa` of a policy: what the provenance of an image must say, and who may say it. */

const MAX_URI_CHARS = 1024;
const MAX_REF_CHARS = 256;
const MAX_BUILDERS = 32;
const MAX_SOURCES = 64;
const MAX_LIST = 32;
const MAX_VERIFIERS = 8;
const MAX_ISSUERS = 8;
/** The forms that `githubServerOf` knows: what else matches is refused when the policy is read. */
const GITHUB_ISSUER_FORM =
  /^https:\/\/(token\.actions\.githubusercontent\.com(\/[A-Za-z0-9][A-Za-z0-9_-]{0,99})?|token\.actions\.[a-z0-9-]+\.ghe\.com|[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?\/_services\/token)$/;

const level = z.int().min(1).max(3);
const text = exactTextField(MAX_URI_CHARS);
/** The platform's own number of an owner or a repository. */
const platformNumber = z
  .string()
  .max(32)
  .regex(/^[0-9]+$/, 'must be the number of the owner or repository, as text');

const refs = (pattern: RegExp, message: string, description: string) =>
  z
    .array(z.string().min(1).max(MAX_REF_CHARS).regex(pattern, message))
    .min(1)
    .max(MAX_LIST)
    .describe(
      `${description} Exact ("refs/heads/main"), with "*" inside one part ("refs/tags/v2.*"), or a range over the versions of tags (">=2.0.0 <3").`,
    )
    .optional();

/** What stands behind a builder's "@" is a ref on GitHub, and a version of another form elsewhere. */
const VERSION = /^(\S+|[<>=].*)$/;
/** A build's own ref is a full one: "main" would match no build at all. */
const FULL_REF = /^(refs\/\S+|[<>=].*)$/;

const builderFields = z
  .strictObject({
    id: text.describe(
      'The builder.id of the provenance, equal byte for byte; with "@…" in it, that version only.',
    ),
    refs: refs(
      VERSION,
      'must not hold white space, unless it is a range such as ">=2.0.0 <3"',
      'Versions behind the "@" of builder.id; absent = those that the built-in roster knows, or any.',
    ),
    level: level
      .describe(
        'What the builder is worth, 1 to 3; absent = what the built-in roster says, or 2 for a signerRef.',
      )
      .optional(),
    signerRef: nameReference(
      'The TrustedSigner that signs for this builder. Absent = its certificate must be bound to the builder by the rule of its platform.',
    ).optional(),
  })
  .describe('A builder whose provenance counts.');

const builder = withRules(builderFields, [
  {
    cel: "!(has(self.refs) && self.id.contains('@'))",
    holds: ({ id, refs: versions }) => versions === undefined || !id.includes('@'),
    message: 'refs has no effect where id names a version behind "@"; write one or the other',
    field: 'refs',
  },
]);

const source = z
  .strictObject({
    uri: text.describe(
      'The repository, such as "https://github.com/org/app"; "*" stands for one part of the path: "https://github.com/org/*".',
    ),
    ownerID: platformNumber
      .describe("The platform's number of the owner: a name can be given up and taken by somebody else.")
      .optional(),
    repositoryID: platformNumber.describe("The platform's number of the repository.").optional(),
  })
  .describe('A source that images may be built from.');

const verifier = z
  .strictObject({
    id: text.describe('The verifier.id of the summary, equal byte for byte.'),
    signerRef: nameReference('The TrustedSigner that signs for this verifier.'),
    policyURI: text.describe('The policy that the verifier must have verified against.').optional(),
  })
  .describe('Somebody whose verification summaries (VSA) count in place of provenance.');

export const slsaSchema = z
  .strictObject({
    requiredLevel: level.describe('SLSA build level that the image must have: 1, 2 or 3.'),
    builders: z
      .array(builder)
      .min(1)
      .max(MAX_BUILDERS)
      .describe('The only builders that count. Absent = those of the built-in roster.')
      .optional(),
    sources: z
      .array(source)
      .min(1)
      .max(MAX_SOURCES)
      .describe('Where the image must be built from: any of them. Absent = anywhere.')
      .optional(),
    refs: refs(
      FULL_REF,
      'must be a full ref, such as "refs/heads/main" or "refs/tags/v2.*", or a range such as ">=2.0.0 <3"',
      'Branches and tags that the image must be built from: any of them.',
    ),
    buildTypes: z
      .array(text)
      .min(1)
      .max(MAX_LIST)
      .describe('Build types (URIs) that count: any of them.')
      .optional(),
    triggers: z
      .array(text)
      .min(1)
      .max(MAX_LIST)
      .describe('Events that may have started the build, such as "push" or "release": any of them.')
      .optional(),
    runnerEnvironment: text.describe('Kind of runner, such as "github-hosted".').optional(),
    githubIssuers: z
      .array(
        z
          .string()
          .max(MAX_REF_CHARS)
          .regex(
            GITHUB_ISSUER_FORM,
            'must be an issuer of GitHub Actions, such as "https://token.actions.githubusercontent.com/my-enterprise" or "https://github.example.com/_services/token"',
          ),
      )
      .min(1)
      .max(MAX_ISSUERS)
      .describe(
        'The OIDC issuers whose certificates speak for GitHub Actions, equal byte for byte: GitHub Enterprise has its own ("https://token.actions.githubusercontent.com/my-enterprise", "https://github.example.com/_services/token"). Absent = "https://token.actions.githubusercontent.com"; with the field, that one counts only if it is listed.',
      )
      .optional(),
    verifiers: z
      .array(verifier)
      .min(1)
      .max(MAX_VERIFIERS)
      .describe('Whose verification summaries count in place of provenance.')
      .optional(),
    maxAge: durationField('How long ago, by trusted time, the provenance may have been signed.').optional(),
    trustRootRef: nameReference(
      "TrustRoot that certificates of provenance are verified with; absent = the policy's.",
    ).optional(),
  })
  .describe('SLSA provenance that the image must have.');
