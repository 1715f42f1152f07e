import { homedir } from 'node:os';
import type { Settings } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Metrics, TrustStateMetric } from '../observe/metrics.ts';
import { directOrigins } from '../registry/no-proxy.ts';
import { parseProxyUrl } from '../registry/proxies.ts';
import { KeyResolver } from '../trust/keys/key-resolver.ts';
import { KeyRing } from '../trust/keys/key-ring.ts';
import type { ReadSecret } from '../trust/keys/key-ports.ts';
import { RootKeeper } from '../trust/roots/root-keeper.ts';
import { TrustKeeper } from '../trust/trust-keeper.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { KeyState, RootState } from '../policy/trust-material.ts';

export interface TrustSurroundings {
  readonly logger: Logger;
  /** Undefined where nobody reads them. */
  readonly metrics: Metrics | undefined;
  /** Undefined where there is no cluster. */
  readonly readSecret: ReadSecret | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Keys and roots that are kept elsewhere, as the settings say. */
export function trustKeeper(
  settings: Settings,
  { logger, metrics, readSecret, env = process.env }: TrustSurroundings,
): TrustKeeper {
  const { keys, trustRoots } = settings;
  const proxy = proxyOf(settings);
  const source = new KeyResolver({ ...keys, proxy }, { env, home: homedir(), readSecret, now: Date.now });
  const timing = { refresh: keys.refreshSeconds * 1000, keep: keys.keepSeconds * 1000 };
  const observer = {
    resolved: (scheme: string, outcome: 'ok' | 'error', seconds: number) =>
      metrics?.recordKeyReading({ scheme, outcome, seconds }),
  };
  return new TrustKeeper(
    new KeyRing({ source, logger, observer, timing }),
    new RootKeeper({
      settings: { ...trustRoots, proxy },
      logger,
      observer: {
        refreshed: (_name, outcome) => metrics?.recordRootRefresh(outcome),
        expiry: () => undefined,
      },
    }),
  );
}

/** As for registries: written without a scheme it is an http one, and what is reached without it is read alike. */
function proxyOf({ proxy: { https, http, no = '' } }: Settings) {
  return { https: proxyHref(https), http: proxyHref(http), no, isDirect: directOrigins(no) };
}

function proxyHref(written: string | undefined): string | undefined {
  return written === undefined ? undefined : parseProxyUrl(written)?.href;
}

/** Every key and root of a snapshot, for `/metrics`. */
export function trustStates(snapshot: Snapshot | undefined): readonly TrustStateMetric[] {
  const { keys = [], trustRoots = [] } = snapshot ?? {};
  return [
    ...Array.from(keys, ([name, state]) => ({ kind: 'key', name, ...stateMetric(state) }) as const),
    ...Array.from(trustRoots, ([name, state]) => ({ kind: 'root', name, ...stateMetric(state) }) as const),
  ];
}

function stateMetric(state: KeyState | RootState): Pick<TrustStateMetric, 'available' | 'usableUntil'> {
  return state.kind === 'known'
    ? { available: true, usableUntil: state.usableUntil }
    : { available: false, usableUntil: undefined };
}

/** Whether the first answer about some key or root is still on its way. */
export function isAwaited({ keys, trustRoots }: Snapshot): boolean {
  return [...keys.values(), ...trustRoots.values()].some(
    (state) => state.kind === 'unavailable' && state.isPending === true,
  );
}
