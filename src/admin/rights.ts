import type { AccessQuestion, Caller } from './caller.ts';
import { ApiProblem } from './problem.ts';

/** Whoever asks. @throws ApiProblem UNAUTHENTICATED */
export function callerOf(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new ApiProblem('UNAUTHENTICATED', 'Sign in first.');
  return caller;
}

/** @throws ApiProblem FORBIDDEN, with the right that is missing in its words */
export async function requireRight(caller: Caller, question: AccessQuestion): Promise<void> {
  if (await caller.may(question)) return;
  const { verb, resource, namespace } = question;
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
  throw new ApiProblem('FORBIDDEN', `This needs the right to ${verb} ${resource} ${where}.`);
}

/** The right in the whole cluster, or else in the one namespace that is asked about. @throws ApiProblem FORBIDDEN */
export async function requireRightSomewhere(
  caller: Caller,
  question: Omit<AccessQuestion, 'namespace'>,
  namespace: string | undefined,
): Promise<void> {
  if (await caller.may(question)) return;
  if (namespace !== undefined) return requireRight(caller, { ...question, namespace });
  const { verb, resource } = question;
  throw new ApiProblem(
    'FORBIDDEN',
    `This needs the right to ${verb} ${resource} in the whole cluster; who has it in a namespace gives that namespace.`,
  );
}
