import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Verifier } from '@sigstore/verify';
import { Refusal } from '../errors.ts';
import type { LeafCertificate } from './certificate.ts';
import { withIntermediates } from './intermediates.ts';
import { wordsOf } from './refusal-detail.ts';
import type { SignatureContent } from './signature-content.ts';
import { trustMaterial, type TrustRoot } from './trust-root.ts';

/**
 * Verifies that an authority of the root issued the certificate, that the chain held at each trusted time, and that it was logged
 * as often as the root requires.
 * @param chain certificates that came with it
 * @param times milliseconds, at least one
 * @throws Refusal TIME_UNTRUSTED or CERT_INVALID.
 */
export function checkIssued(
  leaf: LeafCertificate,
  chain: readonly Buffer[],
  content: SignatureContent,
  root: TrustRoot,
  times: readonly number[],
): void {
  if (times.length === 0) throw new Refusal('TIME_UNTRUSTED', 'the certificate has no trusted time');
  checkValidity(leaf, times);
  const material = trustMaterial({
    certificateAuthorities: withIntermediates(root.certificateAuthorities, leaf.certificate, chain),
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
      timestamps: distinctTimes(times).map(observedAt),
    });
  } catch (thrown) {
    // An SCT list that cannot be parsed makes the library throw plain errors.
    const message = wordsOf(thrown, 'its list of SCTs cannot be read');
    // One that is there is checked, also where none is asked for: who relies on it must not be misled.
    const hint =
      message.includes('SCT') && root.ctLogs.length === 0
        ? ': the trust root names no certificate transparency log (ctlogs) to check it with'
        : '';
    throw new Refusal(
      'CERT_INVALID',
      `the trust root does not vouch for the certificate: ${message}${hint}`,
      {
        cause: thrown,
      },
    );
  }
}

/**
 * Refuses a certificate that was used outside its validity.
 * @param times milliseconds
 * @throws Refusal TIME_UNTRUSTED
 */
export function checkValidity(
  { notBefore, notAfter }: Pick<LeafCertificate, 'notBefore' | 'notAfter'>,
  times: readonly number[],
): void {
  for (const time of times) {
    if (time < notBefore || time > notAfter) {
      throw new Refusal(
        'TIME_UNTRUSTED',
        `it was signed at ${iso(time)}, outside the certificate's validity`,
      );
    }
  }
}

/**
 * The library takes whole seconds, so that a fraction becomes the seconds before and after it: where both are in a period, so is
 * what lies between.
 */
function distinctTimes(times: readonly number[]): readonly number[] {
  return [...new Set(times.flatMap((time) => [Math.floor(time / 1000), Math.ceil(time / 1000)]))];
}

/** A time that is already proven, in the one form in which the library takes such. */
function observedAt(seconds: number): { $case: 'transparency-log'; tlogEntry: TransparencyLogEntry } {
  return {
    $case: 'transparency-log',
    tlogEntry: {
      logIndex: '0',
      logId: { keyId: Buffer.alloc(0) },
      kindVersion: { kind: '', version: '' },
      integratedTime: String(seconds),
      inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
      inclusionProof: undefined,
      canonicalizedBody: Buffer.alloc(0),
    },
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
