/** All in milliseconds. */
export interface RootTiming {
  /** Between two refreshes, give or take a tenth. */
  readonly refresh: number;
  /** That one refresh may take. */
  readonly timeout: number;
  /** After the first failure; it doubles with each one in a row. */
  readonly retryFirst: number;
  readonly retryLast: number;
  /** However near the end of the metadata is, no sooner than this. */
  readonly soonest: number;
}

export const DEFAULT_TIMING: RootTiming = {
  refresh: 6 * 3_600_000,
  timeout: 60_000,
  retryFirst: 60_000,
  retryLast: 3_600_000,
  soonest: 60_000,
};

export interface Situation {
  /** Failures in a row. */
  readonly failures: number;
  /** Milliseconds until what is known ends; undefined = never, or something stands in for it. */
  readonly left: number | undefined;
  /** From 0 to 1: spreads replicas that began together. */
  readonly random: number;
}

/** Milliseconds until a repository is read again. */
export function nextRefresh({ failures, left, random }: Situation, timing: RootTiming): number {
  const { refresh, retryFirst, retryLast, soonest } = timing;
  const usual =
    failures === 0
      ? refresh * (0.9 + 0.2 * random)
      : Math.min(retryLast, retryFirst * 2 ** Math.min(failures - 1, 30)) * (0.5 + 0.5 * random);
  // Half of what is left, again and again: a short outage near the end is survived.
  const near = left === undefined ? usual : Math.max(soonest, left / 2);
  return Math.min(usual, near);
}
