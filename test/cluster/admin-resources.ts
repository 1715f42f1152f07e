import { beforeAll, expect, test } from '@jest/globals';
import { CallerClient, type AsCaller } from '../../src/kube/caller-client.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/config.ts';
import { silentLogger } from '../../src/log.ts';
import { KubernetesDesk } from '../../src/store/kubernetes-desk.ts';
import { KubernetesStore } from '../../src/store/kubernetes-store.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import type { ShownJson } from '../admin/shown.ts';
import { signWithKey } from '../support/cosign.ts';
import { http } from '../support/http-client.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { staticTrust } from '../support/trust.ts';
import { clusterPolicy, until, type Installation } from './installation.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** Signers and policies through the API, with people's own tokens, and what the very next `kubectl apply` comes to. Each test goes on where the one before ended. */
export function adminResources(installed: () => Installation): void {
  const PEOPLE = 'people';
  let world: Installation;
  let tenant: Tenant;
  let image: PushedImage;
  let alice: string;
  let bob: string;
  let viewer: string;
  let stranger: string;
  let teamLead: string;

  const ALL = [
    'trustedsigners',
    'clustersigningpolicies',
    'signingpolicies',
    'trustroots',
    'signingexceptions',
  ];
  const role = (name: string, ...rules: { resources: string[]; verbs: string[] }[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: rules.map((rule) => ({ apiGroups: ['countersign.dev'], ...rule })),
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await world.cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** @returns a token of a new ServiceAccount, with a ClusterRole in the cluster or in one namespace */
  async function person(name: string, ofRole?: string, namespace?: string): Promise<string> {
    await kubectl('-n', PEOPLE, 'create', 'serviceaccount', name);
    const binding = [`${name}-binding`, `--clusterrole=${ofRole}`, `--serviceaccount=${PEOPLE}:${name}`];
    if (ofRole !== undefined && namespace === undefined)
      await kubectl('create', 'clusterrolebinding', ...binding);
    if (namespace !== undefined) await kubectl('-n', namespace, 'create', 'rolebinding', ...binding);
    return kubectl('-n', PEOPLE, 'create', 'token', name, '--duration=2h');
  }

  interface Answer {
    readonly status: number;
    readonly etag: string;
    readonly milliseconds: number;
    readonly json: ShownJson;
  }

  async function ask(
    token: string,
    method: string,
    path: string,
    { body, ifMatch }: { readonly body?: object; readonly ifMatch?: string } = {},
  ): Promise<Answer> {
    const began = performance.now();
    const answer = await http(`https://127.0.0.1:${world.adminPort()}/api/v1${path}`, {
      method,
      anyCertificate: true,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = answer.body.toString();
    return {
      status: answer.status,
      etag: String(answer.headers.etag ?? ''),
      milliseconds: performance.now() - began,
      json: (text === '' ? {} : JSON.parse(text)) as ShownJson,
    };
  }

  const draft = (spec: object = {}) => ({
    metadata: { name: 'release' },
    spec: { publicKey: { pem: world.key.publicKeyPem }, ...spec },
  });

  beforeAll(async () => {
    world = installed();
    tenant = tenantOf(world, 'managed');
    await world.cluster.createNamespace(tenant.namespace);
    await world.cluster.createNamespace(PEOPLE);
    image = await pushImage(world.registries.referrers, 'org/server', { tag: 'v1' });
    await signWithKey(world.cosign, image, { key: world.key, log: 'none', timestamp: false });
    await world.applied(
      role(
        'may-change',
        { resources: ALL, verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] },
        { resources: ['changes'], verbs: ['list'] },
        { resources: ['keys'], verbs: ['create'] },
      ),
      role('may-look', { resources: ALL, verbs: ['get', 'list', 'watch'] }),
      role('may-change-own', {
        resources: ['signingpolicies'],
        verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
      }),
      clusterPolicy('mcp-servers', tenant.namespace, {
        trustedKeys: [{ signerRef: { name: 'release' } }],
        transparency: { keys: { log: 'Ignored' } },
      }),
    );
    [alice, bob, viewer, stranger, teamLead] = [
      await person('alice', 'may-change'),
      await person('bob', 'may-change'),
      await person('viewer', 'may-look'),
      await person('stranger'),
      await person('team-lead', 'may-change-own', tenant.namespace),
    ];
    await until('rights reach the API server', async () =>
      (await ask(alice, 'GET', '/signers')).status === 200 ? true : undefined,
    );
  }, 240_000);

  test('a dry run changes nothing', async () => {
    const dry = await ask(alice, 'POST', '/signers?dryRun=true', { body: draft() });
    expect([dry.status, dry.json.dryRun]).toEqual([200, true]);
    expect(await kubectl('get', 'trustedsigners', '-o', 'name')).toBe('');
    expect(await tenant.refused(image.reference)).toContain('TrustedSigner "release"');
  });

  test('created, switched off, on, retired, replaced, deleted: the next kubectl apply decides accordingly', async () => {
    const created = await ask(alice, 'POST', '/signers', { body: draft() });
    expect([created.status, created.json.inForce]).toEqual([201, true]);
    await tenant.admitted(image.reference);

    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const off = await ask(alice, 'POST', '/signers/release/disable');
      expect([off.status, off.json.inForce, off.json.document.facts.state]).toEqual([200, true, 'disabled']);
      expect(await tenant.refused(image.reference)).toMatch(/disabled|switched off/);
      const on = await ask(alice, 'POST', '/signers/release/enable');
      expect([on.status, on.json.inForce]).toEqual([200, true]);
      await tenant.admitted(image.reference);
      times.push(off.milliseconds, on.milliseconds);
    }
    times.sort((a, b) => a - b);
    console.info(
      `a write that is in force: median ${times[5]?.toFixed(0)} ms, longest ${times.at(-1)?.toFixed(0)} ms`,
    );
    expect(times[5]).toBeLessThan(500);

    // Without a trusted time nothing proves that it was signed before.
    const retired = await ask(alice, 'POST', '/signers/release/retire');
    expect(retired.json.document.facts.state).toBe('retired');
    await tenant.refused(image.reference);
    const again = await ask(alice, 'POST', '/signers/release/retire');
    expect(again.json.document.spec.signedNotAfter).toBe(retired.json.document.spec.signedNotAfter);

    const { etag } = await ask(alice, 'GET', '/signers/release');
    const replaced = await ask(alice, 'PUT', '/signers/release', { body: draft(), ifMatch: etag });
    expect([replaced.status, replaced.json.document.spec.signedNotAfter]).toEqual([200, undefined]);
    await tenant.admitted(image.reference);

    const deleted = await ask(alice, 'DELETE', '/signers/release', { ifMatch: replaced.etag });
    expect([deleted.status, deleted.json]).toEqual([200, expect.objectContaining({ inForce: true })]);
    await tenant.refused(image.reference);
    await ask(alice, 'POST', '/signers', { body: draft() });
  });

  test('G6: two administrators, and kubectl in between; a status of Countersign’s own is no change', async () => {
    const seen = await ask(alice, 'GET', '/signers/release');
    await until('the status is written', async () =>
      (await kubectl('get', 'trustedsigner', 'release', '-o', 'jsonpath={.status.type}')) === ''
        ? undefined
        : true,
    );
    const put = (token: string, description: string, ifMatch: string) =>
      ask(token, 'PUT', '/signers/release', { body: draft({ description }), ifMatch });
    const first = await put(alice, 'by alice', seen.etag);
    expect(first.status).toBe(200);
    const second = await put(bob, 'by bob', seen.etag);
    expect(second.json).toMatchObject({ status: 412, code: 'CHANGED_MEANWHILE' });
    await kubectl(
      'patch',
      'trustedsigner',
      'release',
      '--type=merge',
      '-p',
      '{"spec":{"description":"by kubectl"}}',
    );
    expect((await put(bob, 'by bob', first.etag)).status).toBe(412);
    expect((await ask(bob, 'DELETE', '/signers/release', { ifMatch: first.etag })).status).toBe(412);
    expect((await ask(bob, 'GET', '/signers/release')).json.spec.description).toBe('by kubectl');
    // To revoke needs no version.
    expect((await ask(bob, 'POST', '/signers/release/disable')).status).toBe(200);
    await tenant.refused(image.reference);
    expect((await ask(bob, 'POST', '/signers/release/enable')).status).toBe(200);
  });

  test('G2: RBAC decides: who may look cannot change, who may nothing sees nothing', async () => {
    expect((await ask(viewer, 'GET', '/signers/release')).status).toBe(200);
    const { etag } = await ask(viewer, 'GET', '/signers/release');
    const changes: readonly (readonly [string, string, Parameters<typeof ask>[3]?])[] = [
      ['POST', '/signers', { body: { ...draft(), metadata: { name: 'mine' } } }],
      ['PUT', '/signers/release', { body: draft({ enabled: false }), ifMatch: etag }],
      ['DELETE', '/signers/release'],
      ['POST', '/signers/release/disable'],
      ['POST', '/signers/release/retire'],
      ['POST', '/policies/mcp-servers/mode', { body: { mode: 'Audit', confirm: true } }],
      ['DELETE', '/policies/mcp-servers'],
      ['POST', '/trust-roots', { body: { metadata: { name: 'r' }, spec: { publicGood: {} } } }],
      ['POST', '/keys/resolve', { body: { pem: world.key.publicKeyPem } }],
      ['GET', '/changes'],
    ];
    for (const [method, path, asked] of changes) {
      const { json } = await ask(viewer, method, path, asked);
      expect({ path, ...json }).toMatchObject({ path, status: 403, code: 'FORBIDDEN' });
    }
    const refused = await ask(viewer, 'POST', '/signers/release/disable');
    expect(refused.json.detail).toContain(`system:serviceaccount:${PEOPLE}:viewer`);
    for (const path of ['/signers', '/signers/release', '/policies', '/trust-roots', '/exceptions']) {
      expect((await ask(stranger, 'GET', path)).status).toBe(403);
    }
    expect((await ask('nobody', 'GET', '/signers')).status).toBe(401);
    await tenant.admitted(image.reference);
  });

  test('somebody of one namespace has its policies, and no other', async () => {
    const spec = {
      mode: 'Enforce',
      trustedKeys: [{ signerRef: { name: 'nobody' } }],
      transparency: { keys: { log: 'Ignored' } },
    };
    const path = `/namespaces/${tenant.namespace}/policies`;
    const created = await ask(teamLead, 'POST', path, { body: { metadata: { name: 'own' }, spec } });
    expect([created.status, created.json.inForce]).toEqual([201, true]);
    await tenant.refused(image.reference);
    const { json } = await ask(teamLead, 'GET', `/policies?namespace=${tenant.namespace}`);
    expect([json.isComplete, json.items.map(({ metadata }) => metadata.name)]).toEqual([false, ['own']]);
    for (const other of ['/policies', '/namespaces/default/policies', '/signers']) {
      expect((await ask(teamLead, 'GET', other)).status).toBe(403);
    }
    const elsewhere = await ask(teamLead, 'POST', '/namespaces/default/policies', {
      body: { metadata: { name: 'own' }, spec },
    });
    expect(elsewhere.status).toBe(403);
    expect((await ask(teamLead, 'DELETE', `${path}/own`)).status).toBe(200);
    await tenant.admitted(image.reference);
  });

  test('what the API server refuses comes back by field; a name that is taken is told', async () => {
    const bad = { metadata: { name: 'bad' }, spec: { keyless: true, issuer: 'https://a.example' } };
    const refused = await ask(alice, 'POST', '/signers', { body: bad });
    expect(refused.json).toMatchObject({
      status: 422,
      errors: [{ field: expect.stringContaining('subject') }],
    });
    expect((await ask(alice, 'POST', '/signers', { body: draft() })).json).toMatchObject({
      status: 409,
      code: 'ALREADY_EXISTS',
    });
    const missing = await ask(alice, 'POST', '/namespaces/none/policies', {
      body: {
        metadata: { name: 'x' },
        spec: { mode: 'Enforce', trustedKeys: [{ signerRef: { name: 'a' } }] },
      },
    });
    expect(missing.status).toBe(404);
  });

  test('G13: a weaker mode has to be confirmed; then the next apply is admitted', async () => {
    await ask(alice, 'POST', '/signers/release/disable');
    await tenant.refused(image.reference);
    const refused = await ask(alice, 'POST', '/policies/mcp-servers/mode', { body: { mode: 'Audit' } });
    expect(refused.json).toMatchObject({ status: 422, errors: [{ field: 'spec.mode' }] });
    await tenant.refused(image.reference);
    const confirmed = await ask(alice, 'POST', '/policies/mcp-servers/mode', {
      body: { mode: 'Audit', confirm: true },
    });
    expect([confirmed.status, confirmed.json.document.facts.mode]).toEqual([200, 'Audit']);
    await tenant.untilAdmitted(image.reference);
    expect(
      (await ask(alice, 'POST', '/policies/mcp-servers/mode', { body: { mode: 'Enforce' } })).status,
    ).toBe(200);
    await tenant.refused(image.reference);
    await ask(alice, 'POST', '/signers/release/enable');
  });

  test('G12: the audit names the person; the API server’s object names the field manager', async () => {
    const rows = await until('the rows are written', async () => {
      const { json } = await ask(alice, 'GET', '/changes?name=mcp-servers');
      return json.items?.length === 2 ? json.items : undefined;
    });
    expect(rows).toEqual([
      expect.objectContaining({
        actor: `system:serviceaccount:${PEOPLE}:alice`,
        action: 'mode',
        kind: 'ClusterSigningPolicy',
      }),
      expect.objectContaining({
        before: expect.stringContaining('Enforce'),
        after: expect.stringContaining('Audit'),
      }),
    ]);
    const byBob = (await ask(alice, 'GET', `/changes?actor=system:serviceaccount:${PEOPLE}:bob`)).json
      .items as unknown as readonly { action: string }[];
    expect(byBob.map(({ action }) => action)).toEqual(['enable', 'disable']);
    const fields = await kubectl('get', 'trustedsigner', 'release', '-o', 'yaml', '--show-managed-fields');
    expect(fields).toContain('manager: countersign-admin');
    expect(world.log()).toMatch(/"msg":"a policy was made weaker"/);
  });

  test('G12: what RBAC, the API server or its schema refused stands in the log, with who tried it', () => {
    const lines = world
      .log()
      .split('\n')
      .filter((line) => line.includes('"a change was refused"'))
      .map((line) => JSON.parse(line) as object);
    const line = (who: string, action: string, name: string, code: string) =>
      expect.objectContaining({ actor: `system:serviceaccount:${PEOPLE}:${who}`, action, name, code });
    for (const expected of [
      line('viewer', 'disable', 'release', 'FORBIDDEN'),
      line('viewer', 'delete', 'mcp-servers', 'FORBIDDEN'),
      line('alice', 'create', 'bad', 'INVALID'),
      line('alice', 'create', 'release', 'ALREADY_EXISTS'),
      line('bob', 'update', 'release', 'CHANGED_MEANWHILE'),
      line('alice', 'mode', 'mcp-servers', 'INVALID'),
    ])
      expect(lines).toContainEqual(expected);
  });

  test('a key is told what it is', async () => {
    const { status, json } = await ask(alice, 'POST', '/keys/resolve', {
      body: { pem: world.key.publicKeyPem },
    });
    expect([status, json]).toEqual([
      200,
      { keys: [{ fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), algorithm: 'ECDSA P-256' }] },
    ]);
  });

  test('what a write waits for its own watch is milliseconds', async () => {
    const config = loadKubeConfig({ kubeconfig: world.cluster.kubeconfig });
    const [client, callers] = [new KubeClient(config), new CallerClient(config)];
    const store = new KubernetesStore({ client, trust: staticTrust(builtinRoots()), logger: silentLogger });
    store.start();
    await until('the store is ready', async () => (store.readiness().ready ? true : undefined));
    let answered = 0;
    const timed = (token: string): AsCaller => {
      const api = callers.as(token);
      const mergePatch: AsCaller['mergePatch'] = async (...asked) => {
        const object = await api.mergePatch(...asked);
        answered = performance.now();
        return object;
      };
      return { ...api, mergePatch };
    };
    const desk = new KubernetesDesk({ client: { as: timed }, store });
    const waits: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const spec = { enabled: round % 2 === 1 };
      const author = { name: 'alice', token: alice };
      const options = { author, dryRun: false, signal: AbortSignal.timeout(30_000) };
      const name = { kind: 'TrustedSigner', name: 'release' } as const;
      const { inForce } = await desk.patch(name, spec, undefined, options);
      waits.push(performance.now() - answered);
      expect([inForce, store.current().signers.get('release')?.enabled]).toEqual([true, spec.enabled]);
    }
    await store.stop();
    await Promise.all([client.close(), callers.close()]);
    waits.sort((a, b) => a - b);
    console.info(`the wait: median ${waits[10]?.toFixed(1)} ms, longest ${waits.at(-1)?.toFixed(1)} ms`);
    expect(waits[10]).toBeLessThan(50);
  });
}
