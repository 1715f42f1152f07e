import type { Resource } from '../api/resources.ts';
import { compileSnapshot, type Snapshot } from '../policy/snapshot.ts';
import type { TrustMaterialSource } from '../store/trust-material-source.ts';

/** Milliseconds that a root which is known already may be awaited for a newer one. */
const REFRESH_WAIT = 5_000;

export interface SettleOptions {
  /** When it aborts, what is there has to do. */
  readonly signal: AbortSignal;
  /** Whether roots that came with the installation are refreshed, and so worth waiting for. */
  readonly refreshes: boolean;
}

/**
 * A snapshot once every key and root that it needs has been read, or could not be: for whoever asks once, and cannot come again.
 * What has not answered in time is unavailable in it, which makes a fault.
 */
export async function settledSnapshot(
  resources: readonly Resource[],
  trust: TrustMaterialSource,
  { signal, refreshes }: SettleOptions,
): Promise<Snapshot> {
  const compile = (): Snapshot => compileSnapshot({ number: 1, resources, material: trust.material() });
  const patience = AbortSignal.any([signal, AbortSignal.timeout(REFRESH_WAIT)]);
  let wake: (() => void) | undefined;
  const forget = trust.onChange(() => wake?.());
  try {
    trust.want(resources);
    const first = unansweredIn(compile());
    for (;;) {
      const snapshot = compile();
      const unanswered = [...unansweredIn(snapshot)].some((each) => first.has(each));
      const until = unanswered
        ? signal
        : refreshes && awaitsRefresh(snapshot, resources)
          ? patience
          : undefined;
      if (until === undefined || until.aborted) return snapshot;
      await new Promise<void>((resolve) => {
        wake = resolve;
        until.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  } finally {
    forget();
  }
}

/** Keys and roots that are not there, with the reason: it changes when somebody has tried. */
function unansweredIn({ keys, trustRoots }: Snapshot): ReadonlySet<string> {
  return new Set(
    [...keys, ...trustRoots].flatMap(([name, state]) =>
      state.kind === 'unavailable' ? [`${name} ${state.reason}`] : [],
    ),
  );
}

/** A root is still the one that came with the installation, and nobody has tried to refresh it yet. */
function awaitsRefresh({ trustRoots }: Snapshot, resources: readonly Resource[]): boolean {
  const inline = new Set(
    resources.flatMap((each) =>
      each.kind === 'TrustRoot' && each.source?.kind === 'inline' ? [each.name] : [],
    ),
  );
  return [...trustRoots].some(
    ([name, state]) =>
      state.kind === 'known' &&
      state.refreshedAt === undefined &&
      state.error === undefined &&
      !inline.has(name),
  );
}
