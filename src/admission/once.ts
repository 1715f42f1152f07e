/** Remembers what was started for a key: equal images are resolved and judged once per review. */
export function once<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const started = new Map<string, Promise<T>>();
  return (key) => {
    const known = started.get(key);
    if (known !== undefined) return known;
    const promise = work(key);
    started.set(key, promise);
    return promise;
  };
}
