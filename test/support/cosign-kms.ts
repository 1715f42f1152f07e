import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { registryFlags } from './cosign-flags.ts';
import { invoke, type Cosign } from './cosign.ts';
import type { PushedImage } from './manifests.ts';
import { runOrThrow } from './process.ts';
import { toolPath } from './tools.ts';

export interface KmsSignOptions {
  /** `hashivault://…`, `awskms://…`. */
  readonly uri: string;
  /** How the key's server is reached. */
  readonly env: Readonly<Record<string, string>>;
  /** A tag `sha256-<hex>.sig` instead of a bundle; always so for cosign 2. */
  readonly legacy?: boolean;
}

/** Signs an image with a key that never leaves its server; no log and no timestamp. */
export async function signWithKms(
  cosign: Cosign,
  image: PushedImage,
  options: KmsSignOptions,
): Promise<void> {
  const layout =
    cosign.major === 2
      ? ['--tlog-upload=false']
      : options.legacy === true
        ? ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false']
        : ['--signing-config', await emptySigningConfig(cosign)];
  const args = [
    'sign',
    '--key',
    options.uri,
    ...layout,
    ...registryFlags(image.registry),
    '--yes',
    image.pinned,
  ];
  await runOrThrow(toolPath(cosign.major === 3 ? 'cosign' : 'cosign2'), args, {
    workDir: cosign.home,
    env: {
      ...options.env,
      DOCKER_CONFIG: join(cosign.home, '.docker'),
      TUF_ROOT: join(cosign.home, '.tuf'),
    },
  });
}

/** Of no services. */
async function emptySigningConfig(cosign: Cosign): Promise<string> {
  const file = join(cosign.home, 'no-services.json');
  if (!existsSync(file)) await invoke(cosign, ['signing-config', 'create', '--out', file]);
  return file;
}
