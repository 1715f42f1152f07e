import { Refusal } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What JSON can hold. Objects are plain; a key `__proto__` is an own property like any other. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export interface JsonBounds {
  /** Nested containers; `LIMITS.jsonDepth` unless told. */
  readonly depth?: number;
  /** Objects, lists, commas and strings; unbounded unless told. Many small ones cost a hundred times what their bytes do. */
  readonly tokens?: number;
  /** Objects and lists alone; unbounded unless given. Each takes up to 200 bytes of memory. */
  readonly containers?: number;
  /** Different keys of all objects; unbounded unless given. A new key costs ten times what a known one does, in time and memory. */
  readonly names?: number;
}

/**
 * Parses JSON that somebody else wrote: UTF-8 without a byte order mark, no key twice in one object (two readers could
 * each see another value: attacks A25, A28), within the bounds given. Linear in the length of the text.
 * @throws Refusal MALFORMED or LIMIT; `what` names the document in its message.
 */
export function parseStrictJson(
  input: Uint8Array | string,
  what: string,
  bounds: JsonBounds = {},
): JsonValue {
  const text = typeof input === 'string' ? input : decodeUtf8(input, what);
  // Before JSON.parse, which would build what a million brackets describe.
  refuseExcessAndDuplicates(text, what, bounds);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new Refusal('MALFORMED', `${what} is not JSON`, { cause });
  }
}

/** True for a JSON object, not for an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws Refusal MALFORMED for bytes that are not UTF-8. A byte order mark is kept, for JSON.parse to refuse. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('MALFORMED', `${what} is not UTF-8`, { cause });
  }
}

interface OpenContainer {
  readonly isObject: boolean;
  /** Keys seen so far; undefined before the first: millions of empty objects must not make millions of sets. */
  keys: Set<string> | undefined;
  /** In an object: the next string is a key. */
  expectsKey: boolean;
}

function opened(isObject: boolean): OpenContainer {
  return { isObject, keys: undefined, expectsKey: isObject };
}

/** Exact for well-formed JSON; for anything else it only has to end, because JSON.parse refuses that afterwards. */
function refuseExcessAndDuplicates(
  text: string,
  what: string,
  {
    depth: maxDepth = LIMITS.jsonDepth,
    tokens: maxTokens = Number.POSITIVE_INFINITY,
    containers: maxContainers = Number.POSITIVE_INFINITY,
    names: maxNames,
  }: JsonBounds,
): void {
  const open: OpenContainer[] = [];
  let tokens = 0;
  let containers = 0;
  const names = maxNames === undefined ? undefined : new Set<string>();
  const countToken = (): void => {
    // At once: what comes before is all that an oversized document may cost.
    if (++tokens > maxTokens) throw new Refusal('LIMIT', `${what} holds more than ${maxTokens} JSON tokens`);
  };
  for (let i = 0; i < text.length; i++) {
    const top = open.at(-1);
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.length >= maxDepth) {
          throw new Refusal('LIMIT', `${what} is nested deeper than ${maxDepth} levels`);
        }
        if (++containers > maxContainers) {
          throw new Refusal('LIMIT', `${what} holds more than ${maxContainers} JSON objects and lists`);
        }
        countToken();
        open.push(opened(text.charCodeAt(i) === 0x7b));
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case 0x2c: // ,
        countToken();
        if (top?.isObject === true) top.expectsKey = true;
        break;
      case QUOTE: {
        countToken();
        const end = endOfString(text, i + 1);
        if (top?.expectsKey === true) {
          const raw = text.slice(i + 1, end);
          addKey((top.keys ??= new Set()), raw, what);
          if (names !== undefined && names.add(raw).size > (maxNames ?? 0)) {
            throw new Refusal('LIMIT', `${what} holds more than ${maxNames} different JSON keys`);
          }
          top.expectsKey = false;
        }
        i = end;
        break;
      }
      default:
    }
  }
}

/**
 * The text of a member of the outermost object, without a look at the rest: for hints only, because what follows need not
 * be JSON and a key may come twice.
 * @returns undefined where it is not found among the first `maxTokens` tokens
 */
export function peekText(text: string, name: string, maxTokens: number): string | undefined {
  const key = `${name}"`;
  let depth = 0;
  let tokens = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x7b || char === 0x5b) depth++;
    else if (char === 0x7d || char === 0x5d) depth--;
    else if (char === QUOTE) {
      if (++tokens > maxTokens) return undefined;
      const end = endOfString(text, i + 1);
      const value = depth === 1 && text.startsWith(key, i + 1) ? textAfterColon(text, end + 1) : undefined;
      if (value !== undefined) return value;
      i = end;
    }
  }
  return undefined;
}

function textAfterColon(text: string, from: number): string | undefined {
  const value = /[\t\n\r ]{0,64}:[\t\n\r ]{0,64}"/y;
  value.lastIndex = from;
  if (!value.test(text)) return undefined;
  const raw = text.slice(value.lastIndex, endOfString(text, value.lastIndex));
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return undefined;
  }
}

/** Index of the quote that ends the string which starts at `from`; the text's length when none does. */
function endOfString(text: string, from: number): number {
  let searched = from;
  for (;;) {
    const quote = text.indexOf('"', searched);
    if (quote === -1) return text.length;
    let backslashes = 0;
    // Only back to the last quote: a run of backslashes is counted once, so the whole stays linear.
    while (quote - 1 - backslashes >= searched && text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) {
      backslashes++;
    }
    if (backslashes % 2 === 0) return quote;
    searched = quote + 1;
  }
}

function addKey(keys: Set<string>, raw: string, what: string): void {
  const key = raw.includes('\\') ? unescapeKey(raw, what) : raw;
  if (keys.has(key)) throw new Refusal('MALFORMED', `${what} has the key "${key.slice(0, 64)}" twice`);
  keys.add(key);
}

function unescapeKey(raw: string, what: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch (cause) {
    throw new Refusal('MALFORMED', `${what} is not JSON`, { cause });
  }
}
