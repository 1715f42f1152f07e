import * as z from 'zod';
import { timeSchema } from './common.ts';

/** Longer than any token that an API server takes: its whole header has to fit into 1 MiB, and an OIDC token with many groups has some 10 KB. */
const MAX_TOKEN_CHARS = 16_384;

/** Ways to sign in; which of them there are depends on the installation. */
export const signInMethodSchema = z.enum(['token', 'oidc', 'password']);

export const signInSchema = z
  .discriminatedUnion('method', [
    z.strictObject({ method: z.literal('token'), token: z.string().min(1).max(MAX_TOKEN_CHARS) }),
    z.strictObject({ method: z.literal('password'), password: z.string().min(1).max(1024) }),
  ])
  .meta({ id: 'SignIn' });

const grants = z.strictObject({
  read: z.boolean(),
  create: z.boolean(),
  update: z.boolean(),
  delete: z.boolean(),
});

export const sessionSchema = z
  .strictObject({
    mode: z.enum(['cluster', 'standalone']),
    version: z.string(),
    signIn: z.array(signInMethodSchema).describe('Ways to sign in here.'),
    user: z
      .strictObject({ name: z.string(), groups: z.array(z.string()) })
      .optional()
      .describe('Absent = not signed in.'),
    /** Sent back in `X-CSRF-Token` with every request that changes something. */
    csrfToken: z
      .string()
      .optional()
      .describe('For the header `X-CSRF-Token`; absent = not signed in by cookie.'),
    expiresAt: timeSchema.optional(),
    permissions: z
      .strictObject({
        signers: grants,
        policies: grants,
        trustRoots: grants,
        exceptions: grants,
        verifications: z.boolean().describe('May read what was verified.'),
        changes: z.boolean().describe('May read who changed what.'),
        verify: z.boolean().describe('May have images verified outside any namespace.'),
        resolveKeys: z.boolean(),
      })
      .optional(),
  })
  .meta({ id: 'Session' });

export type Session = z.output<typeof sessionSchema>;
export type Permissions = NonNullable<Session['permissions']>;
