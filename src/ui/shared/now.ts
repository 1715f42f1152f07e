import { useSyncExternalStore } from 'react';

/** Milliseconds between looks at the clock. */
const STEP = 10_000;

function subscribe(listener: () => void): () => void {
  const timer = setInterval(listener, STEP);
  return () => clearInterval(timer);
}

/** Milliseconds since 1970, at most ten seconds ahead of time; whoever uses it is drawn again as time passes. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => Math.ceil(Date.now() / STEP) * STEP);
}
