import { createPublicKey } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import { unsupportedConstraint, type Authority } from './authority.ts';
import { CODE_SIGNING } from './certificate.ts';
import { parseMemoised } from './memoised-certificate.ts';
import { verificationKey } from './verification-key.ts';

/**
 * The authorities of a root, each with those certificates that came with a signature and that it vouches for. They are asked for only
 * where no authority's own certificate signed the leaf. A self-signed one is never among them, because what the library is given as an
 * authority's chain it trusts (attack A21). That each is an authority, times and path lengths are the library's to check, on the path that
 * it finds.
 */
export function withIntermediates(
  authorities: readonly Authority[],
  leaf: X509Certificate,
  chain: readonly Buffer[],
): Authority[] {
  if (chain.length === 0 || authorities.some(({ certChain }) => issuerAmong(certChain, leaf) !== undefined)) {
    return [...authorities];
  }
  const candidates = chain.flatMap(usableIntermediate);
  return authorities.map(({ certChain, validFor }) => ({
    // Whoever lists an authority's intermediates means these: any other below it could take the name of one.
    certChain: certChain.length > 1 ? certChain : vouched(certChain, candidates),
    validFor,
  }));
}

/** The certificate among them that signed this one. */
export function issuerAmong(
  issuers: readonly X509Certificate[],
  certificate: X509Certificate,
): X509Certificate | undefined {
  return issuers.find(
    (issuer) => issuer.subject.equals(certificate.issuer) && issuer.isCA && certificate.verify(issuer),
  );
}

/** Grows the chain by every candidate that one of it signed, until there is none. */
function vouched(
  certChain: readonly X509Certificate[],
  candidates: readonly X509Certificate[],
): X509Certificate[] {
  const trusted = [...certChain];
  let rest = candidates;
  for (;;) {
    const next = rest.filter((candidate) => issuerAmong(trusted, candidate) !== undefined);
    if (next.length === 0) return trusted;
    trusted.push(...next);
    rest = rest.filter((candidate) => !next.includes(candidate));
  }
}

/** True for a root certificate. What cannot be read is none, and is never an authority either. */
export function isSelfSigned(der: Buffer): boolean {
  try {
    const certificate = parseMemoised(der);
    return certificate.subject.equals(certificate.issuer) && certificate.verify(certificate);
  } catch {
    return false;
  }
}

/** None for what must not sign signers' certificates, and for what cannot be read: it is no path, and no reason to refuse another. */
function usableIntermediate(der: Buffer): X509Certificate[] {
  try {
    const certificate = parseMemoised(der);
    // Also bounds what a verification with its key costs.
    verificationKey(createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' }));
    // The library is content with an authority that has no key usage at all.
    const isUsable =
      certificate.extKeyUsage?.keyCertSign === true &&
      unsupportedConstraint(certificate, CODE_SIGNING) === undefined;
    return isUsable ? [certificate] : [];
  } catch {
    return [];
  }
}
