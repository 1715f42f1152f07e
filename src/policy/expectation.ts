import { describeExpectation } from './signature-rule.ts';
import type { CompiledPolicy } from './snapshot.ts';
import type { Outcome } from './verdict.ts';

/** What the policy would have accepted in place of what the outcome is about, for people; undefined where there is nothing to say. */
export function expectationOf({ policy, entries }: CompiledPolicy, outcome: Outcome): string | undefined {
  const [first] = outcome.kind === 'violated' ? outcome.violations : [];
  if (first?.about !== undefined) return first.expected;
  const { rules } = policy;
  if (rules?.requireSignature !== true || entries.usable.length === 0) return undefined;
  return describeExpectation(rules, entries);
}
