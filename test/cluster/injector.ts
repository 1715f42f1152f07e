import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../support/certificates.ts';

/** A mutating webhook of somebody else, as meshes have it: what a Pod's annotations say, it does to the Pod. */
export interface Injector {
  /** To be applied; its name sorts behind Countersign's, so that it is asked later. */
  readonly configuration: object;
  readonly asked: () => number;
  stop(): Promise<void>;
}

/** A container with this image is added. */
export const INJECT = 'sidecar.example/inject';
/** The first container gets this image. */
export const SWAP = 'sidecar.example/swap';

interface Review {
  readonly request: {
    readonly uid: string;
    readonly object: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly { readonly name: string }[] };
    };
  };
}

export async function startInjector(namespace: string): Promise<Injector> {
  const authority = createAuthority('injector');
  const { certPem, keyPem } = authority.issue({ commonName: 'injector', names: ['127.0.0.1'] });
  let asked = 0;
  const server: Server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked += 1;
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
      const patch = Buffer.from(JSON.stringify(patchFor(review))).toString('base64');
      const answer = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    asked: () => asked,
    configuration: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'zz-injector' },
      webhooks: [
        {
          name: 'zz.injector.example',
          clientConfig: {
            url: `https://127.0.0.1:${port}/inject`,
            caBundle: Buffer.from(authority.certPem).toString('base64'),
          },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
        },
      ],
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function patchFor({ request: { object } }: Review): object[] {
  const { [INJECT]: added, [SWAP]: swapped } = object.metadata.annotations ?? {};
  // Asked again after another webhook's change, it adds no second one.
  const isThere = object.spec.containers.some(({ name }) => name === 'sidecar');
  return [
    ...(added === undefined || isThere
      ? []
      : [{ op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image: added } }]),
    ...(swapped === undefined ? [] : [{ op: 'replace', path: '/spec/containers/0/image', value: swapped }]),
  ];
}
