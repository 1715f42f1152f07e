import { describe, expect, test } from '@jest/globals';
import { pullScopes } from '../../src/registry/token-scopes.ts';
import { Artifacts } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import { asking, configFile, evilRegistry, imageSource, look, reference, summary } from './sources.ts';

const own = 'repository:org/app:pull';
const behind = 'repository:backend/app:pull';

describe('what a token is asked for', () => {
  test.each([
    ['no scope', undefined, []],
    ['an empty one', '', []],
    ['the same', own, []],
    ['another repository', behind, [behind]],
    ['more than to pull', 'repository:backend/app:pull,push', [behind]],
    ['the same in another order', 'repository:backend/app:push,pull', [behind]],
    ['everything', 'repository:backend/app:*', [behind]],
    ['more than to pull of our own', 'repository:org/app:pull,push,delete', []],
    ['several', `${behind} repository:b:pull`, [behind, 'repository:b:pull']],
    ['several with one that is refused', `registry:catalog:* ${behind}`, [behind]],
  ])('%s', (_name, challenged, more) => {
    expect(pullScopes('org/app', challenged)).toEqual([own, ...more]);
  });

  test.each([
    ['only to push', 'repository:backend/app:push'],
    ['only to delete', 'repository:backend/app:delete'],
    ['no action', 'repository:backend/app:'],
    ['no action at all', 'repository:backend/app'],
    ['a part of the word', 'repository:backend/app:pullall'],
    ['another case', 'repository:backend/app:PULL'],
    ['the catalogue', 'registry:catalog:*'],
    ['another type', 'repository(plugin):backend/app:pull'],
    ['no type', 'backend/app:pull'],
    ['a name of a host with its port', 'repository:r.example:5000/app:pull'],
    ['one part too many', 'repository:backend/app:pull:push'],
    ['an empty name', 'repository::pull'],
    ['every repository', 'repository:*:pull'],
    ['upper case', 'repository:Backend/app:pull'],
    ['a way up', 'repository:../app:pull'],
    ['an empty part', 'repository:backend//app:pull'],
    ['a name that is too long', `repository:${'a'.repeat(256)}:pull`],
    ['a tab', 'repository:a:pull\trepository:b:pull'],
  ])('never for anything but to pull a repository: %s', (_name, challenged) => {
    expect(pullScopes('org/app', challenged)).toEqual([own]);
  });

  test('F1: of many the first four are looked at', () => {
    const many = [...Array(1000).keys()].map((each) => `repository:r${each}:pull`);
    expect(pullScopes('org/app', many.join(' '))).toEqual([own, ...many.slice(0, 4)]);
  });
});

/** A registry that knows its repositories by other names. A token is the list of what it was asked for with. */
async function gateway(
  names: Readonly<Record<string, string>>,
  realm: (registry: EvilRegistry) => string = ({ host }) => `http://${host}/token`,
) {
  const registry = await evilRegistry();
  const digests = Object.keys(names).map((repository) => {
    const artifacts = new Artifacts(registry, repository);
    const digest = artifacts.image();
    artifacts.simpleSigned(digest, [artifacts.simpleLayer(repository)]);
    return [repository, digest] as const;
  });
  registry.script((request, response, { url, body }) => {
    if (url.startsWith('/token')) {
      const query = request.method === 'POST' ? body : (url.split('?')[1] ?? '');
      const scopes = new URLSearchParams(query).getAll('scope').join(' ');
      response.end(JSON.stringify({ token: Buffer.from(scopes).toString('base64') }));
      return true;
    }
    const repository = Object.keys(names).find((name) => url.startsWith(`/v2/${name}/`)) ?? '';
    const wanted = `repository:${names[repository]}:pull`;
    if (scopesOf(request.headers.authorization).includes(wanted)) return false;
    const challenge = `Bearer realm="${realm(registry)}",service="s",scope="${wanted},push"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
  return { registry, digests: new Map(digests) };
}

function scopesOf(authorization = ''): readonly string[] {
  return Buffer.from(authorization.replace('Bearer ', ''), 'base64').toString().split(' ');
}

/** The scopes of each question for a token, in their order. */
function askedFor({ seen }: EvilRegistry): readonly (readonly string[])[] {
  return seen
    .filter(({ url }) => url.startsWith('/token'))
    .map(({ method, url, body }) =>
      new URLSearchParams(method === 'POST' ? body : url.split('?')[1]).getAll('scope'),
    );
}

describe('a gateway that rewrites names', () => {
  test('a token for both repositories opens it, and is asked for once', async () => {
    const { registry, digests } = await gateway({ 'org/app': 'backend/app' });
    const source = imageSource([registry]);
    const digest = digests.get('org/app') ?? '';
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(summary(await look(source, registry, digest))).toMatchObject({
      evidence: ['org/app'],
      faults: [],
    });
    expect(askedFor(registry)).toEqual([[own, behind]]);
    expect(registry.seen[1]?.url).toBe(
      `/token?service=s&scope=${[own, behind].map(encodeURIComponent).join('&scope=')}`,
    );
  });

  test('the twin: one whose challenge names no repository that may be pulled stays closed', async () => {
    const { registry } = await gateway({ 'org/app': 'backend/app/UPPER' });
    await expect(imageSource([registry]).resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
    expect(askedFor(registry)).toEqual([[own]]);
  });

  test('an identity token is changed by one list, and the query of the realm adds nothing', async () => {
    const { registry, digests } = await gateway(
      { 'org/app': 'backend/app' },
      ({ host }) => `http://${host}/token?account=x&scope=repository:org/app:push`,
    );
    const dockerConfigFile = configFile({ [registry.host]: { identitytoken: 'refresh' } });
    const source = imageSource([registry], { dockerConfigFile });
    const digest = digests.get('org/app');
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(askedFor(registry)).toEqual([[`${own} ${behind}`]]);
    expect(registry.asked).toContain('POST /token?account=x');
  });

  test("a repository's scope is asked for with no other repository", async () => {
    const { registry, digests } = await gateway({ 'org/app': 'backend/app', 'org/other': 'backend/other' });
    const source = imageSource([registry]);
    const ask = (repository: string) => source.resolve(reference(registry, { repository }), asking());
    expect(await ask('org/app')).toMatchObject({ digest: digests.get('org/app') });
    expect(await ask('org/other')).toMatchObject({ digest: digests.get('org/other') });
    expect(await ask('org/app')).toMatchObject({ digest: digests.get('org/app') });
    expect(askedFor(registry)).toEqual([
      [own, behind],
      // What the first challenge said of the token server is used, and not its scope.
      ['repository:org/other:pull'],
      ['repository:org/other:pull', 'repository:backend/other:pull'],
    ]);
    for (const { url, headers } of registry.seen) {
      const scopes = scopesOf(headers.authorization);
      if (url.startsWith('/v2/org/app/')) expect(scopes).not.toContain('repository:org/other:pull');
      if (url.startsWith('/v2/org/other/')) expect(scopes).not.toContain(own);
    }
  });

  test('D5: a token goes to the registry that asked for it, and to no other with the same repository', async () => {
    const names = { 'org/app': 'backend/app' };
    const gateways = [await gateway(names), await gateway(names)];
    const source = imageSource(gateways.map(({ registry }) => registry));
    for (const { registry, digests } of gateways)
      expect(await source.resolve(reference(registry), asking())).toMatchObject({
        digest: digests.get('org/app'),
      });
    for (const { registry } of gateways) expect(askedFor(registry)).toEqual([[own, behind]]);
  });
});
