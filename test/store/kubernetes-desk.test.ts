import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CallerClient } from '../../src/kube/caller-client.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { silentLogger } from '../../src/log.ts';
import { KubernetesDesk } from '../../src/store/kubernetes-desk.ts';
import { KubernetesStore } from '../../src/store/kubernetes-store.ts';
import type { DraftDocument } from '../../src/store/resource-desk.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { eventually } from '../kube/eventually.ts';
import { ScriptedApiServer } from '../kube/scripted-api-server.ts';
import { staticTrust } from '../support/trust.ts';
import { COLLECTIONS, namespacedPolicy, PEM, policy, signer } from './documents.ts';

const EXCEPTIONS = '/apis/countersign.dev/v1alpha1/signingexceptions';
const ALL = [...new Set([...Object.values(COLLECTIONS), EXCEPTIONS])];
const SIGNER = { kind: 'TrustedSigner', name: 'ci' } as const;
const draft = (spec: object = {}): DraftDocument => ({
  ...SIGNER,
  spec: { publicKey: { pem: PEM }, ...spec },
});
const code = (expected: string) => expect.objectContaining({ code: expected });

let api: ScriptedApiServer;
let own: KubeClient;
let callers: CallerClient;
let store: KubernetesStore;
let desk: KubernetesDesk;

function options({ dryRun = false, token = 'token-of-the-test' } = {}) {
  return { author: { name: 'somebody', token }, dryRun, signal: AbortSignal.timeout(60_000) };
}
const stored = () =>
  api.get(COLLECTIONS.signers, 'ci') as unknown as {
    spec: Record<string, unknown>;
    metadata: Record<string, unknown>;
  };
const putStatus = (text: string) => api.put(COLLECTIONS.signers, { ...stored(), status: { text } } as never);

/** Answers the next request of a method itself. */
function once(method: string, answer: (response: ServerResponse) => void): void {
  api.intercept = (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== method) return false;
    api.intercept = () => false;
    answer(response);
    return true;
  };
}

const refusal = (status: number, body: object) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', code: status, ...body }));
};

beforeEach(async () => {
  api = new ScriptedApiServer();
  api.serve(...ALL);
  api.put(COLLECTIONS.policies, policy('a'));
  await api.start();
  own = new KubeClient(api.config());
  callers = new CallerClient(api.config());
  store = new KubernetesStore({ client: own, trust: staticTrust(builtinRoots()), logger: silentLogger });
  store.start();
  await eventually('ready', () => store.readiness().ready && ALL.every((each) => api.watchers(each) > 0));
  desk = new KubernetesDesk({ client: callers, store, patience: 20_000 });
});

afterEach(async () => {
  await store.stop();
  await Promise.all([own.close(), callers.close()]);
  await api.stop();
});

describe('a write is answered when this process decides by it', () => {
  test('create, replace, patch, delete: each is in force with its answer', async () => {
    const times: number[] = [];
    const timed = async <T>(work: Promise<T>): Promise<T> => {
      const began = performance.now();
      const result = await work;
      times.push(performance.now() - began);
      return result;
    };
    const created = await timed(desk.create(draft({ description: 'a' }), options()));
    expect(created).toMatchObject({ before: undefined, inForce: true, warnings: [] });
    expect(store.current().signers.get('ci')?.description).toBe('a');
    const version = created.after?.metadata.resourceVersion ?? '';
    const replaced = await timed(desk.replace(draft({ description: 'b' }), version, options()));
    expect(replaced).toMatchObject({
      before: { spec: { description: 'a' } },
      after: { spec: { description: 'b' } },
    });
    expect(store.current().signers.get('ci')?.description).toBe('b');
    const patched = await timed(
      desk.patch(SIGNER, { enabled: false, description: null }, undefined, options()),
    );
    expect(patched.after?.spec).toEqual({ publicKey: { pem: PEM }, enabled: false });
    expect(store.current().signers.get('ci')?.enabled).toBe(false);
    const deleted = await timed(desk.delete(SIGNER, patched.after?.metadata.resourceVersion, options()));
    expect(deleted).toMatchObject({ after: undefined, inForce: true });
    expect(store.current().signers.has('ci')).toBe(false);
    // Who waits for the word of the watch, and not for what it says, waits for twenty seconds.
    expect(Math.max(...times)).toBeLessThan(10_000);
  });

  test('where the watch is silent: stored, and not in force', async () => {
    api.mute = true;
    desk = new KubernetesDesk({ client: callers, store, patience: 300 });
    const created = await desk.create(draft(), options());
    expect(created).toMatchObject({ inForce: false, after: { metadata: { name: 'ci' } } });
    expect(store.current().signers.has('ci')).toBe(false);
  });

  test('what was written and changed again by somebody else meanwhile is in force as well', async () => {
    api.mute = true;
    const work = desk.create(draft(), options());
    await eventually('stored', () => api.get(COLLECTIONS.signers, 'ci') !== undefined);
    api.mute = false;
    // The event of the first version is lost to a re-list; only the later one arrives.
    putStatus('x');
    expect((await work).inForce).toBe(true);
  });

  test('a dry run changes nothing, and does not wait', async () => {
    const dry = await desk.create(draft(), options({ dryRun: true }));
    expect(dry).toMatchObject({ inForce: true, after: { metadata: { name: 'ci' } } });
    expect(stored()).toBeUndefined();
    await desk.create(draft(), options());
    await desk.patch(SIGNER, { enabled: false }, undefined, options({ dryRun: true }));
    await desk.delete(SIGNER, undefined, options({ dryRun: true }));
    expect(stored().spec).toEqual({ publicKey: { pem: PEM } });
  });
});

describe('G6: versions', () => {
  test('another content is another version; a status is not', async () => {
    const { after } = await desk.create(draft(), options());
    const seen = after?.metadata.resourceVersion ?? '';
    putStatus('ready');
    expect((await desk.get(SIGNER, options())).metadata.resourceVersion).toBe(seen);
    await expect(desk.replace(draft({ description: 'b' }), seen, options())).resolves.toMatchObject({
      inForce: true,
    });
    await expect(desk.replace(draft({ description: 'c' }), seen, options())).rejects.toEqual(
      code('CHANGED_MEANWHILE'),
    );
    await expect(desk.patch(SIGNER, { enabled: false }, seen, options())).rejects.toEqual(
      code('CHANGED_MEANWHILE'),
    );
    await expect(desk.delete(SIGNER, seen, options())).rejects.toEqual(code('CHANGED_MEANWHILE'));
    expect(stored().spec).toMatchObject({ description: 'b' });
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).resolves.toMatchObject({
      inForce: true,
    });
  });

  test('labels are part of it', async () => {
    const { after } = await desk.create({ ...draft(), labels: { team: 'a' } }, options());
    const seen = after?.metadata.resourceVersion ?? '';
    api.put(COLLECTIONS.signers, {
      ...stored(),
      metadata: { ...stored().metadata, labels: { team: 'b' } },
    } as never);
    await expect(desk.replace(draft(), seen, options())).rejects.toEqual(code('CHANGED_MEANWHILE'));
    const now = (await desk.get(SIGNER, options())).metadata.resourceVersion;
    const replaced = await desk.replace(draft(), now, options());
    expect(replaced.after?.metadata.labels).toEqual({ team: 'b' });
  });

  test.each([
    ['a status', () => void putStatus('x'), true],
    [
      'a change',
      () =>
        void api.put(COLLECTIONS.signers, {
          ...stored(),
          spec: { other: 1 },
          metadata: { ...stored().metadata, generation: 2 },
        } as never),
      false,
    ],
  ])('%s between the look and the write', async (_, meanwhile, succeeds) => {
    const { after } = await desk.create(draft(), options());
    api.intercept = (request) => {
      if (request.method === 'PUT') {
        api.intercept = () => false;
        meanwhile();
      }
      return false;
    };
    const work = desk.replace(draft({ description: 'b' }), after?.metadata.resourceVersion ?? '', options());
    if (succeeds) await expect(work).resolves.toMatchObject({ after: { spec: { description: 'b' } } });
    else await expect(work).rejects.toEqual(code('CHANGED_MEANWHILE'));
  });

  test('to switch off succeeds whoever keeps on writing', async () => {
    await desk.create(draft(), options());
    let writes = 0;
    api.intercept = (request) => {
      if (request.method === 'PATCH') putStatus(String((writes += 1)));
      return false;
    };
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).resolves.toMatchObject({
      after: { spec: { enabled: false } },
    });
    expect(writes).toBeGreaterThan(1);
  });

  test('what others keep on the object stays', async () => {
    const { after } = await desk.create(draft(), options());
    const annotations = { 'argocd.argoproj.io/tracking-id': 'app:x' };
    api.put(COLLECTIONS.signers, { ...stored(), metadata: { ...stored().metadata, annotations } } as never);
    const replaced = await desk.replace(
      draft({ enabled: false }),
      after?.metadata.resourceVersion ?? '',
      options(),
    );
    expect(stored().metadata).toMatchObject({ annotations });
    expect(replaced.before?.metadata.managedBy).toBe('Argo CD');
  });
});

describe('answers of the API server', () => {
  beforeEach(async () => {
    await desk.create(draft(), options());
  });

  test.each([
    [401, {}, 'UNAUTHENTICATED', /token/],
    [
      403,
      { message: 'trustedsigners "ci" is forbidden: User "eve" cannot patch' },
      'FORBIDDEN',
      /User "eve" cannot patch/,
    ],
    [404, { message: 'not found' }, 'NOT_FOUND', /not found/],
    [409, { reason: 'Conflict' }, 'CHANGED_MEANWHILE', /read it again/],
    [413, {}, 'INVALID', /larger/],
    [422, { reason: 'Invalid', message: 'is invalid' }, 'INVALID', /is invalid/],
    [400, { message: 'strict decoding error: unknown field' }, 'INVALID', /unknown field/],
    [
      403,
      { message: 'admission webhook "x.example" denied the request: no' },
      'INVALID',
      /denied the request: no/,
    ],
    [429, {}, 'UNAVAILABLE', /cannot do it now/],
    [500, { message: 'secret of the server' }, 'UNAVAILABLE', /^(?!.*secret)/],
    [503, {}, 'UNAVAILABLE', /cannot do it now/],
  ])('%d %j is %s', async (status, body, expected, words) => {
    const refuse = refusal(status, body);
    api.intercept = (request, response) => request.method === 'PATCH' && (refuse(response), true);
    const work = desk.patch(SIGNER, { enabled: false }, undefined, options());
    await expect(work).rejects.toMatchObject({ code: expected, message: expect.stringMatching(words) });
    expect(stored().spec['enabled']).toBeUndefined();
    api.intercept = () => false;
    await expect(desk.patch(SIGNER, { enabled: false }, undefined, options())).resolves.toMatchObject({
      inForce: true,
    });
  });

  test('causes are problems of fields', async () => {
    const causes = [{ field: 'spec.issuer', message: 'Invalid value: needs exactly one' }, 'nonsense'];
    once('PATCH', refusal(422, { reason: 'Invalid', message: 'is invalid', details: { causes } }));
    await expect(desk.patch(SIGNER, {}, undefined, options())).rejects.toMatchObject({
      problems: [{ field: 'spec.issuer', message: 'Invalid value: needs exactly one' }],
    });
  });

  test('a connection that breaks', async () => {
    once('PATCH', (response) => response.destroy());
    await expect(desk.patch(SIGNER, {}, undefined, options())).rejects.toEqual(code('UNAVAILABLE'));
  });

  test('a name that is taken; one that is not there', async () => {
    await expect(desk.create(draft(), options())).rejects.toEqual(code('ALREADY_EXISTS'));
    await expect(desk.get({ ...SIGNER, name: 'none' }, options())).rejects.toEqual(code('NOT_FOUND'));
  });

  test('warnings are handed on', async () => {
    api.intercept = (_request, response) => {
      response.setHeader('Warning', '299 - "subjectRegExp lets in anybody"');
      return false;
    };
    const { warnings } = await desk.patch(SIGNER, { enabled: false }, undefined, options());
    expect(warnings).toEqual(['subjectRegExp lets in anybody']);
  });
});

test('G2: each call has the token of whoever asks, and nobody else’s', async () => {
  const wrong = options({ token: 'token-of-eve' });
  const calls = [
    () => desk.list('TrustedSigner', { ...wrong, limit: 10 }),
    () => desk.get(SIGNER, wrong),
    () => desk.create(draft(), wrong),
    () => desk.patch(SIGNER, {}, undefined, wrong),
    () => desk.delete(SIGNER, undefined, wrong),
  ];
  for (const call of calls) await expect(call()).rejects.toEqual(code('UNAUTHENTICATED'));
  for (const token of [undefined, '', 'two words', 'line\nbreak']) {
    const nobody = { ...options(), author: { name: 'eve', token } };
    await expect(desk.get(SIGNER, nobody)).rejects.toEqual(code('UNAUTHENTICATED'));
  }
  expect(stored()).toBeUndefined();
  await expect(desk.create(draft(), options())).resolves.toMatchObject({ inForce: true });
});

test('a list has an end, and is of one namespace where one is asked for', async () => {
  for (const name of ['a', 'b', 'c']) api.put(COLLECTIONS.signers, signer(name));
  const list = (limit: number) => desk.list('TrustedSigner', { ...options(), limit });
  expect(await list(3)).toMatchObject({ isComplete: true, documents: [{}, {}, {}] });
  expect(await list(2)).toMatchObject({ isComplete: false, documents: [{ metadata: { name: 'a' } }, {}] });
  api.put(COLLECTIONS.namespacedPolicies, namespacedPolicy('own', 'team-a'));
  api.requests.length = 0;
  await desk.list('SigningPolicy', { ...options(), limit: 2, namespace: 'team-a' });
  expect(api.requests).toEqual(['GET /apis/countersign.dev/v1alpha1/namespaces/team-a/signingpolicies']);
});
