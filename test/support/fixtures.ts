import { constants, createHash, sign } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import type { BundleEvidence, EnvelopeEvidence, SimpleSigningEvidence } from '../../src/sigstore/evidence.ts';
import {
  OID_ISSUER,
  OID_ISSUER_RAW,
  type FulcioExtensionName,
} from '../../src/sigstore/fulcio-extensions.ts';
import {
  authorityKeyId,
  distinguishedName,
  EKU_CODE_SIGNING,
  emailName,
  extendedKeyUsage,
  extension,
  fulcioExtension,
  keyUsage,
  makeAuthority,
  makeCertificate,
  newKeyPair,
  sha256,
  spki,
  subjectAltName,
  subjectKeyId,
  uriName,
  withScts,
  type Authority,
  type KeyPair,
} from './fixtures-certificates.ts';
import type { HashName } from '../../src/sigstore/signed-material.ts';
import { utf8 } from './fixtures-der.ts';
import { createLog, pem, type EntryKind, type LogEntryJson, type TestLog } from './fixtures-logs.ts';
import { createTimestampAuthority, type TimestampAuthority } from './fixtures-timestamps.ts';

/** Who signed the good fixtures, and when. */
export const GOLD_SUBJECT = 'https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0.0';
export const GOLD_ISSUER = 'https://token.actions.githubusercontent.com';
export const GOLD_TIME = new Date('2026-06-01T12:00:00Z');
/** From here on the instance is trusted; everything of it lives for years. */
export const INSTANCE_START = new Date('2026-01-01T00:00:00Z');
export const INSTANCE_END = new Date('2030-01-01T00:00:00Z');

const MINUTE = 60_000;
const DSSE_TYPE = 'application/vnd.in-toto+json';
export const SIGN_V1 = 'https://sigstore.dev/cosign/sign/v1';

export interface Identity {
  /** URI name; `GOLD_SUBJECT` when neither it nor an e-mail address nor raw names are given. */
  readonly uri?: string;
  readonly email?: string;
  /** Raw GeneralNames instead. */
  readonly names?: readonly Buffer[];
  /** Null for none. */
  readonly issuer?: string | null;
  /** Also the old raw-text extension. */
  readonly rawIssuer?: string | Buffer;
  readonly extensions?: Partial<Readonly<Record<FulcioExtensionName, string>>>;
}

export interface LeafOptions extends Identity {
  readonly keys?: KeyPair;
  /** Ten minutes from `at` otherwise, as Fulcio issues them. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly issuedBy?: Authority;
  readonly purposes?: readonly string[];
  readonly usage?: Buffer;
  readonly extraExtensions?: readonly Buffer[];
  /** Logs that give an SCT each; the instance's own otherwise. */
  readonly sctBy?: readonly KeyPair[];
}

export interface Leaf {
  readonly der: Buffer;
  readonly keys: KeyPair;
}

export interface SignOptions {
  /** A certificate that was issued before, or what to issue one with; `key` signs without one. */
  readonly by?: LeafOptions;
  readonly leaf?: Leaf;
  readonly key?: KeyPair;
  /** Hash of the signature; null for Ed25519. */
  readonly hash?: string | null;
  /** Instead of what Node does with such a key. */
  readonly scheme?: 'rsa-pss' | 'ed25519ph';
  /** Hash of what a `hashedrekord` entry is about; SHA-256 otherwise. */
  readonly logHash?: HashName;
  /** Certificates that come with the leaf, in the form that the evidence has for them. */
  readonly chain?: readonly Buffer[];
  readonly at?: Date;
  /** Rekor v2 by default; `v1` gives promise and proof. */
  readonly log?: 'v1' | 'v2' | 'none';
  readonly entryKind?: EntryKind;
  /** By default true unless the log is Rekor v1, whose promise tells the time. */
  readonly timestamp?: boolean;
}

export interface StatementOptions extends SignOptions {
  /** `sha256:…` of each subject. */
  readonly digests: readonly string[];
  readonly predicateType?: string;
  readonly predicate?: unknown;
  /** The whole statement instead. */
  readonly statement?: unknown;
}

/** An attestation of cosign 1–2; logged in Rekor v1 as `dsse` unless said otherwise. */
export interface EnvelopeOptions extends StatementOptions {
  readonly log?: 'v1' | 'none';
  /** The whole envelope, as cosign did for years; the signature where this says so. */
  readonly stampOver?: 'envelope' | 'signature';
}

/** A bundle as JSON; all of it may be changed by a test. */
export interface BundleJson {
  mediaType: string;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    x509CertificateChain?: { certificates: { rawBytes: string }[] };
    tlogEntries: LogEntryJson[];
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
  dsseEnvelope?: { payload: string; payloadType: string; signatures: { sig: string; keyid?: string }[] };
  messageSignature?: { messageDigest: { algorithm: string; digest: string }; signature: string };
}

export interface TrustedRootJson {
  mediaType: string;
  tlogs: LogJson[];
  ctlogs: LogJson[];
  certificateAuthorities: AuthorityJson[];
  timestampAuthorities: AuthorityJson[];
}
export interface LogJson {
  baseUrl: string;
  hashAlgorithm: string;
  publicKey: { rawBytes: string; keyDetails: string; validFor: { start?: string; end?: string } };
  logId: { keyId: string };
}
export interface AuthorityJson {
  uri: string;
  certChain: { certificates: { rawBytes: string }[] };
  validFor: { start?: string; end?: string };
}

/** A private Sigstore inside the test: no process, no clock, every time chosen. */
export interface TestSigstore {
  readonly authority: Authority;
  readonly rootAuthority: Authority;
  readonly ctLog: KeyPair;
  readonly logV1: TestLog;
  readonly logV2: TestLog;
  readonly tsa: TimestampAuthority;
  /** A fresh copy each time, for a test to change. */
  trustedRoot(): TrustedRootJson;
  readonly trustedRootJson: string;
  issue(options?: LeafOptions & { readonly at?: Date }): Leaf;
  /** A DSSE bundle v0.3 over an in-toto statement; of type `cosign/sign/v1` unless said otherwise. */
  signStatement(options: StatementOptions): BundleJson;
  /** A bundle whose signature is over the manifest's bytes. */
  signManifest(options: SignOptions & { readonly manifest: Buffer }): BundleJson;
  /** A layer of `sha256-<hex>.att`. */
  signEnvelope(options: EnvelopeOptions): EnvelopeEvidence;
  /** A layer of cosign 1–2; logged in Rekor v1 unless said otherwise. */
  signSimple(
    options: SignOptions & {
      readonly digest: string;
      readonly payload?: Buffer;
      readonly log?: 'v1' | 'none';
    },
  ): SimpleSigningEvidence;
}

/** @param options `logHost`: name of Rekor v1's checkpoints, which is the host in its URL */
export function createSigstore(
  options: { readonly name?: string; readonly logHost?: string } = {},
): TestSigstore {
  const name = options.name ?? 'fs';
  const period = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };
  const rootAuthority = makeAuthority({ name: `${name} root`, ...period });
  const authority = makeAuthority({
    name: `${name} intermediate`,
    issuer: rootAuthority,
    pathLength: 0,
    ...period,
  });
  const ctLog = newKeyPair();
  const logV1 = createLog(1, options.logHost ?? `rekor.${name}.example`);
  const logV2 = createLog(2, `log2026-1.rekor.${name}.example`);
  const tsa = createTimestampAuthority({ name, ...period });
  const parts = { authority, rootAuthority, ctLog, logV1, logV2, tsa };
  const root = trustedRoot(parts);
  const issue: TestSigstore['issue'] = (leaf = {}) => issueLeaf(parts, leaf);
  return {
    ...parts,
    trustedRootJson: JSON.stringify(root),
    trustedRoot: () => structuredClone(root),
    issue,
    signStatement: (statement) => signStatement(parts, issue, statement),
    signEnvelope: (statement) => signEnvelope(parts, issue, statement),
    signManifest: (message) => signManifest(parts, issue, message),
    signSimple: (simple) => signSimple(parts, issue, simple),
  };
}

/** As the registry edge hands it over. */
export function bundleEvidence(bundle: unknown, source = 'referrer sha256:test'): BundleEvidence {
  const bytes = Buffer.isBuffer(bundle)
    ? bundle
    : Buffer.from(typeof bundle === 'string' ? bundle : JSON.stringify(bundle));
  return { kind: 'bundle', source, bytes };
}

export function publicKeyPem({ publicKey }: KeyPair): string {
  return publicKey.export({ type: 'spki', format: 'pem' }) as string;
}

export const after = (time: Date, milliseconds: number): Date => new Date(time.getTime() + milliseconds);

type Parts = Pick<TestSigstore, 'authority' | 'rootAuthority' | 'ctLog' | 'logV1' | 'logV2' | 'tsa'>;

function issueLeaf({ authority, ctLog }: Parts, options: LeafOptions & { readonly at?: Date }): Leaf {
  const keys = options.keys ?? newKeyPair();
  const issuer = options.issuedBy ?? authority;
  const notBefore = options.notBefore ?? options.at ?? GOLD_TIME;
  const spec = {
    subject: distinguishedName(''),
    issuer,
    publicKey: keys.publicKey,
    notBefore,
    notAfter: options.notAfter ?? after(notBefore, 10 * MINUTE),
    extensions: [
      options.usage ?? keyUsage(0x80),
      ...((options.purposes?.length ?? 1) === 0
        ? []
        : [extendedKeyUsage(...(options.purposes ?? [EKU_CODE_SIGNING]))]),
      subjectKeyId(keys.publicKey),
      authorityKeyId(issuer.keys.publicKey),
      ...identityExtensions(options),
      ...(options.extraExtensions ?? []),
    ],
  };
  const logs = options.sctBy ?? [ctLog];
  return { keys, der: makeCertificate(logs.length === 0 ? spec : withScts(spec, logs, notBefore)) };
}

function identityExtensions(identity: Identity): readonly Buffer[] {
  const { uri, email, issuer = GOLD_ISSUER, rawIssuer, extensions = {} } = identity;
  const names = identity.names ?? [
    ...(uri === undefined && email !== undefined ? [] : [uriName(uri ?? GOLD_SUBJECT)]),
    ...(email === undefined ? [] : [emailName(email)]),
  ];
  return [
    ...(names.length === 0 ? [] : [subjectAltName(...names)]),
    ...(rawIssuer === undefined ? [] : [extension(OID_ISSUER_RAW, Buffer.from(rawIssuer))]),
    ...(issuer === null ? [] : [extension(OID_ISSUER, utf8(issuer))]),
    ...Object.entries(extensions).map(([name, value]) => fulcioExtension(name as FulcioExtensionName, value)),
  ];
}

interface Signable {
  readonly payload: Buffer;
  readonly signed: Buffer;
}

function statementOf(options: StatementOptions): Signable {
  const statement = options.statement ?? {
    _type: 'https://in-toto.io/Statement/v1',
    subject: options.digests.map((digest) => ({ digest: { sha256: digest.replace('sha256:', '') } })),
    predicateType: options.predicateType ?? SIGN_V1,
    predicate: options.predicate ?? {},
  };
  const payload = Buffer.isBuffer(statement) ? statement : Buffer.from(JSON.stringify(statement));
  const header = `DSSEv1 ${DSSE_TYPE.length} ${DSSE_TYPE} ${payload.length} `;
  return { payload, signed: Buffer.concat([Buffer.from(header), payload]) };
}

/** As Go writes it, and cosign uploads and stores it. */
function envelopeOf(payload: Buffer, signature: Buffer): Buffer {
  const signatures = [{ keyid: '', sig: signature.toString('base64') }];
  return Buffer.from(
    JSON.stringify({ payloadType: DSSE_TYPE, payload: payload.toString('base64'), signatures }),
  );
}

function signStatement(parts: Parts, issue: TestSigstore['issue'], options: StatementOptions): BundleJson {
  const statement = statementOf(options);
  const { signature, ...rest } = prove(parts, issue, options, statement);
  return {
    ...rest,
    dsseEnvelope: {
      payload: statement.payload.toString('base64'),
      payloadType: DSSE_TYPE,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
}

function signEnvelope(
  parts: Parts,
  issue: TestSigstore['issue'],
  options: EnvelopeOptions,
): EnvelopeEvidence {
  const statement = statementOf(options);
  const made = prove(parts, issue, { log: 'v1', entryKind: 'dsse', ...options }, statement, (signature) =>
    options.stampOver === 'signature' ? signature : envelopeOf(statement.payload, signature),
  );
  return {
    kind: 'dsse-envelope',
    source: 'tag sha256-test.att, layer 0',
    envelope: envelopeOf(statement.payload, made.signature),
    annotations: {
      'dev.cosignproject.cosign/signature': '',
      predicateType: options.predicateType ?? SIGN_V1,
      ...proofAnnotations(made, options.chain),
    },
  };
}

function signManifest(
  parts: Parts,
  issue: TestSigstore['issue'],
  options: SignOptions & { readonly manifest: Buffer },
): BundleJson {
  const { signature, ...rest } = prove(parts, issue, options, {
    payload: options.manifest,
    signed: options.manifest,
  });
  return {
    ...rest,
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: sha256(options.manifest).toString('base64') },
      signature: signature.toString('base64'),
    },
  };
}

function signSimple(
  parts: Parts,
  issue: TestSigstore['issue'],
  options: SignOptions & { readonly digest: string; readonly payload?: Buffer },
): SimpleSigningEvidence {
  const payload =
    options.payload ??
    Buffer.from(
      JSON.stringify({
        critical: {
          identity: { 'docker-reference': 'ghcr.io/org/app' },
          image: { 'docker-manifest-digest': options.digest },
          type: 'cosign container image signature',
        },
        optional: null,
      }),
    );
  const made = prove(parts, issue, { log: 'v1', ...options }, { payload, signed: payload });
  return {
    kind: 'simple-signing',
    source: 'tag sha256-test.sig, layer 0',
    payload,
    annotations: {
      'dev.cosignproject.cosign/signature': made.signature.toString('base64'),
      ...proofAnnotations(made, options.chain),
    },
  };
}

function proofAnnotations(
  {
    verificationMaterial: { certificate, x509CertificateChain, tlogEntries, timestampVerificationData },
  }: BundleJson,
  chain: readonly Buffer[] = [],
): Readonly<Record<string, string>> {
  const leaf = certificate ?? x509CertificateChain?.certificates[0];
  const [entry] = tlogEntries;
  const stamp = timestampVerificationData?.rfc3161Timestamps[0]?.signedTimestamp;
  return {
    ...(leaf && {
      'dev.sigstore.cosign/certificate': pem('CERTIFICATE', Buffer.from(leaf.rawBytes, 'base64')),
    }),
    ...(chain.length > 0 && {
      'dev.sigstore.cosign/chain': chain.map((der) => pem('CERTIFICATE', der)).join(''),
    }),
    ...(entry && { 'dev.sigstore.cosign/bundle': logBundle(entry) }),
    ...(stamp !== undefined && {
      'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({ SignedRFC3161Timestamp: stamp }),
    }),
  };
}

/** A log entry as cosign 1–2 keeps it in an annotation. */
export function logBundle(entry: LogEntryJson): string {
  return JSON.stringify({
    SignedEntryTimestamp: entry.inclusionPromise?.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
    },
  });
}

function prove(
  parts: Parts,
  issue: TestSigstore['issue'],
  options: SignOptions,
  { signed, payload }: Signable,
  stampedText = (signature: Buffer): Buffer => signature,
): BundleJson & { signature: Buffer } {
  const { at = GOLD_TIME, log = 'v2', key, logHash = 'sha256' } = options;
  const leaf = key === undefined ? (options.leaf ?? issue({ at, ...options.by })) : undefined;
  const keys = key ?? leaf?.keys ?? newKeyPair();
  const signature = signatureOver(signed, keys, options);
  const signer =
    leaf === undefined
      ? ({ kind: 'key', der: spki(keys.publicKey) } as const)
      : ({ kind: 'certificate', der: leaf.der } as const);
  const logged = {
    signature,
    signedDigest: createHash(logHash).update(signed).digest(),
    payloadDigest: sha256(payload),
    envelopeDigest: sha256(envelopeOf(payload, signature)),
    hash: logHash,
    signer,
  };
  const stamped = options.timestamp ?? log !== 'v1';
  const entries =
    log === 'none'
      ? []
      : [(log === 'v1' ? parts.logV1 : parts.logV2).append(logged, options.entryKind ?? 'hashedrekord', at)];
  const stamp = () => parts.tsa.stamp(stampedText(signature), at).toString('base64');
  return {
    mediaType:
      options.chain === undefined
        ? 'application/vnd.dev.sigstore.bundle.v0.3+json'
        : 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    verificationMaterial: {
      ...signerJson(leaf, keys, options.chain),
      tlogEntries: entries,
      ...(stamped && { timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: stamp() }] } }),
    },
    signature,
  };
}

function signerJson(
  leaf: Leaf | undefined,
  keys: KeyPair,
  chain: readonly Buffer[] | undefined,
): Partial<BundleJson['verificationMaterial']> {
  if (leaf === undefined) {
    return { publicKey: { hint: sha256(spki(keys.publicKey)).toString('base64') } };
  }
  return chain === undefined
    ? { certificate: rawBytes(leaf.der) }
    : { x509CertificateChain: { certificates: [leaf.der, ...chain].map(rawBytes) } };
}

function signatureOver(
  data: Buffer,
  { privateKey }: KeyPair,
  { hash = 'sha256', scheme }: Pick<SignOptions, 'hash' | 'scheme'>,
): Buffer {
  switch (scheme) {
    case 'rsa-pss':
      return sign(hash, data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING });
    case 'ed25519ph': {
      const { d = '' } = privateKey.export({ format: 'jwk' });
      return Buffer.from(ed25519ph.sign(data, Buffer.from(d, 'base64url')));
    }
    default:
      return sign(hash, data, privateKey);
  }
}

const rawBytes = (der: Buffer) => ({ rawBytes: der.toString('base64') });

function trustedRoot({ authority, rootAuthority, ctLog, logV1, logV2, tsa }: Parts): TrustedRootJson {
  const validFor = { start: INSTANCE_START.toISOString() };
  const log = (keys: KeyPair, baseUrl: string, id: Buffer): LogJson => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      ...rawBytes(spki(keys.publicKey)),
      keyDetails: keys.publicKey.asymmetricKeyType === 'ed25519' ? 'PKIX_ED25519' : 'PKIX_ECDSA_P256_SHA_256',
      validFor: { ...validFor },
    },
    logId: { keyId: id.toString('base64') },
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(logV1.keys, logV1.baseUrl, logV1.logId), log(logV2.keys, logV2.baseUrl, logV2.logId)],
    ctlogs: [log(ctLog, 'https://ct.example', sha256(spki(ctLog.publicKey)))],
    certificateAuthorities: [
      {
        uri: 'https://fulcio.example',
        certChain: { certificates: [rawBytes(authority.der), rawBytes(rootAuthority.der)] },
        validFor: { ...validFor },
      },
    ],
    timestampAuthorities: [
      {
        uri: 'https://tsa.example',
        certChain: { certificates: tsa.chain.map(rawBytes) },
        validFor: { ...validFor },
      },
    ],
  };
}
