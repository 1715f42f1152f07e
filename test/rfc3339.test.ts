import { describe, expect, test } from '@jest/globals';
import { timeOf } from '../src/admin/history-filter.ts';
import { inspectResource } from '../src/api/resource.ts';
import { parseRfc3339 } from '../src/rfc3339.ts';
import { readPeriod } from '../src/sigstore/authority.ts';
import { time } from '../src/slsa/json-fields.ts';
import { readHeader } from '../src/trust/roots/metadata-header.ts';
import { document, exceptionSpec, KEYLESS } from './api/documents.ts';

const GOOD = '2028-02-29T23:59:59Z';

/** Each is one change of a time that every reader accepts. */
const UNREADABLE = [
  '2028-02-29T24:00:00Z',
  '2028-02-29T23:60:00Z',
  '2028-02-29T23:59:60Z',
  '2027-02-29T23:59:59Z',
  '2028-02-30T23:59:59Z',
  '2028-00-29T23:59:59Z',
  '2028-13-29T23:59:59Z',
  '2028-02-00T23:59:59Z',
  '2028-02-29t23:59:59Z',
  '2028-02-29T23:59:59z',
  '2028-02-29 23:59:59Z',
  '2028-02-29T23:59:59',
  '2028-02-29T23:59:59+24:00',
  '2028-02-29T23:59:59+01:60',
  '2028-02-29T23:59:59+0100',
  '2028-02-29T23:59:59,5Z',
  '2028-02-29T23:59:59.Z',
  '2028-02-29T23:59:59.1234567890Z',
  '2028-2-29T23:59:59Z',
  '28-02-29T23:59:59Z',
  '+002028-02-29T23:59:59Z',
  '2028-02-29T23:59Z',
  '2028-02-29',
  '29.02.2028',
  ' 2028-02-29T23:59:59Z',
  '2028-02-29T23:59:59Z\n',
  '1835481599',
  '',
];

/** Whether a reader takes a text for a time. */
const READERS: readonly (readonly [string, (text: string) => boolean])[] = [
  ['parseRfc3339', (text) => parseRfc3339(text) !== undefined],
  [
    'expiresAt of an exception',
    (expiresAt) =>
      inspectResource(document('SigningException', exceptionSpec({ expiresAt }))).problems.length === 0,
  ],
  ...['expiresAt', 'signedNotBefore', 'signedNotAfter'].map(
    (field) =>
      [
        `${field} of a signer`,
        (text: string) =>
          inspectResource(document('TrustedSigner', { ...KEYLESS, [field]: text })).problems.length === 0,
      ] as const,
  ),
  ['a parameter of the API', (text) => accepts(() => timeOf('from', text))],
  ['a period of a trust root', (start) => accepts(() => readPeriod({ start }, 'tlogs[0]'))],
  // An empty text in a statement is the same as an absent one: it says nothing.
  [
    'a time of a statement',
    (text) => text !== '' && accepts(() => time({ json: { at: text }, path: 'predicate' }, 'at')),
  ],
  [
    'the end of TUF metadata',
    (expires) =>
      accepts(() =>
        readHeader(Buffer.from(JSON.stringify({ signed: { version: 1, expires } })), 'root.json'),
      ),
  ],
];

function accepts(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

describe.each(READERS)('%s', (_name, reads) => {
  test.each(UNREADABLE)('does not take %j for a time', (text) => {
    expect(reads(GOOD)).toBe(true);
    expect(reads(text)).toBe(false);
  });

  test.each(['2028-02-29T23:59:59.123456789Z', '2028-02-29T00:00:00+14:00', '2028-03-01T00:00:00-23:59'])(
    'takes %j for one',
    (text) => expect(reads(text)).toBe(true),
  );
});

test('the time is that of the text', () => {
  expect(parseRfc3339('2028-02-29T23:59:59.5+01:00')).toBe(Date.UTC(2028, 1, 29, 22, 59, 59, 500));
});
