import { createPublicKey } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodeBase64 } from './base64.ts';
import { pemBody } from './pem.ts';
import { verificationKey } from './verification-key.ts';
import { isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../strict-json.ts';

/** @throws Refusal MALFORMED or LIMIT. */
export function parseEntryBody({ canonicalizedBody }: TransparencyLogEntry): JsonValue {
  return parseStrictJson(canonicalizedBody, 'the log entry', { tokens: LIMITS.bundleTokens });
}

/** Who signed, as a log entry may name them: by the certificate, or by the bare key; DER. */
export type EntrySigner =
  { readonly kind: 'certificate'; readonly der: Buffer } | { readonly kind: 'key'; readonly der: Buffer };

type Path = readonly (string | number)[];

/** Where each supported kind of entry keeps its verifier, and how it is written there. */
const VERIFIERS: Readonly<Record<string, { readonly path: Path; readonly form: 'pem' | 'message' }>> = {
  'hashedrekord/0.0.1': { path: ['spec', 'signature', 'publicKey', 'content'], form: 'pem' },
  'dsse/0.0.1': { path: ['spec', 'signatures', 0, 'verifier'], form: 'pem' },
  'intoto/0.0.1': { path: ['spec', 'publicKey'], form: 'pem' },
  'intoto/0.0.2': { path: ['spec', 'content', 'envelope', 'signatures', 0, 'publicKey'], form: 'pem' },
  'hashedrekord/0.0.2': { path: ['spec', 'hashedRekordV002', 'signature', 'verifier'], form: 'message' },
  'dsse/0.0.2': { path: ['spec', 'dsseV002', 'signatures', 0, 'verifier'], form: 'message' },
};

/**
 * Refuses an entry that names another certificate or key than the one that we verify with. The library compares the
 * signature and the digest only, and for some algorithms several keys verify one signature (attack A2).
 * @throws Refusal TLOG_MISMATCH; UNSUPPORTED for a kind of entry that is not verified here (`rekord`).
 */
export function checkEntrySigner(body: JsonValue, expected: EntrySigner): void {
  if (!isJsonObject(body)) throw new Refusal('TLOG_MISMATCH', 'the log entry has no body');
  const named = entrySigner(body);
  if (named.kind !== expected.kind || !isSame(named, expected)) {
    throw new Refusal(
      'TLOG_MISMATCH',
      `the log entry is about another ${expected.kind} than the one that signed`,
    );
  }
}

/** Certificates byte for byte; a key also where the log keeps it in another spelling. */
function isSame(named: EntrySigner, expected: EntrySigner): boolean {
  if (named.der.equals(expected.der)) return true;
  if (named.kind === 'certificate') return false;
  try {
    const key = createPublicKey({ key: named.der, format: 'der', type: 'spki' });
    return verificationKey(key).spki.equals(expected.der);
  } catch {
    return false;
  }
}

function entrySigner(body: JsonObject): EntrySigner {
  // `checkEntryShape` has compared both with the kind and version outside the body.
  const verifier = VERIFIERS[`${String(body['kind'])}/${String(body['apiVersion'])}`];
  const value = verifier === undefined ? undefined : at(body, verifier.path);
  const signer = verifier?.form === 'pem' ? fromPem(value) : fromMessage(value);
  if (signer === undefined) throw new Refusal('TLOG_MISMATCH', 'the log entry does not say who signed');
  return signer;
}

/** Rekor v1: base64 of PEM, a certificate or a public key. */
function fromPem(value: JsonValue | undefined): EntrySigner | undefined {
  if (typeof value !== 'string') return undefined;
  const pem = decodeBase64(value, "the log entry's key", 2 * LIMITS.certificateBytes).toString('latin1');
  return pem.includes('-----BEGIN CERTIFICATE-----')
    ? { kind: 'certificate', der: pemBody(pem, 'CERTIFICATE', "the log entry's certificate") }
    : { kind: 'key', der: pemBody(pem, 'PUBLIC KEY', "the log entry's key") };
}

/** Rekor v2: one of two messages with base64 of DER (rekor-tiles, api/proto/rekor/v2/verifier.proto). */
function fromMessage(value: JsonValue | undefined): EntrySigner | undefined {
  if (!isJsonObject(value)) return undefined;
  const certificate = at(value, ['x509Certificate', 'rawBytes']);
  const key = at(value, ['publicKey', 'rawBytes']);
  const [kind, raw] =
    typeof certificate === 'string' ? (['certificate', certificate] as const) : (['key', key] as const);
  if (typeof raw !== 'string' || (kind === 'certificate' && key !== undefined)) return undefined;
  return { kind, der: decodeBase64(raw, "the log entry's key", LIMITS.certificateBytes) };
}

/** What stands at a path; undefined where the path ends before. */
export function at(value: JsonValue | undefined, path: Path): JsonValue | undefined {
  let current = value;
  for (const step of path) {
    if (typeof step === 'number') {
      current = Array.isArray(current) ? (current as readonly JsonValue[])[step] : undefined;
    } else {
      current = isJsonObject(current) && Object.hasOwn(current, step) ? current[step] : undefined;
    }
  }
  return current;
}
