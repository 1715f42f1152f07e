import type { Settings } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { RegistryImageSource } from '../registry/image-source.ts';
import type { Surroundings } from './stores.ts';

/** The registries, as the settings say. */
export function imageSource(
  { registries, containerdHosts, proxy, dockerConfig, credentialHelpers }: Settings,
  { forbiddenAddresses, pullSecrets }: Surroundings,
  metrics: Metrics,
  log: Logger,
): RegistryImageSource {
  return new RegistryImageSource({
    registries,
    proxy,
    forbiddenAddresses,
    log,
    ...(containerdHosts !== undefined && { containerdHosts }),
    ...(dockerConfig !== undefined && { dockerConfigFile: dockerConfig }),
    ...(pullSecrets !== undefined && { pullSecrets }),
    credentialHelpers,
    observer: {
      requested: (host, kind, outcome, milliseconds) =>
        metrics.recordRegistryRequest({
          host,
          // A tag is resolved by asking for its manifest.
          kind: kind === 'resolve' ? 'manifest' : kind,
          outcome,
          seconds: milliseconds / 1000,
        }),
    },
  });
}
