import { readFileSync } from 'node:fs';
import type { Evidence } from '../../src/sigstore/evidence.ts';

/** What `fixtures-record-cosign.ts` writes. */
export interface CosignRecord {
  /** The text of `trusted_root.json`. Its instance has no CT log. */
  readonly trustedRoot: string;
  readonly cases: readonly RecordedCase[];
}

export interface RecordedCase {
  readonly name: string;
  readonly digest: string;
  /** PEM; absent for keyless signatures. */
  readonly publicKey?: string;
  /** Base64 of a Sigstore bundle; absent for the layout of cosign 1 and 2. */
  readonly bundle?: string;
  /** Base64; of a layer of a `.sig` tag. */
  readonly payload?: string;
  /** Base64; of a layer of an `.att` tag. */
  readonly envelope?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function readCosignRecord(): CosignRecord {
  return JSON.parse(
    readFileSync(new URL('../sigstore/cosign.json', import.meta.url), 'utf8'),
  ) as CosignRecord;
}

export function recordedEvidence({
  name,
  bundle,
  payload = '',
  envelope,
  annotations = {},
}: RecordedCase): Evidence {
  if (bundle !== undefined) return { kind: 'bundle', source: name, bytes: Buffer.from(bundle, 'base64') };
  return envelope === undefined
    ? { kind: 'simple-signing', source: name, payload: Buffer.from(payload, 'base64'), annotations }
    : { kind: 'dsse-envelope', source: name, envelope: Buffer.from(envelope, 'base64'), annotations };
}
