import type { LookupFunction } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { forbiddenAddresses, isListed } from '../../src/registry/address-guard.ts';
import { Artifacts } from './artifacts.ts';
import { asking, evilRegistry, imageSource, reference } from './sources.ts';

describe('D7: addresses', () => {
  const list = forbiddenAddresses(['10.96.0.1', 'fd12::/64']);
  test.each([
    '127.0.0.1',
    '127.255.0.9',
    '0.0.0.0',
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',

    '224.0.0.1',
    '255.255.255.255',
    '10.96.0.1',
    '::',
    '::1',
    '[::1]',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',

    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd12::7',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:7f00:0001',

    '::ffff:169.254.169.254',
    '::ffff:10.96.0.1',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::7f00:1',

    '2002:7f00:1::',
    '2001:0:1::',
    'no address',
    '2130706433',
  ])('%s is forbidden', (address) => {
    expect(isListed(list, address)).toBe(true);
  });
  test.each([
    '10.0.0.1',
    '10.96.0.2',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '8.8.8.8',
    '2600::1',
    'fd13::1',
    'fd00:ec3::23',
    '::ffff:10.0.0.1',
    '64:ff9b::8.8.8.8',
  ])('%s is allowed: private ranges hold registries', (address) => {
    expect(isListed(list, address)).toBe(false);
  });
  test('what is no address is no setting', () => {
    expect(() => forbiddenAddresses(['kubernetes.default'])).toThrow('kubernetes.default');
  });
});

describe('D7: no connection is made because an image name says so', () => {
  test.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '2130706433',
    '0x7f.1',
    '127.1',
    '0',
  ])('image on %s', async (address) => {
    const registry = await evilRegistry();
    new Artifacts(registry).image();
    const host = `${address}:${registry.port}`;
    const [stranger, known] = [imageSource([]), imageSource([registry])];
    await expect(stranger.resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
    expect(registry.connections).toBe(0);
    // The twin: the administrator listed the registry.
    await expect(known.resolve(reference(registry), asking())).resolves.toMatchObject({
      digest: expect.stringMatching(/^sha256:/),
    });
  });

  test('to be configured is a right of one host and port', async () => {
    const [registry, other] = [await evilRegistry(), await evilRegistry()];
    const source = imageSource([registry]);
    await expect(source.resolve(reference(other), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
    expect(other.connections).toBe(0);
  });

  test('a name that resolves to a forbidden address, also as one of several', async () => {
    const registry = await evilRegistry();
    for (const addresses of [
      ['127.0.0.1'],
      ['192.0.2.1', '127.0.0.1'],
      ['::ffff:127.0.0.1'],
      ['169.254.169.254'],
    ]) {
      const source = imageSource([], { lookup: answering(() => addresses) });
      await expect(
        source.resolve(reference(`registry.example:${registry.port}`), asking()),
      ).rejects.toMatchObject({
        code: 'REGISTRY_FORBIDDEN',
        message: expect.not.stringContaining('127.0.0.1'),
      });
    }
    expect(registry.connections).toBe(0);
  });

  test('DNS rebinding: what counts is the address at the moment of connecting', async () => {
    const registry = await evilRegistry();
    let asked = 0;
    // Harmless for whoever looks first, loopback for whoever looks again.
    const lookup = answering(() => [++asked === 1 ? '192.0.2.1' : '127.0.0.1']);
    const source = imageSource([], { lookup, requestMilliseconds: 300 });
    const image = reference(`registry.example:${registry.port}`);
    // Where nothing can be reached at all, the first call already looks twice.
    await expect(source.resolve(image, asking())).rejects.toMatchObject({
      code: expect.stringMatching(/TIMEOUT|UNREACHABLE|FORBIDDEN/),
    });
    await expect(source.resolve(image, asking())).rejects.toMatchObject({ code: 'REGISTRY_FORBIDDEN' });
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(registry.connections).toBe(0);
  });

  test('a configured name may resolve to loopback only where its setting says so', async () => {
    const registry = await evilRegistry();
    new Artifacts(registry).image();
    const host = `registry.example:${registry.port}`;
    const settings = { lookup: answering(() => ['127.0.0.1']) };
    const strict = imageSource([], { ...settings, registries: [{ host, plainHttp: true }] });
    await expect(strict.resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
    expect(registry.connections).toBe(0);
    const loose = imageSource([], {
      ...settings,
      registries: [{ host, plainHttp: true, allowLoopback: true }],
    });
    await expect(loose.resolve(reference(host), asking())).resolves.toMatchObject({
      digest: expect.stringMatching(/^sha256:/),
    });
    const metadata = {
      lookup: answering(() => ['169.254.169.254']),
      registries: [{ host, plainHttp: true, allowLoopback: true }],
    };
    await expect(imageSource([], metadata).resolve(reference(host), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
  });

  test('the API server, by the settings', async () => {
    const source = imageSource([], {
      lookup: answering(() => ['10.96.0.1']),
      forbiddenAddresses: ['10.96.0.1'],
    });
    await expect(source.resolve(reference('kubernetes.default.svc'), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
  });

  test.each([
    'https://169.254.169.254/latest',
    'https://[::ffff:a9fe:a9fe]/',
    'https://localhost:1/',
    'https://2130706433/',
  ])('a redirect to %s', async (location) => {
    const registry = await evilRegistry();
    registry.script((_request, response) => {
      response.writeHead(307, { location }).end();
      return true;
    });
    await expect(imageSource([registry]).resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
  });

  test('a token realm', async () => {
    const registry = await evilRegistry();
    registry.script((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://169.254.169.254/token"' }).end();
      return true;
    });
    await expect(imageSource([registry]).resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
  });
});

/** A resolver under somebody else's hand. */
function answering(addresses: () => readonly string[]): LookupFunction {
  return (_hostname, options, callback) => {
    const found = addresses().map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
}
