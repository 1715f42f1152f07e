import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Signer } from '../../src/admin/schemas/resources.ts';
import { exceptionDraft, isComplete } from '../../src/ui/exceptions/exception-draft.ts';
import { filterFrom, NO_FILTER, queryOf } from '../../src/ui/history/filters.ts';
import { parseList, parsePairs } from '../../src/ui/shared/lines.ts';
import { presetTime, readLocal, SIGNER_PRESETS, toLocal } from '../../src/ui/shared/local-time.ts';
import { draftOf, signerForm } from '../../src/ui/signers/signer-draft.ts';
import { signersToShow } from '../../src/ui/signers/signer-order.ts';
import { wholeNumber } from '../../src/ui/shared/whole-number.ts';
import { curlCommand } from '../../src/ui/try/curl.ts';

describe('times', () => {
  test('a preset is so long from now, in UTC and on the minute', () => {
    const now = Date.parse('2026-11-29T10:20:42.123Z');
    expect(presetTime(now, SIGNER_PRESETS.days30)).toBe('2026-12-29T10:20:00Z');
    expect(presetTime(now, SIGNER_PRESETS.year)).toBe('2027-11-29T10:20:00Z');
    expect(SIGNER_PRESETS.never).toBeUndefined();
  });

  test('a local time is the same time in UTC, to the minute', () => {
    const at = '2027-03-31T22:45:00Z';
    expect(readLocal(toLocal(at))).toEqual({ kind: 'time', at });
    expect(toLocal('no time')).toEqual({ date: '', time: '' });
  });

  test.each([
    '2027-02-30',
    '31.12.2027',
    '31/03/2027',
    '2027-13-01',
    '2027-00-01',
    '2027-3-1',
    '27-03-01',
    '12027-03-01',
    '2027-03-31T00:00:00Z',
    '20270331',
    'never',
    '-',
  ])('%s is no date, and not nothing either', (date) => {
    expect(readLocal({ date: '2027-02-28', time: '' }).kind).toBe('time');
    for (const time of ['', '10:00'])
      expect(readLocal({ date, time })).toEqual({ kind: 'wrong', part: 'date' });
  });

  test.each(['24:00', '9:30', '09:60', '0930', '09:30:00', '9 am', '--:30', 'x'])(
    '%s is no time of day, and not midnight either',
    (time) => {
      const date = '2027-02-28';
      expect(readLocal({ date, time: ' 09:30 ' }).kind).toBe('time');
      expect(readLocal({ date, time })).toEqual({ kind: 'wrong', part: 'time' });
    },
  );

  test('only what is empty is none', () => {
    expect(readLocal({ date: '', time: ' ' })).toEqual({ kind: 'none' });
    expect(readLocal({ date: '', time: '09:30' })).toEqual({ kind: 'wrong', part: 'date-missing' });
  });

  test('an hour that the clocks skip is none', () => {
    const read = (time: string): unknown => {
      const file = resolve(import.meta.dirname, '../../src/ui/shared/local-time.ts');
      const code = `import { readLocal } from ${JSON.stringify(file)};
        console.log(JSON.stringify(readLocal({ date: '2027-03-28', time: '${time}' })))`;
      // A process learns its time zone when it starts.
      const env = { ...process.env, TZ: 'Europe/Berlin' };
      return JSON.parse(
        execFileSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' }),
      );
    };
    expect(read('03:30')).toEqual({ kind: 'time', at: '2027-03-28T01:30:00Z' });
    expect(read('02:30')).toEqual({ kind: 'wrong', part: 'skipped' });
  });
});

describe('numbers', () => {
  test.each(['', ' ', '0', '65', '-1', '1.5', '2e0', '0x2', 'two', '1 2', '2,', '١'])(
    '%j is none from 1 to 64',
    (text) => {
      expect([wholeNumber(' 2 ', 1, 64), wholeNumber('64', 1, 64)]).toEqual([2, 64]);
      expect(wholeNumber(text, 1, 64)).toBeUndefined();
    },
  );
});

describe('lines', () => {
  test('a list is one entry a line; a mapping has its first equals sign as the border', () => {
    expect(parseList(' a \n\n b')).toEqual(['a', 'b']);
    expect(parsePairs('a=b=c\nd=')).toEqual({ pairs: { a: 'b=c', d: '' }, wrong: undefined });
    expect(parsePairs('a=b\n=c').wrong).toEqual({ kind: 'no-pair', line: '=c' });
    expect(parsePairs('plain').wrong).toEqual({ kind: 'no-pair', line: 'plain' });
  });

  test('a name that is there twice is wrong: one of its values would be dropped', () => {
    expect(parsePairs('a=b\nc=d').wrong).toBeUndefined();
    expect(parsePairs('a=b\na =c')).toEqual({ pairs: { a: 'b' }, wrong: { kind: 'twice', name: 'a' } });
  });
});

describe('a signer', () => {
  const SPEC = {
    description: 'release',
    keyless: true,
    issuer: 'https://accounts.google.com',
    subjectRegExp: '.*@example\\.com',
    extensions: { runnerEnvironment: 'github-hosted' },
    trustRootRef: { name: 'public-good' },
    enabled: true,
    expiresAt: '2027-03-31T00:00:00Z',
    ofALaterVersion: { kept: true },
  };

  test('comes out of the form as it went in, with what the form does not know', () => {
    expect(draftOf(signerForm('ci', { team: 'a' }, SPEC), SPEC)).toEqual({
      metadata: { name: 'ci', labels: { team: 'a' } },
      spec: SPEC,
    });
  });

  test.each<[string, object, string]>([
    ['an end that is no date', { expiresAt: '31.12.2027' }, 'expiresAt'],
    ['an end that is a number', { expiresAt: 2027 }, 'expiresAt'],
    ['a bound that is null', { signedNotAfter: null }, 'signedNotAfter'],
    ['a description that is a list', { description: ['a'] }, 'description'],
    ['an extension that is no text', { extensions: { runnerEnvironment: true } }, 'extensions'],
    ['a trust root that is a text', { trustRootRef: 'public-good' }, 'trustRootRef'],
    ['an issuer that is a number', { issuer: 5 }, 'issuer'],
  ])('with %s does not lose it in the form', (_, changes, field) => {
    const spec = { ...SPEC, ...changes };
    expect(draftOf(signerForm('ci', {}, spec), spec).spec[field]).toBeDefined();
    const { [field]: _gone, ...without } = spec as Record<string, unknown>;
    expect(draftOf(signerForm('ci', {}, without), without).spec[field]).toBeUndefined();
  });

  test('whose switch cannot be read is not switched on by the form', () => {
    const enabled = (changes: object) => signerForm('ci', {}, { ...SPEC, ...changes }).enabled;
    expect([enabled({ enabled: true }), enabled({ enabled: false })]).toEqual([true, false]);
    expect(enabled({ enabled: 'false' })).toBe(false);
    expect(signerForm('ci', {}, { keyless: true }).enabled).toBe(true);
  });

  test('of another kind has nothing left of the kind before', () => {
    const form = { ...signerForm('ci', undefined, SPEC), kind: 'keyRef' as const, uri: 'awskms:///alias/a' };
    expect(draftOf(form, SPEC).spec).toEqual({
      description: 'release',
      keyRef: { uri: 'awskms:///alias/a' },
      enabled: true,
      expiresAt: '2027-03-31T00:00:00Z',
      ofALaterVersion: { kept: true },
    });
  });

  test('whose key is in a Secret keeps it there unless another one is pasted', () => {
    const spec = { publicKey: { secretRef: { namespace: 'a', name: 'b' } }, enabled: true };
    const form = signerForm('k', undefined, spec);
    expect(draftOf(form, spec).spec).toEqual(spec);
    expect(draftOf({ ...form, pem: 'PEM' }, spec).spec['publicKey']).toEqual({ pem: 'PEM' });
  });

  test('is found by name, identity, description and label, and sorted with what needs somebody first', () => {
    const signer = (name: string, state: Signer['facts']['state'], description: string): Signer => ({
      apiVersion: 'countersign.dev/v1alpha1',
      kind: 'TrustedSigner',
      metadata: { name, resourceVersion: '1', labels: { team: name } },
      spec: { description },
      problems: [],
      warnings: [],
      facts: { state, type: 'keyless', identity: `https://issuer ${name}`, keys: [], usedBy: [] },
    });
    const signers = [
      signer('b', 'active', 'Release'),
      signer('a', 'expired', ''),
      signer('c', 'disabled', ''),
    ];
    const names = (search: string, column: 'name' | 'state', isDescending = false) =>
      signersToShow(signers, { search, state: undefined }, column, isDescending).map(
        ({ metadata: { name } }) => name,
      );
    expect(names('', 'name')).toEqual(['a', 'b', 'c']);
    expect(names('', 'name', true)).toEqual(['c', 'b', 'a']);
    expect(names('', 'state')).toEqual(['a', 'b', 'c']);
    expect(names('RELEASE', 'name')).toEqual(['b']);
    expect(names('team=c', 'name')).toEqual(['c']);
    expect(signersToShow(signers, { search: '', state: 'disabled' }, 'name', false)).toHaveLength(1);
  });
});

describe('an exception', () => {
  const FORM = {
    name: ' inc-1 ',
    namespaces: 'a\nb\n',
    images: 'ghcr.io/org/x',
    policies: '',
    reason: 'because',
    expiresAt: '2027-01-01T00:00:00Z',
  };

  test('names no policies unless somebody listed some', () => {
    expect(exceptionDraft(FORM)).toEqual({
      metadata: { name: 'inc-1' },
      spec: {
        namespaces: ['a', 'b'],
        images: ['ghcr.io/org/x'],
        reason: 'because',
        expiresAt: '2027-01-01T00:00:00Z',
      },
    });
    expect(exceptionDraft({ ...FORM, policies: 'p' }).spec['policies']).toEqual(['p']);
  });

  test.each(['name', 'namespaces', 'images', 'reason', 'expiresAt'] as const)(
    'without %s is not sent',
    (field) => {
      expect(isComplete(FORM)).toBe(true);
      expect(isComplete({ ...FORM, [field]: ' ' })).toBe(false);
    },
  );
});

describe('filters of the history', () => {
  test('come back out of the address as they went in, without what says nothing', () => {
    const filter = { ...NO_FILTER, image: 'ghcr.io/a', imageMatch: 'whole', verdict: 'violated' };
    const query = queryOf(filter);
    expect(query).toEqual({ image: 'ghcr.io/a', imageMatch: 'whole', verdict: 'violated' });
    expect(filterFrom(new URLSearchParams(query as Record<string, string>))).toEqual(filter);
    expect(queryOf({ ...NO_FILTER, imageMatch: 'whole' })).toEqual({});
  });
});

describe('the command for a shell', () => {
  test('G3: an image name stays one word, whatever it holds', () => {
    const input = { image: `a'; rm -rf / #`, namespace: '', policy: '' };
    const command = curlCommand(input, 'https://host:9443', 'cluster');
    expect(command).toContain(`--data '{"image":"a'\\''; rm -rf / #"}'`);
    expect(command).toContain('$TOKEN');
    expect(curlCommand({ ...input, image: 'a' }, 'https://host:9443', 'standalone')).toContain('$PASSWORD');
  });
});
