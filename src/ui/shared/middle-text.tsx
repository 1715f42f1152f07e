import { endsOf } from './ends.ts';

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
