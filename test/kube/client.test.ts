import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeApiError, KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/config.ts';
import { pathOf } from '../../src/kube/object.ts';
import { createSelfSigned, type CertificateSet } from '../../src/tls/self-signed.ts';
import { scratchDirectory } from '../tls/tls-client.ts';

const hour = 3_600_000;
const namespaces = { group: '', version: 'v1', resource: 'namespaces' };

describe('over TLS, as a kubeconfig says', () => {
  let scratch: ReturnType<typeof scratchDirectory>;
  let certificate: CertificateSet;
  let server: Server;
  let connections = 0;
  let seen: string[] = [];
  let answer: (headers: NodeJS.Dict<string | string[]>) => [number, string];
  let clients: KubeClient[] = [];

  beforeEach(async () => {
    scratch = scratchDirectory();
    connections = 0;
    seen = [];
    clients = [];
    answer = () => [200, '{"metadata":{"name":"mcp"}}'];
    certificate = createSelfSigned({
      names: ['127.0.0.1'],
      notBefore: Date.now() - hour,
      notAfter: Date.now() + hour,
    });
    server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (request, response) => {
      seen.push(`${request.headers.authorization} ${request.url}`);
      const [code, body] = answer(request.headers);
      response.writeHead(code, { 'content-type': 'application/json' }).end(body);
    });
    server.on('secureConnection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    scratch.remove();
  });

  function clientFor(user: object, ca = certificate.caPem): KubeClient {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(scratch.path, 'kubeconfig');
    const config = {
      clusters: [
        {
          name: 'c',
          cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
        },
      ],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(file, JSON.stringify(config));
    const client = new KubeClient(loadKubeConfig({ kubeconfig: file }));
    clients.push(client);
    return client;
  }

  test('requests share their connections', async () => {
    const client = clientFor({ token: 't1' });
    for (let i = 0; i < 50; i++) await client.get({ ...namespaces, name: 'mcp' });
    expect(connections).toBeLessThanOrEqual(2);
    expect(seen[0]).toBe('Bearer t1 /api/v1/namespaces/mcp');
  });

  test('a server of another authority is refused before anything is said', async () => {
    const other = createSelfSigned({
      names: ['127.0.0.1'],
      notBefore: Date.now() - hour,
      notAfter: Date.now() + hour,
    });
    await expect(clientFor({ token: 't1' }, other.caPem).get({ ...namespaces, name: 'mcp' })).rejects.toThrow(
      /certificate/,
    );
    expect(seen).toEqual([]);
  });

  test('a token file and a rotated CA file are read again', async () => {
    const [token, ca] = [join(scratch.path, 'token'), join(scratch.path, 'ca.crt')];
    writeFileSync(token, 'first\n');
    writeFileSync(ca, certificate.caPem);
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      {
        name: 'c',
        server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        caFile: ca,
        skipTLSVerify: false,
      },
      { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: token } } },
    );
    const client = new KubeClient(config);
    clients.push(client);
    await client.get({ ...namespaces, name: 'mcp' });
    expect(seen.at(-1)).toContain('Bearer first /');
    const next = createSelfSigned({
      names: ['127.0.0.1'],
      notBefore: Date.now() - hour,
      notAfter: Date.now() + hour,
    });
    server.setSecureContext({ cert: next.certPem, key: next.keyPem });
    writeFileSync(ca, certificate.caPem + next.caPem);
    await client.get({ ...namespaces, name: 'mcp' });
    expect(connections).toBeLessThanOrEqual(3);
  });

  test('an answer that is no success is an error with its status and reason, and its message is bounded', async () => {
    answer = () => [409, JSON.stringify({ kind: 'Status', reason: 'Conflict', message: 'x'.repeat(10_000) })];
    const error = await clientFor({ token: 't' })
      .get({ ...namespaces, name: 'mcp' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({ status: 409, reason: 'Conflict' });
    expect((error as Error).message.length).toBeLessThan(400);
    answer = () => [200, '[]'];
    await expect(clientFor({ token: 't' }).get({ ...namespaces, name: 'mcp' })).rejects.toThrow(TypeError);
  });
});

test('parts of a path are escaped and cannot climb', () => {
  const path = {
    group: 'countersign.dev',
    version: 'v1alpha1',
    resource: 'signingpolicies',
    namespace: 'a/b',
    name: 'x?y',
  };
  expect(pathOf(path)).toBe('/apis/countersign.dev/v1alpha1/namespaces/a%2Fb/signingpolicies/x%3Fy');
  expect(() => pathOf({ ...path, name: '..' })).toThrow(TypeError);
  expect(() => pathOf({ ...path, namespace: '' })).toThrow(TypeError);
});

test('without a kubeconfig and outside a cluster, the reason is said', () => {
  const before = process.env['KUBERNETES_SERVICE_HOST'];
  delete process.env['KUBERNETES_SERVICE_HOST'];
  try {
    expect(() => loadKubeConfig()).toThrow(/does not run inside a Kubernetes cluster/);
  } finally {
    if (before !== undefined) process.env['KUBERNETES_SERVICE_HOST'] = before;
  }
});
