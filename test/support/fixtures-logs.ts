import { sign } from 'node:crypto';
import { newKeyPair, sha256, spki, type KeyPair } from './fixtures-certificates.ts';
import type { HashName } from '../../src/sigstore/signed-material.ts';
import { inclusionProof, rootHash } from './merkle.ts';

/** One entry as a bundle holds it; all of it may be changed by a test. */
export interface LogEntryJson {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime?: string;
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

/** What an entry is about: the signature, the digest that the log keeps, and who signed. */
export interface Logged {
  readonly signature: Buffer;
  /** Of the signed bytes (`hashedrekord`). */
  readonly signedDigest: Buffer;
  /** Of the DSSE payload (`dsse`, `intoto`). */
  readonly payloadDigest: Buffer;
  /** Hash of both; SHA-256 unless said otherwise. */
  readonly hash?: HashName;
  /** Of the envelope as it was uploaded (`intoto` 0.0.1). */
  readonly envelopeDigest?: Buffer;
  readonly signer: { readonly kind: 'certificate' | 'key'; readonly der: Buffer };
}

/** Of the newest version that the log knows, except where one is named. */
export type EntryKind = 'hashedrekord' | 'dsse' | 'intoto' | 'intoto/0.0.1';

/** A transparency log with a tree of its own, grown by an entry of somebody else before and after each of ours. */
export interface TestLog {
  readonly version: 1 | 2;
  readonly keys: KeyPair;
  readonly baseUrl: string;
  readonly logId: Buffer;
  append(logged: Logged, kind: EntryKind, at: Date): LogEntryJson;
  /** Signs what a promise is over, with this log's key. */
  promise(entry: LogEntryJson): string;
}

export function createLog(version: 1 | 2, host: string): TestLog {
  const keys = newKeyPair(version === 1 ? 'P-256' : 'ed25519');
  const key = spki(keys.publicKey);
  // A note's key ID in Rekor v2 (transparency-dev/formats, log/README.md); the digest of the key in Rekor v1.
  const logId =
    version === 1 ? sha256(key) : sha256(Buffer.from(`${host}\n\u0001`, 'latin1'), key.subarray(-32));
  const leaves = [Buffer.from('first'), Buffer.from('second'), Buffer.from('third')];
  const log: TestLog = {
    version,
    keys,
    baseUrl: `https://${host}`,
    logId,
    append(logged, kind, at) {
      const body = Buffer.from(canonical(version === 1 ? bodyV1(logged, kind) : bodyV2(logged, kind)));
      const index = leaves.push(body) - 1;
      leaves.push(Buffer.from(`after ${index}`));
      const entry: LogEntryJson = {
        logIndex: String(index),
        logId: { keyId: logId.toString('base64') },
        kindVersion: {
          kind: kind === 'intoto/0.0.1' ? 'intoto' : kind,
          version: version === 2 || kind === 'intoto' ? '0.0.2' : '0.0.1',
        },
        inclusionProof: {
          logIndex: String(index),
          rootHash: rootHash(leaves).toString('base64'),
          treeSize: String(leaves.length),
          hashes: inclusionProof(leaves, index).map((hash) => hash.toString('base64')),
          checkpoint: { envelope: checkpoint(host, leaves, logId, keys) },
        },
        canonicalizedBody: body.toString('base64'),
      };
      if (version === 2) return entry;
      const timed = { ...entry, integratedTime: String(Math.floor(at.getTime() / 1000)) };
      return { ...timed, inclusionPromise: { signedEntryTimestamp: log.promise(timed) } };
    },
    promise(entry) {
      const payload = canonical({
        body: entry.canonicalizedBody,
        integratedTime: Number(entry.integratedTime),
        logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
        logIndex: Number(entry.logIndex),
      });
      return sign(version === 1 ? 'sha256' : null, Buffer.from(payload), keys.privateKey).toString('base64');
    },
  };
  return log;
}

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function checkpoint(host: string, leaves: readonly Buffer[], logId: Buffer, { privateKey }: KeyPair): string {
  const note = `${host}\n${leaves.length}\n${rootHash(leaves).toString('base64')}\n`;
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const signature = sign(algorithm, Buffer.from(note), privateKey);
  return `${note}\n\u2014 ${host} ${Buffer.concat([logId.subarray(0, 4), signature]).toString('base64')}\n`;
}

function bodyV1(logged: Logged, kind: EntryKind): object {
  const { signature, signedDigest, payloadDigest, signer, hash: algorithm = 'sha256' } = logged;
  const text = pem(signer.kind === 'certificate' ? 'CERTIFICATE' : 'PUBLIC KEY', signer.der);
  const verifier = Buffer.from(text).toString('base64');
  const content = signature.toString('base64');
  const payloadHash = { algorithm: 'sha256', value: payloadDigest.toString('hex') };
  switch (kind) {
    case 'hashedrekord': {
      const hash = { algorithm, value: signedDigest.toString('hex') };
      const spec = { data: { hash }, signature: { content, publicKey: { content: verifier } } };
      return { apiVersion: '0.0.1', kind, spec };
    }
    case 'dsse':
      return {
        apiVersion: '0.0.1',
        kind,
        spec: { payloadHash, signatures: [{ signature: content, verifier }] },
      };
    case 'intoto': {
      const sig = Buffer.from(content).toString('base64');
      const envelope = {
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ publicKey: verifier, sig }],
      };
      return { apiVersion: '0.0.2', kind, spec: { content: { envelope, payloadHash } } };
    }
    case 'intoto/0.0.1': {
      const hash = { algorithm: 'sha256', value: logged.envelopeDigest?.toString('hex') };
      return {
        apiVersion: '0.0.1',
        kind: 'intoto',
        spec: { content: { hash, payloadHash }, publicKey: verifier },
      };
    }
  }
}

const HASH_MEMBERS = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;

function bodyV2(logged: Logged, kind: EntryKind): object {
  const { signature, signedDigest, payloadDigest, signer, hash = 'sha256' } = logged;
  const rawBytes = signer.der.toString('base64');
  const verifier = {
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    ...(signer.kind === 'certificate' ? { x509Certificate: { rawBytes } } : { publicKey: { rawBytes } }),
  };
  const content = signature.toString('base64');
  const message = (digest: Buffer) => ({ algorithm: HASH_MEMBERS[hash], digest: digest.toString('base64') });
  const spec =
    kind === 'hashedrekord'
      ? { hashedRekordV002: { data: message(signedDigest), signature: { content, verifier } } }
      : { dsseV002: { payloadHash: message(payloadDigest), signatures: [{ content, verifier }] } };
  return { apiVersion: '0.0.2', kind, spec };
}

/** JSON with sorted keys, as logs sign it (RFC 8785, for what stands in entries). */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
