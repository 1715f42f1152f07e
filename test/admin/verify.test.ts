import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ASSESSMENT_PLACES, Assessments } from '../../src/admin/assessments.ts';
import { verifyRoutes } from '../../src/admin/routes/verify.ts';
import type { Assessment, VerifyResult } from '../../src/admin/schemas/verify.ts';
import { Turnstile } from '../../src/admin/turnstile.ts';
import { Fault } from '../../src/errors.ts';
import { eventually } from '../kube/eventually.ts';
import { atEnd } from '../registry/sources.ts';
import { generatorStatement, githubSigner, RELEASED } from '../slsa/statements.ts';
import { GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { certificateFor } from '../support/provenance.ts';
import { freePort } from '../support/ports.ts';
import { admin, bodyOf, call, caller, document, Ground, Kept, sigstore, type Image } from './questions.ts';

const GOLD = { keyless: true, issuer: GOLD_ISSUER, subject: GOLD_SUBJECT };
const OTHER = { ...GOLD, subject: GOLD_SUBJECT.replace('release', 'nightly') };
const policy = (name: string, spec: object = {}) =>
  document('ClusterSigningPolicy', name, { mode: 'Enforce', trustedKeys: [GOLD], ...spec });
const signer = (name: string, spec: object = {}) => document('TrustedSigner', name, { ...GOLD, ...spec });
const byRef = (name: string) => ({ trustedKeys: [{ signerRef: { name } }] });

function door(ground: Ground, over: { readonly places?: Turnstile; readonly kept?: Kept } = {}) {
  const dependencies = ground.dependencies();
  const kept = over.kept ?? new Kept();
  const assessments = new Assessments({
    ...dependencies,
    observer: kept,
    monotonic: () => performance.now(),
    places: over.places ?? new Turnstile(ASSESSMENT_PLACES),
  });
  atEnd(async () => assessments.stop());
  return { kept, assessments, routes: verifyRoutes({ assessments, snapshots: dependencies.snapshots }) };
}

async function verify(ground: Ground, body: object, as = admin): Promise<VerifyResult> {
  const [result] = bodyOf<Assessment>(await call(door(ground).routes, 'verifyImages', { body, as })).results;
  if (result === undefined) throw new Error('no result');
  return result;
}

const codesIn = ({ reasons }: VerifyResult): readonly string[] => reasons.map(({ code }) => code);

describe('one image', () => {
  test('that is signed: who signed, when, and under which policy; and its bad brother', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const good = ground.image('org/app').signed();
    const bad = ground.image('org/evil');
    const result = await verify(ground, { image: good.name });
    expect(result).toEqual({
      image: good.name,
      digest: good.digest,
      status: 'verified',
      signatureFound: true,
      signatureValid: true,
      signers: [
        {
          entry: 'trustedKeys[0]',
          identity: `${GOLD_SUBJECT} (issuer ${GOLD_ISSUER})`,
          issuer: GOLD_ISSUER,
          signedAt: '2026-06-01T12:00:00.000Z',
        },
      ],
      signedAt: '2026-06-01T12:00:00.000Z',
      reasons: [],
      policies: ['ClusterSigningPolicy/all'],
      exceptions: [],
    });
    expect(await verify(ground, { image: bad.name })).toMatchObject({
      status: 'failed',
      signatureFound: false,
      signatureValid: false,
      reasons: [{ code: 'SIGNATURE_MISSING', policy: 'ClusterSigningPolicy/all' }],
    });
  });

  test('how it was built, where a policy asks; a level that is too low is told by its code', async () => {
    const ground = await Ground.open();
    const image = ground.image('org/app').signed();
    const statement = {
      ...generatorStatement(),
      subject: [{ name: 'x', digest: { sha256: image.digest.replace('sha256:', '') } }],
    };
    image.attach(
      JSON.stringify(
        sigstore.signStatement({ digests: [], statement, by: certificateFor(githubSigner(RELEASED)) }),
      ),
    );
    const slsa = (requiredLevel: number) => ({
      slsa: { requiredLevel, sources: [{ uri: 'https://github.com/acme/*' }] },
    });
    ground.documents = [policy('slsa', slsa(3))];
    expect(await verify(ground, { image: image.name })).toMatchObject({
      status: 'verified',
      slsaLevel: 3,
      source: expect.stringContaining('github.com/acme/'),
      slsaBuilder: expect.stringContaining('slsa-github-generator'),
    });
    ground.documents = [policy('slsa', slsa(4))];
    const [code] = codesIn(await verify(ground, { image: image.name }));
    expect(code).toMatch(/^(SLSA|POLICY_INVALID)/);
  });

  test('with the whole tree of why, only if asked', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    expect(await verify(ground, { image: name, explain: true })).toMatchObject({
      explanation: { image: name, verdict: 'verified', policies: [{ subjects: [{ role: 'image' }] }] },
    });
    expect(await verify(ground, { image: name })).not.toHaveProperty('explanation');
  });

  test('only under the policy that is named; one that is not there is refused before anything is asked', async () => {
    const ground = await Ground.open();
    ground.documents = [
      policy('all'),
      policy('strict', { trustedKeys: [OTHER] }),
      document('SigningPolicy', 'own', { mode: 'Enforce', trustedKeys: [GOLD] }, 'team'),
    ];
    const { name } = ground.image('org/app').signed();
    expect((await verify(ground, { image: name })).policies).toHaveLength(3);
    expect(await verify(ground, { image: name, policy: 'all' })).toMatchObject({ status: 'verified' });
    expect(await verify(ground, { image: name, policy: 'team/own' })).toMatchObject({ status: 'verified' });
    expect(codesIn(await verify(ground, { image: name, policy: 'strict' }))).toEqual(['IDENTITY_MISMATCH']);
    const asked = ground.registry.seen.length;
    for (const body of [
      { image: name, policy: 'none' },
      { image: name, policy: 'team/own', namespace: 'mcp' },
    ]) {
      const problem = await call(door(ground).routes, 'verifyImages', { body });
      expect(problem).toMatchObject({ status: 422, errors: [{ field: 'policy' }] });
    }
    expect(ground.registry.seen).toHaveLength(asked);
  });

  test('that no policy is about is vouched for by nobody, whatever the installation would do with it', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('narrow', { match: { images: ['ghcr.io/elsewhere/*'] } })];
    const { name } = ground.image('org/app').signed();
    for (const [noMatch, allowed] of [
      ['Allow', true],
      ['Warn', true],
      ['Deny', false],
    ] as const) {
      ground.noMatch = noMatch;
      const kept = new Kept();
      const answer = await call(door(ground, { kept }).routes, 'verifyImages', {
        body: { image: name, namespace: 'mcp' },
      });
      const [result] = bodyOf<Assessment>(answer).results;
      expect([noMatch, result?.status, result && codesIn(result), kept.decisions[0]?.allowed]).toEqual([
        noMatch,
        'failed',
        ['NO_POLICY'],
        allowed,
      ]);
    }
  });
});

describe('G9: the verdict is the webhook’s', () => {
  const cases: readonly (readonly [string, (ground: Ground) => Promise<string> | string])[] = [
    ['signed', (ground) => ground.image('org/app').signed().name],
    ['not signed', (ground) => ground.image('org/app').name],
    [
      'signed by somebody else',
      (ground) => ground.image('org/app').signed({ by: { uri: OTHER.subject } }).name,
    ],
    [
      'signed about another image',
      (ground) => ground.image('org/app').signed({ digests: [`sha256:${'d'.repeat(64)}`] }).name,
    ],
    ['signed, and not logged', (ground) => ground.image('org/app').signed({ log: 'none' }).name],
    [
      'a bundle that is none',
      (ground) =>
        ground.image('org/app').attach('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}').name,
    ],
    [
      'a signer that is switched off',
      (ground) => {
        ground.documents = [policy('all', byRef('ci')), signer('ci', { enabled: false })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'a signer past its end',
      (ground) => {
        ground.documents = [policy('all', byRef('ci')), signer('ci', { expiresAt: '2026-07-01T00:00:00Z' })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'a signer that does not exist',
      (ground) => {
        ground.documents = [policy('all', byRef('gone'))];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'a digest that is revoked',
      (ground) => {
        const { name, digest } = ground.image('org/app').signed();
        ground.documents = [policy('all', { revokedDigests: [digest] })];
        return name;
      },
    ],
    [
      'a tag where a digest is asked for',
      (ground) => {
        ground.documents = [policy('all', { tagPolicy: 'RequireDigest' })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'two signers asked for, one there',
      (ground) => {
        ground.documents = [policy('all', { trustedKeys: [GOLD, OTHER], threshold: 2 })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'provenance asked for, none there',
      (ground) => {
        ground.documents = [
          policy('all', { slsa: { requiredLevel: 3, sources: [{ uri: 'https://github.com/acme/*' }] } }),
        ];
        return ground.image('org/app').signed().name;
      },
    ],
    ['a reference that is none', (ground) => `${ground.registry.host}/Org/App:v1`],
    ['an empty reference of spaces', () => '  '],
    ['an image that is not there', (ground) => `${ground.registry.host}/org/none:v1`],
    ['a registry that nobody is behind', async () => `127.0.0.1:${await freePort()}/org/app:v1`],
    ['an address that is nobody’s business (G8)', () => '169.254.169.254/latest/meta-data:v1'],
    [
      'two policies, one of which is not met',
      (ground) => {
        ground.documents = [policy('all'), policy('strict', { trustedKeys: [OTHER] })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'a policy that only warns',
      (ground) => {
        ground.documents = [policy('all', { mode: 'Warn' })];
        return ground.image('org/app').name;
      },
    ],
    [
      'a namespace that is governed, and an image that nobody covers',
      (ground) => {
        ground.labels = { team: 'mcp' };
        const match = { images: ['ghcr.io/*/*'], namespaceSelector: { matchLabels: { team: 'mcp' } } };
        ground.documents = [policy('all', { match })];
        return ground.image('org/app').name;
      },
    ],
    [
      'labels that nobody can read',
      (ground) => {
        ground.labels = new Fault('NAMESPACE_UNKNOWN', 'the labels of namespace mcp could not be read');
        const match = { namespaceSelector: { matchLabels: { team: 'other' } } };
        ground.documents = [policy('all', { match, trustedKeys: [OTHER] })];
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'policies that are not known',
      (ground) => {
        ground.snapshotFault = new Fault('NOT_SYNCED', 'the policies are not known');
        return ground.image('org/app').signed().name;
      },
    ],
    [
      'an exception: named, and no verification',
      (ground) => {
        ground.documents = [
          policy('all'),
          document('SigningException', 'incident', {
            reason: 'incident 1',
            namespaces: ['mcp'],
            images: [`${ground.registry.host}/org/*`],
            expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
          }),
        ];
        return ground.image('org/app').name;
      },
    ],
  ];

  test.each(cases)('G9: %s', async (title, arrange) => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const image = await arrange(ground);
    const review = await ground.review(image, 'mcp');
    const kept = new Kept();
    const answer = await call(door(ground, { kept }).routes, 'verifyImages', {
      body: { image, namespace: 'mcp' },
    });
    const [result] = bodyOf<Assessment>(answer).results;
    const [decision] = kept.decisions;
    expect([decision?.allowed, decision?.codes]).toEqual([review.allowed, review.codes]);
    const all = review.images.flatMap(({ verdicts }) =>
      verdicts.flatMap(({ outcome }) =>
        outcome.kind === 'verified'
          ? []
          : (outcome.kind === 'violated' ? outcome.violations : outcome.faults).map(({ code }) => code),
      ),
    );
    expect(result && codesIn(result)).toEqual(review.images.length === 0 ? review.codes : all);
    expect(result?.exceptions).toEqual(review.auditAnnotations['exceptions']?.split(' ') ?? []);
    expect(result?.exceptions).toHaveLength(title.startsWith('an exception') ? 1 : 0);
    const isFault = review.code === 503;
    expect(result?.status).toBe(
      all.length === 0 && review.allowed ? 'verified' : isFault ? 'error' : 'failed',
    );
    expect(ground.defects).toEqual([]);
  });

  test('G9: what a pull secret is needed for is asked with those of the namespace, and with nobody’s outside one', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    const pullers: unknown[] = [];
    const spied: Ground['unhurried'] = {
      resolve: (image, options) => {
        pullers.push(options.puller);
        return ground.unhurried.resolve(image, options);
      },
      discover: (...args) => ground.unhurried.discover(...args),
      manifest: (...args) => ground.unhurried.manifest(...args),
      platforms: (...args) => ground.unhurried.platforms(...args),
      content: (...args) => ground.unhurried.content(...args),
    };
    const assessments = new Assessments({
      ...ground.dependencies(),
      images: spied,
      observer: new Kept(),
      monotonic: () => performance.now(),
      places: new Turnstile(1),
    });
    const routes = verifyRoutes({ assessments, snapshots: ground.dependencies().snapshots });
    await call(routes, 'verifyImages', { body: { image: name, namespace: 'mcp' } });
    await call(routes, 'verifyImages', { body: { image: name } });
    expect(pullers).toEqual([
      { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
      { namespace: '', pullSecrets: [], serviceAccount: '' },
    ]);
  });
});

describe('who may ask', () => {
  test('G2: with a namespace who may create Pods there, without one who may create verifications', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    const { routes } = door(ground);
    const ask = (rights: readonly string[], body: object) =>
      call(routes, 'verifyImages', { body: { image: name, ...body }, as: caller('jane', ...rights) });
    const requests = ground.registry.seen.length;
    for (const [rights, body] of [
      [[], {}],
      [['create pods mcp'], {}],
      [['create verifications'], { namespace: 'mcp' }],
      [['create pods other', 'list verifications'], { namespace: 'mcp' }],
    ] as const) {
      expect(await ask(rights, body)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    }
    expect(ground.registry.seen).toHaveLength(requests);
    expect(await ask(['create pods mcp'], { namespace: 'mcp' })).toMatchObject({ status: 200 });
    expect(await ask(['create verifications'], {})).toMatchObject({ status: 200 });
  });

  test.each([
    ['no image', {}],
    ['both forms', { image: 'a', images: ['b'] }],
    ['51 images', { images: Array.from({ length: 51 }, (_, n) => `a:${n}`) }],
    ['a namespace that is none', { image: 'a', namespace: '../kube-system' }],
    ['an id with a line break', { image: 'a', assessmentId: 'a\nb' }],
    ['G5: an unknown field', { image: 'a', allow: true }],
  ])('G5: %s is no question', async (_name, body) => {
    const ground = await Ground.open();
    expect(await call(door(ground).routes, 'verifyImages', { body })).toMatchObject({ status: 422 });
  });
});

describe('several images', () => {
  test('each has its own result, in order; together they are as bad as the worst', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const [good, bad] = [ground.image('org/app').signed(), ground.image('org/evil')];
    const missing = `${ground.registry.host}/org/none:v1`;
    const { routes, kept } = door(ground);
    const ask = async (images: readonly string[]) =>
      bodyOf<Assessment>(await call(routes, 'verifyImages', { body: { images, assessmentId: 'ci-1' } }));
    const all = await ask([good.name, bad.name, missing]);
    expect(all).toMatchObject({ assessmentId: 'ci-1', state: 'done', status: 'failed' });
    expect(all.results.map(({ image, status }) => [image, status])).toEqual([
      [good.name, 'verified'],
      [bad.name, 'failed'],
      [missing, 'error'],
    ]);
    expect((await ask([good.name, missing])).status).toBe('error');
    expect((await ask([good.name])).status).toBe('verified');
    expect(
      kept.decisions.slice(0, 3).map((each) => [each.uid, each.operation, each.object.kind, each.user]),
    ).toEqual(Array.from({ length: 3 }, () => ['ci-1', 'VERIFY', 'Image', 'admin']));
  });

  test('G14: at most four of a request at once and eight of all; what finds no time says so', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const images: Image[] = Array.from({ length: 12 }, (_, n) => ground.image(`org/app-${n}`).signed());
    let [now, most] = [0, 0];
    const slow: Ground['unhurried'] = {
      ...bound(ground.unhurried),
      resolve: async (image, options) => {
        most = Math.max(most, (now += 1));
        await sleep(30);
        now -= 1;
        return ground.unhurried.resolve(image, options);
      },
    };
    const places = new Turnstile(ASSESSMENT_PLACES);
    const assessments = new Assessments({
      ...ground.dependencies(),
      images: slow,
      observer: new Kept(),
      monotonic: () => performance.now(),
      places,
    });
    const request = (user: string) => ({
      id: user,
      images: images.map(({ name }) => name),
      scope: { namespace: undefined, policy: undefined },
      explain: false,
      user,
    });
    const never = new AbortController().signal;
    await assessments.run(request('one'), never);
    expect(most).toBe(4);
    most = 0;
    await Promise.all(['one', 'two', 'three'].map((user) => assessments.run(request(user), never)));
    expect(most).toBe(8);

    const late = await assessments.run(request('late'), AbortSignal.timeout(40));
    expect(late.status).toBe('error');
    expect(late.results).toHaveLength(12);
    expect(late.results.at(-1)).toMatchObject({ status: 'error', reasons: [{ code: 'TIMEOUT' }] });
  });

  test('G14: a caller has four requests under way, and the next is told to wait', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    const places = new Turnstile(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const never = new AbortController().signal;
    const held = places.within(never, () => promise);
    const { routes } = door(ground, { places });
    const ask = (as = admin) => call(routes, 'verifyImages', { body: { image: name }, as });
    const waiting = [ask(), ask(), ask(), ask()];
    expect(await ask()).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    const other = ask(caller('other', '*'));
    resolve();
    await held;
    expect(await Promise.all([...waiting, other])).toMatchObject(
      Array.from({ length: 5 }, () => ({ status: 200 })),
    );
    expect(await ask()).toMatchObject({ status: 200 });
  });
});

describe('asynchronously', () => {
  test('answered at once, and later with what was found: for whoever asked, and for nobody else', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    const { routes } = door(ground);
    const body = { image: name, async: true, assessmentId: 'job-7' };
    const begun = await call(routes, 'verifyImages', { body });
    expect(begun).toMatchObject({
      status: 202,
      headers: { location: '/api/v1/verify/job-7' },
      body: { assessmentId: 'job-7', state: 'running', results: [] },
    });
    const find = (as = admin) => call(routes, 'getAssessment', { params: { id: 'job-7' }, as });
    await eventually('it is done', async () => bodyOf<Assessment>(await find()).state === 'done');
    expect(bodyOf<Assessment>(await find())).toMatchObject({
      status: 'verified',
      results: [{ image: name }],
    });
    expect(await find(caller('somebody', '*'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await call(routes, 'getAssessment', { params: { id: 'job-8' } })).toMatchObject({ status: 404 });
  });

  test('an id that is under way cannot be taken twice by one caller', async () => {
    const ground = await Ground.open();
    ground.documents = [policy('all')];
    const { name } = ground.image('org/app').signed();
    const places = new Turnstile(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = places.within(new AbortController().signal, () => promise);
    const { routes } = door(ground, { places });
    const body = { image: name, async: true, assessmentId: 'job' };
    expect(await call(routes, 'verifyImages', { body })).toMatchObject({ status: 202 });
    expect(await call(routes, 'verifyImages', { body })).toMatchObject({ status: 409 });
    expect(await call(routes, 'verifyImages', { body, as: caller('other', '*') })).toMatchObject({
      status: 202,
    });
    resolve();
    await held;
  });
});

function bound(source: Ground['unhurried']): Ground['unhurried'] {
  return {
    resolve: (...args) => source.resolve(...args),
    discover: (...args) => source.discover(...args),
    manifest: (...args) => source.manifest(...args),
    platforms: (...args) => source.platforms(...args),
    content: (...args) => source.content(...args),
  };
}
