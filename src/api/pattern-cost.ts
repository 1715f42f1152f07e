/**
 * About how many instructions a regular expression compiles to, read off its text in one pass: what is repeated counts as
 * often as it is repeated, and a class of many ranges more than once. Anything odd is counted rather than understood; the compiler has the last word on syntax.
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
      const end = endOfAtom(source, at);
      last = atomCost(source.slice(at, end + 1));
      size += last;
      at = end;
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

/** `\pL` is a table of 684 ranges, and what repeats it holds one table for each time. */
const UNICODE_CLASS = 600;

/** A class is one instruction, but one that holds its ranges: the more of them, the longer its text. */
function atomCost(atom: string): number {
  const tables = atom.match(/\\[pP]/g)?.length ?? 0;
  return 1 + Math.floor(atom.length / 16) + tables * UNICODE_CLASS;
}

/** Position of the last character of a class or an escape; `at` itself for a plain one. */
function endOfAtom(source: string, at: number): number {
  if (/[pP]/.test(source[at + 1] ?? '') && source[at] === '\\') {
    // `\pL` or `\p{Greek}`: a repeat that follows is of the whole.
    return source[at + 2] === '{' ? endOf(source, '}', at) : at + 2;
  }
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

function endOf(source: string, sign: string, from: number): number {
  const end = source.indexOf(sign, from);
  return end === -1 ? source.length - 1 : end;
}
