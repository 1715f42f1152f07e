import type { Resource, SigningPolicy, TrustedSigner, TrustRootResource } from '../api/resources.ts';
import type { TrustRoot } from '../sigstore/trust-root.ts';
import { expandEntries, type ExpandedEntries } from './signer-entry.ts';

/**
 * Everything that one review is decided with: immutable and numbered. A change in the cluster makes a new one; a review
 * keeps the one that it started with, from its first image to its last.
 */
export interface Snapshot {
  readonly number: number;
  /** Cluster policies first, then by namespace and name: the order of messages does not depend on the order of arrival. */
  readonly policies: readonly CompiledPolicy[];
  readonly signers: ReadonlyMap<string, TrustedSigner>;
  /** Usable roots only; one that is missing here is missing for every policy that names it. */
  readonly trustRoots: ReadonlyMap<string, TrustRoot>;
}

/** A policy with its references followed. */
export interface CompiledPolicy {
  readonly policy: SigningPolicy;
  readonly entries: ExpandedEntries;
}

export interface SnapshotInput {
  readonly number: number;
  readonly resources: readonly Resource[];
  /** Roots that exist without a resource (`public-good`); a TrustRoot of the same name replaces one. */
  readonly builtinRoots: ReadonlyMap<string, TrustRoot>;
}

/** Pure and cheap: everything slow (parsing, compiling patterns) was done when the resource was read. */
export function compileSnapshot({ number, resources, builtinRoots }: SnapshotInput): Snapshot {
  const trustRoots = new Map(builtinRoots);
  const signers = new Map<string, TrustedSigner>();
  const policies: SigningPolicy[] = [];
  for (const resource of resources) {
    switch (resource.kind) {
      case 'TrustedSigner':
        signers.set(resource.name, resource);
        break;
      case 'TrustRoot':
        setRoot(trustRoots, resource);
        break;
      default:
        policies.push(resource);
    }
  }
  const lookup = { signers, trustRoots };
  const compiled = policies.sort(byScopeAndName).map((policy) => ({
    policy,
    entries: policy.rules === undefined ? NO_ENTRIES : expandEntries(policy.rules, lookup),
  }));
  return { number, policies: compiled, signers, trustRoots };
}

const NO_ENTRIES: ExpandedEntries = { usable: [], unusable: [] };

function setRoot(trustRoots: Map<string, TrustRoot>, { name, root }: TrustRootResource): void {
  if (root === undefined) {
    // A broken replacement of a built-in root must not fall back to the built-in one: the administrator meant another.
    trustRoots.delete(name);
  } else {
    trustRoots.set(name, root);
  }
}

function byScopeAndName(a: SigningPolicy, b: SigningPolicy): number {
  const left = `${a.namespace ?? ''}/${a.name}`;
  const right = `${b.namespace ?? ''}/${b.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
