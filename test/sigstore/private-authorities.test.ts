import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { PRIVATE_INSTANCE } from '../../src/sigstore/trust-root.ts';
import type { CertificateIdentity } from '../../src/sigstore/verified-signature.ts';
import {
  basicConstraints,
  EKU_CODE_SIGNING,
  EKU_SERVER_AUTH,
  extendedKeyUsage,
  extension,
  keyUsage,
  makeAuthority,
  nameOf,
  newKeyPair,
  type Authority,
  type AuthorityOptions,
} from '../support/fixtures-certificates.ts';
import { sequence, tlv, utf8 } from '../support/fixtures-der.ts';
import { pem } from '../support/fixtures-logs.ts';
import { after, GOLD_TIME, INSTANCE_END, INSTANCE_START, type LeafOptions } from '../support/fixtures.ts';
import { codeOf, D, first, FS, mustVerify, rootContext } from './support.ts';

const PERIOD = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };
const O = '2.5.4.10';
const CN = '2.5.4.3';
const corpName = nameOf([O, utf8('Corp')], [CN, utf8('Corp Root')]);
const ROOT_CA = makeAuthority({ name: '', subject: corpName, ...PERIOD });

/** A trust root with the corporate authority alone, as its owner writes it: no CT log, no Fulcio. */
const trusting = (...authorities: readonly Authority[]) =>
  rootContext((root) => {
    const certificates = authorities.map(({ der }) => ({ rawBytes: der.toString('base64') }));
    first(root.certificateAuthorities).certChain = { certificates };
    root.ctlogs = [];
  }, PRIVATE_INSTANCE);
const CONTEXT = trusting(ROOT_CA);

const below = (issuer: Authority, options: Partial<AuthorityOptions> = {}): Authority =>
  makeAuthority({
    name: '',
    subject: nameOf([O, utf8('Corp')], [CN, utf8('Corp Code Signing')]),
    issuer,
    pathLength: 0,
    ...PERIOD,
    ...options,
  });

/** Each storage form, with the certificates that come with the leaf. */
function formsBy(issuedBy: Authority, chain: readonly Authority[] = [], by: LeafOptions = {}) {
  const leaf = FS.issue({ issuedBy, sctBy: [], issuer: null, email: 'build@corp.example', ...by });
  const options = { leaf, log: 'v1', chain: chain.map(({ der }) => der) } as const;
  return [
    FS.signStatement({ digests: [D], ...options }),
    FS.signSimple({ digest: D, ...options }),
    FS.signEnvelope({ digests: [D], ...options }),
  ];
}

const codesOf = (...args: Parameters<typeof formsBy>) => [
  ...new Set(formsBy(...args).map((evidence) => codeOf(evidence, CONTEXT))),
];
const issuerOf = (evidence: ReturnType<typeof formsBy>[number], context = CONTEXT) =>
  (mustVerify(evidence, context).signer as CertificateIdentity).issuer;

describe('a certificate without an OIDC issuer', () => {
  test('has the name of the authority that signed it', () => {
    for (const evidence of formsBy(ROOT_CA)) expect(issuerOf(evidence)).toBe('CN=Corp Root,O=Corp');
    const sub = below(ROOT_CA);
    for (const evidence of formsBy(sub, [sub])) {
      expect(issuerOf(evidence)).toBe('CN=Corp Code Signing,O=Corp');
    }
    for (const evidence of formsBy(sub)) {
      expect(issuerOf(evidence, trusting(sub, ROOT_CA))).toBe('CN=Corp Code Signing,O=Corp');
    }
  });

  test('A21: an authority that is listed with its intermediates takes none from the artifact, whatever it is called', () => {
    const genuine = below(ROOT_CA);
    const department = makeAuthority({
      name: '',
      subject: nameOf([O, utf8('Corp')], [CN, utf8('Department')]),
      issuer: ROOT_CA,
      ...PERIOD,
    });
    const impostor = below(department);
    const listed = trusting(genuine, ROOT_CA);
    for (const evidence of formsBy(genuine)) {
      expect(issuerOf(evidence, listed)).toBe('CN=Corp Code Signing,O=Corp');
    }
    for (const evidence of formsBy(impostor, [impostor, department])) {
      expect(codeOf(evidence, listed)).toBe('CERT_INVALID');
      // The root alone vouches for everybody below it.
      expect(issuerOf(evidence)).toBe('CN=Corp Code Signing,O=Corp');
    }
  });

  test('C4: one that names an issuer keeps it', () => {
    for (const by of [
      { issuer: 'https://idp.corp.example' },
      { issuer: null, rawIssuer: 'https://idp.corp.example' },
    ]) {
      for (const evidence of formsBy(ROOT_CA, [], by)) {
        expect(issuerOf(evidence)).toBe('https://idp.corp.example');
      }
    }
  });

  test.each([
    [nameOf([CN, utf8('A,B+C="D";<E>\\')]), 'CN=A\\,B\\+C=\\"D\\"\\;\\<E\\>\\\\'],
    [nameOf([CN, utf8(' #x ')]), 'CN=\\ #x\\ '],
    [nameOf([CN, utf8('#x')]), 'CN=\\#x'],
    [nameOf([CN, utf8('a\nb\0')]), 'CN=a\\0ab\\00'],
    [nameOf([CN, utf8('Société')]), 'CN=Société'],
    [nameOf([CN, tlv(0x13, Buffer.from('Printable'))]), 'CN=Printable'],
    [nameOf([CN, tlv(0x1e, Buffer.from('0041', 'hex'))]), 'CN=#1e020041'],
    [nameOf([CN, tlv(0x0c, Buffer.of(0xff))]), 'CN=#0c01ff'],
    [nameOf(['2.5.4.97', utf8('X')]), '2.5.4.97=#0c0158'],
    [
      nameOf(['0.9.2342.19200300.100.1.25', tlv(0x16, Buffer.from('corp'))], ['2.5.4.11', utf8('CI')]),
      'OU=CI,DC=corp',
    ],
  ])('names are written as RFC 4514 says (%#)', (subject, text) => {
    const authority = makeAuthority({ name: '', subject, ...PERIOD });
    const [evidence] = formsBy(authority);
    if (evidence === undefined) throw new Error('there is no evidence');
    expect(issuerOf(evidence, trusting(authority))).toBe(text);
  });

  test('C6: a common name is no identity', () => {
    expect(codesOf(ROOT_CA)).toEqual(['verified']);
    expect(codesOf(ROOT_CA, [], { names: [] })).toEqual(['CERT_INVALID']);
  });
});

describe('A21: certificates that come with the signature', () => {
  const sub = below(ROOT_CA);

  test('A21: an intermediate that the root vouches for, in any order and beside others', () => {
    expect(codesOf(sub, [sub])).toEqual(['verified']);
    expect(codesOf(sub)).toEqual(['CERT_INVALID']);
    const upper = below(ROOT_CA, { subject: nameOf([CN, utf8('upper')]), pathLength: 1 });
    const lower = below(upper);
    expect(codesOf(lower, [lower, upper])).toEqual(['verified']);
    expect(codesOf(lower, [upper, lower])).toEqual(['verified']);
    expect(codesOf(lower, [lower])).toEqual(['CERT_INVALID']);
  });

  test('A21: the trusted root comes with signatures of cosign 1 and 2, and is refused in a bundle', () => {
    for (const chain of [
      [sub, ROOT_CA],
      [ROOT_CA, sub],
    ]) {
      const [bundle, ...legacy] = formsBy(sub, chain);
      expect(codeOf(bundle, CONTEXT)).toBe('CERT_INVALID');
      expect(legacy.map((evidence) => codeOf(evidence, CONTEXT))).toEqual(['verified', 'verified']);
    }
    expect(codesOf(sub, [sub])).toEqual(['verified']);
    // In each version that has chains, and whether or not the chain is needed.
    for (const version of ['0.1', '0.2']) {
      const withChain = (chain: readonly Authority[]) => {
        const [bundle] = formsBy(ROOT_CA, chain);
        return codeOf(
          { ...bundle, mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}` },
          CONTEXT,
        );
      };
      expect(withChain([])).toBe('verified');
      expect(withChain([sub])).toBe('verified');
      expect(withChain([ROOT_CA])).toBe('CERT_INVALID');
    }
  });

  test('A21: a root that comes with the signature is none', () => {
    const evil = makeAuthority({ name: 'evil', ...PERIOD });
    const twin = makeAuthority({ name: '', subject: corpName, ...PERIOD });
    expect(codesOf(sub, [sub])).toEqual(['verified']);
    for (const authority of [evil, twin]) {
      expect(codesOf(authority, [authority])).toEqual(['CERT_INVALID']);
      const under = below(authority);
      expect(codesOf(under, [under, authority])).toEqual(['CERT_INVALID']);
      expect(codesOf(under, [under, authority, ROOT_CA])).toEqual(['CERT_INVALID']);
    }
  });

  test('A21: an impostor with the name and key identifier of the root', () => {
    const impostor = { ...ROOT_CA, keys: { ...ROOT_CA.keys, privateKey: newKeyPair('P-384').privateKey } };
    const under = below(impostor);
    expect(codesOf(sub, [sub])).toEqual(['verified']);
    expect(codesOf(under, [under])).toEqual(['CERT_INVALID']);
  });

  test('A21: intermediates that must not sign certificates', () => {
    const nameConstraints = extension('2.5.29.30', sequence(), true);
    for (const options of [
      { constraints: [] },
      { constraints: [keyUsage(0x06)] },
      { constraints: [basicConstraints(true)] },
      { constraints: [keyUsage(0x06), basicConstraints(false)] },
      { constraints: [keyUsage(0x80), basicConstraints(true)] },
      { extraExtensions: [extendedKeyUsage(EKU_SERVER_AUTH)] },
      { extraExtensions: [nameConstraints] },
      { extraExtensions: [extension('1.2.3.4', sequence(), true)] },
    ]) {
      const bad = below(ROOT_CA, options);
      expect(codesOf(bad, [bad])).toEqual(['CERT_INVALID']);
    }
    for (const purposes of [[EKU_CODE_SIGNING], ['2.5.29.37.0']]) {
      const good = below(ROOT_CA, { extraExtensions: [extendedKeyUsage(...purposes)] });
      expect(codesOf(good, [good])).toEqual(['verified']);
    }
  });

  test('A21: path lengths hold for what comes with the signature', () => {
    const lower = below(sub, { subject: nameOf([CN, utf8('lower')]) });
    expect(codesOf(sub, [sub])).toEqual(['verified']);
    expect(codesOf(lower, [lower, sub])).toEqual(['CERT_INVALID']);
  });

  test('A21: a leaf between the root and another leaf', () => {
    const signer = FS.issue({ issuedBy: ROOT_CA, sctBy: [], usage: keyUsage(0x84) });
    const asAuthority = { name: sequence(), keys: signer.keys, der: signer.der };
    expect(codesOf(asAuthority, [asAuthority])).toEqual(['CERT_INVALID']);
  });

  test('A15: an intermediate that had expired, under a leaf that had not', () => {
    const until = (notAfter: Date) => below(ROOT_CA, { notAfter });
    const long = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };
    const [good, expired] = [until(GOLD_TIME), until(after(GOLD_TIME, -1000))];
    expect(codesOf(good, [good], long)).toEqual(['verified']);
    expect(codesOf(expired, [expired], long)).toEqual(['CERT_INVALID']);
    // Also one that the trust root itself names.
    for (const [authority, code] of [
      [good, 'verified'],
      [expired, 'CERT_INVALID'],
    ] as const) {
      const codes = formsBy(authority, [], long).map((each) => codeOf(each, trusting(authority, ROOT_CA)));
      expect(new Set(codes)).toEqual(new Set([code]));
    }
  });

  test('F9: more certificates than a chain may have, and junk among them', () => {
    const many = (count: number) => Array.from({ length: count }, () => sub);
    // A bundle's list holds the leaf as well.
    expect(codesOf(sub, many(LIMITS.chainCertificates - 1))).toEqual(['verified']);
    expect(codesOf(sub, many(LIMITS.chainCertificates + 1))).toEqual(['LIMIT']);
    expect(codesOf(sub, [{ ...sub, der: Buffer.from('junk') }, sub])).toEqual(['verified']);
    const [, simple] = formsBy(sub, [sub]);
    if (simple === undefined || !('annotations' in simple)) throw new Error('there is no legacy form');
    const chained = (text: string) => ({
      ...simple,
      annotations: { ...simple.annotations, 'dev.sigstore.cosign/chain': text },
    });
    const text = pem('CERTIFICATE', sub.der);
    expect(codeOf(chained(` \n${text}\n\n${text} `), CONTEXT)).toBe('verified');
    expect(codeOf(chained(text + ' '.repeat(400_000)), CONTEXT)).toBe('LIMIT');
    // Junk of a certificate's size is no path; one with the bytes of ten takes a second to parse.
    const ofSize = (bytes: number) => chained(text + pem('CERTIFICATE', Buffer.alloc(bytes, 0x05)));
    expect(codeOf(ofSize(LIMITS.certificateBytes), CONTEXT)).toBe('verified');
    expect(codeOf(ofSize(LIMITS.certificateBytes + 1), CONTEXT)).toBe('LIMIT');
    for (const bad of ['junk', `${text}junk`, `junk${text}`, text.slice(0, -5), pem('PUBLIC KEY', sub.der)]) {
      expect(codeOf(chained(bad), CONTEXT)).toBe('CERT_INVALID');
    }
  });
});

test('GitHub’s own instance: no log, no SCT, a timestamp', () => {
  const leaf = FS.issue({ sctBy: [] });
  const github = rootContext(() => {}, { logEntries: 0, timestamps: 1, scts: 0 });
  const bundle = FS.signStatement({
    digests: [D],
    leaf,
    log: 'none',
    predicateType: 'https://slsa.dev/provenance/v1',
  });
  expect(mustVerify(bundle, github)).toMatchObject({
    content: { kind: 'attestation', predicateType: 'https://slsa.dev/provenance/v1' },
    log: { state: 'absent' },
    timestamps: { state: 'valid' },
  });
  expect(codeOf(bundle)).toBe('CERT_INVALID');
});
