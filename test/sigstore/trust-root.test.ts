import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { GITHUB, parseTrustRoot, PRIVATE_INSTANCE, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import {
  basicConstraints,
  distinguishedName,
  EKU_CODE_SIGNING,
  EKU_SERVER_AUTH,
  extendedKeyUsage,
  extension,
  makeCertificate,
  newKeyPair,
  spki,
} from '../support/fixtures-certificates.ts';
import { sequence } from '../support/fixtures-der.ts';
import { createTimestampAuthority } from '../support/fixtures-timestamps.ts';
import { INSTANCE_END, INSTANCE_START, type TrustedRootJson } from '../support/fixtures.ts';
import { codeOf, D, first, FS, mutated, rootContext } from './support.ts';

const GOOD = FS.trustedRoot();

/** The code with which a root is refused; `parsed` when it is not. */
function rootCode(json: unknown, requires = PUBLIC_GOOD): string {
  try {
    parseTrustRoot(json, requires);
    return 'parsed';
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return thrown.code;
  }
}

const changed = (change: (root: TrustedRootJson) => void) => rootCode(mutated(GOOD, change));

test('the public good instance of today', () => {
  interface Seeds {
    readonly [url: string]: { readonly targets: Readonly<Record<string, string>> };
  }
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json') as Seeds;
  const target = seeds['https://tuf-repo-cdn.sigstore.dev']?.targets['trusted_root.json'] ?? '';
  const json: unknown = JSON.parse(Buffer.from(target, 'base64').toString());
  const root = parseTrustRoot(json, PUBLIC_GOOD);
  expect(root.logs.length).toBeGreaterThanOrEqual(2);
  expect(root.certificateAuthorities.length).toBeGreaterThanOrEqual(1);
  expect(root.ctLogs.length).toBeGreaterThanOrEqual(1);
  expect(root.fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
});

describe('A11: periods', () => {
  test('A11: a start that is missing, or an end before it, is refused at load', () => {
    expect(rootCode(GOOD)).toBe('parsed');
    for (const list of ['tlogs', 'ctlogs'] as const) {
      expect(changed((root) => delete first(root[list]).publicKey.validFor.start)).toBe('MALFORMED');
      expect(changed((root) => (first(root[list]).publicKey.validFor.end = '2025-12-31T00:00:00Z'))).toBe(
        'MALFORMED',
      );
      expect(
        changed((root) => (first(root[list]).publicKey.validFor.end = INSTANCE_START.toISOString())),
      ).toBe('parsed');
      expect(changed((root) => Object.assign(first(root[list]).publicKey, { validFor: undefined }))).toBe(
        'MALFORMED',
      );
    }
    for (const list of ['certificateAuthorities', 'timestampAuthorities'] as const) {
      expect(changed((root) => delete first(root[list]).validFor.start)).toBe('MALFORMED');
      expect(changed((root) => (first(root[list]).validFor.end = '2025-12-31T00:00:00Z'))).toBe('MALFORMED');
      expect(changed((root) => Object.assign(first(root[list]), { validFor: null }))).toBe('MALFORMED');
    }
  });

  test('A11: times that are none', () => {
    for (const start of [
      '',
      'yesterday',
      '2026',
      '2026-13-01T00:00:00Z',
      '2026-01-01',
      'Thu, 01 Jan 2026 00:00:00 GMT',
    ]) {
      expect(changed((root) => (first(root.tlogs).publicKey.validFor.start = start))).toBe('MALFORMED');
    }
    expect(
      changed((root) => (first(root.tlogs).publicKey.validFor.start = '2026-01-01T01:00:00+01:00')),
    ).toBe('parsed');
  });

  test('A11: two authorities of which only the expired one matches', () => {
    const expired = rootContext((root) => {
      const other = structuredClone(first(root.certificateAuthorities));
      first(root.certificateAuthorities).validFor.end = '2026-05-31T00:00:00Z';
      other.certChain.certificates = first(root.timestampAuthorities).certChain.certificates.slice(1);
      root.certificateAuthorities.push(other);
    });
    const bundle = FS.signStatement({ digests: [D] });
    expect(codeOf(bundle)).toBe('verified');
    expect(codeOf(bundle, expired)).toBe('CERT_INVALID');
  });
});

describe('what a root may hold', () => {
  test('A18: a timestamp authority whose certificate is not for time stamping', () => {
    const tsa = (purposes?: readonly string[]) =>
      createTimestampAuthority({
        name: 'tsa',
        notBefore: INSTANCE_START,
        notAfter: INSTANCE_END,
        ...(purposes === undefined ? {} : { purposes }),
      });
    const trusting = (chain: readonly Buffer[]) =>
      changed((root) => {
        const certificates = chain.map((der) => ({ rawBytes: der.toString('base64') }));
        first(root.timestampAuthorities).certChain = { certificates };
      });
    expect(trusting(tsa().chain)).toBe('parsed');
    expect(trusting(tsa([EKU_SERVER_AUTH]).chain)).toBe('UNSUPPORTED');
    expect(trusting(tsa().chain.toReversed())).toBe('UNSUPPORTED');
    expect(trusting([])).toBe('MALFORMED');
  });

  test('authorities that are bound in ways that nobody would act on', () => {
    const period = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };
    const trusting = (...extensions: readonly Buffer[]) => {
      const keys = newKeyPair('P-384');
      const name = distinguishedName('bound');
      const der = makeCertificate({
        subject: name,
        issuer: { name, keys },
        publicKey: keys.publicKey,
        ...period,
        extensions: [basicConstraints(true), ...extensions],
      });
      return changed((root) => {
        first(root.certificateAuthorities).certChain = {
          certificates: [{ rawBytes: der.toString('base64') }],
        };
      });
    };
    expect(trusting()).toBe('parsed');
    expect(trusting(extendedKeyUsage(EKU_CODE_SIGNING))).toBe('parsed');
    expect(trusting(extendedKeyUsage('2.5.29.37.0'))).toBe('parsed');
    expect(trusting(extendedKeyUsage(EKU_SERVER_AUTH))).toBe('UNSUPPORTED');
    expect(trusting(extension('2.5.29.30', sequence(), true))).toBe('UNSUPPORTED');
    expect(trusting(extension('2.5.29.30', sequence()))).toBe('UNSUPPORTED');
    expect(trusting(extension('1.2.3.4', sequence(), true))).toBe('UNSUPPORTED');
    expect(trusting(extension('1.2.3.4', sequence()))).toBe('parsed');
  });

  test('counts, sizes and keys are bounded', () => {
    const many = <T>(value: T, count: number) => Array.from({ length: count }, () => value);
    expect(changed((root) => (root.tlogs = many(first(root.tlogs), 33)))).toBe('LIMIT');
    expect(
      changed((root) => {
        const { certChain } = first(root.certificateAuthorities);
        certChain.certificates = many(first(certChain.certificates), LIMITS.chainCertificates + 1);
      }),
    ).toBe('LIMIT');
    const rawBytes = Buffer.alloc(LIMITS.certificateBytes + 1).toString('base64');
    expect(
      changed((root) => (first(root.certificateAuthorities).certChain.certificates = [{ rawBytes }])),
    ).toBe('LIMIT');
    const dsa = spki(newKeyPair('rsa-2048').publicKey).toString('base64');
    expect(changed((root) => (first(root.tlogs).publicKey.rawBytes = dsa))).toBe('parsed');
    expect(changed((root) => (first(root.tlogs).publicKey.rawBytes = 'AAAA'))).toBe('MALFORMED');
    expect(changed((root) => (first(root.tlogs).publicKey.rawBytes = '!'))).toBe('MALFORMED');
  });

  test('documents that are no trust root', () => {
    for (const json of [null, undefined, [], 'x', 7, {}, { ...GOOD, mediaType: 'application/json' }]) {
      expect(rootCode(json)).toBe('MALFORMED');
    }
    expect(rootCode({ ...GOOD, tlogs: {} })).toBe('MALFORMED');
    expect(rootCode({ ...GOOD, certificate_authorities: [] })).toBe('MALFORMED');
    expect(rootCode({ ...GOOD, mediaType: 'application/vnd.dev.sigstore.trustedroot.v0.2+json' })).toBe(
      'parsed',
    );
  });

  test('requirements that the root cannot meet, or that are no numbers', () => {
    expect(rootCode({ ...GOOD, ctlogs: [] })).toBe('MALFORMED');
    expect(rootCode({ ...GOOD, ctlogs: [] }, PRIVATE_INSTANCE)).toBe('parsed');
    expect(rootCode({ ...GOOD, tlogs: [] }, PRIVATE_INSTANCE)).toBe('MALFORMED');
    expect(rootCode({ ...GOOD, tlogs: [] }, GITHUB)).toBe('parsed');
    expect(rootCode({ ...GOOD, timestampAuthorities: [] }, GITHUB)).toBe('MALFORMED');
    for (const logEntries of [-1, 0.5, Number.NaN, 9]) {
      expect(rootCode(GOOD, { ...PUBLIC_GOOD, logEntries })).toBe('MALFORMED');
    }
  });
});

describe('fingerprint', () => {
  const fingerprint = (change: (root: TrustedRootJson) => void, requires = PUBLIC_GOOD) =>
    parseTrustRoot(mutated(GOOD, change), requires).fingerprint;

  test('changes with everything that verification reads', () => {
    const changes = [
      fingerprint(() => {}),
      fingerprint(() => {}, { ...PUBLIC_GOOD, scts: 0 }),
      fingerprint(() => {}, { ...PUBLIC_GOOD, logEntries: 2 }),
      fingerprint(() => {}, { ...PUBLIC_GOOD, timestamps: 1 }),
      fingerprint((root) => (first(root.tlogs).publicKey.validFor.end = '2029-01-01T00:00:00Z')),
      fingerprint((root) => (first(root.ctlogs).publicKey.validFor.start = '2026-01-02T00:00:00Z')),
      fingerprint((root) => (first(root.tlogs).baseUrl = 'https://elsewhere.example')),
      fingerprint((root) => (first(root.certificateAuthorities).validFor.end = '2029-01-01T00:00:00Z')),
      fingerprint((root) => (root.timestampAuthorities = [])),
      fingerprint((root) => first(root.certificateAuthorities).certChain.certificates.pop()),
      fingerprint((root) => root.tlogs.pop()),
      fingerprint((root) => {
        root.certificateAuthorities.push(structuredClone(first(root.certificateAuthorities)));
      }),
    ];
    expect(new Set(changes).size).toBe(changes.length);
  });

  test('does not change with what verification never reads', () => {
    const reordered = Object.fromEntries(Object.entries(GOOD).toReversed());
    expect(parseTrustRoot(reordered, PUBLIC_GOOD).fingerprint).toBe(fingerprint(() => {}));
    expect(fingerprint((root) => (first(root.certificateAuthorities).uri = 'https://x'))).toBe(
      fingerprint(() => {}),
    );
  });
});
