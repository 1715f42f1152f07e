import { readFileSync } from 'node:fs';
import { SettingsError } from '../config.ts';
import { asError } from '../errors.ts';

/** PEM of the authorities whose clients may ask; undefined = anybody. @throws SettingsError */
export function readClientCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    const pem = readFileSync(file, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch (error) {
    throw new SettingsError(`webhook.clientCA: ${asError(error).message}`, { cause: error });
  }
  // Node would take a text without a certificate for "nobody is trusted", and say so to no one.
  throw new SettingsError(`webhook.clientCA: ${file} holds no PEM certificate`);
}
