/** Lists and mappings as people type them: one entry a line. */

export function parseList(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export function formatList(list: readonly string[]): string {
  return list.join('\n');
}

export interface Pairs {
  readonly pairs: Readonly<Record<string, string>>;
  /** The first line that is none, if there is one. */
  readonly wrong: string | undefined;
}

/** `name=value`; the value may hold further equals signs, and be empty. */
export function parsePairs(text: string): Pairs {
  const lines = parseList(text);
  const wrong = lines.find((line) => line.indexOf('=') < 1);
  const entries = lines
    .filter((line) => line.indexOf('=') >= 1)
    .map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const;
    });
  return { pairs: Object.fromEntries(entries), wrong };
}

export function formatPairs(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
