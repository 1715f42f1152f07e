import { Refusal } from '../errors.ts';
import { adviseOn } from './advice.ts';
import { inspectResource } from './resource.ts';
import type { Problem } from './resources.ts';

/** What is wrong with a document of ours, and what is only worth a word. */
export interface PolicyFindings {
  readonly problems: readonly Problem[];
  /** Each within `LIMITS.warningChars`. */
  readonly warnings: readonly string[];
}

/** For `POST /validate-policy`: at apply time a broken entry is refused like a broken policy. Never throws. */
export function validatePolicyDocument(document: unknown): PolicyFindings {
  try {
    const { resource, problems } = inspectResource(document);
    return { problems, warnings: adviseOn(resource) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { problems: [{ field: 'metadata', message: error.message }], warnings: [] };
  }
}
