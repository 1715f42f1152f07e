import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CertificateListener, CertificateSource, ServingCertificate } from './serving-certificate.ts';

/** The certificate in use, and those who want to know of the next one. */
export class CertificateHolder implements CertificateSource {
  readonly #logger: Logger;
  readonly #listeners = new Set<CertificateListener>();
  #current: ServingCertificate | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  current(): ServingCertificate {
    if (this.#current === undefined) throw new Error('there is no serving certificate yet');
    return this.#current;
  }

  /** The one in use, if there is one. */
  get held(): ServingCertificate | undefined {
    return this.#current;
  }

  onChange(listener: CertificateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Puts one into use; the same one again is no news. */
  use(certificate: ServingCertificate): void {
    const before = this.#current;
    this.#current = certificate;
    if (before?.certPem === certificate.certPem && before.keyPem === certificate.keyPem) return;
    const { subjectAltName, fingerprint256 } = certificate.certificate;
    const notAfter = new Date(certificate.notAfter).toISOString();
    this.#logger.info(
      { names: subjectAltName, fingerprint: fingerprint256, notAfter },
      'serving certificate in use',
    );
    for (const listener of this.#listeners) {
      try {
        listener(certificate);
      } catch (error) {
        this.#logger.error({ err: asError(error) }, 'a server could not take the new certificate');
      }
    }
  }
}
