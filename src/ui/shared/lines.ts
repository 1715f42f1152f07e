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

export type PairProblem =
  { readonly kind: 'no-pair'; readonly line: string } | { readonly kind: 'twice'; readonly name: string };

export interface Pairs {
  readonly pairs: Readonly<Record<string, string>>;
  /** What is wrong with the first line that is none, if there is one; what the other lines say is then not the whole. */
  readonly wrong: PairProblem | undefined;
}

/** `name=value`; the value may hold further equals signs, and be empty. */
export function parsePairs(text: string): Pairs {
  const pairs = new Map<string, string>();
  let wrong: PairProblem | undefined;
  for (const line of parseList(text)) {
    const at = line.indexOf('=');
    const name = line.slice(0, at).trim();
    if (at < 1) wrong ??= { kind: 'no-pair', line };
    else if (pairs.has(name)) wrong ??= { kind: 'twice', name };
    else pairs.set(name, line.slice(at + 1).trim());
  }
  return { pairs: Object.fromEntries(pairs), wrong };
}

export function formatPairs(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
