import { badRequest } from './filter.ts';

/** One page of rows. */
export interface Page<T> {
  /** Newest first. May be fewer than asked for, even none, while there is a `next`. */
  readonly rows: readonly T[];
  /** The cursor of the following page; undefined = this is the last one. */
  readonly next: string | undefined;
}

/** A place in the order of pages: newest first, and within a millisecond what was written last. */
export interface Place {
  readonly time: number;
  readonly id: number;
}

/** Opaque to whoever gets it. */
export function writeCursor({ time, id }: Place): string {
  return Buffer.from(`${time}.${id}`).toString('base64url');
}

/** @throws HistoryError BAD_REQUEST */
export function readCursor(cursor: string): Place {
  const text = cursor.length <= 64 ? Buffer.from(cursor, 'base64url').toString() : '';
  const [, time, id] = /^(\d{1,16})\.(\d{1,16})$/.exec(text) ?? [];
  const place = { time: Number(time), id: Number(id) };
  // Base64 is read leniently: what does not come out again as it went in was not written here.
  if (!Number.isSafeInteger(place.time) || !Number.isSafeInteger(place.id) || writeCursor(place) !== cursor) {
    throw badRequest('the cursor is not one that a page came with');
  }
  return place;
}
