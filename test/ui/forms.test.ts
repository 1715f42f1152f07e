import { describe, expect, test } from '@jest/globals';
import type { Signer } from '../../src/admin/schemas/resources.ts';
import { exceptionDraft, isComplete } from '../../src/ui/exceptions/exception-draft.ts';
import { filterFrom, NO_FILTER, queryOf } from '../../src/ui/history/filters.ts';
import { parseList, parsePairs } from '../../src/ui/shared/lines.ts';
import { fromLocal, presetTime, SIGNER_PRESETS, toLocal } from '../../src/ui/shared/local-time.ts';
import { draftOf, signerForm } from '../../src/ui/signers/signer-draft.ts';
import { signersToShow } from '../../src/ui/signers/signer-order.ts';
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
    expect(fromLocal(toLocal(at))).toBe(at);
    expect(toLocal('no time')).toEqual({ date: '', time: '' });
  });

  test.each(['2027-02-30', '31.03.2027', '', '2027-13-01', '2027-3-1'])('%s is no date', (date) => {
    expect(fromLocal({ date: '2027-02-28', time: '' })).toBeDefined();
    expect(fromLocal({ date, time: '10:00' })).toBeUndefined();
  });
});

describe('lines', () => {
  test('a list is one entry a line; a mapping has its first equals sign as the border', () => {
    expect(parseList(' a \n\n b')).toEqual(['a', 'b']);
    expect(parsePairs('a=b=c\nd=')).toEqual({ pairs: { a: 'b=c', d: '' }, wrong: undefined });
    expect(parsePairs('a=b\n=c').wrong).toBe('=c');
    expect(parsePairs('plain').wrong).toBe('plain');
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
