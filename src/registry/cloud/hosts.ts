/** Clouds whose registries are signed in to with the identity of the machine, Pod or service account that runs Countersign. */
export const CLOUD_PROVIDERS = ['ecr', 'gcr', 'acr'] as const;

export type CloudProvider = (typeof CLOUD_PROVIDERS)[number];

/**
 * Hosts that a cloud keeps for its registries. Whole names: an identity is worth more than a registry's password, and
 * `123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example` is not Amazon's.
 */
const HOSTS: Readonly<Record<CloudProvider, RegExp>> = {
  // FIPS and dual-stack names among them. China is a partition with operators of its own: no token of the other goes there.
  ecr: /^(?:public\.ecr\.aws|\d{12}\.dkr[.-]ecr(?:-fips)?\.(?:(?!cn-)[a-z0-9-]{1,32}\.(?:amazonaws\.com|on\.aws)|cn-[a-z0-9-]{1,28}\.(?:amazonaws\.com\.cn|on\.amazonwebservices\.com\.cn)))$/,
  gcr: /^(?:(?:[a-z0-9-]{1,63}\.)?gcr\.io|[a-z0-9-]{1,63}\.pkg\.dev)$/,
  acr: /^[a-z0-9-]{1,63}\.azurecr\.(?:io|cn|us)$/,
};

export function isHostOf(provider: CloudProvider, host: string): boolean {
  return HOSTS[provider].test(host);
}

/** AWS's region in the name of a registry; undefined where it names none. */
export function regionOf(host: string): string | undefined {
  return /\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]{1,32})\./.exec(host)?.[1];
}

/** Docker's credential helpers that do what a provider does. */
const HELPERS: ReadonlyMap<string, CloudProvider> = new Map([
  ['ecr-login', 'ecr'],
  ['gcr', 'gcr'],
  ['gcloud', 'gcr'],
  ['acr-env', 'acr'],
  ['acr-login', 'acr'],
]);

/** The provider that stands for a helper of a Docker configuration (`docker-credential-<name>`); undefined = none does. */
export function providerOfHelper(helper: string): CloudProvider | undefined {
  return HELPERS.get(helper);
}
