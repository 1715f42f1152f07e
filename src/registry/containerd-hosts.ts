import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, TomlError, type TomlTable, type TomlValue } from 'smol-toml';
import { asError } from '../errors.ts';
import { readAuthorities } from './authorities.ts';
import type { MirrorSettings } from './settings.ts';

/** A hosts.toml with dozens of mirrors is below this. */
const MAX_FILE_BYTES = 256 * 1024;
const DEFAULT_NAME = '_default';
const CAPABILITIES = new Set(['pull', 'resolve', 'push']);
/** What containerd would send or trust there, and we do not. */
const IGNORED = {
  client: 'client certificates are not supported',
  header: 'further headers are not sent',
  skip_verify: 'certificates are always verified; name the authority in "ca"',
} as const;

/** What containerd's configuration says of one registry host. */
export interface ContainerdHosts {
  readonly mirrors: readonly MirrorSettings[];
  /** Who is asked last instead of the registry itself. */
  readonly server: MirrorSettings | undefined;
}

/**
 * Reads a directory as containerd's `config_path` names one (containerd docs/hosts.md): `<host>/hosts.toml`, with a port
 * as `host_5000_` or `host:5000`, and `_default` for every other host. A folder without that file may hold `*.crt`, the
 * authorities of that registry.
 * @param note told of what is not obeyed
 * @throws Error that names the file
 */
export function readContainerdHosts(
  directory: string,
  note: (text: string) => void,
): { readonly names: readonly string[]; of(host: string): ContainerdHosts | undefined } {
  const byHost = new Map<string, ContainerdHosts>();
  // By code points, a colon comes before an underscore: `host_5000_`, which containerd looks for first, wins.
  for (const name of listed(directory).toSorted()) {
    const folder = join(directory, name);
    if (!statSync(folder).isDirectory()) continue;
    const host = name.replace(/_(\d+)_$/, ':$1').toLowerCase();
    const file = join(folder, 'hosts.toml');
    const text = textOf(file);
    byHost.set(
      host,
      text === undefined ? ofCertificates(folder, host) : parsed(file, folder, host, text, note),
    );
  }
  const names = [...byHost.keys()].filter((host) => host !== DEFAULT_NAME);
  return { names, of: (host) => byHost.get(host) ?? byHost.get(DEFAULT_NAME) };
}

function listed(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw new Error(`containerdHosts: ${asError(cause).message}`, { cause });
  }
}

function textOf(file: string): string | undefined {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isFile() || status.size > MAX_FILE_BYTES)
    throw new Error(`${file} is no file of at most ${MAX_FILE_BYTES} bytes`);
  return readFileSync(file, 'utf8');
}

function ofCertificates(folder: string, host: string): ContainerdHosts {
  const files = listed(folder).filter((name) => name.endsWith('.crt'));
  const caPem = files.map((name) => readAuthorities(join(folder, name))).join('\n');
  const isNamed = files.length > 0 && host !== DEFAULT_NAME;
  return { mirrors: [], server: isNamed ? { url: host, caPem } : undefined };
}

function parsed(
  file: string,
  folder: string,
  host: string,
  text: string,
  note: (text: string) => void,
): ContainerdHosts {
  try {
    const table = parse(text);
    const { server, host: hosts } = table;
    const read = (url: string, fields: TomlTable) => {
      for (const [key, reason] of Object.entries(IGNORED)) {
        if (fields[key] !== undefined && fields[key] !== false)
          note(`${file}: "${key}" is ignored: ${reason}`);
      }
      return mirrorOf(url, fields, folder);
    };
    const mirrors = Object.entries(tableOf(hosts ?? {}, 'host')).map(([url, fields]) =>
      read(url, tableOf(fields, url)),
    );
    // Without a server the fields beside it are about the registry itself.
    const last = server ?? (host === DEFAULT_NAME ? undefined : host);
    if (last !== undefined && typeof last !== 'string') throw new Error('"server" is not a text');
    return { mirrors, server: last === undefined ? undefined : read(last, table) };
  } catch (cause) {
    throw new Error(`${file} cannot be used: ${reasonOf(cause)}`, { cause });
  }
}

/** The parser's own message repeats lines of the file, and headers in it may hold credentials. */
function reasonOf(cause: unknown): string {
  if (cause instanceof TomlError) return `it is not TOML (line ${cause.line}, column ${cause.column})`;
  return asError(cause).message;
}

function mirrorOf(url: string, fields: TomlTable, folder: string): MirrorSettings {
  const { capabilities, ca, override_path: overridePath } = fields;
  const names = texts(capabilities ?? [], 'capabilities').map((name) => name.toLowerCase());
  const unknown = names.find((name) => !CAPABILITIES.has(name));
  if (unknown !== undefined) throw new Error(`the capability ${JSON.stringify(unknown)} is unknown`);
  if (overridePath !== undefined && typeof overridePath !== 'boolean')
    throw new Error('"override_path" is neither true nor false');
  const files = texts(ca ?? [], 'ca');
  return {
    url,
    overridePath: overridePath ?? false,
    ...(names.length > 0 && {
      capabilities: (['pull', 'resolve'] as const).filter((name) => names.includes(name)),
    }),
    ...(files.length > 0 && {
      caPem: files.map((name) => readAuthorities(resolve(folder, name))).join('\n'),
    }),
  };
}

function texts(value: TomlValue, key: string): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((each) => typeof each === 'string'))
    throw new Error(`"${key}" is no text and no list of texts`);
  return list;
}

function tableOf(value: TomlValue, key: string): TomlTable {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Date)
    throw new Error(`"${key}" is not a table`);
  return value;
}
