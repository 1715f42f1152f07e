import type * as z from 'zod';
import { parseCondition } from './condition.ts';
import type { attestationsSchema } from './attestation-schema.ts';
import { join } from './field-problems.ts';
import { attempt, readTrustedKey } from './read-trusted-key.ts';
import type { AttestationDemand, Problem } from './resources.ts';
import { durationOf } from './schema.ts';
import type { clusterTrustedKey } from './trusted-key-schema.ts';

type Attestations = NonNullable<z.output<ReturnType<typeof attestationsSchema<typeof clusterTrustedKey>>>>;
type Shape = Attestations[number];

export interface ReadAttestations {
  readonly demands: readonly AttestationDemand[];
  /** What makes the policy unreadable. */
  readonly problems: readonly Problem[];
  /** What only breaks one of the signers: it never matches, the others still count. */
  readonly signerProblems: readonly Problem[];
}

/** Reads `attestations` of a policy, whose shape is right but for its signers. */
export function readAttestations(
  signerSchema: z.ZodType,
  shapes: readonly (Omit<Shape, 'signers'> & { readonly signers: readonly unknown[] })[],
): ReadAttestations {
  const problems: Problem[] = [];
  const signerProblems: Problem[] = [];
  const demands = shapes.map((shape, index): AttestationDemand => {
    const field = join('spec.attestations', index);
    const signers = shape.signers.map((entry, at) =>
      readTrustedKey(signerSchema, entry, join(`${field}.signers`, at)),
    );
    signerProblems.push(...signers.flatMap((signer) => signer.problems));
    const conditions = (shape.conditions ?? []).flatMap(({ cel, message }, at) => {
      const read = attempt(() => parseCondition(cel, message), `${join(`${field}.conditions`, at)}.cel`);
      problems.push(...read.problems);
      return read.value ?? [];
    });
    return {
      field,
      predicateType: shape.predicateType,
      signers: signers.map(({ entry }) => entry),
      conditions,
      maxAge: shape.maxAge === undefined ? undefined : durationOf(shape.maxAge),
    };
  });
  return { demands, problems, signerProblems };
}
