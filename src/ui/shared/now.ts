import { useSyncExternalStore } from 'react';

/** Milliseconds between looks at the clock. */
const STEP = 10_000;

function subscribe(listener: () => void): () => void {
  const timer = setInterval(listener, STEP);
  return () => clearInterval(timer);
}

/** Milliseconds since 1970, to within ten seconds; whoever uses it is drawn again as time passes. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / STEP) * STEP);
}
