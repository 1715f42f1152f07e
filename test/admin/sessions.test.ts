import { afterEach, describe, expect, test } from '@jest/globals';
import { Sessions, type SessionLimits, type SignedIn } from '../../src/admin/sessions.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ALICE: SignedIn = { name: 'alice', groups: ['admins'], token: 't', tokenExpiresAt: undefined };

let now = Date.UTC(2026, 10, 29);
let all: Sessions[] = [];
function sessions(limits: Partial<SessionLimits> = {}): Sessions {
  const made = new Sessions({ now: () => now, limits });
  all.push(made);
  return made;
}
afterEach(() => {
  for (const each of all) each.stop();
  all = [];
});

describe('a session', () => {
  test('G4: is over after half an hour without a request, and a page that only watches keeps none alive', () => {
    const store = sessions();
    const { id } = store.begin(ALICE);
    now += 29 * MINUTE;
    expect(store.use(id)?.session.user.name).toBe('alice');
    const { id: watched } = store.begin(ALICE);
    now += 29 * MINUTE;
    expect(store.use(watched, false)).toBeDefined();
    now += 2 * MINUTE;
    expect(store.use(watched)).toBeUndefined();
    expect(store.use(id)).toBeUndefined();
    expect(store.size).toBe(0);
  });

  test('G4: is over after eight hours, however much it is used', () => {
    const store = sessions({ renewal: 9 * HOUR });
    const { id, session } = store.begin(ALICE);
    for (const end = now + 8 * HOUR - MINUTE; now < end; now += 10 * MINUTE)
      expect(store.use(id)).toBeDefined();
    expect(session.ended.aborted).toBe(false);
    now += 10 * MINUTE;
    expect(store.use(id)).toBeUndefined();
    expect(session.ended.aborted).toBe(true);
  });

  test('G4: never outlives its token', () => {
    const store = sessions();
    const { id, session } = store.begin({ ...ALICE, tokenExpiresAt: now + 5 * MINUTE });
    expect(session.expiresAt).toBe(now + 5 * MINUTE);
    now += 5 * MINUTE - 1;
    expect(store.use(id)).toBeDefined();
    now += 1;
    expect(store.use(id)).toBeUndefined();
  });

  test('G4: gets another id every quarter of an hour, and the one before is good for a minute', () => {
    const store = sessions();
    const { id } = store.begin(ALICE);
    now += 14 * MINUTE;
    expect(store.use(id)?.renewedId).toBeUndefined();
    now += MINUTE;
    const renewed = store.use(id)?.renewedId ?? '';
    expect(renewed).toMatch(/^[\w-]{43}$/);
    expect(renewed).not.toBe(id);
    now += 59_000;
    // A request that was under way; it must not bring a third id.
    expect(store.use(id)).toMatchObject({ renewedId: undefined });
    expect(store.use(renewed)).toMatchObject({ renewedId: undefined });
    now += 1_000;
    expect(store.use(id)).toBeUndefined();
    expect(store.use(renewed)).toBeDefined();
  });

  test('G4: is gone when it is ended, by any of its ids, and what is streamed to it ends', () => {
    const store = sessions();
    const { id, session } = store.begin(ALICE);
    now += 15 * MINUTE;
    const renewed = store.use(id)?.renewedId ?? '';
    store.end(id);
    expect([store.use(id), store.use(renewed), session.ended.aborted]).toEqual([undefined, undefined, true]);
  });

  test('no id is like another, and what is none finds nothing', () => {
    const store = sessions();
    const made = [1, 2, 3].map(() => store.begin(ALICE));
    expect(new Set(made.flatMap(({ id, session }) => [id, session.csrfToken])).size).toBe(6);
    expect(store.use('')).toBeUndefined();
    expect(store.use('x'.repeat(43))).toBeUndefined();
  });

  test('one person pushes out their own, and only then the least used of others', () => {
    const store = sessions({ perUser: 2, total: 3 });
    const bob = store.begin({ ...ALICE, name: 'bob' });
    const first = store.begin(ALICE);
    const second = store.begin(ALICE);
    const third = store.begin(ALICE);
    expect(store.use(first.id)).toBeUndefined();
    expect([bob, second, third].map(({ id }) => store.use(id) !== undefined)).toEqual([true, true, true]);
    store.use(bob.id);
    store.begin({ ...ALICE, name: 'carol' });
    expect(store.use(second.id)).toBeUndefined();
    expect(store.use(bob.id)).toBeDefined();
    expect(store.size).toBe(3);
  });
});
