import type { JsonValue } from '../strict-json.ts';
import {
  readRecordV01,
  readRecordV02,
  readRecordV1,
  type BuildRecord,
  type Dependency,
} from './build-record.ts';
import { buildTypeOf, type BuildPlatform } from './build-type.ts';
import type { Claim, ClaimSubject } from './claim.ts';
import type { Fields } from './json-fields.ts';

/**
 * What a provenance statement says, v0.1, v0.2 and v1 alike. It is what its signer claims, and no more: who may speak for
 * the builder is for `builder-binding.ts`. What is absent is undefined, never guessed.
 */
export interface Provenance {
  readonly kind: 'provenance';
  readonly builder: {
    /** Undefined where it is empty, as BuildKit writes it on a laptop: then nobody can speak for it. */
    readonly id: string | undefined;
    /** Versions of the builder's parts by name (v1). */
    readonly version: Readonly<Record<string, string>> | undefined;
  };
  readonly buildType: string;
  readonly platform: BuildPlatform;
  /** Canonical, see `source-uri.ts`. */
  readonly source: string | undefined;
  readonly ref: string | undefined;
  readonly commit: string | undefined;
  /** Path of the workflow, pipeline or Dockerfile, or the name of the job. */
  readonly entryPoint: string | undefined;
  readonly trigger: string | undefined;
  /** External parameters; undefined when they are absent, or larger than anybody would look at. */
  readonly parameters: JsonValue | undefined;
  readonly invocationId: string | undefined;
  readonly resolvedDependencies: readonly Dependency[];
  /** Milliseconds since the epoch, like the next. */
  readonly startedOn: number | undefined;
  readonly finishedOn: number | undefined;
  /** Everything that a certificate could confirm or contradict, each with its place. */
  readonly claims: readonly Claim[];
}

export type ProvenanceForm = 'v0.1' | 'v0.2' | 'v1';

/** Values of all parameters together, and their characters: they are kept with the cached fact, to be shown. */
const MAX_PARAMETERS = 1000;
const MAX_PARAMETER_CHARS = 32 * 1024;

/** @throws Refusal MALFORMED or LIMIT, with the path of the field */
export function readProvenance(form: ProvenanceForm, predicate: Fields): Provenance {
  const record = READERS[form](predicate);
  const { platform, claims: claimsOf } = buildTypeOf(record.buildType);
  const claims = claimsOf(record);
  return {
    kind: 'provenance',
    builder: { id: record.builderId, version: record.builderVersion },
    buildType: record.buildType,
    platform,
    source: firstClaim(claims, 'repository'),
    ref: firstClaim(claims, 'ref'),
    commit: firstClaim(claims, 'commit'),
    entryPoint:
      firstClaim(claims, 'config') ?? firstClaim(claims, 'entryPoint') ?? record.configSource?.entryPoint,
    trigger: firstClaim(claims, 'trigger'),
    parameters: bounded(record.external?.json),
    invocationId: record.invocationId,
    resolvedDependencies: record.dependencies,
    startedOn: record.startedOn,
    finishedOn: record.finishedOn,
    claims,
  };
}

export function firstClaim(claims: readonly Claim[], about: ClaimSubject): string | undefined {
  return claims.find((claim) => claim.about === about)?.value;
}

const READERS: Readonly<Record<ProvenanceForm, (predicate: Fields) => BuildRecord>> = {
  'v0.1': readRecordV01,
  'v0.2': readRecordV02,
  v1: readRecordV1,
};

/** Iterative, and ends as soon as one bound is passed. */
function bounded(json: JsonValue | undefined): JsonValue | undefined {
  let values = 0;
  let chars = 0;
  const open: JsonValue[] = json === undefined ? [] : [json];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') chars += value.length;
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value) as [string, JsonValue][]) {
        chars += key.length;
        if (++values > MAX_PARAMETERS) return undefined;
        open.push(inner);
      }
    }
    if (chars > MAX_PARAMETER_CHARS) return undefined;
  }
  return json;
}
