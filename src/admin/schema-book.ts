import * as z from 'zod';

export type JsonSchema = { readonly [key: string]: unknown };
type Definitions = Readonly<Record<string, JsonSchema>>;
type Direction = 'input' | 'output';

/** JSON Schemas (2020-12, which OpenAPI 3.1 uses) of zod schemas; those that have a name stand once, under `components`. */
export class SchemaBook {
  readonly #components = new Map<string, JsonSchema>();
  /** By the name of a component: what it stands for. */
  readonly #meanings = new Map<string, string>();
  readonly #known = new Map<z.ZodType, Partial<Record<Direction, JsonSchema>>>();

  components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What stands in the place of the schema. @param direction what clients may send, or what they get */
  reference(schema: z.ZodType, direction: Direction): JsonSchema {
    const known = this.#known.get(schema) ?? {};
    this.#known.set(schema, known);
    return (known[direction] ??= this.#convert(schema, direction));
  }

  /** The schema itself, also where it has a name. */
  inline(schema: z.ZodType, direction: Direction): JsonSchema {
    const reference = this.reference(schema, direction);
    const name = nameIn(reference['$ref']);
    return name === undefined ? reference : (this.#components.get(name) ?? reference);
  }

  #convert(schema: z.ZodType, direction: Direction): JsonSchema {
    const {
      $schema: _,
      $defs,
      ...whole
    } = z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io: direction,
      // What JSON Schema has no word for is checked all the same.
      unrepresentable: 'any',
    }) as JsonSchema & { readonly $defs?: Definitions };
    const definitions = $defs ?? {};
    const names = new Map(
      Object.keys(definitions).map((name) => [name, this.#nameFor(name, definitions, direction)]),
    );
    for (const [name, definition] of Object.entries(definitions))
      this.#components.set(names.get(name) ?? name, renamed(definition, names) as JsonSchema);
    return renamed(whole, names) as JsonSchema;
  }

  /** What differs by its direction has two names: a field with a default may be left out of what is sent only. */
  #nameFor(name: string, definitions: Definitions, direction: Direction): string {
    const meaning = meaningOf(name, definitions);
    const candidates = [name, name + (direction === 'input' ? 'Input' : 'Output')];
    const free = candidates.find((each) => (this.#meanings.get(each) ?? meaning) === meaning);
    if (free === undefined) throw new Error(`two different schemas are called ${name}`);
    this.#meanings.set(free, meaning);
    return free;
  }
}

/** A definition and all that it refers to, as text. */
function meaningOf(name: string, definitions: Definitions): string {
  const reached = new Set([name]);
  // A set is walked to its end, also what is added on the way.
  for (const each of reached) {
    const text = JSON.stringify(definitions[each] ?? null);
    for (const [, next = ''] of text.matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)) reached.add(next);
  }
  return JSON.stringify([...reached].map((each) => [each, definitions[each]]));
}

const DEFINITION = '#/$defs/';
const COMPONENT = '#/components/schemas/';

function nameIn(reference: unknown): string | undefined {
  return typeof reference === 'string' && reference.startsWith(COMPONENT)
    ? reference.slice(COMPONENT.length)
    : undefined;
}

/** With every reference to a definition made one to a component. */
function renamed(json: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(json)) return json.map((each) => renamed(each, names));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (key !== '$ref' || typeof value !== 'string' || !value.startsWith(DEFINITION))
        return [key, renamed(value, names)];
      const name = value.slice(DEFINITION.length);
      return [key, COMPONENT + (names.get(name) ?? name)];
    }),
  );
}
