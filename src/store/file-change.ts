import { DEFINITIONS } from '../api/definitions.ts';
import type { Kind } from '../api/envelope.ts';
import { describeName } from './desk-errors.ts';
import { editDocument, isSame, OWN_MARK, type Editable } from './document-edit.ts';
import {
  readDocumentFile,
  versionOfDocument,
  type DocumentFile,
  type FileDocument,
} from './document-file.ts';
import { fileNamesFor, type Located, type PolicyDirectory } from './policy-directory.ts';
import { DeskError, type DocumentName, type DraftDocument, type StoredDocument } from './resource-desk.ts';

export type Spec = Readonly<Record<string, unknown>>;

/** A new text for a file. */
export interface Change {
  readonly directory: PolicyDirectory;
  /** Undefined = a new file. */
  readonly file: DocumentFile | undefined;
  /** Undefined = nothing is left in it: the file goes. */
  readonly text: string | undefined;
  readonly before: StoredDocument | undefined;
  /** Which document there must be afterwards; undefined = none of that name. */
  readonly wanted: DraftDocument | undefined;
  readonly name: DocumentName;
}

/**
 * Reads what would be written.
 * @returns the document as it is then
 * @throws DeskError READ_ONLY when it does not say what was wanted, CONFLICT when it would be the end of all policies
 */
export function checkOutcome({ directory, file, text, wanted, name }: Change): StoredDocument | undefined {
  const fileName = file?.name ?? fileNamesFor(name, '')[0] ?? '';
  const after = readDocumentFile(fileName, text ?? '');
  const kept = (file?.documents ?? []).filter((each) => !isNamed(each, name));
  const others = after.documents.filter((each) => !isNamed(each, name));
  const own = after.documents.filter((each) => isNamed(each, name));
  const [document] = own;
  const isAsWanted =
    wanted === undefined
      ? document === undefined
      : document !== undefined && own.length === 1 && isSame(contentOf(document), contentOf(wanted));
  const isWhole = after.problem === undefined && isSame(kept.map(contentOf), others.map(contentOf));
  if (!isAsWanted || !isWhole) {
    const why =
      isWhole || after.problem === undefined
        ? HAND_WRITTEN
        : `afterwards nobody could read it: ${after.problem}`;
    throw new DeskError('READ_ONLY', `${describeName(name)} stands in ${fileName}, and ${why}`);
  }
  checkPoliciesLeft(directory, file, after);
  return document && storedDocument({ document, file: after });
}

const HAND_WRITTEN = 'the way that it is written does not allow the change: change it by hand';

function checkPoliciesLeft(
  directory: PolicyDirectory,
  before: DocumentFile | undefined,
  after: DocumentFile,
) {
  const others = directory.files.filter((each) => each !== before);
  if ([...others, after].some(hasPolicy) || !directory.files.some(hasPolicy)) return;
  throw new DeskError(
    'CONFLICT',
    'this is the last policy: without any, Countersign takes the directory for empty by mistake and denies every image (NOT_SYNCED); create another policy first, or set the mode to Audit',
  );
}

function hasPolicy({ documents }: DocumentFile): boolean {
  return documents.some(({ kind }) => kind === 'ClusterSigningPolicy' || kind === 'SigningPolicy');
}

function contentOf({ kind, namespace, name, labels, spec }: DraftDocument | FileDocument): object {
  return { kind, namespace, name, labels, spec: withDefaults(kind, spec) };
}

export function isNamed(document: FileDocument, { kind, namespace, name }: DocumentName): boolean {
  return document.kind === kind && document.name === name && document.namespace === namespace;
}

/** A change of one document in its file. */
export function edited(
  directory: PolicyDirectory,
  found: Located,
  wanted: DraftDocument,
  base: Spec,
): Change {
  const { file, document } = found;
  const from: Editable = { labels: document.labels, spec: base };
  const parts = file.parts.map((part, index) =>
    index === document.part ? editDocument(part, from, { labels: wanted.labels, spec: wanted.spec }) : part,
  );
  // An edit may not change what it is about.
  const name = { kind: wanted.kind, namespace: wanted.namespace, name: wanted.name };
  return { directory, file, text: parts.join(''), before: storedDocument(found), wanted, name };
}

/** The file's text with one document more. */
export function appended({ text, documents }: DocumentFile, document: string): string {
  if (documents.length === 0 && text.trim() === '') return document;
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}---\n${document}`;
}

/** As the API server would have filled it in; a spec that is not valid stays as it is. */
export function withDefaults(kind: Kind, spec: Spec): Spec {
  const schema = DEFINITIONS.find((each) => each.kind === kind)?.spec;
  const read = schema?.safeParse(spec);
  return read?.success === true ? (read.data as Spec) : spec;
}

/** A document of a file as the desk shows it. */
export function storedDocument({ document, file }: Located): StoredDocument {
  const { kind, namespace, name, labels, spec, isOriginal } = document;
  const isOwn = file.text.startsWith(OWN_MARK) && file.documents.length === 1;
  const note = isOriginal ? ' (original form, not changed here)' : '';
  return {
    kind,
    metadata: {
      name,
      resourceVersion: versionOfDocument(document),
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(!isOwn && { managedBy: `the file ${file.name}${note}` }),
    },
    spec,
  };
}
