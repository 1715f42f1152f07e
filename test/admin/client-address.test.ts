import { afterAll, describe, expect, test } from '@jest/globals';
import type { Request } from 'express';
import { ClientAddresses, isAddressRange } from '../../src/admin/client-address.ts';
import { FailureGuard } from '../../src/admin/rate-limits.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { openDoor, PASSWORD, type Door } from './door.ts';

const work = createWorkDirectory('admin-client-address');
afterAll(() => work.remove());

const PROXIES = ['10.0.0.0/8', 'fd00::/8', '192.0.2.7'];

function addressOf(from: string, header: string | undefined, proxies = PROXIES): string {
  const headers = header === undefined ? {} : { 'x-forwarded-for': header };
  return new ClientAddresses(proxies).of({ socket: { remoteAddress: from }, headers } as unknown as Request);
}

describe('whose address a request comes from', () => {
  test.each([
    ['nobody says anything', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy says it', '10.0.0.1', '198.51.100.4', '198.51.100.4'],
    ['a single address is a proxy', '192.0.2.7', '198.51.100.4', '198.51.100.4'],
    ['its neighbour is none', '192.0.2.8', '198.51.100.4', '192.0.2.8'],
    ['a proxy behind another says it', '10.0.0.1', '198.51.100.4, 10.9.9.9', '198.51.100.4'],
    ['G4: the client wrote the beginning', '10.0.0.1', '203.0.113.1, 198.51.100.4', '198.51.100.4'],
    ['G4: the client names a proxy', '10.0.0.1', '10.0.0.9, 198.51.100.4', '198.51.100.4'],
    ['G4: no proxy says it', '198.51.100.9', '203.0.113.1', '198.51.100.9'],
    ['G4: what is no address says it', '', '203.0.113.1', ''],
    ['all of them are proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['G4: the end cannot be read', '10.0.0.1', '203.0.113.1, <script>', '10.0.0.1'],
    ['G4: the middle cannot be read', '10.0.0.1', '203.0.113.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['it is empty', '10.0.0.1', '', '10.0.0.1'],
    ['G4: it is long', '10.0.0.1', `${'203.0.113.1, '.repeat(2_000)}10.0.0.2`, '203.0.113.1'],
    ['G4: one of it is long', '10.0.0.1', '1'.repeat(30_000), '10.0.0.1'],
    ['it has a port', '10.0.0.1', '198.51.100.4:5123', '198.51.100.4'],
    ['it is IPv6', 'fd00::1', '2001:db8::1', '2001:db8::1'],
    ['it is IPv6 with a port', 'fd00::1', '[2001:db8::1]:5123', '2001:db8::1'],
    ['IPv4 comes inside IPv6', '::ffff:10.0.0.1', '::FFFF:198.51.100.4', '198.51.100.4'],
    ['G4: IPv4 in another spelling is a proxy too', '::ffff:a00:1', '198.51.100.4', '198.51.100.4'],
    ['a zone is no part of it', 'fd00::1%eth0', '198.51.100.4', '198.51.100.4'],
  ])('%s', (_what, from, header, expected) => {
    expect(addressOf(from, header)).toBe(expected);
  });

  test('without proxies no header is believed', () => {
    expect(addressOf('127.0.0.1', '198.51.100.4', [])).toBe('127.0.0.1');
  });

  test.each(['10.0.0.0/8', '10.0.0.1', 'fd00::/8', '::/0', '0.0.0.0/0'])('%s is a range', (text) => {
    expect(isAddressRange(text)).toBe(true);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    'proxy',
    '',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'fe80::1%a/8',
  ])('"%s" is no range', (text) => {
    expect(isAddressRange(text)).toBe(false);
  });
});

describe('wrong passwords', () => {
  async function attempts(
    trustedProxies: readonly string[],
    forwarded: readonly string[],
  ): Promise<readonly number[]> {
    const rates = { address: { limit: 2, window: 900_000 }, all: { limit: 1_000, window: 900_000 } };
    const failures = new FailureGuard(rates);
    const door: Door = await openDoor(work.path, { failures, server: { trustedProxies } });
    try {
      const statuses: number[] = [];
      for (const address of forwarded) {
        const answer = await door.ask('/api/v1/session', {
          method: 'POST',
          headers: { origin: door.origin, 'content-type': 'application/json', 'x-forwarded-for': address },
          body: JSON.stringify({ method: 'password', password: `not ${PASSWORD}` }),
        });
        statuses.push(answer.status);
      }
      return statuses;
    } finally {
      await door.stop();
    }
  }

  test('G4: are counted by the address of the connection, whatever its header says', async () => {
    const forged = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'];
    expect(await attempts([], forged)).toEqual([401, 401, 429, 429]);
    expect(await attempts(['10.0.0.0/8'], forged)).toEqual([401, 401, 429, 429]);
  });

  test('behind a trusted proxy are counted by who is before it', async () => {
    const proxies = ['127.0.0.0/8'];
    expect(await attempts(proxies, ['198.51.100.1', '198.51.100.1', '198.51.100.1', '198.51.100.2'])).toEqual(
      [401, 401, 429, 401],
    );
    // Whoever is before it writes what they like, and the proxy writes who they are behind that.
    const behind = (own: string) => `${own}, 198.51.100.1`;
    expect(await attempts(proxies, ['1.1.1.1', '2.2.2.2', '3.3.3.3'].map(behind))).toEqual([401, 401, 429]);
  });
});
