import type { LookupFunction } from 'node:net';
import type { Logger } from '../log.ts';

/** How one registry host is reached. A host without settings is reached over https with the system's CAs. */
export interface RegistrySettings {
  /**
   * As it stands in image references, with its port: `ghcr.io`, `registry.example.com:5000`, `127.0.0.1:5000`.
   * A host that is itself an address (or `localhost`) may live where image names alone must not lead: loopback and
   * the like. Whoever writes it into the configuration means it. That holds for this host and port only, and not for
   * a redirect or token realm that points away from it.
   */
  readonly host: string;
  /** Speak http to this host and port, and to nothing else. */
  readonly plainHttp?: boolean;
  /** Certificates to trust beside the system's, for everything this registry leads to (storage, token realm). */
  readonly caPem?: string;
  /** A file of such certificates, read once at the start. */
  readonly caFile?: string;
  /** This host's name may resolve to loopback: a registry on the node. */
  readonly allowLoopback?: boolean;
  /**
   * Origin (`https://host[:port]`) of the token server that may see this registry's credentials when it is not the
   * registry itself. See `token-realm.ts` for the rule.
   */
  readonly tokenRealm?: string;
  /** Serve this host from OCI image layouts: `<layout>/<repository>` is one. No request leaves then. */
  readonly layout?: string;
}

/** Told of every request after it ended. Hosts come from image names: whoever makes labels of them must bound them. */
export interface RegistryObserver {
  /** `outcome` is an HTTP status, or the code of a fault or refusal. */
  requested(host: string, kind: RequestKind, outcome: string, milliseconds: number): void;
}

export type RequestKind = 'resolve' | 'manifest' | 'blob' | 'referrers' | 'token';

export interface ImageSourceSettings {
  readonly registries?: readonly RegistrySettings[];
  /** Path of a Docker `config.json` with registry credentials; read again when it changes. */
  readonly dockerConfigFile?: string;
  /** Addresses and CIDR ranges that no image name may lead to, beside the built-in ones: the API server's. */
  readonly forbiddenAddresses?: readonly string[];
  readonly log: Logger;
  readonly observer?: RegistryObserver;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Name resolution. */
  readonly lookup?: LookupFunction;
  /** Milliseconds for one answer of a registry, with its body. */
  readonly requestMilliseconds?: number;
  /** Milliseconds for one shared look-up, however long its callers wait. */
  readonly lookupMilliseconds?: number;
  /** Requests under way at once: in all, and to one host. */
  readonly concurrency?: { readonly total: number; readonly perHost: number };
}
