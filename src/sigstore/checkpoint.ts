import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodeBase64 } from './base64.ts';
import type { TransparencyLog } from './trust-root.ts';

/** Cosigned checkpoints have one line per witness, a dozen today; each line with the log's hint costs a verification. */
const MAX_SIGNATURES = 32;
/** A signature comes after the first bytes of the ID of its key, which the library compares with the log's. */
const HINT_BYTES = 4;
const DECIMAL = /^(0|[1-9]\d{0,18})$/;
/** A name has no space and no plus sign (C2SP, signed-note.md). */
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;

type InclusionProof = NonNullable<TransparencyLogEntry['inclusionProof']>;

/** A signed tree head (C2SP, tlog-checkpoint.md), parsed and not verified. */
interface Checkpoint {
  /** Everything that is signed, with its last line break. */
  readonly note: string;
  readonly origin: string;
  readonly treeSize: string;
  readonly rootHash: Buffer;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly line: string;
  readonly name: string;
}

/**
 * The proof with the signatures in the log's own name on its checkpoint alone, for the library to verify with the log's key: it compares
 * names by their parts and does not look at the origin.
 * @throws Refusal TLOG_MISSING without a checkpoint, LIMIT, or TLOG_INVALID for a checkpoint that is malformed, of another origin or
 * tree than the proof says, or not signed in the log's name.
 */
export function proofOfLog(proof: InclusionProof, log: TransparencyLog): InclusionProof {
  const { note, origin, treeSize, rootHash, signatures } = readCheckpoint(proof);
  const names = namesOf(log);
  if (treeSize !== proof.treeSize || !rootHash.equals(proof.rootHash)) {
    throw invalid('the inclusion proof is for another tree than the checkpoint');
  }
  const own = signatures.filter(({ name }) => names.includes(name) && isOrigin(origin, name));
  if (own.length === 0) {
    throw invalid('the checkpoint is not of the log: its origin, or the name on its signature, is another');
  }
  const envelope = `${note}\n${own.map(({ line }) => `${line}\n`).join('')}`;
  return { ...proof, checkpoint: { envelope } };
}

function readCheckpoint({ checkpoint }: InclusionProof): Checkpoint {
  if (checkpoint === undefined) {
    throw new Refusal('TLOG_MISSING', 'the inclusion proof of the log entry has no checkpoint');
  }
  const [text = '', signed, ...more] = checkpoint.envelope.split('\n\n');
  const lines = signed?.split('\n') ?? [];
  // The last line ends as the others do.
  if (more.length > 0 || lines.pop() !== '') throw malformed();
  if (lines.length > MAX_SIGNATURES) {
    throw new Refusal('LIMIT', `the checkpoint has more than ${MAX_SIGNATURES} signatures`);
  }
  const [origin = '', treeSize = '', root = ''] = text.split('\n');
  if (origin === '' || !DECIMAL.test(treeSize)) throw malformed();
  return {
    note: `${text}\n`,
    origin,
    treeSize,
    rootHash: decode(root),
    signatures: lines.map(readSignature),
  };
}

function readSignature(line: string): NoteSignature {
  const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decode(base64 ?? '');
  if (name === undefined || bytes.length <= HINT_BYTES) throw malformed();
  return { line, name };
}

function decode(base64: string): Buffer {
  try {
    return decodeBase64(base64, 'the checkpoint', LIMITS.checkpointBytes);
  } catch (cause) {
    throw invalid('the checkpoint of the log entry is malformed', cause);
  }
}

/**
 * What the log may call itself: the host of its URL, as Rekor does, or the URL without its scheme, as C2SP recommends.
 */
function namesOf({ baseURL }: TransparencyLog): readonly string[] {
  const name = baseURL.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/\/+$/, '');
  const host = name.replace(/\/.*$/, '');
  return [name, host, host.replace(/:\d+$/, '')].filter((each) => each !== '');
}

/** Rekor v1 adds the tree's ID: `rekor.sigstore.dev - 1193050959916656506`. */
function isOrigin(origin: string, name: string): boolean {
  return origin === name || (origin.startsWith(`${name} - `) && DECIMAL.test(origin.slice(name.length + 3)));
}

function malformed(): Refusal {
  return invalid('the checkpoint of the log entry is malformed');
}

function invalid(message: string, cause?: unknown): Refusal {
  return new Refusal('TLOG_INVALID', message, cause === undefined ? {} : { cause });
}
