import { isRecord, textAt, type Json } from '../shared/values.ts';

/**
 * A list of objects after one of their fields was edited as lines of text: an object whose text is still there keeps its other
 * fields; of as many lines as before, one that was changed keeps those of its place.
 */
export function keptByKey(
  entries: readonly unknown[],
  key: string,
  texts: readonly string[],
): readonly Json[] {
  return texts.map((text, index) => {
    const same = entries.find((entry) => textAt(entry, key) === text);
    const kept = same ?? (entries.length === texts.length ? entries[index] : undefined);
    return { ...(isRecord(kept) ? kept : {}), [key]: text };
  });
}
