import type { KeyState, RootState } from '../../src/policy/trust-material.ts';
import { rootInHand } from '../../src/policy/snapshot.ts';
import type { TrustRoot } from '../../src/sigstore/trust-root.ts';
import type { TrustMaterialSource } from '../../src/store/trust-material-source.ts';

/** Trust that never changes: these roots under their names, these keys under their URIs. */
export function staticTrust(
  roots: ReadonlyMap<string, TrustRoot | RootState>,
  keys: ReadonlyMap<string, KeyState> = new Map(),
): TrustMaterialSource {
  const states = new Map([...roots].map(([name, root]) => [name, 'kind' in root ? root : rootInHand(root)]));
  const unknown = (what: string) => ({ kind: 'unavailable', reason: `${what} was not read yet` }) as const;
  return {
    want: () => undefined,
    material: () => ({
      builtin: states,
      root: ({ name }) => states.get(name) ?? unknown(`TrustRoot "${name}"`),
      key: ({ uri }) => keys.get(uri) ?? unknown(uri),
    }),
    onChange: () => () => undefined,
  };
}
