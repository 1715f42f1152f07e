import { afterEach, expect, test } from '@jest/globals';
import { AdminLink } from '../../src/cli/admin-link.ts';
import { loadSettings, SettingsError } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';

const settings = loadSettings({ file: undefined, flags: { policies: '/policies' }, env: {}, cwd: '/' });
const thread = new URL('admin-link-thread.ts', import.meta.url);

let link: AdminLink | undefined;
afterEach(async () => {
  await link?.stop(0);
  link = undefined;
});

/** @param version what the thread does when it is told to drain */
function made(version: string) {
  const said: string[] = [];
  const say = (fields: object, message: string): void => {
    // Not by `instanceof`: what comes from a thread is of another realm than the tests' own.
    const { err } = fields as { readonly err?: { readonly message: string } };
    said.push(err === undefined ? message : `${message}: ${err.message}`);
  };
  const logger = { ...silentLogger, info: say, warn: say, error: say };
  const calls = { routes: [], may: () => Promise.resolve(false) };
  link = new AdminLink({ settings, version, calls, logger, thread }, { cert: 'first', key: 'k' });
  return { link, said };
}

test('it tells the port, and the thread hears of certificates and of the end', async () => {
  const { link: one, said } = made('good');
  await one.start();
  expect(one.port).toBe(1234);
  one.useKeyPair({ cert: 'second', key: 'k' });
  await one.stop(60_000);
  expect(said).toEqual(['up with first', 'shows second', 'stops']);
});

test('settings that are wrong are told as such, and another reason as another', async () => {
  await expect(made('wrong settings').link.start()).rejects.toThrow(SettingsError);
  const { link: other } = made('no port');
  const failed: unknown = await other.start().catch((error: unknown) => error);
  expect(failed).not.toBeInstanceOf(SettingsError);
  expect(failed).toMatchObject({ message: 'the port is taken' });
  await expect(made('broken').link.start()).rejects.toThrow('broken from the start');
});

test.each([
  ['throws', ['the admin page ended in a defect: thrown']],
  ['leaves', []],
])(
  'a thread that %s takes nothing with it, and is followed by one with the newest certificate',
  async (version, why) => {
    const { link: one, said } = made(version);
    await one.start();
    one.useKeyPair({ cert: 'second', key: 'k' });
    one.drain();
    await eventually('another one runs', () => said.includes('the admin page was started again'));
    expect(said).toEqual([
      'up with first',
      'shows second',
      ...why,
      'up with second',
      'the admin page was started again',
    ]);
  },
);

test('a thread that does not hear is ended', async () => {
  const { link: one, said } = made('deaf');
  await one.start();
  await one.stop(0);
  expect(said).toEqual(['up with first']);
});
