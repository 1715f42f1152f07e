import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { asError } from './errors.ts';
import { settingsSchema } from './settings-schema.ts';

/** The installation's settings are not usable: told to whoever starts the program, with the path of each key. */
export class SettingsError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'SettingsError';
  }
}

type Parsed = z.output<typeof settingsSchema>;

/** What the program runs by. File names are absolute. */
export type Settings = Omit<Parsed, 'drainSeconds'> & {
  readonly drainSeconds: number;
  /** The administrator's, standalone: a secret, which comes by the environment alone. */
  readonly adminPassword?: string;
};

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
  'dataDirectory',
  'admin.passwordFile',
  'admin.oidc.clientSecretFile',
  'admin.oidc.caFile',
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
  const password = env['COUNTERSIGN_ADMIN_PASSWORD'];
  return {
    ...settings,
    history: inDataDirectory(settings),
    drainSeconds: settings.drainSeconds ?? (settings.policies === undefined ? 5 : 0),
    ...(password !== undefined && { adminPassword: password }),
  };
}

/** Where the history is kept when nobody says so. */
function inDataDirectory({ history, dataDirectory }: Parsed): Parsed['history'] {
  const isPlaced = history.path !== undefined || history.url !== undefined;
  return history.enabled && !isPlaced ? { ...history, path: join(dataDirectory, 'history.db') } : history;
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
