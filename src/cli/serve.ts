import { LiveDecisions } from '../admin/live-decisions.ts';
import { SignerUse } from '../admin/signer-use.ts';
import { Admission } from '../admission/admission.ts';
import { FactCache } from '../admission/fact-cache.ts';
import { LargeEvidenceDesk } from '../admission/large-evidence.ts';
import { StatementCache } from '../admission/statement-cache.ts';
import { validatePolicyDocument } from '../api/policy-findings.ts';
import type { Settings } from '../config.ts';
import { OperationsServer } from '../http/operations-server.ts';
import { WebhookServer } from '../http/webhook-server.ts';
import type { Logger } from '../log.ts';
import { decisionLog, everyObserver } from '../observe/decision-log.ts';
import { decisionMetrics } from '../observe/decision-metrics.ts';
import type { History } from '../history/history.ts';
import { Metrics } from '../observe/metrics.ts';
import { EvidencePool } from '../reading/evidence-pool.ts';
import type { RegistryImageSource } from '../registry/image-source.ts';
import { policyKeys } from '../policy/exception.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { ServingCertificate } from '../tls/serving-certificate.ts';
import { surroundingsFor, type Surroundings } from './stores.ts';
import { openAdmin, type AdminDoor } from './admin.ts';
import type { AdminContext, AdminWatchers } from './admin-context.ts';
import { readClientCa } from './client-ca.ts';
import { historyFor } from './history.ts';
import { imageSource, usableCredentials } from './image-source.ts';
import { isAwaited, trustStates } from './trust.ts';

/** Milliseconds that a review under way may still take when the service stops: the longest that an API server waits. */
const STOP_LIMIT = 30_000;

/** Milliseconds that a request to the admin page may still take. */
const ADMIN_STOP_LIMIT = 10_000;

/** Milliseconds for writing the end of the history: the Pod has five seconds after the reviews. */
const HISTORY_LIMIT = 3_000;

/** Milliseconds that a new replica waits for keys and trust roots before it is ready: one attempt at each takes no longer. */
const SETTLE_LIMIT = 15_000;

/** The one place where everything is put together: settings in, a running service out. */
export class Service {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #surroundings: Surroundings;
  readonly #images: RegistryImageSource;
  readonly #reading: EvidencePool;
  readonly #operations: OperationsServer;
  /** Undefined where none is kept. */
  readonly #history: History | undefined;
  readonly #webhook: (certificate: ServingCertificate) => WebhookServer;
  /** What the webhook judges images with; the admin page shares all of it but the way to registries. */
  readonly #sources: AdminContext['sources'];
  readonly #watchers: AdminWatchers = { live: new LiveDecisions(), signerUse: new SignerUse() };
  /** The newest, for readiness and metrics. */
  #snapshot: Snapshot | undefined;
  readonly #started = performance.now();
  #listening: WebhookServer | undefined;
  /** Undefined where there is none. */
  #admin: AdminDoor | undefined;
  #draining = false;

  private constructor(settings: Settings, logger: Logger, surroundings: Surroundings, metrics: Metrics) {
    this.#settings = settings;
    this.#logger = logger;
    this.#surroundings = surroundings;
    this.#images = imageSource(settings, surroundings, metrics, logger);
    this.#reading = new EvidencePool({ log: logger });
    this.#history = historyFor(settings, metrics, logger);
    const kept = this.#history === undefined ? [] : [this.#history];
    const observer = everyObserver(
      [decisionLog(logger), decisionMetrics(metrics), ...kept, ...Object.values(this.#watchers)],
      logger,
    );
    this.#sources = {
      images: this.#images,
      statements: new StatementCache(),
      large: new LargeEvidenceDesk(this.#reading),
      facts: new FactCache((hit) => metrics.recordCache('facts', hit ? 'hit' : 'miss')),
    };
    const admission = new Admission({
      ...this.#sources,
      snapshots: surroundings.store,
      namespaces: surroundings.store,
      noMatch: settings.noMatch,
      knowsWhoAsks: settings.webhook.clientCA !== undefined,
      now: Date.now,
      monotonic: () => performance.now(),
      onDefect: (error, { uid }) => logger.error({ err: error, uid }, 'a review ended in a defect'),
      observer,
    });
    const { webhook, operations } = settings;
    const clientCa = readClientCa(webhook.clientCA);
    this.#webhook = ({ certPem, keyPem }) =>
      new WebhookServer({
        host: webhook.host,
        port: webhook.port,
        keyPair: { cert: certPem, key: keyPem },
        clientCa,
        limits: { total: webhook.reviews, perNamespace: webhook.reviewsPerNamespace },
        admission,
        checkDocument: (document) =>
          validatePolicyDocument(document, {
            now: Date.now(),
            policies: this.#snapshot && policyKeys(this.#snapshot),
          }),
        observer,
        logger,
      });
    this.#operations = new OperationsServer({
      host: operations.host,
      port: operations.port,
      notReady: () => this.notReady(),
      metrics: () => metrics.scrape(),
      logger,
    });
    this.#watchState(metrics);
  }

  /** @throws Error, or SettingsError for a file that the settings name and that cannot be used */
  static async start(settings: Settings, logger: Logger): Promise<Service> {
    const metrics = new Metrics({ registryHosts: settings.registries.map(({ host }) => host) });
    const surroundings = await surroundingsFor(settings, logger, metrics);
    const service = new Service(settings, logger, surroundings, metrics);
    await usableCredentials(service.#images, { mustExist: false });
    await service.#start();
    return service;
  }

  /** Ports that are listened on: `port: 0` in the settings lets the system choose. */
  get ports(): { readonly webhook: number; readonly operations: number; readonly admin: number } {
    return {
      webhook: this.#listening?.port ?? 0,
      operations: this.#operations.port,
      admin: this.#admin?.port ?? 0,
    };
  }

  /** Why no review may come here now; none = ready. */
  notReady(): readonly string[] {
    return [
      ...(this.#draining ? ['this process is about to end'] : []),
      ...(this.#listening === undefined ? ['there is no serving certificate yet'] : []),
      ...this.#surroundings.store.readiness().reasons,
      ...(this.#isSettling() ? ['keys and trust roots are being read for the first time'] : []),
    ];
  }

  /** Not ready from now on; what comes all the same is answered. */
  drain(): void {
    this.#draining = true;
    this.#listening?.drain();
    this.#admin?.drain();
  }

  /** Finishes what is under way, for at most 30 s, and ends everything. */
  async stop(): Promise<void> {
    this.drain();
    await Promise.all([this.#listening?.stop(STOP_LIMIT), this.#admin?.stop(ADMIN_STOP_LIMIT)]);
    const { certificate, store, trust, workers, close } = this.#surroundings;
    await Promise.all(workers.map((worker) => worker.stop()));
    const edges = [certificate, store, trust, this.#images, this.#reading];
    await Promise.all(edges.map((edge) => edge.stop()));
    await this.#history?.stop(HISTORY_LIMIT);
    await close();
    await this.#operations.stop(1_000);
  }

  async #start(): Promise<void> {
    const { certificate, store, trust, workers } = this.#surroundings;
    // First, so that whoever waits for this process can read what it waits for.
    await this.#operations.start();
    for (const worker of workers) worker.start();
    this.#history?.start();
    trust.start();
    await store.start();
    await certificate.start();
    const webhook = this.#webhook(certificate.current());
    certificate.onChange(({ certPem, keyPem }) => webhook.useKeyPair({ cert: certPem, key: keyPem }));
    await webhook.start();
    await this.#openAdmin();
    // Ready only when all of it is there: a signal before that ends the process at once.
    this.#listening = webhook;
    const { policies, excludedNamespaces, noMatch } = this.#settings;
    const fields = { ...this.ports, policies: policies ?? 'the cluster', excludedNamespaces, noMatch };
    this.#logger.info(fields, 'listening');
  }

  async #openAdmin(): Promise<void> {
    const settings = this.#settings;
    if (!settings.admin.enabled) return;
    const { certificate } = this.#surroundings;
    const context = {
      settings,
      logger: this.#logger,
      surroundings: this.#surroundings,
      history: this.#history,
      watchers: this.#watchers,
      // What no admission waits for has a share of its own of the registries.
      sources: { ...this.#sources, images: this.#images.unhurried },
      snapshot: () => this.#snapshot,
      notReady: () => this.notReady(),
    };
    const admin = await openAdmin(context, certificate.current());
    certificate.onChange((newer) => admin.useCertificate(newer));
    this.#admin = admin;
  }

  /** A store of keys that does not answer must not keep a replica out for ever: what needs it is denied as a fault. */
  #isSettling(): boolean {
    if (this.#snapshot === undefined || performance.now() - this.#started > SETTLE_LIMIT) return false;
    return isAwaited(this.#snapshot);
  }

  #watchState(metrics: Metrics): void {
    const { store, certificate, resources } = this.#surroundings;
    store.onChange((newest) => {
      this.#snapshot = newest;
      this.#watchers.live.changed(newest.number);
    });
    metrics.watch({
      snapshot: () => this.#snapshot?.number,
      trust: () => trustStates(this.#snapshot),
      ready: () => this.notReady().length === 0,
      ages: () => store.ages(),
      resources: () => resources().map(({ kind, problems }) => ({ kind, problems: problems.length > 0 })),
      certificateExpiry: () => (this.#listening === undefined ? undefined : certificate.current().notAfter),
    });
  }
}
