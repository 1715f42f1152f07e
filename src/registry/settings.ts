import type { LookupFunction } from 'node:net';
import type { Logger } from '../log.ts';
import type { CloudProvider } from './cloud/hosts.ts';
import type { PullSecretSource } from './pull-secret.ts';

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
  /** Who is asked before the registry itself, in this order. Instead of what `containerdHosts` says of this host. */
  readonly mirrors?: readonly MirrorSettings[];
}

/** A host that answers in the place of a registry, as in containerd's `hosts.toml`. */
export interface MirrorSettings {
  /** `https://mirror.internal[:port][/path]`; `http://` where it is meant so; without a scheme it is https. */
  readonly url: string;
  /** `pull`: what has a digest. `resolve`: also what a tag means. Both when absent. */
  readonly capabilities?: readonly ('pull' | 'resolve')[];
  /** The URL's path is the API's root itself: no `/v2` is put after it. */
  readonly overridePath?: boolean;
  /** A file of certificates to trust for this mirror, read once at the start. */
  readonly caFile?: string;
  readonly caPem?: string;
}

/** The way out where there is no direct one. */
export interface ProxySettings {
  /** `http://[user:password@]proxy:3128` for https registries. */
  readonly https?: string;
  /** The same for plain http ones. */
  readonly http?: string;
  /** Hosts that are reached without it, as in NO_PROXY: `internal`, `.internal`, `10.0.0.0/8`, `host:5000`, `*`; by commas. */
  readonly no?: string;
  /** Globs (`*` = within one label) of hosts that may be asked through it, beside those that the settings list. */
  readonly allowedHosts?: readonly string[];
}

/** A cloud whose registries are signed in to with the identity that this process has there. */
export interface CredentialHelperSettings {
  readonly provider: CloudProvider;
  /** Instead of the hosts that the cloud is known for: a host, or labels with `*` in them. */
  readonly host?: string;
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
  /** Directory of containerd's mirror configuration (`<host>/hosts.toml`, `_default`); read once. */
  readonly containerdHosts?: string;
  readonly proxy?: ProxySettings;
  /** Pull secrets of workloads; absent = none are used. */
  readonly pullSecrets?: PullSecretSource;
  /** Absent or empty = no cloud's identity is used, unless the Docker configuration names a helper. */
  readonly credentialHelpers?: readonly CredentialHelperSettings[];
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
