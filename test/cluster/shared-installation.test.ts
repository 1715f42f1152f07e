import { afterAll, beforeAll, describe } from '@jest/globals';
import { admissionAttacks } from './admission-attacks.ts';
import { adminResources } from './admin-resources.ts';
import { forgetAll } from './forget-all.ts';
import { install, type Installation } from './installation.ts';
import { multiArch } from './multi-arch.ts';
import { replicas } from './replicas.ts';
import { buildLevels } from './slsa.ts';
import { tufRoots } from './tuf-roots.ts';

/** Stories that ask nothing special of an installation share one. Each has namespaces of its own, and leaves no policy behind. */
let world: Installation;

beforeAll(async () => {
  world = await install();
});
afterAll(async () => {
  await world?.stop();
});

describe.each([
  ['attacks by users, controllers and other webhooks', admissionAttacks],
  ['signers and policies by the API', adminResources],
  ['images of several platforms', multiArch],
  ['SLSA', buildLevels],
  ['trust roots over TUF', tufRoots],
  ['replicas', replicas],
])('%s', (_name, story) => {
  story(() => world);
  afterAll(() => forgetAll(world.cluster));
});
