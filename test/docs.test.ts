import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { validatePolicyDocument } from '../src/api/policy-findings.ts';
import { slsaSchema } from '../src/api/slsa-schema.ts';
import { FAULT_CODES, REFUSAL_CODES } from '../src/errors.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { POLICY_VIOLATION_CODES } from '../src/policy/verdict.ts';
import { ROSTER } from '../src/slsa/roster.ts';
import { SLSA_VIOLATION_CODES } from '../src/slsa/slsa-policy.ts';

interface Crd {
  readonly spec: {
    readonly versions: readonly [
      {
        readonly schema: {
          readonly openAPIV3Schema: {
            readonly properties: { readonly spec: { readonly properties: object } };
          };
        };
      },
    ];
  };
}

const PROJECT = resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(PROJECT, file), 'utf8');
const PAGES = [
  ...readdirSync(PROJECT).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(PROJECT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

describe('the documentation', () => {
  test('has a row for every code, and for no other', () => {
    const rows = [...read('docs/codes.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
    expect(rows.toSorted()).toEqual(
      [...FAULT_CODES, ...REFUSAL_CODES, ...POLICY_VIOLATION_CODES, ...SLSA_VIOLATION_CODES].toSorted(),
    );
  });

  test('slsa.md has a row for every builder of the roster, and for no other', () => {
    const rows = [
      ...read('docs/slsa.md').matchAll(
        /^\| `(https:[^`]+)` \| (?:none|`([^`]+)`) \| ([1-3]) \| \[([^\]]+)\]\(([^)]+)\) \|$/gm,
      ),
    ].map(([, name, versions, level, reason, document]) => ({
      name,
      versions,
      level: Number(level),
      reason,
      document,
    }));
    expect(rows).toEqual(
      ROSTER.map(({ name, versions, level, reason, document }) => ({
        name,
        versions: versions?.source,
        level,
        reason,
        document,
      })),
    );
  });

  test("slsa.md's policies are valid and draw no warning, and it names every field", () => {
    const page = read('docs/slsa.md');
    const documents = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, text]) =>
      parseAllDocuments(text ?? '').map((document) => document.toJS() as unknown),
    );
    expect(documents).toHaveLength(4);
    for (const document of documents)
      expect(validatePolicyDocument(document, { now: 0, policies: undefined })).toEqual({
        problems: [],
        warnings: [],
      });
    const fields = Object.keys(slsaSchema.shape);
    expect(fields.filter((field) => !page.includes(`\`${field}`))).toEqual([]);
  });

  test.each(PAGES)('%s: its links lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => target ?? '');
    const broken = links.filter((target) => !existsSync(resolve(PROJECT, dirname(page), target)));
    expect(broken).toEqual([]);
  });

  test.each(['clustersigningpolicies', 'trustedsigners', 'trustroots', 'signingexceptions'])(
    'policies.md names every field of %s',
    (kind) => {
      const crd = parse(read(`manifests/crds/${kind}.yaml`)) as Crd;
      const fields = Object.keys(crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties);
      expect(fields.length).toBeGreaterThan(2);
      const page = read('docs/policies.md');
      expect(fields.filter((field) => !page.includes(`${field}`))).toEqual([]);
    },
  );

  test('operations.md names metrics that exist', async () => {
    const metrics = new Metrics({ registryHosts: [] });
    metrics.watch({
      trust: () => [],
      snapshot: () => 1,
      ready: () => true,
      ages: () => new Map(),
      resources: () => [],
      certificateExpiry: () => undefined,
    });
    const { text } = await metrics.scrape();
    const named = [...read('docs/operations.md').matchAll(/`(countersign_[a-z_]+)/g)].map(
      ([, metric]) => metric ?? '',
    );
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((metric) => !text.includes(`# TYPE ${metric} `))).toEqual([]);
  });

  test('the README names targets of the Makefile', () => {
    const targets = [...read('README.md').matchAll(/`make ([a-z-]+)`|^make ([a-z-]+)/gm)].map(
      ([, a, b]) => a ?? b ?? '',
    );
    expect(targets.length).toBeGreaterThan(3);
    expect(targets.filter((target) => !new RegExp(`^${target}:`, 'm').test(read('Makefile')))).toEqual([]);
  });
});
