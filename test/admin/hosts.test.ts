import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { configuredHosts } from '../../src/admin/allowed-hosts.ts';
import { settingsSchema } from '../../src/settings-schema.ts';
import { createSelfSigned } from '../../src/tls/self-signed.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { openDoor, PASSWORD, type Door } from './door.ts';

/** Which `Host` the admin server answers to: DNS rebinding brings a browser here under a name of the attacker's. */
const work = createWorkDirectory('admin-hosts');
const ADMIN = 'countersign-admin.countersign-system.svc';
const hour = 3_600_000;
let door: Door;

function keyPair(names: readonly [string, ...string[]]) {
  const now = Date.now();
  const { certPem, keyPem } = createSelfSigned({ names, notBefore: now - hour, notAfter: now + hour });
  return { cert: certPem, key: keyPem };
}

beforeAll(async () => {
  door = await openDoor(work.path, {
    server: {
      keyPair: keyPair([ADMIN, '*.apps.example', '192.0.2.7', '2001:db8::7']),
      hosts: ['countersign.example', '2001:DB8:0::8', 'xn--bcher-kva.example'],
    },
  });
});
afterAll(async () => {
  await door.stop();
  work.remove();
});

interface Said {
  readonly status: number;
  readonly text: string;
}

/** One request as it stands here, over a raw socket. */
async function say(lines: readonly string[]): Promise<Said> {
  const socket = connect({ host: '127.0.0.1', port: door.port, rejectUnauthorized: false });
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (data: string) => (text += data));
  socket.write([...lines, 'Connection: close', '\r\n'].join('\r\n'));
  await once(socket, 'close');
  return { status: Number(text.slice(9, 12)), text };
}

const get = (host: string, target = '/api/v1/session') => say([`GET ${target} HTTP/1.1`, `Host: ${host}`]);

describe('G11: the admin server answers to', () => {
  test.each([
    'localhost',
    'localhost:9443',
    'LocalHost:8443',
    'localhost.',
    '127.0.0.1:9443',
    '[::1]:9443',
    '[0:0:0:0:0:0:0:1]',
    ADMIN,
    `${ADMIN}:9443`,
    `${ADMIN}.:9443`,
    ADMIN.toUpperCase(),
    'a.apps.example',
    '192.0.2.7',
    '[2001:db8::7]:9443',
    '[2001:DB8:0:0::7]',
    'countersign.example',
    'Countersign.Example.:443',
    '[2001:db8::8]',
    'xn--bcher-kva.example',
  ])('%s', async (host) => {
    expect((await get(host)).status).toBe(200);
  });
});

describe('G11: the admin server does not answer to another name:', () => {
  test.each([
    'evil.example',
    'evil.example:9443',
    'localhost.evil.example',
    'evil-localhost',
    `${ADMIN}.evil.example`,
    'countersign-admin',
    'apps.example',
    'a.b.apps.example',
    'countersign.example.evil.example',
    'xcountersign.example',
    '192.0.2.8',
    '0.0.0.0',
    '127.0.0.2',
    '127.1',
    '2130706433',
    '0x7f000001',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[2001:db8::9]',
  ])('%s', async (host) => {
    for (const path of ['/', '/admin/security/signing', '/api/v1/session', '/api/v1/docs', '/nothing']) {
      const { status, text } = await get(host, path);
      expect([path, status]).toEqual([path, 421]);
      expect(text).toContain('"code":"MISDIRECTED"');
      expect(text).toContain('admin.hosts');
    }
    expect((await get('localhost')).status).toBe(200);
  });

  test('the right password under a wrong name opens nothing', async () => {
    const body = JSON.stringify({ method: 'password', password: PASSWORD });
    const signIn = (host: string) => {
      const headers = { host, origin: `https://${host}`, 'content-type': 'application/json' };
      return door.ask('/api/v1/session', { method: 'POST', headers, body });
    };
    const refused = await signIn('evil.example');
    expect([refused.status, refused.headers['set-cookie']]).toEqual([421, undefined]);
    expect((await signIn('countersign.example')).status).toBe(200);
  });

  test('whatever a proxy, or a browser that is made to, says of it', async () => {
    const forwarded = ['X-Forwarded-Host: localhost', 'Forwarded: host=localhost'];
    expect((await say(['GET / HTTP/1.1', 'Host: evil.example', ...forwarded])).status).toBe(421);
    expect((await say(['GET /api/v1/session HTTP/1.1', 'Host: localhost', ...forwarded])).status).toBe(200);
  });
});

describe('G11: a host that cannot be read is refused:', () => {
  test.each([
    '',
    ' ',
    'localhost:',
    'localhost:0',
    'localhost:09443',
    'localhost:65536',
    'localhost:http',
    'localhost:9443:9443',
    'localhost..',
    '.localhost',
    '-.localhost',
    'local host',
    'user@localhost',
    'localhost/path',
    'localhost,evil.example',
    'localhost%2e',
    '::1',
    '[::1',
    '[::1]x',
    '[localhost]',
    '[127.0.0.1]',
    '[fe80::1%25eth0]',
    `${'a'.repeat(64)}.example`,
    'löcalhost',
  ])('%j', async (host) => {
    expect((await get(host)).status).toBe(400);
  });

  test.each<readonly [string, readonly string[]]>([
    ['none', ['GET / HTTP/1.1']],
    ['none of an old client', ['GET / HTTP/1.0']],
    ['two', ['GET / HTTP/1.1', 'Host: localhost', 'Host: localhost']],
    ['two that differ', ['GET / HTTP/1.1', 'Host: localhost', 'Host: evil.example']],
    ['one in the target', ['GET https://localhost/ HTTP/1.1', 'Host: localhost']],
    ['another one in the target', ['GET https://evil.example/ HTTP/1.1', 'Host: localhost']],
    ['no path', ['OPTIONS * HTTP/1.1', 'Host: localhost']],
  ])('%s', async (_, lines) => {
    expect((await say(lines)).status).toBe(400);
  });
});

test('G11: the names are those of the certificate that is shown now', async () => {
  const own = await openDoor(work.path, { server: { keyPair: keyPair(['old.example']) } });
  const status = async (host: string) => (await own.ask('/api/v1/session', { headers: { host } })).status;
  try {
    expect([await status('old.example'), await status('new.example')]).toEqual([200, 421]);
    own.server.useKeyPair(keyPair(['new.example']));
    expect([await status('old.example'), await status('new.example')]).toEqual([421, 200]);
    expect(await status('localhost')).toBe(200);
  } finally {
    await own.stop();
  }
});

describe('the settings', () => {
  const admin = (given: object) => configuredHosts(settingsSchema.parse({ admin: given }).admin);
  const oidc = { issuer: 'https://login.example', clientId: 'a' };

  test('name hosts by hosts, by the address to listen on, and by where an issuer sends people back to', () => {
    expect(admin({})).toEqual([]);
    expect(admin({ hosts: ['a.example', '192.0.2.1'], host: '192.0.2.2' })).toEqual([
      'a.example',
      '192.0.2.1',
      '192.0.2.2',
    ]);
    expect(
      admin({ oidc: { ...oidc, redirectUri: 'https://b.example:8443/api/v1/session/oidc/callback' } }),
    ).toEqual(['b.example']);
    expect([admin({ host: '0.0.0.0' }), admin({ host: '::' })]).toEqual([[], []]);
  });

  test.each(['https://a.example', 'a.example:443', 'a.example/x', '*.example', '', 'a b', '[::1', 'a..b'])(
    '%j is no host',
    (host) => {
      expect(settingsSchema.safeParse({ admin: { hosts: ['a.example', '::1', '[::1]'] } }).success).toBe(
        true,
      );
      expect(settingsSchema.safeParse({ admin: { hosts: [host] } }).success).toBe(false);
    },
  );
});
