/** A flag's value; a list repeats the flag. */
export type FlagValue = string | number | boolean | readonly string[];

/** `{name: value}` as the command-line arguments `--name=value`. */
export function flags(values: Readonly<Record<string, FlagValue>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item) => `--${name}=${item}`),
  );
}
