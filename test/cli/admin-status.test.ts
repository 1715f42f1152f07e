import { expect, test } from '@jest/globals';
import type { AccessQuestion } from '../../src/admin/caller.ts';
import { statusRoutes } from '../../src/admin/routes/status.ts';
import { inspectResource } from '../../src/api/resource.ts';
import type { AdminContext } from '../../src/cli/admin-context.ts';
import { installationStatus } from '../../src/cli/admin-status.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { namespacedPolicy, policy, signer } from '../store/documents.ts';
import { staticTrust } from '../support/trust.ts';

const KEY = 'hashivault://secret-project';
const documents = [
  policy('house', { mode: 'Enforced' }),
  { ...namespacedPolicy('payroll', 'team-a'), spec: { mode: 'Enforced' } },
  { ...signer('ci'), spec: { keyRef: { uri: KEY } } },
  signer('broken', { publicKey: {} }),
];
const resources = documents.map((each) => inspectResource(each).resource);
const context = {
  settings: { policies: undefined, noMatch: 'Deny', excludedNamespaces: [], history: {} },
  surroundings: { resources: () => resources },
  history: undefined,
  snapshot: () => compileSnapshot({ number: 7, resources, material: staticTrust(builtinRoots()).material() }),
  notReady: () => [],
} as unknown as AdminContext;

/** Subjects of the problems that somebody is told who may list these in the whole cluster. */
async function toldTo(...listed: readonly string[]): Promise<readonly string[]> {
  const [route] = statusRoutes((seen) => installationStatus(context, { version: '1', replica: 'a', seen }));
  const may = async ({ verb, resource, namespace }: AccessQuestion) =>
    verb === 'list' && namespace === undefined && listed.includes(resource);
  const answer = await route?.handle({
    params: undefined,
    query: undefined,
    headers: undefined,
    body: undefined,
    caller: { name: 'somebody', token: 'x', may },
    address: '',
    signal: new AbortController().signal,
    session: undefined,
  });
  const { body } = answer as { readonly body: ReturnType<typeof installationStatus> };
  expect([body.snapshot, body.counts.policies]).toEqual([7, 2]);
  return [...new Set(body.problems.map(({ subject }) => subject))].sort();
}

test('G2: whoever is signed in learns how the installation is, and what is wrong only with what they may list', async () => {
  expect(await toldTo()).toEqual([]);
  expect(await toldTo('clustersigningpolicies')).toEqual(['ClusterSigningPolicy/house']);
  expect(await toldTo('trustedsigners')).toEqual(['TrustedSigner/broken']);
  expect(await toldTo('clustersigningpolicies', 'signingpolicies', 'trustedsigners')).toEqual([
    'ClusterSigningPolicy/house',
    'SigningPolicy/team-a/payroll',
    'TrustedSigner/broken',
    `key ${KEY}`,
  ]);
});
