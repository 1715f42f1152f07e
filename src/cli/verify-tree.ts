import type {
  EvidenceExplanation,
  Explanation,
  PolicyExplanation,
  ProofExplanation,
  ProofsExplanation,
  ReasonExplanation,
  SubjectExplanation,
  VerdictKind,
} from '../policy/explanation.ts';
import { describePolicy, field } from '../policy/message.ts';
import { leaf, lines, type Node, type Paint } from './tree.ts';
import { provenanceNode } from './verify-provenance-tree.ts';

/** Image → digest → policy → evidence → proof → entry → verdict, for people. Nothing in it can move a terminal's cursor. */
export function renderTree(explanations: readonly Explanation[], paint: Paint): string {
  return explanations.map((each) => lines(imageNode(each, paint), paint).join('\n') + '\n').join('\n');
}

function imageNode(explanation: Explanation, paint: Paint): Node {
  const { image, digest, policies } = explanation;
  const tagged = digest !== undefined && !image.includes('@') ? ' (what the tag names now)' : '';
  return {
    text: paint('bold', field(image)),
    children: [
      leaf(`digest ${digest === undefined ? 'not known' : `${field(digest)}${tagged}`}`),
      ...policies.map((policy) => policyNode(policy, paint)),
    ],
  };
}

function policyNode(explanation: PolicyExplanation, paint: Paint): Node {
  const { policy, mode, subjects, trustedKeys } = explanation;
  const evidence = subjects.flatMap((subject) => subjectNodes(subject, paint));
  const missing = trustedKeys.filter(({ state }) => state !== 'usable');
  return {
    text: policy === undefined ? 'no policy' : `${describePolicy(policy)} (${mode})`,
    children: [
      ...evidence,
      ...missing.map(({ entry, state, detail }) => leaf(paint('yellow', `${entry} is ${state}: ${detail}`))),
      verdictNode(explanation, paint),
    ],
  };
}

function subjectNodes(subject: SubjectExplanation, paint: Paint): readonly Node[] {
  const { role, digest, platform, evidence, provenance = [], faults } = subject;
  const nodes = [
    ...evidence.map((each) => evidenceNode(each, paint)),
    ...provenance.map((each) => provenanceNode(each, paint)),
    ...faults.map(({ code, detail }) => leaf(paint('yellow', `? ${detail} [${code}]`))),
  ];
  const found = nodes.length === 0 ? [leaf('nothing was found')] : nodes;
  if (role === 'image') return found;
  return [
    { text: `${role === 'index' ? 'index' : `platform ${platform}`} ${field(digest)}`, children: found },
  ];
}

function evidenceNode(evidence: EvidenceExplanation, paint: Paint): Node {
  const { source, proof, countsFor, refusals } = evidence;
  const refused = refusals.map(({ entries, code, detail }) => {
    const whom = entries.length === 0 ? '' : `not for ${entries.join(', ')}: `;
    return leaf(paint('red', `✘ ${whom}${detail} [${code}]`));
  });
  return {
    text: `${source}${kindOf(evidence)}`,
    children: [
      ...(proof === undefined ? [] : proofNodes(proof)),
      // Where it counts, whom it does not count for as well is no news.
      ...(countsFor.length > 0 ? [leaf(paint('green', `✔ counts for ${countsFor.join(', ')}`))] : refused),
    ],
  };
}

function kindOf({ content, refusals }: EvidenceExplanation): string {
  // What it is, only its own words say.
  if (content === undefined)
    return refusals.every(({ entries }) => entries.length === 0) ? ': not verified' : '';
  return content.kind === 'signature'
    ? `: signature (${content.form})`
    : `: attestation of type ${field(content.predicateType)}`;
}

function proofNodes({ signedBy, log, timestamps }: ProofExplanation): readonly Node[] {
  return [
    leaf(`signed by ${signedBy}`),
    ...proofsNodes(log, 'log', ({ logId, logIndex, integratedAt }) => {
      const time = integratedAt === undefined ? '' : `, ${integratedAt}`;
      return `entry ${field(logIndex)} of ${field(logId)}${time}`;
    }),
    ...proofsNodes(
      timestamps,
      'timestamp',
      ({ signedAt, authority }) => `${signedAt} by ${field(authority)}`,
    ),
  ];
}

function proofsNodes<T>(
  proofs: ProofsExplanation<T>,
  name: string,
  text: (proof: T) => string,
): readonly Node[] {
  switch (proofs.state) {
    case 'absent':
      return [];
    case 'invalid':
      return [leaf(`${name} ✘ ${proofs.detail} [${proofs.code}]`)];
    case 'valid':
      return proofs.proofs.map((proof) => leaf(`${name} ${text(proof)}`));
  }
}

const MARKS: Readonly<Record<VerdictKind, readonly ['green' | 'red' | 'yellow', string]>> = {
  verified: ['green', '✔'],
  violated: ['red', '✘'],
  faulted: ['yellow', '?'],
};

function verdictNode(explanation: PolicyExplanation, paint: Paint): Node {
  const { verdict, headline, signers, reasons, warnings, expected, next, exception } = explanation;
  const [colour, mark] = MARKS[verdict];
  const [first] = reasons;
  return {
    text: paint(colour, `${mark} ${headline}${first === undefined ? '' : ` [${first.code}]`}`),
    children: [
      ...signers.map(({ entry, identity, signedAt }) =>
        leaf(`signed by ${identity}${signedAt === undefined ? '' : ` at ${signedAt}`} [${entry}]`),
      ),
      ...untold(explanation).map(({ code, detail }) => leaf(`found: ${detail} [${code}]`)),
      ...warnings.map((warning) => leaf(`warning: ${warning}`)),
      ...(exception === undefined
        ? []
        : [
            leaf(
              `admitted all the same by SigningException "${exception.name}" until ${exception.expiresAt}`,
            ),
          ]),
      ...(expected === undefined || verdict === 'verified' ? [] : [leaf(`expected: ${expected}`)]),
      ...(next === undefined ? [] : [leaf(`next: ${next}`)]),
    ],
  };
}

/** Reasons that do not stand under a piece of evidence already. */
function untold({ reasons, subjects }: PolicyExplanation): readonly ReasonExplanation[] {
  const told = subjects.flatMap(({ evidence, provenance = [], faults }) => [
    ...evidence.flatMap(({ refusals }) => refusals),
    ...provenance.flatMap((each) => each.reasons),
    ...faults,
  ]);
  return reasons.filter(
    ({ code, detail }) => !told.some((each) => each.code === code && detail.endsWith(each.detail)),
  );
}
