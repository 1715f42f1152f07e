import { isMap, isNode, isPair, isScalar, isSeq, type Document, type LineCounter } from 'yaml';

/** The line of a field (`spec.trustedKeys[0].issuer`), or of the nearest part of its path that is there; the first is 1. */
export function lineOfField(
  document: Document.Parsed,
  field: string,
  lines: LineCounter,
): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of stepsOf(field)) {
    const child = childOf(node, step);
    if (child === undefined) break;
    node = child.value;
    offset = child.offset ?? offset;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function stepsOf(field: string): readonly (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quoted, name]) =>
    index === undefined ? (quoted ?? name ?? '') : Number(index),
  );
}

interface Child {
  readonly value: unknown;
  readonly offset: number | undefined;
}

function childOf(node: unknown, step: string | number): Child | undefined {
  if (isSeq(node) && typeof step === 'number') {
    const value = node.items[step];
    return isNode(value) ? { value, offset: value.range?.[0] } : undefined;
  }
  if (!isMap(node)) return undefined;
  for (const pair of node.items) {
    const key: unknown = isPair(pair) ? pair.key : undefined;
    if (isScalar(key) && String(key.value) === String(step))
      return { value: pair.value, offset: key.range?.[0] };
  }
  return undefined;
}
