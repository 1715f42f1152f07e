import { isRecord, type Json } from '../shared/values.ts';

/** How an entry of `trustedKeys` says who may sign. */
export const ENTRY_KINDS = ['signerRef', 'signerSelector', 'keyless', 'publicKey', 'keyRef'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export function entryKind(entry: unknown): EntryKind {
  return ENTRY_KINDS.find((kind) => isRecord(entry) && entry[kind] !== undefined) ?? 'signerRef';
}

/** What an entry of this kind begins as. */
export function emptyEntry(kind: EntryKind): Json {
  switch (kind) {
    case 'signerRef':
      return { signerRef: { name: '' } };
    case 'signerSelector':
      return { signerSelector: { matchLabels: {} } };
    case 'keyless':
      return { keyless: true, issuer: '', subject: '' };
    case 'publicKey':
      return { publicKey: { pem: '' } };
    case 'keyRef':
      return { keyRef: { uri: '' } };
  }
}
