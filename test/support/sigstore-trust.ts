import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags } from './flags.ts';
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

/** Written here: what `cosign signing-config create` would write, without running it for each. */
export function createSigningConfigs(services: Services, issuer: string): SigningConfigs {
  const { folder, fulcio, log, logV1, timestamp } = services;
  const at = (url: string, majorApiVersion: number) => [
    { url, majorApiVersion, validFor: { start: startTime }, operator: 'tests' },
  ];
  const any = { selector: 'ANY' };
  const withLog: Readonly<Record<LogChoice, object>> = {
    v2: { rekorTlogUrls: at(log.url, 2), rekorTlogConfig: any },
    v1: { rekorTlogUrls: at(logV1.url, 1), rekorTlogConfig: any },
    none: { rekorTlogConfig: {} },
  };
  const withTimestamp = { tsaUrls: at(timestamp.url, 1), tsaConfig: any };
  const create = (name: string, chosen: object): string => {
    const out = join(folder, `signing-config-${name}.json`);
    const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
    const always = { mediaType, caUrls: at(fulcio.url, 1), oidcUrls: at(issuer, 1) };
    writeFileSync(out, JSON.stringify({ ...always, ...chosen }));
    return out;
  };
  const both = (choice: LogChoice) => ({
    timestamp: create(`log-${choice}-timestamp`, { ...withLog[choice], ...withTimestamp }),
    noTimestamp: create(`log-${choice}`, { ...withLog[choice], tsaConfig: {} }),
  });
  return { v2: both('v2'), v1: both('v1'), none: both('none') };
}

function cosign(folder: string, args: readonly string[]): Promise<string> {
  return runOrThrow(toolPath('cosign'), args, { workDir: folder });
}
