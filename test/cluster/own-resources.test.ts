import { afterAll, beforeAll, describe } from '@jest/globals';
import { exceptions } from './exceptions.ts';
import { forgetAll } from './forget-all.ts';
import { install, type Installation } from './installation.ts';
import { resources } from './resources.ts';

/** Countersign's own resources, on an installation from the rendered manifests. */
let world: Installation;

beforeAll(async () => {
  world = await install({ source: 'manifests' });
});
afterAll(async () => {
  await world?.stop();
});

describe.each([
  ['resources', resources],
  ['exceptions', exceptions],
])('%s', (_name, story) => {
  story(() => world);
  afterAll(() => forgetAll(world.cluster));
});
