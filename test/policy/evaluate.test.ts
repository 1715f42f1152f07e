import { describe, expect, test } from '@jest/globals';
import type { PolicyRules, Resource, SigningPolicy } from '../../src/api/resources.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { ImageFacts } from '../../src/policy/image-facts.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { TrustRoot } from '../../src/sigstore/trust-root.ts';
import type { SubjectName, VerifiedSignature } from '../../src/sigstore/verified-signature.ts';
import {
  certificate,
  codeOf,
  DIGEST,
  exactText,
  factsOf,
  HOUR,
  IMAGE,
  ISSUER,
  KEY,
  KEY_CONTEXT,
  keyIdentity,
  keyless,
  NOW,
  OTHER_DIGEST,
  OTHER_KEY,
  policy,
  publicKey,
  root,
  ROOT_CONTEXT,
  signature,
  signer,
  signerRef,
  snapshotOf,
  SUBJECT,
  textPattern,
  trustRoot,
} from './builders.ts';

/** One row: what is judged. Each bad row differs from a good one in what `bad` says, and nothing else. */
interface Case {
  readonly rules?: Partial<PolicyRules>;
  readonly policy?: Partial<SigningPolicy>;
  readonly resources?: readonly Resource[];
  readonly signature?: Partial<VerifiedSignature>;
  readonly key?: boolean;
  readonly facts?: Partial<ImageFacts>;
  readonly isPod?: boolean;
  readonly now?: number;
}

function judge(row: Case): Outcome {
  const snapshot = snapshotOf(policy(row.policy ?? {}, row.rules ?? {}), ...(row.resources ?? []));
  const [compiled] = snapshot.policies;
  if (compiled === undefined) throw new Error('no policy');
  const context = row.key === true ? KEY_CONTEXT : ROOT_CONTEXT;
  const facts = factsOf({ [context]: [signature(row.signature ?? {})] }, row.facts ?? {});
  return evaluate(compiled, facts, { now: row.now ?? NOW, isPod: row.isPod ?? true });
}

const KEYED: Case = {
  key: true,
  rules: { trustedKeys: [publicKey()] },
  signature: { signer: keyIdentity() },
};
const BY_SIGNER: Case = { rules: { trustedKeys: [signerRef('release-ci')] }, resources: [signer()] };
const TIME = (signedAt: number): Partial<VerifiedSignature> => ({
  log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: signedAt }] },
});
const URI = 'https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0.0';
const named = (type: SubjectName['type'], value: string): Partial<VerifiedSignature> => ({
  signer: certificate({ names: [{ type, value }] }),
});
const subject = (value: string): Partial<PolicyRules> => ({
  trustedKeys: [keyless({ subject: exactText(value) })],
});
const pattern = (value: string): Partial<PolicyRules> => ({
  trustedKeys: [keyless({ subject: textPattern(value) })],
});

const CASES: readonly (readonly [string, string, Case, Case])[] = [
  // name, expected code, the good twin, the bad one
  ['nothing found', 'SIGNATURE_MISSING', {}, { facts: { byContext: new Map() } }],
  [
    'B2: an attestation is no signature',
    'SIGNATURE_MISSING',
    {},
    { signature: { content: { kind: 'attestation', predicateType: 'https://slsa.dev/provenance/v1' } } },
  ],
  ['A24: a signature of another image', 'DIGEST_MISMATCH', {}, { signature: { digests: [OTHER_DIGEST] } }],
  ['another subject', 'IDENTITY_MISMATCH', {}, { signature: named('email', 'evil@example.com') }],
  ['C1: a subject with a prefix', 'IDENTITY_MISMATCH', {}, { signature: named('email', `x${SUBJECT}`) }],
  [
    'C1: a pattern matches the whole string',
    'IDENTITY_MISMATCH',
    { rules: pattern('https://github\\.com/org/.*'), signature: named('uri', URI) },
    {
      rules: pattern('https://github\\.com/org/.*'),
      signature: named('uri', `https://evil.example/?${URI}`),
    },
  ],
  [
    'C1: a suffix after a pattern',
    'IDENTITY_MISMATCH',
    { rules: pattern('.*@refs/tags/v[0-9]+\\.[0-9]+\\.[0-9]+'), signature: named('uri', URI) },
    { rules: pattern('.*@refs/tags/v[0-9]+\\.[0-9]+\\.[0-9]+'), signature: named('uri', `${URI}-evil`) },
  ],
  [
    'C4: an issuer with a slash more',
    'IDENTITY_MISMATCH',
    {},
    { signature: { signer: certificate({ issuer: `${ISSUER}/` }) } },
  ],
  [
    'C4: no OIDC issuer, but an authority of that name',
    'IDENTITY_MISMATCH',
    {},
    { signature: { signer: certificate({ issuer: `CN=${ISSUER}` }) } },
  ],
  ['C6: an e-mail address as a URI', 'IDENTITY_MISMATCH', {}, { signature: named('uri', SUBJECT) }],
  [
    'C6: a URI as an e-mail address',
    'IDENTITY_MISMATCH',
    { rules: subject(URI), signature: named('uri', URI) },
    { rules: subject(URI), signature: named('email', URI) },
  ],
  [
    'C6: a username as another kind of name',
    'IDENTITY_MISMATCH',
    { rules: subject('alice!example.com'), signature: named('username', 'alice!example.com') },
    { rules: subject('alice!example.com'), signature: named('email', 'alice!example.com') },
  ],
  [
    'C6: a username where an e-mail address is expected',
    'IDENTITY_MISMATCH',
    {},
    { signature: named('username', SUBJECT) },
  ],
  [
    'C6: a pattern matches a username whole',
    'IDENTITY_MISMATCH',
    { rules: pattern('[a-z]+!example\\.com'), signature: named('username', 'alice!example.com') },
    { rules: pattern('[a-z]+!example\\.com'), signature: named('username', 'alice!example.com.evil.io') },
  ],
  ['C6: no name at all', 'IDENTITY_MISMATCH', {}, { signature: { signer: certificate({ names: [] }) } }],
  [
    'C19: another repository owner',
    'IDENTITY_MISMATCH',
    {
      rules: { trustedKeys: [keyless({ extensions: { sourceRepositoryOwnerID: '123' } })] },
      signature: { signer: certificate({ extensions: { sourceRepositoryOwnerID: '123' } }) },
    },
    {
      rules: { trustedKeys: [keyless({ extensions: { sourceRepositoryOwnerID: '123' } })] },
      signature: { signer: certificate({ extensions: { sourceRepositoryOwnerID: '1234' } }) },
    },
  ],
  [
    'C19: the extension is absent',
    'IDENTITY_MISMATCH',
    {},
    { rules: { trustedKeys: [keyless({ extensions: { runnerEnvironment: 'github-hosted' } })] } },
  ],
  ['another key', 'IDENTITY_MISMATCH', KEYED, { ...KEYED, signature: { signer: keyIdentity(OTHER_KEY) } }],
  [
    'C15: the signer is switched off',
    'SIGNER_DISABLED',
    BY_SIGNER,
    { ...BY_SIGNER, resources: [signer({ enabled: false })] },
  ],
  ['C15: the signer is deleted', 'POLICY_INVALID', BY_SIGNER, { ...BY_SIGNER, resources: [] }],
  [
    'the signer expires at this moment',
    'SIGNER_EXPIRED',
    { ...BY_SIGNER, resources: [signer({ expiresAt: NOW + 1 })] },
    { ...BY_SIGNER, resources: [signer({ expiresAt: NOW })] },
  ],
  [
    'A16: signed after the signer was retired',
    'SIGNER_EXPIRED',
    { ...BY_SIGNER, resources: [signer({ signedNotAfter: NOW - HOUR })], signature: TIME(NOW - HOUR) },
    { ...BY_SIGNER, resources: [signer({ signedNotAfter: NOW - HOUR })], signature: TIME(NOW - HOUR + 1) },
  ],
  [
    'A16: signed before the signer counts',
    'SIGNER_EXPIRED',
    { ...BY_SIGNER, resources: [signer({ signedNotBefore: NOW - HOUR })], signature: TIME(NOW - HOUR) },
    { ...BY_SIGNER, resources: [signer({ signedNotBefore: NOW - HOUR })], signature: TIME(NOW - HOUR - 1) },
  ],
  [
    'A16: bounds, and no trusted time',
    'TIME_UNTRUSTED',
    { ...BY_SIGNER, resources: [signer({ signedNotAfter: NOW })] },
    {
      ...BY_SIGNER,
      resources: [signer({ signedNotAfter: NOW })],
      signature: {
        log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: undefined }] },
      },
    },
  ],
  [
    'A14: signed in the future',
    'TIME_UNTRUSTED',
    { signature: TIME(NOW + 4 * 60_000) },
    { signature: TIME(NOW + 6 * 60_000) },
  ],
  [
    'A5: not in a log that the root requires',
    'TLOG_MISSING',
    {},
    { signature: { log: { state: 'absent' } } },
  ],
  [
    'a key needs the log too',
    'TLOG_MISSING',
    KEYED,
    { ...KEYED, signature: { signer: keyIdentity(), log: { state: 'absent' } } },
  ],
  [
    'a key with an invalid log entry',
    'TLOG_INVALID',
    KEYED,
    {
      ...KEYED,
      signature: {
        signer: keyIdentity(),
        log: { state: 'invalid', code: 'TLOG_INVALID', detail: 'bad promise' },
      },
    },
  ],
  [
    'a timestamp that the policy requires',
    'TIME_UNTRUSTED',
    {
      rules: requireTimestamp(),
      signature: { timestamps: { state: 'valid', proofs: [{ authority: 'tsa', signedAt: NOW - HOUR }] } },
    },
    { rules: requireTimestamp() },
  ],
  [
    'one signer for two entries',
    'THRESHOLD',
    {},
    {
      rules: { trustedKeys: [keyless(), keyless({ field: 'spec.trustedKeys[1]' })], threshold: 2 },
    },
  ],
  [
    'a threshold that the usable entries cannot reach',
    'THRESHOLD',
    {},
    { rules: { trustedKeys: [keyless(), signerRef('missing')], threshold: 2 } },
  ],
  [
    'a digest that nothing here can bind, and nobody could revoke',
    'UNSUPPORTED',
    { rules: { requireSignature: false, revokedDigests: new Set([OTHER_DIGEST]) } },
    {
      rules: { requireSignature: false, revokedDigests: new Set([OTHER_DIGEST]) },
      facts: { digest: { kind: 'known', digest: `sha512:${'d'.repeat(128)}`, withPullSecret: false } },
    },
  ],
  ['a revoked digest', 'DIGEST_REVOKED', {}, { rules: { revokedDigests: new Set([DIGEST]) } }],
  [
    'D1: a Pod with a tag, under Pin',
    'TAG_NOT_PINNED',
    {},
    { facts: { reference: parseImageReference('ghcr.io/org/server:v1') } },
  ],
  [
    'a template with a tag, under RequireDigest',
    'DIGEST_REQUIRED',
    { isPod: false, rules: { tagPolicy: 'RequireDigest' } },
    {
      isPod: false,
      rules: { tagPolicy: 'RequireDigest' },
      facts: { reference: parseImageReference('ghcr.io/org/server:v1') },
    },
  ],
  [
    'H3: a policy with a problem',
    'POLICY_INVALID',
    {},
    { policy: { rules: undefined, problems: [{ field: 'spec.threshold', message: 'must be a number' }] } },
  ],
  ['H4: a trust root that is missing', 'POLICY_INVALID', {}, { rules: { trustRoot: 'private' } }],
  [
    'an image reference that no node accepts',
    'REF_INVALID',
    {},
    { facts: { reference: { problem: 'bad' } } },
  ],
  [
    'a registry that is down',
    'fault REGISTRY_UNREACHABLE',
    {},
    { facts: { byContext: new Map(), faults: [{ code: 'REGISTRY_UNREACHABLE', detail: 'down' }] } },
  ],
  [
    'a tag that nobody could resolve',
    'fault REGISTRY_UNREACHABLE',
    {},
    { facts: { digest: { kind: 'fault', fault: { code: 'REGISTRY_UNREACHABLE', detail: 'down' } } } },
  ],
  [
    'a manifest above the limit',
    'LIMIT',
    {},
    { facts: { digest: { kind: 'refused', violation: { code: 'LIMIT', detail: 'manifest' } } } },
  ],
  ...(['SIG_INVALID', 'CERT_INVALID', 'TLOG_MISMATCH', 'MALFORMED', 'UNSUPPORTED', 'LIMIT'] as const).map(
    (code): readonly [string, string, Case, Case] => [
      `evidence refused with ${code}`,
      code,
      {},
      { facts: { byContext: new Map([[ROOT_CONTEXT, [{ source: 'referrer', code, detail: 'bad' }]]]) } },
    ],
  ),
];

function requireTimestamp(): Partial<PolicyRules> {
  return {
    transparency: {
      keyless: { log: 'Optional', timestamp: 'Required' },
      keys: { log: 'Required', timestamp: 'Optional' },
    },
  };
}

describe('one image under one policy', () => {
  test.each(CASES)('%s: %s', (_name, code, good, bad) => {
    expect(codeOf(judge(good))).toBe('verified');
    expect(codeOf(judge(bad))).toBe(code);
  });

  test('what is known to be enough admits, whatever else could not be looked at or was bad', () => {
    const fault = { code: 'REGISTRY_ERROR' as const, detail: 'one referrer' };
    const refused = { source: 'referrer 9', code: 'MALFORMED' as const, detail: 'junk' };
    expect(codeOf(judge({ facts: { faults: [fault], refused: [refused] } }))).toBe('verified');
    expect(codeOf(judge({ facts: { byContext: new Map(), refused: [refused] } }))).toBe('MALFORMED');
  });

  test('what cannot be met, whatever the missing answer is, is a no and not a fault', () => {
    const faults = [{ code: 'REGISTRY_ERROR' as const, detail: 'down' }];
    expect(codeOf(judge({ facts: { byContext: new Map(), faults } }))).toBe('fault REGISTRY_ERROR');
    const revoked = { revokedDigests: new Set([DIGEST]) };
    expect(codeOf(judge({ rules: revoked, facts: { byContext: new Map(), faults } }))).toBe('DIGEST_REVOKED');
    const unreachable = { trustedKeys: [keyless(), signerRef('missing')], threshold: 2 };
    expect(codeOf(judge({ rules: unreachable, facts: { byContext: new Map(), faults } }))).toBe('THRESHOLD');
  });

  test('keys: the policy may ignore the log, and then a bad entry in it does no harm and gives no time', () => {
    const ignoring = {
      trustedKeys: [publicKey()],
      transparency: {
        keyless: { log: 'Optional', timestamp: 'Optional' },
        keys: { log: 'Ignored', timestamp: 'Ignored' },
      },
    } satisfies Partial<PolicyRules>;
    const badLog = { state: 'invalid', code: 'TLOG_INVALID', detail: 'bad' } as const;
    const keyed = { key: true, rules: ignoring, signature: { signer: keyIdentity(), log: badLog } };
    expect(codeOf(judge(keyed))).toBe('verified');
    const optional = {
      ...ignoring,
      transparency: { ...ignoring.transparency, keys: { log: 'Optional', timestamp: 'Optional' } },
    };
    expect(codeOf(judge({ ...keyed, rules: optional as Partial<PolicyRules> }))).toBe('TLOG_INVALID');
    const bounded = signer({
      identity: publicKey() as never,
      signedNotAfter: NOW,
    });
    const outcome = judge({
      key: true,
      rules: { ...ignoring, trustedKeys: [signerRef('release-ci')] },
      resources: [bounded],
      signature: { signer: keyIdentity(), ...TIME(NOW - HOUR) },
    });
    expect(codeOf(outcome)).toBe('TIME_UNTRUSTED');
  });

  test('A16: keys: what nothing dates counts within the dates of the certificate that the key was given as', () => {
    const dated = (notBefore: number, notAfter: number, signed: Partial<VerifiedSignature> = {}): string => {
      const key = { ...KEY, validity: { notBefore, notAfter } };
      const transparency = {
        keyless: { log: 'Optional', timestamp: 'Optional' },
        keys: { log: 'Optional', timestamp: 'Optional' },
      } as const;
      const rules = { trustedKeys: [publicKey(key)], transparency };
      const undated = { signer: keyIdentity(), log: { state: 'absent' } } as const;
      return codeOf(judge({ key: true, rules, signature: { ...undated, ...signed } }));
    };
    expect(dated(NOW, NOW)).toBe('verified');
    expect(dated(NOW - HOUR, NOW - 1)).toBe('TIME_UNTRUSTED');
    expect(dated(NOW + 1, NOW + HOUR)).toBe('TIME_UNTRUSTED');
    // Rekor v2 tells no time; what does was held against the dates when it was verified.
    const untimed = { logId: 'aa', logIndex: '1', integratedAt: undefined };
    expect(dated(NOW - HOUR, NOW - 1, { log: { state: 'valid', proofs: [untimed] } })).toBe('TIME_UNTRUSTED');
    expect(dated(NOW - HOUR, NOW - 1, TIME(NOW - HOUR))).toBe('verified');
  });

  test('under Warn and Audit a tag is no violation of Pin: Enforce would have had it pinned', () => {
    const facts = { reference: parseImageReference('ghcr.io/org/server:v1') };
    expect(codeOf(judge({ facts }))).toBe('TAG_NOT_PINNED');
    expect(codeOf(judge({ facts, policy: { mode: 'Warn' } }))).toBe('verified');
    expect(codeOf(judge({ facts, policy: { mode: 'Audit' } }))).toBe('verified');
  });

  test('a tag that could not be pinned because it cannot be resolved: told as what it is', () => {
    const reference = parseImageReference('ghcr.io/org/server:v1');
    const fault = { code: 'REGISTRY_AUTH', detail: 'refused' } as const;
    const facts = { reference, digest: { kind: 'fault', fault } } as const;
    expect(judge({ facts })).toEqual({ kind: 'faulted', faults: [fault] });
    expect(codeOf(judge({ facts, rules: { tagPolicy: 'RequireDigest' } }))).toBe('DIGEST_REQUIRED');
    expect(codeOf(judge({ facts: { reference } }))).toBe('TAG_NOT_PINNED');
  });

  test('Resolve verifies a tag as it resolves now, and says so', () => {
    const outcome = judge({
      rules: { tagPolicy: 'Resolve' },
      facts: { reference: parseImageReference('ghcr.io/org/server:v1') },
    });
    expect(outcome).toMatchObject({
      kind: 'verified',
      warnings: [expect.stringContaining('ghcr.io/org/server:v1')],
    });
    expect(judge({ rules: { tagPolicy: 'Resolve' } })).toMatchObject({ kind: 'verified', warnings: [] });
  });

  test('B2: a refused attestation does not make an unsigned image a signed one', () => {
    const refused = { source: 'referrer', code: 'SIG_INVALID', detail: 'bad' } as const;
    const by = (fact: typeof refused & { claims?: 'attestation' }): string =>
      codeOf(judge({ facts: { byContext: new Map([[ROOT_CONTEXT, [fact]]]) } }));
    expect(by(refused)).toBe('SIG_INVALID');
    expect(by({ ...refused, claims: 'attestation' })).toBe('SIGNATURE_MISSING');
  });

  test('the reason that is nearest to success is told first', () => {
    const outcome = judge({
      facts: {
        byContext: new Map([
          [
            ROOT_CONTEXT,
            [
              { source: 'a', code: 'MALFORMED', detail: 'junk' },
              signature({ source: 'b', signer: certificate({ issuer: 'https://evil.example' }) }),
            ],
          ],
        ]),
      },
    });
    expect(outcome.kind === 'violated' && outcome.violations.map(({ code }) => code)).toEqual([
      'IDENTITY_MISMATCH',
      'MALFORMED',
    ]);
  });

  test('a broken entry never matches, and the others still count', () => {
    const broken = {
      kind: 'broken',
      field: 'spec.trustedKeys[1]',
      problem: { field: 'spec.trustedKeys[1].publicKey.pem', message: 'not PEM' },
    } as const;
    expect(codeOf(judge({ rules: { trustedKeys: [keyless(), broken] } }))).toBe('verified');
    const outcome = judge({ rules: { trustedKeys: [broken] } });
    expect(outcome).toMatchObject({
      kind: 'violated',
      violations: [{ code: 'POLICY_INVALID', detail: expect.stringContaining('publicKey.pem: not PEM') }],
    });
  });
});

describe('what cannot be relied on vouches for nothing', () => {
  test('H3: a built-in trust root whose replacement is broken is not fallen back to', () => {
    const replaced = (of: TrustRoot | undefined): Resource => trustRoot('public-good', of);
    expect(codeOf(judge({ resources: [replaced(root())] }))).toBe('verified');
    expect(codeOf(judge({ resources: [replaced(undefined)] }))).toBe('POLICY_INVALID');
  });

  test('H3: a signer with a date that cannot be read', () => {
    const problems = [{ field: 'spec.expiresAt', message: 'not a date' }];
    expect(codeOf(judge(BY_SIGNER))).toBe('verified');
    expect(codeOf(judge({ ...BY_SIGNER, resources: [signer({ problems })] }))).toBe('POLICY_INVALID');
  });
});

describe('A12: thresholds count distinct logs and authorities', () => {
  const withRoot = (requires: Partial<TrustRoot['requires']>, of: Partial<VerifiedSignature>): string => {
    const strict = trustRoot('strict', root('root-2', requires));
    const facts = { byContext: new Map([['root root-2', [signature(of)]]]) };
    return codeOf(judge({ rules: { trustRoot: 'strict' }, resources: [strict], facts }));
  };
  const entries = (...logs: string[]): Partial<VerifiedSignature> => ({
    log: {
      state: 'valid',
      proofs: logs.map((logId, n) => ({ logId, logIndex: `${n}`, integratedAt: NOW - HOUR })),
    },
  });
  const stamps = (...authorities: string[]): Partial<VerifiedSignature> => ({
    timestamps: {
      state: 'valid',
      proofs: authorities.map((authority) => ({ authority, signedAt: NOW - HOUR })),
    },
  });

  test('two logs', () => {
    expect(withRoot({ logEntries: 2 }, entries('aa', 'bb'))).toBe('verified');
    expect(withRoot({ logEntries: 2 }, entries('aa', 'aa'))).toBe('THRESHOLD');
    expect(withRoot({ logEntries: 2 }, entries('aa'))).toBe('THRESHOLD');
  });

  test('two timestamp authorities', () => {
    expect(withRoot({ timestamps: 2 }, stamps('a', 'b'))).toBe('verified');
    expect(withRoot({ timestamps: 2 }, stamps('a', 'a'))).toBe('THRESHOLD');
    expect(withRoot({ timestamps: 1 }, {})).toBe('TIME_UNTRUSTED');
  });
});

describe('threshold: distinct signers', () => {
  const two = (...names: string[]): VerifiedSignature[] =>
    names.map((value) => signature({ signer: certificate({ names: [{ type: 'email', value }] }) }));
  const entry = (value: string, index: number): ReturnType<typeof keyless> =>
    keyless({ field: `spec.trustedKeys[${index}]`, subject: exactText(value) });
  const judgeTwo = (
    trustedKeys: PolicyRules['trustedKeys'],
    signatures: readonly VerifiedSignature[],
  ): string => {
    const facts = { byContext: new Map([[ROOT_CONTEXT, signatures]]) };
    return codeOf(judge({ rules: { trustedKeys, threshold: 2 }, facts }));
  };

  test('two entries matched by two people count, one person twice does not', () => {
    const entries = [entry('a@example.com', 0), entry('b@example.com', 1)];
    expect(judgeTwo(entries, two('a@example.com', 'b@example.com'))).toBe('verified');
    expect(judgeTwo(entries, two('a@example.com', 'a@example.com'))).toBe('THRESHOLD');
  });

  test('one person that two entries describe counts once', () => {
    const loose = keyless({ field: 'spec.trustedKeys[1]', subject: textPattern('[ab]@example\\.com') });
    expect(judgeTwo([entry('a@example.com', 0), loose], two('a@example.com'))).toBe('THRESHOLD');
    expect(judgeTwo([entry('a@example.com', 0), loose], two('a@example.com', 'b@example.com'))).toBe(
      'verified',
    );
    // The loose entry could take either signature; the exact one only the first: the pairing must be found in any order.
    expect(judgeTwo([loose, entry('a@example.com', 0)], two('a@example.com', 'b@example.com'))).toBe(
      'verified',
    );
  });

  test('two certificates that share a name are one identity', () => {
    const both = signature({
      signer: certificate({
        names: [
          { type: 'email', value: 'a@example.com' },
          { type: 'email', value: 'b@example.com' },
        ],
      }),
    });
    const entries = [entry('a@example.com', 0), entry('b@example.com', 1)];
    expect(judgeTwo(entries, [both, ...two('a@example.com')])).toBe('THRESHOLD');
  });

  test('one person through two trust roots counts once', () => {
    const other = trustRoot('copy', root('root-2'));
    const trustedKeys = [keyless(), keyless({ field: 'spec.trustedKeys[1]', trustRoot: 'copy' })];
    const bySecond = (value: string): VerifiedSignature =>
      signature({ signer: certificate({ trustRoot: 'root-2', names: [{ type: 'email', value }] }) });
    const judgeBoth = (second: VerifiedSignature, keys: PolicyRules['trustedKeys']): string => {
      const facts = {
        byContext: new Map([
          [ROOT_CONTEXT, [signature()]],
          ['root root-2', [second]],
        ]),
      };
      return codeOf(judge({ rules: { trustedKeys: keys, threshold: 2 }, resources: [other], facts }));
    };
    expect(judgeBoth(bySecond(SUBJECT), trustedKeys)).toBe('THRESHOLD');
    const another = [
      keyless(),
      keyless({ field: 'spec.trustedKeys[1]', trustRoot: 'copy', subject: exactText('b@example.com') }),
    ];
    expect(judgeBoth(bySecond('b@example.com'), another)).toBe('verified');
  });

  test('one key through two entries counts once', () => {
    const keys = [publicKey(), publicKey(KEY, 'spec.trustedKeys[1]')];
    const signatures = [signature({ signer: keyIdentity() }), signature({ signer: keyIdentity() })];
    const facts = { byContext: new Map([[KEY_CONTEXT, signatures]]) };
    expect(codeOf(judge({ rules: { trustedKeys: keys, threshold: 2 }, facts }))).toBe('THRESHOLD');
    expect(codeOf(judge({ rules: { trustedKeys: keys, threshold: 1 }, facts }))).toBe('verified');
  });
});

test('the good case names its signer and the time of signing', () => {
  expect(judge({})).toEqual({
    kind: 'verified',
    signers: [
      {
        entry: 'trustedKeys[0]',
        identity: `${SUBJECT} (issuer ${ISSUER})`,
        issuer: ISSUER,
        signedAt: NOW - HOUR,
      },
    ],
    warnings: [],
  });
  expect(IMAGE).toContain(DIGEST);
});
