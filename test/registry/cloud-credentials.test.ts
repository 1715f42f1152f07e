import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { CloudCredentials, type CloudOptions } from '../../src/registry/cloud-credentials.ts';
import { isHostOf, type CloudProvider } from '../../src/registry/cloud/hosts.ts';
import { DockerConfigFile } from '../../src/registry/docker-config.ts';
import { Keyrings } from '../../src/registry/keyring.ts';
import { eventually } from '../kube/eventually.ts';
import { Artifacts } from './artifacts.ts';
import { asking, atEnd, configFile, evilRegistry, imageSource, nobody, reference } from './sources.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

/** The token services of the three clouds, as far as the vendors' SDKs ask them. */
class TokenServices {
  readonly requests: {
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[] = [];
  readonly #server: Server;
  /** Seconds that tokens live. */
  lifetime = 3600;
  /** Answered instead of a token. */
  refusal: number | undefined;
  isMute = false;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    this.requests.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
    if (this.isMute) return;
    response.setHeader('metadata-flavor', 'Google');
    if (this.refusal !== undefined) {
      const type = { 'content-type': 'application/x-amz-json-1.1' };
      const body = {
        __type: 'AccessDeniedException',
        message: 'no',
        error: 'invalid_request',
        error_description: 'no',
      };
      response.writeHead(this.refusal, type).end(JSON.stringify(body));
    } else if (path.startsWith('/identity')) this.#entra(response);
    else if (path.includes('/computeMetadata/')) this.#metadata(path, response);
    else this.#ecr(request.headers, response);
  }

  #ecr(headers: IncomingMessage['headers'], response: ServerResponse): void {
    const isPublic = String(headers['x-amz-target']).startsWith('SpencerFrontendService');
    const data = {
      authorizationToken: Buffer.from(
        `AWS:of-${isPublic ? 'gallery' : 'ecr'}-${this.requests.length}`,
      ).toString('base64'),
      expiresAt: Math.floor(Date.now() / 1000) + this.lifetime,
    };
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    response.end(JSON.stringify({ authorizationData: isPublic ? data : [data] }));
  }

  #metadata(path: string, response: ServerResponse): void {
    response.setHeader('content-type', 'application/json');
    if (path.includes('/token'))
      response.end(
        JSON.stringify({ access_token: 'of-google', expires_in: this.lifetime, token_type: 'Bearer' }),
      );
    else response.end(path.includes('email') ? 'robot@project.example' : '{}');
  }

  #entra(response: ServerResponse): void {
    const expires_on = String(Math.floor(Date.now() / 1000) + this.lifetime);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ access_token: 'of-entra', expires_on, resource: 'x', token_type: 'Bearer' }),
    );
  }
}

const services = new TokenServices();
const before = { ...process.env };

beforeAll(async () => {
  await services.start();
  // Each SDK's own, documented way of being led elsewhere.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_ECR: `http://${services.host}`,
    AWS_ENDPOINT_URL_ECR_PUBLIC: `http://${services.host}`,
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'secret-key-of-the-test',
    AWS_EC2_METADATA_DISABLED: 'true',
    GCE_METADATA_HOST: services.host,
    METADATA_SERVER_DETECTION: 'assume-present',
    // Else its SDK asks `gcloud`, which may be there.
    GOOGLE_CLOUD_PROJECT: 'project-of-the-test',
    IDENTITY_ENDPOINT: `http://${services.host}/identity`,
    IDENTITY_HEADER: 'header-of-the-test',
  });
  // The SDKs are loaded when they are first asked, which takes a busy machine longer than a sign-in may.
  for (const host of [ECR, 'public.ecr.aws', 'gcr.io', 'one.azurecr.io'])
    await eventually(
      `${host} is signed in to`,
      async () => (await setup().find(host)).configured.length === 1,
    );
});

afterAll(async () => {
  await services.stop();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
});

beforeEach(() => {
  services.requests.length = 0;
  services.lifetime = 3600;
});

afterEach(() => {
  services.refusal = undefined;
  services.isMute = false;
});

function setup(options: Partial<CloudOptions> = {}) {
  const clock = { now: Date.now() };
  const posted: { readonly host: string; readonly form: Readonly<Record<string, string>> }[] = [];
  const stop = new AbortController();
  atEnd(async () => stop.abort());
  const cloud = new CloudCredentials({
    helpers: [{ provider: 'ecr' }, { provider: 'gcr' }, { provider: 'acr' }],
    post: async (host, path, form) => {
      expect(path).toBe('/oauth2/exchange');
      posted.push({ host, form });
      return Buffer.from(JSON.stringify({ refresh_token: `refresh-for-${host}` }));
    },
    log: silentLogger,
    now: () => clock.now,
    stopped: stop.signal,
    ...options,
  });
  const none = new Map<string, CloudProvider>();
  const find = (host: string, helpers: ReadonlyMap<string, CloudProvider> = none) =>
    cloud.find(host, helpers);
  return { clock, cloud, find, posted };
}

describe('D5: whose hosts are whose', () => {
  const hosts: readonly (readonly [CloudProvider, string])[] = [
    ['ecr', ECR],
    ['ecr', '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com'],
    ['ecr', '123456789012.dkr-ecr.eu-west-1.on.aws'],
    ['ecr', '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn'],
    ['ecr', 'public.ecr.aws'],
    ['gcr', 'gcr.io'],
    ['gcr', 'eu.gcr.io'],
    ['gcr', 'europe-west1-docker.pkg.dev'],
    ['acr', 'example.azurecr.io'],
    ['acr', 'example.azurecr.cn'],
    ['acr', 'example.azurecr.us'],
  ];

  test.each(hosts)('%s knows %s, and none of its evil twins', (provider, host) => {
    expect(isHostOf(provider, host)).toBe(true);
    const twins = [
      `${host}.evil.example`,
      `evil${host}.example`,
      `evil.example.${host}.`,
      `${host}:443`,
      `${host}/`,
      `${host}\n`,
      `x.y.${host}`,
      host.replace('.', '-'),
      host.replace(/\.[a-z]+$/, '.evil'),
      host.replaceAll('.', 'x'),
    ];
    expect(twins.filter((twin) => isHostOf(provider, twin))).toEqual([]);
    const others = (['ecr', 'gcr', 'acr'] as const).filter((each) => each !== provider);
    expect(others.filter((other) => isHostOf(other, host))).toEqual([]);
  });

  test.each([
    'cr.io',
    'xgcr.io',
    'azurecr.io',
    'dkr.ecr.eu-west-1.amazonaws.com',
    '12345678901.dkr.ecr.eu-west-1.amazonaws.com',
    // A token of one partition is nothing to the operators of the other.
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn',
    '123456789012.dkr.ecr.cn-north-1.amazonaws.com',
    'ghcr.io',
    'docker.io',
  ])('%s is nobody’s, and no token service is asked for it', async (host) => {
    const { find } = setup();
    expect(await find(host)).toEqual({ named: [], configured: [], missing: [] });
    expect(services.requests).toEqual([]);
  });
});

describe('the vendors’ SDKs', () => {
  test('ECR: GetAuthorizationToken, one for the region', async () => {
    const { find } = setup();
    const expected = { kind: 'basic', username: 'AWS', password: 'of-ecr-1' };
    expect(await find(ECR)).toEqual({ named: [], configured: [expected], missing: [] });
    expect(await find(ECR.replace('1234', '9999'))).toMatchObject({ configured: [expected] });
    expect(services.requests.map(({ headers }) => headers['x-amz-target'])).toEqual([
      'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
    ]);
    expect(services.requests[0]?.headers.authorization).toContain('/eu-west-1/ecr/aws4_request');
    expect(JSON.stringify(services.requests)).not.toContain('secret-key-of-the-test');
    expect(await find(ECR.replace('eu-west-1', 'us-east-2'))).toMatchObject({
      configured: [{ password: 'of-ecr-2' }],
    });
  });

  test('the public gallery of ECR has an API of its own', async () => {
    const { find } = setup();
    expect(await find('public.ecr.aws')).toMatchObject({
      configured: [{ username: 'AWS', password: 'of-gallery-1' }],
    });
    expect(services.requests[0]?.headers.authorization).toContain('/us-east-1/ecr-public/aws4_request');
  });

  test('Google: an access token of the machine, one for all its registries', async () => {
    const { find } = setup();
    const expected = { kind: 'basic', username: 'oauth2accesstoken', password: 'of-google' };
    expect(await find('gcr.io')).toEqual({ named: [], configured: [expected], missing: [] });
    const asked = services.requests.length;
    expect(await find('europe-west1-docker.pkg.dev')).toMatchObject({ configured: [expected] });
    expect(services.requests).toHaveLength(asked);
    expect(services.requests.at(-1)?.path).toContain('cloud-platform.read-only');
  });

  test('Azure: a token of Entra ID, changed at each registry for one that is good there only', async () => {
    const { find, posted } = setup();
    const token = (host: string) => ({ kind: 'identity', token: `refresh-for-${host}` });
    for (const host of ['one.azurecr.io', 'two.azurecr.io'])
      expect(await find(host)).toEqual({ named: [], configured: [token(host)], missing: [] });
    expect(posted).toEqual(
      ['one.azurecr.io', 'two.azurecr.io'].map((host) => ({
        host,
        form: { grant_type: 'access_token', service: host, access_token: 'of-entra' },
      })),
    );
    const [asked] = services.requests;
    expect(new URLSearchParams(asked?.path.split('?')[1]).get('resource')).toBe(
      'https://containerregistry.azure.net',
    );
    expect(asked?.headers['x-identity-header']).toBe('header-of-the-test');
  });
});

describe('tokens', () => {
  test('are shared by who asks at once, renewed behind the answer, and not used in their last part', async () => {
    const { clock, find } = setup();
    const password = async () =>
      (await find(ECR)).configured.map((each) => each.kind === 'basic' && each.password)[0];
    expect(await Promise.all([password(), password(), password()])).toEqual(Array(3).fill('of-ecr-1'));
    clock.now += 3600_000 * 0.7;
    expect(await password()).toBe('of-ecr-1');
    clock.now += 3600_000 * 0.1;
    services.lifetime = 7200;
    expect(await password()).toBe('of-ecr-1');
    await eventually('the new token', async () => (await password()) === 'of-ecr-2');
    expect(services.requests).toHaveLength(2);
    clock.now += 7200_000;
    expect(await password()).toBe('of-ecr-3');
  });

  test('a sign-in that fails leaves the registry to be asked anonymously, is told, and is not repeated for 10 s', async () => {
    const { clock, find } = setup();
    services.refusal = 400;
    const missing = [`AWS gave Countersign's own identity no credentials for ${ECR} (AccessDeniedException)`];
    expect(await find(ECR)).toEqual({ named: [], configured: [], missing });
    const asked = services.requests.length;
    services.refusal = undefined;
    clock.now += 9999;
    expect(await find(ECR)).toEqual({ named: [], configured: [], missing });
    expect(services.requests).toHaveLength(asked);
    clock.now += 1;
    expect(await find(ECR)).toMatchObject({ configured: [{ kind: 'basic' }], missing: [] });
  });

  test('a token service that is mute is given up after five seconds', async () => {
    const { find } = setup();
    services.isMute = true;
    const started = performance.now();
    expect(await find(ECR)).toMatchObject({
      configured: [],
      missing: [expect.stringContaining('AWS')],
    });
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

describe('who is switched on', () => {
  test('without a setting no cloud is asked; with one, only that cloud', async () => {
    expect(await setup({ helpers: [] }).find(ECR)).toEqual({ named: [], configured: [], missing: [] });
    expect(await setup({ helpers: [{ provider: 'acr' }] }).find(ECR)).toMatchObject({ configured: [] });
    expect(services.requests).toEqual([]);
  });

  test('a host in the settings narrows it', async () => {
    const { find } = setup({ helpers: [{ provider: 'ecr', host: '*.dkr.ecr.eu-west-1.amazonaws.com' }] });
    expect(await find(ECR)).toMatchObject({ configured: [{ kind: 'basic' }] });
    expect(await find(ECR.replace('eu-west-1', 'us-east-1'))).toMatchObject({ configured: [] });
    expect(await find(`${ECR}.evil.example`)).toMatchObject({ configured: [] });
  });

  test('a helper of the Docker configuration goes first, and for hosts of its cloud only', async () => {
    const { find } = setup({ helpers: [] });
    const helpers = new Map<string, CloudProvider>([
      ['*', 'ecr'],
      ['gcr.io', 'acr'],
    ]);
    expect(await find(ECR, helpers)).toMatchObject({ named: [{ kind: 'basic' }], configured: [] });
    for (const host of ['gcr.io', 'docker.io', `${ECR}.evil.example`])
      expect(await find(host, helpers)).toEqual({ named: [], configured: [], missing: [] });
  });

  test('in the order of a keyring: the helper of the Docker configuration, its auths, and then the settings', async () => {
    const { cloud } = setup({ helpers: [{ provider: 'gcr' }, { provider: 'ecr' }] });
    const path = configFile(
      Object.fromEntries([ECR, 'gcr.io'].map((host) => [host, { username: 'installation', password: 'p' }])),
      { credHelpers: { [ECR]: 'ecr-login' } },
    );
    const installation = new DockerConfigFile(path, silentLogger);
    const keyrings = new Keyrings({ pullSecrets: undefined, installation, cloud });
    const users = async (host: string) =>
      (await keyrings.of(host, 'org/app', nobody)).candidates.map(({ credential, isPullSecret }) => {
        expect(isPullSecret).toBe(false);
        return credential?.kind === 'basic' ? credential.username : credential?.kind;
      });
    expect(await users(ECR)).toEqual(['AWS', 'installation', undefined]);
    expect(await users('gcr.io')).toEqual(['installation', 'oauth2accesstoken', undefined]);
  });

  test.each(['*', '*.io', 'a.*', '*.*.com', '*evil.com'])(
    'the setting %s is refused: its last two labels are not written out',
    (host) => {
      const load = (helper: object) =>
        loadSettings({ file: undefined, flags: { credentialHelpers: [helper] as never }, env: {}, cwd: '/' });
      expect(() => load({ provider: 'ecr', host })).toThrow(/credentialHelpers/);
      expect(() => load({ provider: 'ecr', host: `${host}.amazonaws.com` })).not.toThrow();
      expect(() => load({ provider: 'other' })).toThrow(/credentialHelpers/);
    },
  );
});

describe('with a registry', () => {
  test('Azure: the exchange is asked of the registry itself, and its redirect is not followed', async () => {
    const [registry, sink] = [await evilRegistry(), await evilRegistry()];
    const digest = new Artifacts(registry).image();
    let redirect: string | undefined;
    registry.script((request, response, { url }) => {
      if (url === '/oauth2/exchange' && redirect !== undefined)
        response.writeHead(307, { location: redirect }).end();
      else if (url === '/oauth2/exchange') response.end('{"refresh_token":"refresh"}');
      else if (url.startsWith('/oauth2/token')) response.end('{"access_token":"good"}');
      else if (request.headers.authorization === 'Bearer good') return false;
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/oauth2/token"` })
          .end();
      return true;
    });
    const credentialHelpers = [{ provider: 'acr', host: registry.host }] as const;
    const source = imageSource([registry, sink], { credentialHelpers });
    expect(await source.resolve(reference(registry), asking())).toEqual({ digest, withPullSecret: false });
    const token = registry.seen.find(({ url, method }) => method === 'POST' && url === '/oauth2/token');
    expect(new URLSearchParams(token?.body).get('refresh_token')).toBe('refresh');

    redirect = `http://${sink.host}/oauth2/exchange`;
    const other = imageSource([registry, sink], { credentialHelpers });
    registry.script((_request, response, { url }) => {
      if (url !== '/oauth2/exchange')
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else response.writeHead(307, { location: redirect }).end();
      return true;
    });
    await expect(other.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('Azure gave'),
    });
    expect(sink.seen).toEqual([]);
  });

  test("a pull secret goes before the cloud's identity, and the Docker configuration too", async () => {
    const registry = await evilRegistry();
    const digest = new Artifacts(registry).image();
    const seen: string[] = [];
    registry.script((request, response) => {
      const [user = ''] = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64')
        .toString()
        .split(':');
      if (user !== '') seen.push(user);
      if (user === 'AWS') return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    const dockerConfigFile = configFile({ [registry.host]: { username: 'installation', password: 'p' } });
    const credentialHelpers = [{ provider: 'ecr', host: registry.host }] as const;
    process.env['AWS_REGION'] = 'eu-west-1';
    const source = imageSource([registry], { dockerConfigFile, credentialHelpers });
    expect(await source.resolve(reference(registry), asking())).toEqual({ digest, withPullSecret: false });
    expect([...new Set(seen)]).toEqual(['installation', 'AWS']);
  });
});
