import { describe, expect, test } from '@jest/globals';
import { Inspections } from '../../src/admin/inspections.ts';
import { Impact } from '../../src/admin/impact.ts';
import { impactRoutes } from '../../src/admin/routes/impact.ts';
import {
  NOTHING_KNOWN_TO_RUN,
  PodsOfCluster,
  RecentlyAdmitted,
  workloadOfPod,
  type RunningWorkload,
  type RunningWorkloads,
} from '../../src/admin/running-workloads.ts';
import type { ImpactAnswer } from '../../src/admin/schemas/impact.ts';
import { Turnstile } from '../../src/admin/turnstile.ts';
import { Fault } from '../../src/errors.ts';
import { KubeApiError, TooLargeError } from '../../src/kube/client.ts';
import type { KubeList, KubeObject } from '../../src/kube/object.ts';
import { open, sqliteGrounds, Told } from '../history/support.ts';
import { eventually } from '../kube/eventually.ts';
import { decision, image as imageOf, verified, violated } from '../observe/decision.ts';
import { atEnd } from '../registry/sources.ts';
import { GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { admin, bodyOf, call, caller, document, Ground, material } from './questions.ts';

const GOLD = { keyless: true, issuer: GOLD_ISSUER, subject: GOLD_SUBJECT };
const policy = (name: string, spec: object = {}) =>
  document('ClusterSigningPolicy', name, { mode: 'Enforce', trustedKeys: [GOLD], ...spec });
const signer = (name: string, spec: object = {}) => document('TrustedSigner', name, { ...GOLD, ...spec });

function running(
  ...workloads: readonly (Partial<RunningWorkload> & Pick<RunningWorkload, 'images'>)[]
): RunningWorkloads {
  const all = workloads.map((each, n) => ({
    namespace: 'mcp',
    kind: 'Deployment',
    name: `server-${n}`,
    labels: {},
    access: { pullSecrets: [], serviceAccount: 'default' },
    ...each,
  }));
  return {
    source: 'cluster',
    list: async (_author, namespace) => ({
      workloads: all.filter((each) => namespace === undefined || each.namespace === namespace),
      isComplete: true,
    }),
  };
}

function door(ground: Ground, workloads: RunningWorkloads, excludedNamespaces: readonly string[] = []) {
  const impact = new Impact({
    inspections: new Inspections(),
    ...ground.dependencies(),
    resources: () => ground.resources(),
    material: () => material,
    running: workloads,
    excludedNamespaces,
    places: new Turnstile(8),
  });
  return impactRoutes(impact);
}

async function ask(
  ground: Ground,
  workloads: RunningWorkloads,
  change: object,
  more: { readonly namespace?: string; readonly as?: typeof admin } = {},
): Promise<ImpactAnswer> {
  const { as = admin, ...rest } = more;
  const answer = await call(door(ground, workloads), 'askImpact', { body: { change, ...rest }, as });
  return bodyOf<ImpactAnswer>(answer);
}

const told = ({ affected }: ImpactAnswer) =>
  affected.map(({ name, before, after, code }) => [name, before, after, code]);

describe('what would be refused', () => {
  test('a new policy: what is not signed would be denied, and what is signed is not even mentioned', async () => {
    const ground = await Ground.open();
    ground.documents = [];
    const [good, bad] = [ground.image('org/app').signed(), ground.image('org/evil')];
    const workloads = running(
      { images: [good.name] },
      { images: [good.name, bad.name], kind: 'StatefulSet' },
    );
    const answer = await ask(ground, workloads, { put: policy('new') });
    expect(answer).toMatchObject({ source: 'cluster', workloads: 2, images: 2, isComplete: true });
    expect(answer.affected).toEqual([
      {
        namespace: 'mcp',
        kind: 'StatefulSet',
        name: 'server-1',
        image: bad.name,
        before: 'admitted',
        after: 'denied',
        verdict: 'violated',
        code: 'SIGNATURE_MISSING',
        detail: expect.any(String),
        policy: 'ClusterSigningPolicy/new',
      },
    ]);
    // Nothing of it is in force.
    expect((await ground.review(bad.name, 'mcp')).allowed).toBe(true);
    ground.documents = [policy('new')];
    expect((await ground.review(bad.name, 'mcp')).allowed).toBe(false);
  });

  test('C15: a signer that is removed, or switched off: who relies on it', async () => {
    const ground = await Ground.open();
    const two = { ...GOLD, subject: GOLD_SUBJECT.replace('release', 'nightly') };
    ground.documents = [
      policy('all', { trustedKeys: [{ signerRef: { name: 'ci' } }, { signerRef: { name: 'nightly' } }] }),
      signer('ci'),
      signer('nightly', two),
    ];
    const byCi = ground.image('org/app').signed();
    const byNightly = ground.image('org/nightly').signed({ by: { uri: two.subject } });
    const byBoth = ground
      .image('org/both')
      .signed()
      .signed({ by: { uri: two.subject } });
    const workloads = running(...[byCi, byNightly, byBoth].map(({ name }) => ({ images: [name] })));
    expect(told(await ask(ground, workloads, { remove: { kind: 'TrustedSigner', name: 'ci' } }))).toEqual([
      ['server-0', 'admitted', 'denied', 'IDENTITY_MISMATCH'],
    ]);
    expect(
      told(await ask(ground, workloads, { put: signer('nightly', { ...two, enabled: false }) })),
    ).toEqual([['server-1', 'admitted', 'denied', 'SIGNER_DISABLED']]);
  });

  test('the other way: what an exception, or a policy that goes, would let in', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const bad = ground.image('org/evil');
    const workloads = running({ images: [bad.name] });
    const exception = document('SigningException', 'incident', {
      reason: 'incident 1',
      namespaces: ['mcp'],
      images: [`${ground.registry.host}/org/*`],
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    expect(told(await ask(ground, workloads, { put: exception }))).toEqual([
      ['server-0', 'denied', 'admitted', 'SIGNATURE_MISSING'],
    ]);
    const remove = { kind: 'ClusterSigningPolicy', name: 'all' };
    expect(told(await ask(ground, workloads, { remove }))).toEqual([
      ['server-0', 'denied', 'admitted', undefined],
    ]);
    // Only warned of: admitted, and told something else.
    expect(told(await ask(ground, workloads, { put: policy('all', { mode: 'Warn' }) }))).toEqual([
      ['server-0', 'denied', 'admitted', 'SIGNATURE_MISSING'],
    ]);
  });

  test('without a change: what runs that would not be admitted now', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const [good, bad] = [ground.image('org/app').signed(), ground.image('org/evil')];
    const missing = `${ground.registry.host}/org/none:v1`;
    const workloads = running({ images: [good.name] }, { images: [bad.name] }, { images: [missing] });
    expect(told(await ask(ground, workloads, {}))).toEqual([
      ['server-1', 'denied', 'denied', 'SIGNATURE_MISSING'],
      ['server-2', 'unknown', 'unknown', 'IMAGE_NOT_FOUND'],
    ]);
  });

  test('the selectors of both sides count: namespaces by their labels, workloads by those of their Pods', async () => {
    const ground = await Ground.open();
    ground.documents = [];
    const bad = ground.image('org/evil');
    const workloads = running(
      { images: [bad.name], labels: { app: 'server' } },
      { images: [bad.name], labels: { app: 'other' } },
      { images: [bad.name], labels: undefined },
    );
    const match = (spec: object) => ({ put: policy('new', { match: spec }) });
    const names = async (change: object) =>
      (await ask(ground, workloads, change)).affected.map(({ name }) => name);
    expect(await names(match({ workloadSelector: { matchLabels: { app: 'server' } } }))).toEqual([
      'server-0',
      'server-2',
    ]);
    expect(await names(match({ namespaceSelector: { matchLabels: { team: 'mcp' } } }))).toEqual([]);
    ground.labels = { team: 'mcp' };
    expect(await names(match({ namespaceSelector: { matchLabels: { team: 'mcp' } } }))).toHaveLength(3);
    // G9: also an image that the new policy does not cover, in a namespace that it governs.
    const governs = match({ images: ['ghcr.io/*/*'], namespaceSelector: { matchLabels: { team: 'mcp' } } });
    expect((await ask(ground, workloads, governs)).affected.map(({ code }) => code)).toEqual(
      Array.from({ length: 3 }, () => 'NO_POLICY'),
    );
  });

  test('one namespace only, if asked; and nothing of those that the webhook leaves alone', async () => {
    const ground = await Ground.open();
    const bad = ground.image('org/evil');
    const workloads = running(
      { images: [bad.name] },
      { images: [bad.name], namespace: 'other' },
      { images: [bad.name], namespace: 'kube-system' },
    );
    const change = { put: policy('new') };
    const of = async (answer: Promise<ImpactAnswer>) =>
      (await answer).affected.map(({ namespace }) => namespace);
    expect(await of(ask(ground, workloads, change, { namespace: 'other' }))).toEqual(['other']);
    const routes = door(ground, workloads, ['kube-system']);
    const answer = bodyOf<ImpactAnswer>(await call(routes, 'askImpact', { body: { change } }));
    expect([answer.workloads, answer.affected.map(({ namespace }) => namespace)]).toEqual([
      2,
      ['mcp', 'other'],
    ]);
  });

  test('facts are gathered once for both sides, and once for workloads that are alike', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const good = ground.image('org/app').signed();
    const workloads = running(...Array.from({ length: 20 }, () => ({ images: [good.name] })));
    const answer = await ask(ground, workloads, {
      put: policy('all', { threshold: 1, tagPolicy: 'RequireDigest' }),
    });
    expect([answer.workloads, answer.images, answer.affected.length]).toEqual([20, 1, 20]);
    const manifests = ground.registry.asked.filter(
      (each) => each.startsWith('GET') && each.includes('/manifests/v1'),
    );
    expect(manifests).toHaveLength(1);
  });
});

describe('what is no question', () => {
  test.each([
    ['of another kind', { put: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } }],
    ['with a field that is not known', { put: policy('x', { moed: 'Warn' }) }],
    ['with a mode that is none (G13)', { put: policy('x', { mode: 'Enforced' }) }],
    ['that is not there', { remove: { kind: 'TrustedSigner', name: 'none' } }],
    ['with two changes', { put: policy('x'), remove: { kind: 'TrustedSigner', name: 'none' } }],
  ])('G5: a document %s: 422, with what is wrong', async (_name, change) => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const answer = await call(door(ground, running()), 'askImpact', { body: { change } });
    expect(answer).toMatchObject({ status: 422, code: 'INVALID', errors: [{ message: expect.any(String) }] });
  });

  test('G2: needs the right to list that kind, and Pods where it asks', async () => {
    const ground = await Ground.open();
    const bad = ground.image('org/evil');
    const routes = door(ground, running({ images: [bad.name] }));
    const ofKind = 'list clustersigningpolicies';
    const as = (rights: readonly string[], body: object) =>
      call(routes, 'askImpact', { body, as: caller('jane', ...rights) });
    const question = { change: { put: policy('new') } };
    const there = { ...question, namespace: 'mcp' };
    for (const [rights, body] of [
      [[], question],
      [[ofKind], question],
      [['list pods'], question],
      [[ofKind, 'list pods mcp'], question],
      [[ofKind, 'list pods other'], there],
    ] as const) {
      expect(await as(rights, body)).toMatchObject({ status: 403 });
    }
    expect(await as([ofKind, 'list pods'], question)).toMatchObject({ status: 200 });
    expect(await as([ofKind, 'list pods mcp'], there)).toMatchObject({ status: 200 });
    const own = document('SigningPolicy', 'own', { mode: 'Enforce', trustedKeys: [GOLD] }, 'mcp');
    const mine = { change: { put: own }, namespace: 'mcp' };
    expect(await as(['list signingpolicies mcp', 'list pods mcp'], mine)).toMatchObject({ status: 200 });
    expect(await as(['list signingpolicies other', 'list pods mcp'], mine)).toMatchObject({ status: 403 });
  });

  test('policies that are not known: 503, and nothing is guessed', async () => {
    const ground = await Ground.open();
    const routes = door(ground, running());
    ground.snapshotFault = new Fault('NOT_SYNCED', 'the policies are not known');
    expect(await call(routes, 'askImpact', { body: { change: {} } })).toMatchObject({ status: 503 });
  });
});

describe('what runs', () => {
  const pod = (name: string, metadata: object = {}, spec: object = {}): KubeObject => ({
    metadata: { name, namespace: 'mcp', ...metadata },
    spec: { containers: [{ name: 'main', image: 'ghcr.io/a:v1' }], ...spec },
  });

  test('a Pod stands for what controls it: a Deployment for its ReplicaSets', () => {
    const owned = (kind: string, name: string, labels: object = {}) =>
      workloadOfPod(
        pod('p', {
          labels,
          ownerReferences: [
            { kind: 'Other', name: 'x' },
            { kind, name, controller: true },
          ],
        }),
      );
    expect(owned('ReplicaSet', 'server-7d9c', { 'pod-template-hash': '7d9c' })).toMatchObject({
      kind: 'Deployment',
      name: 'server',
    });
    expect(owned('ReplicaSet', 'server-7d9c')).toMatchObject({ kind: 'ReplicaSet', name: 'server-7d9c' });
    expect(owned('StatefulSet', 'db')).toMatchObject({ kind: 'StatefulSet', name: 'db' });
    const bare = workloadOfPod(
      pod(
        'bare',
        {},
        {
          initContainers: [{ name: 'setup', image: 'ghcr.io/b:v1' }],
          volumes: [{ name: 'v', image: { reference: 'ghcr.io/c:v1' } }],
          imagePullSecrets: [{ name: 'registry' }],
        },
      ),
    );
    expect(bare).toMatchObject({
      kind: 'Pod',
      name: 'bare',
      access: { pullSecrets: ['registry'], serviceAccount: 'default' },
    });
    expect(bare?.images.toSorted()).toEqual(['ghcr.io/a:v1', 'ghcr.io/b:v1', 'ghcr.io/c:v1']);
    expect(workloadOfPod(pod('odd', {}, { containers: 'none' }))).toBeUndefined();
  });

  /** An API server with these pages. */
  function pods(pages: readonly (KubeList | Error)[]) {
    const asked: unknown[] = [];
    const rest = [...pages];
    const client = {
      as: (token: string) => ({
        list: async (path: object, options: { query?: object } = {}) => {
          asked.push({ token, ...path, ...options.query });
          const next = rest.shift();
          if (next === undefined || next instanceof Error) throw next ?? new Error('nothing left');
          return next;
        },
      }),
    };
    return { asked, workloads: new PodsOfCluster(client as never) };
  }
  const page = (names: readonly string[], continueToken?: string): KubeList => ({
    items: names.map((name) => pod(name)),
    resourceVersion: '1',
    continueToken,
  });
  const soon = () => AbortSignal.timeout(60_000);

  test('pages of the API server, with the token of whoever asks; smaller ones where they are too large', async () => {
    const { asked, workloads } = pods([page(['a'], 'more'), new TooLargeError(1), page(['b'])]);
    const list = await workloads.list({ name: 'jane', token: 'hers' }, 'mcp', soon());
    expect([list.workloads.map(({ name }) => name), list.isComplete]).toEqual([['a', 'b'], true]);
    expect(asked).toMatchObject([
      { token: 'hers', resource: 'pods', namespace: 'mcp', limit: 100, continue: undefined },
      { token: 'hers', limit: 100, continue: 'more' },
      { token: 'hers', limit: 25, continue: 'more' },
    ]);
  });

  test('G14: five thousand Pods at most, and what could not be read is told', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `p-${n}`);
    const { asked, workloads } = pods(Array.from({ length: 60 }, () => page(names, 'more')));
    const list = await workloads.list({ name: 'jane', token: 'hers' }, undefined, soon());
    expect([list.workloads.length, list.isComplete, asked.length]).toEqual([5_000, false, 50]);
    const aborted = pods([new Error('aborted')]);
    const late = await aborted.workloads.list(
      { name: 'jane', token: 'hers' },
      undefined,
      AbortSignal.abort(),
    );
    expect(late).toEqual({ workloads: [], isComplete: false });
  });

  test.each([
    [new KubeApiError(403, 'Forbidden', 'no'), 'FORBIDDEN'],
    [new KubeApiError(401, 'Unauthorized', 'no'), 'UNAUTHENTICATED'],
    [new KubeApiError(500, undefined, 'secret words'), 'UNAVAILABLE'],
    [new Error('connect ECONNREFUSED 10.0.0.1'), 'UNAVAILABLE'],
  ])('%s of the API server', async (error, code) => {
    const { workloads } = pods([error]);
    const asked = workloads.list({ name: 'jane', token: 'hers' }, undefined, soon());
    await expect(asked).rejects.toMatchObject({ code });
    await expect(asked).rejects.not.toThrow(/secret|10\.0/);
  });

  test('without a cluster: what was admitted within a week, and not what was only asked about', async () => {
    const grounds = sqliteGrounds();
    atEnd(() => grounds.stop());
    const [toldOf, day] = [new Told(), 86_400_000];
    let now = Date.now() - 8 * day;
    const history = open(await grounds.fresh(), toldOf, { now: () => now });
    atEnd(() => history.stop(5_000));
    const admit = (name: string, changes: object = {}) =>
      history.decided(decision({ images: [imageOf([verified()], name)], ...changes }), 1);
    admit('ghcr.io/old:v1');
    now += 2 * day;
    admit('ghcr.io/a:v1');
    admit('ghcr.io/a:v1');
    admit('ghcr.io/b:v1');
    admit('ghcr.io/asked:v1', { operation: 'VERIFY' });
    history.decided(decision({ allowed: false, images: [imageOf([violated()], 'ghcr.io/denied:v1')] }), 1);
    await eventually('it is written', () => toldOf.rows === 6);
    const recent = new RecentlyAdmitted(history.reader, Date.now);
    const list = await recent.list({ name: 'admin', token: undefined }, undefined, soon());
    expect(list).toMatchObject({
      isComplete: true,
      workloads: [{ namespace: 'mcp', kind: 'Pod', name: 'server' }],
    });
    expect(list.workloads[0]?.images.toSorted()).toEqual(['ghcr.io/a:v1', 'ghcr.io/b:v1']);
    const elsewhere = await recent.list({ name: 'admin', token: undefined }, 'other', soon());
    expect(elsewhere.workloads).toEqual([]);
  });

  test('with neither, the answer says that nothing is known', async () => {
    const ground = await Ground.open();
    expect(await ask(ground, NOTHING_KNOWN_TO_RUN, { put: policy('new') })).toMatchObject({
      source: 'none',
      workloads: 0,
      isComplete: false,
      affected: [],
    });
  });
});
