import type { Resource, TrustedKey } from '../api/resources.ts';
import type { Settings } from '../config.ts';
import type { TrustKeeper } from '../trust/trust-keeper.ts';
import { trustKeeper, type TrustSurroundings } from './trust.ts';

/** The root that exists without a resource. */
const BUILTIN = 'public-good';

export interface VerifyTrust {
  readonly trust: TrustKeeper;
  /** Whether the built-in root is refreshed: only where somebody relies on it, so that nothing else calls the network. */
  readonly refreshes: boolean;
}

/** Keys and roots as `serve` has them, without a cluster: Secrets cannot be read. */
export function verifyTrust(
  resources: readonly Resource[],
  settings: Settings,
  surroundings: Pick<TrustSurroundings, 'env' | 'logger'>,
): VerifyTrust {
  const { trustRoots } = settings;
  const refresh = trustRoots.publicGood.refresh && reliesOnBuiltin(resources);
  const own = {
    ...settings,
    trustRoots: { ...trustRoots, publicGood: { ...trustRoots.publicGood, refresh } },
  };
  const trust = trustKeeper(own, { ...surroundings, metrics: undefined, readSecret: undefined });
  return { trust, refreshes: refresh };
}

function reliesOnBuiltin(resources: readonly Resource[]): boolean {
  const signers = resources.flatMap((each) => (each.kind === 'TrustedSigner' ? [each.identity] : []));
  return resources.some((resource) => {
    if (!('rules' in resource) || resource.rules === undefined) return false;
    const { trustRoot, trustedKeys, transparency, slsa, attestations } = resource.rules;
    const { log, timestamp } = transparency.keys;
    const keysNeedRoot = log === 'Required' || timestamp === 'Required';
    const ofBuilders = slsa === undefined ? undefined : (slsa.trustRoot ?? trustRoot);
    const keys = [...trustedKeys, ...attestations.flatMap((each) => each.signers), ...signers];
    return ofBuilders === BUILTIN || keys.some((key) => rootOf(key, trustRoot, keysNeedRoot) === BUILTIN);
  });
}

function rootOf(key: TrustedKey, ofPolicy: string, keysNeedRoot: boolean): string | undefined {
  if (key.kind === 'keyless') return key.trustRoot ?? ofPolicy;
  const isKey = key.kind === 'publicKey' || key.kind === 'keyRef';
  return isKey && keysNeedRoot ? ofPolicy : undefined;
}
