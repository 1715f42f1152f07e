/**
 * About how many instructions a regular expression compiles to, read off its text in one pass: what is repeated counts as
 * often as it is repeated. Anything odd is counted rather than understood; the compiler has the last word on syntax.
 */
export function patternCost(source: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  for (let at = 0; at < source.length; at++) {
    const repeat = repeatAt(source, at);
    if (repeat !== undefined) {
      size += last * (repeat.times - 1);
      last *= repeat.times;
      at = repeat.end;
    } else if (source[at] === '(') {
      outer.push(size);
      size = 0;
      last = 0;
    } else if (source[at] === ')') {
      last = size + 1;
      size = (outer.pop() ?? 0) + last;
    } else {
      at = endOfAtom(source, at);
      last = 1;
      size += 1;
    }
  }
  return outer.reduce((sum, open) => sum + open, size);
}

function repeatAt(source: string, at: number): { readonly times: number; readonly end: number } | undefined {
  const repeat = /\{(\d{1,9})(?:,(\d{0,9}))?\}/y;
  repeat.lastIndex = at;
  const [text, least = '', most = ''] = repeat.exec(source) ?? [];
  if (text === undefined) return undefined;
  return { times: Math.max(Number(least), Number(most), 1), end: at + text.length - 1 };
}

/** Position of the last character of a class or an escape; `at` itself for a plain one. */
function endOfAtom(source: string, at: number): number {
  if (source[at] === '\\') return at + 1;
  if (source[at] !== '[') return at;
  let end = at + 1;
  if (source[end] === '^') end++;
  // A bracket that comes first stands for itself.
  if (source[end] === ']') end++;
  while (end < source.length && source[end] !== ']') {
    if (source.startsWith('[:', end)) end = Math.max(end, source.indexOf(':]', end) + 1);
    else if (source[end] === '\\') end++;
    end++;
  }
  return end;
}
