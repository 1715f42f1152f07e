import type { KubernetesStore, StoredName, StoredVersion } from './kubernetes-store.ts';

export interface Expected {
  readonly name: StoredName;
  readonly version: StoredVersion;
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly patience: number;
}

/** Waits until this process decides by a version of an object. Returns whether it does; never throws. */
export async function isInForce(
  store: Pick<KubernetesStore, 'holds' | 'onChange'>,
  { name, version, signal, patience }: Expected,
): Promise<boolean> {
  const holds = () => store.holds(name, version);
  if (holds()) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = store.onChange(() => {
    if (holds()) resolve();
  });
  const timer = setTimeout(resolve, patience);
  const leave = () => resolve();
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (!signal.aborted) await promise;
    return holds();
  } finally {
    forget();
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}
