import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { RegistryImageSource } from '../registry/image-source.ts';
import type { ImageSourceSettings } from '../registry/settings.ts';
import type { Surroundings } from './stores.ts';

/** The registries, as the settings say. */
export function imageSource(
  { registries, containerdHosts, proxy, dockerConfig, credentialHelpers }: Settings,
  { forbiddenAddresses, pullSecrets }: Surroundings,
  metrics: Metrics,
  log: Logger,
): RegistryImageSource {
  return openRegistries({
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

/** @throws SettingsError for settings, or a file that they name, that cannot be used */
export function openRegistries(settings: ImageSourceSettings): RegistryImageSource {
  try {
    return new RegistryImageSource(settings);
  } catch (error) {
    throw new SettingsError(asError(error).message, { cause: error });
  }
}

/**
 * Reads the Docker configuration before anything relies on it.
 * @param options.mustExist whether a file that does not exist is an error too: a Secret may be mounted after the start
 * @throws SettingsError that names the file and why it cannot be used
 */
export async function usableCredentials(
  source: RegistryImageSource,
  options: { readonly mustExist: boolean },
): Promise<void> {
  try {
    await source.checkCredentials(options);
  } catch (error) {
    throw new SettingsError(asError(error).message, { cause: error });
  }
}
