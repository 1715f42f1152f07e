const SHOWN_CHARS = 64;

/**
 * Somebody else's text for one of our sentences: in quotes, cut to 64 characters, and with everything but printable ASCII
 * spelled out, so that a line break or a right-to-left mark cannot rewrite the sentence round it.
 */
export function quote(text: string): string {
  const shown = Array.from(text.slice(0, SHOWN_CHARS), escape).join('');
  return `"${shown}${text.length > SHOWN_CHARS ? '…' : ''}"`;
}

function escape(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  if (character >= ' ' && character <= '~') return character;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
