import { createPublicKey, type KeyObject } from 'node:crypto';
import type { TrustMaterial } from '@sigstore/verify';
import { Fault, Refusal } from '../errors.ts';
import { readAuthority, readPeriod, readTimestampAuthority, type TimestampAuthority } from './authority.ts';
import { CODE_SIGNING } from './certificate.ts';
import { framedHash, type HashPart } from './framed-hash.ts';
import { checkShape } from './json-shape.ts';
import { verificationKey } from './verification-key.ts';
import type { JsonValue } from '../strict-json.ts';
import {
  TRUSTED_ROOT,
  TRUSTED_ROOT_MEDIA_TYPE,
  type LogJson,
  type TrustedRootJson,
} from './trusted-root-shape.ts';
import { VERIFIER_VERSION } from './verifier-version.ts';

/**
 * What proofs an instance of Sigstore gives, and therefore must be there. `timestamps` counts RFC 3161 timestamps;
 * that a certificate needs some trusted time is always so, whatever stands here.
 */
export interface ProofRequirements {
  readonly logEntries: number;
  readonly timestamps: number;
  readonly scts: number;
}

/** The public good instance: Fulcio with certificate transparency, Rekor. */
export const PUBLIC_GOOD: ProofRequirements = { logEntries: 1, timestamps: 0, scts: 1 };
/** GitHub's own instance for private repositories: no logs, a timestamp authority (gh, pkg/cmd/attestation/verification). */
export const GITHUB: ProofRequirements = { logEntries: 0, timestamps: 1, scts: 0 };
/** Any other instance, unless its owner says more. */
export const PRIVATE_INSTANCE: ProofRequirements = { logEntries: 1, timestamps: 0, scts: 0 };

/** Sigstore trust, parsed once and never changed. */
export interface TrustRoot {
  /** `sha256:<hex>` over all of its content that verification reads, what it requires, and the verifier's version. */
  readonly fingerprint: string;
  readonly requires: ProofRequirements;
  readonly certificateAuthorities: TrustMaterial['certificateAuthorities'];
  readonly timestampAuthorities: readonly TimestampAuthority[];
  readonly logs: readonly TransparencyLog[];
  readonly ctLogs: TrustMaterial['ctlogs'];
  /** What it was parsed from, for another thread to parse again: its parts cannot be sent. */
  readonly json: unknown;
}

export type TransparencyLog = TrustMaterial['tlogs'][number];
/** Members of `PublicKeyDetails` whose bytes are a bare RSAPublicKey, not a SubjectPublicKeyInfo. */
const PKCS1_KEYS: ReadonlySet<string | number> = new Set(['PKCS1_RSA_PKCS1V5', 'PKCS1_RSA_PSS', 1, 2]);
const MAX_REQUIRED = 8;
/**
 * Reads a parsed `trusted_root.json` (sigstore/protobuf-specs, protos/sigstore_trustroot.proto).
 * @throws Refusal MALFORMED, UNSUPPORTED or LIMIT, and nothing else.
 */
export function parseTrustRoot(json: unknown, requires: ProofRequirements): TrustRoot {
  try {
    checkRequirements(requires);
    checkShape(json as JsonValue, TRUSTED_ROOT, 'the trust root');
    return readRoot(json as TrustedRootJson, requires);
  } catch (thrown) {
    if (thrown instanceof Refusal || thrown instanceof Fault) throw thrown;
    throw new Refusal('MALFORMED', 'the trust root cannot be read', { cause: thrown });
  }
}

/** The library's form, with some parts left out so that one proof is verified against one log or authority alone. */
export function trustMaterial(parts: Partial<TrustMaterial>): TrustMaterial {
  return {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => {
      throw new Refusal('SIG_INVALID', 'no public key is trusted here');
    },
    ...parts,
  };
}

function readRoot(json: TrustedRootJson, requires: ProofRequirements): TrustRoot {
  if (!TRUSTED_ROOT_MEDIA_TYPE.test(json.mediaType)) {
    throw new Refusal(
      'MALFORMED',
      'the trust root is not of a known media type (Sigstore trusted root 0.1 or 0.2)',
    );
  }
  const certificateAuthorities = list(json.certificateAuthorities).map((authority, i) =>
    readAuthority(authority, `certificateAuthorities[${i}]`, CODE_SIGNING),
  );
  const timestampAuthorities = list(json.timestampAuthorities).map((authority, i) =>
    readTimestampAuthority(authority, `timestampAuthorities[${i}]`),
  );
  const logs = list(json.tlogs).map((log, i) => readLog(log, `tlogs[${i}]`));
  const ctLogs = list(json.ctlogs).map((log, i) => readLog(log, `ctlogs[${i}]`));
  checkSufficient(requires, { logEntries: logs, timestamps: timestampAuthorities, scts: ctLogs });
  const content = { certificateAuthorities, timestampAuthorities, logs, ctLogs };
  return { fingerprint: fingerprintOf(content, requires), requires, ...content, json };
}

function checkRequirements(requires: ProofRequirements): void {
  for (const count of [requires.logEntries, requires.timestamps, requires.scts]) {
    if (!Number.isInteger(count) || count < 0 || count > MAX_REQUIRED) {
      throw new Refusal(
        'MALFORMED',
        `a required number of proofs is not an integer from 0 to ${MAX_REQUIRED}`,
      );
    }
  }
}

/** A root that asks for what it cannot verify refuses everything: better said when it is applied. */
function checkSufficient(
  requires: ProofRequirements,
  sources: Readonly<Record<keyof ProofRequirements, readonly unknown[]>>,
): void {
  for (const kind of ['logEntries', 'timestamps', 'scts'] as const) {
    if (requires[kind] > 0 && sources[kind].length === 0) {
      throw new Refusal('MALFORMED', `the trust root requires ${kind} but names nobody who gives them`);
    }
  }
}

function readLog(log: LogJson, path: string): TransparencyLog {
  const { rawBytes, keyDetails, validFor } = log.publicKey;
  const type = PKCS1_KEYS.has(keyDetails ?? 0) ? 'pkcs1' : 'spki';
  const { key } = verificationKey(readKey(Buffer.from(rawBytes, 'base64'), type, path));
  const logID = Buffer.from((log.checkpointKeyId ?? log.logId).keyId, 'base64');
  // Checkpoints name the log's key by the first four bytes.
  if (logID.length < 4) throw new Refusal('MALFORMED', `${path}: the log's ID is too short`);
  return { baseURL: log.baseUrl, logID, publicKey: key, validFor: readPeriod(validFor, path) };
}

function readKey(der: Buffer, type: 'pkcs1' | 'spki', path: string): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type });
  } catch (cause) {
    throw new Refusal('MALFORMED', `${path}: the public key cannot be read`, { cause });
  }
}

function fingerprintOf(
  root: Omit<TrustRoot, 'fingerprint' | 'requires' | 'json'>,
  requires: ProofRequirements,
): string {
  const authorities = [...root.certificateAuthorities, ...root.timestampAuthorities.map((t) => t.authority)];
  const parts: HashPart[] = [VERIFIER_VERSION, requires.logEntries, requires.timestamps, requires.scts];
  parts.push(root.certificateAuthorities.length, authorities.length, root.logs.length, root.ctLogs.length);
  for (const { certChain, validFor } of authorities) {
    parts.push(validFor.start.getTime(), validFor.end.getTime(), certChain.length);
    for (const certificate of certChain) parts.push(certificate.root.toDER());
  }
  for (const { baseURL, logID, publicKey, validFor } of [...root.logs, ...root.ctLogs]) {
    parts.push(baseURL, logID, publicKey.export({ type: 'spki', format: 'der' }));
    parts.push(validFor.start.getTime(), validFor.end.getTime());
  }
  return `sha256:${framedHash(parts)}`;
}

function list<T>(value: readonly T[] | null | undefined): readonly T[] {
  return value ?? [];
}
