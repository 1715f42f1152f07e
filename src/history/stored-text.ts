/** Control characters, marks that turn the direction of writing, unpaired surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const LOOKS_UNPRINTABLE = /[^\x20-\x7e]/;

/**
 * Somebody else's text as it is kept: cut, and with what cannot be seen spelled out, so that it can rewrite no line of a log, a
 * table or an export. PostgreSQL would also refuse a whole batch because of one NUL.
 */
export function storedText(text: string, maxChars: number): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return LOOKS_UNPRINTABLE.test(cut) ? cut.replace(UNPRINTABLE, spelledOut) : cut;
}

function spelledOut(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
