import type { Query } from '../api/http.ts';

/** Filters of the history as they stand in the address, so that a view can be passed on. */
export const FILTER_NAMES = [
  'image',
  'imageMatch',
  'digest',
  'policy',
  'signer',
  'verdict',
  'namespace',
  'assessmentId',
  'from',
  'until',
] as const;

export type FilterName = (typeof FILTER_NAMES)[number];
export type HistoryFilter = Readonly<Record<FilterName, string>>;

export const NO_FILTER: HistoryFilter = {
  image: '',
  imageMatch: 'part',
  digest: '',
  policy: '',
  signer: '',
  verdict: '',
  namespace: '',
  assessmentId: '',
  from: '',
  until: '',
};

export function filterFrom(params: URLSearchParams): HistoryFilter {
  return Object.fromEntries(
    FILTER_NAMES.map((name) => [name, params.get(name) ?? NO_FILTER[name]]),
  ) as HistoryFilter;
}

/** What differs from no filter at all, for the address and for the API. */
export function queryOf(filter: HistoryFilter): Query {
  const given = FILTER_NAMES.filter((name) => filter[name].trim() !== '' && filter[name] !== NO_FILTER[name]);
  // How an image is compared says nothing without one.
  return Object.fromEntries(
    given
      .filter((name) => name !== 'imageMatch' || filter.image.trim() !== '')
      .map((name) => [name, filter[name].trim()]),
  );
}

/** Filters beside the four that always show. */
export function hasMoreFilters(filter: HistoryFilter): boolean {
  return (['digest', 'policy', 'signer', 'assessmentId', 'from', 'until'] as const).some(
    (name) => filter[name] !== '',
  );
}
