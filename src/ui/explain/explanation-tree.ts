import type {
  EntryExplanation,
  Explanation,
  PolicyExplanation,
  SubjectExplanation,
} from '../../policy/explanation.ts';
import { strings } from '../strings.ts';
import { evidenceDraft, provenanceDraft } from './evidence-tree.ts';
import { treeOf, type TreeDraft, type TreeNode } from './tree.ts';

const text = strings.explain;

const STATES = { verified: 'good', violated: 'bad', faulted: 'unknown' } as const;

/** image → digest → policy → evidence → proof → signer → check. */
export function explanationTree({ image, digest, verdict, policies }: Explanation): TreeNode {
  return treeOf({
    name: text.image,
    text: image,
    state: STATES[verdict],
    children: [
      {
        name: text.digest,
        text: digest ?? text.noDigest,
        state: digest === undefined ? 'unknown' : STATES[verdict],
        children: policies.map(policyDraft),
      },
    ],
  });
}

function policyDraft(explanation: PolicyExplanation): TreeDraft {
  const { policy, mode, verdict, headline, reasons, exception, expected, next, trustedKeys, subjects } =
    explanation;
  const expectations = new Map(trustedKeys.map(({ entry, detail }) => [entry, detail]));
  return {
    name: policy === undefined ? text.noPolicy : `${text.policy} (${mode})`,
    text: policy === undefined ? undefined : nameOf(policy),
    state: STATES[verdict],
    children: [
      ...(verdict === 'verified' ? [] : [{ name: headline, state: STATES[verdict] }]),
      ...reasons.map(({ code, detail }) => ({
        name: text.reasons,
        text: detail,
        code,
        state: STATES[verdict],
      })),
      exception && {
        name: text.exception,
        text: exception.name,
        time: exception.expiresAt,
        state: 'unknown' as const,
      },
      expected === undefined ? undefined : { name: text.expected, text: expected },
      next === undefined ? undefined : { name: text.next, text: next },
      trustedKeys.length === 0 ? undefined : entriesDraft(trustedKeys),
      ...subjects.flatMap((subject) =>
        isOnlyImage(subject, subjects)
          ? insideOf(subject, expectations)
          : [subjectDraft(subject, expectations)],
      ),
    ],
  };
}

function nameOf({ kind, namespace, name }: NonNullable<PolicyExplanation['policy']>): string {
  return namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
}

const ENTRY_STATES = { usable: 'neutral', unavailable: 'unknown', unusable: 'bad' } as const;

function entriesDraft(entries: readonly EntryExplanation[]): TreeDraft {
  return {
    name: text.entries,
    text: String(entries.length),
    isClosed: true,
    children: entries.map(({ entry, state, detail }) => ({
      name: entry,
      text: detail,
      state: ENTRY_STATES[state],
    })),
  };
}

/** The image itself needs no branch of its own where there is nothing beside it. */
function isOnlyImage({ role }: SubjectExplanation, all: readonly SubjectExplanation[]): boolean {
  return role === 'image' && all.length === 1;
}

function subjectDraft(subject: SubjectExplanation, expectations: ReadonlyMap<string, string>): TreeDraft {
  const { role, digest, platform } = subject;
  return {
    name: text.subject[role],
    text: platform === undefined ? digest : `${platform} ${digest}`,
    children: insideOf(subject, expectations),
  };
}

function insideOf(
  { evidence, provenance = [], faults }: SubjectExplanation,
  expectations: ReadonlyMap<string, string>,
): readonly TreeDraft[] {
  return [
    ...(evidence.length === 0
      ? [{ name: text.noEvidence, state: 'bad' as const }]
      : evidence.map((each) => evidenceDraft(each, expectations))),
    ...provenance.map(provenanceDraft),
    ...faults.map(({ code, detail }) => ({
      name: text.fault,
      text: detail,
      code,
      state: 'unknown' as const,
    })),
  ];
}
