import { LIMITS } from '../../limits.ts';
import { RepositoryProblem } from './repository-files.ts';

const BLOCK = 512;
/** POSIX.1-2001 pax records that would make two readers see two archives; `path` is the one that is followed. */
const REFUSED_RECORD = /^(?:size|linkpath|hdrcharset|GNU\.sparse\..*)$/;

/** Long names of the next entry, as pax and GNU tar write them. */
interface Extension {
  readonly path: string;
}

/**
 * The files of a tar (POSIX.1-2001 pax, ustar, GNU long names), by name. Links, devices, absolute names, names that climb
 * and names that come twice are refused with the whole archive: what it says must not depend on who reads it.
 * @throws RepositoryProblem
 */
export function readTar(tar: Buffer): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let entries = 0;
  let extension: Extension | undefined;
  for (let at = 0; !isEnd(tar, at);) {
    if (++entries > LIMITS.tufArchiveEntries)
      throw broken(`has more than ${LIMITS.tufArchiveEntries} entries`);
    const header = tar.subarray(at, at + BLOCK);
    checkSum(header);
    const size = octal(header.subarray(124, 136));
    const body = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (body.length < size) throw broken('is cut off');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x' || type === 'L') {
      if (extension !== undefined) throw broken('names an entry twice');
      const path = type === 'x' ? paxPath(body) : text(body);
      extension = path === undefined ? undefined : { path };
    } else if (type === 'g') {
      if (paxPath(body) !== undefined) throw broken('gives one name to all its entries');
    } else {
      addEntry(files, type, safeName(extension?.path ?? nameOf(header)), body);
      extension = undefined;
    }
  }
  return files;
}

/** Archives end with two empty blocks; GNU tar pads with more, and some writers forget them. */
function isEnd(tar: Buffer, at: number): boolean {
  const block = tar.subarray(at, at + BLOCK);
  if (block.length === 0) return true;
  if (block.length < BLOCK) throw broken('is cut off');
  return block.every((byte) => byte === 0);
}

function addEntry(files: Map<string, Uint8Array>, type: string, name: string, body: Buffer): void {
  switch (type) {
    case '5': // a folder: files say where they lie
      return;
    case '0':
    case '\0':
      if (files.has(name)) throw broken('has two files of one name');
      files.set(name, body);
      return;
    default:
      throw broken('holds something that is neither a file nor a folder, such as a link');
  }
}

/** `./metadata.json` and `metadata.json` are one name, because `tar -C folder .` writes the first. */
function safeName(written: string): string {
  const name = written.replace(/^\.\//, '').replace(/\/$/, '');
  const parts = name.split('/');
  const isSafe = name === '' || name === '.' || parts.every((part) => part !== '' && !/^\.\.?$/.test(part));
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (!isSafe || /[\\\x00-\x1f\x7f]/.test(name)) {
    throw broken('has a name that is absolute, climbs out of the archive or holds odd characters');
  }
  return name;
}

function nameOf(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

function octal(field: Buffer): number {
  const digits = /^ *([0-7]{1,12})[ \0]*$/.exec(field.toString('latin1'))?.[1];
  // GNU tar's binary sizes are for files above 8 GiB.
  if (digits === undefined) throw broken('is not a tar file');
  return Number.parseInt(digits, 8);
}

function checkSum(header: Buffer): void {
  const written = octal(header.subarray(148, 156));
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 0x20 : (header[at] ?? 0);
  if (sum !== written) throw broken('is not a tar file, or is damaged');
}

/** Records are `<length> <key>=<value>\n`, the length counting all of it. */
function paxPath(body: Buffer): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < body.length;) {
    const length = /^([1-9][0-9]{0,6}) /.exec(body.toString('latin1', at, at + 8));
    const end = at + Number(length?.[1] ?? 0);
    if (length === null || end > body.length || body[end - 1] !== 0x0a)
      throw broken('has a damaged pax header');
    const [key = '', ...value] = body.toString('utf8', at + length[0].length, end - 1).split('=');
    if (REFUSED_RECORD.test(key)) throw broken('has a pax header that is not accepted');
    if (key === 'path') path = value.join('=');
    at = end;
  }
  return path;
}

function broken(what: string): RepositoryProblem {
  return new RepositoryProblem(`its tar ${what}`);
}
