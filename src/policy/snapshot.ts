import type { KeyReference } from '../api/key-reference.ts';
import type {
  Resource,
  SigningException,
  SigningPolicy,
  TrustedKey,
  TrustedSigner,
  TrustRootResource,
} from '../api/resources.ts';
import type { TrustRoot } from '../sigstore/trust-root.ts';
import { compileSlsa, type CompiledSlsa } from './compiled-slsa.ts';
import { expandEntries, type ExpandedEntries, type TrustLookup } from './signer-entry.ts';
import type { CompiledAttestation } from './attestation-rule.ts';
import type { KeyState, RootState, TrustMaterial } from './trust-material.ts';

/**
 * Everything that one review is decided with: immutable and numbered. A change in the cluster makes a new one; a review
 * keeps the one that it started with, from its first image to its last.
 */
export interface Snapshot {
  readonly number: number;
  /** Cluster policies first, then by namespace and name: the order of messages does not depend on the order of arrival. */
  readonly policies: readonly CompiledPolicy[];
  readonly signers: ReadonlyMap<string, TrustedSigner>;
  /** Without those whose document has problems: one that is missing here is missing for every policy that names it. */
  readonly trustRoots: ReadonlyMap<string, RootState>;
  /** Every key that a resource refers to, by its URI. */
  readonly keys: ReadonlyMap<string, KeyState>;
  /** All of them, also those that have problems or are past their time: what they except is for `exception.ts` to say. */
  readonly exceptions: readonly SigningException[];
}

/** A policy with its references followed. */
export interface CompiledPolicy {
  readonly policy: SigningPolicy;
  readonly entries: ExpandedEntries;
  readonly slsa: CompiledSlsa | undefined;
  /** In the order of the policy's `attestations`. */
  readonly attestations: readonly CompiledAttestation[];
}

export interface SnapshotInput {
  readonly number: number;
  readonly resources: readonly Resource[];
  /** A TrustRoot with the name of a built-in root replaces it. */
  readonly material: TrustMaterial;
}

/** Pure and cheap: everything slow (parsing, compiling patterns) was done when the resource was read. */
export function compileSnapshot({ number, resources, material }: SnapshotInput): Snapshot {
  const trustRoots = new Map(material.builtin);
  const signers = new Map<string, TrustedSigner>();
  const policies: SigningPolicy[] = [];
  const exceptions: SigningException[] = [];
  for (const resource of resources) {
    switch (resource.kind) {
      case 'TrustedSigner':
        signers.set(resource.name, resource);
        break;
      case 'TrustRoot':
        setRoot(trustRoots, resource, material);
        break;
      case 'SigningException':
        exceptions.push(resource);
        break;
      default:
        policies.push(resource);
    }
  }
  const keys = new Map(
    [...signers.values(), ...policies].flatMap(referencesOf).map((each) => [each.uri, material.key(each)]),
  );
  const lookup: TrustLookup = { signers, trustRoots, keys };
  const compiled = policies.sort(byScopeAndName).map((policy) => compilePolicy(policy, lookup));
  return { number, policies: compiled, signers, trustRoots, keys, exceptions };
}

function compilePolicy(policy: SigningPolicy, lookup: TrustLookup): CompiledPolicy {
  const { rules } = policy;
  if (rules === undefined) return { policy, entries: NO_ENTRIES, slsa: undefined, attestations: [] };
  return {
    policy,
    entries: expandEntries(rules.trustedKeys, rules, lookup),
    slsa: rules.slsa === undefined ? undefined : compileSlsa(rules.slsa, rules, lookup),
    attestations: rules.attestations.map((demand) => ({
      demand,
      entries: expandEntries(demand.signers, rules, lookup),
    })),
  };
}

/** The keys kept elsewhere that a resource refers to. */
export function referencesOf(resource: Resource): readonly KeyReference[] {
  return identitiesOf(resource).flatMap((identity) =>
    identity.kind === 'keyRef' ? [identity.reference] : [],
  );
}

function identitiesOf(resource: Resource): readonly TrustedKey[] {
  switch (resource.kind) {
    case 'TrustedSigner':
      return [resource.identity];
    case 'TrustRoot':
    case 'SigningException':
      return [];
    default:
      return [
        ...(resource.rules?.trustedKeys ?? []),
        ...(resource.rules?.attestations.flatMap(({ signers }) => signers) ?? []),
      ];
  }
}

const NO_ENTRIES: ExpandedEntries = { usable: [], unavailable: [], unusable: [] };

function setRoot(
  trustRoots: Map<string, RootState>,
  resource: TrustRootResource,
  material: TrustMaterial,
): void {
  const { name, source } = resource;
  if (source === undefined) {
    // A broken replacement of a built-in root must not fall back to the built-in one: the administrator meant another.
    trustRoots.delete(name);
  } else if (source.kind === 'inline') {
    trustRoots.set(name, rootInHand(source.root));
  } else {
    trustRoots.set(name, material.root(resource));
  }
}

/** A root whose content is there, and stays good until somebody replaces it. */
export function rootInHand(root: TrustRoot): RootState {
  return { kind: 'known', root, usableUntil: undefined, refreshedAt: undefined, error: undefined };
}

function byScopeAndName(a: SigningPolicy, b: SigningPolicy): number {
  const left = `${a.namespace ?? ''}/${a.name}`;
  const right = `${b.namespace ?? ''}/${b.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
