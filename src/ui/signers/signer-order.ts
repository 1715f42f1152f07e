import type { Signer, SignerState } from '../../admin/schemas/resources.ts';
import { textAt } from '../shared/values.ts';

export type SignerColumn = 'name' | 'state' | 'expires' | 'lastUsed';

export interface SignerFilter {
  readonly search: string;
  /** Undefined = any. */
  readonly state: SignerState | undefined;
}

/** What needs somebody comes first. */
const STATES: readonly SignerState[] = [
  'invalid',
  'unavailable',
  'expired',
  'expiring',
  'active',
  'retired',
  'disabled',
];

export function signersToShow(
  signers: readonly Signer[],
  { search, state }: SignerFilter,
  column: SignerColumn,
  isDescending: boolean,
): readonly Signer[] {
  const wanted = search.trim().toLowerCase();
  return signers
    .filter((signer) => state === undefined || signer.facts.state === state)
    .filter((signer) => wanted === '' || wordsOf(signer).includes(wanted))
    .toSorted((a, b) => compare(keyOf(a, column), keyOf(b, column)) * (isDescending ? -1 : 1));
}

function wordsOf({ metadata, spec, facts }: Signer): string {
  const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return [metadata.name, facts.identity, textAt(spec, 'description') ?? '', ...labels]
    .join('\n')
    .toLowerCase();
}

function keyOf({ metadata, spec, facts }: Signer, column: SignerColumn): string | number {
  switch (column) {
    case 'name':
      return metadata.name;
    case 'state':
      return STATES.indexOf(facts.state);
    case 'expires':
      return timeOf(textAt(spec, 'expiresAt'), Number.POSITIVE_INFINITY);
    case 'lastUsed':
      return timeOf(facts.lastUsedAt, 0);
  }
}

function timeOf(time: string | undefined, otherwise: number): number {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? otherwise : at;
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'string' || typeof b === 'string') return String(a).localeCompare(String(b));
  return a === b ? 0 : a - b;
}
