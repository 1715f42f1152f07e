import { Client, type Dispatcher } from 'undici';
import type { Mutation } from '../../src/admission/mutate.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import { WebhookServer, type WebhookOptions } from '../../src/http/webhook-server.ts';
import { silentLogger } from '../../src/log.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { createSelfSigned, type CertificateSet } from '../../src/tls/self-signed.ts';

const hour = 3_600_000;

export function certificateFor(name = 'localhost'): CertificateSet {
  return createSelfSigned({ names: [name], notBefore: Date.now() - hour, notAfter: Date.now() + hour });
}

const serving = certificateFor();

/** An admission that admits, and remembers who asked. */
export class AdmittingAdmission {
  readonly asked: AdmissionRequest[] = [];

  async validate(request: AdmissionRequest, _signal: AbortSignal): Promise<Decision> {
    this.asked.push(request);
    return decisionOn(request);
  }

  async mutate(request: AdmissionRequest, _signal: AbortSignal): Promise<Mutation> {
    this.asked.push(request);
    return { patch: [{ op: 'replace', path: '/spec/containers/0/image', value: 'a@b' }] };
  }
}

export function decisionOn(request: AdmissionRequest, over: Partial<Decision> = {}): Decision {
  const { uid, operation, dryRun, kind, namespace, name, userInfo } = request;
  return {
    uid,
    operation,
    dryRun,
    object: { kind: kind.kind, namespace, name },
    user: userInfo.username,
    allowed: true,
    code: 200,
    message: '',
    codes: [],
    warnings: [],
    auditAnnotations: { outcome: 'admitted' },
    images: [],
    snapshot: 1,
    ...over,
  };
}

export interface Running {
  readonly server: WebhookServer;
  readonly client: Client;
  stop(): Promise<void>;
}

export async function startWebhook(over: Partial<WebhookOptions> = {}): Promise<Running> {
  const server = new WebhookServer({
    host: '127.0.0.1',
    port: 0,
    keyPair: { cert: serving.certPem, key: serving.keyPem },
    clientCa: undefined,
    limits: { total: 64, perNamespace: 32 },
    admission: new AdmittingAdmission(),
    checkDocument: () => ({ problems: [], warnings: [] }),
    observer: { decided: () => undefined },
    logger: silentLogger,
    ...over,
  });
  await server.start();
  const client = clientOf(server);
  return {
    server,
    client,
    stop: async () => {
      await client.destroy();
      await server.stop(1_000);
    },
  };
}

export function clientOf(
  server: WebhookServer,
  identity: { cert?: string; key?: string; ca?: string } = {},
): Client {
  return new Client(`https://127.0.0.1:${server.port}`, {
    connect: { ca: serving.caPem, servername: 'localhost', ...identity },
    pipelining: 1,
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

export async function post(
  client: Client,
  path: string,
  body: string | Buffer | AsyncIterable<Buffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await client.request({
    method: 'POST',
    path,
    // undici sends an async iterable in chunks, without a length.
    body: body as string,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

/** What stands in `response` of an AdmissionReview. */
export interface ReviewAnswer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly patch?: string;
  readonly patchType?: string;
}

export function reviewIn(answer: Answer): ReviewAnswer {
  const answered = JSON.parse(answer.text) as { apiVersion: string; kind: string; response: ReviewAnswer };
  if (`${answered.apiVersion} ${answered.kind}` !== 'admission.k8s.io/v1 AdmissionReview')
    throw new Error(answer.text);
  return answered.response;
}

/** A review of a Pod, as a real API server sends it. */
export function review(over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...podRequest(), ...over },
  };
}

function podRequest(): Record<string, unknown> {
  return {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    name: 'server',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'dev@example.com', groups: ['system:authenticated'] },
    object: pod(),
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  };
}

export function pod(): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'server', namespace: 'mcp' },
    spec: { containers: [{ name: 'server', image: 'ghcr.io/org/server:v1' }] },
  };
}
