import { readFileSync } from 'node:fs';
import { SettingsError } from '../config.ts';
import { asError } from '../errors.ts';
import { checkedAuthorities } from '../sigstore/pem.ts';

/** PEM of the authorities whose clients may ask; undefined = anybody. @throws SettingsError */
export function readClientCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return checkedAuthorities(readFileSync(file, 'utf8'), file);
  } catch (error) {
    throw new SettingsError(`webhook.clientCA: ${asError(error).message}`, { cause: error });
  }
}
