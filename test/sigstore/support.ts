import { ECDH, type KeyObject } from 'node:crypto';
import { generateKeyPairSync } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { parseTrustRoot, PUBLIC_GOOD, type ProofRequirements } from '../../src/sigstore/trust-root.ts';
import type { VerifiedSignature } from '../../src/sigstore/verified-signature.ts';
import { isRefused, verifyEvidence, type Artifact, type TrustContext } from '../../src/sigstore/verify.ts';
import type { KeyPair } from '../support/fixtures-certificates.ts';
import {
  bundleEvidence,
  createSigstore,
  publicKeyPem,
  type BundleJson,
  type TrustedRootJson,
} from '../support/fixtures.ts';

/** The image that is asked about, and another one. */
export const D = `sha256:${'d1'.repeat(32)}`;
export const E = `sha256:${'e2'.repeat(32)}`;

/** Our Sigstore and somebody else's. */
export const FS = createSigstore({ name: 'fs' });
export const FS2 = createSigstore({ name: 'fs2' });
export const ROOT = rootContext();

/** FS with some of its trusted_root.json changed. */
export function rootContext(
  change: (root: TrustedRootJson) => void = () => {},
  requires: ProofRequirements = PUBLIC_GOOD,
): TrustContext & { kind: 'root' } {
  const json = FS.trustedRoot();
  change(json);
  return { kind: 'root', root: parseTrustRoot(json, requires) };
}

export const newKey = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function keyContext(
  keys: KeyPair,
  root: TrustContext['root'] = ROOT.root,
): TrustContext & { kind: 'key' } {
  return { kind: 'key', key: parsePublicKey(publicKeyPem(keys)), root };
}

/** A copy of a good bundle with one thing changed. */
export function mutated<T>(good: T, change: (copy: T) => void): T {
  const copy = structuredClone(good);
  change(copy);
  return copy;
}

export function mustVerify(
  evidence: Evidence | BundleJson,
  context: TrustContext = ROOT,
  artifact?: Artifact,
): VerifiedSignature {
  const fact = verifyEvidence(asEvidence(evidence), context, artifact);
  if (isRefused(fact)) throw new Error(`${fact.code}: ${fact.detail}`);
  return fact;
}

/** The code with which evidence is refused; `verified` when it is not. */
export function codeOf(evidence: unknown, context: TrustContext = ROOT, artifact?: Artifact): string {
  const fact = verifyEvidence(asEvidence(evidence), context, artifact);
  if (!isRefused(fact)) return 'verified';
  expect(fact.detail).not.toBe('');
  return fact.code;
}

export function asEvidence(evidence: unknown): Evidence {
  return typeof evidence === 'object' && evidence !== null && 'kind' in evidence
    ? (evidence as Evidence)
    : bundleEvidence(evidence);
}

/** The first element, which the fixture is known to have. */
export function first<T>(list: readonly T[] | undefined): T {
  const [element] = list ?? [];
  if (element === undefined) throw new Error('the fixture has no element');
  return element;
}

/** Another byte in the middle of base64. */
export function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes.toString('base64');
}

/** The SubjectPublicKeyInfo of a P-256 key with its point in another form: the same key, other bytes. */
export function respelled(publicKey: KeyObject, form: 'compressed' | 'hybrid'): Buffer {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = der.subarray(2, 23);
  const point = ECDH.convertKey(der.subarray(26), 'prime256v1', undefined, undefined, form) as Buffer;
  const header = Buffer.from([0x30, algorithm.length + point.length + 3]);
  return Buffer.concat([header, algorithm, Buffer.from([0x03, point.length + 1, 0]), point]);
}
