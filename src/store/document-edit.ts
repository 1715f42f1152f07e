import { isMap, isSeq, parseDocument, stringify, type Document, type ToStringOptions } from 'yaml';
import { GROUP, VERSION } from '../api/envelope.ts';
import { GUARDED_YAML } from '../api/yaml-guard.ts';
import { isRecord } from '../kube/object.ts';
import { canonicalJson } from './document-file.ts';
import type { DraftDocument } from './resource-desk.ts';

/** First line of a file that holds one document which was made here. */
export const OWN_MARK = '# Written by the admin page of Countersign.\n';

/** What of a document can be changed. */
export interface Editable {
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly spec: Readonly<Record<string, unknown>>;
}

type Path = readonly (string | number)[];

/** Long lines stay in one piece: a pattern or a key is no prose. */
const STYLE = { lineWidth: 0 } as const;

/** The YAML of a new document. */
export function writeDocument({ kind, namespace, name, labels, spec }: DraftDocument): string {
  const metadata = { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }) };
  return stringify({ apiVersion: `${GROUP}/${VERSION}`, kind, metadata, spec }, { ...STYLE, ...SCHEMA });
}

const SCHEMA = { schema: 'core', version: '1.2' } as const;

/**
 * Changes a document in its text: comments, order and all that both sides have in common stay as somebody wrote them.
 * @param text of the one document
 * @param base what the author has seen: only where `wanted` differs from it anything is changed
 */
export function editDocument(text: string, base: Editable, wanted: Editable): string {
  if (isSame(base, wanted)) return text;
  const document = parseDocument(text, GUARDED_YAML) as Document;
  edit(document, ['spec'], base.spec, wanted.spec);
  edit(document, ['metadata', 'labels'], base.labels, wanted.labels);
  if (isJson(text)) return `${JSON.stringify(document.toJS({ maxAliasCount: 0 }), null, 2)}\n`;
  return document.toString({ ...STYLE, ...layoutOf(text) });
}

function edit(document: Document, path: Path, base: unknown, wanted: unknown): void {
  if (isSame(base, wanted)) return;
  if (wanted === undefined) {
    document.deleteIn(path);
    return;
  }
  const node = document.getIn(path, true);
  if (isRecord(wanted) && isMap(node)) editMap(document, path, isRecord(base) ? base : {}, wanted);
  else if (Array.isArray(wanted) && Array.isArray(base) && isSeq(node)) {
    editList(document, path, base, wanted);
  } else
    document.setIn(path, isRecord(wanted) || Array.isArray(wanted) ? document.createNode(wanted) : wanted);
}

function editMap(
  document: Document,
  path: Path,
  base: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): void {
  for (const key of new Set([...Object.keys(base), ...Object.keys(wanted)])) {
    edit(document, [...path, key], fieldOf(base, key), fieldOf(wanted, key));
  }
}

/** Items before and after the changed ones keep their comments. */
function editList(
  document: Document,
  path: Path,
  base: readonly unknown[],
  wanted: readonly unknown[],
): void {
  const shorter = Math.min(base.length, wanted.length);
  let head = 0;
  while (head < shorter && isSame(base[head], wanted[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && isSame(base.at(-1 - tail), wanted.at(-1 - tail))) tail += 1;
  const common = shorter - tail;
  for (let index = head; index < common; index += 1) {
    edit(document, [...path, index], base[index], wanted[index]);
  }
  for (let gone = base.length - tail; gone > common; gone -= 1) document.deleteIn([...path, gone - 1]);
  const list = document.getIn(path, true);
  if (!isSeq(list)) return;
  const added = wanted.slice(common, wanted.length - tail).map((item) => document.createNode(item));
  list.items.splice(common, 0, ...added);
}

function fieldOf(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Whether two values are the same JSON. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}

function isJson(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** As far as it can be seen, the way that whoever wrote it indents. */
function layoutOf(text: string): ToStringOptions {
  const [, spaces = '  '] = /^[^\s#-][^\n]*:[^\S\n]*\n( {1,8})(?![ #-])/m.exec(text) ?? [];
  const hasFlatLists = /^( *)[^\s#-][^\n]*:[^\S\n]*\n\1- /m.test(text);
  return { indent: spaces.length, indentSeq: !hasFlatLists };
}
