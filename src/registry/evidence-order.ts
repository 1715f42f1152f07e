import type { EvidenceAsk } from '../admission/ports.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { COSIGN_SIGNATURE_PREDICATE } from '../sigstore/statement.ts';
import type { Descriptor } from './manifest.ts';

/**
 * Descriptors carry hints about what they link to. Hints order the work: they prove nothing, and no piece is left out because
 * of one. A piece with a wrong hint is read later than the others, within the same bounds.
 */
export interface Hint {
  /** `signature`, or the predicate type of a statement; undefined = nothing says what it is. */
  readonly says: string | undefined;
  /** When it was made, milliseconds since the epoch. */
  readonly created: number | undefined;
  /** Nothing says that it is evidence at all. */
  readonly isVague: boolean;
}

export const SIGNATURE = 'signature';

/** cosign writes these on layers of its tags and on bundles, GitHub on bundles, Witness and others on in-toto referrers. */
const PREDICATE_TYPES = ['dev.sigstore.bundle.predicateType', 'predicateType', 'in-toto.io/predicate-type'];
const BUNDLE_CONTENT = 'dev.sigstore.bundle.content';
const CREATED = 'org.opencontainers.image.created';
/** RFC 3339, as the OCI image specification asks for. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** What the annotations of a descriptor say of its content. */
export function hintOf({ annotations }: Pick<Descriptor, 'annotations'>): Hint {
  return { says: saidBy(annotations), created: createdAt(annotations[CREATED]), isVague: false };
}

function saidBy(annotations: Descriptor['annotations']): string | undefined {
  if (annotations[BUNDLE_CONTENT] === 'message-signature') return SIGNATURE;
  const name = PREDICATE_TYPES.find((key) => (annotations[key] ?? '') !== '');
  const predicateType = name === undefined ? undefined : annotations[name];
  return predicateType === COSIGN_SIGNATURE_PREDICATE ? SIGNATURE : predicateType;
}

function createdAt(text: string | undefined): number | undefined {
  const time = text !== undefined && TIMESTAMP.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** What a hint says of evidence that is refused unread: for the wording of a denial only. */
export function claimsOf({ says }: Hint): Pick<RefusedEvidence, 'claims' | 'claimedType'> {
  if (says === undefined) return {};
  return says === SIGNATURE ? { claims: 'signature' } : { claims: 'attestation', claimedType: says };
}

/**
 * The most promising first: what is asked for, and what nothing is said of, take turns, so that a daily scan report does not
 * displace the one signature; then what may be no evidence, then what is said to be something else. Within each the newest
 * first, then those without a date in the order given.
 */
export function inOrder<T extends { readonly hint: Hint }>(
  pieces: readonly T[],
  ask: EvidenceAsk,
): readonly T[] {
  const asked = new Set([...(ask.signatures ? [SIGNATURE] : []), ...ask.predicateTypes]);
  const {
    turn = [],
    vague = [],
    other = [],
  } = Object.groupBy(pieces, ({ hint: { says, isVague } }) => {
    if (says !== undefined) return asked.has(says) ? 'turn' : 'other';
    return isVague ? 'vague' : 'turn';
  });
  const kinds = [...Map.groupBy(turn, ({ hint }) => hint.says).values()].map(newestFirst);
  return [...inTurns(kinds), ...newestFirst(vague), ...newestFirst(other)];
}

function newestFirst<T extends { readonly hint: Hint }>(pieces: readonly T[]): readonly T[] {
  const time = ({ hint }: T) => hint.created ?? Number.NEGATIVE_INFINITY;
  // A difference of infinities is no number.
  return pieces.toSorted((a, b) => (time(a) === time(b) ? 0 : time(b) - time(a)));
}

function inTurns<T>(kinds: readonly (readonly T[])[]): readonly T[] {
  const longest = kinds.reduce((length, kind) => Math.max(length, kind.length), 0);
  return Array.from({ length: longest }, (_, turn) =>
    kinds.flatMap((kind) => kind.slice(turn, turn + 1)),
  ).flat();
}
