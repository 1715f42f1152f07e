import { createHash } from 'node:crypto';
import { CST, Parser } from 'yaml';
import { readEnvelope, type Kind } from '../api/envelope.ts';
import { isOriginalForm, specOfOriginalForm } from '../api/original-form.ts';
import { policyNameOf, readPolicyYaml } from '../api/policy-file.ts';
import { Refusal } from '../errors.ts';
import { isRecord } from '../kube/object.ts';

/** One of our documents in a file of policies. */
export interface FileDocument {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly spec: Readonly<Record<string, unknown>>;
  /** Which of the file's parts it stands in. */
  readonly part: number;
  /** Written as `signing_policy:`. */
  readonly isOriginal: boolean;
}

/** A file of policies, in parts of one YAML document each; the parts together are the text. */
export interface DocumentFile {
  readonly name: string;
  readonly text: string;
  readonly parts: readonly string[];
  readonly documents: readonly FileDocument[];
  /** Why nothing in it is changed here; undefined = it can be read whole. */
  readonly problem: string | undefined;
}

/** Reads a file for changing it. Documents that can be read are there also when others cannot. Never throws. */
export function readDocumentFile(name: string, text: string): DocumentFile {
  const { documents: yaml, mistake } = readPolicyYaml(text);
  if (mistake !== undefined) return { name, text, parts: [], documents: [], problem: mistake };
  const documents: FileDocument[] = [];
  let problem: string | undefined;
  for (const [part, each] of yaml.entries()) {
    const read = readDocument(each.toJS({ maxAliasCount: 0 }), name, part);
    if (typeof read === 'string') problem ??= read;
    else if (read !== undefined) documents.push(read);
  }
  const parts = partsOf(text);
  // What is taken for one document must be one to both readers of it.
  if (parts.join('') !== text || parts.length !== Math.max(yaml.length, 1))
    problem ??= 'its documents cannot be told apart; write "---" between them';
  return { name, text, parts, documents, problem };
}

function readDocument(json: unknown, file: string, part: number): FileDocument | string | undefined {
  if (json === null) return undefined;
  if (isOriginalForm(json)) {
    const name = policyNameOf(file, part);
    const spec = specOfOriginalForm(json);
    return {
      kind: 'ClusterSigningPolicy',
      namespace: undefined,
      name,
      labels: undefined,
      spec,
      part,
      isOriginal: true,
    };
  }
  try {
    const { kind, namespace, name } = readEnvelope(json);
    const { metadata, spec } = json as { readonly metadata: unknown; readonly spec: unknown };
    const labels = isRecord(metadata) && isRecord(metadata['labels']) ? metadata['labels'] : undefined;
    return {
      kind,
      namespace,
      name,
      labels: labels as Readonly<Record<string, string>> | undefined,
      spec: isRecord(spec) ? spec : {},
      part,
      isOriginal: false,
    };
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

/** A part begins with the comments before its document. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  let isWhole = false;
  for (const token of new Parser().parse(text)) {
    const isTail = token.type === 'doc-end';
    if (isWhole && !isTail) {
      parts.push(part);
      part = '';
      isWhole = false;
    }
    part += CST.stringify(token);
    isWhole ||= token.type === 'document';
  }
  if (isWhole || parts.length === 0) return [...parts, part];
  // Comments after the last document belong to it.
  return [...parts.slice(0, -1), (parts.at(-1) ?? '') + part];
}

/** What a document says, as one word: the same wherever and however it is written. */
export function versionOfDocument({ kind, namespace, name, labels, spec }: FileDocument): string {
  const content = canonicalJson({ kind, namespace, name, labels, spec });
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

/** JSON with the keys of each object in order, without those that are undefined. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}
