import { FactCache } from '../admission/fact-cache.ts';
import { LargeEvidenceDesk } from '../admission/large-evidence.ts';
import { StatementCache } from '../admission/statement-cache.ts';
import { examineImage, type Surroundings } from '../admission/judge-image.ts';
import { loadSettings } from '../config.ts';
import type { Logger } from '../log.ts';
import { exceptionsInForce } from '../policy/exception.ts';
import { explain, worstOf } from '../policy/explain.ts';
import type { Explanation, VerdictKind } from '../policy/explanation.ts';
import { EvidencePool } from '../reading/evidence-pool.ts';
import { EXIT } from './exit-codes.ts';
import { openRegistries, usableCredentials } from './image-source.ts';
import { settledSnapshot } from './settled-snapshot.ts';
import type { VerifyOptions } from './verify-options.ts';
import { policiesInForce, verifyResources } from './verify-policies.ts';
import { dockerConfigFile, verifyRegistries } from './verify-registries.ts';
import { verifyTrust } from './verify-trust.ts';

/** Part of the time that keys and roots may take: what is left is for the registries. */
const TRUST_SHARE = 0.5;

export interface VerifyEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly logger: Logger;
}

/** How `verify` ends for what it found. */
export const EXIT_OF_VERDICT: Readonly<Record<VerdictKind, number>> = {
  verified: EXIT.ok,
  violated: EXIT.violated,
  faulted: EXIT.faulted,
};

/** @returns the exit code for all images together: violated > faulted > verified */
export function exitCodeOf(explanations: readonly Explanation[]): number {
  return EXIT_OF_VERDICT[worstOf(explanations.map(({ verdict }) => verdict))];
}

/**
 * Verifies images as the webhook would in a Pod template, each under every policy that covers it, and tells why. A policy's mode changes
 * nothing: what the webhook only warns of is "no" here too.
 * @throws SettingsError for a command line, settings or policies that cannot be used
 */
export async function verifyImages(
  images: readonly string[],
  options: VerifyOptions,
  { env, cwd, logger }: VerifyEnvironment,
): Promise<readonly Explanation[]> {
  const settings = loadSettings({ file: options.config ?? env['COUNTERSIGN_CONFIG'], flags: {}, env, cwd });
  const resources = await verifyResources(options, env);
  const dockerConfig = dockerConfigFile(options, settings, env);
  const { containerdHosts, proxy, credentialHelpers } = settings;
  const source = openRegistries({
    registries: verifyRegistries(settings.registries, options, images, resources),
    ...(containerdHosts !== undefined && { containerdHosts }),
    proxy,
    credentialHelpers,
    ...(dockerConfig !== undefined && { dockerConfigFile: dockerConfig }),
    log: logger,
    // Whoever gives a slow registry more time means each request.
    requestMilliseconds: options.timeout * 1000,
    lookupMilliseconds: options.timeout * 1000,
  });
  const { trust, refreshes } = verifyTrust(resources, settings, { env, logger });
  const reading = new EvidencePool({ log: logger });
  const deadline = deadlines(options.timeout * 1000);
  try {
    // A person can mend the file now: without its credentials the answer would be that the registry refused access.
    await usableCredentials(source, { mustExist: true });
    trust.start();
    const snapshot = await settledSnapshot(resources, trust, { signal: deadline.trust, refreshes });
    const candidates = policiesInForce(snapshot, options.namespace);
    const now = Date.now();
    const surroundings: Surroundings = {
      sources: {
        images: source,
        facts: new FactCache(),
        statements: new StatementCache(),
        large: new LargeEvidenceDesk(reading),
      },
      circumstances: { now, isPod: false },
      exceptions: exceptionsInForce(snapshot, options.namespace, now),
      puller: { namespace: options.namespace ?? '', pullSecrets: [], serviceAccount: '' },
      signal: deadline.all,
    };
    return await Promise.all(
      images.map(async (image) => {
        const { digest, examined } = await examineImage(image, candidates, surroundings);
        return explain({ image, digest, examined }, now, { statements: options.provenance === true });
      }),
    );
  } finally {
    deadline.cancel();
    await Promise.all([trust.stop(), source.stop(), reading.stop()]);
  }
}

interface Deadlines {
  readonly trust: AbortSignal;
  readonly all: AbortSignal;
  readonly cancel: () => void;
}

/** Timers that keep the process: what is awaited may be nothing but them. */
function deadlines(milliseconds: number): Deadlines {
  const [trust, all] = [new AbortController(), new AbortController()];
  const timers = [
    setTimeout(() => trust.abort(), milliseconds * TRUST_SHARE),
    setTimeout(() => all.abort(), milliseconds),
  ];
  return { trust: trust.signal, all: all.signal, cancel: () => timers.forEach(clearTimeout) };
}
