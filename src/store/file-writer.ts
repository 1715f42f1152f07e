import { randomBytes } from 'node:crypto';
import { link, lstat, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asError } from '../errors.ts';
import { DeskError } from './resource-desk.ts';

/** Of a file that nobody gave another mode: readable by all, as policies are no secret. */
const NEW_MODE = 0o644;
/** Left out by whoever reads the directory, because it begins with a dot. */
const temporaryName = (): string => `.countersign-${randomBytes(8).toString('hex')}.tmp`;

/** Another process wrote the file since it was read. */
export class ChangedFileError extends Error {
  constructor() {
    super('the file was changed meanwhile');
    this.name = 'ChangedFileError';
  }
}

/** @throws DeskError READ_ONLY for a link, for what is no file, and for one that is protected against writing */
export async function checkWritable(path: string): Promise<void> {
  const found = await onDisk(() => lstat(path));
  const refuse = (what: string): never => {
    throw new DeskError('READ_ONLY', `the file ${path} ${what}`);
  };
  if (found.isSymbolicLink()) refuse('is a link to another place: change it there');
  if (!found.isFile()) refuse('is not a file');
  // Renaming asks the directory only, and an administrator may rename anything.
  if ((found.mode & 0o222) === 0) refuse('is protected against writing: change it by hand');
}

/**
 * Puts a new text in the place of a file's, whole or not at all; mode and owner stay.
 * @throws ChangedFileError when the file does not hold `before` any more; DeskError READ_ONLY or UNAVAILABLE
 */
export async function replaceFile(path: string, before: string, after: string): Promise<void> {
  await checkWritable(path);
  const { mode, uid, gid } = await onDisk(() => lstat(path));
  const temporary = join(dirname(path), temporaryName());
  await onDisk(async () => {
    try {
      await writeWhole(temporary, after, { mode: mode & 0o7777, uid, gid });
      await checkUnchanged(path, before);
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(dirname(path));
  });
}

/** Whole or not at all. @throws ChangedFileError when there is a file of that name; DeskError */
export async function createFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), temporaryName());
  await onDisk(async () => {
    try {
      await writeWhole(temporary, text, { mode: NEW_MODE });
      await giveName(temporary, path);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    await syncDirectory(dirname(path));
  });
}

/** @throws ChangedFileError when the file does not hold `before` any more; DeskError */
export async function removeFile(path: string, before: string): Promise<void> {
  await checkWritable(path);
  await onDisk(async () => {
    await checkUnchanged(path, before);
    await unlink(path);
    await syncDirectory(dirname(path));
  });
}

/** File systems without a second name for a file. */
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Its name, unless there is a file of that name: nobody ever sees a part of it. */
async function giveName(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new ChangedFileError();
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    await reserve(path);
    try {
      await rename(temporary, path);
    } catch (failure) {
      await unlink(path).catch(() => undefined);
      throw failure;
    }
  }
}

/** An empty file of that name, made by nobody else: it holds no document, so that it may be read. */
async function reserve(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', NEW_MODE)).close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new ChangedFileError();
    throw error;
  }
}

async function checkUnchanged(path: string, before: string): Promise<void> {
  // Whoever read it left a byte order mark out.
  const now = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  if (now !== before) throw new ChangedFileError();
}

async function writeWhole(
  path: string,
  text: string,
  { mode, uid, gid }: { readonly mode: number; readonly uid?: number; readonly gid?: number },
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    // Whatever the umask said.
    await file.chmod(mode);
    // Only an administrator may give files away; anybody else's are their own.
    if (uid !== undefined && gid !== undefined && process.getuid?.() === 0) await file.chown(uid, gid);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Some file systems cannot; the rename counts all the same, only not yet after a power failure. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

const READ_ONLY_CODES: readonly string[] = ['EACCES', 'EPERM', 'EROFS'];

async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ChangedFileError || error instanceof DeskError) throw error;
    const code = codeOf(error);
    if (code === 'ENOENT') throw new ChangedFileError();
    if (READ_ONLY_CODES.includes(code))
      throw new DeskError('READ_ONLY', `the policy files cannot be written (${code})`, { cause: error });
    throw new DeskError(
      'UNAVAILABLE',
      `the policy files could not be written (${code || asError(error).name})`,
      {
        cause: error,
      },
    );
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
