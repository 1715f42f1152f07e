import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ImpactAnswer } from '../../src/admin/schemas/impact.ts';
import type { VerificationPage } from '../../src/admin/schemas/history.ts';
import type { Assessment } from '../../src/admin/schemas/verify.ts';
import type { ProblemDocument } from '../../src/admin/problem.ts';
import { attestStatement, COMMIT, OWN_WORKFLOW } from '../slsa/statements.ts';
import { untilHolds } from '../kube/eventually.ts';
import { createObject, deleteObject, pathOf, readObject } from '../support/api-objects.ts';
import { attest, signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { run } from '../support/process.ts';
import { registryAccount, type Registry } from '../support/registry.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import {
  accountToken,
  API_VERSION,
  clusterPolicy,
  deployment,
  pod,
  until,
  type Installation,
} from './installation.ts';

/** The assessment service's door, by curl: what a CI job, an auditor and a stranger are told, on a real API server and registries. */
/** @param locked a registry with an account; the settings list the namespace `mcp` for its pull secrets, and `quiet` is there */
export function adminVerify(installed: () => Installation, locked: () => Registry): void {
  const MCP = 'mcp';
  const QUIET = 'quiet';
  const work = createWorkDirectory('admin-verify');
  let world: Installation;
  let closed: Registry;
  let images: Record<'signed' | 'unsigned' | 'lowLevel' | 'secret', PushedImage>;
  let tokens: Record<'ci' | 'auditor' | 'stranger', string>;

  const KEYED = () => ({
    trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
    transparency: { keys: { log: 'Ignored' } },
  });

  beforeAll(async () => {
    world = installed();
    closed = locked();
    const open = world.registries.referrers;
    const push = (registry: Registry, name: string) =>
      pushImage(registry, `org/${name}`, { tag: 'v1', content: name });
    const [signed, unsigned, lowLevel, secret] = await Promise.all([
      push(open, 'signed'),
      push(open, 'unsigned'),
      push(open, 'low-level'),
      push(closed, 'secret'),
    ]);
    images = { signed, unsigned, lowLevel, secret };
    const by = { key: world.key, log: 'none', timestamp: false } as const;
    for (const each of [signed, lowLevel, secret]) await signWithKey(world.cosign, each, by);
    const token = await world.sigstore.workflowToken({
      repository: 'acme/app',
      workflow: 'release.yml',
      ref: 'refs/heads/main',
      jobWorkflowRef: OWN_WORKFLOW.replace('https://github.com/', ''),
      claims: {
        sha: COMMIT,
        workflow_sha: COMMIT,
        repository_id: '474793590',
        run_id: '2556669934',
        run_attempt: '1',
      },
    });
    await attest(
      world.cosign,
      lowLevel,
      { token },
      { type: 'slsaprovenance1', predicate: attestStatement()['predicate'] },
    );
    tokens = {
      ci: await account('ci'),
      auditor: await account('auditor'),
      stranger: await account('stranger'),
    };
    await world.applied(
      trustRoot(),
      clusterPolicy('mcp-servers', MCP, KEYED()),
      ...pullSecret(),
      ...allowed('ci', MCP, [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }]),
      ...allowed('auditor', undefined, [
        { apiGroups: ['countersign.dev'], resources: ['verifications'], verbs: ['create', 'list'] },
        {
          apiGroups: ['countersign.dev'],
          resources: ['clustersigningpolicies', 'trustedsigners'],
          verbs: ['list'],
        },
        { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      ]),
    );
    await until('the policy is in force', async () => {
      const { body } = await verify('ci', { image: images.unsigned.reference, namespace: MCP });
      return body.results?.[0]?.reasons[0]?.code === 'SIGNATURE_MISSING' ? true : undefined;
    });
  }, 180_000);

  afterAll(() => work.remove());

  /** A ServiceAccount of no rights, and a token of its own. */
  async function account(name: string): Promise<string> {
    await world.applied({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: QUIET } });
    return accountToken(world.cluster, QUIET, name, 1);
  }

  /** @param namespace undefined = in the whole cluster */
  function allowed(name: string, namespace: string | undefined, rules: readonly object[]): readonly object[] {
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const metadata = { name: `tests-${name}`, ...(namespace !== undefined && { namespace }) };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    return [
      { apiVersion, kind, metadata, rules },
      {
        apiVersion,
        kind: `${kind}Binding`,
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: QUIET }],
      },
    ];
  }

  const trustRoot = (): object => ({
    apiVersion: API_VERSION,
    kind: 'TrustRoot',
    metadata: { name: 'test-sigstore' },
    spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
  });

  /** In the namespace's default ServiceAccount, as people give one to everything there. */
  function pullSecret(): readonly object[] {
    const { username, password } = registryAccount;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    return [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'regcred', namespace: MCP },
        type: 'kubernetes.io/dockerconfigjson',
        stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [closed.host]: { auth } } }) },
      },
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace: MCP },
        imagePullSecrets: [{ name: 'regcred' }],
      },
    ];
  }

  interface Answer<T> {
    readonly status: number;
    /** Or a problem. */
    readonly body: Partial<T> & Partial<Pick<ProblemDocument, 'code'>>;
  }

  async function curl<T>(who: keyof typeof tokens, path: string, body?: object): Promise<Answer<T>> {
    const data = body === undefined ? [] : ['--json', JSON.stringify(body)];
    const args = ['--silent', '--insecure', '--max-time', '40', '--write-out', '\n%{http_code}'];
    const url = `https://127.0.0.1:${world.adminPort()}/api/v1${path}`;
    const { stdout, stderr, code } = await run(
      'curl',
      [...args, '--header', `Authorization: Bearer ${tokens[who]}`, ...data, url],
      { workDir: work.path },
    );
    if (code !== 0) throw new Error(`curl ${path}: ${code} ${stderr}`);
    const end = stdout.lastIndexOf('\n');
    return {
      status: Number(stdout.slice(end + 1)),
      body: JSON.parse(stdout.slice(0, end)) as Answer<T>['body'],
    };
  }

  const verify = (who: keyof typeof tokens, body: object) => curl<Assessment>(who, '/verify', body);

  describe('POST /verify by curl', () => {
    test('a signed image is verified, an unsigned one has failed, with digest and code', async () => {
      const { signed, unsigned } = images;
      const both = [signed, unsigned].map(({ reference }) => reference);
      expect(await verify('ci', { images: both, namespace: MCP, assessmentId: 'build-17' })).toMatchObject({
        status: 200,
        body: {
          assessmentId: 'build-17',
          state: 'done',
          status: 'failed',
          results: [
            {
              image: signed.reference,
              digest: signed.digest,
              status: 'verified',
              signatureValid: true,
              reasons: [],
            },
            {
              image: unsigned.reference,
              digest: unsigned.digest,
              status: 'failed',
              signatureFound: false,
              reasons: [{ code: 'SIGNATURE_MISSING', policy: 'ClusterSigningPolicy/mcp-servers' }],
            },
          ],
        },
      });
    });

    test('G9: the webhook says the same to kubectl, and the history has both', async () => {
      const { stderr } = await world.apply(pod(MCP, 'unsigned', images.unsigned.reference));
      expect(stderr).toContain('[SIGNATURE_MISSING]');
      const rows = await until('the rows are there', async () => {
        // A Pod's tag was pinned on the way.
        const query = new URLSearchParams({
          image: images.unsigned.reference,
          imageMatch: 'beginning',
          namespace: MCP,
        });
        const { body } = await curl<VerificationPage>('auditor', `/verifications?${query}`);
        const operations = new Set(body.items?.map(({ operation }) => operation));
        return operations.has('CREATE') && operations.has('VERIFY') ? body.items : undefined;
      });
      expect(new Set(rows.map(({ code, decision }) => `${code} ${decision}`))).toEqual(
        new Set(['SIGNATURE_MISSING denied']),
      );
      const asked = rows.find(({ assessmentId }) => assessmentId === 'build-17');
      expect(asked).toMatchObject({
        user: `system:serviceaccount:${QUIET}:ci`,
        kind: 'Image',
        namespace: MCP,
      });
    });

    test('a build level that is too low has its own code; what is there is enough for a lower demand', async () => {
      const slsa = (requiredLevel: number) =>
        // Of a namespace that nothing runs in.
        clusterPolicy('provenance', 'nowhere', {
          requireSignature: false,
          trustRootRef: { name: 'test-sigstore' },
          slsa: { requiredLevel, sources: [{ uri: 'https://github.com/acme/*' }] },
        });
      const ask = () => verify('auditor', { image: images.lowLevel.reference, policy: 'provenance' });
      await world.applied(slsa(3));
      await untilHolds('level 3 is asked for', async () => {
        const answer = await ask();
        expect(answer.body.status).toBe('failed');
        expect(answer.body.results?.[0]?.reasons).toMatchObject([
          { code: 'SLSA_LEVEL', policy: 'ClusterSigningPolicy/provenance' },
        ]);
      });
      await world.applied(slsa(2));
      await untilHolds('level 2 is asked for', async () => {
        const answer = await ask();
        expect(answer.body.status).toBe('verified');
        expect(answer.body.results).toMatchObject([{ slsaLevel: 2, slsaBuilder: OWN_WORKFLOW }]);
      });
      await deleteObject(world.cluster, pathOf(slsa(2)));
    });

    test('G2: who may not create Pods there is told nothing, and asks no registry', async () => {
      const image = images.signed.reference;
      for (const [who, body] of [
        ['stranger', { image, namespace: MCP }],
        ['stranger', { image }],
        ['ci', { image }],
        ['ci', { image, namespace: QUIET }],
        ['auditor', { image, namespace: MCP }],
      ] as const) {
        const answer = await verify(who, body);
        expect([who, answer.status, answer.body.code]).toEqual([who, 403, 'FORBIDDEN']);
      }
      expect((await verify('auditor', { image })).status).toBe(200);
    });

    test('E14: a private image is seen with the pull secrets of the namespace, and not without', async () => {
      const image = images.secret.reference;
      expect((await verify('ci', { image, namespace: MCP })).body.results).toMatchObject([
        { status: 'verified', digest: images.secret.digest },
      ]);
      // Also right after somebody who could see it: what was found for them is for nobody else.
      const { body } = await verify('auditor', { image, policy: 'mcp-servers' });
      expect(body.results).toMatchObject([{ status: 'error', reasons: [{ code: 'REGISTRY_AUTH' }] }]);
      expect(JSON.stringify(body)).not.toContain(images.secret.digest);
    });

    test('asynchronously: 202, and the answer for whoever asked', async () => {
      const body = { image: images.signed.reference, namespace: MCP, async: true, assessmentId: 'job-1' };
      expect(await verify('ci', body)).toMatchObject({ status: 202, body: { state: 'running' } });
      const done = await until('it is done', async () => {
        const answer = await curl<Assessment>('ci', '/verify/job-1');
        return answer.body.state === 'done' ? answer : undefined;
      });
      expect(done.body).toMatchObject({ status: 'verified' });
      expect((await curl('auditor', '/verify/job-1')).status).toBe(404);
    });
  });

  describe('POST /impact by curl', () => {
    beforeAll(async () => {
      // Nothing forbids anything here yet.
      await world.applied(
        deployment(QUIET, 'server', images.unsigned.reference),
        pod(QUIET, 'alone', images.signed.reference, images.unsigned.reference),
      );
      await until(
        'the Deployment has its Pod',
        async () => {
          const pods = await readObject<{ items: object[] }>(
            world.cluster,
            `/api/v1/namespaces/${QUIET}/pods`,
          );
          return (pods?.items.length ?? 0) >= 2 ? true : undefined;
        },
        60,
      );
    }, 90_000);

    const impact = (who: keyof typeof tokens, body: object) => curl<ImpactAnswer>(who, '/impact', body);
    const tighter = () => ({ change: { put: clusterPolicy('tighter', QUIET, KEYED()) } });

    test('a tighter policy: which of the Pods that run would be refused; and kubectl agrees afterwards', async () => {
      const { status, body } = await impact('auditor', tighter());
      expect(status).toBe(200);
      expect(body).toMatchObject({ source: 'cluster', isComplete: true });
      const told = body.affected
        ?.filter(({ namespace }) => namespace === QUIET)
        .map(({ kind, name, image, before, after, code }) => [kind, name, image, before, after, code]);
      expect(told?.toSorted()).toEqual([
        ['Deployment', 'server', images.unsigned.reference, 'admitted', 'denied', 'SIGNATURE_MISSING'],
        ['Pod', 'alone', images.unsigned.reference, 'admitted', 'denied', 'SIGNATURE_MISSING'],
      ]);
      const before = await world.apply(pod(QUIET, 'still-fine', images.unsigned.reference));
      expect(before.code).toBe(0);
      await world.applied(tighter().change.put);
      // A dry run: what is admitted meanwhile must not be there afterwards.
      await until('it is refused', async () => {
        const asked = pod(QUIET, 'no-more', images.unsigned.reference);
        const { message } = await createObject(world.cluster, asked, { dryRun: true });
        return message.includes('[SIGNATURE_MISSING]') ? true : undefined;
      });
      // What runs that would not be admitted today?
      const today = await impact('auditor', { change: {}, namespace: QUIET });
      expect(new Set(today.body.affected?.map(({ name }) => name))).toEqual(
        new Set(['server', 'alone', 'still-fine']),
      );
      await deleteObject(world.cluster, pathOf(tighter().change.put));
    });

    test('H17: a signer is disabled while its images run: what runs is reported, and left alone', async () => {
      const signer = (enabled: boolean): object => ({
        apiVersion: API_VERSION,
        kind: 'TrustedSigner',
        metadata: { name: 'leaving' },
        spec: { publicKey: { pem: world.key.publicKeyPem }, enabled },
      });
      const covered = clusterPolicy('revocable', QUIET, {
        ...KEYED(),
        trustedKeys: [{ signerRef: { name: 'leaving' } }],
      });
      await world.applied(signer(true), covered);
      const running = pod(QUIET, 'running', images.signed.reference);
      const asked = async (object: object) => {
        const { isTaken, message } = await createObject(world.cluster, object, { dryRun: true });
        return isTaken ? 'admitted' : message;
      };
      // Both have been seen: the policy, and that its signer may sign.
      const unsigned = pod(QUIET, 'other', images.unsigned.reference);
      await untilHolds('the policy is in force', async () => {
        expect(await asked(unsigned)).toContain('[SIGNATURE_MISSING]');
        expect(await asked(running)).toBe('admitted');
      });
      await world.applied(running);
      interface Running {
        readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
      }
      const before = await readObject<Running>(world.cluster, pathOf(running));
      const reported = async () => {
        const { body } = await impact('auditor', { change: {}, namespace: QUIET });
        expect(body).toMatchObject({ source: 'cluster', isComplete: true });
        return body.affected
          ?.filter(({ name }) => name === 'running')
          .map(({ image, after, code, policy }) => [image, after, code, policy]);
      };
      expect(await reported()).toEqual([]);

      await world.applied(signer(false));
      await untilHolds('it is reported', async () =>
        expect(await reported()).toEqual([
          [
            `${images.signed.reference}@${images.signed.digest}`,
            'denied',
            'SIGNER_DISABLED',
            'ClusterSigningPolicy/revocable',
          ],
        ]),
      );
      const after = await readObject<Running>(world.cluster, pathOf(running));
      expect(after?.metadata.uid).toBe(before?.metadata.uid);
      expect(after?.metadata.deletionTimestamp).toBeUndefined();
      // It could not evict anything if it wanted to.
      const mayNot = async (verb: string, resource: string) => {
        const as = '--as=system:serviceaccount:countersign-system:countersign';
        const { stdout } = await world.cluster.kubectl(['auth', 'can-i', verb, resource, '-n', QUIET, as]);
        expect({ verb, resource, answer: stdout.trim() }).toEqual({ verb, resource, answer: 'no' });
      };
      await mayNot('delete', 'pods');
      await mayNot('create', 'pods/eviction');
      await mayNot('patch', 'deployments.apps');

      await world.applied(signer(true));
      await untilHolds('it is reported no more', async () => expect(await reported()).toEqual([]));
      await deleteObject(world.cluster, pathOf(running));
      await deleteObject(world.cluster, pathOf(covered));
    });

    test('G2: with the token of whoever asks: no Pods are told to who may list none', async () => {
      for (const who of ['ci', 'stranger'] as const) {
        expect((await impact(who, tighter())).status).toBe(403);
        expect((await impact(who, { ...tighter(), namespace: MCP })).status).toBe(403);
      }
    });
  });
}
