import { describe, expect, test } from '@jest/globals';
import { RE2JS } from 're2js';
import { crdOf } from '../../src/api/crd.ts';
import { DEFINITIONS } from '../../src/api/definitions.ts';
import {
  KEY_REFERENCE_FORMS,
  MAX_KEY_REFERENCE_CHARS,
  parseKeyReference,
  secretKeyReference,
} from '../../src/api/key-reference.ts';
import { EVIL_MUTATIONS, EVIL_REFERENCES, GOOD_REFERENCES, ONE_OF_EACH } from './key-references.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

const MALFORMED = expect.objectContaining({ code: 'MALFORMED' }) as unknown as Error;

/** What the CRD's rule says, by the engine of the API server's regular expressions. */
function celTakes(uri: string): boolean {
  const patterns = Object.values(KEY_REFERENCE_FORMS).map(({ pattern }) => RE2JS.compile(pattern));
  return (
    uri.length <= MAX_KEY_REFERENCE_CHARS &&
    !uri.includes('..') &&
    patterns.some((pattern) => pattern.matcher(uri).find())
  );
}

describe('a key reference', () => {
  test.each(GOOD_REFERENCES)('%s is read', (uri, expected) => {
    expect(parseKeyReference(uri)).toMatchObject({ uri, ...expected });
    expect(celTakes(uri)).toBe(true);
  });

  test('two spellings of one key have one text, and it is read as the same key', () => {
    for (const [uri] of GOOD_REFERENCES) {
      const read = parseKeyReference(uri);
      expect(parseKeyReference(read.uri)).toEqual(read);
    }
  });

  test.each(
    ONE_OF_EACH.flatMap((uri) => EVIL_MUTATIONS.map(([name, mutate]) => [uri, name, mutate] as const)),
  )('A35: %s with %s is none', (uri, _, mutate) => {
    expect(parseKeyReference(uri).uri).toBe(uri);
    const evil = mutate(uri);
    expect(() => parseKeyReference(evil)).toThrow(MALFORMED);
    expect(celTakes(evil)).toBe(false);
  });

  test.each(EVIL_REFERENCES)('A35: %s is none', (_, evil) => {
    expect(() => parseKeyReference(evil)).toThrow(MALFORMED);
    expect(celTakes(evil)).toBe(false);
  });

  test('the longest of each form stays within the bound, and one more character does not', () => {
    const longest = `gcpkms://projects/${'p'.repeat(64)}/locations/${'l'.repeat(64)}/keyRings/${'r'.repeat(63)}/cryptoKeys/${'k'.repeat(63)}/cryptoKeyVersions/1234567890`;
    expect(parseKeyReference(longest)).toMatchObject({ version: '1234567890' });
    const arn = `awskms://${'a'.repeat(253)}:65535/arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/${'x'.repeat(250)}`;
    const filled = arn.padEnd(MAX_KEY_REFERENCE_CHARS, 'x');
    expect(parseKeyReference(filled)).toMatchObject({ scheme: 'awskms' });
    expect(() => parseKeyReference(`${filled}x`)).toThrow(MALFORMED);
  });

  test('what is refused is repeated escaped and cut, and the form that was meant is named', () => {
    const said = (uri: string) => {
      try {
        return parseKeyReference(uri).uri;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(said('hashivault://../sys/raw')).toBe(
      '"hashivault://../sys/raw" is no key reference of the form hashivault://<key>',
    );
    expect(said(`k8s://keys/\u202e\n${'a'.repeat(1024 * 1024)}`).length).toBeLessThan(200);
    expect(said('k8s://keys/\u202ex')).toContain('\\u{202e}');
    expect(said('s3://a')).toContain('k8s://, awskms://, gcpkms://, azurekms://, hashivault://');
  });

  test('F6: a megabyte costs no time', () => {
    for (const uri of ONE_OF_EACH) {
      const long = `${uri}${'/a-'.repeat(350_000)}`;
      const took = threadMilliseconds(() => expect(() => parseKeyReference(long)).toThrow(MALFORMED));
      expect(took).toBeLessThan(500);
    }
  });
});

describe('a key in a Secret', () => {
  test("cosign's own key is the same key, however it is written; another key of the Secret is another", () => {
    expect(secretKeyReference('keys', 'release', 'cosign.pub')).toEqual(
      parseKeyReference('k8s://keys/release'),
    );
    expect(secretKeyReference('keys', 'release', 'other.pub').uri).toBe('k8s://keys/release#other.pub');
  });
});

test('every place of the CRDs that takes a reference has the patterns of the parser', () => {
  const patterns = Object.values(KEY_REFERENCE_FORMS).map(({ pattern }) => pattern);
  const rules = DEFINITIONS.flatMap((definition) => rulesOfUri(crdOf(definition)));
  expect(rules.length).toBeGreaterThanOrEqual(2);
  for (const { rule, maxLength } of rules) {
    expect(maxLength).toBe(MAX_KEY_REFERENCE_CHARS);
    expect(rule).toContain("!self.contains('..') && (");
    const quoted = Array.from(rule.matchAll(/self\.matches\(r'([^']*)'\)/g), ([, pattern]) => pattern);
    expect(quoted).toEqual(patterns);
  }
});

interface UriRule {
  readonly rule: string;
  readonly maxLength: number;
}

/** The rule of each `keyRef.uri` inside a schema. */
function rulesOfUri(value: unknown): readonly UriRule[] {
  if (typeof value !== 'object' || value === null) return [];
  const { keyRef } = value as { keyRef?: { properties?: { uri?: Record<string, unknown> } } };
  const uri = keyRef?.properties?.uri;
  const [validation] = (uri?.['x-kubernetes-validations'] ?? []) as { rule: string }[];
  // A place without a rule is one with an empty rule: it must not be overlooked.
  const own =
    uri === undefined ? [] : [{ rule: validation?.rule ?? '', maxLength: Number(uri['maxLength']) }];
  return [...own, ...Object.values(value).flatMap(rulesOfUri)];
}
