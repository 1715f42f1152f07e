/** Characters at the end that are always shown: of `system:serviceaccount:people:alice` the end says who it is. */
const END = 8;

/** What may be cut, and what stays. */
export function endsOf(text: string): { readonly start: string; readonly end: string } {
  const characters = [...text];
  return { start: characters.slice(0, -END).join(''), end: characters.slice(-END).join('') };
}
