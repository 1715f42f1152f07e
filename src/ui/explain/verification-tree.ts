import type { VerificationEntry } from '../../admin/schemas/history.ts';
import { strings } from '../strings.ts';
import { treeOf, type TreeDraft, type TreeNode } from './tree.ts';

const text = strings.explain;

const STATES = { verified: 'good', violated: 'bad', faulted: 'unknown' } as const;

/** The tree of why as far as a row of the history tells it. */
export function verificationTree(row: VerificationEntry): TreeNode {
  const { image, digest, policy, mode, verdict, decision } = row;
  return treeOf({
    name: text.image,
    text: image,
    state: STATES[verdict],
    children: [
      {
        name: text.digest,
        text: digest ?? text.noDigest,
        state: digest === undefined ? 'unknown' : 'neutral',
        children: [
          {
            name: `${text.policy} (${mode})`,
            text: policy,
            state: STATES[verdict],
            children: [...reasonDrafts(row), signatureDraft(row), provenanceDraft(row), exceptionDraft(row)],
          },
        ],
      },
      {
        name: text.decision,
        text: strings.decisions[decision],
        state: decision === 'admitted' ? 'good' : 'bad',
      },
    ],
  });
}

function reasonDrafts({ error, code, codes, verdict }: VerificationEntry): readonly TreeDraft[] {
  const others = codes.filter((other) => other !== code);
  return [
    ...(error === undefined && code === undefined
      ? []
      : [{ name: text.reasons, text: error, code, state: STATES[verdict] }]),
    ...others.map((other) => ({ name: text.reasons, code: other, state: STATES[verdict] })),
  ];
}

function signatureDraft(row: VerificationEntry): TreeDraft | undefined {
  const { signatureFound, signatureValid, signerEntry, signerIdentity, signerIssuer, signedAt } = row;
  if (signatureFound === undefined) return undefined;
  if (!signatureFound) return { name: text.signature, text: text.signatureMissing, state: 'bad' };
  return {
    name: text.signature,
    text: signatureValid === false ? text.signatureInvalid : text.signatureFound,
    state: signatureValid === undefined ? 'neutral' : signatureValid ? 'good' : 'bad',
    children: [
      signerEntry === undefined ? undefined : { name: text.countsFor, text: signerEntry, state: 'good' },
      signerIdentity === undefined
        ? undefined
        : {
            name: text.signer,
            text: signerIdentity,
            time: signedAt,
            children: [signerIssuer === undefined ? undefined : { name: text.issuer, text: signerIssuer }],
          },
    ],
  };
}

function provenanceDraft({ slsaLevel, slsaBuilder }: VerificationEntry): TreeDraft | undefined {
  if (slsaLevel === undefined) return undefined;
  return {
    name: text.provenance,
    text: strings.overview.level(slsaLevel),
    children: [slsaBuilder === undefined ? undefined : { name: text.builder, text: slsaBuilder }],
  };
}

function exceptionDraft({ exception }: VerificationEntry): TreeDraft | undefined {
  return exception === undefined ? undefined : { name: text.exception, text: exception, state: 'unknown' };
}
