import { describe, expect, test } from '@jest/globals';
import { tmpdir } from 'node:os';
import { settledSnapshot } from '../../src/cli/settled-snapshot.ts';
import { verifyTrust } from '../../src/cli/verify-trust.ts';
import { loadSettings } from '../../src/config.ts';
import { silentLogger } from '../../src/log.ts';
import type { KeyState, RootState } from '../../src/policy/trust-material.ts';
import type { Resource } from '../../src/api/resources.ts';
import type { TrustMaterialSource } from '../../src/store/trust-material-source.ts';
import {
  keyless,
  keyRef,
  keysKnown,
  policy,
  publicKey,
  root,
  rootKnown,
  rules,
  trustRoot,
} from '../policy/builders.ts';

const PENDING: KeyState = { kind: 'unavailable', reason: 'it has not been read yet' };
const FAILED: KeyState = { kind: 'unavailable', reason: 'access denied' };
const never = () => new AbortController().signal;

/** Trust whose state changes while somebody waits for it. */
class ChangingTrust implements TrustMaterialSource {
  readonly wanted: (readonly Resource[])[] = [];
  key: KeyState = PENDING;
  builtin: RootState = rootKnown(root(), { refreshedAt: 1 });
  #listeners = new Set<() => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  change(to: Partial<Pick<ChangingTrust, 'key' | 'builtin'>>): void {
    Object.assign(this, to);
    for (const listener of this.#listeners) listener();
  }

  want(resources: readonly Resource[]): void {
    this.wanted.push(resources);
  }

  material() {
    return {
      key: () => this.key,
      root: () => this.builtin,
      builtin: new Map([['public-good', this.builtin]]),
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

const byKey = policy({}, { trustedKeys: [keyRef()] });
const byIdentity = policy({}, { trustedKeys: [keyless()] });

/** Whether it has settled, and what is in it once it has. */
async function settling(trust: TrustMaterialSource, resource: Resource, signal = never(), refreshes = false) {
  const state = { settled: false };
  const snapshot = settledSnapshot([resource], trust, { signal, refreshes }).finally(
    () => (state.settled = true),
  );
  await new Promise((turn) => setImmediate(turn));
  return { state, snapshot };
}

describe('a snapshot is waited for', () => {
  test('until a key has been read', async () => {
    const trust = new ChangingTrust();
    const { state, snapshot } = await settling(trust, byKey);
    expect([state.settled, trust.wanted]).toEqual([false, [[byKey]]]);
    // Something else has changed.
    trust.change({});
    await new Promise((turn) => setImmediate(turn));
    expect(state.settled).toBe(false);
    trust.change({ key: keysKnown() });
    expect((await snapshot).policies[0]?.entries.usable).toHaveLength(1);
    expect(trust.listeners).toBe(0);
  });

  test('until somebody has tried, and failed', async () => {
    const trust = new ChangingTrust();
    const { snapshot } = await settling(trust, byKey);
    trust.change({ key: FAILED });
    const [entry] = (await snapshot).policies[0]?.entries.unavailable ?? [];
    expect(entry?.fault).toEqual({ code: 'KEY_UNAVAILABLE', detail: 'access denied' });
  });

  test('no longer than it may be: the key is then unavailable', async () => {
    const trust = new ChangingTrust();
    const controller = new AbortController();
    const { state, snapshot } = await settling(trust, byKey, controller.signal);
    expect(state.settled).toBe(false);
    controller.abort();
    expect((await snapshot).policies[0]?.entries.unavailable).toHaveLength(1);
    expect((await settling(trust, byKey, controller.signal)).state.settled).toBe(true);
  });

  test('for a newer root than the one that was shipped, where that is refreshed', async () => {
    const trust = new ChangingTrust();
    trust.builtin = rootKnown(root('shipped'));
    expect((await settling(trust, byIdentity)).state.settled).toBe(true);
    const { state, snapshot } = await settling(trust, byIdentity, never(), true);
    expect(state.settled).toBe(false);
    trust.change({ builtin: rootKnown(root('fresh'), { refreshedAt: 1 }) });
    expect((await snapshot).policies[0]?.entries.usable[0]?.contexts[0].id).toBe('root fresh');
  });

  test('not for a root that could not be refreshed', async () => {
    const trust = new ChangingTrust();
    trust.builtin = rootKnown(root('shipped'), { error: 'no network' });
    expect((await settling(trust, byIdentity, never(), true)).state.settled).toBe(true);
  });

  test('not for a root that stands in its document', async () => {
    const trust = new ChangingTrust();
    const resources = [trustRoot('public-good', root('inline')), byIdentity];
    const snapshot = settledSnapshot(resources, trust, { signal: never(), refreshes: true });
    expect((await snapshot).policies[0]?.entries.usable).toHaveLength(1);
  });
});

describe('the network is called for the public good root only where somebody relies on it', () => {
  const ignored = { ...rules().transparency, keys: { log: 'Ignored', timestamp: 'Ignored' } } as const;
  const cases: readonly (readonly [string, Resource, boolean])[] = [
    ['an identity', byIdentity, true],
    ['an identity of another root', policy({}, { trustRoot: 'mine' }), false],
    [
      'an identity with a root of its own',
      policy({}, { trustedKeys: [keyless({ trustRoot: 'mine' })] }),
      false,
    ],
    [
      'an identity that names it',
      policy({}, { trustRoot: 'mine', trustedKeys: [keyless({ trustRoot: 'public-good' })] }),
      true,
    ],
    ['a key whose log is asked for', policy({}, { trustedKeys: [publicKey()] }), true],
    ['a key alone', policy({}, { trustedKeys: [publicKey()], transparency: ignored }), false],
    ['a policy that cannot be read', policy({ rules: undefined }), false],
  ];
  test.each(cases)('%s', async (_what, resource, expected) => {
    const settings = loadSettings({ file: undefined, flags: {}, env: {}, cwd: tmpdir() });
    const { trust, refreshes } = verifyTrust([resource], settings, { env: {}, logger: silentLogger });
    expect(refreshes).toBe(expected);
    await trust.stop();
  });
});
