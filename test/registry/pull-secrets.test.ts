import { describe, expect, test } from '@jest/globals';
import type { Puller } from '../../src/admission/ports.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { PullSecrets } from '../../src/kube/pull-secrets.ts';
import { Keyrings } from '../../src/registry/keyring.ts';
import { LIMITS } from '../../src/limits.ts';
import { ScriptedApiServer, status } from '../kube/scripted-api-server.ts';
import { Artifacts } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import {
  asking,
  atEnd,
  configFile,
  evilRegistry,
  imageSource,
  look,
  nobody,
  reference,
  summary,
} from './sources.ts';

const SECRETS = '/api/v1/secrets';
const ACCOUNTS = '/api/v1/serviceaccounts';

type Auths = Readonly<Record<string, string>>;

/** A registry that lets in who it is told to, an API server with Secrets, and who asks them both. */
async function setup(settings: { readonly users?: readonly string[] } = {}) {
  const clock = { now: 1_000_000 };
  const api = new ScriptedApiServer();
  api.serve(SECRETS, ACCOUNTS);
  await api.start();
  const client = new KubeClient(api.config(), { timeout: 60_000, maxBodyBytes: LIMITS.secretBytes });
  atEnd(async () => {
    await client.close();
    await api.stop();
  });
  const now = () => clock.now;
  const registry = await evilRegistry();
  const users = new Set(settings.users ?? ['good']);
  onlyFor(registry, users);
  const pullSecrets = new PullSecrets({ client, namespaces: ['mcp', 'other'], now });
  const other = await evilRegistry();
  onlyFor(other, users);
  const source = imageSource([registry, other], { pullSecrets, now });
  return { clock, api, pullSecrets, registry, other, users, source, digest: signed(registry) };
}

function signed(registry: EvilRegistry): string {
  const artifacts = new Artifacts(registry);
  const digest = artifacts.image();
  artifacts.simpleSigned(digest, [artifacts.simpleLayer('good')]);
  return digest;
}

function onlyFor(registry: EvilRegistry, users: ReadonlySet<string>): void {
  registry.script((request, response) => {
    const [user = ''] = userOf(request.headers.authorization).split(':');
    if (users.has(user)) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    return true;
  });
}

function userOf(authorization: string | undefined): string {
  return Buffer.from((authorization ?? '').replace('Basic ', ''), 'base64').toString();
}

/** Who the registry was shown, without those who were shown again. */
function shown(registry: EvilRegistry): readonly string[] {
  const names = registry.seen.map(({ headers }) => userOf(headers.authorization).split(':')[0] ?? '');
  return [...new Set(names)].filter((name) => name !== '');
}

function authsOf(users: Auths): object {
  const auth = (user: string) => Buffer.from(`${user}:secret-of-${user}`).toString('base64');
  return Object.fromEntries(Object.entries(users).map(([host, user]) => [host, { auth: auth(user) }]));
}

function putSecret(api: ScriptedApiServer, name: string, users: Auths, more: object = {}, namespace = 'mcp') {
  const config = JSON.stringify({ auths: authsOf(users), ...more });
  api.put(SECRETS, {
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  });
}

function putAccount(api: ScriptedApiServer, name: string, ...secrets: readonly string[]): void {
  const imagePullSecrets = secrets.map((secret) => ({ name: secret }));
  api.put(ACCOUNTS, { metadata: { name, namespace: 'mcp' }, imagePullSecrets });
}

function puller(...pullSecrets: readonly string[]): Puller {
  return { ...nobody, pullSecrets };
}

describe('whose credentials', () => {
  test("the workload's pull secret opens a private image, and what it shows is marked", async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    const options = asking(undefined, puller('regcred'));
    expect(await source.resolve(reference(registry), options)).toEqual({ digest, withPullSecret: true });
    expect(await look(source, registry, digest, false, puller('regcred'))).toMatchObject({
      faults: [],
      withPullSecret: true,
      remembered: false,
    });
    // Found evidence is for all, and stays marked.
    expect(await look(source, registry, digest)).toMatchObject({
      faults: [],
      withPullSecret: true,
      remembered: true,
    });
  });

  test('G7: what people ask is answered to nobody else: whoever has not that secret sees nothing of it', async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    const asked = (who: Puller) =>
      source.unhurried.discover(reference(registry, { digest }), digest, {
        ...asking(undefined, who),
        fresh: false,
      });
    const manifest = (who: Puller) =>
      source.unhurried.manifest(reference(registry), digest, asking(undefined, who));
    const tenant = puller('regcred');
    expect(await asked(tenant)).toMatchObject({ faults: [], remembered: false, withPullSecret: true });
    expect(await asked(tenant)).toMatchObject({ faults: [], remembered: true, withPullSecret: true });
    expect((await manifest(tenant)).length).toBeGreaterThan(0);
    const stranger = await asked(nobody);
    expect(stranger.evidence).toEqual([]);
    expect(stranger.faults[0]?.code).toBe('REGISTRY_AUTH');
    await expect(manifest(nobody)).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
    const requests = registry.seen.length;
    expect((await manifest(tenant)).length).toBeGreaterThan(0);
    expect(await asked(tenant)).toMatchObject({ remembered: true });
    expect(registry.seen).toHaveLength(requests);
  });

  test('the older type of Secret does the same', async () => {
    const { api, registry, source, digest } = await setup();
    const data = {
      '.dockercfg': Buffer.from(JSON.stringify(authsOf({ [registry.host]: 'good' }))).toString('base64'),
    };
    api.put(SECRETS, { metadata: { name: 'old', namespace: 'mcp' }, type: 'kubernetes.io/dockercfg', data });
    const options = asking(undefined, puller('old'));
    expect(await source.resolve(reference(registry), options)).toEqual({ digest, withPullSecret: true });
  });

  test('what anybody may see is not marked, pull secret or not', async () => {
    const { api, registry, source, digest } = await setup();
    registry.script(() => false);
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    const found = await look(source, registry, digest, false, puller('regcred'));
    expect(found).toMatchObject({ faults: [], withPullSecret: false });
    expect(shown(registry)).toEqual([]);
  });

  test("what the installation's own credential shows is not marked, even where a pull secret holds the same", async () => {
    const { api, registry, source, pullSecrets, digest } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    const dockerConfigFile = configFile(authsOf({ [registry.host]: 'good' }));
    const settings = { dockerConfigFile, pullSecrets };
    const own = imageSource([registry], settings);
    expect(await look(own, registry, digest)).toMatchObject({ faults: [], withPullSecret: false });
    const both = imageSource([registry], settings);
    const found = await look(both, registry, digest, false, puller('regcred'));
    expect(found).toMatchObject({ faults: [], withPullSecret: false });
    expect(await look(source, registry, digest, false, puller('regcred'))).toMatchObject({
      withPullSecret: true,
    });
  });

  test("in order: the workload's, its ServiceAccount's, the installation's; all of them, each once", async () => {
    const { api, registry, users, pullSecrets, digest } = await setup({ users: [] });
    const dockerConfigFile = configFile(authsOf({ [registry.host]: 'installation' }));
    const source = imageSource([registry], { pullSecrets, dockerConfigFile });
    putSecret(api, 'mine', { [registry.host]: 'mine' });
    putSecret(api, 'again', { [registry.host]: 'mine' });
    putSecret(api, 'another', { [registry.host]: 'another' });
    putSecret(api, 'of-account', { [registry.host]: 'account' });
    putAccount(api, 'default', 'of-account', 'mine');
    const ask = (...names: readonly string[]) => {
      registry.forget();
      return source.resolve(reference(registry), asking(undefined, puller(...names)));
    };
    expect(await failure(ask('mine', 'again'))).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.not.stringContaining('secret-of'),
    });
    expect(shown(registry)).toEqual(['mine', 'account', 'installation']);
    await failure(ask('another', 'mine'));
    expect(shown(registry)).toEqual(['another', 'mine', 'account', 'installation']);
    users.add('account');
    expect(await ask('mine')).toEqual({ digest, withPullSecret: true });
    expect(shown(registry)).toEqual(['mine', 'account']);
    users.add('installation').delete('account');
    expect(await ask('mine')).toEqual({ digest, withPullSecret: false });
  });

  test('every one that matches is tried, up to a bound; a refusal says how many, and how many there were', async () => {
    const count = LIMITS.pullSecretMatches;
    const users = (many: number) => [...Array(many).keys()].map((each) => `user-${each}`);
    const asked = async (many: number, installation: Auths = {}) => {
      const { api, registry, other, pullSecrets, digest } = await setup({
        users: [`user-${count}`, 'installation'],
      });
      // One Secret can name a host only once by each of its spellings.
      const spellings = users(many).map(
        (user, each) => [`${registry.host}${'/'.repeat(each)}`, user] as const,
      );
      putSecret(api, 'many', { ...Object.fromEntries(spellings), [other.host]: 'elsewhere' });
      const dockerConfigFile = configFile(
        authsOf(Object.fromEntries(Object.keys(installation).map((user) => [registry.host, user]))),
      );
      const source = imageSource([registry, other], { pullSecrets, dockerConfigFile });
      const outcome = await source
        .resolve(reference(registry), asking(undefined, puller('many')))
        .catch((error: unknown) => error);
      expect(other.seen).toEqual([]);
      return { outcome, shown: shown(registry), digest };
    };
    const refused = await asked(count);
    expect(refused.outcome).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringMatching(/; tried: 32 credentials, then anonymous access$/),
    });
    expect(refused.outcome).toMatchObject({ message: expect.not.stringContaining('only the first') });
    expect(refused.shown).toEqual(users(count));
    // The twin of the next two: the one that is let in is the last that is tried.
    const last = await asked(count - 1, { installation: 'installation' });
    expect(last.outcome).toMatchObject({ digest: last.digest, withPullSecret: false });
    expect(last.shown).toEqual([...users(count - 1), 'installation']);
    const cut = await asked(count + 1);
    expect(cut.outcome).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringMatching(
        /^of the 33 credentials in the pull secrets for this repository only the first 32 are tried; .*; tried: 32 credentials, then anonymous access$/,
      ),
    });
    expect(cut.shown).toEqual(users(count));
    // However many pull secrets there are, they take no place of the installation's.
    const both = await asked(count + 1, { installation: 'installation' });
    expect(both.outcome).toMatchObject({ digest: both.digest, withPullSecret: false });
  });

  test('the fourth opens it, and nothing is shown after it', async () => {
    const { api, registry, source, digest } = await setup();
    for (const user of ['a', 'b', 'c', 'good', 'e']) putSecret(api, user, { [registry.host]: user });
    const all = puller('a', 'b', 'c', 'good', 'e');
    expect(await source.resolve(reference(registry), asking(undefined, all))).toEqual({
      digest,
      withPullSecret: true,
    });
    expect(shown(registry)).toEqual(['a', 'b', 'c', 'good']);
    registry.forget();
    const refused = await failure(
      source.resolve(reference(registry), asking(undefined, puller('a', 'b', 'c', 'e'))),
    );
    expect(refused.message).toMatch(/wrong; tried: 4 credentials, then anonymous access$/);
    expect(shown(registry)).toEqual(['a', 'b', 'c', 'e']);
  });

  test('one credential is counted as one, and anonymous access alone not at all', async () => {
    const { api, registry, source } = await setup();
    putSecret(api, 'bad', { [registry.host]: 'bad' });
    const ask = (...names: readonly string[]) =>
      failure(source.resolve(reference(registry), asking(undefined, puller(...names))));
    expect((await ask('bad')).message).toMatch(/; tried: 1 credential, then anonymous access$/);
    expect((await ask()).message).toMatch(/credentials for it are missing or wrong$/);
  });

  test('the deadline ends the trying', async () => {
    const { api, registry, source } = await setup();
    const names = ['a', 'b', 'c', 'd'];
    for (const user of names) putSecret(api, user, { [registry.host]: user });
    const caller = new AbortController();
    registry.script((request, response) => {
      const [user = ''] = userOf(request.headers.authorization).split(':');
      if (user === 'b') caller.abort();
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    const options = { signal: caller.signal, puller: puller(...names) };
    expect(await failure(source.resolve(reference(registry), options))).toMatchObject({ code: 'TIMEOUT' });
    // The twin: without a deadline all of them are shown.
    expect(shown(registry)).toEqual(['a', 'b']);
    registry.forget();
    await failure(source.resolve(reference(registry), asking(undefined, puller(...names))));
    expect(shown(registry)).toEqual(names);
  });

  test('what of a Secret cannot be used is said where the registry refuses', async () => {
    const { api, registry, other, source, digest } = await setup();
    const put = (name: string, text: string, type = 'dockerconfigjson') =>
      api.put(SECRETS, {
        metadata: { name, namespace: 'mcp' },
        type: `kubernetes.io/${type}`,
        data: { [`.${type}`]: Buffer.from(text).toString('base64') },
      });
    const entry = (host: string, value: object) => ({
      [host]: { username: 'good', password: 'p', ...value },
    });
    const good = entry(registry.host, {});
    const broken = { ...entry(registry.host, { auth: 'good:p' }), ...entry(other.host, { auth: 'x' }) };
    const ask = (...names: readonly string[]) =>
      source.resolve(reference(registry), asking(undefined, puller(...names)));
    put('good', JSON.stringify({ auths: good }));
    put('good-old', JSON.stringify(good), 'dockercfg');
    put('cut', JSON.stringify({ auths: good }).slice(0, -1));
    put('list', '{"auths":[]}');
    put('broken', JSON.stringify({ auths: broken }));
    put('broken-old', JSON.stringify(broken), 'dockercfg');
    for (const name of ['good', 'good-old'])
      expect(await ask('cut', 'broken', name)).toEqual({ digest, withPullSecret: true });
    const { message } = await failure(ask('cut', 'list', 'broken', 'broken-old'));
    for (const sentence of [
      'the Secret "cut" holds no credentials that can be read (it is not JSON)',
      'the Secret "list" holds no credentials that can be read (its "auths" is not an object)',
      `in the Secret "broken" the entry for "${registry.host}" holds no credentials that can be used (its "auth" is not the base64 of username:password)`,
      `in the Secret "broken-old" the entry for "${registry.host}" holds`,
    ])
      expect(message).toContain(sentence);
    expect(message).not.toContain(other.host);
    expect(message).not.toContain('good:p');
  });

  test('the one that was let in asks the next question first', async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'bad', { [registry.host]: 'bad' });
    putSecret(api, 'good', { [registry.host]: 'good' });
    await source.manifest(reference(registry), digest, asking(undefined, puller('bad', 'good')));
    registry.forget();
    const found = await look(source, registry, digest, false, puller('bad', 'good'));
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: [] });
    expect(shown(registry)).toEqual(['bad', 'good']);
    // A blob is asked for after the manifests: nobody is refused for it any more.
    const blobs = registry.seen.filter(({ url }) => url.includes('/blobs/'));
    expect(blobs.map(({ headers }) => userOf(headers.authorization).split(':')[0])).toEqual(['good']);
  });

  test('a failure that is no refusal shows the next credential to nobody', async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'first', { [registry.host]: 'first' });
    putSecret(api, 'good', { [registry.host]: 'good' });
    let code = 500;
    registry.script((request, response) => {
      const [user = ''] = userOf(request.headers.authorization).split(':');
      if (user === 'good') return false;
      response.writeHead(user === 'first' ? code : 401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    const options = asking(undefined, puller('first', 'good'));
    expect(await failure(source.resolve(reference(registry), options))).toMatchObject({
      code: 'REGISTRY_ERROR',
    });
    expect(shown(registry)).toEqual(['first']);
    code = 403;
    expect(await source.resolve(reference(registry), options)).toMatchObject({ digest });
  });

  test('a credential that is refused gives way to nobody, who may see public images', async () => {
    const { api, registry, source, digest } = await setup();
    registry.script((request, response, { url }) => {
      const { authorization } = request.headers;
      if (authorization === 'Bearer of-nobody') return false;
      const realm = { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` };
      if (url.startsWith('/token') && authorization === undefined) response.end('{"token":"of-nobody"}');
      else response.writeHead(401, realm).end();
      return true;
    });
    putSecret(api, 'expired', { [registry.host]: 'expired' });
    const options = asking(undefined, puller('expired'));
    expect(await source.resolve(reference(registry), options)).toEqual({ digest, withPullSecret: false });
    expect(shown(registry)).toContain('expired');
  });
});

describe('D6: pull secrets are used within their scope', () => {
  test('a HEAD that is answered 403 lets in no credential: what GET then shows to anybody is not marked', async () => {
    const { api, registry, source } = await setup();
    const digest = signed(registry);
    putSecret(api, 'pull', { [registry.host]: 'wrong:x' });
    // A gateway that refuses HEAD, and asks for credentials that it then does not need.
    const asWhom = (allowed: (user: string) => boolean) =>
      registry.script(({ method, headers }, response) => {
        const user = userOf(headers.authorization).split(':')[0] ?? '';
        const answer = method === 'HEAD' ? (user === '' ? 401 : 403) : allowed(user) ? 200 : 403;
        if (answer === 200) return false;
        response.writeHead(answer, { 'www-authenticate': 'Basic realm="r"' }).end();
        return true;
      });
    const resolve = () => source.resolve(reference(registry), asking(undefined, puller('pull')));
    asWhom((user) => user === '');
    expect(await resolve()).toEqual({ digest, withPullSecret: false });
    // The twin: only that Secret's credential is shown the image.
    asWhom((user) => user === 'wrong');
    expect(await resolve()).toEqual({ digest, withPullSecret: true });
  });

  test('a Secret of another namespace is not read, whatever the workload names', async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'theirs', { [registry.host]: 'good' }, {}, 'other');
    for (const name of ['theirs', 'other/theirs', '../other/theirs', '../../other/secrets/theirs', '']) {
      const fault = await failure(source.resolve(reference(registry), asking(undefined, puller(name))));
      expect(fault).toMatchObject({ code: 'REGISTRY_AUTH', message: expect.stringContaining('Secret') });
    }
    // What no Secret can be called is not asked for at all.
    expect(api.requests.filter((request) => request.includes('/secrets/'))).toEqual([
      'GET /api/v1/namespaces/mcp/secrets/theirs',
    ]);
    expect(shown(registry)).toEqual([]);
    // The twin: the same Secret, asked for from its own namespace.
    const theirs = { ...puller('theirs'), namespace: 'other' };
    expect(await source.resolve(reference(registry), asking(undefined, theirs))).toEqual({
      digest,
      withPullSecret: true,
    });
  });

  test('a ServiceAccount of another namespace lends nothing', async () => {
    const { api, registry, source } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' }, {}, 'other');
    api.put(ACCOUNTS, {
      metadata: { name: 'rich', namespace: 'other' },
      imagePullSecrets: [{ name: 'regcred' }],
    });
    const poor = { ...nobody, serviceAccount: 'rich' };
    const fault = await failure(source.resolve(reference(registry), asking(undefined, poor)));
    expect(fault).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('the ServiceAccount "rich" could not be read (it does not exist)'),
    });
    const rich = { ...poor, namespace: 'other' };
    expect(await source.resolve(reference(registry), asking(undefined, rich))).toMatchObject({
      withPullSecret: true,
    });
  });

  test('a Secret for another host is not shown to this one', async () => {
    const { api, registry, other, source, digest } = await setup();
    const [name, port] = registry.host.split(':');
    putSecret(api, 'elsewhere', {
      [other.host]: 'good',
      [`${name}`]: 'good',
      [`${registry.host}0`]: 'good',
      [`x${registry.host}`]: 'good',
      [`${name}.evil.example:${port}`]: 'good',
    });
    await failure(source.resolve(reference(registry), asking(undefined, puller('elsewhere'))));
    expect(shown(registry)).toEqual([]);
    putSecret(api, 'both', { [other.host]: 'bad', [registry.host]: 'good' });
    const options = asking(undefined, puller('elsewhere', 'both'));
    expect(await source.resolve(reference(registry), options)).toMatchObject({ digest });
    expect(shown(registry)).toEqual(['good']);
    expect(other.seen).toEqual([]);
  });

  test("a Secret that names a credential helper does not get the installation's cloud identity", async () => {
    const { api, registry, source } = await setup();
    putSecret(api, 'greedy', {}, { credsStore: 'ecr-login', credHelpers: { [registry.host]: 'gcloud' } });
    const fault = await failure(source.resolve(reference(registry), asking(undefined, puller('greedy'))));
    expect(fault).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.not.stringMatching(/identity|AWS|Google/),
    });
  });

  test('in a namespace that the settings do not list nothing is read, and the refusal says so', async () => {
    const { api, registry, source } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' }, {}, 'unlisted');
    const unlisted = { ...puller('regcred'), namespace: 'unlisted' };
    const fault = await failure(source.resolve(reference(registry), asking(undefined, unlisted)));
    expect(fault.message).toContain('pullSecrets.namespaces');
    expect(api.requests).toEqual([]);
    const listed = { ...unlisted, namespace: 'mcp' };
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    expect(await source.resolve(reference(registry), asking(undefined, listed))).toMatchObject({
      withPullSecret: true,
    });
  });

  test("what one namespace's Secret could not see is no answer for another's", async () => {
    const { api, registry, source, digest } = await setup();
    putSecret(api, 'bad', { [registry.host]: 'bad' });
    putSecret(api, 'regcred', { [registry.host]: 'good' }, {}, 'other');
    const refused = await look(source, registry, digest, false, puller('bad', 'missing'));
    expect(summary(refused).faults).toContain('REGISTRY_AUTH');
    const found = await look(source, registry, digest, false, { ...puller('regcred'), namespace: 'other' });
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: [] });
  });

  test('what is missing in one namespace is not told to another', async () => {
    const { registry, source, digest } = await setup();
    const first = await look(source, registry, digest, false, puller('hush-hush'));
    expect(first.faults[0]?.message).toContain('"hush-hush"');
    const second = await look(source, registry, digest, false, { ...puller('mine'), namespace: 'other' });
    expect(second.faults[0]?.message).toContain('"mine"');
    expect(second.faults[0]?.message).not.toContain('hush-hush');
  });
});

describe('D8: who asks the API server and who the registries', () => {
  test("the cluster's token goes to no registry, and no pull secret to the API server", async () => {
    const { api, registry, source, digest } = await setup();
    const authorizations: (string | undefined)[] = [];
    api.intercept = (request) => {
      authorizations.push(request.headers.authorization);
      return false;
    };
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    await look(source, registry, digest, false, puller('regcred'));
    expect(new Set(authorizations)).toEqual(new Set(['Bearer token-of-the-test']));
    expect(registry.seen.length).toBeGreaterThan(2);
    for (const { headers } of registry.seen) {
      expect(headers.authorization ?? 'Basic').toMatch(/^Basic/);
      expect(JSON.stringify(headers)).not.toContain('token-of-the-test');
    }
  });
});

describe('when Secrets are read', () => {
  test('not for a warm admission: found evidence answers without asking who is there', async () => {
    const { api, clock, registry, source, digest } = await setup();
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    await look(source, registry, digest, false, puller('regcred'));
    registry.forget();
    api.requests.length = 0;
    clock.now += 120_000;
    const image = reference(registry, { digest });
    const options = asking(undefined, puller('regcred', 'another'));
    expect(await source.resolve(image, options)).toEqual({ digest, withPullSecret: false });
    expect(await look(source, registry, digest, false, options.puller)).toMatchObject({ remembered: true });
    expect([api.requests, registry.seen]).toEqual([[], []]);
    // The twin: a look that has to be made reads them.
    await look(source, registry, digest, true, options.puller);
    expect(api.requests.length).toBeGreaterThan(0);
  });

  test('a rotated Secret is used as soon as the old one is refused, and read again at most every 10 s', async () => {
    const { api, clock, registry, users, source, digest } = await setup();
    const ask = () => source.resolve(reference(registry), asking(undefined, puller('regcred')));
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    expect(await ask()).toMatchObject({ digest });
    users.delete('good');
    users.add('newer');
    putSecret(api, 'regcred', { [registry.host]: 'newer' });
    clock.now += 9999;
    api.requests.length = 0;
    expect(await failure(ask())).toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(api.requests).toEqual([]);
    clock.now += 1;
    expect(await ask()).toEqual({ digest, withPullSecret: true });
    expect(api.count('GET')).toBe(2);
    users.clear();
    api.requests.length = 0;
    for (let attempt = 0; attempt < 5; attempt += 1) await failure(ask());
    expect(api.requests).toEqual([]);
  });

  test('a look for evidence that was refused is repeated with the rotated Secret', async () => {
    const { api, clock, registry, users, source, digest } = await setup({ users: ['newer'] });
    putSecret(api, 'regcred', { [registry.host]: 'good' });
    expect(summary(await look(source, registry, digest, false, puller('regcred'))).faults).toContain(
      'REGISTRY_AUTH',
    );
    putSecret(api, 'regcred', { [registry.host]: 'newer' });
    clock.now += 10_000;
    const found = await look(source, registry, digest, false, puller('regcred'));
    expect(summary(found)).toEqual({ evidence: ['good'], refused: [], faults: [] });
    expect([...users]).toEqual(['newer']);
  });

  test('one that cannot be read is told where the registry refuses, and is no fault where it does not', async () => {
    const { api, registry, source, digest } = await setup();
    api.intercept = (request, response) => {
      if (request.url?.endsWith('/forbidden') !== true) return false;
      status(response, 403, 'Forbidden');
      return true;
    };
    const options = asking(undefined, puller('gone', 'forbidden'));
    const fault = await failure(source.resolve(reference(registry), options));
    expect(fault.message).toContain('the Secret "gone" could not be read (it does not exist)');
    expect(fault.message).toContain('the Secret "forbidden" could not be read (Countersign may not read it)');
    registry.script(() => false);
    expect(await source.resolve(reference(registry), options)).toEqual({ digest, withPullSecret: false });
  });
});

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new Error('it did not fail');
  return outcome as { code: string; message: string };
}

describe('F12: a Secret may hold 1 MiB of credentials', () => {
  test('of one Secret the first 512 are used, and a refusal says so', async () => {
    const many = (last: number) =>
      [...Array(last).keys()].map((each) => [`r${each}.example`, 'bad'] as const);
    const found = async (before: number) => {
      const { api, registry, source, digest } = await setup();
      putSecret(api, 'large', Object.fromEntries([...many(before), [registry.host, 'good']]));
      return look(source, registry, digest, false, puller('large'));
    };
    expect(summary(await found(511))).toMatchObject({ evidence: ['good'], faults: [] });
    const cut = await found(512);
    expect(cut.evidence).toEqual([]);
    expect(cut.faults[0]?.message).toContain(
      'of the credentials in the Secret "large" only the first 512 are used',
    );
  });

  test('those for one repository are hashed as far as they could ever be tried', async () => {
    const accessWith = async (at: number) => {
      // Each is another spelling of one host.
      const auths = [...Array(40).keys()].map((each) => [
        `registry.example${'/'.repeat(each)}`,
        { username: each === at ? 'other' : `u${each}`, password: 'p' },
      ]);
      const text = JSON.stringify({ auths: Object.fromEntries(auths) as object });
      const workload = [{ name: 'many', type: 'kubernetes.io/dockerconfigjson', text }] as const;
      const read = async () => ({ workload, serviceAccount: [], missing: [], hasChanged: false });
      const find = async () => ({ named: [], configured: [], missing: [] });
      const cloud = { find } as unknown as ConstructorParameters<typeof Keyrings>[0]['cloud'];
      const keyrings = new Keyrings({ pullSecrets: { read }, installation: undefined, cloud });
      return (await keyrings.of('registry.example', 'org/app', nobody)).access;
    };
    const usual = await accessWith(-1);
    expect(await accessWith(31)).not.toBe(usual);
    expect(await accessWith(32)).toBe(usual);
  });
});
