import { KubeApiError } from './client.ts';
import { isRecord, parseObject, type KubeObject } from './object.ts';

/** One line of a watch. */
export type WatchEvent =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly object: KubeObject;
      readonly resourceVersion: string;
    }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * A line that cannot be read means that the stream cannot be believed any more: something may have been missed.
 * @throws KubeApiError for the ERROR event (410: the resource version is too old); TypeError or SyntaxError for anything malformed.
 */
export function parseWatchLine(line: string): WatchEvent {
  const event: unknown = JSON.parse(line);
  if (!isRecord(event) || !isRecord(event['object']))
    throw new TypeError('a line of the watch is not an event');
  const { type, object } = event;
  if (type === 'ERROR') throw errorOf(object as Record<string, unknown>);
  if (type === 'BOOKMARK') {
    const metadata = (object as Record<string, unknown>)['metadata'];
    return { type, resourceVersion: versionOf(isRecord(metadata) ? metadata['resourceVersion'] : undefined) };
  }
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    const read = parseObject(object);
    return { type, object: read, resourceVersion: versionOf(read.metadata.resourceVersion) };
  }
  throw new TypeError('a line of the watch is of no known type');
}

function versionOf(value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new TypeError('an event of the watch has no resourceVersion');
  return value;
}

function errorOf(status: Record<string, unknown>): KubeApiError {
  const { code, reason, message } = status;
  return new KubeApiError(
    typeof code === 'number' ? code : 500,
    typeof reason === 'string' ? reason : undefined,
    typeof message === 'string' ? `the watch failed: ${message.slice(0, 256)}` : 'the watch failed',
  );
}
