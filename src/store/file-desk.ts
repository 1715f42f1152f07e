import { randomBytes } from 'node:crypto';
import { GROUP, VERSION, type Kind } from '../api/envelope.ts';
import { problemsOfDocument } from '../api/policy-findings.ts';
import { describeName } from './desk-errors.ts';
import { OWN_MARK, writeDocument } from './document-edit.ts';
import { versionOfDocument } from './document-file.ts';
import {
  appended,
  checkOutcome,
  edited,
  isNamed,
  storedDocument,
  withDefaults,
  type Change,
  type Spec,
} from './file-change.ts';
import type { FileStore } from './file-store.ts';
import { ChangedFileError, checkWritable, createFile, removeFile, replaceFile } from './file-writer.ts';
import { mergePatch } from './merge-patch.ts';
import {
  checkRoom,
  documentsOf,
  fileNamesFor,
  findAll,
  findForChange,
  pathIn,
  readPolicyDirectory,
  type Located,
  type PolicyDirectory,
} from './policy-directory.ts';
import {
  DeskError,
  type DocumentName,
  type DraftDocument,
  type ResourceDesk,
  type StoredDocument,
  type WriteOptions,
  type Written,
} from './resource-desk.ts';

export interface FileDeskOptions {
  /** A directory of policy files, or one file: as the store has it. */
  readonly path: string;
  readonly store: Pick<FileStore, 'refresh'>;
}

/** What a write makes of the files as they are. */
type Plan = (directory: PolicyDirectory) => Change | Promise<Change>;

/** Somebody who saves the file each time that we try is stopped by no number. */
const ATTEMPTS = 3;

/**
 * Standalone, the policy files are the one truth. A new document gets a file of its own; one that stands among others is changed
 * in its place. What would be written is read again before it is, and must say what was wanted and nothing else.
 */
export class FileDesk implements ResourceDesk {
  readonly #path: string;
  readonly #store: Pick<FileStore, 'refresh'>;
  /** One write after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ path, store }: FileDeskOptions) {
    this.#path = path;
    this.#store = store;
  }

  async list(
    kind: Kind,
    { namespace, limit }: { readonly namespace?: string | undefined; readonly limit: number },
  ): Promise<{ readonly documents: readonly StoredDocument[]; readonly isComplete: boolean }> {
    const all = documentsOf(await this.#read()).filter(
      ({ document }) =>
        document.kind === kind && (namespace === undefined || document.namespace === namespace),
    );
    return { documents: all.slice(0, limit).map(storedDocument), isComplete: all.length <= limit };
  }

  async get(name: DocumentName): Promise<StoredDocument> {
    return storedDocument(findAll(await this.#read(), name)[0]);
  }

  create(document: DraftDocument, options: WriteOptions): Promise<Written> {
    return this.#write(document, options, async (directory) => {
      const exists = documentsOf(directory).some(({ document: each }) => isNamed(each, document));
      if (exists) throw new DeskError('ALREADY_EXISTS', `${describeName(document)} exists already`);
      checkValid(document);
      const common = { directory, before: undefined, wanted: document, name: document };
      const { onlyFile } = directory;
      if (onlyFile === undefined) {
        await checkRoom(directory.folder);
        return { ...common, file: undefined, text: OWN_MARK + writeDocument(document) };
      }
      const file = directory.files.find(({ name }) => name === onlyFile);
      const problem = file === undefined ? 'it is not there' : file.problem;
      if (file === undefined || problem !== undefined)
        throw new DeskError('READ_ONLY', `${onlyFile} needs mending by hand first: ${problem}`);
      return { ...common, file, text: appended(file, writeDocument(document)) };
    });
  }

  replace(document: DraftDocument, version: string, options: WriteOptions): Promise<Written> {
    return this.#write(document, options, (directory) => {
      const found = findVersion(directory, document, version);
      checkMutable(document);
      checkValid(document);
      const labels = document.labels ?? found.document.labels;
      // Whoever sends a whole document sends its defaults too: those that nobody wrote stay unwritten.
      const base = withDefaults(document.kind, found.document.spec);
      return edited(directory, found, { ...document, labels }, base);
    });
  }

  patch(
    name: DocumentName,
    spec: Spec,
    version: string | undefined,
    options: WriteOptions,
  ): Promise<Written> {
    return this.#write(name, options, (directory) => {
      const found = findVersion(directory, name, version);
      checkMutable(name);
      const { labels, spec: base } = found.document;
      const wanted: DraftDocument = { ...name, labels, spec: mergePatch(base, spec) };
      // What was not valid before must not keep anybody from switching it off.
      if (problemsOf({ ...name, labels, spec: base }).length === 0) checkValid(wanted);
      return edited(directory, found, wanted, base);
    });
  }

  delete(name: DocumentName, version: string | undefined, options: WriteOptions): Promise<Written> {
    return this.#write(name, options, (directory) => {
      const found = findVersion(directory, name, version);
      const { file, document } = found;
      const hasOthers = file.documents.length > 1 || directory.onlyFile !== undefined;
      const rest = file.parts.filter((_, part) => part !== document.part).join('');
      const text = hasOthers ? rest : undefined;
      return { directory, file, text, before: storedDocument(found), wanted: undefined, name };
    });
  }

  #read(): Promise<PolicyDirectory> {
    return readPolicyDirectory(this.#path);
  }

  #write(name: DocumentName, options: WriteOptions, plan: Plan): Promise<Written> {
    const work = this.#last.then(() => this.#attempts(name, options, plan));
    this.#last = work.catch(() => undefined);
    return work;
  }

  async #attempts(name: DocumentName, options: WriteOptions, plan: Plan): Promise<Written> {
    for (let left = ATTEMPTS; ; left -= 1) {
      if (options.signal.aborted) throw new DeskError('UNAVAILABLE', 'the request was given up');
      try {
        return await this.#carryOut(await plan(await this.#read()), options);
      } catch (error) {
        if (!(error instanceof ChangedFileError)) throw error;
        if (left > 1) continue;
        const message = `the file of ${describeName(name)} is being written by somebody else`;
        throw new DeskError('CHANGED_MEANWHILE', message, { cause: error });
      }
    }
  }

  async #carryOut(change: Change, { dryRun }: WriteOptions): Promise<Written> {
    const after = checkOutcome(change);
    const { directory, file, text, before } = change;
    if (file !== undefined) await checkWritable(pathIn(directory, file.name));
    if (dryRun) return { before, after, warnings: [], inForce: true };
    const written = text !== undefined && text === file?.text ? file.name : await put(change);
    const inForce = await this.#store.refresh(new Map([[written, text]]));
    return { before, after, warnings: [], inForce };
  }
}

/** @returns name of the file */
async function put({ directory, file, text, name }: Change): Promise<string> {
  if (file !== undefined) {
    const path = pathIn(directory, file.name);
    await (text === undefined ? removeFile(path, file.text) : replaceFile(path, file.text, text));
    return file.name;
  }
  const names = fileNamesFor(name, randomBytes(4).toString('hex'));
  // Somebody may keep something else in a file of that name. One that has come since may hold this very document: that is looked at anew.
  const free = names.find((each) => !directory.files.some((other) => other.name === each)) ?? '';
  await createFile(pathIn(directory, free), text ?? '');
  return free;
}

/** @throws DeskError NOT_FOUND, READ_ONLY, CHANGED_MEANWHILE */
function findVersion(directory: PolicyDirectory, name: DocumentName, version: string | undefined): Located {
  const found = findForChange(directory, name);
  if (version === undefined || version === versionOfDocument(found.document)) return found;
  throw new DeskError('CHANGED_MEANWHILE', `${describeName(name)} was changed meanwhile: read it again`);
}

/** The API server would refuse it by the CRD's own rule. */
function checkMutable(name: DocumentName): void {
  if (name.kind !== 'SigningException') return;
  const message = `${describeName(name)} is immutable: delete it and create another one`;
  throw new DeskError('INVALID', message, { problems: [{ field: 'spec', message }] });
}

function checkValid(document: DraftDocument): void {
  const problems = problemsOf(document);
  if (problems.length > 0)
    throw new DeskError('INVALID', `${describeName(document)} is not valid`, { problems });
}

function problemsOf({ kind, namespace, name, labels, spec }: DraftDocument) {
  const metadata = { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }) };
  return problemsOfDocument({ apiVersion: `${GROUP}/${VERSION}`, kind, metadata, spec });
}
