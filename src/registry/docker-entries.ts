import { isHostOf, providerOfHelper, type CloudProvider } from './cloud/hosts.ts';
import type { Credential } from './credentials.ts';

/** What one key of a Docker configuration is for. */
export interface Entry {
  /** `ghcr.io`, `registry.example:5000`, `*.example.com`: as many labels as the hosts that it is for. */
  readonly host: string;
  /** Repository, or the first parts of one; empty = the whole host. */
  readonly path: string;
  readonly credential: Credential;
}

/** The credentials in a Docker configuration, or in a pull secret. */
export interface DockerEntries {
  readonly entries: readonly Entry[];
  /** Clouds to be asked instead: by host, and under `*` for every other host of the cloud. */
  readonly helpers: ReadonlyMap<string, CloudProvider>;
  /** What cannot be used, and why: sentences without secrets. */
  readonly notes: readonly string[];
}

/** Docker Hub has one name in image references, and these in the keys of configurations. */
const DOCKER_HUB_NAMES = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/** `config.json`, which is also what `kubernetes.io/dockerconfigjson` holds. @throws Error for what is none; never repeats its text, which holds secrets */
export function parseDockerConfig(text: string): DockerEntries {
  const config = parseObject(text);
  const { entries, notes } = entriesOf(config['auths']);
  const helpers = new Map<string, CloudProvider>();
  const problems: string[] = [];
  for (const { host, helper } of helpersOf(config)) {
    const provider = providerOfHelper(helper);
    if (provider === undefined)
      problems.push(
        `the credential helper ${JSON.stringify(helper.slice(0, 64))} for ${host} is none that Countersign has, and is ignored`,
      );
    else if (host !== '*' && !isHostOf(provider, host))
      problems.push(`${host} is no registry of the cloud of its credential helper, which is ignored`);
    else helpers.set(host, provider);
  }
  return { entries, helpers, notes: [...notes, ...problems] };
}

function helpersOf(config: Readonly<Record<string, unknown>>): readonly { host: string; helper: string }[] {
  const { credHelpers, credsStore } = config;
  const named = Object.entries(isRecord(credHelpers) ? credHelpers : {}).flatMap(([key, helper]) =>
    isText(helper) ? [{ host: parseKey(key).host, helper }] : [],
  );
  return isText(credsStore) ? [...named, { host: '*', helper: credsStore }] : named;
}

/** The older `.dockercfg`, `kubernetes.io/dockercfg`: what stands under `auths` in the newer. @throws Error as above */
export function parseDockerCfg(text: string): DockerEntries {
  return { ...entriesOf(parseObject(text)), helpers: new Map() };
}

/**
 * The credentials for a repository, best first, by the rules of the kubelet: hosts match whole, label by label, with their
 * port; a host that is written out goes before one with `*`, and the longest path goes first. Paths match by whole parts.
 * @param host of image names, in lower case
 */
export function credentialsFor(
  entries: readonly Entry[],
  host: string,
  repository: string,
): readonly Credential[] {
  const names = host === 'docker.io' ? DOCKER_HUB_NAMES : [host];
  return (
    entries
      .filter((entry) => names.some((name) => isHostMatch(entry.host, name)))
      // By whole parts: `org` is no prefix of `organisation/app`.
      .filter(({ path }) => path === '' || `${repository}/`.startsWith(`${path}/`))
      .toSorted((a, b) => Number(isGlob(a.host)) - Number(isGlob(b.host)) || b.path.length - a.path.length)
      .map(({ credential }) => credential)
  );
}

/** Whether a host is what a key or setting says: as many labels, each equal or matched by its `*`, and the same port. */
export function isHostMatch(pattern: string, host: string): boolean {
  if (!isGlob(pattern)) return pattern === host;
  const [wanted, given] = [splitHost(pattern), splitHost(host)];
  return (
    wanted.port === given.port &&
    wanted.labels.length === given.labels.length &&
    wanted.labels.every((label, index) => isLabelMatch(label, given.labels[index] ?? ''))
  );
}

function isGlob(host: string): boolean {
  return host.includes('*');
}

function splitHost(host: string): { readonly labels: readonly string[]; readonly port: string } {
  const [name = '', port = ''] = host.split(':', 2);
  return { labels: name.split('.'), port };
}

/** Linear: each literal is searched once, behind the one before it. */
function isLabelMatch(pattern: string, label: string): boolean {
  const [first = '', ...more] = pattern.split('*');
  const last = more.pop();
  if (last === undefined) return label === first;
  if (!label.startsWith(first) || !label.endsWith(last)) return false;
  let at = first.length;
  for (const literal of more) {
    const found = label.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return at <= label.length - last.length;
}

function entriesOf(auths: unknown): Omit<DockerEntries, 'helpers'> {
  const entries: Entry[] = [];
  const notes: string[] = [];
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

/** `https://index.docker.io/v1/`, `ghcr.io`, `registry.example.com:5000/team`. */
function parseKey(key: string): { host: string; path: string } {
  const [written = '', ...parts] = key.replace(/^https?:\/\//, '').split('/');
  const name = written.toLowerCase();
  // The old form names the API's version, not a repository.
  if (parts[0] === 'v1' || parts[0] === 'v2') parts.shift();
  const path = parts.join('/').replace(/\/+$/, '');
  return { host: DOCKER_HUB_NAMES.includes(name) ? 'docker.io' : name, path };
}

function credentialOf(value: Readonly<Record<string, unknown>>): Credential | undefined {
  const { auth, username, password, identitytoken, registrytoken } = value;
  // It goes into a header as it is.
  if (isText(registrytoken))
    return /^[\x21-\x7e]+$/.test(registrytoken) ? { kind: 'registry', token: registrytoken } : undefined;
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
