import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { signKeyless } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { freePort } from '../support/ports.ts';
import { tarOf } from '../support/tar.ts';
import { TufRepository } from '../support/tuf-repository.ts';
import { startTufServer, type TufServer } from '../support/tuf-server.ts';
import { API_VERSION, clusterPolicy, type Installation } from './installation.ts';
import { tenantOf, untilStatus, type Tenant } from './tenant.ts';

/** Trust roots over TUF: from a mirror, from one that is down at the start, from an archive, and one that lies. */
export function tufRoots(installed: () => Installation): void {
  const ISSUER = 'https://accounts.google.com';
  const SUBJECT = 'build@example.com';
  const DAY = 86_400_000;
  let world: Installation;
  let repository: TufRepository;
  let mirror: TufServer;
  let late: TufServer | undefined;
  let latePort: number;
  let signed: PushedImage;
  let stranger: PushedImage;

  beforeAll(async () => {
    world = installed();
    const { registries, sigstore, cosign } = world;
    const push = (name: string) => pushImage(registries.referrers, `org/${name}`, { tag: 'v1' });
    [signed, stranger] = await Promise.all([push('signed'), push('stranger')]);
    await signKeyless(cosign, signed, { token: await sigstore.emailToken(SUBJECT) });
    await signKeyless(cosign, stranger, { token: await sigstore.emailToken('somebody@elsewhere.example') });
    const expires = Date.now() + 7 * DAY;
    repository = new TufRepository({ name: 'corp', content: sigstore.trustedRoot, expires });
    mirror = await startTufServer(repository.files);
    latePort = await freePort();
    await world.applied(
      root('late', { root: repository.root, mirror: `http://127.0.0.1:${latePort}/repository` }),
      root('corp', { root: repository.root, mirror: mirror.url }),
    );
  }, 120_000);

  afterAll(async () => {
    await Promise.all([mirror?.stop(), late?.stop()]);
  });

  const root = (name: string, tuf: object): object => ({
    apiVersion: API_VERSION,
    kind: 'TrustRoot',
    metadata: { name },
    spec: { tuf, proofs: { preset: 'Private' } },
  });

  /** A namespace whose images are verified with one TrustRoot. */
  async function tenantUnder(trustRoot: string): Promise<Tenant> {
    const tenant = tenantOf(world, `under-${trustRoot}`);
    await world.cluster.createNamespace(tenant.namespace);
    await world.applied(
      clusterPolicy(tenant.namespace, tenant.namespace, {
        trustRootRef: { name: trustRoot },
        trustedKeys: [{ keyless: true, issuer: ISSUER, subject: SUBJECT }],
      }),
    );
    return tenant;
  }

  const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const PRINT = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);

  test('a mirror that is down at the start: nobody can tell, and other roots are not touched', async () => {
    const [behindLate, behindCorp] = [await tenantUnder('late'), await tenantUnder('corp')];
    const why = `the TUF repository http://127.0.0.1:${latePort}/repository could not be read: its server could not be reached (ECONNREFUSED)`;
    await behindLate.untilRefused(signed.reference, [
      'Error from server (ServiceUnavailable)',
      `Image ${signed.reference} could not be verified: a trust root is not available.`,
      why,
      '[TRUSTROOT_UNAVAILABLE]',
    ]);
    await untilStatus(world, 'trustroot', 'late', {
      ready: 'False',
      reason: 'Unavailable',
      message: expect.stringContaining(why),
      fingerprint: undefined,
    });

    await behindCorp.untilAdmitted(signed.reference);
    await behindCorp.admitted(signed.reference);
    expect(await behindCorp.refused(stranger.reference)).toContain('[IDENTITY_MISMATCH]');
    await untilStatus(world, 'trustroot', 'corp', {
      ready: 'True',
      reason: 'Valid',
      message: 'In force.',
      fingerprint: PRINT,
      lastRefreshedTime: TIME,
      usableUntil: TIME,
    });
    // The mirror is up now; somebody who does not want to wait for the next try restarts Countersign.
    late = await startTufServer(repository.files, undefined, latePort);
    await world.stopWebhook();
    await world.startWebhook();
    await behindLate.untilAdmitted(signed.reference);
    await behindLate.admitted(signed.reference);
    await untilStatus(world, 'trustroot', 'late', { ready: 'True', reason: 'Valid' });
  });

  test('an archive, without any network', async () => {
    const entries = [...repository.files].map(([name, content]) => ({ name, content }));
    const archive = gzipSync(tarOf(entries)).toString('base64');
    await world.applied(root('archive', { root: repository.root, archive }));
    const tenant = await tenantUnder('archive');
    await tenant.untilAdmitted(signed.reference);
    await tenant.admitted(signed.reference);
    expect(await tenant.refused(stranger.reference)).toContain('[IDENTITY_MISMATCH]');
    await untilStatus(world, 'trustroot', 'archive', {
      ready: 'True',
      reason: 'Valid',
      fingerprint: PRINT,
      usableUntil: TIME,
    });
  });

  test('H8: a mirror of somebody else, and one whose metadata has expired', async () => {
    const other = new TufRepository({
      name: 'somebody',
      content: world.sigstore.trustedRoot,
      expires: Date.now() + DAY,
    });
    const expired = new TufRepository({
      name: 'corp',
      content: world.sigstore.trustedRoot,
      expires: Date.now() - 60_000,
    });
    const servers = [await startTufServer(other.files), await startTufServer(expired.files)];
    try {
      await world.applied(
        root('somebody', { root: repository.root, mirror: servers[0]?.url }),
        root('expired', { root: expired.root, mirror: servers[1]?.url }),
      );
      const [behindOther, behindExpired] = [await tenantUnder('somebody'), await tenantUnder('expired')];
      for (const [tenant, words] of [
        [behindOther, 'is not signed by as many trusted keys as it must be'],
        [behindExpired, 'has expired; whoever runs it must sign a new one'],
      ] as const)
        await tenant.untilRefused(signed.reference, [words, '[TRUSTROOT_UNAVAILABLE]']);
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  test.each([
    [
      'neither mirror nor archive',
      (text: string) => ({ root: text }),
      /exactly one of mirror(,| and) archive/,
    ],
    [
      'plain text as an archive',
      (text: string) => ({ root: text, archive: 'not base64!' }),
      /spec\.tuf\.archive: Invalid value: must be whole base64, padded/,
    ],
    [
      'a password in the URL',
      (text: string) => ({ root: text, mirror: 'https://user:secret@tuf.example.com/' }),
      /spec\.tuf\.mirror in body should match/,
    ],
    [
      'a target outside of the repository',
      (text: string) => ({ root: text, mirror: 'https://tuf.example.com', target: '../root.json' }),
      /spec\.tuf\.target in body should match/,
    ],
  ])('the API server refuses %s', async (_name, tuf, answer) => {
    const { code, stderr } = await world.apply(root('bad', tuf(repository.root)));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(answer) });
  });
}
