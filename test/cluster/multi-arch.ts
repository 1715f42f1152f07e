import { beforeAll, expect, test } from '@jest/globals';
import { signWithKey } from '../support/cosign.ts';
import { pushImage, pushIndex } from '../support/images.ts';
import { getManifest, type Descriptor, type PushedImage } from '../support/manifests.ts';
import { clusterPolicy, type Installation } from './installation.ts';
import { tenantOf, type Tenant } from './tenant.ts';

/** Images of several platforms as cosign signs them: the index alone, or with `--recursive` everything in it. */
export function multiArch(installed: () => Installation): void {
  let world: Installation;
  let index: Tenant;
  let platforms: Tenant;
  let membership: Tenant;
  let indexOnly: MultiArch;
  let recursive: MultiArch;

  interface MultiArch {
    readonly index: PushedImage;
    readonly amd64: PushedImage;
    readonly arm64: PushedImage;
    /** As a build tool writes it: a manifest that no node runs. */
    readonly attestation: PushedImage;
  }

  beforeAll(async () => {
    world = installed();
    [index, platforms, membership] = await Promise.all([
      tenantUnder('index', {}),
      tenantUnder('platforms', { multiArch: 'IndexAndPlatforms' }),
      tenantUnder('membership', { acceptMembership: true }),
    ]);
    [indexOnly, recursive] = [await push('index-only'), await push('recursive')];
    await sign(indexOnly.index);
    await sign(recursive.index, true);
    await Promise.all(
      [index, platforms, membership].map((tenant) => tenant.untilAdmitted(recursive.index.reference)),
    );
  }, 120_000);

  async function tenantUnder(name: string, rules: object): Promise<Tenant> {
    const tenant = tenantOf(world, name);
    await world.cluster.createNamespace(name);
    await world.applied(
      clusterPolicy(name, name, {
        trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
        transparency: { keys: { log: 'Ignored' } },
        ...rules,
      }),
    );
    return tenant;
  }

  const sign = (image: PushedImage, all = false): Promise<void> =>
    signWithKey(world.cosign, image, { key: world.key, log: 'none', timestamp: false, recursive: all });

  async function push(name: string): Promise<MultiArch> {
    const { referrers } = world.registries;
    const repository = `org/${name}`;
    const child = (architecture: string, os = 'linux') =>
      pushImage(referrers, repository, {
        content: `${name} ${architecture}`,
        platform: { os, architecture },
      });
    const [amd64, arm64, attestation] = [
      await child('amd64'),
      await child('arm64'),
      await child('unknown', 'unknown'),
    ];
    const described: Descriptor = {
      ...attestation.descriptor,
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': amd64.digest,
      },
    };
    const children = [amd64.descriptor, arm64.descriptor, described];
    return { index: await pushIndex(referrers, repository, children, 'v1'), amd64, arm64, attestation };
  }

  /** One platform, by the tag of the index that holds it. */
  const pinnedChild = ({ index: { reference } }: MultiArch, { digest }: PushedImage): string =>
    `${reference}@${digest}`;

  test('multiArch Index: the index is what is signed', async () => {
    for (const image of [indexOnly, recursive]) await index.admitted(image.index.reference);
    const unsigned = await push('unsigned');
    expect(await index.refused(unsigned.index.reference)).toContain('is not signed. Signature required.');
  });

  test('D3: multiArch IndexAndPlatforms: every platform is, and the denial names those that are not', async () => {
    const { reference, digest } = indexOnly.index;
    expect(await platforms.refused(reference))
      .toContain(`Image ${reference} is signed, but its manifest for linux/amd64 is not. Signature required.
  in:        container "server" (spec.containers[0].image)
  policy:    ClusterSigningPolicy "platforms"
  digest:    ${digest}
  found:     platform linux/amd64 (${indexOnly.amd64.digest}): no signature was found [SIGNATURE_MISSING]
  found:     platform linux/arm64 (${indexOnly.arm64.digest}): no signature was found [SIGNATURE_MISSING]`);
    await platforms.admitted(recursive.index.reference);
  });

  test('multiArch IndexAndPlatforms: an attestation manifest is none', async () => {
    const each = await push('each');
    for (const image of [each.index, each.amd64, each.arm64]) await sign(image);
    await platforms.admitted(each.index.reference);
    expect(await platforms.refused(each.attestation.pinned)).toContain('is not signed. Signature required.');
  });

  test('a Pod that is pinned to one platform: by its own signature, or by acceptMembership', async () => {
    for (const tenant of [index, membership]) await tenant.admitted(pinnedChild(recursive, recursive.arm64));
    const child = pinnedChild(indexOnly, indexOnly.arm64);
    expect(await index.refused(child)).toContain('is not signed. Signature required.');
    await membership.admitted(child);
    // Without its tag there is no index to ask about.
    expect(await membership.refused(indexOnly.arm64.pinned)).toContain('[SIGNATURE_MISSING]');
  });

  test('D3: membership of an index that nobody signed, of another one, and of one that the tag names no more', async () => {
    const unsigned = await push('unsigned-index');
    expect(await membership.refused(pinnedChild(unsigned, unsigned.amd64))).toContain(
      `its index ${unsigned.index.digest}: no signature was found [SIGNATURE_MISSING]`,
    );
    const { reference, digest, repository, registry } = indexOnly.index;
    const stray = await pushImage(registry, repository, { content: 'stray' });
    const stranger = `the tag names ${digest}, which is no index that holds this digest [DIGEST_MISMATCH]`;
    expect(await membership.refused(`${reference}@${stray.digest}`)).toContain(stranger);
    const moved = await push('moved');
    await sign(moved.index);
    await membership.admitted(pinnedChild(moved, moved.amd64));
    const next = await pushIndex(registry, moved.index.repository, [moved.arm64.descriptor], 'v1');
    await sign(next);
    expect((await getManifest(registry, moved.index.repository, 'v1'))?.digest).toBe(next.digest);
    await membership.untilRefused(pinnedChild(moved, moved.amd64), '[DIGEST_MISMATCH]');
    await membership.admitted(pinnedChild(moved, moved.arm64));
  });
}
