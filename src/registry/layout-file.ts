import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { Fault, Refusal } from '../errors.ts';
import { codeOf, timeoutFault } from './faults.ts';

/**
 * Reads a file of a layout; undefined = there is none.
 * @throws Refusal LIMIT; Fault REGISTRY_ERROR when it cannot be read
 */
export async function readAtMost(
  path: string,
  maxBytes: number,
  what: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) throw timeoutFault('layout');
  let file;
  try {
    // Without waiting: a pipe in the place of a file must not hold a thread.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause))) return undefined;
    throw new Fault('REGISTRY_ERROR', `${what} cannot be read from the layout`, { cause });
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Fault('REGISTRY_ERROR', `${what} is not a file`);
    if (status.size > maxBytes) throw new Refusal('LIMIT', `${what} is longer than ${maxBytes} bytes`);
    // A file that grows meanwhile is cut, and then has another digest.
    const bytes = Buffer.alloc(status.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
