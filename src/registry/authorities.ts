import { readFileSync } from 'node:fs';
import { checkedAuthorities } from '../sigstore/pem.ts';

/** PEM certificates of a file. @throws Error that names the file */
export function readAuthorities(file: string): string {
  return checkedAuthorities(readFileSync(file, 'utf8'), file);
}
