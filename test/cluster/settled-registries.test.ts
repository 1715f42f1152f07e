import { afterAll, beforeAll, describe } from '@jest/globals';
import { startRegistry, type Registry } from '../support/registry.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { adminVerify } from './admin-verify.ts';
import { forgetAll } from './forget-all.ts';
import { install, plainRegistry, type Installation } from './installation.ts';
import { privateRegistry } from './private-registry.ts';
import { registrySettings, startSettledRegistries, type SettledRegistries } from './registry-settings.ts';

/** What the settings say of registries: mirrors, limits, and accounts that only pull secrets have. */
const work = createWorkDirectory('settled-registries');
let closed: Registry;
let settled: SettledRegistries;
let world: Installation;

beforeAll(async () => {
  [closed, settled] = await Promise.all([
    startRegistry({ mode: 'referrers', workDir: work.path, authenticated: true }),
    startSettledRegistries(work.path),
  ]);
  world = await install({
    values: {
      pullSecrets: { namespaces: ['listed', 'mcp'] },
      registries: [...settled.settings, plainRegistry(closed)],
    },
    namespaces: ['listed', 'not-listed', 'mcp', 'quiet'],
  });
});
afterAll(async () => {
  await Promise.all([world?.stop(), closed?.stop(), settled?.stop()]);
  work.remove();
});
const installed = (): Installation => world;
const locked = (): Registry => closed;

describe('mirrors, limits, signatures elsewhere', () => {
  registrySettings(installed, () => settled);
  afterAll(() => forgetAll(world.cluster));
});
describe('a private registry', () => {
  privateRegistry(installed, locked);
  afterAll(() => forgetAll(world.cluster));
});
describe('verification by the API', () => {
  adminVerify(installed, locked);
});
