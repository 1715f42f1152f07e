/** How keys that are kept elsewhere are read. Everything may be absent. */
export interface KeySettings {
  /** Seconds between two readings of one key, give or take a tenth. 300 unless told. */
  readonly refreshSeconds?: number | undefined;
  /** Seconds that a key is relied on after it was last read. 3600 unless told. */
  readonly keepSeconds?: number | undefined;
  /** Exact names of the namespaces whose Secrets `k8s://` may read; none unless told. */
  readonly secretNamespaces?: readonly string[] | undefined;
  readonly vault?: VaultSettings | undefined;
  readonly aws?: AwsSettings | undefined;
  readonly gcp?: GcpSettings | undefined;
  readonly azure?: AzureSettings | undefined;
  readonly proxy?:
    | {
        /** URL of the proxy for https and for http. */
        readonly https?: string | undefined;
        readonly http?: string | undefined;
        /** Whether an origin is asked without it. */
        readonly isDirect: (origin: URL) => boolean;
      }
    | undefined;
}

export interface VaultSettings {
  /** `https://host[:port]`; `VAULT_ADDR` unless told. */
  readonly address?: string | undefined;
  /** Where the transit engine is mounted; `TRANSIT_SECRET_ENGINE_PATH`, else `transit`, unless told. */
  readonly mount?: string | undefined;
  /** Of Vault Enterprise; `VAULT_NAMESPACE` unless told. */
  readonly namespace?: string | undefined;
  /** A file that holds a token, read each time; otherwise `VAULT_TOKEN`, then `~/.vault-token`. */
  readonly tokenFile?: string | undefined;
  /** Log in with the Kubernetes auth method instead of a token. */
  readonly kubernetes?:
    | {
        readonly role: string;
        /** Of the auth method; `kubernetes` unless told. */
        readonly mount?: string | undefined;
        /** A projected ServiceAccount token with an audience of its own: the API server's is refused. */
        readonly tokenFile: string;
      }
    | undefined;
  /** PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** Speak http to an address that is not loopback: everybody on the way can then read the token and change keys. */
  readonly plainHttp?: boolean | undefined;
}

export interface AwsSettings {
  /** For references without an ARN; `AWS_REGION` unless told. */
  readonly region?: string | undefined;
  /** Endpoints that are not AWS's own and that references may name all the same. */
  readonly endpoints?: readonly AwsEndpoint[] | undefined;
}

export interface AwsEndpoint {
  /** `host[:port]` as it stands in references. */
  readonly host: string;
  readonly plainHttp?: boolean | undefined;
  /** PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
}

export interface GcpSettings {
  /** A service account's key or a workload identity configuration; application default credentials unless told. */
  readonly credentialsFile?: string | undefined;
}

export interface AzureSettings {
  /** Vault hosts outside the clouds' known domains, exactly as they stand in references. */
  readonly vaultHosts?: readonly string[] | undefined;
}
