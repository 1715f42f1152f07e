/** How a piece of text is shown; the identity where there are no colours. */
export type Paint = (style: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string) => string;

/** One line, and what belongs under it. */
export interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

/** The lines of a node and of all below it. */
export function lines({ text, children }: Node, paint: Paint): readonly string[] {
  const below = children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    const [first = '', ...rest] = lines(child, paint);
    return [
      `${paint('dim', isLast ? '└─ ' : '├─ ')}${first}`,
      ...rest.map((line) => `${paint('dim', isLast ? '   ' : '│  ')}${line}`),
    ];
  });
  return [text, ...below];
}

export function leaf(text: string): Node {
  return { text, children: [] };
}
