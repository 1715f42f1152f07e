import { join } from 'node:path';
import { registryFlags } from './cosign-flags.ts';
import { invoke, type Cosign, type Proofs } from './cosign.ts';
import type { PushedImage } from './manifests.ts';

/** Whom a signature is expected of. */
export type Expected =
  | { readonly publicKeyPath: string }
  | { readonly identity: string; readonly issuer: string }
  /** A certificate of a private authority: no OIDC issuer. */
  | { readonly identity: string; readonly chainPath: string; readonly trustedRootPath: string };

export interface CosignDemand {
  readonly expected: Expected;
  /** What must be there and verify. */
  readonly proofs: Required<Proofs>;
  /** Further flags and environment, such as `COSIGN_REPOSITORY`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A folder that `cosign save` wrote, instead of the registry. */
  readonly layout?: string;
  /** An attestation of this type is verified, not a signature. */
  readonly attestationType?: string;
}

export interface CosignVerdict {
  readonly accepted: boolean;
  /** What it printed. */
  readonly said: string;
}

/** cosign's own verdict by its own rules, told strictly: each proof that the signature has is asked for. */
export async function cosignVerdict(
  cosign: Cosign,
  image: PushedImage,
  demand: CosignDemand,
): Promise<CosignVerdict> {
  const { layout, attestationType } = demand;
  const args = [
    ...(attestationType === undefined ? ['verify'] : ['verify-attestation', '--type', attestationType]),
    ...whoFlags(demand.expected, demand.proofs.legacy),
    ...trustFlags(cosign, demand),
    ...(demand.proofs.log === 'none' ? ['--insecure-ignore-tlog'] : []),
    ...(demand.proofs.timestamp ? ['--use-signed-timestamps'] : []),
    ...(demand.flags ?? []),
    ...(layout === undefined ? [...registryFlags(image.registry), image.pinned] : ['--local-image', layout]),
  ];
  try {
    return { accepted: true, said: await invoke(cosign, args, demand.env) };
  } catch (error) {
    return { accepted: false, said: error instanceof Error ? error.message : String(error) };
  }
}

function whoFlags(expected: Expected, legacy: boolean): readonly string[] {
  if ('publicKeyPath' in expected) return ['--key', expected.publicKeyPath];
  const identity = ['--certificate-identity', expected.identity, '--insecure-ignore-sct'];
  if ('issuer' in expected) return [...identity, '--certificate-oidc-issuer', expected.issuer];
  const chain = legacy ? ['--certificate-chain', expected.chainPath] : [];
  return [...identity, '--certificate-oidc-issuer-regexp', '.*', ...chain];
}

/** cosign 2 takes the trust in what its own layout holds from its environment and from files of its own. */
function trustFlags({ major, sigstore }: Cosign, { expected, proofs }: CosignDemand): readonly string[] {
  if (sigstore === undefined) return [];
  const root = 'trustedRootPath' in expected ? expected.trustedRootPath : sigstore.trustedRootPath;
  if (major === 3) return ['--trusted-root', root];
  if (!proofs.legacy) return ['--new-bundle-format', '--trusted-root', root];
  const chain = join(sigstore.folder, 'timestamp-chain.pem');
  return proofs.timestamp ? ['--timestamp-certificate-chain', chain] : [];
}
