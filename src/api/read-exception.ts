import type * as z from 'zod';
import { parseGlob } from '../image/glob.ts';
import type { Envelope, Inspection } from './envelope.ts';
import { signingExceptionSpec } from './exception-schema.ts';
import { join, readFields } from './field-problems.ts';
import { attempt, unique } from './read-trusted-key.ts';
import type { ExceptionGrant, SigningException } from './resources.ts';

/** Reads an exception. Anything wrong with it, and it excepts nothing. */
export function readException(envelope: Envelope): Inspection<SigningException> {
  const { spec: json, name, generation } = envelope;
  const fields = readFields(signingExceptionSpec, json, 'spec');
  const globs = (fields.values.images ?? []).map((text, index) =>
    attempt(() => parseGlob(text), join('spec.images', index)),
  );
  const problems = unique([
    ...envelope.problems,
    ...fields.problems,
    ...globs.flatMap((glob) => glob.problems),
  ]);
  const images = globs.flatMap((glob) => glob.value ?? []);
  const grant = problems.length === 0 ? grantOf(fields.values as Spec, images) : undefined;
  return { resource: { kind: 'SigningException', name, generation, grant, problems }, problems };
}

type Spec = z.output<typeof signingExceptionSpec>;

function grantOf(
  { namespaces, policies, reason, expiresAt }: Spec,
  images: ExceptionGrant['images'],
): ExceptionGrant {
  return {
    namespaces: new Set(namespaces),
    images,
    policies: policies === undefined ? undefined : new Set(policies),
    reason,
    expiresAt: Date.parse(expiresAt),
  };
}
