import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { asError } from './errors.ts';

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

const registry = z.strictObject({
  host: z.string().min(1),
  plainHttp: z.exactOptional(z.boolean()),
  caFile: z.exactOptional(path),
  allowLoopback: z.exactOptional(z.boolean()),
  tokenRealm: z.exactOptional(z.string().min(1)),
  layout: z.exactOptional(path),
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
  dockerConfig: path.optional(),
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

const ENVIRONMENT: Readonly<Record<string, string>> = { COUNTERSIGN_LOG_LEVEL: 'log.level' };

/** Keys whose values are file names. */
const PATHS = ['certificate.directory', 'webhook.clientCA', 'policies', 'kubeconfig', 'dockerConfig'];
const REGISTRY_PATHS = ['caFile', 'layout'];

/** @throws SettingsError that names every key that is wrong or unknown. */
export function loadSettings({ file, flags, env, cwd }: SettingsSources): Settings {
  const tree = file === undefined ? {} : readSettingsFile(file);
  resolvePaths(tree, file === undefined ? cwd : dirname(resolve(cwd, file)));
  for (const [name, key] of Object.entries(ENVIRONMENT)) {
    if (env[name] !== undefined) setAt(tree, key, env[name]);
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
  const document = parseDocument(text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new SettingsError(`the settings file ${file} is not YAML: ${problem.message}`);
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
    for (const key of isTree(entry) ? REGISTRY_PATHS : []) {
      const value = valueAt(entry as Tree, key);
      if (typeof value === 'string' && value !== '') setAt(entry as Tree, key, resolve(folder, value));
    }
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
