import type { Inspection } from '../api/envelope.ts';
import type { Resource } from '../api/resources.ts';
import { Refusal } from '../errors.ts';
import type { Inspections } from './inspections.ts';
import { ApiProblem } from './problem.ts';
import type { ImpactQuestion } from './schemas/impact.ts';

/** A document by its kind and name. */
interface Named {
  readonly kind: Resource['kind'];
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** A change that is only thought of, read. */
export type ThoughtOf =
  | { readonly kind: 'put'; readonly resource: Resource }
  | { readonly kind: 'remove'; readonly named: Named }
  | { readonly kind: 'none' };

/** @throws ApiProblem INVALID for a document that cannot be used */
export async function readChange(
  change: ImpactQuestion['change'],
  inspections: Inspections,
  signal: AbortSignal,
): Promise<ThoughtOf> {
  if ('put' in change) return { kind: 'put', resource: await inspected(change.put, inspections, signal) };
  return 'remove' in change ? { kind: 'remove', named: change.remove } : { kind: 'none' };
}

/** Which document a change is about; undefined = there is none. */
export function subjectOfChange(change: ThoughtOf): Named | undefined {
  switch (change.kind) {
    case 'put':
      return change.resource;
    case 'remove':
      return change.named;
    case 'none':
      return undefined;
  }
}

/** All documents as they would be after the change; undefined = as they are. @throws ApiProblem INVALID */
export function changedResources(
  resources: readonly Resource[],
  change: ThoughtOf,
): readonly Resource[] | undefined {
  const subject = subjectOfChange(change);
  if (subject === undefined) return undefined;
  const others = resources.filter((each) => keyOf(each) !== keyOf(subject));
  if (change.kind === 'put') return [...others, change.resource];
  if (others.length === resources.length) {
    const message = 'names nothing that is in force';
    throw new ApiProblem('INVALID', 'There is nothing to remove.', {
      errors: [{ field: 'change.remove.name', message }],
    });
  }
  return others;
}

async function inspected(
  document: unknown,
  inspections: Inspections,
  signal: AbortSignal,
): Promise<Resource> {
  let inspection: Inspection;
  try {
    inspection = await inspections.read(document, signal);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw invalid([{ field: 'change.put', message: error.message }]);
  }
  if (inspection.problems.length > 0) throw invalid(inspection.problems);
  return inspection.resource;
}

function invalid(errors: readonly { readonly field: string; readonly message: string }[]): ApiProblem {
  const shown = errors.slice(0, 100).map(({ field, message }) => ({ field, message }));
  return new ApiProblem('INVALID', 'The document cannot be used. See errors.', { errors: shown });
}

function keyOf(resource: Named | Resource): string {
  const namespace = 'namespace' in resource ? resource.namespace : undefined;
  return JSON.stringify([resource.kind, namespace, resource.name]);
}
