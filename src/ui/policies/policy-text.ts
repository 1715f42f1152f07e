import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { isRecord, type Json } from '../shared/values.ts';
import { sortedYamlOf } from '../shared/yaml-text.ts';

/** A place in a document: `['spec', 'trustedKeys', 0, 'issuer']`. */
export type FieldPath = readonly (string | number)[];

export interface LineProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface Reading {
  /** Undefined while the text is no YAML. */
  readonly value: Json | undefined;
  readonly problems: readonly LineProblem[];
}

/** Words mean the same in both: a date is a text, and a key is one too. */
const AS_THE_SERVER_READS = {
  schema: 'core',
  version: '1.2',
  merge: false,
  stringKeys: true,
} as const;

/** As much as the server reads. */
const MAX_CHARS = 1024 * 1024;

export function readText(text: string): Reading {
  if (text.length > MAX_CHARS) return { value: undefined, problems: [{ line: 1, message: 'too long' }] };
  const { document, counter } = parse(text);
  // A warning is of a tag or a directive that would be left out.
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    line: counter.linePos(pos[0]).line,
    message: message.split('\n')[0] ?? message,
  }));
  problems.push(...valuesLost(document, counter));
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit === true && version !== '1.2')
    problems.push({ line: 1, message: `YAML ${version} reads some words differently, use 1.2` });
  if (problems.length > 0) return { value: undefined, problems };
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (isRecord(value)) return { value, problems: [] };
  return {
    value: undefined,
    problems: [{ line: 1, message: 'must be a mapping: apiVersion, kind, metadata, spec' }],
  };
}

/** Values that JSON cannot hold: they would be sent as null, or as another number. */
function valuesLost(document: Document, counter: LineCounter): LineProblem[] {
  const lost: LineProblem[] = [];
  visit(document, {
    Scalar: (_, { value, range, source }) => {
      const isLost = typeof value === 'number' ? !isKept(value) : typeof value === 'bigint';
      if (!isLost) return;
      const line = counter.linePos(range?.[0] ?? 0).line;
      lost.push({ line, message: `${source ?? String(value)} is not a number that a document can hold` });
    },
  });
  return lost;
}

function isKept(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** Whether two texts are one document: comments, quotes and the order of fields are not kept by the server either. */
export function isSameDocument(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [readText(one).value, readText(other).value];
  return a !== undefined && b !== undefined && sortedYamlOf(a) === sortedYamlOf(b);
}

/**
 * The text with one field changed: comments, order and every other field stay.
 * @param value undefined = the field is taken away, and with it what it leaves empty
 */
export function editText(text: string, path: FieldPath, value: unknown): string {
  const { document } = parse(text);
  if (value === undefined) remove(document, path);
  else set(document, path, value);
  return document.toString({ lineWidth: 0 });
}

/** The line that a field of a problem stands on, or the nearest one around it. @param field `spec.trustedKeys[0].issuer` */
export function lineOf(text: string, field: string): number {
  const { document, counter } = parse(text);
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of pathOf(field)) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (!isNode(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return counter.linePos(offset).line;
}

export function pathOf(field: string): FieldPath {
  return [...field.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([name, index]) =>
    index === undefined ? name : Number(index),
  );
}

export function fieldOf(path: FieldPath): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

function parse(text: string): { readonly document: Document; readonly counter: LineCounter } {
  const counter = new LineCounter();
  return { document: parseDocument(text, { lineCounter: counter, ...AS_THE_SERVER_READS }), counter };
}

/** A value in the place of another one leaves its comment where it is. */
function set(document: Document, path: FieldPath, value: unknown): void {
  const before: unknown = document.getIn(path, true);
  if (isScalar(before) && typeof value !== 'object') before.value = value;
  else document.setIn(path, document.createNode(value));
}

function remove(document: Document, path: FieldPath): void {
  if (path.length === 0 || !document.hasIn(path)) return;
  document.deleteIn(path);
  const parent = path.slice(0, -1);
  // The document's own parts stay, however empty.
  if (parent.length < 2) return;
  const left: unknown = document.getIn(parent);
  if ((isMap(left) || isSeq(left)) && left.items.length === 0) remove(document, parent);
}
