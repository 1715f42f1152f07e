import type { PolicyRules } from '../api/resources.ts';
import type { Proofs, RefusedEvidence, VerifiedSignature } from '../sigstore/verified-signature.ts';
import type {
  EvidenceExplanation,
  ProofExplanation,
  ProofsExplanation,
  RefusalExplanation,
} from './explanation.ts';
import type { FoundFacts } from './image-facts.ts';
import { field } from './message.ts';
import { mostTelling, refusal } from './reason-order.ts';
import { holdAgainst, isRefused, type Held } from './signature-rule.ts';
import type { SignerEntry } from './signer-entry.ts';
import { describeSigner } from './signer-match.ts';
import type { BoundContext } from './trust-binding.ts';
import type { Violation } from './verdict.ts';

/** Digests of one statement that are shown: the others are of other images. */
const MAX_DIGESTS = 8;

/** What was found for a digest, and what it is held against. */
export interface Examinable {
  readonly rules: PolicyRules;
  readonly entries: readonly SignerEntry[];
  /** What statements are verified with, and the types of the attestations that are asked for. */
  readonly statements: { readonly contexts: readonly BoundContext[]; readonly types: readonly string[] };
  readonly digest: string;
  readonly found: FoundFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Every piece of evidence once, good or bad, whatever it was verified with. */
export function explainEvidence(examinable: Examinable): readonly EvidenceExplanation[] {
  const read = [...piecesOf(examinable).values()].map(explainPiece);
  // Every piece is verified in every context: where the policy asks for signatures, all of them are shown already.
  const others = examinable.entries.length > 0 ? [] : explainStatements(examinable);
  return [...read, ...others, ...examinable.found.refused.map(explainUnread)];
}

/** Attestations that are asked for, and what is refused and does not say that it is a signature; provenance has its own list. */
function explainStatements({ statements, found }: Examinable): readonly EvidenceExplanation[] {
  const pieces = new Map<string, Piece['facts']>();
  for (const id of new Set(statements.contexts.map((context) => context.id))) {
    for (const [name, fact] of named(found.byContext.get(id) ?? [])) {
      pieces.set(name, [...(pieces.get(name) ?? []), fact]);
    }
  }
  return [...pieces.values()].flatMap((facts) => {
    const verified = facts.find((fact): fact is VerifiedSignature => !isRefused(fact));
    if (verified !== undefined) {
      const { source, content } = verified;
      if (content.kind !== 'attestation' || !statements.types.includes(content.predicateType)) return [];
      const proof = explainProof(verified);
      return { source: field(source), content, proof, countsFor: [], refusals: [] };
    }
    const refused = facts.filter(isRefused).filter(({ claims }) => claims !== 'signature');
    const [nearest] = mostTelling(refused.map(refusal));
    const [first] = refused;
    return nearest === undefined || first === undefined ? [] : explainRefused(first.source, nearest);
  });
}

/** What came out of one piece of evidence: it may verify with one key and not with another. */
interface Piece {
  readonly source: string;
  readonly facts: (VerifiedSignature | RefusedEvidence)[];
  readonly byEntry: Map<SignerEntry, Held[]>;
}

function piecesOf({ rules, entries, digest, found, now }: Examinable): ReadonlyMap<string, Piece> {
  const pieces = new Map<string, Piece>();
  for (const entry of entries) {
    for (const { id } of entry.contexts) {
      for (const [name, fact] of named(found.byContext.get(id) ?? [])) {
        const piece: Piece = pieces.get(name) ?? { source: fact.source, facts: [], byEntry: new Map() };
        pieces.set(name, piece);
        piece.facts.push(fact);
        const held = piece.byEntry.get(entry) ?? [];
        // What cannot be read is shown so, also where it says that it is no signature.
        const unread = isRefused(fact) ? refusal(fact) : undefined;
        const isUnread = unread?.unverified !== undefined;
        piece.byEntry.set(entry, [
          ...held,
          isUnread ? { counts: false, violation: unread } : holdAgainst(entry, fact, digest, rules, now),
        ]);
      }
    }
  }
  return pieces;
}

/** Places need not have one piece each: the second of a place is another, in every context. */
function named<T extends { readonly source: string }>(
  facts: readonly T[],
): readonly (readonly [string, T])[] {
  const seen = new Map<string, number>();
  return facts.map((fact) => {
    const before = seen.get(fact.source) ?? 0;
    seen.set(fact.source, before + 1);
    return [`${before} ${fact.source}`, fact] as const;
  });
}

function explainPiece({ source, facts, byEntry }: Piece): EvidenceExplanation {
  const verified = facts.filter((fact): fact is VerifiedSignature => !isRefused(fact));
  const held = [...byEntry.values()].flat();
  // With several keys or roots it may verify more than once: what counted is what matters.
  const counted = held.find((each) => each.counts)?.signature ?? verified[0];
  return {
    source: field(source),
    content: counted?.content,
    proof: counted === undefined ? undefined : explainProof(counted),
    countsFor: [...byEntry]
      .filter(([, all]) => all.some(({ counts }) => counts))
      .map(([{ label }]) => field(label)),
    refusals: refusalsOf(source, byEntry),
  };
}

/** Evidence that could not even be read. */
function explainUnread(refused: RefusedEvidence): EvidenceExplanation {
  return explainRefused(refused.source, refusal(refused));
}

function explainRefused(source: string, violation: Violation): EvidenceExplanation {
  return {
    source: field(source),
    content: undefined,
    proof: undefined,
    countsFor: [],
    refusals: [{ ...told(source, violation), entries: [] }],
  };
}

/** Each reason once, with the entries that it holds for. */
function refusalsOf(source: string, byEntry: Piece['byEntry']): readonly RefusalExplanation[] {
  const refusals = new Map<string, RefusalExplanation>();
  for (const [{ label }, all] of byEntry) {
    if (all.some(({ counts }) => counts)) continue;
    const [nearest] = mostTelling(all.flatMap((each) => (each.counts ? [] : [each.violation])));
    if (nearest === undefined) continue;
    const reason = told(source, nearest);
    const key = `${reason.code} ${reason.detail}`;
    const entries = [...(refusals.get(key)?.entries ?? []), field(label)];
    refusals.set(key, { ...reason, entries });
  }
  return [...refusals.values()];
}

/** The place stands above it already. */
function told(source: string, { code, detail }: Violation): Violation {
  const place = `${source}: `;
  const at = detail.indexOf(place);
  return { code, detail: field(at === -1 ? detail : detail.slice(at + place.length)) };
}

function explainProof(signature: VerifiedSignature): ProofExplanation {
  const { signer, digests, log, timestamps, signatureNumber } = signature;
  const which = signatureNumber === undefined ? '' : `, signature ${signatureNumber} of the envelope`;
  return {
    signedBy: field(`${describeSigner(signature)}${which}`),
    signer,
    digests: digests.slice(0, MAX_DIGESTS),
    log: explainProofs(log, ({ logId, logIndex, integratedAt }) => ({
      logId,
      logIndex,
      integratedAt: integratedAt === undefined ? undefined : new Date(integratedAt).toISOString(),
    })),
    timestamps: explainProofs(timestamps, ({ authority, signedAt }) => ({
      authority,
      signedAt: new Date(signedAt).toISOString(),
    })),
  };
}

function explainProofs<T, E>(proofs: Proofs<T>, explain: (proof: T) => E): ProofsExplanation<E> {
  switch (proofs.state) {
    case 'absent':
      return { state: 'absent' };
    case 'invalid':
      return { state: 'invalid', code: proofs.code, detail: field(proofs.detail) };
    case 'valid':
      return { state: 'valid', proofs: proofs.proofs.map(explain) };
  }
}
