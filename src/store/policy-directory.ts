import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asError } from '../errors.ts';
import { readDocumentFile, type DocumentFile, type FileDocument } from './document-file.ts';
import { describeName } from './desk-errors.ts';
import { MAX_FILES, readPolicyFiles } from './policy-files.ts';
import { DeskError, type DocumentName } from './resource-desk.ts';

/** A document and the file that it stands in. */
export interface Located {
  readonly document: FileDocument;
  readonly file: DocumentFile;
}

/** The policy files as they are at one moment. */
export interface PolicyDirectory {
  /** Where files are. */
  readonly folder: string;
  /** Undefined where the path names one file: there is no other. */
  readonly onlyFile: string | undefined;
  readonly files: readonly DocumentFile[];
}

/** @throws DeskError UNAVAILABLE when they cannot be read */
export async function readPolicyDirectory(path: string): Promise<PolicyDirectory> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const { files } = await readPolicyFiles(path);
    return {
      folder: isFolder ? path : dirname(path),
      onlyFile: isFolder ? undefined : basename(path),
      files: Array.from(files, ([name, file]) =>
        file.kind === 'text'
          ? readDocumentFile(name, file.text)
          : { name, text: '', parts: [], documents: [], problem: `cannot be read: ${file.reason}` },
      ),
    };
  } catch (error) {
    throw new DeskError('UNAVAILABLE', `the policy files cannot be read: ${asError(error).message}`, {
      cause: error,
    });
  }
}

/** Every document, in the order of namespace and name. */
export function documentsOf({ files }: PolicyDirectory): readonly Located[] {
  const all = files.flatMap((file) => file.documents.map((document) => ({ document, file })));
  return all.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function sortKey({ document: { namespace = '', name }, file }: Located): string {
  // "/" comes before every character of a name.
  return `${namespace}/${name}/${file.name}`;
}

/** @throws DeskError NOT_FOUND */
export function findAll(directory: PolicyDirectory, name: DocumentName): readonly [Located, ...Located[]] {
  const [first, ...others] = documentsOf(directory).filter(
    ({ document }) =>
      document.kind === name.kind && document.name === name.name && document.namespace === name.namespace,
  );
  if (first === undefined) throw new DeskError('NOT_FOUND', `${describeName(name)} does not exist`);
  return [first, ...others];
}

/** @throws DeskError READ_ONLY with words, where the document cannot be changed here */
export function findForChange(directory: PolicyDirectory, name: DocumentName): Located {
  const [found, ...others] = findAll(directory, name);
  const { file, document } = found;
  const refuse = (why: string): never => {
    throw new DeskError('READ_ONLY', `${describeName(name)} ${why}`);
  };
  if (others.length > 0) {
    const places = [...new Set([found, ...others].map((each) => each.file.name))].join(', ');
    refuse(`stands more than once (${places}): remove all but one by hand`);
  }
  if (document.isOriginal)
    refuse(
      `is written in the original form (signing_policy) in ${file.name}: change it by hand, or rewrite it`,
    );
  if (file.problem !== undefined)
    refuse(`stands in ${file.name}, which needs mending by hand first: ${file.problem}`);
  return found;
}

/** Longest that file systems take is 255 bytes. */
const MAX_STEM = 180;

/** Names for the file of a new document, in the order of preference. */
export function fileNamesFor({ kind, namespace, name }: DocumentName, unique: string): readonly string[] {
  // "_" stands in no name, so that two documents never mean one file.
  const stem = `${kind.toLowerCase()}-${namespace === undefined ? '' : `${namespace}_`}${name}`;
  const distinct = `${stem.slice(0, MAX_STEM)}_${unique}.yaml`;
  return stem.length <= MAX_STEM ? [`${stem}.yaml`, distinct] : [distinct];
}

/** @throws DeskError CONFLICT: with one file more none would be read any more */
export async function checkRoom(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.filter((name) => !name.startsWith('.')).length < MAX_FILES) return;
  throw new DeskError('CONFLICT', `${folder} has ${MAX_FILES} files: remove some first`);
}

export function pathIn({ folder }: PolicyDirectory, name: string): string {
  return join(folder, name);
}
