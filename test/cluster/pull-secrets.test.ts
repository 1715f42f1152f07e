import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Puller } from '../../src/admission/ports.ts';
import { loadSettings } from '../../src/config.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/config.ts';
import { PullSecrets } from '../../src/kube/pull-secrets.ts';
import { silentLogger } from '../../src/log.ts';
import { LIMITS } from '../../src/limits.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import type { User } from '../support/cluster-user.ts';
import { pushImage } from '../support/images.ts';
import { startCluster, type Cluster } from '../support/kubernetes.ts';
import type { PushedImage } from '../support/manifests.ts';
import { run } from '../support/process.ts';
import { registryAccount, startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { toolPath } from '../support/tools.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

/** Pull secrets of a real API server, read with the rights that the chart grants, for registries that want an account. */
jest.setTimeout(120_000);

const CHART = resolve(import.meta.dirname, '../../charts/countersign');
const OWN = 'countersign-system';
const work = createWorkDirectory('pull-secrets');

let cluster: Cluster;
let countersign: User;
let client: KubeClient;
let pullSecrets: PullSecrets;

async function succeed(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

beforeAll(async () => {
  cluster = await startCluster({ workDir: work.path, controllers: false });
  for (const namespace of [OWN, 'mcp', 'other', 'forgotten']) {
    await cluster.createNamespace(namespace);
    await succeed(['create', 'serviceaccount', 'default', '-n', namespace]);
  }
  const args = ['template', 'countersign', CHART, '--namespace', OWN, '--show-only', 'templates/rbac.yaml'];
  const rendered = await run(toolPath('helm'), [...args, '--set', 'pullSecrets.namespaces={mcp,other}'], {
    workDir: work.path,
  });
  await succeed(['apply', '-f', '-'], rendered.stdout);
  countersign = cluster.user(`system:serviceaccount:${OWN}:countersign`);
  const config = loadKubeConfig({ kubeconfig: countersign.kubeconfig });
  client = new KubeClient(config, { timeout: 3000, maxBodyBytes: LIMITS.secretBytes });
  // The last one is in the settings, but nobody gave it a Role.
  pullSecrets = new PullSecrets({ client, namespaces: ['mcp', 'other', 'forgotten'] });
});

afterAll(async () => {
  await client.close();
  await cluster.stop();
  work.remove();
});

test('E14: the chart grants "get" where it is asked to, and neither more nor elsewhere', async () => {
  const can = async (verb: string, resource: string, namespace: string) => {
    const args = ['auth', 'can-i', verb, resource, '-n', namespace];
    return (await cluster.kubectl(args, { user: countersign })).stdout.trim();
  };
  for (const resource of ['secrets', 'serviceaccounts']) {
    expect(await can('get', resource, 'mcp')).toBe('yes');
    expect(await can('list', resource, 'mcp')).toBe('no');
    expect(await can('watch', resource, 'mcp')).toBe('no');
    expect(await can('update', resource, 'mcp')).toBe('no');
    expect(await can('get', resource, 'forgotten')).toBe('no');
  }
});

test('the chart writes settings that the program takes', async () => {
  const values = [
    'pullSecrets.namespaces={mcp}',
    'credentialHelpers[0].provider=ecr',
    'credentialHelpers[0].host=r.example',
  ];
  const args = ['template', 'countersign', CHART, '--show-only', 'templates/settings.yaml'];
  const { stdout } = await run(toolPath('helm'), [...args, '--set', values.join(',')], {
    workDir: work.path,
  });
  const file = join(work.path, 'countersign.yaml');
  writeFileSync(file, (parse(stdout) as { data: Record<string, string> }).data['countersign.yaml'] ?? '');
  expect(loadSettings({ file, flags: {}, env: {}, cwd: work.path })).toMatchObject({
    pullSecrets: { namespaces: ['mcp'] },
    credentialHelpers: [{ provider: 'ecr', host: 'r.example' }],
  });
});

describe.each(['referrers', 'fallback'] as RegistryMode[])('a real registry with accounts, %s', (mode) => {
  let registry: Registry;
  let image: PushedImage;
  beforeAll(async () => {
    registry = await startRegistry({ mode, workDir: work.path, authenticated: true });
    image = await pushImage(registry, 'org/private', { tag: 'v1' });
    const { username, password } = registryAccount;
    const account = [`--docker-server=${registry.host}`, `--docker-username=${username}`];
    const secret = ['create', 'secret', 'docker-registry', `regcred-${mode}`, ...account];
    for (const namespace of ['mcp', 'forgotten'])
      await succeed([...secret, `--docker-password=${password}`, '-n', namespace]);
    const wrong = ['create', 'secret', 'docker-registry', `wrong-${mode}`, ...account];
    await succeed([...wrong, '--docker-password=wrong', '-n', 'mcp']);
    await succeed(['create', 'serviceaccount', `puller-${mode}`, '-n', 'mcp']);
    const patch = JSON.stringify({ imagePullSecrets: [{ name: `regcred-${mode}` }] });
    await succeed(['patch', 'serviceaccount', `puller-${mode}`, '-n', 'mcp', '-p', patch]);
  });
  afterAll(() => registry.stop());

  /** Resolves the tag on somebody's behalf, with a source that remembers nothing. */
  async function ask(puller: Partial<Puller>) {
    const registries = [{ host: registry.host, plainHttp: true }];
    const source = new RegistryImageSource({ registries, pullSecrets, log: silentLogger });
    const whole = { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default', ...puller };
    const reference = parseImageReference(image.reference);
    try {
      return await source.resolve(reference, { signal: AbortSignal.timeout(10_000), puller: whole });
    } catch (error) {
      return error;
    } finally {
      await source.stop();
    }
  }
  const refused = (message: string) => ({
    code: 'REGISTRY_AUTH',
    message: expect.stringContaining(message) as unknown,
  });

  test("opens to the workload's pull secret, and to its ServiceAccount's", async () => {
    const opened = { digest: image.digest, withPullSecret: true };
    expect(await ask({})).toMatchObject(refused('refused to show'));
    expect(await ask({ pullSecrets: [`regcred-${mode}`] })).toEqual(opened);
    expect(await ask({ pullSecrets: [`wrong-${mode}`, `regcred-${mode}`] })).toEqual(opened);
    expect(await ask({ serviceAccount: `puller-${mode}` })).toEqual(opened);
    expect(await ask({ pullSecrets: [`wrong-${mode}`] })).toMatchObject(refused('refused to show'));
  });

  test('D6: a Secret of another namespace opens nothing', async () => {
    const theirs = { namespace: 'other', pullSecrets: [`regcred-${mode}`] };
    expect(await ask(theirs)).toMatchObject(
      refused(`"regcred-${mode}" could not be read (it does not exist)`),
    );
    expect(await ask({ namespace: 'other', serviceAccount: `puller-${mode}` })).toMatchObject(
      refused('refused to show'),
    );
    const forgotten = { namespace: 'forgotten', pullSecrets: [`regcred-${mode}`] };
    expect(await ask(forgotten)).toMatchObject(
      refused(`"regcred-${mode}" could not be read (Countersign may not read it)`),
    );
  });
});
