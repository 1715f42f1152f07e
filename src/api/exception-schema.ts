import * as z from 'zod';
import { LIMITS } from '../limits.ts';
import { dateTime, MAX_NAME_CHARS, withRules } from './schema.ts';

/** Spec of `SigningException`. */

const MAX_ENTRIES = 64;
const MAX_REASON_CHARS = 1024;
/** RFC 1123 label, as Kubernetes names namespaces. */
const MAX_NAMESPACE_CHARS = 63;
const NAMESPACE = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const POLICY = new RegExp(`^(${NAMESPACE}/)?${NAMESPACE}(\\.${NAMESPACE})*$`);

const entries = <S extends z.ZodType>(entry: S, description: string) =>
  z.array(entry).min(1).max(MAX_ENTRIES).describe(description);

export const signingExceptionSpec = withRules(
  z
    .strictObject({
      namespaces: entries(
        z
          .string()
          .min(1)
          .max(MAX_NAMESPACE_CHARS)
          .regex(new RegExp(`^${NAMESPACE}$`), 'must be the exact name of a namespace: no pattern'),
        'Namespaces that it is for, by their exact names.',
      ),
      images: entries(
        z.string().min(1).max(LIMITS.imageGlobChars),
        'Images that it is for: globs over registry and repository of the canonical name, as in match.images of a policy.',
      ),
      policies: entries(
        z
          .string()
          .min(1)
          .max(MAX_NAMESPACE_CHARS + 1 + MAX_NAME_CHARS)
          .regex(POLICY, 'must be the name of a ClusterSigningPolicy, or namespace/name of a SigningPolicy'),
        "Policies that it is from: the name of a ClusterSigningPolicy, or namespace/name of a SigningPolicy. Absent = all, and the installation's rule for images that no policy covers.",
      ).optional(),
      reason: z
        .string()
        .min(1)
        .max(MAX_REASON_CHARS)
        .regex(/\S/, 'must say why')
        .describe('Why, for whoever reads it later: an incident, a ticket.'),
      expiresAt: dateTime('From then on it excepts nothing.'),
    })
    .describe('For a time, what policies say of these images in these namespaces denies nothing.'),
  [
    {
      cel: 'self == oldSelf',
      // Only the API server knows what it was before.
      holds: () => true,
      message: 'is immutable: delete this SigningException and apply another one',
    },
  ],
);
