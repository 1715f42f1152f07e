import type { SigningPolicy, TrustedKey, TrustedSigner } from '../api/resources.ts';
import type { Snapshot } from '../policy/snapshot.ts';

/** A policy by its names. */
export interface PolicyName {
  readonly kind: 'ClusterSigningPolicy' | 'SigningPolicy';
  readonly namespace?: string;
  readonly name: string;
}

type Signer = Pick<TrustedSigner, 'name' | 'labels'>;

/** Policies that name a signer or select it: for signatures, for attestations, or as the signer of a builder or a verifier. */
export function policiesWithSigner(signer: Signer, snapshot: Snapshot): readonly PolicyName[] {
  return policiesThat(snapshot, (policy) => relies(policy, signer));
}

/** Policies that rely on a trust root: their own, that of one of their entries, or that of a signer whom they name. */
export function policiesWithRoot(name: string, snapshot: Snapshot): readonly PolicyName[] {
  const ofRoot = [...snapshot.signers.values()].filter(({ identity }) => rootOf(identity) === name);
  return policiesThat(
    snapshot,
    (policy) =>
      policy.rules?.trustRoot === name ||
      policy.rules?.slsa?.trustRoot === name ||
      entriesOf(policy).some((entry) => rootOf(entry) === name) ||
      ofRoot.some((signer) => relies(policy, signer)),
  );
}

function policiesThat(
  { policies }: Snapshot,
  holds: (policy: SigningPolicy) => boolean,
): readonly PolicyName[] {
  return policies
    .filter(({ policy }) => holds(policy))
    .map(({ policy: { kind, namespace, name } }) => ({
      kind,
      ...(namespace !== undefined && { namespace }),
      name,
    }));
}

function relies(policy: SigningPolicy, signer: Signer): boolean {
  const { builders = [], verifiers = [] } = policy.rules?.slsa?.policy ?? {};
  return (
    entriesOf(policy).some((entry) => names(entry, signer)) ||
    [...builders, ...verifiers].some(({ signerRef }) => signerRef === signer.name)
  );
}

function names(entry: TrustedKey, { name, labels }: Signer): boolean {
  switch (entry.kind) {
    case 'signerRef':
      return entry.name === name;
    case 'signerSelector':
      return entry.selector.matches(labels);
    default:
      return false;
  }
}

function entriesOf({ rules }: SigningPolicy): readonly TrustedKey[] {
  return [...(rules?.trustedKeys ?? []), ...(rules?.attestations.flatMap(({ signers }) => signers) ?? [])];
}

function rootOf(entry: TrustedKey): string | undefined {
  return entry.kind === 'keyless' ? entry.trustRoot : undefined;
}
