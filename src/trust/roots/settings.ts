/** How trust roots that are kept elsewhere are followed. Everything may be absent. */
export interface TrustRootSettings {
  readonly publicGood?: {
    /** Follow the public good instance over TUF; false = use the root that was shipped, for ever. True unless told. */
    readonly refresh?: boolean | undefined;
    /** An https URL to ask instead of the instance's own, for the built-in root. */
    readonly mirror?: string | undefined;
  };
  /** Seconds between two refreshes of one repository, give or take a tenth. Six hours unless told. */
  readonly refreshSeconds?: number | undefined;
  /** Seconds that one refresh may take, whatever its server does. One minute unless told. */
  readonly timeoutSeconds?: number | undefined;
  /** Keeps what was verified over a restart; undefined = every start begins with what the resources say. */
  readonly cacheDirectory?: string | undefined;
  /** A file of PEM certificates that mirrors are trusted with beside the system's; read once, at the start. */
  readonly caFile?: string | undefined;
  /** `host:port` of mirrors that may be asked over plain http; loopback always may. */
  readonly plainHttpHosts?: readonly string[] | undefined;
  readonly proxy?: {
    /** URL of the proxy for https and for http mirrors. */
    readonly https?: string | undefined;
    readonly http?: string | undefined;
    /** Hosts that are asked without it, as in `NO_PROXY`. */
    readonly no?: string | undefined;
  };
}

/** Told of what happens to each trust root, by the name that policies know it by. Must not throw. */
export interface TrustRootObserver {
  refreshed(name: string, outcome: 'ok' | 'error'): void;
  /** Milliseconds since the epoch until which it is usable; undefined = it does not expire, or is not followed any more. */
  expiry(name: string, usableUntil: number | undefined): void;
}
