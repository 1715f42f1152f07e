import { describe, expect, test } from '@jest/globals';
import type { PolicyRules, Resource } from '../../src/api/resources.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { FoundFacts } from '../../src/policy/image-facts.ts';
import { describeExpectation } from '../../src/policy/signature-rule.ts';
import type { CompiledPolicy } from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { VerificationKey } from '../../src/sigstore/public-key.ts';
import {
  codeOf,
  DIGEST,
  exactText,
  factsOf,
  foundBy,
  HOUR,
  KEY,
  KEY_URI,
  keyless,
  keyRef,
  keysKnown,
  NOT_READ,
  NOW,
  OTHER_KEY,
  policy,
  publicKey,
  root,
  rootKnown,
  rules as policyRules,
  signature,
  signer,
  signerRef,
  snapshotWith,
  SUBJECT,
  THIRD_KEY,
  trustRoot,
  type Elsewhere,
} from './builders.ts';

/** Keys and roots that are kept elsewhere: what of them is known when, and what a verdict may rest on. */
interface Case {
  readonly rules: Partial<PolicyRules>;
  readonly resources?: readonly Resource[];
  readonly elsewhere?: Elsewhere;
  /** Who signed the image. */
  readonly by: readonly (VerificationKey | string)[];
  readonly found?: Partial<FoundFacts>;
  readonly now?: number;
}

const SECOND_URI = 'hashivault://second';
const second = keyRef(SECOND_URI, 'spec.trustedKeys[1]');
const third = keyRef('hashivault://third', 'spec.trustedKeys[2]');
const secondPerson = keyless({ field: 'spec.trustedKeys[1]', subject: exactText('second@example.com') });
const known = (...keys: [VerificationKey, ...VerificationKey[]]): Elsewhere => ({
  keys: { [KEY_URI]: keysKnown(keys) },
});
const NOTHING: Elsewhere = {};
const STALE: Elsewhere = { keys: { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW, error: 'no answer' }) } };
const STALE_ROOT: Elsewhere = {
  roots: { 'public-good': rootKnown(root(), { usableUntil: NOW, error: 'no answer' }) },
};
const NO_ROOT: Elsewhere = { roots: { 'public-good': NOT_READ } };
const keysWith = (log: 'Required' | 'Optional', timestamp: 'Required' | 'Optional' = 'Optional') => ({
  transparency: { keyless: { log: 'Optional', timestamp: 'Optional' }, keys: { log, timestamp } } as const,
});

function compiled({ rules, resources = [], elsewhere = {} }: Case): CompiledPolicy {
  const [only] = snapshotWith(elsewhere, policy({}, rules), ...resources).policies;
  if (only === undefined) throw new Error('no policy');
  return only;
}

function judge(row: Case): Outcome {
  const of = compiled(row);
  const facts = factsOf({}, { ...foundBy([of], DIGEST, ...row.by), ...row.found });
  return evaluate(of, facts, { now: row.now ?? NOW, isPod: true });
}

/** Name, what is expected, and why it is so. */
const CASES: readonly (readonly [string, string, Case])[] = [
  [
    'a key that is known, and signed',
    'verified',
    { rules: { trustedKeys: [keyRef()] }, elsewhere: known(KEY), by: [KEY] },
  ],
  [
    'a key that is known, and did not sign',
    'SIG_INVALID',
    { rules: { trustedKeys: [keyRef()] }, elsewhere: known(KEY), by: [OTHER_KEY] },
  ],
  [
    'a key that is known, and nobody signed',
    'SIGNATURE_MISSING',
    { rules: { trustedKeys: [keyRef()] }, elsewhere: known(KEY), by: [] },
  ],
  [
    'H4: the only key cannot be had',
    'fault KEY_UNAVAILABLE',
    { rules: { trustedKeys: [keyRef()] }, elsewhere: NOTHING, by: [KEY] },
  ],
  [
    'H13: one key cannot be had, and another signer signed',
    'verified',
    { rules: { trustedKeys: [keyRef(), secondPerson] }, elsewhere: NOTHING, by: ['second@example.com'] },
  ],
  [
    'H13: one key cannot be had, and somebody else signed: it may have been that key',
    'fault KEY_UNAVAILABLE',
    { rules: { trustedKeys: [keyRef(), secondPerson] }, elsewhere: NOTHING, by: [KEY] },
  ],
  [
    'H13: one key cannot be had, and nobody signed: it cannot have been that key',
    'SIGNATURE_MISSING',
    { rules: { trustedKeys: [keyRef(), secondPerson] }, elsewhere: NOTHING, by: [] },
  ],
  [
    'B2: one key cannot be had, and all there is is an attestation',
    'SIGNATURE_MISSING',
    {
      rules: { trustedKeys: [keyRef(), secondPerson] },
      elsewhere: NOTHING,
      by: [],
      found: {
        byContext: new Map([
          [
            'root root-1',
            [{ source: 'referrer 1', code: 'SIG_INVALID', detail: 'bad', claims: 'attestation' }],
          ],
        ]),
      },
    },
  ],
  [
    'B2: one key cannot be had, and all there is is an attestation that somebody known made',
    'SIGNATURE_MISSING',
    {
      rules: { trustedKeys: [keyRef(), secondPerson] },
      elsewhere: NOTHING,
      by: [],
      found: {
        byContext: new Map([
          [
            'root root-1',
            [
              signature({
                content: { kind: 'attestation', predicateType: 'https://slsa.dev/provenance/v1' },
              }),
            ],
          ],
        ]),
      },
    },
  ],
  [
    'a threshold of two: one signed, the other key cannot be had',
    'fault KEY_UNAVAILABLE',
    {
      rules: { trustedKeys: [keyRef(), secondPerson], threshold: 2 },
      elsewhere: NOTHING,
      by: ['second@example.com'],
    },
  ],
  [
    'a threshold of two: neither key can be had, and one of three signed',
    'fault KEY_UNAVAILABLE',
    {
      rules: { trustedKeys: [keyRef(), second, keyless({ field: 'spec.trustedKeys[2]' })], threshold: 2 },
      elsewhere: NOTHING,
      by: [SUBJECT, KEY],
    },
  ],
  [
    'a threshold of three: one key that cannot be had could not make it up',
    'IDENTITY_MISMATCH',
    {
      rules: {
        trustedKeys: [keyRef(), secondPerson, keyless({ field: 'spec.trustedKeys[2]' })],
        threshold: 3,
      },
      elsewhere: NOTHING,
      by: ['nobody@example.com'],
    },
  ],
  [
    'a threshold that the entries cannot reach, even with the key that cannot be had',
    'THRESHOLD',
    {
      rules: { trustedKeys: [keyRef(), signerRef('missing')], threshold: 2 },
      elsewhere: NOTHING,
      by: [KEY],
    },
  ],
  [
    'one key cannot be had, another entry is broken: not the policy is to blame',
    'fault KEY_UNAVAILABLE',
    { rules: { trustedKeys: [keyRef(), signerRef('missing')] }, elsewhere: NOTHING, by: [KEY] },
  ],
  [
    'a registry that is down beside a key that cannot be had',
    'fault REGISTRY_ERROR',
    {
      rules: { trustedKeys: [keyRef(), secondPerson] },
      elsewhere: NOTHING,
      by: [KEY],
      found: { faults: [{ code: 'REGISTRY_ERROR', detail: 'down' }] },
    },
  ],
  ...(
    [
      ['a millisecond before it is too old', NOW - 1, 'verified'],
      ['at the moment from which on it is too old', NOW, 'fault KEY_UNAVAILABLE'],
      ['later', NOW + HOUR, 'fault KEY_UNAVAILABLE'],
    ] as const
  ).map(([name, now, expected]): readonly [string, string, Case] => [
    `H13: a key that could not be read again, ${name}`,
    expected,
    { rules: { trustedKeys: [keyRef()] }, elsewhere: STALE, by: [KEY], now },
  ]),
  [
    'H13: a key that is too old, beside somebody who signed',
    'verified',
    {
      rules: { trustedKeys: [keyRef(), keyless({ field: 'spec.trustedKeys[1]' })] },
      elsewhere: STALE,
      by: [KEY, SUBJECT],
    },
  ],
  [
    'H13: a key that is too old counts for no threshold',
    'fault KEY_UNAVAILABLE',
    {
      rules: { trustedKeys: [keyRef(), keyless({ field: 'spec.trustedKeys[1]' })], threshold: 2 },
      elsewhere: STALE,
      by: [KEY, SUBJECT],
    },
  ],
  ...(
    [
      ['a millisecond before it expires', NOW - 1, 'verified'],
      ['at the moment that it expires', NOW, 'fault TRUSTROOT_UNAVAILABLE'],
    ] as const
  ).flatMap(([name, now, expected]): (readonly [string, string, Case])[] => [
    [`H8: a root, ${name}`, expected, { rules: {}, elsewhere: STALE_ROOT, by: [SUBJECT], now }],
    [
      `H8: a root whose log a key needs, ${name}`,
      expected,
      { rules: { trustedKeys: [publicKey()] }, elsewhere: STALE_ROOT, by: [KEY], now },
    ],
    [
      `H8: a root whose timestamps a key needs, ${name}`,
      expected === 'verified' ? 'TIME_UNTRUSTED' : expected,
      {
        rules: { trustedKeys: [publicKey()], ...keysWith('Optional', 'Required') },
        elsewhere: STALE_ROOT,
        by: [KEY],
        now,
      },
    ],
  ]),
  [
    'H8: a root that nobody asks a key for may expire',
    'verified',
    {
      rules: { trustedKeys: [publicKey()], ...keysWith('Optional') },
      elsewhere: STALE_ROOT,
      by: [KEY],
    },
  ],
  [
    'H8: a root that cannot be had',
    'fault TRUSTROOT_UNAVAILABLE',
    { rules: {}, elsewhere: NO_ROOT, by: [SUBJECT] },
  ],
  [
    'H8: a root that cannot be had, and a key needs its log',
    'fault TRUSTROOT_UNAVAILABLE',
    { rules: { trustedKeys: [publicKey()] }, elsewhere: NO_ROOT, by: [KEY] },
  ],
  [
    'H8: a root that cannot be had, and a key needs its timestamps',
    'fault TRUSTROOT_UNAVAILABLE',
    {
      rules: { trustedKeys: [publicKey()], ...keysWith('Optional', 'Required') },
      elsewhere: NO_ROOT,
      by: [KEY],
    },
  ],
  [
    'a root that cannot be had, and no key needs it',
    'verified',
    { rules: { trustedKeys: [publicKey()], ...keysWith('Optional') }, elsewhere: NO_ROOT, by: [KEY] },
  ],
  [
    'a root that cannot be had, beside another that can',
    'verified',
    {
      rules: {
        trustedKeys: [keyless(), keyless({ field: 'spec.trustedKeys[1]', trustRoot: 'corp' })],
      },
      resources: [trustRoot('corp', root('root-2'))],
      elsewhere: NO_ROOT,
      by: [SUBJECT],
    },
  ],
  [
    'H4: a root that does not exist is no fault',
    'POLICY_INVALID',
    { rules: { trustRoot: 'none' }, by: [SUBJECT] },
  ],
  [
    'H4: a key behind a root that does not exist is no fault',
    'POLICY_INVALID',
    { rules: { trustedKeys: [keyRef()], trustRoot: 'none' }, elsewhere: NOTHING, by: [KEY] },
  ],
];

test.each(CASES)('%s: %s', (_, expected, row) => {
  expect(codeOf(judge(row))).toBe(expected);
});

describe('a reference with several versions', () => {
  const rules = { trustedKeys: [keyRef()] };

  test.each([
    ['the newest', KEY],
    ['the one before', OTHER_KEY],
    ['the oldest', THIRD_KEY],
  ])('a signature by %s counts', (_, by) => {
    const elsewhere = known(KEY, OTHER_KEY, THIRD_KEY);
    expect(codeOf(judge({ rules, elsewhere, by: [by] }))).toBe('verified');
    const without = [KEY, OTHER_KEY, THIRD_KEY].filter((key) => key !== by) as [VerificationKey];
    expect(codeOf(judge({ rules, elsewhere: known(...without), by: [by] }))).toBe('SIG_INVALID');
  });

  test('the denial names every version and where they are kept', () => {
    const of = compiled({ rules, elsewhere: known(KEY, OTHER_KEY), by: [] });
    expect(describeExpectation(policyRules(rules), of.entries)).toContain(
      `key ${KEY.fingerprint} or key ${OTHER_KEY.fingerprint} of ${KEY_URI} [trustedKeys[0]]`,
    );
  });

  const again = keyRef(KEY_URI, 'spec.trustedKeys[1]');
  const bothUris: Elsewhere = {
    keys: { [KEY_URI]: keysKnown([KEY, OTHER_KEY]), [SECOND_URI]: keysKnown([THIRD_KEY]) },
  };

  test.each<[string, PolicyRules['trustedKeys'], readonly VerificationKey[]]>([
    ['of one entry', [keyRef(), second], [KEY, OTHER_KEY]],
    ['of two entries with one reference', [keyRef(), again], [KEY, OTHER_KEY]],
    [
      'of an entry with the reference, and one with its PEM',
      [keyRef(), publicKey(OTHER_KEY, 'spec.trustedKeys[1]')],
      [KEY, OTHER_KEY],
    ],
    ['of an entry with the PEM, and one with the reference', [publicKey(KEY), again], [KEY, OTHER_KEY]],
  ])('two versions %s are one signer', (_, trustedKeys, by) => {
    const row = { rules: { trustedKeys, threshold: 2 }, elsewhere: bothUris };
    expect(codeOf(judge({ ...row, by }))).toBe('THRESHOLD');
    const withThird = [...trustedKeys.slice(0, 1), second];
    expect(
      codeOf(
        judge({ rules: { trustedKeys: withThird, threshold: 2 }, elsewhere: bothUris, by: [KEY, THIRD_KEY] }),
      ),
    ).toBe('verified');
  });

  test('the same key by PEM and by reference is one signer', () => {
    const row = (other: PolicyRules['trustedKeys'][number]) => ({
      rules: { trustedKeys: [keyRef(), other], threshold: 2 },
      elsewhere: known(KEY),
    });
    expect(codeOf(judge({ ...row(publicKey(KEY, 'spec.trustedKeys[1]')), by: [KEY, KEY] }))).toBe(
      'THRESHOLD',
    );
    expect(codeOf(judge({ ...row(publicKey(OTHER_KEY, 'spec.trustedKeys[1]')), by: [KEY, OTHER_KEY] }))).toBe(
      'verified',
    );
  });
});

describe('what an entry is bound to', () => {
  test('a key behind its certificate is another context than the bare key, and so is another root', () => {
    const certified = { ...KEY, certificate: Buffer.from('der') };
    const idOf = (key: VerificationKey, elsewhere: Elsewhere = {}): string | undefined =>
      compiled({ rules: { trustedKeys: [publicKey(key)] }, elsewhere, by: [] }).entries.usable[0]?.contexts[0]
        .id;
    const other = { roots: { 'public-good': rootKnown(root('root-2')) } };
    expect(new Set([idOf(KEY), idOf(certified), idOf(KEY, other), idOf(OTHER_KEY)]).size).toBe(4);
    expect(idOf(KEY)).toBe(idOf({ ...KEY }));
  });

  test('a TrustedSigner with a key reference keeps its switch, its expiry and its name', () => {
    const by = (changes: Parameters<typeof signer>[0], elsewhere = known(KEY)): Case => ({
      rules: { trustedKeys: [signerRef('release-ci')] },
      resources: [signer({ identity: keyRef(KEY_URI, 'spec') as never, ...changes })],
      elsewhere,
      by: [KEY],
    });
    expect(judge(by({}))).toMatchObject({
      kind: 'verified',
      signers: [{ entry: 'TrustedSigner "release-ci"' }],
    });
    expect(codeOf(judge(by({ enabled: false })))).toBe('SIGNER_DISABLED');
    expect(codeOf(judge(by({ expiresAt: NOW })))).toBe('SIGNER_EXPIRED');
    const outcome = judge(by({}, NOTHING));
    expect(outcome).toMatchObject({
      kind: 'faulted',
      faults: [{ code: 'KEY_UNAVAILABLE', detail: expect.stringContaining('TrustedSigner "release-ci": ') }],
    });
  });

  test('C15: a signer that is switched off, or has expired, is no missing answer: it vouches for nothing whatever its key is', () => {
    for (const changes of [{ enabled: false }, { expiresAt: NOW }]) {
      const row: Case = {
        rules: { trustedKeys: [signerRef('release-ci'), secondPerson] },
        resources: [signer({ identity: keyRef(KEY_URI, 'spec') as never, ...changes })],
        elsewhere: NOTHING,
        by: [KEY],
      };
      expect(judge(row).kind).toBe('violated');
      expect(
        judge({ ...row, resources: [signer({ identity: keyRef(KEY_URI, 'spec') as never })] }).kind,
      ).toBe('faulted');
    }
  });

  test('C15: a signer that is switched off is told so, also when its key has become too old', () => {
    const by = (changes: Parameters<typeof signer>[0]): string =>
      codeOf(
        judge({
          rules: { trustedKeys: [signerRef('release-ci')] },
          resources: [signer({ identity: keyRef(KEY_URI, 'spec') as never, ...changes })],
          elsewhere: STALE,
          by: [KEY],
        }),
      );
    expect(by({ enabled: false })).toBe('SIGNER_DISABLED');
    expect(by({ expiresAt: NOW })).toBe('SIGNER_EXPIRED');
    expect(by({})).toBe('fault KEY_UNAVAILABLE');
  });

  test('why a key or a root is not there is told with whose entry it is', () => {
    const said = (row: Case): unknown => {
      const outcome = judge(row);
      return outcome.kind === 'faulted' ? outcome.faults.map(({ detail }) => detail) : outcome;
    };
    expect(said({ rules: { trustedKeys: [keyRef(), second, third] }, elsewhere: STALE, by: [KEY] })).toEqual([
      expect.stringContaining('trustedKeys[1]: '),
      expect.stringContaining('trustedKeys[2]: '),
      `trustedKeys[0]: the key ${KEY_URI} could not be read again in time: no answer`,
    ]);
    expect(said({ rules: {}, elsewhere: STALE_ROOT, by: [SUBJECT] })).toEqual([
      'trustedKeys[0]: TrustRoot "public-good" has expired and could not be renewed: no answer',
    ]);
    expect(said({ rules: {}, elsewhere: NO_ROOT, by: [SUBJECT] })).toEqual([
      'trustedKeys[0]: TrustRoot "public-good" cannot be had: it was not read yet',
    ]);
  });

  test('the earlier of two ends counts, and is the one that is told', () => {
    const elsewhere: Elsewhere = {
      keys: { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW + 2 }) },
      roots: { 'public-good': rootKnown(root(), { usableUntil: NOW + 1 }) },
    };
    const at = (now: number, log: 'Required' | 'Optional') =>
      codeOf(judge({ rules: { trustedKeys: [keyRef()], ...keysWith(log) }, elsewhere, by: [KEY], now }));
    expect([at(NOW, 'Required'), at(NOW + 1, 'Required')]).toEqual([
      'verified',
      'fault TRUSTROOT_UNAVAILABLE',
    ]);
    expect([at(NOW + 1, 'Optional'), at(NOW + 2, 'Optional')]).toEqual(['verified', 'fault KEY_UNAVAILABLE']);
  });
});
