import type {
  EvidenceExplanation,
  ProofExplanation,
  ProofsExplanation,
  ProvenanceExplanation,
  RefusalExplanation,
} from '../../policy/explanation.ts';
import { strings } from '../strings.ts';
import type { TreeDraft } from './tree.ts';

const text = strings.explain;

/**
 * One piece of evidence: its proof, and what it counts for.
 * @param expectations whom each entry of `trustedKeys` expects, by its name
 */
export function evidenceDraft(
  { source, content, proof, countsFor, refusals }: EvidenceExplanation,
  expectations: ReadonlyMap<string, string>,
): TreeDraft {
  const counts = countsFor.length > 0;
  return {
    name: content === undefined ? text.evidence : contentOf(content),
    text: source,
    state: counts ? 'good' : 'bad',
    children: [
      proof === undefined ? { name: text.noProof, state: 'bad' } : proofDraft(proof),
      ...countsFor.map((entry) => ({ name: text.countsFor, text: entry, state: 'good' as const })),
      ...refusals.map((refusal) => ({
        ...refusalDraft(refusal, expectations),
        found: proof?.signedBy,
        // That it does not count for one is no fault of it when it counts for another.
        state: counts ? ('neutral' as const) : ('bad' as const),
      })),
    ],
  };
}

function contentOf(content: NonNullable<EvidenceExplanation['content']>): string {
  const name = text.content[content.kind];
  return content.kind === 'attestation' ? `${name} (${content.predicateType})` : name;
}

function proofDraft({ signedBy, signer, log, timestamps }: ProofExplanation): TreeDraft {
  return {
    name: text.proof,
    text: signedBy,
    state: 'good',
    children: [
      signerDraft(signer),
      proofsDraft(text.log, log, ({ logId, logIndex, integratedAt }) => ({
        name: `${logId.slice(0, 16)}… #${logIndex}`,
        time: integratedAt,
      })),
      proofsDraft(text.timestamps, timestamps, ({ authority, signedAt }) => ({
        name: authority,
        time: signedAt,
      })),
    ],
  };
}

function signerDraft(signer: ProofExplanation['signer']): TreeDraft {
  if (signer.kind === 'key') return { name: text.key, text: signer.fingerprint };
  const { issuer, names, extensions } = signer;
  return {
    name: text.signer,
    text: names.map(({ value }) => value).join(', '),
    children: [
      { name: text.issuer, text: issuer },
      ...Object.entries(extensions).map(([name, value]) => ({ name, text: value })),
    ],
    isClosed: true,
  };
}

function proofsDraft<T>(
  name: string,
  proofs: ProofsExplanation<T>,
  each: (proof: T) => TreeDraft,
): TreeDraft {
  const state = text.proofStates[proofs.state];
  switch (proofs.state) {
    case 'absent':
      return { name, text: state };
    case 'valid':
      return { name, text: state, state: 'good', children: proofs.proofs.map(each) };
    case 'invalid':
      return { name, text: proofs.detail, code: proofs.code, state: 'bad', expected: proofs.expected };
  }
}

function refusalDraft(
  { entries, code, detail, expected }: RefusalExplanation,
  expectations: ReadonlyMap<string, string>,
): TreeDraft {
  const known = entries.flatMap((entry) => expectations.get(entry) ?? []);
  return {
    name: entries.length === 0 ? text.refused : `${text.refused}: ${entries.join(', ')}`,
    text: detail,
    code,
    expected: expected ?? (known.length === 0 ? undefined : known.join('\n')),
  };
}

const KINDS = { provenance: text.provenance, summary: text.summary, unreadable: text.unreadable } as const;

export function provenanceDraft(provenance: ProvenanceExplanation): TreeDraft {
  const { kind, evidence, counts, level, builder, source, ref, signedBy, signedAt, reasons } = provenance;
  return {
    name: KINDS[kind],
    text: evidence,
    state: counts ? 'good' : 'bad',
    children: [
      { name: text.level, text: String(level) },
      builder === undefined ? undefined : { name: text.builder, text: builder },
      source === undefined
        ? undefined
        : { name: text.source, text: ref === undefined ? source : `${source} @ ${ref}` },
      { name: text.signer, text: signedBy, time: signedAt },
      ...reasons.map(({ code, detail }) => ({
        name: text.refused,
        text: detail,
        code,
        state: 'bad' as const,
      })),
    ],
  };
}
