/**
 * A signal that aborts with the caller's, or when the time is up. By hand: Node keeps what `AbortSignal.any` makes of a signal and a
 * timeout for as long as that signal lives.
 * @param milliseconds from now
 */
export function deadlineOf(
  milliseconds: number,
  caller: AbortSignal,
): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, milliseconds).unref();
  if (caller.aborted) abort();
  else caller.addEventListener('abort', abort, { once: true });
  const release = (): void => {
    clearTimeout(timer);
    caller.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, release };
}
