import { expect, test } from '@jest/globals';
import { trustKeeper } from '../../src/cli/trust.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';

test.each(['http://proxy.internal:3128', 'proxy.internal:3128'])(
  'a proxy may be written as %s for keys and trust roots, too',
  async (url) => {
    const env = { HTTPS_PROXY: url, HTTP_PROXY: url };
    const settings = loadSettings({ file: undefined, flags: {}, env, cwd: '/' });
    const surroundings = { logger: silentLogger, metrics: undefined, readSecret: undefined, env };
    await expect(trustKeeper(settings, surroundings).stop()).resolves.toBeUndefined();
  },
);
