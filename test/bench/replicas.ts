/**
 * `make bench-replicas`: how long a signer that is switched off on one replica is still trusted on it and on two others. Three
 * processes on one real API server; from the admin API's answer to the first refusal, asked without a pause. Beside it the floor of the
 * same run: when a bare watch on the API server delivers the change.
 */
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, clusterPolicy, install, type Installation } from '../cluster/installation.ts';
import { newPerson } from '../cluster/people.ts';
import { anotherReplica, firstReplica, type Replica } from '../cluster/replica.ts';
import { signWithKey } from '../support/cosign.ts';
import { pushImage } from '../support/images.ts';

const ROUNDS = Number(process.argv[2] ?? 100);
const MCP = 'mcp';
const SIGNER = 'release-key';

/** Hears of each change of a signer as the API server tells it, and of nothing else. */
function watchFloor({ cluster }: Installation, onChange: (at: number) => void): { stop(): void } {
  const { certPem, keyPem } = cluster.admin.credentials;
  const url = `${cluster.url}/apis/${API_VERSION}/trustedsigners?watch=true`;
  const asked = request(url, { ca: cluster.caPem, cert: certPem, key: keyPem }, (response) => {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const at = performance.now();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const event of lines)
        if ((JSON.parse(event) as { object: { spec: { enabled?: boolean } } }).object.spec.enabled === false)
          onChange(at);
    });
    response.on('error', () => undefined);
  });
  asked.on('error', () => undefined);
  asked.end();
  return { stop: () => void asked.destroy() };
}

/** When it first refuses, asked without a pause. */
async function firstRefusal(replica: Replica, image: string): Promise<number> {
  while (await replica.admits(image, MCP));
  return performance.now();
}

function percentile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return `${value.toFixed(1)} ms`.padStart(10);
}

function line(name: string, values: readonly number[]): string {
  return `${name.padEnd(34)} p50 ${percentile(values, 0.5)}   p99 ${percentile(values, 0.99)}   max ${percentile(values, 1)}`;
}

const world = await install();
const replicas: Replica[] = [];
try {
  await world.cluster.createNamespace(MCP);
  const image = await pushImage(world.registries.referrers, 'org/signed', { tag: 'v1' });
  await signWithKey(world.cosign, image, { key: world.key, log: 'none', timestamp: false });
  await world.applied(
    {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name: SIGNER },
      spec: { publicKey: { pem: world.key.publicKeyPem } },
    },
    clusterPolicy('mcp-servers', MCP, {
      trustedKeys: [{ signerRef: { name: SIGNER } }],
      transparency: { keys: { log: 'Ignored' } },
    }),
  );
  const { token } = await newPerson(world, 'alice', 'countersign-admin');
  replicas.push(await firstReplica(world));
  for (const name of ['second', 'third']) replicas.push(await anotherReplica(world, name));
  const [teller] = replicas;
  if (teller === undefined) throw new Error('there is no replica');
  const untilAllAdmit = async (): Promise<void> => {
    for (const replica of replicas) while (!(await replica.admits(image.pinned, MCP))) await sleep(5);
  };

  let told = Number.NaN;
  const floor = watchFloor(world, (at) => (told = at));
  const delays: number[][] = [...replicas.map(() => []), []];
  await untilAllAdmit();
  for (let round = -5; round < ROUNDS; round += 1) {
    told = Number.NaN;
    const refusals = replicas.map((replica) => firstRefusal(replica, image.pinned));
    await sleep(20);
    await teller.call('POST', `/signers/${SIGNER}/disable`, token);
    const answered = performance.now();
    const at = await Promise.all(refusals);
    while (Number.isNaN(told)) await sleep(1);
    // The first rounds warm everything up.
    if (round >= 0) [...at, told].forEach((time, index) => delays[index]?.push(Math.max(0, time - answered)));
    await teller.call('POST', `/signers/${SIGNER}/enable`, token);
    await untilAllAdmit();
  }
  floor.stop();
  console.log(
    `${ROUNDS} rounds; from the API's answer to the first refusal (0: refused before the answer came)\n`,
  );
  const names = ['the replica that was told', 'the second replica', 'the third replica'];
  for (const [index, name] of names.entries()) console.log(line(name, delays[index] ?? []));
  console.log(line('floor: event of a bare watch', delays[3] ?? []));
} finally {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await world.stop();
}
