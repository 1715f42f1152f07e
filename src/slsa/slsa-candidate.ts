import type { CertificateIdentity, KeyIdentity } from '../sigstore/verified-signature.ts';
import type { SlsaStatement } from './slsa-statement.ts';

/** One statement about an image whose signature has been verified, with what the policy knows of its signer. */
export interface SlsaCandidate {
  /** Where it was found, for people. */
  readonly source: string;
  /** SHA-256 digests of its subjects (`VerifiedSignature.digests`). */
  readonly digests: readonly string[];
  readonly statement: SlsaStatement;
  readonly signer: CertificateIdentity | KeyIdentity;
  /**
   * Whether its certificate was verified with the root that the policy takes build platforms from. Another root may be trusted for
   * one signer, and could write any platform's name into a certificate.
   */
  readonly isPlatform: boolean;
  /** Names of the TrustedSigners that its signature counts for now; only those that `builders` and `verifiers` refer to matter. */
  readonly signerRefs: ReadonlySet<string>;
  /** Trusted times, without those of proofs that the policy ignores; ascending, milliseconds since the epoch. */
  readonly times: readonly number[];
}
