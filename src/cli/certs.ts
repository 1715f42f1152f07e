import { join } from 'node:path';
import { silentLogger } from '../log.ts';
import { DirectoryCertificate } from '../tls/directory-certificate.ts';

export interface CertsOptions {
  /** Gets `tls.crt`, `tls.key` and `ca.crt`. */
  readonly directory: string;
  /** DNS names and IP addresses that the webhook is called by. */
  readonly names: readonly [string, ...string[]];
}

/** Sees to it that a directory holds a serving certificate for these names: one that is there and good is kept. Returns what to say. */
export async function makeCertificate({ directory, names }: CertsOptions): Promise<string> {
  const source = new DirectoryCertificate({ directory, createFor: names, logger: silentLogger });
  await source.start();
  try {
    const { certificate, notAfter } = source.current();
    return [
      `Serving certificate: ${join(directory, 'tls.crt')}`,
      `  names:       ${certificate.subjectAltName ?? ''}`,
      `  valid until: ${new Date(notAfter).toISOString()}`,
      `  trusted by:  ${join(directory, 'ca.crt')} (the caBundle of a webhook configuration)`,
      '',
    ].join('\n');
  } finally {
    await source.stop();
  }
}
