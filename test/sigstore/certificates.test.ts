import { describe, expect, test } from '@jest/globals';
import { PRIVATE_INSTANCE } from '../../src/sigstore/trust-root.ts';
import type { CertificateIdentity, RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import { verifyEvidence } from '../../src/sigstore/verify.ts';
import {
  basicConstraints,
  distinguishedName,
  EKU_CODE_SIGNING,
  EKU_SERVER_AUTH,
  emailName,
  extension,
  fulcioExtension,
  keyUsage,
  makeAuthority,
  makeCertificate,
  newKeyPair,
  spki,
  uriName,
} from '../support/fixtures-certificates.ts';
import { explicit, implicit, octets, oid, sequence, tlv, utf8 } from '../support/fixtures-der.ts';
import { pem } from '../support/fixtures-logs.ts';
import {
  GOLD_ISSUER,
  GOLD_SUBJECT,
  GOLD_TIME,
  INSTANCE_END,
  INSTANCE_START,
  publicKeyPem,
  type BundleJson,
  type LeafOptions,
} from '../support/fixtures.ts';
import {
  asEvidence,
  codeOf,
  D,
  first,
  FS,
  FS2,
  keyContext,
  mustVerify,
  mutated,
  newKey,
  ROOT,
  rootContext,
} from './support.ts';

const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const signedBy = (by: LeafOptions): BundleJson => FS.signStatement({ digests: [D], by });
const identityOf = (by: LeafOptions) => mustVerify(signedBy(by)).signer as CertificateIdentity;

describe('A7: trust material that comes with the artifact', () => {
  test('A7: a raw public key in the certificate slot', () => {
    const key = newKey();
    const good = FS.signSimple({ digest: D, key });
    expect(codeOf(good, keyContext(key))).toBe('verified');
    for (const slot of [
      publicKeyPem(key),
      '',
      'junk',
      pem('CERTIFICATE', spki(key.publicKey)),
      pem('PUBLIC KEY', Buffer.of()),
    ]) {
      const bad = { ...good, annotations: { ...good.annotations, [CERTIFICATE]: slot } };
      expect(codeOf(bad, ROOT)).toBe('CERT_INVALID');
      expect(codeOf(bad, keyContext(key))).toBe('CERT_INVALID');
    }
    const bundle = FS.signStatement({ digests: [D], key });
    const slotted = mutated(bundle, ({ verificationMaterial }) => {
      delete verificationMaterial.publicKey;
      verificationMaterial.certificate = { rawBytes: spki(key.publicKey).toString('base64') };
    });
    expect(codeOf(bundle, keyContext(key))).toBe('verified');
    expect(codeOf(slotted, ROOT)).toBe('CERT_INVALID');
    expect(codeOf(slotted, keyContext(key))).toBe('CERT_INVALID');
  });

  test('A7: a certificate that issued itself, and an authority in the chain annotation', () => {
    const evil = makeAuthority({ name: 'evil', notBefore: INSTANCE_START, notAfter: INSTANCE_END });
    const good = FS.signSimple({ digest: D });
    const bad = FS.signSimple({ digest: D, leaf: FS.issue({ issuedBy: evil }) });
    const chain = { 'dev.sigstore.cosign/chain': pem('CERTIFICATE', evil.der) };
    expect(codeOf({ ...good, annotations: { ...good.annotations, ...chain } })).toBe('verified');
    expect(codeOf({ ...bad, annotations: { ...bad.annotations, ...chain } })).toBe('CERT_INVALID');
  });
});

describe('who issued the certificate', () => {
  const noScts = rootContext(() => {}, PRIVATE_INSTANCE);

  test('A19: SCT missing, of another log, of another certificate, or outside the log’s period', () => {
    const other = newKeyPair();
    expect(codeOf(signedBy({}))).toBe('verified');
    expect(codeOf(signedBy({ sctBy: [] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ sctBy: [other] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ sctBy: [FS.ctLog, other] }))).toBe('CERT_INVALID');
    const late = rootContext((root) => {
      first(root.ctlogs).publicKey.validFor.start = '2026-06-01T12:00:01Z';
    });
    expect(codeOf(signedBy({}), late)).toBe('CERT_INVALID');
    // Only where the root's requirements say so in as many words.
    expect(codeOf(signedBy({ sctBy: [] }), noScts)).toBe('verified');
    expect(codeOf(signedBy({ sctBy: [other] }), noScts)).toBe('CERT_INVALID');
  });

  test('A19: an SCT list that cannot be parsed', () => {
    const list = (bytes: Buffer) => {
      const sct = extension('1.3.6.1.4.1.11129.2.4.2', octets(bytes));
      return codeOf(signedBy({ sctBy: [], extraExtensions: [sct] }), noScts);
    };
    expect(codeOf(signedBy({ sctBy: [] }), noScts)).toBe('verified');
    for (const bytes of [
      Buffer.of(),
      Buffer.of(0),
      Buffer.of(0, 4, 0, 9, 1, 1),
      Buffer.from('junk, junk, junk'),
    ]) {
      expect(list(bytes)).toBe('CERT_INVALID');
    }
  });

  test('A12: two SCTs of one log are not two logs', () => {
    const two = rootContext(() => {}, { logEntries: 1, timestamps: 0, scts: 2 });
    const ctLog2 = newKeyPair();
    const both = rootContext(
      (root) => {
        const log = structuredClone(first(root.ctlogs));
        log.publicKey.rawBytes = spki(ctLog2.publicKey).toString('base64');
        log.logId.keyId = first(FS.trustedRoot().ctlogs).logId.keyId;
        root.ctlogs.push(log);
      },
      { logEntries: 1, timestamps: 0, scts: 2 },
    );
    expect(codeOf(signedBy({}))).toBe('verified');
    expect(codeOf(signedBy({ sctBy: [FS.ctLog, FS.ctLog] }), two)).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ sctBy: [FS.ctLog, FS.ctLog] }), both)).toBe('CERT_INVALID');
  });

  test('A20: a valid bundle of another instance with the same identity', () => {
    const foreign = FS2.signStatement({ digests: [D] });
    expect(codeOf(signedBy({}))).toBe('verified');
    expect(codeOf(foreign)).toBe('CERT_INVALID');
    expect(codeOf(FS2.signSimple({ digest: D }))).toBe('CERT_INVALID');
    // Nor with the logs and the time of ours.
    const logs = FS.signStatement({ digests: [D], leaf: FS2.issue() });
    expect(codeOf(logs)).toBe('CERT_INVALID');
  });

  test('A20: an impostor with the name and the key identifiers of the authority', () => {
    const keys = { publicKey: FS.authority.keys.publicKey, privateKey: newKeyPair('P-384').privateKey };
    const impostor = { ...FS.authority, keys };
    expect(codeOf(signedBy({ issuedBy: FS.authority }))).toBe('verified');
    expect(codeOf(signedBy({ issuedBy: impostor }))).toBe('CERT_INVALID');
    // Nor after a good one was remembered, nor the other way round.
    expect(codeOf(signedBy({ issuedBy: FS.authority }))).toBe('verified');
    const fresh = rootContext();
    expect(codeOf(signedBy({ issuedBy: impostor }), fresh)).toBe('CERT_INVALID');
    expect(codeOf(signedBy({}), fresh)).toBe('verified');
  });

  test('A20: an intermediate that the root beside it did not sign', () => {
    const impostor = makeAuthority({
      name: 'fs intermediate',
      issuer: {
        ...FS.rootAuthority,
        keys: { ...FS.rootAuthority.keys, privateKey: newKeyPair('P-384').privateKey },
      },
      keys: FS.authority.keys,
      notBefore: INSTANCE_START,
      notAfter: INSTANCE_END,
    });
    const trusting = (der: Buffer) =>
      rootContext((root) => {
        const certificates = [der, FS.rootAuthority.der].map((each) => ({
          rawBytes: each.toString('base64'),
        }));
        first(root.certificateAuthorities).certChain = { certificates };
      });
    expect(codeOf(signedBy({}), trusting(FS.authority.der))).toBe('verified');
    const deceived = trusting(impostor.der);
    // What is remembered of an authority is remembered right.
    for (let i = 0; i < 2; i++) expect(codeOf(signedBy({}), deceived)).toBe('CERT_INVALID');
  });

  test('A21: leaf that signs a leaf', () => {
    const signer = FS.issue({ usage: keyUsage(0x84), extraExtensions: [] });
    const issuer = { name: distinguishedName(''), keys: signer.keys, der: signer.der };
    expect(codeOf(signedBy({}))).toBe('verified');
    expect(codeOf(signedBy({ issuedBy: issuer }))).toBe('CERT_INVALID');
    const withIntermediate = mutated(signedBy({ issuedBy: issuer }), (bundle) => {
      const { verificationMaterial: material } = bundle;
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
      const leaf = first(material.certificate === undefined ? [] : [material.certificate]);
      delete material.certificate;
      material.x509CertificateChain = {
        certificates: [leaf, { rawBytes: signer.der.toString('base64') }],
      };
    });
    expect(codeOf(withIntermediate)).toBe('CERT_INVALID');
  });

  test('A21: leaf that is an authority', () => {
    expect(codeOf(signedBy({ extraExtensions: [basicConstraints(false)] }))).toBe('verified');
    expect(codeOf(signedBy({ extraExtensions: [basicConstraints(true)] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ usage: keyUsage(0x84) }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ usage: keyUsage(0x40) }))).toBe('CERT_INVALID');
    // Also one that the trust root itself names.
    const intermediate = { der: FS.authority.der, keys: FS.authority.keys };
    expect(codeOf(FS.signStatement({ digests: [D], leaf: intermediate, hash: 'sha384' }))).toBe(
      'CERT_INVALID',
    );
  });

  test('A21: path length, and an intermediate that is no authority', () => {
    const period = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };
    const sub = makeAuthority({ name: 'sub', issuer: FS.authority, ...period });
    const plain = newKeyPair('P-384');
    const name = distinguishedName('not an authority');
    const notCa = makeCertificate({
      subject: name,
      issuer: FS.rootAuthority,
      publicKey: plain.publicKey,
      ...period,
      extensions: [keyUsage(0x80)],
    });
    const trusting = (...ders: readonly Buffer[]) =>
      rootContext((root) => {
        const certificates = ders.map((der) => ({ rawBytes: der.toString('base64') }));
        first(root.certificateAuthorities).certChain = { certificates };
      });
    expect(codeOf(signedBy({}), trusting(FS.authority.der, FS.rootAuthority.der))).toBe('verified');
    // The intermediate of the fixtures allows none below it.
    const deep = trusting(sub.der, FS.authority.der, FS.rootAuthority.der);
    expect(codeOf(signedBy({ issuedBy: sub }), deep)).toBe('CERT_INVALID');
    const issuedBy = { name, keys: plain, der: notCa };
    expect(codeOf(signedBy({ issuedBy }), trusting(notCa, FS.rootAuthority.der))).toBe('CERT_INVALID');
  });

  test('A21: an authority outside its period in the root', () => {
    const ended = (end: string) =>
      rootContext((root) => {
        first(root.certificateAuthorities).validFor.end = end;
      });
    expect(codeOf(signedBy({}), ended(GOLD_TIME.toISOString()))).toBe('verified');
    expect(codeOf(signedBy({}), ended('2026-06-01T11:59:59Z'))).toBe('CERT_INVALID');
  });

  test('A22: a certificate for another purpose', () => {
    expect(codeOf(signedBy({}))).toBe('verified');
    expect(codeOf(signedBy({ purposes: [EKU_SERVER_AUTH, EKU_CODE_SIGNING] }))).toBe('verified');
    expect(codeOf(signedBy({ purposes: [EKU_SERVER_AUTH] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ purposes: ['2.5.29.37.0'] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ purposes: [] }))).toBe('CERT_INVALID');
  });

  test('unknown critical and repeated extensions', () => {
    const unknown = (critical: boolean) => extension('1.2.3.4', octets(Buffer.from('x')), critical);
    expect(codeOf(signedBy({ extraExtensions: [unknown(false)] }))).toBe('verified');
    expect(codeOf(signedBy({ extraExtensions: [unknown(true)] }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ extraExtensions: [unknown(false), unknown(false)] }))).toBe('CERT_INVALID');
    // A certificate that was only meant for the log.
    const poison = extension('1.3.6.1.4.1.11129.2.4.3', Buffer.of(5, 0), true);
    expect(codeOf(signedBy({ extraExtensions: [poison] }))).toBe('CERT_INVALID');
  });

  test('F12: what is remembered of a refusal is short, however long the name of an extension is', () => {
    const named = (name: string) => {
      const evidence = signedBy({ extraExtensions: [extension(name, octets(Buffer.from('x')), true)] });
      return verifyEvidence(asEvidence(evidence), ROOT);
    };
    expect(named('1.2.3.4')).toMatchObject({ detail: expect.stringContaining('1.2.3.4') });
    const { code, detail } = named(`1.2${'.127'.repeat(15_000)}`) as RefusedEvidence;
    expect([code, detail.length]).toEqual(['CERT_INVALID', 512]);
  });

  test('A21: no byte of a certificate can be changed, signed or not', () => {
    const leaf = FS.issue();
    const logless = rootContext(() => {}, { logEntries: 0, timestamps: 1, scts: 0 });
    const changed = (at: number, bit: number) => {
      const der = Buffer.from(leaf.der);
      der[at] = (der[at] ?? 0) ^ (1 << bit);
      return codeOf(FS.signStatement({ digests: [D], leaf: { ...leaf, der }, log: 'none' }), logless);
    };
    expect(codeOf(FS.signStatement({ digests: [D], leaf, log: 'none' }), logless)).toBe('verified');
    // The outer sequence, and what comes after the signed part: algorithm and signature.
    const tail = leaf.der.lastIndexOf(Buffer.from('06082a8648ce3d040303', 'hex')) - 2;
    expect(tail).toBeGreaterThan(400);
    for (const at of [0, ...Array.from({ length: 20 }, (_, i) => tail + i)]) {
      for (let bit = 0; bit < 8; bit++) {
        const code = changed(at, bit);
        expect({ at, bit, refused: code !== 'verified' }).toEqual({ at, bit, refused: true });
      }
    }
  });

  test('keys of certificates are as restricted as others', () => {
    const sign = (kind: 'P-384' | 'ed25519', hash: string | null) =>
      FS.signStatement({ digests: [D], leaf: FS.issue({ keys: newKeyPair(kind) }), hash });
    expect(codeOf(sign('P-384', 'sha384'))).toBe('verified');
    expect(codeOf(sign('P-384', 'sha256'))).toBe('verified');
    expect(codeOf(sign('ed25519', null))).toBe('verified');
  });
});

describe('who the certificate names', () => {
  test('the good identity, whole', () => {
    const extensions = { sourceRepositoryOwnerID: '123456', runnerEnvironment: 'github-hosted' };
    expect(identityOf({ extensions })).toEqual({
      kind: 'certificate',
      trustRoot: ROOT.root.fingerprint,
      issuer: GOLD_ISSUER,
      names: [{ type: 'uri', value: GOLD_SUBJECT }],
      extensions,
    });
  });

  test('C4: two issuers that differ', () => {
    expect(identityOf({ rawIssuer: GOLD_ISSUER }).issuer).toBe(GOLD_ISSUER);
    expect(identityOf({ rawIssuer: GOLD_ISSUER, issuer: null }).issuer).toBe(GOLD_ISSUER);
    // Neither: whoever signed the certificate.
    expect(identityOf({ issuer: null }).issuer).toBe('CN=fs intermediate');
    for (const rawIssuer of [
      `${GOLD_ISSUER}/`,
      GOLD_ISSUER.replace(/com$/, 'con'),
      `${GOLD_ISSUER}.evil.io`,
      'http://token.actions.githubusercontent.com',
    ]) {
      expect(codeOf(signedBy({ rawIssuer }))).toBe('CERT_INVALID');
      // Alone it is what it says, byte for byte.
      expect(identityOf({ rawIssuer, issuer: null }).issuer).toBe(rawIssuer);
    }
  });

  test('C6: every name with its type, in order; others are no identity', () => {
    const other = explicit(0, oid('1.3.6.1.4.1.311.20.2.3'), explicit(0, utf8('alice!example.com')));
    expect(
      identityOf({ names: [uriName('https://evil.example'), emailName('good@example.com')] }).names,
    ).toEqual([
      { type: 'uri', value: 'https://evil.example' },
      { type: 'email', value: 'good@example.com' },
    ]);
    expect(identityOf({ names: [emailName('a@x.io'), emailName('b@x.io')] }).names).toHaveLength(2);
    expect(identityOf({ names: [uriName('good@example.com')] }).names).toEqual([
      { type: 'uri', value: 'good@example.com' },
    ]);
    const dns = implicit(2, Buffer.from('good.example.com'));
    expect(identityOf({ names: [other, dns, emailName('a@x.io')] }).names).toHaveLength(1);
    for (const names of [[other, dns], []]) expect(codeOf(signedBy({ names }))).toBe('CERT_INVALID');
  });

  test('C6: an otherName is an identity where it holds Fulcio’s username', () => {
    const username = (value: Buffer, type = '1.3.6.1.4.1.57264.1.7') =>
      explicit(0, oid(type), explicit(0, value));
    const good = username(utf8('alice!example.com'));
    expect(identityOf({ names: [good] }).names).toEqual([{ type: 'username', value: 'alice!example.com' }]);
    expect(identityOf({ names: [good, emailName('a@x.io')] }).names).toHaveLength(2);
    // The same text in another type.
    for (const type of ['1.3.6.1.4.1.57264.1.70', '1.3.6.1.4.1.57264.1', '1.3.6.1.5.5.7.8.5']) {
      expect(codeOf(signedBy({ names: [username(utf8('alice!example.com'), type)] }))).toBe('CERT_INVALID');
      expect(identityOf({ names: [username(utf8('x'), type), emailName('a@x.io')] }).names).toHaveLength(1);
    }
    const id = oid('1.3.6.1.4.1.57264.1.7');
    const text = utf8('alice!example.com');
    for (const bad of [
      // Fulcio writes none of these, and a policy for e-mail addresses or URIs could take them for one.
      ...['alice', 'alice!', '!example.com', 'a!b!c', 'alice@example.com', 'alice@x!example.com'].map(
        (name) => username(utf8(name)),
      ),
      username(utf8('alice!x@example.com')),
      username(utf8('https://github.com/org!example.com')),
      username(utf8('')),
      username(utf8('älice!example.com')),
      username(utf8('alice!example.com\0')),
      username(tlv(0x16, Buffer.from('alice!example.com'))),
      username(octets(text)),
      username(sequence(text)),
      explicit(0, id, text),
      explicit(0, id, explicit(1, text)),
      explicit(0, id, explicit(0, text, text)),
      explicit(0, id, explicit(0, text), text),
      explicit(0, id, explicit(0)),
      explicit(0, id),
      explicit(0, text, explicit(0, text)),
      explicit(0),
      implicit(0, Buffer.from('alice!example.com')),
    ]) {
      expect(codeOf(signedBy({ names: [good, bad] }))).toBe('CERT_INVALID');
      expect(codeOf(signedBy({ names: [bad] }))).toBe('CERT_INVALID');
    }
  });

  test('C7: bytes that some readers take for other letters', () => {
    const high = (text: string) =>
      Buffer.from(text, 'latin1').map((byte, i) => (i === 0 ? byte | 0x80 : byte));
    const asBuffer = (text: string) => Buffer.from(high(text));
    expect(identityOf({ names: [emailName('alice@acme.io')] }).names[0]?.value).toBe('alice@acme.io');
    for (const names of [
      [emailName(asBuffer('alice@acme.io'))],
      [uriName(asBuffer(GOLD_SUBJECT))],
      [emailName('alice@acme.io\0.evil.io')],
      [emailName('alice@acme.io\n')],
      [emailName('')],
      [uriName(GOLD_SUBJECT), emailName(asBuffer('x@acme.io'))],
    ]) {
      expect(codeOf(signedBy({ names }))).toBe('CERT_INVALID');
    }
    expect(codeOf(signedBy({ issuer: null, rawIssuer: asBuffer(GOLD_ISSUER) }))).toBe('CERT_INVALID');
    expect(codeOf(signedBy({ issuer: `${GOLD_ISSUER}é` }))).toBe('CERT_INVALID');
  });

  test('C7: extension values that are not what they must be', () => {
    const value = (bytes: Buffer) =>
      signedBy({ issuer: null, extraExtensions: [extension('1.3.6.1.4.1.57264.1.8', bytes)] });
    expect(codeOf(value(utf8(GOLD_ISSUER)))).toBe('verified');
    for (const bytes of [
      Buffer.from(GOLD_ISSUER),
      sequence(utf8(GOLD_ISSUER)),
      Buffer.concat([utf8(GOLD_ISSUER), Buffer.of(0)]),
      Buffer.of(0x0c, 0x02, 0xff, 0xfe),
      Buffer.of(),
      // An IA5String and an OCTET STRING of the same text.
      tlv(0x16, Buffer.from(GOLD_ISSUER)),
      octets(Buffer.from(GOLD_ISSUER)),
    ]) {
      expect(codeOf(value(bytes))).toBe('CERT_INVALID');
    }
    const owner = (bytes: Buffer) =>
      signedBy({ extraExtensions: [extension('1.3.6.1.4.1.57264.1.17', bytes)] });
    expect(codeOf(owner(utf8('123')))).toBe('verified');
    expect(codeOf(owner(Buffer.of(0x0c, 0x02, 0xff, 0xfe)))).toBe('CERT_INVALID');
    expect(codeOf(owner(Buffer.from('123')))).toBe('CERT_INVALID');
    const twice = [
      fulcioExtension('sourceRepositoryOwnerID', '1'),
      fulcioExtension('sourceRepositoryOwnerID', '2'),
    ];
    expect(codeOf(signedBy({ extraExtensions: twice }))).toBe('CERT_INVALID');
  });

  test('F8: a certificate above the limit', () => {
    const large = (bytes: number) =>
      signedBy({ extraExtensions: [extension('1.2.3.4', Buffer.alloc(bytes, 0x55))] });
    expect(codeOf(large(8 * 1024))).toBe('verified');
    expect(codeOf(large(17 * 1024))).toBe('LIMIT');
  });
});
