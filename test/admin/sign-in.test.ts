import { afterAll, describe, expect, test } from '@jest/globals';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminPassword } from '../../src/admin/password.ts';
import { FailureGuard } from '../../src/admin/rate-limits.ts';
import type { Logger } from '../../src/log.ts';
import { cpuMillisecondsSince } from '../support/cpu-time.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { basic, cookieIn, openDoor, PASSWORD, type Door } from './door.ts';

const work = createWorkDirectory('admin-sign-in');
afterAll(() => work.remove());
const JSON_TYPE = { 'content-type': 'application/json' };

async function withDoor(
  use: (door: Door, log: string[]) => Promise<void>,
  failures = lenient(),
): Promise<void> {
  const log: string[] = [];
  const keep = (fields: object, message: string): void => void log.push(JSON.stringify([fields, message]));
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  const door = await openDoor(work.path, { failures, logger });
  try {
    await use(door, log);
  } finally {
    await door.stop();
  }
}

function lenient(limit = 1_000): FailureGuard {
  return new FailureGuard({
    address: { limit, window: 900_000 },
    all: { limit: 10_000, window: 900_000 },
  });
}

const signIn = (door: Door, body: object, headers: Record<string, string> = {}) =>
  door.ask('/api/v1/session', {
    method: 'POST',
    headers: { origin: door.origin, ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  });

describe('signing in with a password', () => {
  test('G4: the cookie is for this host alone, for no script and no other site', async () => {
    await withDoor(async (door) => {
      const answer = await signIn(door, { method: 'password', password: PASSWORD });
      expect(answer.json()).toMatchObject({
        user: { name: 'admin' },
        mode: 'standalone',
        signIn: ['password'],
      });
      const [cookie = ''] = answer.headers['set-cookie'] ?? [];
      expect(cookie).toMatch(/^__Host-countersign=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    });
  });

  test('G4: whatever id somebody brings, the session gets one of its own, and the one before is over', async () => {
    await withDoor(async (door) => {
      const planted = '__Host-countersign=' + 'a'.repeat(43);
      const first = await signIn(door, { method: 'password', password: PASSWORD }, { cookie: planted });
      const cookie = cookieIn(first);
      expect(cookie).not.toBe(planted);
      const { csrfToken } = first.json() as { csrfToken: string };
      const own = { cookie, 'x-csrf-token': csrfToken };
      const second = await signIn(door, { method: 'password', password: PASSWORD }, own);
      expect(cookieIn(second)).not.toBe(cookie);
      const who = async (each: string) =>
        ((await door.ask('/api/v1/session', { headers: { cookie: each } })).json() as { user?: object }).user;
      expect([await who(planted), await who(cookie)]).toEqual([undefined, undefined]);
      expect(await who(cookieIn(second))).toEqual({ name: 'admin', groups: [] });
    });
  });

  test('G4: signed out is signed out, also for who has a copy of the cookie', async () => {
    await withDoor(async (door) => {
      const browser = await door.signIn();
      expect((await browser.ask('/api/v1/session')).json()).toMatchObject({ user: { name: 'admin' } });
      const out = await browser.ask('/api/v1/session', { method: 'DELETE' });
      expect([out.status, out.headers['set-cookie']?.[0]]).toEqual([
        204,
        expect.stringContaining('Max-Age=0'),
      ]);
      expect((await browser.ask('/api/v1/session', { method: 'DELETE' })).status).toBe(401);
      expect((await browser.ask('/api/v1/session')).json()).not.toHaveProperty('user');
    });
  });

  test('G4: wrong credentials are refused, told alike and counted, and G7: never logged', async () => {
    await withDoor(async (door, log) => {
      const wrong = [
        await signIn(door, { method: 'password', password: 'hunter2-wrong' }),
        await door.ask('/api/v1/session', { headers: basic('hunter2-wrong') }),
        await door.ask('/api/v1/session', { headers: basic(PASSWORD, 'root') }),
        await door.ask('/api/v1/session', { headers: { authorization: 'Bearer hunter2-wrong' } }),
        await door.ask('/api/v1/session', { headers: { authorization: 'Basic !' } }),
        await door.ask('/api/v1/session', { headers: { authorization: 'Digest x' } }),
        await signIn(door, { method: 'token', token: 'hunter2-wrong' }),
      ];
      expect(wrong.map(({ status }) => status)).toEqual(wrong.map(() => 401));
      expect(new Set(wrong.map(({ text }) => text)).size).toBe(1);
      expect(log.filter((line) => line.includes('wrong credentials'))).toHaveLength(wrong.length);
      expect(log.join('\n')).not.toContain('hunter2');
      expect(log.join('\n')).not.toContain(PASSWORD);
    });
  });

  test('G4: after so many wrong ones not even the right one is looked at, by cookie-less requests of that address', async () => {
    await withDoor(async (door) => {
      const browser = await door.signIn();
      for (let n = 0; n < 2; n++)
        expect((await door.ask('/api/v1/session', { headers: basic('wrong') })).status).toBe(401);
      const answer = await door.ask('/api/v1/session', { headers: basic() });
      expect(answer.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(800);
      expect((await signIn(door, { method: 'password', password: PASSWORD })).status).toBe(429);
      // Who is signed in already goes on.
      expect((await browser.ask('/api/v1/session')).json()).toMatchObject({ user: { name: 'admin' } });
    }, lenient(2));
  });
});

describe('wrong sign-ins', () => {
  test('G4: wait longer each time; an IPv6 network counts as one; all addresses together have a bound', () => {
    let now = 0;
    const rates = { address: { limit: 10, window: 900_000 }, all: { limit: 25, window: 900_000 } };
    const guard = new FailureGuard(rates, () => now);
    const delays = Array.from({ length: 10 }, () => guard.failed('10.0.0.1'));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
    expect(() => guard.check('10.0.0.1')).toThrow('Too many wrong sign-ins');
    expect(() => guard.check('10.0.0.2')).not.toThrow();
    for (let n = 0; n < 10; n++) guard.failed(`2001:db8:1:2::${n}`);
    expect(() => guard.check('2001:db8:1:2:ffff::1')).toThrow('Too many wrong sign-ins');
    expect(() => guard.check('2001:db8:ffff::1')).not.toThrow();
    for (let n = 0; n < 5; n++) guard.failed(`10.0.1.${n}`);
    expect(() => guard.check('10.9.9.9')).toThrow('Too many wrong sign-ins');
    now += 900_000;
    expect(() => guard.check('10.0.0.1')).not.toThrow();
  });
});

describe("the administrator's password", () => {
  const never = (): void => {
    throw new Error('told again');
  };
  const { signal } = new AbortController();

  test('G7: is made once and told once, and only its hash is kept, for nobody else to read', async () => {
    const file = join(work.path, 'made/admin-password');
    let told = '';
    const first = await AdminPassword.load({ file, given: undefined, announce: (made) => (told = made) });
    expect(told).toMatch(/^[\w-]{24}$/);
    const stored = readFileSync(file, 'utf8');
    expect(stored).toMatch(/^scrypt\$131072\$8\$1\$[\w-]{22}\$[\w-]{43}\n$/);
    expect(stored).not.toContain(told);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await AdminPassword.load({ file, given: undefined, announce: never });
    expect([await first.isRight(told, signal), await again.isRight(told, signal)]).toEqual([true, true]);
    expect(await again.isRight(`${told} `, signal)).toBe(false);
    // Known for a while: programs send it with every request.
    const started = process.cpuUsage();
    for (let n = 0; n < 100; n++) expect(await again.isRight(told, signal)).toBe(true);
    // A hundred hashes are half a minute.
    expect(cpuMillisecondsSince(started)).toBeLessThan(5_000);
  });

  test('one that is given replaces the one before', async () => {
    const file = join(work.path, 'given');
    await AdminPassword.load({ file, given: 'first password here', announce: never });
    await AdminPassword.load({ file, given: 'second password here', announce: never });
    const last = await AdminPassword.load({ file, given: undefined, announce: never });
    expect(await last.isRight('first password here', signal)).toBe(false);
    expect(await last.isRight('second password here', signal)).toBe(true);
  });

  test.each([
    ['', 'holds no hash'],
    ['plain text', 'holds no hash'],
    ['scrypt$2$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'holds no hash'],
  ])('a file that holds %j opens nothing', async (text, message) => {
    const file = join(work.path, 'damaged');
    writeFileSync(file, text);
    await expect(AdminPassword.load({ file, given: undefined, announce: never })).rejects.toThrow(message);
  });

  test('one that is too short is refused', async () => {
    const file = join(work.path, 'short');
    await expect(AdminPassword.load({ file, given: 'short', announce: never })).rejects.toThrow(
      'at least 12',
    );
  });

  test('guesses at once are bounded, and the event loop goes on', async () => {
    const file = join(work.path, 'busy');
    const password = await AdminPassword.load({ file, given: 'the right password', announce: never });
    let turns = 0;
    const clock = setInterval(() => (turns += 1), 5);
    const gone = new AbortController();
    const guesses = Array.from({ length: 60 }, (_, n) => password.isRight(`guess ${n}`, gone.signal));
    const refused = await Promise.allSettled(guesses.slice(40));
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 'rejected'));
    await guesses[0];
    // Who waits and is gone costs no hash.
    gone.abort();
    const rest = await Promise.allSettled(guesses);
    clearInterval(clock);
    // With the hashes on this thread it would be none at all.
    expect(turns).toBeGreaterThan(1);
    expect(rest.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(6);
  });
});
