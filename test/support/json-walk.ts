/** One mutation of a good document. */
export interface Wreck {
  /** `.spec.images[0] = null` */
  readonly name: string;
  readonly value: unknown;
}

/** One of each type that JSON has, empty and not. */
const OTHERS: readonly unknown[] = [null, 0, -1.5, 'junk', '', true, [], [null], {}, { junk: [] }];

/** The document with each of its fields and elements missing, null, and of every other type. */
export function* wrecksOf(good: unknown): Generator<Wreck> {
  for (const other of OTHERS) yield { name: ` = ${JSON.stringify(other)}`, value: other };
  for (const path of pathsOf(good)) {
    const name = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
    yield { name: `${name} removed`, value: changed(good, path, (holder, key) => remove(holder, key)) };
    for (const other of OTHERS) {
      const value = changed(good, path, (holder, key) => (holder[key] = structuredClone(other)));
      yield { name: `${name} = ${JSON.stringify(other)}`, value };
    }
  }
}

type Path = readonly (string | number)[];
type Holder = Record<string | number, unknown>;

function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== 'object' || value === null) return;
  // Elements after the second are read as the second is.
  const keys = Array.isArray(value) ? [...value.keys()].slice(0, 2) : Object.keys(value);
  for (const key of keys) {
    yield [...path, key];
    yield* pathsOf((value as Holder)[key], [...path, key]);
  }
}

function changed(good: unknown, path: Path, change: (holder: Holder, key: string | number) => void): unknown {
  const copy = structuredClone(good);
  let holder = copy as Holder;
  for (const step of path.slice(0, -1)) holder = holder[step] as Holder;
  change(holder, path.at(-1) ?? '');
  return copy;
}

function remove(holder: Holder, key: string | number): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}
