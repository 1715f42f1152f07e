import { celList, celMap, type CelList, type CelValue } from '@bufbuild/cel';
import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.ts';
import type { Meter } from './condition-meter.ts';

/**
 * JSON as CEL sees it, converted where it is looked at: a statement has up to 800,000 values, an expression reads a few.
 * Numbers are doubles, whole ones too, as CEL says of JSON: what a signer writes as 7 or 7.5 has one type.
 * The library's own conversion is not used: it takes an object with a key `$typeName` for a message, and fails at a key `constructor`.
 */
export class StatementValues {
  readonly #meter: Meter;
  /** So that an expression that reads a list a thousand times converts it once. */
  readonly #lists = new Map<readonly JsonValue[], CelList>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  of(value: JsonValue): CelValue {
    if (typeof value !== 'object' || value === null) return value;
    return isJsonObject(value)
      ? celMap(new JsonMap(value, this, this.#meter))
      : this.#list(value as readonly JsonValue[]);
  }

  #list(items: readonly JsonValue[]): CelList {
    const known = this.#lists.get(items);
    if (known !== undefined) return known;
    this.#meter.spend(items.length);
    const list = celList(items.map((item) => this.of(item)));
    this.#lists.set(items, list);
    return list;
  }
}

/** The own properties of an object, `__proto__` and `constructor` like any other. */
class JsonMap implements ReadonlyMap<string, CelValue> {
  readonly #object: JsonObject;
  readonly #values: StatementValues;
  readonly #meter: Meter;

  constructor(object: JsonObject, values: StatementValues, meter: Meter) {
    this.#object = object;
    this.#values = values;
    this.#meter = meter;
  }

  get size(): number {
    return this.#keys().length;
  }

  get(key: string): CelValue | undefined {
    // The library also asks for numbers and booleans: as property names they would be found.
    if (typeof key !== 'string' || !Object.hasOwn(this.#object, key)) return undefined;
    const value = this.#object[key];
    return value === undefined ? undefined : this.#values.of(value);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  keys(): MapIterator<string> {
    return this.#keys().values();
  }

  *entries(): MapIterator<[string, CelValue]> {
    for (const key of this.#keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  *values(): MapIterator<CelValue> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, CelValue]> {
    return this.entries();
  }

  forEach(callback: (value: CelValue, key: string, map: ReadonlyMap<string, CelValue>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }

  #keys(): readonly string[] {
    const keys = Object.keys(this.#object);
    this.#meter.spend(keys.length);
    return keys;
  }
}
