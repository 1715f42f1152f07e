import { describe, expect, test } from '@jest/globals';
import type { Stats } from '../../src/admin/schemas/history.ts';
import { EventParser } from '../../src/ui/api/event-stream.ts';
import { problemOf, problemsAt, problemsElsewhere } from '../../src/ui/api/problem.ts';
import { formatRelative } from '../../src/ui/format/time.ts';
import { filledBuckets, totalsOf } from '../../src/ui/overview/buckets.ts';
import { lineDiff } from '../../src/ui/shared/line-diff.ts';
import { endsOf } from '../../src/ui/shared/ends.ts';

describe('the live stream', () => {
  test('events are put together from whatever pieces they come in', () => {
    const text =
      ': hello\n\nid: 7\nevent: decision\ndata: {"a":\ndata: 1}\n\nevent: snapshot\r\ndata: 4\r\n\r\n';
    const expected = [
      { event: 'decision', data: '{"a":\n1}', id: '7' },
      { event: 'snapshot', data: '4', id: undefined },
    ];
    expect(new EventParser().push(text)).toEqual(expected);
    const parser = new EventParser();
    expect([...text].flatMap((character) => parser.push(character))).toEqual(expected);
  });

  test('an event that never ends is not kept', () => {
    const parser = new EventParser();
    expect(() => {
      for (let count = 0; count < 300; count += 1) parser.push('x'.repeat(1000));
    }).toThrow('too long');
  });
});

describe('problems', () => {
  const errors = [
    { field: 'spec.trustedKeys[0].issuer', message: 'a' },
    { field: 'spec.trustedKeysOther', message: 'b' },
    { field: 'spec.trustedKeys', message: 'c' },
  ];

  test('stand at their field and at what it stands in, and at no namesake', () => {
    expect(problemsAt(errors, 'spec.trustedKeys').map(({ message }) => message)).toEqual(['a', 'c']);
    expect(problemsElsewhere(errors, ['spec.trustedKeys']).map(({ message }) => message)).toEqual(['b']);
  });

  test('an answer that is no problem document is still an error, and short', () => {
    expect(problemOf(502, `<html>${'x'.repeat(1000)}`)).toMatchObject({ code: 'UNREADABLE', status: 502 });
    expect(problemOf(502, 'x'.repeat(1000)).message).toHaveLength(300);
    expect(
      problemOf(422, JSON.stringify({ code: 'INVALID', title: 't', detail: 'd', errors })),
    ).toMatchObject({
      code: 'INVALID',
      errors,
    });
  });
});

describe('statistics', () => {
  const bucket = { start: '2026-11-29T01:00:00Z', verified: 3, violated: 2, faulted: 1, denied: 2 };
  const stats: Stats = {
    from: '2026-11-29T00:00:00Z',
    until: '2026-11-29T04:00:00Z',
    bucketSeconds: 3600,
    isComplete: true,
    buckets: [bucket],
    codes: [],
    slsaLevels: [],
    faultsByRegistry: [],
  };

  test('hours without a verification are shown as such', () => {
    expect(filledBuckets(stats).map(({ verified }) => verified)).toEqual([0, 3, 0, 0]);
    expect(totalsOf(filledBuckets(stats))).toEqual({ all: 6, verified: 3, violated: 2, faulted: 1 });
  });

  test('a range that is too long for its buckets is cut', () => {
    expect(filledBuckets({ ...stats, until: '2126-01-01T00:00:00Z' }).length).toBe(1000);
  });
});

describe('differences', () => {
  test('are the fewest lines, in order', () => {
    expect(lineDiff('a\nb\nc\n', 'a\nx\nc\nd\n')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'removed', text: 'b' },
      { kind: 'added', text: 'x' },
      { kind: 'same', text: 'c' },
      { kind: 'added', text: 'd' },
    ]);
    expect(lineDiff('', 'a').map(({ kind }) => kind)).toEqual(['added']);
    expect(lineDiff('a\n', 'a').every(({ kind }) => kind === 'same')).toBe(true);
  });

  test('of very long texts are found in no time, line by line or not', () => {
    const long = Array.from({ length: 5000 }, (_, index) => String(index)).join('\n');
    expect(lineDiff(long, `${long}\nx`)).toHaveLength(10_001);
  });
});

describe('times in words', () => {
  test('name the largest unit that is over', () => {
    const now = Date.parse('2026-11-29T00:00:00Z');
    expect(formatRelative(now + 3 * 86_400_000, now)).toBe('in 3 days');
    expect(formatRelative(now - 5000, now)).toBe('now');
    expect(formatRelative(now - 7_200_000, now)).toBe('2 hours ago');
  });
});

describe('a long name', () => {
  test.each([
    ['system:serviceaccount:people:alice', 'system:serviceaccount:peop', 'le:alice'],
    ['admin', '', 'admin'],
    ['', '', ''],
    [
      'oidc:\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}',
      'oi',
      'dc:\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}',
    ],
  ])('%s keeps its end whole', (name, start, end) => {
    expect(endsOf(name)).toEqual({ start, end });
  });
});
