import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/client.ts';
import { silentLogger } from '../../src/log.ts';
import { ClusterCertificate, type ClusterCertificateOptions } from '../../src/tls/cluster-certificate.ts';
import { followCertificate } from '../../src/tls/serving-certificate.ts';
import { eventually } from '../kube/eventually.ts';
import { ScriptedApiServer, status } from '../kube/scripted-api-server.ts';
import { handshake, startTlsServer } from './tls-client.ts';

const secrets = '/api/v1/secrets';
const validating = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const mutating = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const day = 24 * 3_600_000;
const names: readonly [string, ...string[]] = ['countersign.countersign-system.svc', 'localhost'];

let api: ScriptedApiServer;
let client: KubeClient;
let replicas: ClusterCertificate[];
let wall: number;
/** Ends whatever a test left going. */
let calling: AbortController;
let server: Awaited<ReturnType<typeof startTlsServer>> | undefined;

function replica(options: Partial<ClusterCertificateOptions> = {}): ClusterCertificate {
  const made = new ClusterCertificate({
    client,
    namespace: 'countersign-system',
    secretName: 'countersign-tls',
    names,
    webhooks: { validating: ['countersign'], mutating: ['countersign'] },
    logger: silentLogger,
    now: () => wall,
    ...options,
    timing: { interval: 20, retry: 20, lifetime: 90 * day, ...options.timing },
  });
  replicas.push(made);
  return made;
}

function configuration(count: number) {
  const service = { namespace: 'countersign-system', name: 'countersign', path: '/validate' };
  const webhooks = Array.from({ length: count }, (_, i) => ({
    name: `w${i}`,
    clientConfig: { service },
    failurePolicy: 'Fail',
  }));
  return { metadata: { name: 'countersign' }, webhooks };
}

const secret = () => api.get(secrets, 'countersign-tls', 'countersign-system');
const inSecret = (key: string) =>
  Buffer.from((secret()?.['data'] as Record<string, string>)?.[key] ?? '', 'base64').toString();
/** The authorities that every webhook of both configurations trusts; undefined where they differ. */
function trusted(): string[] | undefined {
  const bundles = [validating, mutating].flatMap((collection) => {
    const webhooks = api.get(collection, 'countersign')?.['webhooks'] as {
      clientConfig: { caBundle?: string };
    }[];
    return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
  });
  if (new Set(bundles).size !== 1) return undefined;
  const pems = bundles[0]?.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
  return pems.map((pem) => new X509Certificate(pem).fingerprint256).sort();
}
const print = (pem: string) => new X509Certificate(pem).fingerprint256;
const looks = () =>
  api.requests.filter((request) => /^GET .*\/secrets\/countersign-tls$/.test(request)).length;
/** Until the replicas have looked at the Secret so many times more. */
async function looked(times: number): Promise<void> {
  const until = looks() + times;
  await eventually(`${times} more looks at the Secret`, () => looks() >= until);
}

beforeEach(async () => {
  replicas = [];
  calling = new AbortController();
  wall = Date.now();
  api = new ScriptedApiServer();
  api.serve(secrets, validating, mutating);
  api.put(validating, configuration(2));
  api.put(mutating, configuration(1));
  await api.start();
  client = new KubeClient(api.config());
});

afterEach(async () => {
  calling.abort();
  await Promise.all(replicas.map((made) => made.stop()));
  await client.close();
  await api.stop();
  await server?.stop();
  server = undefined;
});

describe('the certificate of a cluster', () => {
  test('is made, stored, and trusted by every webhook; nothing else of the configurations changes', async () => {
    const before = structuredClone(api.get(validating, 'countersign'));
    const made = replica();
    await made.start();
    expect(made.current().certificate.checkHost(names[0])).toBe(names[0]);
    expect(secret()).toMatchObject({ type: 'kubernetes.io/tls' });
    expect(inSecret('tls.crt')).toBe(made.current().certPem);
    await eventually('caBundle', () => trusted()?.join() === print(made.current().caPem));
    const after = structuredClone(api.get(validating, 'countersign')) as unknown as {
      webhooks: { clientConfig: { caBundle?: string } }[];
    };
    for (const webhook of after.webhooks) delete webhook.clientConfig.caBundle;
    expect(after.webhooks).toEqual(before?.['webhooks']);
    // At rest nothing is written.
    const rest = api.requests.filter((request) => !request.startsWith('GET')).length;
    await looked(4);
    expect(api.requests.filter((request) => !request.startsWith('GET')).length).toBe(rest);
  });

  test('H7: four replicas that start at once agree on one', async () => {
    const made = Array.from({ length: 4 }, () => replica());
    await Promise.all(made.map((each) => each.start()));
    expect(new Set(made.map((each) => each.current().certPem)).size).toBe(1);
    await eventually('caBundle', () => trusted()?.join() === print(made[0]?.current().caPem ?? ''));
  });

  test('an empty Secret that the installation made is filled: no right to create Secrets is needed', async () => {
    api.put(secrets, {
      metadata: { name: 'countersign-tls', namespace: 'countersign-system', labels: { app: 'x' } },
      type: 'Opaque',
    });
    const made = replica();
    await made.start();
    expect(inSecret('tls.crt')).toBe(made.current().certPem);
    expect(secret()?.metadata.labels).toEqual({ app: 'x' });
    expect(api.count('POST')).toBe(0);
  });

  test('start() waits for an API server that is not there yet', async () => {
    await api.stop();
    const made = replica();
    const starting = made.start();
    await sleep(80);
    expect(() => made.current()).toThrow(/no serving certificate/);
    await api.restart();
    await starting;
    expect(made.current().notAfter).toBeGreaterThan(wall + 89 * day);
  });

  test('a caBundle that somebody changed is put right', async () => {
    const made = replica();
    await made.start();
    await eventually('caBundle', () => trusted()?.join() === print(made.current().caPem));
    api.put(validating, configuration(3));
    await eventually('put right', () => trusted()?.join() === print(made.current().caPem));
    expect(trusted()).toHaveLength(1);
  });

  test.each([
    [
      'a key of another',
      (data: Record<string, string>) => ({ ...data, 'tls.key': Buffer.from('half').toString('base64') }),
    ],
    ['no certificate', (data: Record<string, string>) => ({ ...data, 'tls.crt': '' })],
    ['not base64 of anything', () => ({ 'tls.crt': '!!!', 'tls.key': 'x', 'ca.crt': 'x' })],
  ])('H7: a Secret with %s is written anew, and until then the one in use serves', async (_what, breakIt) => {
    const made = replica();
    await made.start();
    const first = made.current();
    server = await startTlsServer(first);
    const { port } = server;
    const object = secret();
    if (object === undefined) throw new Error('no secret');
    api.put(secrets, { ...object, data: breakIt(object['data'] as Record<string, string>) });
    expect(await handshake(port, first.caPem)).toBe(first.certificate.fingerprint256);
    await eventually(
      'anew, and in the Secret',
      () => made.current().certPem !== first.certPem && inSecret('tls.crt') === made.current().certPem,
    );
    await eventually(
      'both trusted',
      () => trusted()?.join() === [print(first.caPem), print(made.current().caPem)].sort().join(),
    );
  });

  test('H7: a deleted Secret is made again', async () => {
    const made = replica();
    await made.start();
    const first = made.current().certPem;
    api.delete(secrets, 'countersign-tls', 'countersign-system');
    await eventually('again', () => secret() !== undefined && inSecret('tls.crt') === made.current().certPem);
    expect(made.current().certPem).not.toBe(first);
  });
});

describe('rotation', () => {
  test('H7: under traffic: the next authority is trusted before its certificate is used, and the former one for a while after', async () => {
    wall = Date.now() - 62 * day;
    const [one, two] = [replica(), replica()];
    await Promise.all([one.start(), two.start()]);
    const first = one.current();
    server = await startTlsServer(first);
    const { port } = server;
    followCertificate(server.server, one);
    // What the API server trusts at this moment is what it verifies with: no handshake may ever fail.
    const failures: string[] = [];
    let handshakes = 0;
    /** Several handshakes that began after this was called. */
    const served = async () => {
      const until = handshakes + 4;
      await eventually('handshakes', () => handshakes >= until);
    };
    const bundle = () => {
      const { webhooks } = api.get(validating, 'countersign') as unknown as ReturnType<typeof configuration>;
      const { caBundle = '' } = (webhooks[0]?.clientConfig ?? {}) as { caBundle?: string };
      return Buffer.from(caBundle, 'base64').toString();
    };
    const traffic = (async () => {
      while (!calling.signal.aborted) {
        await handshake(port, bundle()).catch((error: Error) => failures.push(error.message));
        handshakes += 1;
      }
    })();
    await eventually('published', () => trusted()?.length === 1);
    await served();

    wall = Date.now() - day;
    await eventually('the next authority is published', () => trusted()?.length === 2);
    await Promise.all([looked(6), served()]);
    expect(one.current().certPem).toBe(first.certPem);
    wall += 3 * 60_000;
    await eventually(
      'promoted',
      () => one.current().certPem !== first.certPem && two.current().certPem === one.current().certPem,
    );
    const second = one.current();
    await eventually(
      'both trusted',
      () => trusted()?.join() === [print(first.caPem), print(second.caPem)].sort().join(),
    );
    await served();
    wall += 11 * 60_000;
    await eventually('the former one is gone', () => trusted()?.join() === print(second.caPem));
    await served();
    calling.abort();
    await traffic;
    expect(failures).toEqual([]);
  });

  test('H6: replicas that come, go, fail and rotate remove no webhook and no rule, and put nothing back', async () => {
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    for (const collection of [validating, mutating]) {
      const made = configuration(3);
      api.put(collection, { ...made, webhooks: made.webhooks.map((each) => ({ ...each, rules })) });
    }
    /** Both configurations without what they trust. */
    const shape = () =>
      [validating, mutating].map((collection) => {
        const { metadata, webhooks } = structuredClone(api.get(collection, 'countersign')) as unknown as {
          metadata: object;
          webhooks: { clientConfig: { caBundle?: string } }[];
        };
        for (const webhook of webhooks) delete webhook.clientConfig.caBundle;
        return { metadata: { ...metadata, resourceVersion: '' }, webhooks };
      });
    const before = shape();
    wall = Date.now() - 62 * day;
    const old = replica();
    await old.start();
    await eventually('published', () => trusted()?.length === 1);
    expect(shape()).toEqual(before);
    // A rolling update: the new one is there, the old one ends, and the new one rotates.
    const made = replica();
    await made.start();
    await old.stop();
    wall = Date.now() - day;
    await eventually('the next authority is published', () => trusted()?.length === 2);
    expect(shape()).toEqual(before);
    // The API server fails for a while, as when health is unknown.
    api.intercept = (_request, response) => {
      status(response, 500, 'InternalError');
      return true;
    };
    await looked(4);
    api.intercept = () => false;
    // The old one comes back, and the last one ends.
    const late = replica();
    await late.start();
    await made.stop();
    await late.stop();
    expect(shape()).toEqual(before);
    // What the administrator takes away is not put back by whoever only keeps the bundle.
    const smaller = configuration(1);
    for (const collection of [validating, mutating]) api.put(collection, smaller);
    const last = replica();
    await last.start();
    await eventually('trusted', () => trusted()?.length === 1 || trusted()?.length === 2);
    expect(shape().map(({ webhooks }) => webhooks)).toEqual([smaller.webhooks, smaller.webhooks]);
  });

  test('H7: while the caBundle cannot be written, the next certificate is not used', async () => {
    const made = replica();
    await made.start();
    const first = made.current();
    await eventually('published', () => trusted()?.length === 1);
    api.intercept = (request, response) => {
      if (request.method !== 'PATCH') return false;
      status(response, 403, 'Forbidden');
      return true;
    };
    wall += 61 * day;
    await eventually('the next one is made', () => inSecret('next-tls.crt') !== '');
    wall += 3 * 60_000;
    await looked(4);
    expect(made.current().certPem).toBe(first.certPem);
    api.intercept = () => false;
    await eventually('then it is', () => made.current().certPem !== first.certPem);
  });

  test('an expired certificate, and one for other names, is replaced at once', async () => {
    const made = replica();
    await made.start();
    const first = made.current().certPem;
    wall += 91 * day;
    await eventually('replaced', () => made.current().certPem !== first);
    await made.stop();
    const renamed = replica({ names: ['other.svc'] });
    await renamed.start();
    expect(renamed.current().certificate.checkHost('other.svc')).toBe('other.svc');
  });

  test('a configuration that is not installed holds nothing up', async () => {
    api.delete(mutating, 'countersign');
    const made = replica();
    await made.start();
    const first = made.current().certPem;
    wall += 61 * day;
    await eventually('next', () => inSecret('next-tls.crt') !== '');
    wall += 3 * 60_000;
    await eventually('promoted', () => made.current().certPem !== first);
    expect(inSecret('previous-ca.crt')).not.toBe('');
  });
});
