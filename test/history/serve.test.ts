import { afterAll, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Service } from '../../src/cli/serve.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';
import { http } from '../support/http-client.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

const work = createWorkDirectory('history-serve');
const FILE = join(work.path, 'history/h.db');
afterAll(() => work.remove());

const POLICY = `apiVersion: countersign.dev/v1alpha1
kind: ClusterSigningPolicy
metadata: {name: all}
spec:
  requireSignature: true
  tagPolicy: RequireDigest
  trustedKeys: [{keyless: true, issuer: "https://accounts.google.com", subject: build@example.com}]
`;

function review(uid: string, dryRun: boolean): string {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'server', namespace: 'mcp' },
    spec: { containers: [{ name: 'server', image: 'localhost:1/org/server:v1' }] },
  };
  const request = {
    uid,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'mcp',
    name: 'server',
    operation: 'CREATE',
    userInfo: { username: 'eve' },
    object,
    dryRun,
  };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

function isPrepared(): boolean {
  try {
    const db = new DatabaseSync(FILE, { readOnly: true });
    try {
      return db.prepare('select count(*) as rows from verifications').all().length === 1;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}

test('the service keeps each decision but a dry run, and writes the end before it ends (E18)', async () => {
  mkdirSync(join(work.path, 'policies'));
  writeFileSync(join(work.path, 'policies/all.yaml'), POLICY);
  const settings = join(work.path, 'settings.yaml');
  writeFileSync(
    settings,
    `policies: policies
history: {path: history/h.db}
webhook: {host: 127.0.0.1, port: 0}
operations: {host: 127.0.0.1, port: 0}
admin: {enabled: false}
dataDirectory: data
certificate: {directory: certs}
trustRoots: {publicGood: {refresh: false}}
`,
  );
  const service = await Service.start(
    loadSettings({ file: settings, flags: {}, env: {}, cwd: '/' }),
    silentLogger,
  );
  try {
    await eventually('it is ready', () => service.notReady().length === 0);
    // At the end it has three seconds, which are not for making the tables on a busy machine.
    await eventually('the tables are made', isPrepared);
    for (const [uid, dryRun] of [
      ['dry', true],
      ['wet', false],
    ] as const) {
      const answer = await http(`https://127.0.0.1:${service.ports.webhook}/validate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: review(uid, dryRun),
        anyCertificate: true,
      });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body.toString())).toMatchObject({ response: { uid, allowed: false } });
    }
    const metrics = await http(`http://127.0.0.1:${service.ports.operations}/metrics`);
    expect(metrics.body.toString()).toContain('countersign_history_waiting_rows');
  } finally {
    await service.stop();
  }
  const db = new DatabaseSync(FILE, { readOnly: true });
  const rows = db.prepare('select uid, image, code, decision, username from verifications').all();
  db.close();
  expect(rows).toMatchObject([
    {
      uid: 'wet',
      image: 'localhost:1/org/server:v1',
      code: expect.any(String),
      decision: 'denied',
      username: 'eve',
    },
  ]);
});
