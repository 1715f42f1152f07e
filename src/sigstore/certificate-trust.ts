import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Verifier } from '@sigstore/verify';
import { asError, Refusal } from '../errors.ts';
import type { LeafCertificate } from './certificate.ts';
import type { SignatureContent } from './signature-content.ts';
import { trustMaterial, type TrustRoot } from './trust-root.ts';

/**
 * Verifies that an authority of the root issued the certificate, that the chain held at each trusted time, and that it was logged
 * as often as the root requires.
 * @param times milliseconds, at least one
 * @throws Refusal TIME_UNTRUSTED or CERT_INVALID.
 */
export function checkIssued(
  leaf: LeafCertificate,
  content: SignatureContent,
  root: TrustRoot,
  times: readonly number[],
): void {
  if (times.length === 0) throw new Refusal('TIME_UNTRUSTED', 'the certificate has no trusted time');
  for (const time of times) {
    if (time < leaf.notBefore || time > leaf.notAfter) {
      throw new Refusal(
        'TIME_UNTRUSTED',
        `it was signed at ${iso(time)}, outside the certificate's validity`,
      );
    }
  }
  const material = trustMaterial({
    certificateAuthorities: root.certificateAuthorities,
    ctlogs: root.ctLogs,
  });
  try {
    new Verifier(material, {
      ctlogThreshold: root.requires.scts,
      tlogThreshold: 0,
      timestampThreshold: 1,
    }).verify({
      signature: content,
      key: { $case: 'certificate', certificate: leaf.certificate },
      tlogEntries: [],
      // The library refuses one time twice, as if one proof were counted as two.
      timestamps: [...new Set(times)].map(observedAt),
    });
  } catch (thrown) {
    // Whatever it was: an SCT list that cannot be parsed makes the library throw plain errors.
    const { message } = asError(thrown);
    throw new Refusal('CERT_INVALID', `the trust root does not vouch for the certificate: ${message}`, {
      cause: thrown,
    });
  }
}

/** A time that is already proven, in the one form in which the library takes such. */
function observedAt(time: number): { $case: 'transparency-log'; tlogEntry: TransparencyLogEntry } {
  return {
    $case: 'transparency-log',
    tlogEntry: {
      logIndex: '0',
      logId: { keyId: Buffer.alloc(0) },
      kindVersion: { kind: '', version: '' },
      integratedTime: String(time / 1000),
      inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
      inclusionProof: undefined,
      canonicalizedBody: Buffer.alloc(0),
    },
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
