import { quote } from '../image/quote.ts';
import { isHostOf, providerOfHelper, type CloudProvider } from './cloud/hosts.ts';
import type { Credential } from './credentials.ts';

/** What one key of a Docker configuration is for. */
interface Key {
  /** `ghcr.io`, `registry.example:5000`, `*.example.com`: as many labels as the hosts that it is for. */
  readonly host: string;
  /** Repository, or the first parts of one; empty = the whole host. */
  readonly path: string;
}

/** A credential, or why there is none that can be used: a part of a sentence, without secrets. */
type Found =
  { readonly credential: Credential } | { readonly credential: undefined; readonly problem: string };

/** One entry of a Docker configuration. */
export type Entry = Key & Found;

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

/** `config.json`. @throws Error for what is none; never repeats its text, which holds secrets */
export function parseDockerConfig(text: string): DockerEntries {
  const config = parseObject(text);
  const entries = entriesOf(config['auths'] ?? {}, 'its "auths"');
  const notes = entries.flatMap((entry) =>
    entry.credential === undefined ? [`in the Docker configuration ${unusable(entry)}`] : [],
  );
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
  const { credHelpers, credsStore } = {
    credHelpers: config['credHelpers'] ?? {},
    credsStore: config['credsStore'] ?? '',
  };
  if (!isRecord(credHelpers)) throw new Error('its "credHelpers" is not an object');
  if (typeof credsStore !== 'string') throw new Error('its "credsStore" is not a text');
  const named = Object.entries(credHelpers).flatMap(([key, helper]) => {
    if (typeof helper !== 'string') throw new Error('its "credHelpers" has a value that is not a text');
    return helper === '' ? [] : [{ host: parseKey(key).host, helper }];
  });
  return credsStore === '' ? named : [...named, { host: '*', helper: credsStore }];
}

/** What `kubernetes.io/dockerconfigjson` holds: a `config.json`, of which nothing but `auths` is used. @throws Error as above */
export function parseDockerConfigJson(text: string): Pick<DockerEntries, 'entries'> {
  return { entries: entriesOf(parseObject(text)['auths'] ?? {}, 'its "auths"') };
}

/** The older `.dockercfg`, `kubernetes.io/dockercfg`: what is under `auths` in the newer. @throws Error as above */
export function parseDockerCfg(text: string): Pick<DockerEntries, 'entries'> {
  return { entries: entriesOf(parseObject(text), 'it') };
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
  return entriesFor(entries, host, repository)
    .toSorted((a, b) => Number(isGlob(a.host)) - Number(isGlob(b.host)) || b.path.length - a.path.length)
    .flatMap(({ credential }) => credential ?? []);
}

/** The entries for a repository that hold no credential, as parts of sentences. */
export function problemsFor(entries: readonly Entry[], host: string, repository: string): readonly string[] {
  return entriesFor(entries, host, repository).flatMap((entry) =>
    entry.credential === undefined ? [unusable(entry)] : [],
  );
}

function entriesFor(entries: readonly Entry[], host: string, repository: string): readonly Entry[] {
  const names = host === 'docker.io' ? DOCKER_HUB_NAMES : [host];
  return (
    entries
      .filter((entry) => names.some((name) => isHostMatch(entry.host, name)))
      // By whole parts: `org` is no prefix of `organisation/app`.
      .filter(({ path }) => path === '' || `${repository}/`.startsWith(`${path}/`))
  );
}

function unusable({ host, problem }: Entry & { readonly credential: undefined }): string {
  return `the entry for ${quote(host)} holds no credentials that can be used (${problem})`;
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

/** @param what names the object in the error */
function entriesOf(auths: unknown, what: string): readonly Entry[] {
  if (!isRecord(auths)) throw new Error(`${what} is not an object`);
  return Object.entries(auths).map(([key, value]) => ({ ...parseKey(key), ...credentialOf(value) }));
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

/**
 * The credential of one entry, with the precedence of docker (cli/config/configfile, moby's registry package) and the kubelet
 * (pkg/credentialprovider): `auth` replaces `username` and `password`, also where it cannot be read: both then refuse the
 * whole file, and neither falls back. The tokens are docker's; a kubelet does not read them.
 */
function credentialOf(value: unknown): Found {
  if (!isRecord(value)) return { credential: undefined, problem: 'it is not an object' };
  const { auth, username, password, identitytoken, registrytoken } = value;
  const login = isAbsent(auth) ? { username, password } : decodeAuth(auth);
  if (login === undefined)
    return { credential: undefined, problem: 'its "auth" is not the base64 of username:password' };
  if (isText(registrytoken)) {
    // It goes into a header as it is.
    return /^[\x21-\x7e]+$/.test(registrytoken)
      ? { credential: { kind: 'registry', token: registrytoken } }
      : { credential: undefined, problem: 'its "registrytoken" has characters that no token has' };
  }
  if (isText(identitytoken)) return { credential: { kind: 'identity', token: identitytoken } };
  if (isText(login.username) && (isText(login.password) || !isAbsent(auth)))
    return { credential: loginOf(login.username, String(login.password)) };
  return { credential: undefined, problem: 'it has neither "auth" nor "username" and "password"' };
}

/** As a kubelet decodes it: standard base64 with its padding or without any, line breaks in it. Undefined for anything else. */
function decodeAuth(auth: unknown): { username: string; password: string } | undefined {
  const text = typeof auth === 'string' ? auth.replace(/[\r\n]/g, '') : '';
  const isWhole = text.includes('=') ? text.length % 4 === 0 : text.length % 4 !== 1;
  if (!isWhole || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const decoded = utf8(Buffer.from(text, 'base64'));
  const colon = decoded?.indexOf(':') ?? -1;
  return decoded !== undefined && colon > 0
    ? { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
    : undefined;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
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

/** Go's decoder, which docker and the kubelet use, takes all of these for a field that is not there. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
