import type { Page } from './cursor.ts';
import type { StoredVerification } from './verification.ts';

export type ExportFormat = 'csv' | 'json';

const COLUMNS = [
  'time',
  'image',
  'digest',
  'signatureFound',
  'signatureValid',
  'signerEntry',
  'signer',
  'issuer',
  'signedAt',
  'slsaLevel',
  'builder',
  'code',
  'codes',
  'detail',
  'policy',
  'mode',
  'verdict',
  'exception',
  'decision',
  'namespace',
  'kind',
  'name',
  'user',
  'operation',
  'snapshot',
  'replica',
  'latency',
  'uid',
] as const satisfies readonly (keyof StoredVerification)[];

/** Reads one page of what is exported. */
export type PageSource = (cursor: string | undefined) => Promise<Page<StoredVerification>>;

/** An export in pieces of text, one for each page; ends after `maxRows`. @throws HistoryError */
export async function* exported(
  format: ExportFormat,
  source: PageSource,
  maxRows: number,
): AsyncGenerator<string, void, undefined> {
  const { open, line, close } = FORMATS[format];
  yield open;
  let left = maxRows;
  let cursor: string | undefined;
  do {
    const page = await source(cursor);
    const rows = page.rows.slice(0, left);
    if (rows.length > 0) yield rows.map((row, index) => line(row, left === maxRows && index === 0)).join('');
    left -= rows.length;
    cursor = page.next;
  } while (cursor !== undefined && left > 0);
  yield close;
}

interface Writing {
  readonly open: string;
  readonly line: (row: StoredVerification, isFirst: boolean) => string;
  readonly close: string;
}

const FORMATS: Readonly<Record<ExportFormat, Writing>> = {
  csv: {
    open: `${COLUMNS.join(',')}\r\n`,
    line: (row) => `${COLUMNS.map((column) => csvField(textOf(row, column))).join(',')}\r\n`,
    close: '',
  },
  json: {
    open: '[',
    line: (row, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify(jsonOf(row))}`,
    close: '\n]\n',
  },
};

const TIMES = new Set<string>(['time', 'signedAt']);

function textOf(row: StoredVerification, column: (typeof COLUMNS)[number]): string {
  const value = row[column];
  if (value === undefined) return '';
  return TIMES.has(column)
    ? new Date(Number(value)).toISOString()
    : Array.isArray(value)
      ? value.join(' ')
      : String(value);
}

function jsonOf(row: StoredVerification): object {
  return Object.fromEntries(
    COLUMNS.map((column) => [
      column,
      TIMES.has(column) && row[column] !== undefined ? textOf(row, column) : row[column],
    ]),
  );
}

/** RFC 4180. A spreadsheet would take a text that begins so for a formula, and a stranger wrote it. */
function csvField(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
