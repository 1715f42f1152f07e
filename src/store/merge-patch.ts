type Json = Readonly<Record<string, unknown>>;

/**
 * RFC 7386: null removes, objects are merged, anything else takes the place of what was there. A key such as `__proto__` becomes a
 * field of the result and nothing else.
 */
export function mergePatch(target: Json, patch: Json): Record<string, unknown> {
  const result = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) result.delete(key);
    else if (isObject(value)) result.set(key, mergePatch(asObject(result.get(key)), value));
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
