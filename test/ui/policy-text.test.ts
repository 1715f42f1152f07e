import { describe, expect, test } from '@jest/globals';
import { isWeaker, targetOf } from '../../src/ui/policies/policy-document.ts';
import {
  editText,
  fieldOf,
  isSameDocument,
  lineOf,
  pathOf,
  readText,
} from '../../src/ui/policies/policy-text.ts';
import { keptByKey } from '../../src/ui/policies/kept-by-key.ts';

const TEXT = `# kept by the platform team
apiVersion: countersign.dev/v1alpha1
kind: ClusterSigningPolicy
metadata:
  name: mcp
spec:
  mode: Audit # for now
  match:
    images:
      - ghcr.io/org/**
  ofALaterVersion: {kept: true}
  trustedKeys:
    - signerRef:
        name: release-ci
    - keyless: true
      issuer: https://accounts.google.com
      subject: build@example.com
`;

describe('a text that would lose something on its way is not read', () => {
  test.each([
    ['a tag that nobody knows', 'spec: !secret x'],
    ['a number that JSON has no word for', 'spec: {threshold: .nan}'],
    ['an infinite number', 'spec: {threshold: .inf}'],
    ['a number that would be another', 'spec: {threshold: 90071992547409931}'],
    ['a key that is a list', 'spec: {? [a] : b}'],
    ['a key that is there twice', 'spec: {a: 1, a: 2}'],
    ['another YAML', '%YAML 1.1\n---\nspec: {enabled: yes}'],
    ['two documents', 'spec: {}\n---\nspec: {}'],
  ])('%s', (_, text) => {
    expect(readText('spec: {threshold: 2, ratio: 0.5}').value).toEqual({
      spec: { threshold: 2, ratio: 0.5 },
    });
    expect(readText(text).value).toBeUndefined();
    expect(readText(text).problems[0]?.message).not.toBe('');
  });

  test('a date is the text that stands there', () => {
    expect(readText('expiresAt: 2027-12-31').value).toEqual({ expiresAt: '2027-12-31' });
  });
});

describe('a policy as form and YAML at once', () => {
  test('a field that the form changes leaves comments, order and unknown fields as they are', () => {
    const text = editText(TEXT, ['spec', 'mode'], 'Enforce');
    expect(text).toContain('# kept by the platform team');
    expect(text).toContain('mode: Enforce # for now');
    expect(readText(text).value).toEqual({
      ...readText(TEXT).value,
      spec: { ...(readText(TEXT).value?.['spec'] as object), mode: 'Enforce' },
    });
    expect(text).toContain('ofALaterVersion:');
  });

  test('what a field leaves empty goes away with it, and no more than that', () => {
    const text = editText(TEXT, ['spec', 'match', 'images'], undefined);
    expect(readText(text).value?.['spec']).not.toHaveProperty('match');
    expect(readText(text).value?.['spec']).toHaveProperty('ofALaterVersion');
    const none = editText('metadata:\n  name: x\nspec:\n  mode: Audit\n', ['spec', 'mode'], undefined);
    expect(readText(none).value).toHaveProperty('spec');
  });

  test('one entry of a list is taken away; the others keep their fields', () => {
    const text = editText(TEXT, ['spec', 'trustedKeys', 0], undefined);
    expect(readText(text).value?.['spec']).toMatchObject({
      trustedKeys: [{ keyless: true, issuer: 'https://accounts.google.com', subject: 'build@example.com' }],
    });
  });

  test('a field is made with all that it stands in', () => {
    const text = editText(TEXT, ['spec', 'transparency', 'keys', 'log'], 'Ignored');
    expect(readText(text).value?.['spec']).toMatchObject({ transparency: { keys: { log: 'Ignored' } } });
  });

  test.each([
    ['spec.mode', 7],
    ['spec.trustedKeys[0]', 13],
    ['spec.trustedKeys[1].subject', 17],
    ['spec.trustedKeys[1].missing', 15],
    ['spec.nothing', 6],
    ['', 1],
  ])('a problem of %s leads to line %d', (field, line) => {
    expect(lineOf(TEXT, field)).toBe(line);
  });

  test('a text that is no YAML, or no document, has problems with lines and no value', () => {
    const broken = readText('spec:\n  mode: [\nkind: x\n');
    expect(broken.value).toBeUndefined();
    expect(broken.problems[0]?.line).toBeGreaterThan(1);
    expect(readText('- a list').value).toBeUndefined();
    expect(readText('x'.repeat(1024 * 1024 + 1)).problems).toHaveLength(1);
  });

  test('paths of fields and their words are two forms of one thing', () => {
    const path = ['spec', 'trustedKeys', 3, 'issuer'];
    expect(pathOf(fieldOf(path))).toEqual(path);
  });

  test('the namespace of a SigningPolicy stands in the path of the request, not in its body', () => {
    const value = { kind: 'SigningPolicy', metadata: { name: 'a b', namespace: 'mcp' }, spec: {} };
    expect(targetOf(value)).toMatchObject({
      path: '/namespaces/mcp/policies/a%20b',
      body: { metadata: { name: 'a b' } },
    });
    expect(targetOf(value).body['metadata']).not.toHaveProperty('namespace');
    expect(targetOf({ ...value, kind: 'ClusterSigningPolicy' }).path).toBe('/policies/a%20b');
  });

  test('an object whose text is edited as a line keeps its other fields', () => {
    const builders = [
      { id: 'a', refs: ['refs/tags/v2.*'] },
      { id: 'b', level: 2 },
    ];
    expect(keptByKey(builders, 'id', ['b', 'c'])).toEqual([
      { id: 'b', level: 2 },
      { id: 'c', level: 2 },
    ]);
    expect(keptByKey(builders, 'id', ['a', 'b', 'c'])).toEqual([...builders, { id: 'c' }]);
  });

  test('only a step down is weaker', () => {
    expect(isWeaker('Audit', 'Enforce')).toBe(true);
    expect(isWeaker('Warn', 'Audit')).toBe(false);
    expect(isWeaker('Warn', 'Warn')).toBe(false);
  });
});

describe('one document', () => {
  test('is what says the same, in whatever order, with whatever comments and quotes', () => {
    expect(isSameDocument(TEXT, TEXT)).toBe(true);
    expect(isSameDocument(TEXT, `${TEXT}# a thought\n`)).toBe(true);
    expect(isSameDocument('a: 1\nb: x\n', '{"b": "x", "a": 1}')).toBe(true);
  });

  test.each([
    ['another value', 'a: 1\n', 'a: 2\n'],
    ['another type', 'a: 1\n', 'a: "1"\n'],
    ['a field more', 'a: 1\n', 'a: 1\nb: 2\n'],
    ['another order in a list', 'a: [1, 2]\n', 'a: [2, 1]\n'],
    ['what cannot be read', 'a: 1\n', 'a: [\n'],
    ['what cannot be read, twice', 'a: [\n', 'a: [ \n'],
  ])('is not %s', (_what, one, other) => {
    expect(isSameDocument(one, other)).toBe(false);
  });
});
