import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseImageReference } from '../../src/image/reference.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import type { RegistrySettings } from '../../src/registry/settings.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { runOrThrow } from '../support/process.ts';
import { startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { toolPath, type ToolName } from '../support/tools.ts';
import { createWorkDirectory } from '../support/work-dir.ts';

const work = createWorkDirectory('signature-repository');
const home = join(work.path, 'home');
const signingConfig = join(home, 'signing-config.json');
const predicate = join(home, 'predicate.json');
const common = ['--yes', '--key', 'cosign.key', '--allow-http-registry'];
const legacy = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'];

beforeAll(async () => {
  mkdirSync(home, { recursive: true });
  // No services: a key signs, and nothing else.
  writeFileSync(signingConfig, '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}');
  writeFileSync(predicate, '{}');
  await cosign('cosign', ['generate-key-pair']);
}, 60_000);
afterAll(() => work.remove());

function cosign(tool: ToolName, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const own = {
    COSIGN_PASSWORD: 'tests',
    DOCKER_CONFIG: join(home, '.docker'),
    TUF_ROOT: join(home, '.tuf'),
  };
  return runOrThrow(toolPath(tool), args, { workDir: home, env: { ...own, ...env } });
}

/** Signs and attests an image with `COSIGN_REPOSITORY`. */
async function signApart(tool: ToolName, flags: readonly string[], image: PushedImage, repository: string) {
  const env = { COSIGN_REPOSITORY: repository };
  await cosign(tool, ['sign', ...common, ...flags, image.pinned], env);
  const statement = ['--type', 'custom', '--predicate', predicate];
  await cosign(tool, ['attest', ...common, ...flags, ...statement, image.pinned], env);
}

async function kindsOf(
  image: PushedImage,
  signatureRepository?: string,
  settings: RegistrySettings = { host: image.registry.host, plainHttp: true },
): Promise<readonly string[]> {
  const source = new RegistryImageSource({ registries: [settings], log: silentLogger });
  try {
    const { evidence, refused, faults } = await source.discover(
      parseImageReference(image.pinned),
      image.digest,
      {
        signal: AbortSignal.timeout(10_000),
        puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
        fresh: false,
        signatureRepository:
          signatureRepository === undefined ? undefined : parseImageReference(signatureRepository),
      },
    );
    expect([refused, faults]).toEqual([[], []]);
    return evidence.map(({ kind }) => kind).sort();
  } finally {
    await source.stop();
  }
}

describe.each(['referrers', 'fallback'] as RegistryMode[])('what cosign writes, %s', (mode) => {
  let registry: Registry;
  let image: PushedImage;
  beforeAll(async () => {
    registry = await startRegistry({ mode, workDir: work.path });
    image = await pushImage(registry, 'org/app', { tag: 'v1' });
  }, 60_000);
  afterAll(() => registry.stop());

  test.each([
    ['cosign 3, bundles', 'cosign', ['--signing-config', signingConfig], ['bundle', 'bundle']],
    ['cosign 3, tags', 'cosign', legacy, ['dsse-envelope', 'simple-signing']],
    ['cosign 2, tags', 'cosign2', ['--tlog-upload=false'], ['dsse-envelope', 'simple-signing']],
  ] as [string, ToolName, string[], string[]][])(
    'D19: %s: COSIGN_REPOSITORY is the repository, without the name of the image after it',
    async (name, tool, flags, kinds) => {
      const repository = `${registry.host}/signatures/${name.replace(/\W+/g, '-')}`;
      await signApart(tool, flags, image, repository);
      expect(await kindsOf(image, repository)).toEqual(kinds);
      expect(await kindsOf(image, `${repository}/org/app`)).toEqual([]);
    },
    60_000,
  );

  test('cosign 2 with OCI 1.1 referrers: beside the image, whatever COSIGN_REPOSITORY says', async () => {
    const apart = await pushImage(registry, 'org/experimental', { tag: 'v1' });
    const repository = `${registry.host}/signatures/experimental`;
    const flags = ['--tlog-upload=false', '--registry-referrers-mode=oci-1-1'];
    const env = { COSIGN_EXPERIMENTAL: '1', COSIGN_REPOSITORY: repository };
    await cosign('cosign2', ['sign', ...common, ...flags, apart.pinned], env);
    expect(await kindsOf(apart)).toEqual(['simple-signing']);
    expect(await kindsOf(apart, repository)).toEqual([]);
  }, 60_000);

  test('what cosign saved holds attestations as well', async () => {
    const saved = await pushImage(registry, 'org/saved', { tag: 'v1' });
    await signApart('cosign2', ['--tlog-upload=false'], saved, `${registry.host}/org/saved`);
    const layout = join(home, `saved-${mode}`);
    mkdirSync(join(layout, 'org'), { recursive: true });
    await cosign('cosign2', [
      'save',
      '--allow-http-registry',
      '--dir',
      join(layout, 'org/saved'),
      saved.pinned,
    ]);
    const offline = { ...saved, pinned: `airgap.example/org/saved@${saved.digest}` };
    expect(await kindsOf(offline, undefined, { host: 'airgap.example', layout })).toEqual([
      'dsse-envelope',
      'simple-signing',
    ]);
  }, 60_000);
});
