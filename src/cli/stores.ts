import type { KubeConfig } from '@kubernetes/client-node';
import type { NamespaceSource, SnapshotSource } from '../admission/ports.ts';
import type { Resource } from '../api/resources.ts';
import type { Settings } from '../config.ts';
import type { CallerClient } from '../kube/caller-client.ts';
import type { KubeClient } from '../kube/client.ts';
import { LIMITS } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { PullSecretSource } from '../registry/pull-secret.ts';
import { addressesOf } from '../registry/server-addresses.ts';
import { FileDesk } from '../store/file-desk.ts';
import { FileStore } from '../store/file-store.ts';
import type { Readiness } from '../store/readiness.ts';
import type { ResourceDesk } from '../store/resource-desk.ts';
import type { SnapshotListener } from '../store/snapshot-builder.ts';
import { DirectoryCertificate } from '../tls/directory-certificate.ts';
import type { CertificateSource } from '../tls/serving-certificate.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { TrustKeeper } from '../trust/trust-keeper.ts';
import { trustKeeper } from './trust.ts';

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

/** The API server, as Countersign's own ServiceAccount and on behalf of other people. */
export interface ClusterLink {
  readonly config: KubeConfig;
  readonly client: KubeClient;
  readonly callers: CallerClient;
}

/** What depends on whether there is a cluster. */
export interface Surroundings {
  readonly store: PolicyStore;
  readonly resources: () => readonly Resource[];
  /** Where people read and change them. */
  readonly desk: ResourceDesk;
  readonly certificate: Certificate;
  /** Keys and roots that the resources refer to. */
  readonly trust: TrustKeeper;
  /** What no decision waits for. */
  readonly workers: readonly Worker[];
  /** Addresses that no image name may lead to: the API server's. */
  readonly forbiddenAddresses: readonly string[];
  /** Absent where no namespace's may be read. */
  readonly pullSecrets: PullSecretSource | undefined;
  /** Undefined standalone. */
  readonly cluster: ClusterLink | undefined;
  readonly close: () => Promise<void>;
}

/** Milliseconds for reading one pull secret, while a review waits. */
const SECRET_TIMEOUT = 3000;

/** What a certificate is made for where nobody says how the webhook is called. */
const LOCAL_NAMES: readonly [string, ...string[]] = ['localhost', '127.0.0.1', '::1'];

export function surroundingsFor(settings: Settings, logger: Logger, metrics: Metrics): Promise<Surroundings> {
  return settings.policies === undefined
    ? inCluster(settings, logger, metrics)
    : Promise.resolve(standalone(settings, settings.policies, logger, metrics));
}

function standalone(settings: Settings, policies: string, logger: Logger, metrics: Metrics): Surroundings {
  const maxSnapshotAge = settings.maxSnapshotAgeSeconds * 1000;
  const trust = trustKeeper(settings, { logger, metrics, readSecret: undefined });
  const store = new FileStore({ path: policies, trust, logger, maxSnapshotAge });
  return {
    store,
    trust,
    resources: () => store.resources(),
    desk: new FileDesk({ path: policies, store }),
    certificate: directoryCertificate(settings, logger),
    workers: [],
    forbiddenAddresses: [],
    // Without a cluster there are no Secrets.
    pullSecrets: undefined,
    cluster: undefined,
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
async function inCluster(settings: Settings, logger: Logger, metrics: Metrics): Promise<Surroundings> {
  const [
    { loadKubeConfig },
    { KubeClient },
    { CallerClient },
    { PullSecrets },
    { secretReader },
    { KubernetesStore },
    { KubernetesDesk },
    { StatusWriter },
    { ClusterCertificate },
  ] = await Promise.all([
    import('../kube/config.ts'),
    import('../kube/client.ts'),
    import('../kube/caller-client.ts'),
    import('../kube/pull-secrets.ts'),
    import('../kube/secret-data.ts'),
    import('../store/kubernetes-store.ts'),
    import('../store/kubernetes-desk.ts'),
    import('../store/status-writer.ts'),
    import('../tls/cluster-certificate.ts'),
  ]);
  const { kubeconfig, context, certificate, maxSnapshotAgeSeconds } = settings;
  const config = loadKubeConfig({ kubeconfig, context });
  const client = new KubeClient(config);
  const callers = new CallerClient(config);
  // Of its own: a review waits for these answers, and a tenant decides how large they are.
  const secretsClient = new KubeClient(config, { timeout: SECRET_TIMEOUT, maxBodyBytes: LIMITS.secretBytes });
  const trust = trustKeeper(settings, { logger, metrics, readSecret: secretReader(secretsClient) });
  const store = new KubernetesStore({
    client,
    trust,
    logger,
    maxSnapshotAge: maxSnapshotAgeSeconds * 1000,
  });
  const { secret, names = LOCAL_NAMES, validatingWebhooks, mutatingWebhooks } = certificate;
  return {
    store,
    trust,
    resources: () => [...store.stored()].map(({ resource }) => resource),
    desk: new KubernetesDesk({ client: callers, store }),
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
    pullSecrets: new PullSecrets({ client: secretsClient, namespaces: settings.pullSecrets.namespaces }),
    cluster: { config, client, callers },
    close: async () => void (await Promise.all([client.close(), secretsClient.close(), callers.close()])),
  };
}
