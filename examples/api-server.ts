/** The part of an API server that matters here: it asks the webhook, first to pin, then to validate. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

export interface Webhook {
  /** `https://localhost:8443` */
  readonly url: string;
  readonly caPem: string;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface Answer {
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  /** Base64 of a JSON patch. */
  readonly patch?: string;
}

export interface Admission extends Answer {
  /** Images that were pinned on the way. */
  readonly pinned: readonly string[];
  readonly milliseconds: number;
}

interface Replacement {
  readonly op: string;
  readonly path: string;
  readonly value: string;
}

/** What becomes of `kubectl apply`. */
export async function admit(webhook: Webhook, object: KubernetesObject): Promise<Admission> {
  const began = performance.now();
  const changed = structuredClone(object);
  const pinned: string[] = [];
  if (object.kind === 'Pod') {
    const { patch = '' } = await review(webhook, '/mutate', object);
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString() || '[]') as Replacement[];
    for (const operation of operations) {
      replace(changed, operation);
      pinned.push(operation.value);
    }
  }
  const answer = await review(webhook, '/validate', changed);
  return { ...answer, pinned, milliseconds: performance.now() - began };
}

async function review(webhook: Webhook, path: string, object: KubernetesObject): Promise<Answer> {
  const [group = '', version = ''] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  const { name, namespace = 'default' } = object.metadata;
  const uid = randomUUID();
  const body = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group, version, kind: object.kind },
      resource: { group, version, resource: `${object.kind.toLowerCase()}s` },
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'you@example.com' },
      object: { ...object, metadata: { ...object.metadata, namespace } },
    },
  };
  const answered = await post(`${webhook.url}${path}?timeout=10s`, webhook.caPem, JSON.stringify(body));
  const { response } = JSON.parse(answered) as { response: Answer & { uid: string } };
  if (response.uid !== uid) throw new Error(`${path} answered another review`);
  return response;
}

async function post(url: string, ca: string, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', ca, headers, agent: false }).end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}: ${answer}`);
  return answer;
}

/** RFC 6902 `replace`: the only operation that pinning needs. */
function replace(object: object, { op, path, value }: Replacement): void {
  if (op !== 'replace') throw new Error(`a patch with ${op}`);
  const steps = path.split('/').slice(1);
  const last = steps.pop() ?? '';
  const parent = steps.reduce(
    (at, step) => at[step] as Record<string, unknown>,
    object as Record<string, unknown>,
  );
  parent[last] = value;
}
