import { useEffect, useId } from 'react';
import { useBlocker, type Blocker } from 'react-router';

/** Forms on the page that hold what nobody has saved. */
const changed = new Set<string>();

export function hasUnsaved(): boolean {
  return changed.size > 0;
}

/** What was typed is saved, or no longer wanted: from now on nobody is asked about it. */
export function forgetUnsaved(): void {
  changed.clear();
}

/** Keeps people on a page with a changed form until they are sure; the browser itself asks before it is reloaded or closed. */
export function useUnsaved(isChanged: boolean): Blocker {
  const id = useId();
  useEffect(() => {
    if (!isChanged) return;
    changed.add(id);
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => {
      changed.delete(id);
      removeEventListener('beforeunload', ask);
    };
  }, [id, isChanged]);
  return useBlocker(
    ({ currentLocation, nextLocation }) =>
      changed.has(id) && currentLocation.pathname !== nextLocation.pathname,
  );
}
