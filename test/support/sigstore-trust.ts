import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags, type FlagValue } from './flags.ts';
import { runOrThrow } from './process.ts';
import type { RekorV1 } from './rekor-v1.ts';
import type { Service } from './sigstore-services.ts';
import { toolPath } from './tools.ts';

/** Which transparency log an entry is made in. */
export type LogChoice = 'v2' | 'v1' | 'none';

/** The path of cosign's signing configuration for each choice of log, with and without a timestamp. */
export type SigningConfigs = Readonly<
  Record<LogChoice, Readonly<Record<'timestamp' | 'noTimestamp', string>>>
>;

export interface Services {
  readonly folder: string;
  readonly fulcio: Service;
  readonly log: Service;
  readonly logV1: RekorV1;
  readonly timestamp: Service;
}

// The services' own certificates begin now; what verifies them must not begin later.
const startTime = '2020-01-01T00:00:00Z';

export async function createTrustedRoot({
  folder,
  fulcio,
  log,
  logV1,
  timestamp,
}: Services): Promise<string> {
  const write = (name: string, pem: string) => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  const out = join(folder, 'trusted_root.json');
  await cosign(folder, [
    'trusted-root',
    'create',
    ...flags({
      out,
      fulcio: `url=${fulcio.url},certificate-chain=${write('fulcio-chain.pem', fulcio.trust)}`,
      rekor: [
        logFlag(log.url, write('log.pub', log.trust)),
        logFlag(logV1.url, write('log-v1.pub', logV1.publicKeyPem)),
      ],
      tsa: `url=${timestamp.url},certificate-chain=${write('timestamp-chain.pem', timestamp.trust)}`,
    }),
  ]);
  return out;
}

/** Both logs sign checkpoints in the name of the host in their URL. */
function logFlag(url: string, keyPath: string): string {
  return `url=${url},public-key=${keyPath},start-time=${startTime},origin=127.0.0.1`;
}

export async function createSigningConfigs(services: Services, issuer: string): Promise<SigningConfigs> {
  const { folder, fulcio, log, logV1, timestamp } = services;
  const common = `start-time=${startTime},operator=tests`;
  const withLog: Record<LogChoice, Readonly<Record<string, FlagValue>>> = {
    v2: { rekor: `url=${log.url},api-version=2,${common}`, 'rekor-config': 'ANY' },
    v1: { rekor: `url=${logV1.url},api-version=1,${common}`, 'rekor-config': 'ANY' },
    none: {},
  };
  const withTimestamp = { tsa: `url=${timestamp.url},api-version=1,${common}`, 'tsa-config': 'ANY' };
  const create = async (name: string, chosen: Readonly<Record<string, FlagValue>>) => {
    const out = join(folder, `signing-config-${name}.json`);
    const always = {
      fulcio: `url=${fulcio.url},api-version=1,${common}`,
      'oidc-provider': `url=${issuer},api-version=1,${common}`,
    };
    await cosign(folder, ['signing-config', 'create', ...flags({ out, ...always, ...chosen })]);
    return out;
  };
  const both = async (choice: LogChoice) => ({
    timestamp: await create(`log-${choice}-timestamp`, { ...withLog[choice], ...withTimestamp }),
    noTimestamp: await create(`log-${choice}`, withLog[choice]),
  });
  const [v2, v1, none] = await Promise.all([both('v2'), both('v1'), both('none')]);
  return { v2, v1, none };
}

function cosign(folder: string, args: readonly string[]): Promise<string> {
  return runOrThrow(toolPath('cosign'), args, { workDir: folder });
}
