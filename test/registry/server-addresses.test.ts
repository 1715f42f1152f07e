import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/log.ts';
import { forbiddenAddresses, isListed } from '../../src/registry/address-guard.ts';
import { addressesOf } from '../../src/registry/server-addresses.ts';

describe("the API server's addresses", () => {
  test.each([
    ['https://10.96.0.1:443', ['10.96.0.1']],
    ['https://[fd12::7]:6443', ['fd12::7']],
    [undefined, []],
  ])('%s', async (server, addresses) => {
    expect(await addressesOf(server, silentLogger)).toEqual(addresses);
  });

  test('a name stands for all that it resolves to', async () => {
    const addresses = await addressesOf('https://localhost:6443', silentLogger);
    expect(addresses).not.toEqual([]);
    const list = forbiddenAddresses(addresses);
    for (const address of addresses) expect(isListed(list, address)).toBe(true);
  });

  test('a name that does not resolve is told and stops nothing', async () => {
    const told: object[] = [];
    const log = { ...silentLogger, warn: (fields: object) => void told.push(fields) };
    expect(await addressesOf('https://api.invalid:6443', log)).toEqual([]);
    expect(told).toMatchObject([{ host: 'api.invalid' }]);
  });
});
