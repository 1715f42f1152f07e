import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '..');

interface Manifest {
  readonly version: string;
  readonly license?: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(PROJECT, folder, 'package.json'), 'utf8')) as Manifest;
}

/** Compares dotted numbers: negative when `a` is older. */
function compare(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Below these versions a published advisory applies. */
const FLOORS: Readonly<Record<string, string>> = {
  sigstore: '4.1.1', // CVE-2026-48815: certificateOIDs was ignored
  '@sigstore/verify': '4.1.2', // CVE-2026-48816: an unsigned integratedTime counted as trusted time
  '@sigstore/core': '4.0.1', // CVE-2026-48758: payloadType mutated after signing; ASN.1 hardening
  'node-forge': '1.4.3', // the newest of its security releases of autumn 2026
};

const LICENCES = [
  'Apache-2.0',
  'MIT',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'BlueOak-1.0.0',
  '(BSD-3-Clause OR GPL-2.0)',
  '(Apache-2.0 AND BSD-3-Clause)',
];

describe('dependencies', () => {
  const { dependencies, devDependencies } = manifest('.');

  test('are pinned exactly', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  test.each(Object.entries(FLOORS))('H18: %s is at least %s', (name, floor) => {
    expect(compare(manifest(`node_modules/${name}`).version, floor)).toBeGreaterThanOrEqual(0);
    expect(compare('0.0.1', floor)).toBeLessThan(0);
  });

  test.each(Object.keys(dependencies))('%s has a licence that allows its use', (name) => {
    expect(LICENCES).toContain(manifest(`node_modules/${name}`).license);
  });

  test('the parts that the project was asked to be made of stay', () => {
    const asked = ['@kubernetes/client-node', 'express', 'sigstore', 'node-forge', 'prom-client'];
    expect(asked.filter((name) => dependencies[name] === undefined)).toEqual([]);
    expect(devDependencies['jest']).toBeDefined();
  });
});
