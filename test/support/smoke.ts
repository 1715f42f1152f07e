/**
 * Starts every real part once, signs in every layout, lets the API server call a webhook by URL and by Service,
 * and stops all of it: `node test/support/smoke.ts`. It tells a broken part from a broken test.
 */
import { strict as assert } from 'node:assert';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from './certificates.ts';
import {
  attest,
  createCosign,
  generateKeyPair,
  save,
  sign,
  verify,
  type Proofs,
  type Signer,
} from './cosign.ts';
import { answers } from './http-client.ts';
import { pushImage, pushIndex } from './images.ts';
import { startCluster, type Cluster } from './kubernetes.ts';
import { copyManifest, evidenceTag, getManifest, referrersOf } from './manifests.ts';
import { githubIssuer, googleIssuer } from './oidc.ts';
import { startRegistry, type Registry, type RegistryMode } from './registry.ts';
import { startSigstore, type Sigstore } from './sigstore.ts';
import { createWorkDirectory } from './work-dir.ts';

const started = performance.now();
const work = createWorkDirectory('smoke');

async function step<T>(name: string, action: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await action();
  console.log(`${((performance.now() - begin) / 1000).toFixed(2).padStart(6)} s  ${name}`);
  return result;
}

async function signEverything(sigstore: Sigstore, registry: Registry): Promise<void> {
  const cosign = createCosign({ workDir: work.path, sigstore });
  const cosign2 = createCosign({ workDir: work.path, sigstore, major: 2 });
  const key = await generateKeyPair(cosign);
  const email = { token: await sigstore.emailToken('build@example.com') };
  const run = { repository: 'org/app', workflow: 'release.yml', ref: 'refs/tags/v1.0.0' };
  const workflow = { token: await sigstore.workflowToken(run) };
  const byEmail = { identity: 'build@example.com', issuer: googleIssuer };
  const byWorkflow = {
    identity: 'https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0.0',
    issuer: githubIssuer,
  };
  const cases: readonly [string, typeof cosign, Signer, Proofs, Parameters<typeof verify>[2]][] = [
    ['keyless, e-mail', cosign, email, {}, byEmail],
    ['keyless, workflow', cosign, workflow, {}, byWorkflow],
    ['keyless, Rekor v1', cosign, email, { log: 'v1' }, byEmail],
    ['keyless, timestamp only', cosign, email, { log: 'none', timestamp: true }, byEmail],
    ['key', cosign, { key }, {}, { key }],
    ['key, no log', cosign, { key }, { log: 'none' }, { key }],
    ['legacy keyless', cosign, email, { legacy: true }, byEmail],
    [
      'legacy keyless, timestamp only',
      cosign,
      email,
      { legacy: true, log: 'none', timestamp: true },
      byEmail,
    ],
    ['legacy key', cosign, { key }, { legacy: true }, { key }],
    ['legacy key, no log', cosign, { key }, { legacy: true, log: 'none' }, { key }],
    ['cosign 2 keyless', cosign2, email, {}, byEmail],
    ['cosign 2 key', cosign2, { key }, {}, { key }],
  ];
  for (const [name, signing, signer, proofs, expected] of cases) {
    await step(`${registry.mode}: ${name}`, async () => {
      const image = await pushImage(registry, 'org/app', { tag: 'v1', content: name });
      await sign(signing, image, signer, proofs);
      await verify(cosign, image, expected, proofs);
      const legacy = signing.major === 2 || proofs.legacy === true;
      assert.equal((await referrersOf(image)).length, legacy ? 0 : 1);
      const tag = await getManifest(registry, 'org/app', evidenceTag(image.digest, '.sig'));
      assert.equal(tag !== undefined, legacy);
    });
  }

  await step(`${registry.mode}: attestation, index, copy, save`, async () => {
    const amd64 = await pushImage(registry, 'org/app', { content: 'index' });
    const arm64 = await pushImage(registry, 'org/app', {
      content: 'index',
      platform: { os: 'linux', architecture: 'arm64' },
    });
    const index = await pushIndex(registry, 'org/app', [amd64.descriptor, arm64.descriptor], 'index');
    await sign(cosign, index, { key }, { log: 'none', recursive: true });
    assert.deepEqual((await Promise.all([index, amd64, arm64].map(referrersOf))).flat().length, 3);
    await attest(cosign, index, workflow, { type: 'slsaprovenance1', predicate: { buildDefinition: {} } });
    assert.equal((await referrersOf(index)).length, 2);
    const from = { registry, repository: 'org/app', reference: 'index' };
    const copy = await copyManifest(from, { registry, repository: 'elsewhere/app', tag: 'copied' });
    assert.equal(copy.digest, index.digest);
    await sign(cosign, amd64, { key }, { legacy: true, log: 'none' });
    await save(cosign, amd64, `${work.path}/layout-${registry.mode}`);
  });
}

async function admitByWebhook(cluster: Cluster): Promise<void> {
  const authority = createAuthority('smoke webhook');
  const leaf = authority.issue({ commonName: 'webhook', names: ['127.0.0.1', 'webhook.smoke.svc'] });
  const server = createServer({ key: leaf.keyPem, cert: leaf.certPem }, (request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const review = JSON.parse(text) as { request: { uid: string } };
      const allowed = !text.includes('evil');
      const status = { message: `asked as ${request.headers.host}` };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...review, response: { uid: review.request.uid, allowed, status } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await cluster.createNamespace('smoke');
    const service = await cluster.webhookService({ namespace: 'smoke', name: 'webhook', targetPort: port });
    assert.ok(service.port > 0);
    const clients = {
      'by-url': { url: `https://127.0.0.1:${port}/validate` },
      'by-service': { service: { namespace: 'smoke', name: 'webhook', path: '/validate' } },
    };
    for (const [name, client] of Object.entries(clients)) {
      const configuration = webhookConfiguration(name, { ...client, caBundle: base64(authority.certPem) });
      await kubectl(cluster, ['apply', '-f', '-'], configuration);
      const refused = await untilRefused(cluster, pod(`evil-${name}`, 'registry.example/evil:v1'));
      assert.match(refused, name === 'by-url' ? /asked as 127\.0\.0\.1/ : /asked as webhook\.smoke\.svc:443/);
      await kubectl(cluster, ['apply', '-f', '-'], pod(`good-${name}`, 'registry.example/good:v1'));
      await kubectl(cluster, ['delete', 'validatingwebhookconfiguration', name]);
    }
    await kubectl(cluster, [
      '-n',
      'smoke',
      'create',
      'deployment',
      'app',
      '--image=registry.example/good:v1',
    ]);
    await untilPodOf(cluster, 'app');
    const stranger = await cluster.request('/api/v1/namespaces/smoke/pods', {
      user: cluster.user('stranger'),
    });
    assert.equal(stranger.status, 403);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function webhookConfiguration(name: string, clientConfig: unknown): unknown {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: `${name}.smoke.example`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig,
        rules: [rule],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'smoke' } },
      },
    ],
  };
}

function pod(name: string, image: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'smoke' },
    spec: { containers: [{ name: 'app', image }] },
  };
}

async function kubectl(cluster: Cluster, args: readonly string[], input?: unknown): Promise<string> {
  const output = await cluster.kubectl(args, input === undefined ? {} : { input: JSON.stringify(input) });
  assert.equal(output.code, 0, `kubectl ${args.join(' ')}: ${output.stderr}`);
  return output.stdout;
}

/** A new webhook configuration takes the API server about a second to see. */
async function untilRefused(cluster: Cluster, manifest: unknown): Promise<string> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const output = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], {
      input: JSON.stringify(manifest),
    });
    if (output.code !== 0) return output.stderr;
  }
  throw new Error('The API server did not ask the webhook within 20 s.');
}

async function untilPodOf(cluster: Cluster, app: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const found = await kubectl(cluster, ['-n', 'smoke', 'get', 'pods', '-l', `app=${app}`, '-o', 'name']);
    if (found !== '') return;
  }
  throw new Error(`Deployment ${app} got no Pod within 20 s.`);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const stops: (() => Promise<void>)[] = [];
try {
  const sigstore = await step('Sigstore started', () => startSigstore({ workDir: work.path }));
  stops.push(sigstore.stop);
  for (const mode of ['referrers', 'fallback'] satisfies RegistryMode[]) {
    const registry = await step(`registry started (${mode})`, () =>
      startRegistry({ mode, workDir: work.path }),
    );
    stops.push(registry.stop);
    await signEverything(sigstore, registry);
  }
  const authority = createAuthority('smoke registry');
  const tls = { ...authority.issue({ commonName: 'registry', names: ['127.0.0.1'] }), ca: authority.certPem };
  for (const mode of ['referrers', 'fallback'] satisfies RegistryMode[]) {
    await step(`registry with TLS and an account (${mode})`, async () => {
      const registry = await startRegistry({ mode, workDir: work.path, tls, authenticated: true });
      stops.push(registry.stop);
      assert.ok(await answers(`${registry.url}/v2/`, [401])());
      const cosign = createCosign({ workDir: work.path, sigstore });
      await sign(cosign, await pushImage(registry, 'org/app'), {
        token: await sigstore.emailToken('a@b.example'),
      });
    });
  }
  const cluster = await step('cluster started', () => startCluster({ workDir: work.path }));
  stops.push(cluster.stop);
  await step('webhook by URL and by Service, Deployment, user', () => admitByWebhook(cluster));
} finally {
  await step('everything stopped', () => Promise.all(stops.map((stop) => stop())));
  work.remove();
}
console.log(`${((performance.now() - started) / 1000).toFixed(2).padStart(6)} s  in all`);
