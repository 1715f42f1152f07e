import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Inspection } from './envelope.ts';
import { inspectOriginalForm, isOriginalForm } from './original-form.ts';
import { inspectResource } from './resource.ts';
import type { Problem, Resource } from './resources.ts';
import { GUARDED_YAML, inOneLine, objectToContent, objectToSize } from './yaml-guard.ts';
import { lineOfField } from './yaml-lines.ts';

/** A resource out of a file, and where it starts. */
export interface FileResource {
  readonly resource: Resource;
  /** First line is 1. */
  readonly line: number;
}

export interface FileProblem extends Problem {
  readonly file: string;
  readonly line: number;
}

export interface PolicyFile {
  readonly resources: readonly FileResource[];
  /** Everything that is wrong with the file, also what stands in a resource's own problems. */
  readonly problems: readonly FileProblem[];
  /** False when a document could not become a resource: then nobody knows what it would have denied. */
  readonly complete: boolean;
}

/** `policies/mcp.yaml:12: spec.mode: must be …` */
export function describeFileProblem({ file, line, field, message }: FileProblem): string {
  return `${file}:${line}: ${field === '' ? '' : `${field}: `}${message}`;
}

/**
 * Reads a file of YAML or JSON documents: our own kinds, or the original form. A bad document is reported and does not take
 * the good ones with it. Refused are duplicate keys, tags, aliases and YAML 1.1. Never throws.
 * @param file what it is called in problems
 */
export function parseDocuments(text: string, file: string): PolicyFile {
  const fileProblem = (message: string, line = 1): PolicyFile => ({
    resources: [],
    problems: [{ file, line, field: '', message }],
    complete: false,
  });
  const tooLong = objectToLength(text);
  if (tooLong !== undefined) return fileProblem(tooLong);
  const oversize = objectToSize(text);
  if (oversize !== undefined)
    return fileProblem(oversize.message, text.slice(0, oversize.offset).split('\n').length);
  const lines = new LineCounter();
  const { documents, mistake } = readYaml(text, lines);
  if (mistake !== undefined) return fileProblem(`is not accepted as YAML: ${mistake}`);
  const tooMany = objectToNumber(documents);
  if (tooMany !== undefined) return fileProblem(tooMany);
  return readDocuments(documents, file, lines);
}

function objectToLength(text: string): string | undefined {
  if (Buffer.byteLength(text) <= LIMITS.policyFileBytes) return undefined;
  return `the file has more than ${LIMITS.policyFileBytes} bytes`;
}

function objectToNumber({ length }: readonly unknown[]): string | undefined {
  if (length <= LIMITS.policyFileDocuments) return undefined;
  return `the file has more than ${LIMITS.policyFileDocuments} documents`;
}

/** The YAML of a file, as far as it is accepted: for whoever changes a document in it. */
export interface Yaml {
  readonly documents: readonly Document.Parsed[];
  /** What is wrong with a text that holds no document. */
  readonly mistake: string | undefined;
}

function readYaml(text: string, lineCounter: LineCounter): Yaml {
  const documents = parseAllDocuments(text, { ...GUARDED_YAML, lineCounter });
  if (!('empty' in documents)) return { documents, mistake: undefined };
  const [mistake] = [...documents.errors, ...documents.warnings];
  return { documents: [], mistake: mistake && inOneLine(mistake.message) };
}

function readDocuments(documents: readonly Document.Parsed[], file: string, lines: LineCounter): PolicyFile {
  const resources: FileResource[] = [];
  const problems: FileProblem[] = [];
  let complete = true;
  for (const [index, document] of documents.entries()) {
    const line = lines.linePos(document.contents?.range?.[0] ?? document.range[0]).line;
    const read = readDocument(document, file, index);
    if (read === 'nothing') continue;
    if ('objection' in read) {
      complete = false;
      const at = read.offset === undefined ? line : lines.linePos(read.offset).line;
      problems.push({ file, line: at, field: '', message: read.objection });
      continue;
    }
    resources.push({ resource: read.resource, line });
    for (const problem of read.problems) {
      problems.push({ file, line: lineOfField(document, problem.field, lines) ?? line, ...problem });
    }
  }
  return { resources, problems, complete };
}

type ReadDocument =
  | Inspection
  | { readonly objection: string; readonly offset: number | undefined }
  /** What stands before the first or after the last "---" is often nothing. */
  | 'nothing';

function readDocument(document: Document.Parsed, file: string, index: number): ReadDocument {
  const objection = objectToContent(document);
  if (objection !== undefined) {
    return { objection: `is not accepted as YAML: ${objection.message}`, offset: objection.offset };
  }
  const json: unknown = document.toJS({ maxAliasCount: 0 });
  if (json === null) return 'nothing';
  try {
    return isOriginalForm(json)
      ? inspectOriginalForm(json, policyNameOf(file, index))
      : inspectResource(json);
  } catch (error) {
    if (error instanceof Refusal) return { objection: error.message, offset: undefined };
    throw error;
  }
}

/** The original form has no name of its own: it is called after its file. */
export function policyNameOf(file: string, index: number): string {
  const base = file.split(/[/\\]/).at(-1) ?? '';
  const name = base
    .replace(/\.(ya?ml|json)$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 200);
  const first = name === '' ? 'signing-policy' : name;
  return index === 0 ? first : `${first}-${index + 1}`;
}

/** The documents of a file of policies, under the bounds and the rules that `parseDocuments` has. Never throws. */
export function readPolicyYaml(text: string): Yaml {
  const tooLarge = objectToLength(text) ?? objectToSize(text)?.message;
  if (tooLarge !== undefined) return { documents: [], mistake: tooLarge };
  const yaml = readYaml(text, new LineCounter());
  const mistake =
    yaml.mistake ??
    objectToNumber(yaml.documents) ??
    yaml.documents.map(objectToContent).find((each) => each !== undefined)?.message;
  return mistake === undefined ? yaml : { documents: [], mistake };
}
