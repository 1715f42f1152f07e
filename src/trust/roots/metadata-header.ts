import { LIMITS } from '../../limits.ts';
import { parseRfc3339 } from '../../rfc3339.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../../strict-json.ts';
import { RepositoryProblem } from './repository-files.ts';

/** What every TUF metadata file says of itself (specification §4.3). */
export interface MetadataHeader {
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Of a root: whether names of files have versions and hashes. */
  readonly consistentSnapshot: boolean;
}

/** Refuses what would keep the client busy before it looks at a signature. @throws RepositoryProblem */
export function checkMetadata(bytes: Uint8Array, name: string): JsonObject {
  try {
    const json = parseStrictJson(bytes, name, { tokens: LIMITS.tufMetadataTokens });
    if (isJsonObject(json) && isJsonObject(json['signed'])) return json['signed'];
  } catch (cause) {
    throw malformed(name, cause);
  }
  throw malformed(name);
}

/** @throws RepositoryProblem */
export function readHeader(bytes: Uint8Array, name: string): MetadataHeader {
  const { version, expires, consistent_snapshot: consistentSnapshot } = checkMetadata(bytes, name);
  const time = typeof expires === 'string' ? parseRfc3339(expires) : undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || time === undefined)
    throw malformed(name);
  return { version, expires: time, consistentSnapshot: consistentSnapshot !== false };
}

function malformed(name: string, cause?: unknown): RepositoryProblem {
  return new RepositoryProblem(`${name} is not TUF metadata, or is larger than what is accepted`, { cause });
}
