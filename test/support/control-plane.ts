import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createAuthority, rsaKey, type CertificateAuthority } from './certificates.ts';
import type { User } from './cluster-user.ts';
import { flags } from './flags.ts';
import { answers } from './http-client.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

export interface ControlPlaneFiles {
  readonly authority: CertificateAuthority;
  readonly caPath: string;
  readonly servingCert: string;
  readonly servingKey: string;
  readonly accountKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
}

export function writeCredentials(folder: string): ControlPlaneFiles {
  const write = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const authority = createAuthority('countersign test cluster');
  const serving = authority.issue({
    commonName: 'kube-apiserver',
    names: [
      '127.0.0.1',
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      '10.0.0.1',
    ],
  });
  return {
    authority,
    caPath: write('ca.crt', authority.certPem),
    servingCert: write('apiserver.crt', serving.certPem),
    servingKey: write('apiserver.key', serving.keyPem),
    accountKey: write('service-accounts.key', rsaKey()),
    auditPolicy: write('audit-policy.yaml', auditPolicy),
    auditLog: join(folder, 'audit.log'),
  };
}

// Writes of Pods and what makes them, by people and controllers alike; reads would bury them.
const auditPolicy = stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io' }, { group: '', resources: ['events'] }] },
    { level: 'Metadata' },
  ],
});

export function startEtcd(folder: string, port: number): Promise<RunningProcess> {
  const url = `http://127.0.0.1:${port}`;
  return startProcess({
    name: 'etcd',
    file: toolPath('etcd'),
    args: flags({
      'data-dir': join(folder, 'etcd'),
      'unsafe-no-fsync': true,
      'log-level': 'warn',
      'listen-client-urls': url,
      'advertise-client-urls': url,
      // A member of one has no peers; port 0 lets the kernel choose what nobody connects to.
      'listen-peer-urls': 'http://127.0.0.1:0',
      'initial-advertise-peer-urls': 'http://127.0.0.1:1',
      'initial-cluster': 'default=http://127.0.0.1:1',
    }),
    workDir: folder,
    ready: answers(`${url}/health`),
    grace: 0,
  });
}

export interface ApiServerStart {
  readonly folder: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly files: ControlPlaneFiles;
  /** More flags; later ones win. */
  readonly moreArgs: readonly string[];
  readonly withControllers: boolean;
  readonly ready: () => Promise<boolean>;
}

export function startApiServer(start: ApiServerStart): Promise<RunningProcess> {
  const { folder, files } = start;
  return startProcess({
    name: 'kube-apiserver',
    file: toolPath('kube-apiserver'),
    args: [
      ...flags({
        'etcd-servers': `http://127.0.0.1:${start.etcdPort}`,
        'bind-address': '127.0.0.1',
        'secure-port': start.port,
        'tls-cert-file': files.servingCert,
        'tls-private-key-file': files.servingKey,
        'client-ca-file': files.caPath,
        'authorization-mode': 'RBAC',
        'allow-privileged': true,
        'service-account-issuer': 'https://kubernetes.default.svc',
        'service-account-key-file': files.accountKey,
        'service-account-signing-key-file': files.accountKey,
        'service-cluster-ip-range': '10.0.0.0/24',
        'endpoint-reconciler-type': 'none',
        // Webhooks named by a Service are dialled at its endpoints: no kube-proxy serves cluster IPs here.
        'enable-aggregator-routing': true,
        'audit-policy-file': files.auditPolicy,
        'audit-log-path': files.auditLog,
        // Without controllers nobody makes the service accounts that this plugin waits for.
        ...(start.withControllers ? {} : { 'disable-admission-plugins': 'ServiceAccount' }),
      }),
      ...start.moreArgs,
    ],
    workDir: folder,
    ready: start.ready,
    grace: 0,
  });
}

/** What makes Pods of workloads, what every namespace and account needs, roles that are made of others, and what deletes. */
const CONTROLLERS = [
  'clusterrole-aggregation-controller',
  'cronjob-controller',
  'daemonset-controller',
  'deployment-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'replicaset-controller',
  'replicationcontroller-controller',
  'serviceaccount-controller',
  'statefulset-controller',
];

export async function startControllers(
  folder: string,
  files: ControlPlaneFiles,
  admin: User,
): Promise<RunningProcess> {
  const port = await freePort();
  return startProcess({
    name: 'kube-controller-manager',
    file: toolPath('kube-controller-manager'),
    args: flags({
      kubeconfig: admin.kubeconfig,
      'leader-elect': false,
      controllers: CONTROLLERS.join(','),
      'bind-address': '127.0.0.1',
      'secure-port': port,
      'service-account-private-key-file': files.accountKey,
      'root-ca-file': files.caPath,
      // Each controller under its own account, as in a cluster that kubeadm made.
      'use-service-account-credentials': true,
    }),
    workDir: folder,
    ready: answers(`https://127.0.0.1:${port}/healthz`),
    grace: 0,
  });
}
