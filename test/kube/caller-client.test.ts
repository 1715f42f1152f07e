import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { CallerClient } from '../../src/kube/caller-client.ts';
import { KubeClient, TooLargeError, warningsOf } from '../../src/kube/client.ts';
import { createSelfSigned, type CertificateSet } from '../../src/tls/self-signed.ts';

const HOUR = 3_600_000;
const POD = { group: '', version: 'v1', resource: 'pods', namespace: 'mcp', name: 'server' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Seen {
  readonly method: string | undefined;
  readonly authorization: string | undefined;
  readonly impersonates: string | undefined;
  readonly certificate: boolean;
  readonly body: string;
}

let server: Server;
let certificate: CertificateSet;
let seen: Seen[];
/** What somebody wrote into the object that is answered. */
let note: string;

beforeEach(async () => {
  seen = [];
  note = '';
  const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
  certificate = createSelfSigned({ names: ['127.0.0.1'], ...validity });
  const { certPem: cert, keyPem: key } = certificate;
  server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization, 'impersonate-user': impersonates } = request.headers;
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      seen.push({
        method: request.method,
        authorization,
        impersonates: impersonates?.toString(),
        certificate: Object.keys(peer).length > 0,
        body: Buffer.concat(chunks).toString(),
      });
      response.setHeader('Warning', ['299 - "one \\"quoted\\""', '299 - "two", 299 - "three"']);
      response.end(JSON.stringify({ metadata: { name: 'server', annotations: { note } } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function config(): KubeConfig {
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kube = new KubeConfig();
  kube.loadFromOptions({
    clusters: [{ name: 'c', server: url, caData: base64(certificate.caPem) }],
    users: [
      {
        name: 'admin',
        certData: base64(certificate.certPem),
        keyData: base64(certificate.keyPem),
        token: 'of-countersign',
        impersonateUser: 'root',
      },
    ],
    contexts: [{ name: 'x', cluster: 'c', user: 'admin' }],
    currentContext: 'x',
  });
  return kube;
}

test('a call for somebody carries their token, and nothing of the identity that the kubeconfig has', async () => {
  const own = new KubeClient(config());
  const callers = new CallerClient(config());
  try {
    await own.get(POD);
    expect(seen[0]).toMatchObject({
      authorization: 'Bearer of-countersign',
      impersonates: 'root',
      certificate: true,
    });
    await callers.as('of-alice').get(POD);
    await callers.as('of-bob').delete(POD, { uid: 'u1' });
    expect(seen.slice(1)).toEqual([
      {
        method: 'GET',
        authorization: 'Bearer of-alice',
        impersonates: undefined,
        certificate: false,
        body: '',
      },
      {
        method: 'DELETE',
        authorization: 'Bearer of-bob',
        impersonates: undefined,
        certificate: false,
        body: '{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u1"}}',
      },
    ]);
  } finally {
    await Promise.all([own.close(), callers.close()]);
  }
});

test.each(['', ' ', 'two words', 'a\r\nImpersonate-User: root', 'ü'])(
  'what is no token is not sent: %j',
  async (token) => {
    const callers = new CallerClient(config());
    try {
      await expect(callers.as(token).get(POD)).rejects.toThrow('no bearer token');
      await callers.as('good').get(POD);
      expect(seen).toHaveLength(1);
    } finally {
      await callers.close();
    }
  },
);

test('warnings of the API server are handed on', async () => {
  const callers = new CallerClient(config());
  const warnings: string[] = [];
  try {
    await callers.as('of-alice').get(POD, { onWarning: (text) => warnings.push(text) });
    expect(warnings).toEqual(['one "quoted"', 'two', 'three']);
  } finally {
    await callers.close();
  }
  expect(warningsOf(undefined)).toEqual([]);
  expect(warningsOf(Array.from({ length: 100 }, () => '299 - "x"'))).toHaveLength(20);
});

test('G14: an answer that whoever asks has filled is bounded before it is parsed; one of the largest object is read', async () => {
  const own = new KubeClient(config());
  const callers = new CallerClient(config());
  try {
    note = 'x'.repeat(1_500_000);
    await expect(callers.as('of-jane').get(POD)).resolves.toMatchObject({ metadata: { name: 'server' } });
    note = 'x'.repeat(3 * 1024 * 1024);
    await expect(callers.as('of-jane').get(POD)).rejects.toBeInstanceOf(TooLargeError);
    // What Countersign itself watches it must be able to read.
    await expect(own.get(POD)).resolves.toMatchObject({ metadata: { name: 'server' } });
  } finally {
    await Promise.all([own.close(), callers.close()]);
  }
});
