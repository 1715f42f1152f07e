import type { NamespaceSource, SnapshotSource } from '../admission/ports.ts';
import type { Resource } from '../api/resources.ts';
import type { Settings } from '../config.ts';
import type { Logger } from '../log.ts';
import { addressesOf } from '../registry/server-addresses.ts';
import { FileStore } from '../store/file-store.ts';
import type { Readiness } from '../store/readiness.ts';
import type { SnapshotListener } from '../store/snapshot-builder.ts';
import { DirectoryCertificate } from '../tls/directory-certificate.ts';
import type { CertificateSource } from '../tls/serving-certificate.ts';
import { builtinRoots } from '../trust/builtin-roots.ts';

/** Policies, signers and trust roots, wherever they are kept. */
export interface PolicyStore extends SnapshotSource, NamespaceSource {
  start(): void | Promise<void>;
  stop(): Promise<void>;
  readiness(): Readiness;
  ages(): ReadonlyMap<string, number>;
  onChange(listener: SnapshotListener): () => void;
}

export interface Certificate extends CertificateSource {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Worker {
  start(): void;
  stop(): Promise<void>;
}

/** What depends on whether there is a cluster. */
export interface Surroundings {
  readonly store: PolicyStore;
  readonly resources: () => readonly Resource[];
  readonly certificate: Certificate;
  /** What no decision waits for. */
  readonly workers: readonly Worker[];
  /** Addresses that no image name may lead to: the API server's. */
  readonly forbiddenAddresses: readonly string[];
  readonly close: () => Promise<void>;
}

/** What a certificate is made for where nobody says how the webhook is called. */
const LOCAL_NAMES: readonly [string, ...string[]] = ['localhost', '127.0.0.1', '::1'];

export function surroundingsFor(settings: Settings, logger: Logger): Promise<Surroundings> {
  return settings.policies === undefined
    ? inCluster(settings, logger)
    : Promise.resolve(standalone(settings, settings.policies, logger));
}

function standalone(settings: Settings, policies: string, logger: Logger): Surroundings {
  const maxSnapshotAge = settings.maxSnapshotAgeSeconds * 1000;
  const store = new FileStore({ path: policies, builtinRoots: builtinRoots(), logger, maxSnapshotAge });
  return {
    store,
    resources: () => store.resources(),
    certificate: directoryCertificate(settings, logger),
    workers: [],
    forbiddenAddresses: [],
    close: () => Promise.resolve(),
  };
}

function directoryCertificate({ certificate }: Settings, logger: Logger): DirectoryCertificate {
  return new DirectoryCertificate({
    directory: certificate.directory ?? '',
    createFor: certificate.names ?? LOCAL_NAMES,
    logger,
  });
}

/** The client of the API server is half a second's loading: only who needs it waits for it. */
async function inCluster(settings: Settings, logger: Logger): Promise<Surroundings> {
  const [{ loadKubeConfig }, { KubeClient }, { KubernetesStore }, { StatusWriter }, { ClusterCertificate }] =
    await Promise.all([
      import('../kube/config.ts'),
      import('../kube/client.ts'),
      import('../store/kubernetes-store.ts'),
      import('../store/status-writer.ts'),
      import('../tls/cluster-certificate.ts'),
    ]);
  const { kubeconfig, context, certificate, maxSnapshotAgeSeconds } = settings;
  const config = loadKubeConfig({ kubeconfig, context });
  const client = new KubeClient(config);
  const store = new KubernetesStore({
    client,
    builtinRoots: builtinRoots(),
    logger,
    maxSnapshotAge: maxSnapshotAgeSeconds * 1000,
  });
  const { secret, names = LOCAL_NAMES, validatingWebhooks, mutatingWebhooks } = certificate;
  return {
    store,
    resources: () => [...store.stored()].map(({ resource }) => resource),
    certificate:
      secret === undefined
        ? directoryCertificate(settings, logger)
        : new ClusterCertificate({
            client,
            namespace: secret.namespace,
            secretName: secret.name,
            names,
            webhooks: { validating: validatingWebhooks, mutating: mutatingWebhooks },
            logger,
          }),
    workers: [new StatusWriter({ client, store, logger })],
    forbiddenAddresses: await addressesOf(config.getCurrentCluster()?.server, logger),
    close: () => client.close(),
  };
}
