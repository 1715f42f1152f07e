import { describe, expect, test } from '@jest/globals';
import { parseDocuments } from '../../src/api/policy-file.ts';
import type { Circumstances } from '../../src/api/advice.ts';
import { validatePolicyDocument } from '../../src/api/policy-findings.ts';
import { LIMITS } from '../../src/limits.ts';
import {
  clusterPolicy,
  DIGEST,
  document,
  exception,
  exceptionSpec,
  KEYLESS,
  problemFields,
  times,
  type Json,
} from './documents.ts';

/** Nine days before the end that `exceptionSpec` writes. */
const CIRCUMSTANCES = {
  now: Date.parse('2026-11-22T00:00:00Z'),
  policies: new Set(['mcp-servers', 'mcp/own.images', 'team/own']),
};
const findings = (changes: Json, circumstances: Circumstances = CIRCUMSTANCES) =>
  validatePolicyDocument(document('SigningException', exceptionSpec(changes)), circumstances);

describe('a SigningException', () => {
  test('says where, what, from which policies, why and until when', () => {
    const { grant, problems } = exception({ policies: ['mcp-servers', 'mcp/own.images'] });
    expect(problems).toEqual([]);
    expect(grant).toMatchObject({
      namespaces: new Set(['mcp']),
      policies: new Set(['mcp-servers', 'mcp/own.images']),
      reason: 'INC-1: the signer is down',
      expiresAt: Date.parse('2026-12-01T00:00:00Z'),
    });
    expect(grant?.images.map(({ source }) => source)).toEqual(['ghcr.io/org/*']);
    expect(exception().grant?.policies).toBeUndefined();
  });

  test.each<[string, Json, string]>([
    ['no namespace', { namespaces: undefined }, 'spec.namespaces'],
    ['an empty list of namespaces', { namespaces: [] }, 'spec.namespaces'],
    ['a pattern of namespaces', { namespaces: ['mcp-*'] }, 'spec.namespaces[0]'],
    ['a namespace with a dot', { namespaces: ['mcp', 'a.b'] }, 'spec.namespaces[1]'],
    ['65 namespaces', { namespaces: times(65, 'mcp') }, 'spec.namespaces'],
    ['no image', { images: undefined }, 'spec.images'],
    ['65 images', { images: times(65, 'ghcr.io/org/*') }, 'spec.images'],
    ['an image with a tag', { images: ['ghcr.io/org/a', 'ghcr.io/org/a:v1'] }, 'spec.images[1]'],
    ['an image without a registry', { images: ['nginx'] }, 'spec.images[0]'],
    ['an empty list of policies', { policies: [] }, 'spec.policies'],
    ['a pattern of policies', { policies: ['*'] }, 'spec.policies[0]'],
    ['a policy of a namespace of a namespace', { policies: ['a/b/c'] }, 'spec.policies[0]'],
    ['no reason', { reason: undefined }, 'spec.reason'],
    ['a reason of nothing', { reason: '' }, 'spec.reason'],
    ['a reason of white space', { reason: ' \n' }, 'spec.reason'],
    ['a reason without end', { reason: 'x'.repeat(1025) }, 'spec.reason'],
    ['no end', { expiresAt: undefined }, 'spec.expiresAt'],
    ['an end that does not exist', { expiresAt: '2026-02-30T00:00:00Z' }, 'spec.expiresAt'],
    ['an end without a time', { expiresAt: '2026-12-01' }, 'spec.expiresAt'],
    ['an end at 24:00', { expiresAt: '2026-12-01T24:00:00Z' }, 'spec.expiresAt'],
    ['an unknown field', { expireAt: 'x' }, 'spec.expireAt'],
  ])('with %s excepts nothing, and says where', (_, changes, field) => {
    expect(exception().grant).toBeDefined();
    const { grant, problems } = exception(changes);
    expect(grant).toBeUndefined();
    expect(new Set(problems.map((problem) => problem.field))).toEqual(new Set([field]));
    expect(findings(changes).problems).toEqual(problems);
  });

  test('belongs to the cluster: one with a namespace excepts nothing', () => {
    expect(problemFields(document('SigningException', exceptionSpec(), { namespace: 'mcp' }))).toEqual([
      'metadata.namespace',
    ]);
  });

  test('out of a file, beside others', () => {
    const texts = [exceptionSpec(), exceptionSpec({ policies: [] })].map((spec, index) =>
      JSON.stringify(document('SigningException', spec, { name: `e${index}` })),
    );
    const { resources, problems, complete } = parseDocuments(texts.join('\n---\n'), 'a.yaml');
    expect(complete).toBe(true);
    expect(resources.map(({ resource }) => 'grant' in resource && resource.grant !== undefined)).toEqual([
      true,
      false,
    ]);
    expect(problems).toMatchObject([{ line: 3, field: 'spec.policies' }]);
  });

  test.each(['**', '**/**', '*/**'])('for %s draws a warning when it is applied', (glob) => {
    expect(findings({}).warnings).toEqual([]);
    const { problems, warnings } = findings({ images: ['ghcr.io/org/a', glob] });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`images holds "${glob}"`)]);
    expect(warnings[0]?.length).toBeLessThanOrEqual(LIMITS.warningChars);
  });
});

describe('what an exception draws a warning for when it is applied', () => {
  const { now } = CIRCUMSTANCES;
  const DAY = 24 * 60 * 60 * 1000;
  const at = (time: number) => new Date(time).toISOString();

  test.each<[string, Json, Json, RegExp]>([
    ['an end that has passed', { expiresAt: at(now) }, { expiresAt: at(now + 1) }, /^expiresAt has passed: /],
    [
      'an end further ahead than 90 days',
      { expiresAt: at(now + 90 * DAY + 1) },
      { expiresAt: at(now + 90 * DAY) },
      /^expiresAt is more than 90 days ahead: /,
    ],
    ['the year 9999', { expiresAt: '9999-12-31T00:00:00Z' }, {}, /^expiresAt is more than 90 days ahead: /],
    [
      'a policy that does not exist',
      { policies: ['mcp-servers', 'mcp-serverz', 'mcp/others'] },
      { policies: ['mcp-servers', 'mcp/own.images'] },
      /^policies names no existing policy: "mcp-serverz", "mcp\/others"$/,
    ],
    [
      'a policy of a namespace that it is not for',
      { policies: ['team/own'] },
      { policies: ['team/own'], namespaces: ['mcp', 'team'] },
      /^policies names a policy of a namespace that is not listed: "team\/own"$/,
    ],
    [
      'policies with long names',
      { policies: ['a', 'b', 'c'].map((end) => 'y'.repeat(252) + end) },
      {},
      /^policies names no existing policy: .*…$/,
    ],
  ])('%s', (_, changes, twin, expected) => {
    expect(findings(twin)).toEqual({ problems: [], warnings: [] });
    const { problems, warnings } = findings(changes);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(expected)]);
    expect(warnings[0]?.length).toBeLessThanOrEqual(LIMITS.warningChars);
  });

  test('of policies nothing is said while none are known', () => {
    const changes = { policies: ['mcp-serverz'] };
    expect(findings(changes).warnings).toHaveLength(1);
    expect(findings(changes, { now, policies: undefined }).warnings).toEqual([]);
  });

  test('a signer whose end has passed draws one as well', () => {
    const of = (expiresAt: string) =>
      validatePolicyDocument(document('TrustedSigner', { ...KEYLESS, expiresAt }), CIRCUMSTANCES);
    expect(of(at(now + 1))).toEqual({ problems: [], warnings: [] });
    expect(of(at(now))).toEqual({
      problems: [],
      warnings: [expect.stringMatching(/^expiresAt has passed: this signer vouches for nothing/)],
    });
  });
});

test('a policy tells whether it lists revoked digests, also where it cannot be read', () => {
  const bad = { threshold: 'many' };
  expect(clusterPolicy({ revokedDigests: [DIGEST] })).toMatchObject({ revokes: true });
  expect(clusterPolicy({ ...bad, revokedDigests: [DIGEST] })).toMatchObject({
    rules: undefined,
    revokes: true,
  });
  expect(clusterPolicy({ revokedDigests: 'sha256:typo' })).toMatchObject({ rules: undefined, revokes: true });
  expect(clusterPolicy(bad)).toMatchObject({ rules: undefined, revokes: false });
  expect(clusterPolicy({ revokedDigests: [] })).toMatchObject({ revokes: false });
});
