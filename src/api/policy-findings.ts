import { Refusal } from '../errors.ts';
import { adviseOn, type Circumstances } from './advice.ts';
import { inspectResource } from './resource.ts';
import type { Problem, Resource } from './resources.ts';

/** What is wrong with a document of ours, and what is only worth a word. */
export interface PolicyFindings {
  readonly problems: readonly Problem[];
  /** Each within `LIMITS.warningChars`. */
  readonly warnings: readonly string[];
}

/** For `POST /validate-policy`: at apply time a broken entry is refused like a broken policy. Never throws. */
export function validatePolicyDocument(document: unknown, circumstances: Circumstances): PolicyFindings {
  const { resource, problems } = inspected(document);
  return { problems, warnings: resource === undefined ? [] : adviseOn(resource, circumstances) };
}

/** The problems alone. Never throws. */
export function problemsOfDocument(document: unknown): readonly Problem[] {
  return inspected(document).problems;
}

function inspected(document: unknown): {
  readonly resource: Resource | undefined;
  readonly problems: readonly Problem[];
} {
  try {
    return inspectResource(document);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { resource: undefined, problems: [{ field: 'metadata', message: error.message }] };
  }
}
