/** Characters at the end that are always shown: of `system:serviceaccount:people:alice` the end says who it is. */
const END = 8;

/** A long name in one line, cut in its middle where there is no room; all of it under the pointer. */
export function MiddleText({ text }: { readonly text: string }) {
  const { start, end } = endsOf(text);
  return (
    <span className="cs-middle" title={text}>
      <span className="cs-middle__start">{start}</span>
      <span className="cs-middle__end">{end}</span>
    </span>
  );
}

/** What may be cut, and what stays. */
export function endsOf(text: string): { readonly start: string; readonly end: string } {
  const characters = [...text];
  return { start: characters.slice(0, -END).join(''), end: characters.slice(-END).join('') };
}
