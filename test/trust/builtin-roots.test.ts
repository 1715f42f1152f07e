import { expect, test } from '@jest/globals';
import { PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { shippedTrustRoot } from '../../src/trust/public-good.ts';

test('the public good instance is built in, and asks for what that instance gives', () => {
  const roots = builtinRoots();
  expect([...roots.keys()]).toEqual(['public-good']);
  const root = roots.get('public-good');
  expect(root?.requires).toEqual(PUBLIC_GOOD);
  expect(root?.logs.map((log) => log.baseURL)).toContain('https://rekor.sigstore.dev');
  expect(root?.certificateAuthorities.length).toBeGreaterThanOrEqual(2);
  expect(root?.ctLogs.length).toBeGreaterThanOrEqual(2);
});

test('every read gives a root of the same content', () => {
  expect(builtinRoots().get('public-good')?.fingerprint).toBe(builtinRoots().get('public-good')?.fingerprint);
  expect(JSON.parse(shippedTrustRoot())).toMatchObject({ tlogs: expect.any(Array) });
});
