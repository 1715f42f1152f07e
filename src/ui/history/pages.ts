import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type Query } from '../api/http.ts';

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly next?: string | undefined;
}

const PAGE_SIZE = 25;

/** A list that is read page by page, newest first. A cursor only leads on: those of the pages before are remembered. */
export function usePages<T>(key: string, path: string, filter: Query) {
  const filterText = JSON.stringify(filter);
  const [position, setPosition] = useState<{ readonly filter: string; readonly cursors: readonly string[] }>({
    filter: filterText,
    cursors: [],
  });
  // Cursors of another filter lead nowhere.
  const cursors = position.filter === filterText ? position.cursors : [];
  const query = useQuery({
    queryKey: [key, filter, cursors.at(-1) ?? ''],
    queryFn: ({ signal }) =>
      get<PageOf<T>>(path, { query: { ...filter, limit: PAGE_SIZE, cursor: cursors.at(-1) }, signal }),
    placeholderData: keepPreviousData,
  });
  const next = query.data?.next;
  const go = (to: readonly string[]) => setPosition({ filter: filterText, cursors: to });
  return {
    query,
    page: cursors.length + 1,
    newer: cursors.length === 0 ? undefined : () => go(cursors.slice(0, -1)),
    older: next === undefined ? undefined : () => go([...cursors, next]),
  };
}
