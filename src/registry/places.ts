import type { AskOptions } from '../admission/ports.ts';
import type { ImageReference } from '../image/reference.ts';
import { verifiedBlob, verifiedManifest } from './content.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { timeoutFault } from './faults.ts';
import type { Gate } from './gate.ts';
import { HttpRepository } from './http-repository.ts';
import type { Keyrings } from './keyring.ts';
import { LayoutRepository } from './layout-repository.ts';
import { firstAnswer } from './mirrored.ts';
import { ReferrersMemory } from './referrers-support.ts';
import { RegistryClient } from './registry-client.ts';
import type { Repository } from './repository.ts';
import type { Respites } from './respites.ts';
import { SignedInRegistry } from './signed-in.ts';
import { raced } from './single-flight.ts';
import type { Send, Tokens } from './tokens.ts';

/** A repository, wherever it is mirrored, and under which name it is remembered. */
export interface Place {
  readonly endpoints: Endpoints;
  readonly name: string;
  readonly key: string;
  /** Whether its host has ever answered, or is listed in the settings. */
  readonly isProven: boolean;
}

/** The same, opened by somebody. Its methods ask the mirrors first, like those of the repository itself. */
export interface OpenedPlace {
  readonly repository: Repository;
  /** In the order in which they are asked before the registry itself. */
  readonly mirrors: readonly Repository[];
  /** What was not found with one is no answer for another. */
  readonly access: string;
  /** Whether a pull secret was needed for anything that any of them has said so far. */
  readonly withPullSecret: () => boolean;
  /** Asks only mirrors that may say what a tag means. */
  resolve(tag: string, signal: AbortSignal): Promise<string | undefined>;
  /** Hashed against the digest. */
  manifest(digest: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Large content, hashed against its digest. */
  blob(content: LinkedContent, signal: AbortSignal): Promise<Uint8Array | undefined>;
  exists(digest: string, signal: AbortSignal): Promise<boolean>;
}

type LinkedContent = Parameters<typeof verifiedBlob>[1];

type Opened = Pick<OpenedPlace, 'repository' | 'access' | 'withPullSecret'>;

export interface PlaceOptions {
  readonly endpointsOf: (host: string) => Endpoints;
  readonly keyrings: Keyrings;
  readonly tokens: Tokens;
  readonly respites: Respites;
  readonly send: Send;
  readonly gate: Gate;
  readonly now: () => number;
}

/** Where images are, and as whom they can be asked for. */
export class Places {
  readonly #options: PlaceOptions;
  readonly #support: ReferrersMemory;

  constructor(options: PlaceOptions) {
    this.#options = options;
    this.#support = new ReferrersMemory(options.now);
  }

  of({ registry, repository: name }: ImageReference): Place {
    const endpoints = this.#options.endpointsOf(registry);
    const { origin } = endpoints;
    const isProven =
      origin.layout !== undefined || origin.isConfigured || this.#options.gate.isProven(origin.host);
    return { endpoints, name, key: `${origin.key} ${name}`, isProven };
  }

  /** Works out as whom to ask: only where something has to be asked. @throws Fault TIMEOUT; Refusal MALFORMED */
  async open({ endpoints, name }: Place, options: AskOptions): Promise<OpenedPlace> {
    const [own, ...others] = await Promise.all([
      this.#openAt(endpoints.origin, name, options),
      ...endpoints.mirrors.map(({ endpoint }) => this.#openAt(endpoint, name, options)),
    ]);
    const all = [own, ...others];
    const { repository } = own;
    const mirrors = others.map((other) => other.repository);
    const resolving = mirrors.filter((_, index) => endpoints.mirrors[index]?.canResolve === true);
    return {
      repository,
      mirrors,
      access: all.map(({ access }) => access).join(' '),
      withPullSecret: () => all.some(({ withPullSecret }) => withPullSecret()),
      resolve: (tag, signal) => firstAnswer(resolving, repository, (each) => each.resolve(tag, signal)),
      manifest: (digest, signal) =>
        firstAnswer(mirrors, repository, (each) => verifiedManifest(each, digest, signal)),
      blob: (content, signal) =>
        firstAnswer(mirrors, repository, (each) => verifiedBlob(each, content, signal)),
      exists: async (digest, signal) => {
        const asked = async (each: Repository) => (await each.exists(digest, signal)) || undefined;
        return (await firstAnswer(mirrors, repository, asked)) === true;
      },
    };
  }

  async #openAt(endpoint: Endpoint, name: string, { puller, signal }: AskOptions): Promise<Opened> {
    if (endpoint.layout !== undefined) {
      const repository = new LayoutRepository(endpoint.host, endpoint.layout, name);
      return { repository, access: 'layout', withPullSecret: () => false };
    }
    const { keyrings, tokens, send, respites } = this.#options;
    const repository = `${endpoint.repositoryPrefix}${name}`;
    // Reading a file waits behind name resolution, which strangers can make slow; a Secret is a request of its own.
    const late = () => timeoutFault(endpoint.host);
    // By the very host that is asked: a registry's credentials are not its mirror's, nor the reverse.
    const keyring = await raced(keyrings.of(endpoint.host, repository, puller), signal, late);
    const registry = new SignedInRegistry(
      keyring,
      ({ credential }) =>
        new RegistryClient(
          { endpoint, repository, credential, namespace: puller.namespace },
          tokens,
          send,
          respites,
        ),
    );
    return {
      repository: new HttpRepository(registry, repository, this.#support.of(`${endpoint.key} ${repository}`)),
      access: keyring.access,
      withPullSecret: () => registry.withPullSecret,
    };
  }
}
