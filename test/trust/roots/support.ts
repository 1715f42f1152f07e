import type { TrustRootResource, TrustRootSource } from '../../../src/api/resources.ts';
import type { Logger } from '../../../src/log.ts';
import { silentLogger } from '../../../src/log.ts';
import type { RootState } from '../../../src/policy/trust-material.ts';
import {
  parseTrustRoot,
  PRIVATE_INSTANCE,
  type ProofRequirements,
} from '../../../src/sigstore/trust-root.ts';
import { RootKeeper } from '../../../src/trust/roots/root-keeper.ts';
import type { TrustRootObserver, TrustRootSettings } from '../../../src/trust/roots/settings.ts';
import type { RootTiming } from '../../../src/trust/roots/timing.ts';
import { eventually } from '../../kube/eventually.ts';
import { createSigstore } from '../../support/fixtures.ts';
import { TufRepository, type RepositoryOptions } from '../../support/tuf-repository.ts';

export const HOUR = 3_600_000;
/** Two instances of Sigstore: what a repository says, and what it must not be made to say. */
export const GOOD = createSigstore({ name: 'tuf-good' });
export const OTHER = createSigstore({ name: 'tuf-other' });
export const fingerprintOf = (json: string, requires: ProofRequirements = PRIVATE_INSTANCE): string =>
  parseTrustRoot(JSON.parse(json), requires).fingerprint;
export const GOOD_PRINT = fingerprintOf(GOOD.trustedRootJson);
export const OTHER_PRINT = fingerprintOf(OTHER.trustedRootJson);

/** Refreshes follow each other at once, so that a test sees the next one. */
export const FAST: RootTiming = { refresh: 30, timeout: 20_000, retryFirst: 30, retryLast: 30, soonest: 30 };

export function repository(options: Partial<RepositoryOptions> = {}): TufRepository {
  return new TufRepository({
    name: 'test',
    content: GOOD.trustedRootJson,
    expires: Date.now() + HOUR,
    ...options,
  });
}

export function resource(source: TrustRootSource, rest: Partial<TrustRootResource> = {}): TrustRootResource {
  return {
    kind: 'TrustRoot',
    name: 'mine',
    generation: 1,
    source,
    requires: PRIVATE_INSTANCE,
    problems: [],
    ...rest,
  };
}

export function mirrorOf(url: string, root: string, target = 'trusted_root.json'): TrustRootSource {
  return { kind: 'tuf', root, target, from: { kind: 'mirror', url } };
}

export function archiveOf(bytes: Uint8Array, root: string): TrustRootSource {
  return { kind: 'tuf', root, target: 'trusted_root.json', from: { kind: 'archive', bytes } };
}

export interface Running {
  readonly keeper: RootKeeper;
  readonly stop: () => Promise<void>;
  readonly now: (resource: TrustRootResource) => RootState;
  /** Waits until the state is of this fingerprint and has no error, and gives it. */
  readonly holds: (resource: TrustRootResource, fingerprint: string) => Promise<RootState>;
  /** Waits until two more refreshes have ended: what was under way at a change does not count. */
  readonly twoMore: () => Promise<void>;
  /** Waits until the reason or the error matches, and gives the state. */
  readonly says: (resource: TrustRootResource, text: RegExp) => Promise<RootState>;
}

const running = new Set<Running>();

/** A keeper that follows these resources and nothing else; ended by `stopAll`. */
export function keep(
  resources: readonly TrustRootResource[],
  options: {
    readonly settings?: TrustRootSettings;
    readonly timing?: Partial<RootTiming>;
    readonly observer?: TrustRootObserver;
    readonly logger?: Logger;
    readonly now?: () => number;
  } = {},
): Running {
  const { settings = {}, timing = {}, observer, ...rest } = options;
  let refreshes = 0;
  const keeper = new RootKeeper({
    settings: { publicGood: { refresh: false }, ...settings },
    timing: { ...FAST, ...timing },
    logger: silentLogger,
    ...rest,
    observer: {
      refreshed: (...news) => {
        refreshes += 1;
        observer?.refreshed(...news);
      },
      expiry: (...news) => observer?.expiry(...news),
    },
  });
  keeper.want(resources);
  keeper.start();
  const now = (of: TrustRootResource): RootState => keeper.state(of);
  const made: Running = {
    keeper,
    now,
    stop: async () => {
      running.delete(made);
      await keeper.stop();
    },
    holds: async (of, fingerprint) => {
      await eventually(`${of.name} is ${fingerprint}`, () => {
        const state = now(of);
        return state.kind === 'known' && state.root.fingerprint === fingerprint && state.error === undefined;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}; it says: ${told(now(of))}`);
      });
      return now(of);
    },
    twoMore: () => {
      const before = refreshes;
      return eventually('two more refreshes', () => refreshes >= before + 2);
    },
    says: async (of, text) => {
      await eventually(`${of.name} says ${text}`, () => text.test(told(now(of)) ?? '')).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}; it says: ${told(now(of))}`);
        },
      );
      return now(of);
    },
  };
  running.add(made);
  return made;
}

export function told(state: RootState): string | undefined {
  return state.kind === 'unavailable' ? state.reason : state.error;
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((each) => each.stop()));
}
