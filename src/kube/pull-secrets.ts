import type { Puller } from '../admission/ports.ts';
import { quote } from '../image/quote.ts';
import { LIMITS } from '../limits.ts';
import type { KubeClient } from './client.ts';
import { isRecord, type KubeObject } from './object.ts';
import { RememberedObjects, type Outcome } from './remembered-objects.ts';

const KEYS = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
} as const;

/** A Secret of one of the two types that hold registry credentials. */
export interface PullSecret {
  readonly name: string;
  readonly type: keyof typeof KEYS;
  readonly text: string;
}

/** What was read for one workload. */
export interface PullSecretsRead {
  readonly workload: readonly PullSecret[];
  readonly serviceAccount: readonly PullSecret[];
  /** What could not be read and why, as sentences. */
  readonly missing: readonly string[];
  /** Whether a renewed reading gave something else than before. */
  readonly hasChanged: boolean;
}

export interface PullSecretsOptions {
  /** For small answers and with a deadline of a few seconds: a decision may be waiting. */
  readonly client: KubeClient;
  /** By exact name: Countersign may read Secrets there, and asks for none elsewhere. */
  readonly namespaces: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const NOTHING = { workload: [], serviceAccount: [], missing: [], hasChanged: false };

/**
 * The Secrets that a workload and its ServiceAccount name as `imagePullSecrets`, from its own namespace and only where the
 * settings list that. What cannot be read is told and is no failure: a kubelet goes on as well.
 */
export class PullSecrets {
  readonly #namespaces: ReadonlySet<string>;
  readonly #secrets: RememberedObjects<PullSecret>;
  readonly #accounts: RememberedObjects<readonly string[]>;

  constructor({ client, namespaces, now = Date.now }: PullSecretsOptions) {
    this.#namespaces = new Set(namespaces);
    const get = (resource: string) => (namespace: string, name: string) =>
      client.get({ group: '', version: 'v1', resource, namespace, name });
    this.#secrets = new RememberedObjects({ kind: 'Secret', get: get('secrets'), parse: parseSecret, now });
    const kind = 'ServiceAccount';
    this.#accounts = new RememberedObjects({ kind, get: get('serviceaccounts'), parse: parseAccount, now });
  }

  /** Never throws. @param options.renew read again what was read more than 10 s ago */
  async read(puller: Puller, { renew }: { readonly renew: boolean }): Promise<PullSecretsRead> {
    const { namespace, serviceAccount } = puller;
    if (!this.#namespaces.has(namespace)) {
      if (puller.pullSecrets.length === 0) return NOTHING;
      const why =
        'the imagePullSecrets are not used: the setting pullSecrets.namespaces does not list this namespace';
      return { ...NOTHING, missing: [why] };
    }
    const all = new Set(puller.pullSecrets);
    const named = [...all].slice(0, LIMITS.pullSecrets);
    const readSecret = (name: string) => this.#secrets.read(namespace, name, renew);
    const [account, ...workload] = await Promise.all([
      this.#accounts.read(namespace, serviceAccount === '' ? 'default' : serviceAccount, renew),
      ...named.map(readSecret),
    ]);
    const more = (account.value ?? []).filter((name) => !all.has(name));
    const others = more.slice(0, LIMITS.pullSecrets - named.length);
    const ofAccount = await Promise.all(others.map(readSecret));
    const isCut = all.size + more.length > LIMITS.pullSecrets;
    const reads = [account, ...workload, ...ofAccount];
    return {
      workload: workload.flatMap(({ value }) => value ?? []),
      serviceAccount: ofAccount.flatMap(({ value }) => value ?? []),
      missing: [
        ...reads.flatMap(({ problem }) => problem ?? []),
        ...(isCut ? [`of its imagePullSecrets only the first ${LIMITS.pullSecrets} are used`] : []),
      ],
      hasChanged: reads.some(({ hasChanged }) => hasChanged),
    };
  }
}

function parseSecret(object: KubeObject): Outcome<PullSecret> {
  const { name } = object.metadata;
  const type = object['type'];
  if (!isPullSecretType(type))
    return { problem: `the Secret ${quote(name)} is of no type that holds registry credentials` };
  const data = isRecord(object['data']) ? object['data'][KEYS[type]] : undefined;
  const text = typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : '';
  return { value: { name, type, text }, bytes: text.length };
}

function isPullSecretType(type: unknown): type is keyof typeof KEYS {
  return typeof type === 'string' && Object.hasOwn(KEYS, type);
}

function parseAccount(object: KubeObject): Outcome<readonly string[]> {
  const secrets = object['imagePullSecrets'];
  const names = (Array.isArray(secrets) ? (secrets as unknown[]) : []).flatMap((each) => {
    const name = isRecord(each) ? each['name'] : undefined;
    return typeof name === 'string' ? [name] : [];
  });
  const value = [...new Set(names)].slice(0, LIMITS.pullSecrets + 1);
  return { value, bytes: value.join().length };
}
