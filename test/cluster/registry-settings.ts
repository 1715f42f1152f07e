import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from '@jest/globals';
import { signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import { copyManifest, type PushedImage } from '../support/manifests.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { clusterPolicy, plainRegistry, type Installation } from './installation.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** There is no such host: what is admitted of it came from its mirror. */
const MIRRORED = 'registry.corp.example';

/** The registries that settings are about, and the settings. */
export interface SettledRegistries {
  readonly mirror: Registry;
  readonly origin: Registry;
  readonly limited: LimitedRegistry;
  /** As the chart's values have them. */
  readonly settings: readonly object[];
  stop(): Promise<void>;
}

export async function startSettledRegistries(workDir: string): Promise<SettledRegistries> {
  const registry = () => startRegistry({ mode: 'referrers', workDir });
  const [mirror, origin] = await Promise.all([registry(), registry()]);
  const limited = await startLimited(origin);
  return {
    mirror,
    origin,
    limited,
    settings: [
      { host: MIRRORED, mirrors: [{ url: mirror.url }] },
      { ...plainRegistry(origin), mirrors: [{ url: mirror.url, capabilities: ['pull'] }] },
      plainRegistry(limited),
    ],
    stop: async () => {
      await Promise.all([mirror.stop(), origin.stop(), limited.stop()]);
    },
  };
}

/** Signatures that are not where the image's name leads: in a repository of their own, at a mirror, behind a rate limit. */
export function registrySettings(installed: () => Installation, settled: () => SettledRegistries): void {
  let world: Installation;
  let mirror: Registry;
  let origin: Registry;
  let limited: LimitedRegistry;
  let tenant: Tenant;

  beforeAll(async () => {
    world = installed();
    ({ mirror, origin, limited } = settled());
    tenant = await tenantUnder('mirrored', {});
  }, 120_000);

  async function tenantUnder(name: string, rules: object): Promise<Tenant> {
    await world.cluster.createNamespace(name);
    await world.applied(
      clusterPolicy(name, name, {
        trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
        transparency: { keys: { log: 'Ignored' } },
        ...rules,
      }),
    );
    return tenantOf(world, name);
  }

  const ALONE = { log: 'none', timestamp: false } as const;
  const push = (registry: Registry, name: string) => pushImage(registry, `org/${name}`, { tag: 'v1' });
  const sign = (image: PushedImage) => signWithKey(world.cosign, image, { key: world.key, ...ALONE });
  const UNSIGNED = 'is not signed. Signature required.';

  test('D19: signatureRepository: what COSIGN_REPOSITORY put there counts for the policies that name it', async () => {
    const { referrers } = world.registries;
    const apart = `${referrers.host}/org/signatures`;
    const named = await tenantUnder('signature-repository', { signatureRepository: apart });
    const cases = [
      ['cosign2', { ...ALONE }, world.cosign2],
      ['cosign3-bundle', { ...ALONE }, world.cosign],
      ['cosign3-tag', { ...ALONE, legacy: true }, world.cosign],
    ] as const;
    for (const [name, proofs, cosign] of cases) {
      const image = await push(referrers, name);
      await signWithKey(cosign, image, { key: world.key, ...proofs, env: { COSIGN_REPOSITORY: apart } });
      await named.untilAdmitted(image.reference);
      await named.admitted(image.reference);
      await tenant.untilRefused(image.reference, UNSIGNED);
    }
    expect(await named.refused((await push(referrers, 'unsigned')).reference)).toContain(UNSIGNED);
  });

  test('a mirror answers for a registry that cannot be reached, and only for what it has', async () => {
    const nameOf = ({ repository }: PushedImage): string => `${MIRRORED}/${repository}:v1`;
    const signed = await push(mirror, 'mirrored');
    await sign(signed);
    await tenant.untilAdmitted(nameOf(signed));
    await tenant.admitted(nameOf(signed));
    // A mirror that has no signature hides none: only the registry itself could say that there is none.
    const unsigned = await push(mirror, 'mirrored-unsigned');
    const denial = await tenant.refused(nameOf(unsigned));
    expect(denial).toContain(
      `Image ${nameOf(unsigned)} could not be verified: its registry's name does not resolve.`,
    );
    expect(denial).toContain(`the name of registry ${MIRRORED} does not resolve`);
  });

  test('a mirror without the signature: the registry itself is asked', async () => {
    const image = await push(origin, 'behind');
    await copyManifest(
      { registry: origin, repository: image.repository, reference: 'v1' },
      { registry: mirror, repository: image.repository, tag: 'v1' },
    );
    await sign(image);
    await tenant.admitted(image.reference);
    const unsigned = await push(origin, 'behind-unsigned');
    expect(await tenant.refused(unsigned.reference)).toContain(UNSIGNED);
  });

  test('Retry-After: a second is waited for, half a minute is told', async () => {
    const image = await push(origin, 'limited');
    await sign(image);
    const reference = `${limited.host}/${image.repository}:v1`;
    limited.retryAfter.push('1');
    await tenant.admitted(reference);
    expect(limited.retryAfter).toEqual([]);

    const other = await push(origin, 'limited-next');
    await sign(other);
    limited.retryAfter.push('30');
    const denial = await tenant.refused(`${limited.host}/${other.repository}:v1`);
    expect(denial).toContain('could not be verified: its registry limits the rate of requests.');
    expect(denial).toMatch(
      /limits how often it may be asked, and was not asked this time; try again in (30|29|28) s/,
    );
    expect(denial).toContain('[REGISTRY_RATE_LIMITED]');
    const asked = limited.requests();
    await tenant.refused(`${limited.host}/${other.repository}:v1`);
    expect(limited.requests()).toBe(asked);
  });
}

export interface LimitedRegistry {
  readonly host: string;
  /** For each of the next requests, what it is turned away with. */
  readonly retryAfter: string[];
  requests(): number;
  stop(): Promise<void>;
}

/** In front of a real registry: hands on what is asked, or says that it is too much. */
async function startLimited(registry: Registry): Promise<LimitedRegistry> {
  const retryAfter: string[] = [];
  let requests = 0;
  const server: Server = createServer(async ({ url = '', method = 'GET', headers }, response) => {
    requests += 1;
    const wait = retryAfter.shift();
    if (wait !== undefined) {
      response.writeHead(429, { 'retry-after': wait }).end();
      return;
    }
    const { accept = '*/*' } = headers;
    const answer = await registry.request(url, { method, headers: { accept } });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    retryAfter,
    requests: () => requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
