import { beforeAll, describe, expect, test } from '@jest/globals';
import { deleteObject, pathOf } from '../support/api-objects.ts';
import { signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { API_VERSION, clusterPolicy, pod, until, type Installation } from './installation.ts';

/** Countersign's own resources: what kubectl answers to a bad one, and what a decision says of one that got in all the same. */
export function resources(installed: () => Installation): void {
  const GOVERNED = 'governed';
  let world: Installation;
  let signed: PushedImage;

  beforeAll(async () => {
    world = installed();
    await world.cluster.createNamespace(GOVERNED);
    signed = await pushImage(world.registries.referrers, 'org/signed', { tag: 'v1' });
    await signWithKey(world.cosign, signed, { key: world.key });
    await world.applied({
      apiVersion: API_VERSION,
      kind: 'TrustRoot',
      metadata: { name: 'test-sigstore' },
      spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
    });
  }, 180_000);

  const key = (pem = world.key.publicKeyPem): object => ({ publicKey: { pem } });
  const keyless = (of: object): object => ({ keyless: true, ...of });
  const GOOD_ISSUER = { issuer: 'https://accounts.google.com' };
  const policy = (spec: object): object =>
    clusterPolicy('under-test', GOVERNED, {
      trustRootRef: { name: 'test-sigstore' },
      trustedKeys: [key()],
      ...spec,
    });

  /** name, spec that is added to a good policy, what kubectl must say, and does the webhook (rather than the CRD) say it? */
  const BAD: readonly (readonly [string, () => object, RegExp])[] = [
    ['an unknown field', () => ({ treshold: 2 }), /treshold/],
    [
      'a bad PEM',
      () => ({ trustedKeys: [key('-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n')] }),
      /pem/,
    ],
    [
      'C17: a private key',
      () => ({ trustedKeys: [key('-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n')] }),
      /never of a private one/,
    ],
    [
      'a bad regular expression',
      () => ({ trustedKeys: [keyless({ ...GOOD_ISSUER, subjectRegExp: '(' })] }),
      /subjectRegExp/,
    ],
    [
      'C3: a pattern that matches anyone',
      () => ({ trustedKeys: [keyless({ ...GOOD_ISSUER, subjectRegExp: '.*' })] }),
      /subjectRegExp/,
    ],
    ['a bad glob', () => ({ match: { images: ['ghcr.io/org/*:v1'] } }), /tag/],
    ['empty trustedKeys', () => ({ trustedKeys: [] }), /trustedKeys/],
    ['C3: an issuer without a subject', () => ({ trustedKeys: [keyless(GOOD_ISSUER)] }), /subject/],
    ['H15: an unknown mode', () => ({ mode: 'Enforced' }), /mode/],
    ['an empty selector', () => ({ trustedKeys: [{ signerSelector: {} }] }), /[sS]elector/],
    [
      'a policy that asks for nothing',
      () => ({ requireSignature: false, trustedKeys: undefined }),
      /nothing|requireSignature/,
    ],
    ['a value of a later version', () => ({ onFault: 'Allow' }), /onFault/],
    ['an SLSA level that there is not', () => ({ slsa: { requiredLevel: 4 } }), /requiredLevel/],
  ];

  describe('kubectl apply of a bad policy', () => {
    test.each(BAD)('%s', async (_name, spec, answer) => {
      const { code, stderr } = await world.apply(policy(spec()));
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(answer) });
      expect(stderr).not.toContain('c2VjcmV0');
      await world.applied(policy({}));
      await deleteObject(world.cluster, pathOf(policy({})));
    });
  });

  describe('what kubectl shows', () => {
    test('columns, short names, and conditions that say what is not ready', async () => {
      await world.applied(policy({ trustedKeys: [key(), { signerRef: { name: 'not-there-yet' } }] }));
      const columns = await until('the status is written', async () => {
        const { stdout } = await world.cluster.kubectl(['get', 'clustersigningpolicies']);
        return /under-test\s+Enforce\s+True/.test(stdout) ? stdout : undefined;
      });
      expect(columns.split('\n')[0]).toMatch(/^NAME\s+MODE\s+READY/);
      const { stdout } = await world.cluster.kubectl(['get', 'countersign']);
      expect(stdout).toContain('under-test');
      expect(stdout).toContain('test-sigstore');
      await world.cluster.kubectl(['delete', 'clustersigningpolicy', 'under-test']);
    });
  });

  describe('H3: a bad policy that got in while the webhook was down', () => {
    test('denies in its own scope, names the field, and leaves others alone', async () => {
      const bad = policy({
        trustedKeys: [key('-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n')],
      });
      await world.cluster.createNamespace('ungoverned');
      await world.stopWebhook();
      const got = await world.apply(bad);
      await world.startWebhook();
      expect(got).toMatchObject({ code: 0 });
      const { code, stderr } = await world.apply(pod(GOVERNED, 'governed', signed.reference));
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('ClusterSigningPolicy "under-test" is not valid'),
      });
      expect(stderr).toContain('trustedKeys[0].publicKey.pem');
      expect(stderr).toContain('[POLICY_INVALID]');
      expect((await world.apply(pod('ungoverned', 'free', signed.reference))).code).toBe(0);
      const ready = await until('the condition says so', async () => {
        const { stdout } = await world.cluster.kubectl([
          'get',
          'clustersigningpolicy',
          'under-test',
          '-o',
          'jsonpath={.status.conditions}',
        ]);
        return stdout.includes('"False"') && stdout.includes('pem') ? stdout : undefined;
      });
      expect(ready).toContain('trustedKeys[0].publicKey.pem');
      await world.applied(policy({}));
      await until('mended', async () =>
        (await world.apply(pod(GOVERNED, 'mended', signed.reference))).code === 0 ? true : undefined,
      );
    });
  });
}
