import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { asError } from './errors.ts';
import { parsePostgresUrl } from './history/postgres/connection-settings.ts';
import { HOST_GLOB, parseProxyUrl } from './registry/proxies.ts';

/** The installation's settings are not usable: told to whoever starts the program, with the path of each key. */
export class SettingsError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'SettingsError';
  }
}

const port = z.int().min(0).max(65_535);
const path = z.string().min(1);
const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the exact name of a namespace');
const nonEmptyNames = z.tuple([z.string().min(1)], z.string().min(1));

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

/** What was verified and changed; kept only where one of `path` and `url` is given. */
const history = z
  .strictObject({
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
      reviewsPerNamespace: z.int().min(1).default(128),
    })
    .prefault({}),
  operations: z.strictObject({ host: z.string().min(1).optional(), port: port.default(8080) }).prefault({}),
  certificate: certificate.prefault({ directory: 'certs' }),
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

type Parsed = z.output<typeof settingsSchema>;

/** What the program runs by. File names are absolute. */
export type Settings = Omit<Parsed, 'drainSeconds'> & { readonly drainSeconds: number };

/** What the command line says: it wins over the environment, which wins over the file. */
export interface SettingsSources {
  readonly file: string | undefined;
  /** Keys with their dots: `webhook.port`. An undefined one was not given. */
  readonly flags: Readonly<Record<string, string | number | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative file names of flags are relative to; those of the file are relative to its folder. */
  readonly cwd: string;
}

const ENVIRONMENT: Readonly<Record<string, string>> = {
  COUNTERSIGN_LOG_LEVEL: 'log.level',
  // It holds a password: it comes from a Secret, not from the file.
  COUNTERSIGN_HISTORY_URL: 'history.url',
};

/** What other programs read as well: the file wins over these. The first that is set counts. */
const COMMON_ENVIRONMENT: Readonly<Record<string, readonly string[]>> = {
  'proxy.https': ['HTTPS_PROXY', 'https_proxy'],
  'proxy.http': ['HTTP_PROXY', 'http_proxy'],
  'proxy.no': ['NO_PROXY', 'no_proxy'],
};

/** Keys whose values are file names. */
const PATHS = [
  'certificate.directory',
  'webhook.clientCA',
  'policies',
  'kubeconfig',
  'dockerConfig',
  'containerdHosts',
  'keys.vault.tokenFile',
  'keys.vault.kubernetes.tokenFile',
  'keys.vault.caFile',
  'keys.gcp.credentialsFile',
  'trustRoots.cacheDirectory',
  'trustRoots.caFile',
  'history.path',
  'history.caFile',
];
const REGISTRY_PATHS = ['caFile', 'layout'];

/** @throws SettingsError that names every key that is wrong or unknown. */
export function loadSettings({ file, flags, env, cwd }: SettingsSources): Settings {
  const tree = file === undefined ? {} : readSettingsFile(file);
  resolvePaths(tree, file === undefined ? cwd : dirname(resolve(cwd, file)));
  for (const [name, key] of Object.entries(ENVIRONMENT)) {
    if (env[name] !== undefined) setAt(tree, key, env[name]);
  }
  for (const [key, names] of Object.entries(COMMON_ENVIRONMENT)) {
    const value = names.map((name) => env[name]).find((each) => each !== undefined && each !== '');
    if (value !== undefined && valueAt(tree, key) === undefined) setAt(tree, key, value);
  }
  for (const [key, value] of Object.entries(flags)) {
    if (value !== undefined) setAt(tree, key, PATHS.includes(key) ? resolve(cwd, String(value)) : value);
  }
  const parsed = settingsSchema.safeParse(tree);
  if (!parsed.success) throw new SettingsError(describe(file, parsed.error));
  const settings = parsed.data;
  // The default of the folder, which the schema itself cannot know the place of.
  resolvePaths(settings, cwd);
  return { ...settings, drainSeconds: settings.drainSeconds ?? (settings.policies === undefined ? 5 : 0) };
}

type Tree = { [key: string]: unknown };

function readSettingsFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError(`the settings file ${file} cannot be read: ${asError(error).message}`, {
      cause: error,
    });
  }
  const lineCounter = new LineCounter();
  // Without the line itself: a proxy's password may stand in it.
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: false, lineCounter });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new SettingsError(
      `the settings file ${file} is not YAML (line ${lineCounter.linePos(problem.pos[0]).line}): ${problem.message}`,
    );
  const tree: unknown = document.toJS() ?? {};
  if (!isTree(tree)) throw new SettingsError(`the settings file ${file} is not a mapping`);
  return tree;
}

function resolvePaths(tree: object, folder: string): void {
  for (const key of PATHS) {
    const value = valueAt(tree, key);
    if (typeof value === 'string' && value !== '') setAt(tree, key, resolve(folder, value));
  }
  const registries = valueAt(tree, 'registries');
  for (const entry of Array.isArray(registries) ? (registries as unknown[]) : []) {
    if (!isTree(entry)) continue;
    const mirrors = Array.isArray(entry['mirrors']) ? (entry['mirrors'] as unknown[]).filter(isTree) : [];
    for (const each of [entry, ...mirrors]) resolveRegistryPaths(each, folder);
  }
}

function resolveRegistryPaths(entry: Tree, folder: string): void {
  for (const key of REGISTRY_PATHS) {
    const value = valueAt(entry, key);
    if (typeof value === 'string' && value !== '') setAt(entry, key, resolve(folder, value));
  }
}

function valueAt(tree: object, key: string): unknown {
  let value: unknown = tree;
  for (const part of key.split('.'))
    value = isTree(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  return value;
}

function setAt(tree: object, key: string, value: unknown): void {
  const parts = key.split('.');
  const last = parts.pop() ?? '';
  let at = tree as Tree;
  for (const part of parts) {
    if (!Object.hasOwn(at, part)) at[part] = {};
    const next = at[part];
    // What is there is of the wrong shape: the schema says so better than this could.
    if (!isTree(next)) return;
    at = next;
  }
  at[last] = value;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(file: string | undefined, error: z.ZodError): string {
  const lines = error.issues.map((issue) => {
    const at = issue.path.map(String).join('.');
    return issue.code === 'unrecognized_keys'
      ? `  ${issue.keys.map((key) => (at === '' ? key : `${at}.${key}`)).join(', ')}: unknown key`
      : `  ${at === '' ? '(top level)' : at}: ${issue.message}`;
  });
  return [`the settings ${file === undefined ? '' : `of ${file} `}cannot be used:`, ...lines].join('\n');
}
