import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BoundedLabel } from './bounded-label.ts';

export interface MetricsOptions {
  /** Registry hosts of the configuration: each has series of its own. */
  readonly registryHosts?: Iterable<string>;
  /** Series for hosts beside those. */
  readonly otherHosts?: number;
  /** Memory, CPU, event loop lag of the process. */
  readonly processMetrics?: boolean;
}

/** What `/metrics` tells of the state at the moment it is asked. */
export interface StateSource {
  /** Number of the newest snapshot; undefined before the first. */
  readonly snapshot: () => number | undefined;
  /** Keys and roots that the resources in force refer to. */
  readonly trust: () => Iterable<TrustStateMetric>;
  readonly ready: () => boolean;
  /** Seconds since something was heard of each kind. */
  readonly ages: () => ReadonlyMap<string, number>;
  /** How many resources of each kind are in use, and how many of them have problems. */
  readonly resources: () => Iterable<{ readonly kind: string; readonly problems: boolean }>;
  /** Milliseconds since the epoch at which the serving certificate ends; undefined when there is none. */
  readonly certificateExpiry: () => number | undefined;
}

/** A key or a root that is kept elsewhere. Names are those of the cluster's own administrators. */
export interface TrustStateMetric {
  readonly kind: 'key' | 'root';
  readonly name: string;
  readonly available: boolean;
  /** Milliseconds since the epoch; undefined = it does not expire. */
  readonly usableUntil: number | undefined;
}

export interface RegistryRequest {
  readonly host: string;
  /** `manifest`, `blob`, `referrers`, `token`. */
  readonly kind: 'manifest' | 'blob' | 'referrers' | 'token';
  /** `ok`, `not_found` or a fault code. */
  readonly outcome: string;
  readonly seconds: number;
}

/** Warm decisions take less than a millisecond; a cold one may take as long as the API server's longest time-out. */
const decisionBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric of the program, in a registry of its own. Labels have closed sets of values: see each `record…`. */
export class Metrics {
  readonly registry = new Registry();
  readonly decisions = this.#counter('decisions_total', 'Reviews answered', [
    'operation',
    'kind',
    'outcome',
    'mode',
    'dry_run',
  ]);
  readonly images = this.#counter('image_verdicts_total', 'Images judged, one for each policy', [
    'outcome',
    'mode',
  ]);
  readonly slsaLevels = this.#counter(
    'slsa_levels_total',
    'SLSA build levels of images whose provenance was verified, one for each policy that asks',
    ['level', 'mode'],
  );
  /** Names are in the log: there is no end of them. */
  readonly exceptions = this.#counter(
    'excepted_verdicts_total',
    'Verdicts that would deny, and do not because of a SigningException',
    ['outcome'],
  );
  readonly violations = this.#counter('violations_total', 'Reasons for a "no"', ['code', 'mode']);
  readonly faults = this.#counter('faults_total', 'Reasons for "cannot tell"', ['code']);
  readonly decisionTime = this.#histogram(
    'decision_duration_seconds',
    'Time to answer a review',
    decisionBuckets,
    ['outcome'],
  );
  readonly #requests = this.#counter('registry_requests_total', 'Requests to registries', [
    'host',
    'kind',
    'outcome',
  ]);
  readonly #requestDuration = this.#histogram(
    'registry_request_duration_seconds',
    'Time of a registry request',
    requestBuckets,
    ['kind'],
  );
  readonly #keyReadings = this.#counter('key_readings_total', 'Readings of keys that are kept elsewhere', [
    'scheme',
    'outcome',
  ]);
  readonly #keyReadingDuration = this.#histogram(
    'key_reading_duration_seconds',
    'Time to read a key that is kept elsewhere',
    requestBuckets,
    ['scheme'],
  );
  readonly #rootRefreshes = this.#counter('trust_root_refreshes_total', 'Refreshes of TUF repositories', [
    'outcome',
  ]);
  readonly #cache = this.#counter('cache_requests_total', 'Look-ups in a cache', ['cache', 'result']);
  readonly #hosts: BoundedLabel;

  constructor(options: MetricsOptions = {}) {
    const { registryHosts = [], otherHosts = 20, processMetrics = true } = options;
    this.#hosts = new BoundedLabel({ always: registryHosts, others: otherHosts });
    if (processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  recordRegistryRequest({ host, kind, outcome, seconds }: RegistryRequest): void {
    this.#requests.inc({ host: this.#hosts.of(host), kind, outcome });
    this.#requestDuration.observe({ kind }, seconds);
  }

  recordKeyReading(reading: { scheme: string; outcome: 'ok' | 'error'; seconds: number }): void {
    const { scheme, outcome, seconds } = reading;
    this.#keyReadings.inc({ scheme, outcome });
    this.#keyReadingDuration.observe({ scheme }, seconds);
  }

  recordRootRefresh(outcome: 'ok' | 'error'): void {
    this.#rootRefreshes.inc({ outcome });
  }

  /** `cache` is a name in the code. */
  recordCache(cache: string, result: 'hit' | 'miss'): void {
    this.#cache.inc({ cache, result });
  }

  /** Asked at each scrape. */
  watch(state: StateSource): void {
    this.#gauge('ready', 'Whether the policies are known (1) or every review is denied (0)', [], (gauge) => {
      gauge.set(state.ready() ? 1 : 0);
    });
    this.#gauge('snapshot_number', 'Number of the newest snapshot of the policies', [], (gauge) => {
      gauge.set(state.snapshot() ?? 0);
    });
    this.#gauge(
      'store_silence_seconds',
      'Time since the store heard of a kind of resource',
      ['resource'],
      (gauge) => {
        for (const [resource, seconds] of state.ages()) gauge.set({ resource }, seconds);
      },
    );
    this.#gauge(
      'resources',
      'Policies, signers, trust roots and exceptions in use',
      ['kind', 'problems'],
      (gauge) => {
        gauge.reset();
        for (const { kind, problems } of state.resources()) gauge.inc({ kind, problems: String(problems) });
      },
    );
    const labels: ('kind' | 'name')[] = ['kind', 'name'];
    this.#gauge(
      'trust_available',
      'Whether a key or a root can be relied on (1) or not (0)',
      labels,
      (gauge) => {
        gauge.reset();
        for (const { kind, name, available } of state.trust()) gauge.set({ kind, name }, available ? 1 : 0);
      },
    );
    this.#gauge('trust_expiry_seconds', 'End of what was read last, Unix time', labels, (gauge) => {
      gauge.reset();
      for (const { kind, name, usableUntil } of state.trust()) {
        if (usableUntil !== undefined) gauge.set({ kind, name }, usableUntil / 1000);
      }
    });
    this.#gauge('certificate_expiry_seconds', 'End of the serving certificate, Unix time', [], (gauge) => {
      gauge.set((state.certificateExpiry() ?? 0) / 1000);
    });
  }

  /** The text of `/metrics`, and its content type. */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `countersign_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, buckets: number[], labelNames: L[]): Histogram<L> {
    return new Histogram({
      name: `countersign_${name}`,
      help,
      buckets,
      labelNames,
      registers: [this.registry],
    });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    collect: (gauge: Gauge<L>) => void,
  ): void {
    const gauge: Gauge<L> = new Gauge({
      name: `countersign_${name}`,
      help,
      labelNames,
      collect: () => collect(gauge),
      registers: [],
    });
    this.registry.registerMetric(gauge);
  }
}
