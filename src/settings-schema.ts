import * as z from 'zod';
import { hostName } from './admin/allowed-hosts.ts';
import { isAddressRange } from './admin/client-address.ts';
import { parsePostgresUrl } from './history/postgres/connection-settings.ts';
import { HOST_GLOB, parseProxyUrl } from './registry/proxies.ts';
import { isCertificateName } from './tls/self-signed.ts';

const port = z.int().min(0).max(65_535);
const path = z.string().min(1);
const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the exact name of a namespace');
const certificateName = z
  .string()
  .refine(isCertificateName, { message: 'must be a DNS name or an IP address' });
const nonEmptyNames = z.tuple([certificateName], certificateName);

/** As in containerd's hosts.toml. Its certificate is always verified. */
const mirror = z.strictObject({
  url: z.string().min(1),
  capabilities: z.exactOptional(z.array(z.enum(['pull', 'resolve'])).min(1)),
  caFile: z.exactOptional(path),
  overridePath: z.exactOptional(z.boolean()),
});

const proxyUrl = z.string().refine((url) => parseProxyUrl(url) !== undefined, {
  message: 'must be http://[user:password@]host:port, or https:// instead',
});

const proxy = z.strictObject({
  https: z.exactOptional(proxyUrl),
  http: z.exactOptional(proxyUrl),
  no: z.exactOptional(z.string()),
  allowedHosts: z
    .array(z.string().toLowerCase().regex(HOST_GLOB, 'must be a host name, in which * stands for one label'))
    .default([]),
});

const registry = z.strictObject({
  host: z.string().min(1),
  plainHttp: z.exactOptional(z.boolean()),
  caFile: z.exactOptional(path),
  allowLoopback: z.exactOptional(z.boolean()),
  tokenRealm: z.exactOptional(z.string().min(1)),
  layout: z.exactOptional(path),
  mirrors: z.exactOptional(z.array(mirror).max(8)),
});

/** Told apart from `*.com`: a cloud's identity goes to hosts below a domain that is written out. */
const helperHost = z
  .string()
  .min(1)
  .regex(
    /^(?:[^*]*|.*\.[^.*]+\.[^.*]+)$/,
    'the last two labels are written out: an identity is not sent to whoever registers a name',
  );

const credentialHelper = z.strictObject({
  provider: z.enum(['ecr', 'gcr', 'acr']),
  host: z.exactOptional(helperHost),
});

const vault = z.strictObject({
  address: z.url({ protocol: /^https?$/ }).optional(),
  mount: z
    .string()
    .regex(/^[-\w.]+(\/[-\w.]+)*$/, 'must be a path without a leading "/"')
    .optional(),
  namespace: z.string().min(1).optional(),
  tokenFile: path.optional(),
  kubernetes: z
    .strictObject({ role: z.string().min(1), mount: z.string().min(1).optional(), tokenFile: path })
    .optional(),
  caFile: path.optional(),
  plainHttp: z.boolean().optional(),
});

const awsEndpoint = z.strictObject({
  host: z.string().min(1),
  plainHttp: z.boolean().optional(),
  caFile: path.optional(),
});

/** Keys that `keyRef` and `secretRef` name. */
const keys = z
  .strictObject({
    refreshSeconds: z.number().min(10).max(86_400).default(300),
    keepSeconds: z.number().min(60).max(604_800).default(3600),
    secretNamespaces: z.array(namespace).default([]),
    vault: vault.prefault({}),
    aws: z
      .strictObject({ region: z.string().min(1).optional(), endpoints: z.array(awsEndpoint).default([]) })
      .prefault({}),
    gcp: z.strictObject({ credentialsFile: path.optional() }).prefault({}),
    azure: z.strictObject({ vaultHosts: z.array(z.string().min(1)).default([]) }).prefault({}),
  })
  .refine(({ keepSeconds, refreshSeconds }) => keepSeconds > refreshSeconds, {
    message: 'must be more than refreshSeconds',
    path: ['keepSeconds'],
  });

/** Trust roots that come over TUF. */
const trustRoots = z.strictObject({
  publicGood: z
    .strictObject({
      refresh: z.boolean().default(true),
      mirror: z.url({ protocol: /^https?$/ }).optional(),
    })
    .prefault({}),
  refreshSeconds: z.number().min(60).default(21_600),
  timeoutSeconds: z.number().min(1).max(600).default(60),
  cacheDirectory: path.optional(),
  caFile: path.optional(),
  plainHttpHosts: z.array(z.string().min(1)).default([]),
});

/** What was verified and changed; in the data directory where neither `path` nor `url` is given. */
const history = z
  .strictObject({
    enabled: z.boolean().default(true),
    path: path.optional(),
    url: z
      .string()
      .refine((url) => parsePostgresUrl(url) !== undefined, {
        message: 'must be postgres://user:password@host[:port]/database[?sslmode=verify-full|disable]',
      })
      .optional(),
    caFile: path.optional(),
    maxMegabytes: z.int().min(16).max(1_000_000).default(2048),
    retention: z
      .strictObject({
        days: z.number().min(1).max(3660).default(30),
        rows: z.int().min(1000).max(100_000_000).default(1_000_000),
      })
      .prefault({}),
    bufferRows: z.int().min(100).max(100_000).default(10_000),
  })
  .refine(({ path: file, url }) => file === undefined || url === undefined, {
    message: 'give at most one of path and url',
  });

/** Sign-in at an OIDC issuer whose ID tokens the API server takes for its users'. */
const oidc = z.strictObject({
  issuer: z.url({ protocol: /^https$/ }),
  clientId: z.string().min(1),
  clientSecretFile: path.optional(),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['openid', 'email', 'groups']),
  redirectUri: z.url({ protocol: /^https$/ }).optional(),
  caFile: path.optional(),
});

/** The admin page and its API. */
const admin = z.strictObject({
  enabled: z.boolean().default(true),
  host: z.string().min(1).optional(),
  port: port.default(9443),
  passwordFile: path.optional(),
  trustedProxies: z
    .array(z.string().refine(isAddressRange, 'must be a range of addresses, such as 10.0.0.0/8'))
    .max(64)
    .default([]),
  hosts: z
    .array(
      z.string().refine((host) => hostName(host) !== undefined, {
        message: 'must be a host name or an IP address, without scheme, port and path',
      }),
    )
    .max(64)
    .default([]),
  oidc: oidc.optional(),
});

/** Serving certificate: a directory, or a Secret that the program itself fills and rotates. */
const certificate = z
  .strictObject({
    directory: path.optional(),
    names: nonEmptyNames.optional(),
    secret: z.strictObject({ namespace, name: z.string().min(1) }).optional(),
    validatingWebhooks: z.array(z.string().min(1)).default([]),
    mutatingWebhooks: z.array(z.string().min(1)).default([]),
  })
  .refine(({ directory, secret }) => (directory === undefined) !== (secret === undefined), {
    message: 'give exactly one of directory and secret',
  })
  .refine(({ names, secret }) => secret === undefined || names !== undefined, {
    message: 'a secret needs the names that the API server calls the webhook by',
    path: ['names'],
  });

/** The settings file's shape. `docs/configuration.md` has a line for each key, which a test holds. */
export const settingsSchema = z.strictObject({
  webhook: z
    .strictObject({
      host: z.string().min(1).optional(),
      port: port.default(8443),
      clientCA: path.optional(),
      reviews: z.int().min(1).default(512),
      reviewsPerNamespace: z.int().min(1).default(256),
    })
    .prefault({}),
  operations: z.strictObject({ host: z.string().min(1).optional(), port: port.default(8080) }).prefault({}),
  admin: admin.prefault({}),
  certificate: certificate.prefault({ directory: 'certs' }),
  dataDirectory: path.default('data'),
  policies: path.optional(),
  kubeconfig: path.optional(),
  context: z.string().min(1).optional(),
  noMatch: z.enum(['DenyInGovernedNamespaces', 'Warn', 'Allow', 'Deny']).default('DenyInGovernedNamespaces'),
  excludedNamespaces: z.array(namespace).default([]),
  registries: z.array(registry).default([]),
  containerdHosts: path.optional(),
  proxy: proxy.prefault({}),
  dockerConfig: path.optional(),
  pullSecrets: z.strictObject({ namespaces: z.array(namespace).default([]) }).prefault({}),
  credentialHelpers: z.array(credentialHelper).max(64).default([]),
  keys: keys.prefault({}),
  trustRoots: trustRoots.prefault({}),
  history: history.prefault({}),
  maxSnapshotAgeSeconds: z.number().min(10).default(180),
  drainSeconds: z.number().min(0).max(300).optional(),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});
