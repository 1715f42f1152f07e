import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { API_VERSION, clusterPolicy, until, type Installation } from './installation.ts';
import { newPerson, type Person } from './people.ts';
import { anotherReplica, firstReplica, type Replica } from './replica.ts';

/** Three processes on one API server: what one is told counts there at once, and on the others with their watch. */
export function replicas(installed: () => Installation): void {
  const NAMESPACE = 'replicas';
  let world: Installation;
  let alice: Person;
  let image: PushedImage;
  let processes: readonly Replica[] = [];

  beforeAll(async () => {
    world = installed();
    await world.cluster.createNamespace(NAMESPACE);
    image = await pushImage(world.registries.referrers, 'org/replicated', { tag: 'v1' });
    await signWithKey(world.cosign, image, { key: world.key, log: 'none', timestamp: false });
    await world.applied(
      {
        apiVersion: API_VERSION,
        kind: 'TrustedSigner',
        metadata: { name: 'release-key' },
        spec: { publicKey: { pem: world.key.publicKeyPem } },
      },
      clusterPolicy('mcp-servers', NAMESPACE, {
        trustedKeys: [{ signerRef: { name: 'release-key' } }],
        transparency: { keys: { log: 'Ignored' } },
      }),
    );
    alice = await newPerson(world, 'alice', 'countersign-admin');
    processes = [
      await firstReplica(world),
      ...(await Promise.all(['second', 'third'].map((name) => anotherReplica(world, name)))),
    ];
    await untilAll(true);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(processes.map((each) => each.stop()));
  });

  const admits = (replica: Replica) => replica.admits(image.pinned, NAMESPACE);

  async function untilAll(expected: boolean): Promise<void> {
    await Promise.all(
      processes.map((replica, index) =>
        until(`replica ${index + 1}`, async () => ((await admits(replica)) === expected ? true : undefined)),
      ),
    );
  }

  test.each([0, 1, 2])(
    'switched off and on through replica %i: there at once, and then everywhere',
    async (at) => {
      const [teller] = processes.slice(at);
      if (teller === undefined) throw new Error('there is no such replica');
      const off = await teller.call('POST', '/signers/release-key/disable', alice.token);
      expect(off).toMatchObject({ inForce: true });
      expect(await admits(teller)).toBe(false);
      await untilAll(false);
      const on = await teller.call('POST', '/signers/release-key/enable', alice.token);
      expect(on).toMatchObject({ inForce: true });
      expect(await admits(teller)).toBe(true);
      await untilAll(true);
    },
  );
}
