import { useSyncExternalStore } from 'react';

function subscribe(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['class'] });
  return () => observer.disconnect();
}

/** The classes of the document, which say whether it is light or dark. */
export function useThemeName(): string {
  return useSyncExternalStore(subscribe, () => document.documentElement.className);
}
