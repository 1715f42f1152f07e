import type { PolicyRules, SlsaDemand } from '../api/resources.ts';
import type { SlsaPolicy } from '../slsa/slsa-policy.ts';
import { expandEntries, type ExpandedEntries, type TrustLookup } from './signer-entry.ts';
import { bindRoot, type BoundContext, type BoundRoot } from './trust-binding.ts';

/** A policy's `slsa`, with its references followed. */
export interface CompiledSlsa {
  readonly policy: SlsaPolicy;
  /** The root that certificates of build platforms are verified with. */
  readonly platforms: BoundRoot;
  /** The TrustedSigners that `builders` and `verifiers` name, by name. */
  readonly signers: ReadonlyMap<string, ExpandedEntries>;
}

export function compileSlsa(
  { policy, trustRoot }: SlsaDemand,
  rules: PolicyRules,
  lookup: TrustLookup,
): CompiledSlsa {
  const names = [...policy.builders, ...policy.verifiers].flatMap(({ signerRef }) => signerRef ?? []);
  const signers = new Map(
    names.map((name) => [
      name,
      expandEntries([{ kind: 'signerRef', field: 'spec.slsa', name }], rules, lookup),
    ]),
  );
  return { policy, platforms: bindRoot(trustRoot ?? rules.trustRoot, lookup.trustRoots), signers };
}

/** The trust contexts that provenance is verified in. */
export function slsaContexts({ platforms, signers }: CompiledSlsa): readonly BoundContext[] {
  const own = platforms.kind === 'bound' ? [platforms.bound] : [];
  return [
    ...own,
    ...[...signers.values()].flatMap(({ usable }) => usable.flatMap(({ contexts }) => contexts)),
  ];
}

/** @param now milliseconds since the epoch */
export function isStale(root: BoundRoot, now: number): boolean {
  return root.kind === 'bound' && root.stale !== undefined && now >= root.stale.from;
}
