import { readFile, stat } from 'node:fs/promises';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Credential, CredentialSource } from './credentials.ts';

/** Milliseconds between two looks at whether the file changed. */
const RECHECK_MS = 1000;
/** A file with every registry of a large company is far below this. */
const MAX_FILE_BYTES = 1024 * 1024;
const DOCKER_HUB_NAMES = new Set(['index.docker.io', 'registry-1.docker.io']);

interface Entry {
  readonly host: string;
  /** Repository, or the first parts of one; empty = the whole host. */
  readonly path: string;
  readonly credential: Credential;
}

/**
 * The credentials of a Docker `config.json`, read again when the file changes. Hosts match exactly, as `host[:port]`;
 * of several entries for a host the longest path wins, by whole path parts.
 */
export class DockerConfigFile implements CredentialSource {
  readonly #path: string;
  readonly #log: Logger;
  readonly #now: () => number;
  #entries: readonly Entry[] = [];
  #version = '';
  #checkedAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(path: string, log: Logger, now: () => number = Date.now) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  async find(host: string, repository: string): Promise<Credential | undefined> {
    if (this.#now() - this.#checkedAt >= RECHECK_MS) {
      this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    return bestEntry(this.#entries, host, repository)?.credential;
  }

  async #refresh(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
        const parsed = parseDockerConfig(await readFile(this.#path, 'utf8'));
        this.#entries = parsed.entries;
        this.#version = version;
        for (const note of parsed.notes) this.#log.warn({ file: this.#path }, note);
      }
    } catch (error) {
      // What was read before stays: a half-written file must not make every private image unreadable.
      this.#log.error(
        { file: this.#path, error: asError(error).message },
        'registry credentials could not be read',
      );
    }
    this.#checkedAt = this.#now();
  }
}

/** @throws Error for what is no Docker configuration; never repeats its text, which holds secrets */
export function parseDockerConfig(text: string): {
  readonly entries: readonly Entry[];
  readonly notes: readonly string[];
} {
  const config = parseObject(text);
  const notes: string[] = [];
  if (config['credHelpers'] !== undefined || config['credsStore'] !== undefined) {
    notes.push(
      'credential helpers in the Docker configuration are not supported and are ignored; only "auths" is used',
    );
  }
  const entries: Entry[] = [];
  const auths = config['auths'];
  for (const [key, value] of Object.entries(isRecord(auths) ? auths : {})) {
    const place = parseKey(key);
    const credential = isRecord(value) ? credentialOf(value) : undefined;
    if (credential !== undefined) entries.push({ ...place, credential });
    else
      notes.push(
        `the entry for ${place.host} in the Docker configuration holds no credentials that can be used`,
      );
  }
  return { entries, notes };
}

function bestEntry(entries: readonly Entry[], host: string, repository: string): Entry | undefined {
  let best: Entry | undefined;
  for (const entry of entries) {
    if (entry.host !== host.toLowerCase()) continue;
    // By whole parts: `org` is no prefix of `organisation/app`.
    if (entry.path !== '' && !`${repository}/`.startsWith(`${entry.path}/`)) continue;
    if (best === undefined || entry.path.length > best.path.length) best = entry;
  }
  return best;
}

/** `https://index.docker.io/v1/`, `ghcr.io`, `registry.example.com:5000/team`. */
function parseKey(key: string): { host: string; path: string } {
  const [written = '', ...parts] = key.replace(/^https?:\/\//, '').split('/');
  const name = written.toLowerCase();
  const path = parts.join('/').replace(/\/+$/, '');
  return {
    host: DOCKER_HUB_NAMES.has(name) ? 'docker.io' : name,
    // The old form names the API's version, not a repository.
    path: path === 'v1' || path === 'v2' ? '' : path,
  };
}

function credentialOf(value: Readonly<Record<string, unknown>>): Credential | undefined {
  const { auth, username, password, identitytoken, registrytoken } = value;
  if (isText(registrytoken)) return { kind: 'registry', token: registrytoken };
  if (isText(identitytoken)) return { kind: 'identity', token: identitytoken };
  if (isText(username) && isText(password)) return loginOf(username, password);
  if (!isText(auth)) return undefined;
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon > 0 ? loginOf(decoded.slice(0, colon), decoded.slice(colon + 1)) : undefined;
}

function loginOf(username: string, password: string): Credential {
  // How docker login stores an identity token that came as a password.
  if (username === '<token>') return { kind: 'identity', token: password };
  return { kind: 'basic', username, password };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  if (!isRecord(value)) throw new Error('it is not a JSON object');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
