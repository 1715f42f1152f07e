import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createUser, type User } from './cluster-user.ts';
import {
  startApiServer,
  startControllers,
  startEtcd,
  writeCredentials,
  type ControlPlaneFiles,
} from './control-plane.ts';
import { http, type HttpResponse } from './http-client.ts';
import { freePort } from './ports.ts';
import { run, type Output, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';
import { exposeService, type ExposedService, type ServiceTarget } from './webhook-service.ts';

export interface ClusterOptions {
  readonly workDir: string;
  /**
   * Also runs kube-controller-manager: Pods of Deployments and Jobs, default service accounts, garbage
   * collection. True unless said otherwise. There is no node, so Pods stay Pending.
   */
  readonly controllers?: boolean;
  /** More flags for kube-apiserver; later ones win. */
  readonly apiServerArgs?: readonly string[];
}

export interface KubectlOptions {
  /** Standard input, for `-f -`. */
  readonly input?: string;
  /** The administrator unless said otherwise. */
  readonly user?: User;
}

export interface RequestOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly user?: User;
}

export interface Cluster {
  readonly url: string;
  readonly caPem: string;
  /** In group `system:masters`. */
  readonly admin: User;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** One JSON document a line: every write, with its audit annotations. */
  readonly auditLog: string;
  readonly processes: {
    readonly etcd: RunningProcess;
    readonly apiServer: RunningProcess;
    readonly controllers?: RunningProcess;
  };
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<Output>;
  /** A call to the API as it is, for the exact status and body. */
  request(path: string, options?: RequestOptions): Promise<HttpResponse>;
  /** A new user, who may do nothing until RBAC says so. */
  user(name: string, groups?: readonly string[]): User;
  /** Creates a namespace and waits until Pods can be created in it. */
  createNamespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** Lets the API server reach a loopback port by a Service's name, as `clientConfig.service` asks. */
  webhookService(target: ServiceTarget): Promise<ExposedService>;
  stop(): Promise<void>;
}

/** A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = join(options.workDir, 'kubernetes');
  mkdirSync(folder, { recursive: true });
  const started: RunningProcess[] = [];
  const stop = async () => {
    await Promise.all(started.map((process) => process.stop()));
  };
  const start = async (starting: Promise<RunningProcess>) => {
    const process = await starting;
    started.push(process);
    return process;
  };
  try {
    const files = writeCredentials(folder);
    const [port, etcdPort] = [await freePort(), await freePort()];
    const url = `https://127.0.0.1:${port}`;
    const makeUser = (name: string, groups: readonly string[] = []) =>
      createUser({ folder, url, authority: files.authority, name, groups });
    const admin = makeUser('admin', ['system:masters']);
    const request = requester(url, files.authority.certPem, admin);

    const etcd = await start(startEtcd(folder, etcdPort));
    const withControllers = options.controllers !== false;
    const moreArgs = options.apiServerArgs ?? [];
    const ready = async () => (await request('/readyz')).status === 200;
    const apiServer = await start(
      startApiServer({ folder, port, etcdPort, files, withControllers, moreArgs, ready }),
    );
    const controllers = withControllers ? await start(startControllers(folder, files, admin)) : undefined;
    if (controllers) await defaultAccount(request, 'default', controllers);
    const processes = { etcd, apiServer, ...(controllers && { controllers }) };
    return clusterOf({ folder, url, files, admin, makeUser, request, processes, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface ClusterParts {
  readonly folder: string;
  readonly url: string;
  readonly files: ControlPlaneFiles;
  readonly admin: User;
  readonly makeUser: Cluster['user'];
  readonly request: ClusterRequest;
  readonly processes: Cluster['processes'];
  readonly stop: () => Promise<void>;
}

function clusterOf(parts: ClusterParts): Cluster {
  const { folder, files, admin, request, processes } = parts;
  const exposed: ExposedService[] = [];
  return {
    url: parts.url,
    caPem: files.authority.certPem,
    admin,
    kubeconfig: admin.kubeconfig,
    auditLog: files.auditLog,
    processes,
    request,
    user: parts.makeUser,
    kubectl: (args, { input, user = admin } = {}) =>
      run(toolPath('kubectl'), ['--kubeconfig', user.kubeconfig, ...args], {
        workDir: folder,
        ...(input !== undefined && { input }),
      }),
    createNamespace: async (name, labels = {}) => {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
      const created = await request('/api/v1/namespaces', { method: 'POST', body });
      if (created.status !== 201) {
        throw new Error(`Namespace ${name} was not created: ${created.body.toString()}`);
      }
      if (processes.controllers) await defaultAccount(request, name, processes.controllers);
    },
    webhookService: async (target) => {
      const service = await exposeService(request, target);
      exposed.push(service);
      return service;
    },
    stop: async () => {
      await Promise.all(exposed.map((service) => service.close()));
      await parts.stop();
    },
  };
}

export type ClusterRequest = Cluster['request'];

function requester(url: string, ca: string, admin: User): ClusterRequest {
  return (path, { method = 'GET', body, contentType = 'application/json', user = admin } = {}) =>
    http(`${url}${path}`, {
      method,
      ca,
      cert: user.credentials.certPem,
      key: user.credentials.keyPem,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
}

async function defaultAccount(
  request: ClusterRequest,
  namespace: string,
  controllers: RunningProcess,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    if ((await request(path)).status === 200) return;
  }
  throw new Error(
    `kube-controller-manager made no default service account in ${namespace} within 30 s. ${controllers.logTail()}`,
  );
}
