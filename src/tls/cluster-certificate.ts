import { setTimeout as wait } from 'node:timers/promises';
import { asError } from '../errors.ts';
import { KubeApiError, type KubeClient } from '../kube/client.ts';
import type { KubeObject, ResourcePath } from '../kube/object.ts';
import type { Logger } from '../log.ts';
import { publishCaBundle, type WebhookConfigurations } from './ca-bundle.ts';
import { CertificateHolder } from './certificate-holder.ts';
import { readState, secretOf, type CertificateState } from './certificate-secret.ts';
import { createSelfSigned } from './self-signed.ts';
import {
  coversNames,
  isRotationDue,
  parseServingCertificate,
  type CertificateListener,
  type CertificateSource,
  type ServingCertificate,
} from './serving-certificate.ts';

export interface ClusterCertificateOptions {
  readonly client: KubeClient;
  /** Namespace and name of the Secret. One that exists and is empty is filled: then no right to create Secrets is needed. */
  readonly namespace: string;
  readonly secretName: string;
  /** What the API server calls the webhook by: `countersign.countersign-system.svc`. */
  readonly names: readonly [string, ...string[]];
  readonly webhooks: WebhookConfigurations;
  readonly logger: Logger;
  readonly timing?: Partial<ClusterCertificateTiming>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Milliseconds. */
export interface ClusterCertificateTiming {
  /** Between two looks at the Secret and the configurations. */
  readonly interval: number;
  /** Between two tries before there is a first certificate. */
  readonly retry: number;
  readonly lifetime: number;
  /** That the next authority is published before its certificate is used: every API server has then heard of it. */
  readonly publishDelay: number;
  /** That the former authority stays published: every replica has then looked at the Secret. */
  readonly overlap: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;
const backdating = 60 * minute;

export const defaultClusterCertificateTiming: ClusterCertificateTiming = {
  interval: minute,
  retry: 2_000,
  lifetime: 90 * day,
  publishDelay: 2 * minute,
  overlap: 10 * minute,
};

/**
 * The webhook's own certificate in a cluster, kept in a Secret that all replicas share, with no other party to trust: whoever comes
 * first makes it, the others adopt it, and a conflict is settled by reading again. Rotation needs no leader for the same reason.
 */
export class ClusterCertificate implements CertificateSource {
  readonly #options: ClusterCertificateOptions;
  readonly #timing: ClusterCertificateTiming;
  readonly #holder: CertificateHolder;
  readonly #secret: ResourcePath;
  readonly #now: () => number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ClusterCertificateOptions) {
    this.#options = options;
    this.#timing = { ...defaultClusterCertificateTiming, ...options.timing };
    this.#holder = new CertificateHolder(options.logger);
    this.#now = options.now ?? Date.now;
    const { namespace, secretName: name } = options;
    this.#secret = { group: '', version: 'v1', resource: 'secrets', namespace, name };
  }

  /** Returns once a certificate is in use, however long the API server takes, or once stopped. */
  async start(): Promise<void> {
    while (!this.#stopping.signal.aborted && this.#holder.held === undefined) {
      await this.#round();
      if (this.#holder.held === undefined) await this.#pause(this.#timing.retry);
    }
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  current(): ServingCertificate {
    return this.#holder.current();
  }

  onChange(listener: CertificateListener): () => void {
    return this.#holder.onChange(listener);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause(this.#timing.interval);
      if (!this.#stopping.signal.aborted) await this.#round();
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await wait(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** One look at everything. What fails is logged, and tried again in the next one. */
  async #round(): Promise<void> {
    try {
      const secret = await this.#read();
      const state = readState(secret);
      const { client, webhooks, logger } = this.#options;
      const published =
        state.current !== undefined &&
        (await publishCaBundle(client, webhooks, this.#authorities(state), logger));
      const after = this.#advance(state, published);
      if (after !== state) await this.#write(secret, after);
      if (after.current === undefined) return;
      this.#holder.use(after.current);
      if (after !== state) await publishCaBundle(client, webhooks, this.#authorities(after), logger);
    } catch (error) {
      const conflict = error instanceof KubeApiError && error.status === 409;
      const fields = { secret: this.#options.secretName, err: asError(error).message };
      if (conflict) this.#options.logger.debug(fields, 'another replica was faster');
      else this.#options.logger.warn(fields, 'the serving certificate could not be looked after');
    }
  }

  /** What the Secret should hold next; the same state when there is nothing to do. */
  #advance(state: CertificateState, published: boolean): CertificateState {
    const now = this.#now();
    const { current, next } = state;
    if (current === undefined || current.notAfter <= now || !coversNames(current, this.#options.names)) {
      // Where the Secret was spoilt, what is in use here is what the other replicas serve as well.
      const previousCa = (current ?? this.#holder.held)?.caPem ?? '';
      return { current: this.#create(now), next: undefined, nextSince: 0, previousCa, promotedAt: now };
    }
    if (next === undefined) {
      return isRotationDue(current, now) ? { ...state, next: this.#create(now), nextSince: now } : state;
    }
    if (!published || now - state.nextSince < this.#timing.publishDelay) return state;
    return { current: next, next: undefined, nextSince: 0, previousCa: current.caPem, promotedAt: now };
  }

  #authorities({ current, next, previousCa, promotedAt }: CertificateState): string[] {
    const former = this.#now() - promotedAt < this.#timing.overlap ? previousCa : '';
    return [current?.caPem ?? '', next?.caPem ?? '', former].filter((pem) => pem !== '');
  }

  #create(now: number): ServingCertificate {
    const { names } = this.#options;
    const { lifetime } = this.#timing;
    return parseServingCertificate(
      createSelfSigned({ names, notBefore: now - backdating, notAfter: now + lifetime }),
    );
  }

  async #read(): Promise<KubeObject> {
    try {
      return await this.#options.client.get(this.#secret);
    } catch (error) {
      if (!(error instanceof KubeApiError) || error.status !== 404) throw error;
      const { name = '', namespace = '' } = this.#secret;
      return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name, namespace } };
    }
  }

  /** @throws KubeApiError 409 when another replica wrote since. */
  async #write(secret: KubeObject, state: CertificateState): Promise<void> {
    const { client } = this.#options;
    const written = secretOf(secret, state);
    if (secret.metadata.resourceVersion === undefined) {
      const { name: _, ...collection } = this.#secret;
      await client.create(collection, written);
    } else {
      await client.replace(this.#secret, written);
    }
    this.#options.logger.info(
      { secret: this.#options.secretName, rotating: state.next !== undefined },
      'certificate written',
    );
  }
}
