import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Resource } from '../api/resources.ts';
import { SettingsError, type Settings } from '../config.ts';
import { parseImageReference } from '../image/reference.ts';
import { registryHostProblem } from '../image/registry-host.ts';
import type { RegistrySettings } from '../registry/settings.ts';
import type { VerifyOptions } from './verify-options.ts';

/** What the options add to the registries of the settings: `--plain-http` to hosts by name, `--registry-ca` to those that are asked. @throws SettingsError */
export function verifyRegistries(
  registries: Settings['registries'],
  { plainHttp = [], registryCa }: VerifyOptions,
  images: readonly string[],
  resources: readonly Resource[],
): readonly RegistrySettings[] {
  const byHost = new Map<string, RegistrySettings>(registries.map((each) => [each.host, each]));
  const set = (host: string, more: Partial<RegistrySettings>): void => {
    byHost.set(host, { ...(byHost.get(host) ?? { host }), ...more });
  };
  for (const host of plainHttp) {
    const problem = registryHostProblem(host);
    if (problem !== undefined) throw new SettingsError(`--plain-http: ${problem.reason}`);
    set(host, { plainHttp: true });
  }
  if (registryCa !== undefined) {
    const caFile = resolve(registryCa);
    for (const host of hostsOf(images, resources)) set(host, { caFile });
  }
  return [...byHost.values()];
}

function hostsOf(images: readonly string[], resources: readonly Resource[]): ReadonlySet<string> {
  const repositories = resources.flatMap((resource) =>
    'rules' in resource ? (resource.rules?.signatureRepository?.registry ?? []) : [],
  );
  return new Set([...images.flatMap(hostOf), ...repositories]);
}

/** One that cannot be read is told as the verdict of its image. */
function hostOf(image: string): readonly string[] {
  try {
    return [parseImageReference(image).registry];
  } catch {
    return [];
  }
}

/** A person's machine has credentials in a place that every tool knows. @throws SettingsError for a file that is not there */
export function dockerConfigFile(
  { dockerConfig }: VerifyOptions,
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (dockerConfig !== undefined) {
    if (!existsSync(dockerConfig)) throw new SettingsError(`--docker-config: ${dockerConfig} does not exist`);
    return resolve(dockerConfig);
  }
  if (settings.dockerConfig !== undefined) return settings.dockerConfig;
  const folder = env['DOCKER_CONFIG'];
  const usual = join(
    folder === undefined || folder === '' ? join(homedir(), '.docker') : folder,
    'config.json',
  );
  return existsSync(usual) ? usual : undefined;
}
