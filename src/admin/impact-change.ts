import { inspectResource } from '../api/resource.ts';
import type { Inspection } from '../api/envelope.ts';
import type { Resource } from '../api/resources.ts';
import { Refusal } from '../errors.ts';
import { ApiProblem } from './problem.ts';
import type { ImpactQuestion } from './schemas/impact.ts';

/** A document by its kind and name. */
interface Named {
  readonly kind: Resource['kind'];
  readonly namespace?: string | undefined;
  readonly name: string;
}

type Change = ImpactQuestion['change'];

/** Which document a change is about; undefined = there is none. @throws ApiProblem INVALID for one that cannot be used */
export function subjectOfChange(change: Change): Named | undefined {
  if ('put' in change) return inspected(change.put);
  return 'remove' in change ? change.remove : undefined;
}

/** All documents as they would be after the change; undefined = as they are. @throws ApiProblem INVALID */
export function changedResources(
  resources: readonly Resource[],
  change: Change,
): readonly Resource[] | undefined {
  const subject = subjectOfChange(change);
  if (subject === undefined) return undefined;
  const others = resources.filter((each) => keyOf(each) !== keyOf(subject));
  if ('put' in change) return [...others, inspected(change.put)];
  if (others.length === resources.length) {
    const message = 'names nothing that is in force';
    throw new ApiProblem('INVALID', 'There is nothing to remove.', {
      errors: [{ field: 'change.remove.name', message }],
    });
  }
  return others;
}

function inspected(document: unknown): Resource {
  let inspection: Inspection;
  try {
    inspection = inspectResource(document);
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
