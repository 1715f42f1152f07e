import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { crdFiles, crdOf } from '../../src/api/crd.ts';
import { DEFINITIONS } from '../../src/api/definitions.ts';
import { CRD_FOLDERS } from '../../src/cli/crds.ts';

const ROOT = join(import.meta.dirname, '../..');

type Json = Readonly<Record<string, unknown>>;

/** Every schema inside a schema, with its path. */
function schemasIn(schema: Json, at: string): (readonly [string, Json])[] {
  const children: (readonly [string, Json])[] = Object.entries(
    (schema['properties'] ?? {}) as Record<string, Json>,
  ).flatMap(([name, child]) => schemasIn(child, `${at}.${name}`));
  for (const keyword of ['items', 'additionalProperties']) {
    const child = schema[keyword];
    if (typeof child === 'object') children.push(...schemasIn(child as Json, `${at}[]`));
  }
  return [[at, schema], ...children];
}

const crds = DEFINITIONS.map(
  (definition) =>
    crdOf(definition) as { spec: { names: Json; versions: [Json & { schema: { openAPIV3Schema: Json } }] } },
);
const schemas = crds.flatMap(({ spec }) =>
  schemasIn(spec.versions[0].schema.openAPIV3Schema, String(spec.names['kind'])),
);

describe('CRDs', () => {
  test.each(CRD_FOLDERS)('%s holds what "make crds" writes, and nothing else', (folder) => {
    const files = crdFiles();
    expect(readdirSync(join(ROOT, folder)).toSorted()).toEqual([...files.keys()].toSorted());
    for (const [name, text] of files) {
      expect([
        name,
        readFileSync(join(ROOT, folder, name), 'utf8') === text ? 'the same' : 'run "make crds"',
      ]).toEqual([name, 'the same']);
    }
  });

  test('the YAML says what the objects say', () => {
    for (const definition of DEFINITIONS) {
      expect(parse(crdFiles().get(`${definition.plural}.yaml`) ?? '')).toEqual(crdOf(definition));
    }
  });

  test.each(schemas)('%s is structural, described and bounded', (path, schema) => {
    const inner = path.endsWith('[]') || path.endsWith('.metadata');
    expect(typeof schema['type']).toBe('string');
    if (!inner) expect(schema['description']).toMatch(/\.$|v1alpha1$/);
    if (schema['type'] === 'string' && !/\.(apiVersion|kind)$/.test(path)) {
      expect(schema['enum'] ?? schema['maxLength']).toBeDefined();
    }
    if (schema['type'] === 'array') expect(schema['maxItems']).toBeDefined();
    if (schema['additionalProperties'] !== undefined) expect(schema['maxProperties']).toBeDefined();
    for (const keyword of ['oneOf', 'anyOf', 'allOf', 'not', '$ref', 'nullable', 'uniqueItems']) {
      expect(schema).not.toHaveProperty(keyword);
    }
  });

  test('H16: defaults are the strict ones', () => {
    const defaults = new Map(
      schemas.filter(([, schema]) => 'default' in schema).map(([path, schema]) => [path, schema['default']]),
    );
    expect(Object.fromEntries(defaults)).toEqual({
      ...Object.fromEntries(
        ['ClusterSigningPolicy', 'SigningPolicy'].flatMap((kind) => [
          [`${kind}.spec.requireSignature`, true],
          [`${kind}.spec.threshold`, 1],
          [`${kind}.spec.multiArch`, 'Index'],
          [`${kind}.spec.acceptMembership`, false],
          [`${kind}.spec.tagPolicy`, 'Pin'],
          [`${kind}.spec.onFault`, 'Deny'],
        ]),
      ),
      'TrustedSigner.spec.enabled': true,
      'ClusterSigningPolicy.spec.trustedKeys[].publicKey.secretRef.key': 'cosign.pub',
      'ClusterSigningPolicy.spec.attestations[].signers[].publicKey.secretRef.key': 'cosign.pub',
      'TrustedSigner.spec.publicKey.secretRef.key': 'cosign.pub',
      'TrustRoot.spec.tuf.target': 'trusted_root.json',
      'TrustRoot.spec.proofs': { preset: 'PublicGood' },
    });
  });

  test('each kind is found by a short name of its own, and all of them by their category', () => {
    const short = crds.flatMap(({ spec }) => spec.names['shortNames'] as string[]);
    expect(new Set(short).size).toBe(DEFINITIONS.length);
    for (const { spec } of crds) expect(spec.names['categories']).toEqual(['countersign']);
  });
});
