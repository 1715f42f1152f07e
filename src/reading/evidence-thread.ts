/**
 * Runs in a thread of its own: a statement of 32 MB takes more than a second to verify and to read. What it does with one is what the
 * deciding thread does with a small one, by the same functions.
 */
import { readAnswer } from '../admission/statement-answer.ts';
import { parseCondition, type Condition } from '../api/condition.ts';
import { asError } from '../errors.ts';
import { heldEvidence, type Evidence } from '../sigstore/evidence.ts';
import { contentHash } from '../sigstore/read-evidence.ts';
import { verifyEvidence } from '../sigstore/verify.ts';
import type { AnswerResult, AnswerTask, Failed, Task, VerifyResult, VerifyTask } from './messages.ts';
import { ReceivedContexts } from './sent-context.ts';

const contexts = new ReceivedContexts();
/** What was verified last: its statement may be asked about next. */
let last: { readonly hash: string; readonly evidence: Evidence } | undefined;

/** By the name that `evidence-pool.ts` gives. */
export function run(task: Task): VerifyResult | AnswerResult {
  try {
    return task.kind === 'verify' ? verify(task) : answer(task);
  } catch (error) {
    return failed(error);
  }
}

function verify(task: VerifyTask): VerifyResult {
  // Before the next is read: there is memory for one.
  last = undefined;
  const evidence = heldEvidence(task.evidence, task.bytes);
  const facts = task.contexts.map((context) => verifyEvidence(evidence, contexts.of(context)));
  last = { hash: contentHash(task.evidence), evidence };
  return { facts };
}

function answer({ evidence, slsa, conditions }: AnswerTask): AnswerResult {
  if (last?.hash !== contentHash(evidence)) return { failure: 'the evidence is not there any more' };
  return { answer: readAnswer(last.evidence, { slsa, conditions: conditions.map(compiled) }) };
}

/** It was compiled when the policy was read. */
function compiled({ source, message }: AnswerTask['conditions'][number]): Condition {
  return parseCondition(source, message);
}

function failed(error: unknown): Failed {
  return { failure: asError(error).message };
}
