import { describe, expect, test } from '@jest/globals';
import { describeFileProblem, parseDocuments } from '../../src/api/policy-file.ts';
import type { SigningPolicy } from '../../src/api/resources.ts';
import { LIMITS } from '../../src/limits.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

const GOOD = `apiVersion: countersign.dev/v1alpha1
kind: TrustedSigner
metadata: {name: release-ci}
spec:
  keyless: true
  issuer: https://accounts.google.com
  subject: build@example.com
`;

const ORIGINAL = `signing_policy:
  require_signature: true
  trusted_keys:
    - keyless: true
      issuer: "https://accounts.google.com"
      subject: "build@example.com"
`;

function problems(text: string): readonly string[] {
  return parseDocuments(text, 'policies/mcp.yaml').problems.map(describeFileProblem);
}

function names(text: string): readonly string[] {
  return parseDocuments(text, 'policies/mcp.yaml').resources.map(({ resource }) => resource.name);
}

describe('files of policies', () => {
  test('several documents, with the line where each starts', () => {
    const file = parseDocuments(
      `# two signers\n---\n${GOOD}---\n${GOOD.replace('release-ci', 'other')}---\n`,
      'a.yaml',
    );
    expect(file.resources.map(({ resource, line }) => [resource.name, line])).toEqual([
      ['release-ci', 3],
      ['other', 11],
    ]);
    expect(file).toMatchObject({ problems: [], complete: true });
  });

  test.each(['', '# nothing\n', '---\n---\n', '\n\n'])(
    '%j holds nothing, and nothing is wrong with it',
    (text) => {
      expect(parseDocuments(text, 'a.yaml')).toEqual({ resources: [], problems: [], complete: true });
    },
  );

  test('JSON is read as well', () => {
    const json = JSON.stringify({
      apiVersion: 'countersign.dev/v1alpha1',
      kind: 'TrustedSigner',
      metadata: { name: 'release-ci' },
      spec: { keyless: true, issuer: 'https://accounts.google.com', subject: 'build@example.com' },
    });
    expect(problems(json)).toEqual([]);
    expect(names(json)).toEqual(['release-ci']);
  });

  test('a problem names file, line, field, and what is expected', () => {
    const text = `apiVersion: countersign.dev/v1alpha1
kind: ClusterSigningPolicy
metadata:
  name: mcp
spec:
  mode: Enforced
  match:
    images:
      - ghcr.io/org/**
      - ghcr.io*
  trustedKeys:
    - keyless: true
      issuer: https://accounts.google.com
      subjectRegExp: (a
    - publicKey:
        pem: x
  treshold: 1
`;
    expect(problems(text).toSorted()).toEqual([
      expect.stringMatching(/^policies\/mcp\.yaml:10: spec\.match\.images\[1\]: /),
      expect.stringMatching(
        /^policies\/mcp\.yaml:14: spec\.trustedKeys\[0\]\.subjectRegExp: not a regular expression that RE2 takes/,
      ),
      expect.stringMatching(/^policies\/mcp\.yaml:16: spec\.trustedKeys\[1\]\.publicKey\.pem: /),
      'policies/mcp.yaml:17: spec.treshold: is not a known field; did you mean "threshold"?',
      'policies/mcp.yaml:6: spec.mode: must be one of "Enforce", "Warn", "Audit", not "Enforced"',
    ]);
    const [policy] = parseDocuments(text, 'a.yaml').resources;
    expect(policy?.resource).toMatchObject({ name: 'mcp', rules: undefined });
  });

  test.each([
    ['broken YAML', 'a: [b\n', 4],
    [
      'another kind',
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\n',
      4,
    ],
    ['no name', 'apiVersion: countersign.dev/v1alpha1\nkind: TrustedSigner\nmetadata: {}\n', 4],
    ['a text', 'hello\n', 4],
    ['a list', '- a\n', 4],
  ])('G10: a bad document (%s) is reported and leaves the others', (_, bad) => {
    const text = `${GOOD}---\n${bad}---\n${GOOD.replace('release-ci', 'other')}`;
    const file = parseDocuments(text, 'a.yaml');
    expect(file.resources.map(({ resource }) => resource.name)).toEqual(['release-ci', 'other']);
    expect(file.complete).toBe(false);
    expect(file.problems).toHaveLength(1);
    expect(file.problems[0]?.line).toBeGreaterThanOrEqual(9);
    expect(file.problems[0]?.line).toBeLessThanOrEqual(12);
  });
});

/** Each is one mutation of GOOD. */
const HOSTILE: readonly (readonly [string, string, RegExp])[] = [
  ['a key twice', `${GOOD}  subject: evil@example.com\n`, /:8: .*the key "subject" is there twice/],
  ['a key twice, once quoted', `${GOOD}  "subject": evil@example.com\n`, /the key "subject" is there twice/],
  [
    'a key twice in one line',
    GOOD.replace('{name: release-ci}', '{name: release-ci, name: x}'),
    /:3: .*twice/,
  ],
  [
    'an alias',
    GOOD.replace('true', '&a true').replace('build@example.com', '*a'),
    /:7: .*aliases are not accepted/,
  ],
  ['an alias of itself', GOOD.replace('{name', '&a {self: *a, name'), /aliases are not accepted/],
  ['a merge key', `${GOOD}  <<: {enabled: true}\n`, /is not a known field/],
  ['a function', GOOD.replace('build@example.com', '!!js/function "x"'), /:7: .*tag/i],
  ['a tag', GOOD.replace('build@example.com', '!secret x'), /:7: .*tag/i],
  ['binary', GOOD.replace('build@example.com', '!!binary aGVsbG8='), /:7: .*tag/i],
  ['a set', GOOD.replace('{name: release-ci}', '!!set {name}'), /:3: .*tag/i],
  ['YAML 1.1', `%YAML 1.1\n---\n${GOOD.replace('true', 'yes')}`, /YAML 1\.1/],
  ['a YAML 1.1 boolean', GOOD.replace('keyless: true', 'keyless: yes'), /:5: spec\.keyless: must be true/],
  ['a key that is a list', `${GOOD}? [a]\n: b\n`, /keys must be strings/],
  ['a prototype', GOOD.replace('spec:', 'spec:\n  __proto__: {enabled: false}'), /:5: spec\.__proto__: /],
];

describe('hostile YAML', () => {
  test.each(HOSTILE)('G10: %s', (_, text, expected) => {
    expect(problems(GOOD)).toEqual([]);
    expect(problems(text).join('\n')).toMatch(expected);
    expect(({} as Record<string, unknown>)['enabled']).toBeUndefined();
  });

  test.each<[string, string]>([
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]\n`)}`,
    ],
    ['brackets without end', '['.repeat(4_000_000)],
    ['braces without end', '{a: '.repeat(1_000_000)],
    ['lists in lists', '- '.repeat(2_000_000)],
    ['keys in keys', '? '.repeat(2_000_000)],
    ['ever deeper blocks', Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['200,000 different keys', Array.from({ length: 200_000 }, (_, key) => `k${key}: 1`).join('\n')],
    ['100,000 documents', '---\na: 1\n'.repeat(100_000)],
    ['two thousand documents', '---\na: 1\n'.repeat(2000)],
    ['50 MiB', `a: ${'x'.repeat(50 * 1024 * 1024)}`],
    ['exclamation marks', '!'.repeat(4_000_000)],
    ['quotes', '"'.repeat(4_000_000)],
    ['colons', ':'.repeat(4_000_000)],
    ['percent signs', '%'.repeat(4_000_000)],
    ['carriage returns', '\r'.repeat(4_000_000)],
  ])('F17, G10: %s is refused in no time', (_, text) => {
    let file = parseDocuments('', 'a.yaml');
    // Measured: 0.3 s at most; unguarded some of these take minutes.
    expect(threadMilliseconds(() => (file = parseDocuments(text, 'a.yaml')))).toBeLessThan(3_000);
    expect(file.complete).toBe(false);
    expect(file.resources).toEqual([]);
    expect(file.problems.length).toBeGreaterThan(0);
    for (const problem of file.problems) expect(problem.message.length).toBeLessThan(400);
  });

  test('F17: depth is refused before anything recurses into it', () => {
    const deep = (depth: number) => `${GOOD}status: ${'['.repeat(depth)}${']'.repeat(depth)}\n`;
    expect(problems(deep(60))).toEqual([]);
    expect(problems(deep(65))).toEqual(['policies/mcp.yaml:8: is nested more than 64 deep']);
  });

  test('a file at the limits is read', () => {
    const many = `${GOOD}---\n`.repeat(LIMITS.policyFileDocuments - 1);
    expect(parseDocuments(many, 'a.yaml').resources).toHaveLength(LIMITS.policyFileDocuments - 1);
    const comment = `# ${'x'.repeat(LIMITS.policyFileBytes - GOOD.length - 3)}\n${GOOD}`;
    expect(names(comment)).toEqual(['release-ci']);
    expect(problems(`#${comment}`)).toEqual([expect.stringContaining('bytes')]);
  });
});

describe('the original form', () => {
  test('it is one Enforce policy for every image', () => {
    const [first] = parseDocuments(ORIGINAL, '/etc/countersign/MCP policy.yaml').resources;
    expect(problems(ORIGINAL)).toEqual([]);
    const policy = first?.resource as SigningPolicy;
    expect(policy).toMatchObject({
      kind: 'ClusterSigningPolicy',
      name: 'mcp-policy',
      mode: 'Enforce',
      match: { images: undefined, excludeImages: [], namespaceSelector: undefined },
      rules: { requireSignature: true, threshold: 1, trustRoot: 'public-good', tagPolicy: 'Pin' },
    });
    expect(policy.rules?.trustedKeys).toMatchObject([
      { kind: 'keyless', issuer: { kind: 'exact' }, subject: { kind: 'exact' } },
    ]);
  });

  test('public keys, and a signature required where nothing is said', () => {
    const text =
      'signing_policy:\n  trusted_keys:\n    - public_key: |\n        -----BEGIN PRIVATE KEY-----\n    - keyless: true\n      issuer: a\n      subject: b\n';
    const policy = parseDocuments(text, 'a.yaml').resources[0]?.resource as SigningPolicy;
    expect(policy.rules).toMatchObject({
      requireSignature: true,
      trustedKeys: [{ kind: 'broken' }, { kind: 'keyless' }],
    });
    expect(problems(text)).toEqual([
      expect.stringMatching(/:3: signing_policy\.trusted_keys\[0\]\.public_key: a private key/),
    ]);
  });

  test.each([
    [
      'an unknown field',
      ORIGINAL.replace('require_signature', 'require_signatures'),
      /:2: signing_policy\.require_signatures: .*did you mean "require_signature"/,
    ],
    [
      'an unknown field of a key',
      ORIGINAL.replace('subject', 'subjects'),
      /:6: signing_policy\.trusted_keys\[0\]\.subjects: /,
    ],
    [
      'a field of the new form',
      ORIGINAL.replace('subject:', 'subjectRegExp:'),
      /signing_policy\.trusted_keys\[0\]\.subjectRegExp: /,
    ],
    ['something beside it', `${ORIGINAL}mode: Audit\n`, /:7: mode: /],
    ['no keys', 'signing_policy: {require_signature: true}\n', /:1: signing_policy\.trusted_keys: /],
    [
      'nothing asked',
      'signing_policy: {require_signature: false}\n',
      /signing_policy\.require_signature: the policy asks for nothing/,
    ],
    ['a text', 'signing_policy: "on"\n', /signing_policy: must be an object/],
    ['null', 'signing_policy:\n', /signing_policy: must be an object/],
  ])('C2: %s denies, and is named as it was written', (_, text, expected) => {
    expect(problems(ORIGINAL)).toEqual([]);
    const [policy] = parseDocuments(text, 'a.yaml').resources;
    expect(policy?.resource).toMatchObject({ mode: 'Enforce', rules: undefined });
    expect(problems(text).join('\n')).toMatch(expected);
  });
});
